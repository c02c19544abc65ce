"""A request for numbers makes one block, however and whenever its answer was lost; and a phone says what it still holds."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import NoNetwork, NumbersRefused
from app.core.clock import standing_at, utc_now
from app.jobs.housekeeping import remove_old_answers
from tests.clients.conftest import (
    Carried,
    Fault,
    Forward,
    cut_before,
    friendly_portal,
    lose_answer,
    portal,
    problem,
)

PICTURE = b"\xff\xd8\xff\xe0 a picture"


def blocks(carried: Carried) -> list[dict[str, Any]]:
    """What the service has reserved for the phone, oldest first."""

    async def find(session: AsyncSession) -> list[dict[str, Any]]:
        wanted = text(
            "SELECT id::text, word, first, last FROM number_blocks WHERE device_id = :id ORDER BY id"
        )
        found = await session.execute(wanted, {"id": carried.phone.device.device_id})
        return [dict(row) for row in found.mappings()]

    return list(carried.world.in_database(find))


def forget_answers(carried: Carried) -> None:
    """A day and more goes by at the service."""

    async def forget(session: AsyncSession) -> None:
        with standing_at(utc_now() + timedelta(hours=25)):
            await remove_old_answers(session)

    carried.world.in_database(forget)


def held(carried: Carried) -> list[str]:
    return [block["id"] for block in carried.phone.outbox.number_blocks()]


def test_a_block_is_kept_on_the_phone_before_a_number_of_it_is_printed(carried: Carried) -> None:
    first, second = carried.phone.reserve_numbers("责改", 5), carried.phone.reserve_numbers("检记", 2)
    assert (first["last"] - first["first"], second["last"] - second["first"]) == (4, 1)
    carried.phone.close()
    carried.open()
    assert held(carried) == [first["id"], second["id"]] == [block["id"] for block in blocks(carried)]


@pytest.mark.parametrize("days_away", [0, 3])
@pytest.mark.parametrize("fault", [cut_before, lose_answer, portal, friendly_portal])
def test_a_request_whose_answer_is_lost_makes_one_block_however_long_the_phone_was_away(
    carried: Carried, fault: Fault, days_away: int
) -> None:
    before = carried.phone.reserve_numbers("责改", 1)
    carried.network.suffer("POST /mobile/v1/numbers/blocks", fault)
    with pytest.raises(NoNetwork):
        carried.phone.reserve_numbers("责改", 5)
    carried.phone.close()
    carried.open()
    if days_away:
        forget_answers(carried)
    block = carried.phone.reserve_numbers("责改", 5)
    assert [one["id"] for one in blocks(carried)] == [before["id"], block["id"]] == held(carried)
    another = carried.phone.reserve_numbers("责改", 5)
    assert another["first"] == block["last"] + 1


@pytest.mark.parametrize("since", [{"status": "voided"}, {"expires_on": "2020-12-31"}])
def test_a_block_that_is_found_again_voided_or_expired_is_kept_and_another_is_reserved(
    carried: Carried, since: dict[str, str]
) -> None:
    def tell(request: httpx.Request, forward: Forward) -> httpx.Response:
        answer = forward(request)
        page = answer.json()
        page["items"][0] |= since
        return httpx.Response(200, json=page, headers={"date": answer.headers["date"]}, request=request)

    carried.network.suffer("POST /mobile/v1/numbers/blocks", lose_answer)
    with pytest.raises(NoNetwork):
        carried.phone.reserve_numbers("责改", 5)
    carried.network.suffer("GET /mobile/v1/numbers/blocks", tell)
    block = carried.phone.reserve_numbers("责改", 5)
    assert (block["first"], block["last"], block["status"]) == (6, 10, "open")
    lost, _ = carried.phone.outbox.number_blocks()
    assert since.items() <= lost.items()
    assert held(carried) == [one["id"] for one in blocks(carried)] == [lost["id"], block["id"]]


def test_a_request_that_was_begun_is_finished_before_another_is(carried: Carried) -> None:
    carried.network.suffer("POST /mobile/v1/numbers/blocks", lose_answer)
    with pytest.raises(NoNetwork):
        carried.phone.reserve_numbers("责改", 5)
    assert carried.phone.reserve_numbers("检记", 2)["word"] == "检记"
    assert [block["word"] for block in blocks(carried)] == ["责改", "检记"]
    assert held(carried) == [block["id"] for block in blocks(carried)]


def test_what_is_refused_for_good_is_not_asked_again_and_what_waits_is(carried: Carried) -> None:
    refused = problem(409, "too_many_unused_numbers", "manual")
    for fault, code in (
        (refused, "too_many_unused_numbers"),
        (problem(409, "request_in_flight", "after"), "request_in_flight"),
    ):
        carried.network.suffer("POST /mobile/v1/numbers/blocks", fault)
        with pytest.raises(NumbersRefused, match=code):
            carried.phone.reserve_numbers("责改", 100)
    assert carried.phone.reserve_numbers("责改", 3)["last"] == 103
    assert [(block["first"], block["last"]) for block in blocks(carried)] == [(1, 100), (101, 103)]


def test_a_supervisor_sees_what_the_phone_still_holds(carried: Carried) -> None:
    item, files = carried.seal(PICTURE + b"1", PICTURE + b"2")
    assert carried.phone.state_outbox() is True

    async def find(session: AsyncSession) -> Any:
        wanted = text("SELECT packages, files, bytes, oldest_at FROM device_outboxes WHERE device_id = :id")
        return (await session.execute(wanted, {"id": carried.phone.device.device_id})).one()

    told = carried.world.in_database(find)
    assert told[:3] == (1, 2, len(item.sealed) + sum(file.size for file in files))
    assert told.oldest_at == min(datetime.fromisoformat(file.captured_at) for file in files)
    carried.phone.synchronize()
    carried.phone.state_outbox()
    assert carried.world.in_database(find) == (0, 0, 0, None)
