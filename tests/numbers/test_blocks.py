"""Number blocks: a number is issued once, to one phone, under any concurrency; what a phone used on site stands, flagged."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device, sha256_of
from app.core.clock import SHANGHAI, shanghai_today, standing_at, utc_now
from app.core.ids import new_id
from app.enums.numbers import DocumentWord, NumberIssue
from app.schemas.numbers import BlockRequest
from app.services.numbers.reserving import MAX_UNUSED, reserve_block
from app.services.organizations.numbering import skip_numbers, take_number
from tests.factories.field import Field
from tests.factories.sending import Sending, codes
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries
from tests.sync.test_push import push

BLOCKS = "/numbers/blocks"
CONSOLE = "/api/v1/numbers"
PRINTED = sha256_of("责令限期整改指令书".encode())
YEAR = shanghai_today().year


@pytest.fixture
def sending(world: World) -> Sending:
    return Sending(world)


@pytest.fixture
def desk(world: World) -> Person:
    return world.person("administrator")


def reserve(phone: Device, key: str | None = None, **changes: Any) -> Any:
    body = {"word": "责改", "count": 5, **changes}
    headers = {"Idempotency-Key": key or new_id().hex}
    return phone.request("POST", BLOCKS, json=body, headers=headers)


def block(phone: Device, **changes: Any) -> dict[str, Any]:
    answer = reserve(phone, **changes)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def printed(block: dict[str, Any], number: int | None = None, **changes: Any) -> dict[str, Any]:
    """A document as a phone lists it; the block's first number unless told."""
    return {
        "word": block["word"],
        "year": block["year"],
        "number": number or block["first"],
        "block_id": block["id"],
        "printed_hash": PRINTED,
        "printed_at": utc_now().isoformat(),
        **changes,
    }


def flags(answer: Any) -> set[str]:
    return codes(answer) & {one.value for one in NumberIssue}


def shown(desk: Person, block: dict[str, Any]) -> dict[str, Any]:
    answer = desk.get(f"{CONSOLE}/blocks/{block['id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


# --- reserving


def test_blocks_of_one_series_follow_one_another_and_series_of_their_own_begin_at_one(
    sending: Sending,
) -> None:
    first, second = block(sending.phone), block(sending.phone, count=3)
    other = block(sending.phone, word="检记")
    assert [(one["first"], one["last"]) for one in (first, second, other)] == [(1, 5), (6, 8), (1, 5)]
    assert (first["series_word"], first["year"]) == ("安应急责改", YEAR)
    assert first["expires_on"] == min(shanghai_today() + timedelta(days=90), other_years_end()).isoformat()


def other_years_end() -> Any:
    return shanghai_today().replace(month=12, day=31)


def test_reserving_again_with_the_same_key_gives_the_same_block(sending: Sending) -> None:
    key = new_id().hex
    answers = [reserve(sending.phone, key) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert block(sending.phone)["first"] == 6
    assert reserve(sending.phone, key, count=6).json()["code"] == "idempotency_key_reused"
    missing = sending.phone.request("POST", BLOCKS, json={"word": "责改", "count": 1})
    assert missing.json()["code"] == "idempotency_key_required"


@pytest.mark.parametrize(
    "changes",
    [{"count": 0}, {"count": 101}, {"word": "立"}, {"word": "患"}, {"word": ""}, {"year": 1}, {"more": 1}],
)
def test_only_so_many_numbers_of_documents_printed_on_site_are_reserved(
    sending: Sending, changes: dict[str, Any]
) -> None:
    assert reserve(sending.phone, **changes).status_code == 422


def test_numbers_are_for_this_year_and_from_december_for_the_next(sending: Sending) -> None:
    assert reserve(sending.phone, year=YEAR - 1).json()["code"] == "number_year"
    with standing_at(datetime(YEAR, 11, 30, 15, tzinfo=UTC)):
        sending.phone.access_token = sending.world.logged_in(
            sending.team[0].user_id, sending.phone.device_id
        ).token
        assert reserve(sending.phone, year=YEAR + 1).json()["code"] == "number_year"
    with standing_at(datetime(YEAR, 11, 30, 17, tzinfo=UTC)):  # it is December in Shanghai
        sending.phone.access_token = sending.world.logged_in(
            sending.team[0].user_id, sending.phone.device_id
        ).token
        ahead = block(sending.phone, year=YEAR + 1)
        assert (ahead["year"], ahead["first"]) == (YEAR + 1, 1)


def test_a_phone_holds_a_bounded_number_of_unused_numbers_and_none_is_lost_by_a_refusal(
    sending: Sending, desk: Person
) -> None:
    held = [block(sending.phone, count=100) for _ in range(MAX_UNUSED // 100)]
    refused = reserve(sending.phone, count=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_unused_numbers")
    assert sending.put(documents=[printed(held[0])]).status_code == 201
    assert block(sending.phone, count=1)["first"] == MAX_UNUSED + 1
    voided = desk.post(f"{CONSOLE}/blocks/{held[1]['id']}/voiding", json={"reason": "终端更换"}, version=1)
    assert voided.status_code == 200, voided.text
    assert block(sending.phone, count=100)["first"] == MAX_UNUSED + 2


def test_numbers_are_reserved_in_the_name_of_the_own_authority_or_the_one_that_entrusted_it(
    world: World, sending: Sending, desk: Person
) -> None:
    word = f"他应急{new_id().hex[-8:]}"
    body = {"code": new_id().hex[-20:], "name": "他局", "document_word": word, "valid_from": "2020-01-01"}
    other = desk.post("/api/v1/authorities", json={**body, "region_id": str(world.city)}).json()
    assert reserve(sending.phone, authority_id=other["id"]).status_code == 404
    assert reserve(sending.phone, authority_id=str(new_id())).status_code == 404
    entrusted = {"entrusted_by": other["id"], "basis": "委托书", "valid_from": "2020-01-01"}
    own = desk.get(f"/api/v1/authorities/{world.authority}").json()
    path = f"/api/v1/authorities/{world.authority}/entrustments"
    assert desk.post(path, json=entrusted, version=own["version"]).status_code == 201
    assert block(sending.phone, authority_id=other["id"])["series_word"] == f"{other['document_word']}责改"


def test_an_assistant_and_a_browser_reserve_nothing(world: World, sending: Sending) -> None:
    walker = world.person("safety_assistant", region=world.town)
    assert reserve(sending.field.phone(walker.user_id)).status_code == 403
    officer = sending.team[0]
    refused = officer.post("/mobile/v1/numbers/blocks", json={"word": "责改", "count": 1})
    assert refused.json()["code"] == "device_required"
    assert officer.get("/mobile/v1/numbers/blocks").json()["code"] == "device_required"


def test_no_number_is_issued_twice_however_many_ask_at_once(world: World, sending: Sending) -> None:
    """Phones over HTTP, and the desk's own numbers of the same series, all at the same instant."""
    phones = [sending.phone, *(sending.field.phone(one.user_id) for one in sending.team)]
    everybody = threading.Barrier(12)

    def ask(place: int) -> list[int]:
        everybody.wait()
        if place % 4 == 3:
            number: str = world.in_database(
                lambda session: take_number(session, world.authority, "责改", YEAR)
            )
            return [int(number.partition("〕")[2].removesuffix("号"))]
        got = block(phones[place % 3], count=place % 5 + 1)
        return list(range(got["first"], got["last"] + 1))

    with ThreadPoolExecutor(12) as pool:
        issued = [number for some in pool.map(ask, range(12)) for number in some]
    assert sorted(issued) == list(range(1, len(issued) + 1))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["责改", "检记"]),
        st.sampled_from([YEAR]),
        st.integers(1, 4),
        st.sampled_from(["keep", "undo", "single"]),
    ),
    min_size=2,
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=15)
def test_whatever_is_undone_beside_it_every_series_stays_without_gap_and_double(
    world: World, sending: Sending, steps: list[tuple[str, int, int, str]]
) -> None:
    """Reservations that fail give their numbers back, those that succeed keep them; on connections of their own, at once."""
    actor_of = _actor(world, sending)

    def run(step: tuple[str, int, int, str]) -> list[tuple[str, int]]:
        word, year, count, end = step

        async def unit(session: AsyncSession) -> list[tuple[str, int]]:
            if end == "single":
                number = await take_number(session, world.authority, word, year)
                return [(word, int(number.partition("〕")[2].removesuffix("号")))]
            request = BlockRequest(word=DocumentWord(word), count=count, year=year)
            got = await reserve_block(session, actor_of, request)
            if end == "undo":
                raise LookupError
            return [(word, number) for number in range(got.first, got.last + 1)]

        try:
            return list(world.in_database(unit))
        except LookupError:
            return []

    before = _last_numbers(world)
    with ThreadPoolExecutor(4) as pool:
        issued = [one for some in pool.map(run, steps) for one in some]
    after = _last_numbers(world)
    for word in ("责改", "检记"):
        first, last = before.get(word, 0) + 1, after.get(word, 0)
        assert sorted(number for kind, number in issued if kind == word) == list(range(first, last + 1))


def _actor(world: World, sending: Sending) -> Any:
    """As many phones as there are reservations would be the same to the series; one with no bound is simpler."""
    from app.core.actor import Actor

    phone = sending.field.phone(sending.team[1].user_id)
    return Actor(
        kind="user",
        user_id=sending.team[1].user_id,
        device_id=phone.device_id,
        authority_id=world.authority,
    )


def _last_numbers(world: World) -> dict[str, int]:
    async def find(session: AsyncSession) -> dict[str, int]:
        query = text("SELECT word, last FROM number_series WHERE authority_id = :id AND year = :year")
        rows = await session.execute(query, {"id": world.authority, "year": YEAR})
        return {word.removeprefix("安应急"): last for word, last in rows}

    return dict(world.in_database(find))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE number_series SET last = last - 1 WHERE authority_id = :authority",
        "DELETE FROM number_series WHERE authority_id = :authority",
        "UPDATE number_blocks SET last = last + 1 WHERE id = :block",
        "UPDATE number_blocks SET device_id = gen_random_uuid() WHERE id = :block",
        "DELETE FROM number_blocks WHERE id = :block",
        "UPDATE number_uses SET number = number + 1 WHERE block_id = :block",
        "DELETE FROM number_uses WHERE block_id = :block",
    ],
)
def test_the_database_itself_lets_no_number_be_issued_or_told_again(
    world: World, sending: Sending, statement: str
) -> None:
    held = block(sending.phone)
    assert sending.put(documents=[printed(held)]).status_code == 201
    values = {"authority": world.authority, "block": UUID(held["id"])}
    named = {name: value for name, value in values.items() if f":{name}" in statement}

    async def tamper(session: AsyncSession) -> None:
        await session.execute(text(statement), named)

    with pytest.raises(DBAPIError):
        world.in_database(tamper)


# --- using


def test_numbers_used_as_reserved_are_recorded_without_a_flag(sending: Sending, desk: Person) -> None:
    held = block(sending.phone)
    answer = sending.put(documents=[printed(held), printed(held, held["first"] + 2)])
    assert flags(answer) == set()
    detail = shown(desk, held)
    assert [(use["text"], use["package_id"]) for use in detail["uses"]] == [
        (f"安应急责改〔{YEAR}〕1号", answer.json()["id"]),
        (f"安应急责改〔{YEAR}〕3号", answer.json()["id"]),
    ]
    assert detail["unused"] == [{"first": 2, "last": 2}, {"first": 4, "last": 5}]
    assert detail["uses"][0]["printed_hash"] == PRINTED
    assert detail["used"] == 2


def test_a_phone_that_lost_its_memory_learns_which_numbers_it_has_used(sending: Sending) -> None:
    held, fresh = block(sending.phone), block(sending.phone)
    assert sending.put(documents=[printed(held, 4), printed(held, 2)]).status_code == 201
    own = sending.phone.request("GET", BLOCKS).json()["items"]
    assert [(one["id"], one["used_numbers"]) for one in own] == [(fresh["id"], []), (held["id"], [2, 4])]
    other = sending.field.phone(sending.team[0].user_id)
    assert other.request("GET", BLOCKS).json()["items"] == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"block_id": None}, set()),
        ({"block_id": str(new_id())}, {"number_block_unknown"}),
        ({"number": 6}, {"number_block_unknown", "number_outside_block"}),
        ({"number": 6, "block_id": None}, {"number_block_unknown"}),
        ({"word": "检记"}, {"number_block_unknown", "number_outside_block"}),
        ({"year": YEAR - 1}, {"number_block_unknown", "number_outside_block", "number_other_year"}),
        ({"printed_hash": None}, {"printed_hash_missing"}),
        ({"printed_hash": None, "spoiled_reason": "卡纸"}, set()),
        ({"printed_at": "2099-01-01T00:00:00+08:00"}, {"number_other_year", "number_used_after_expiry"}),
    ],
)
def test_what_is_odd_about_a_number_is_flagged_and_the_use_stands(
    sending: Sending, desk: Person, changes: dict[str, Any], expected: set[str]
) -> None:
    held = block(sending.phone)
    answer = sending.put(documents=[printed(held, **changes)])
    assert flags(answer) == expected
    (use,) = desk.get(f"{CONSOLE}/uses").json()["items"]
    assert set(use["issues"]) == expected
    assert (use["package_id"], use["is_first"]) == (answer.json()["id"], True)
    assert len(desk.get(f"{CONSOLE}/uses", params={"flagged": "true"}).json()["items"]) == bool(expected)


def test_a_number_of_another_phone_or_authority_is_flagged(
    world: World, sending: Sending, desk: Person
) -> None:
    others = block(sending.field.phone(sending.team[1].user_id))
    assert flags(sending.put(documents=[printed(others)])) == {"number_of_other_device"}
    body = {
        "code": new_id().hex[-20:], "name": "他局", "document_word": f"他应急{new_id().hex[-8:]}",
        "valid_from": "2020-01-01", "region_id": str(world.city),
    }  # fmt: skip
    other = desk.post("/api/v1/authorities", json=body).json()
    own = desk.get(f"/api/v1/authorities/{world.authority}").json()
    entrusted = {"entrusted_by": other["id"], "basis": "委托书", "valid_from": "2020-01-01"}
    path = f"/api/v1/authorities/{world.authority}/entrustments"
    assert desk.post(path, json=entrusted, version=own["version"]).status_code == 201
    foreign = block(sending.phone, authority_id=other["id"], count=2)
    answer = sending.put(documents=[printed(foreign, 2)])
    assert flags(answer) == {"number_of_other_device", "number_of_other_authority"}


def test_a_number_used_by_another_record_is_flagged_and_both_are_kept(sending: Sending, desk: Person) -> None:
    held = block(sending.phone)
    first = sending.put(documents=[printed(held)])
    second = sending.put(documents=[printed(held)], visit_id=str(new_id()))
    assert (flags(first), flags(second)) == (set(), {"number_used_twice"})
    uses = shown(desk, held)["uses"]
    assert [(use["package_id"], use["is_first"]) for use in uses] == [
        (first.json()["id"], True),
        (second.json()["id"], False),
    ]


def test_a_correction_and_a_colleague_may_list_the_same_document_but_not_another(sending: Sending) -> None:
    held = block(sending.phone)
    first = sending.put(documents=[printed(held)])
    correction = {"id": first.json()["id"], "reason": "笔误"}
    assert flags(sending.put(documents=[printed(held)], supersedes=correction)) == set()
    again = sending.put(documents=[printed(held, printed_hash=sha256_of(b"another"))])
    assert flags(again) == {"number_reprinted"}


def test_a_number_listed_twice_in_one_package_counts_once(sending: Sending, desk: Person) -> None:
    held = block(sending.phone)
    answer = sending.put(documents=[printed(held), printed(held)])
    assert flags(answer) == {"number_repeated"}
    assert len(shown(desk, held)["uses"]) == 1


def test_one_number_in_two_packages_at_the_same_instant_has_one_first_use(
    sending: Sending, desk: Person
) -> None:
    held = block(sending.phone, count=20)
    for number in range(1, 5):
        packages = [
            sending.sealed(documents=[printed(held, number), printed(held, 20)], visit_id=str(new_id())),
            sending.sealed(documents=[printed(held, 20), printed(held, number)], visit_id=str(new_id())),
        ]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(sending.phone.put_package, packages))
        assert {answer.status_code for answer in answers} == {201}
    uses = shown(desk, held)["uses"]
    assert len(uses) == 16
    assert sorted(use["number"] for use in uses if use["is_first"]) == [1, 2, 3, 4, 20]
    assert all(("number_used_twice" in use["issues"]) is not use["is_first"] for use in uses)


def test_an_assistant_who_hands_out_a_document_is_flagged(world: World) -> None:
    from tests.factories.patrols import Assistant

    walker = Assistant(world)
    package = walker.phone.seal(
        walker.patrol_document(
            documents=[{"word": "责改", "year": YEAR, "number": 1, "printed_hash": PRINTED}]
        ),
        [],
    )
    answer = walker.phone.put_package(package)
    assert flags(answer) == {"number_used_by_assistant", "number_block_unknown"}


# --- voiding


def test_a_use_after_voiding_stands_and_is_told_from_one_before_it(sending: Sending, desk: Person) -> None:
    held = block(sending.phone)
    assert flags(sending.put(documents=[printed(held, 1)])) == set()
    before = utc_now() - timedelta(minutes=1)
    answer = desk.post(f"{CONSOLE}/blocks/{held['id']}/voiding", json={"reason": "终端遗失"}, version=1)
    assert (answer.status_code, answer.json()["status"]) == (200, "voided")
    assert answer.json()["unused"] == [{"first": 2, "last": 5}]
    late = sending.put(documents=[printed(held, 2, printed_at=before.isoformat())])
    after = sending.put(documents=[printed(held, 3)])
    unsaid = sending.put(
        documents=[printed(held, 4, printed_at=None)],
        times={"started_at": before.astimezone(SHANGHAI).isoformat(), "sealed_at": before.isoformat()},
    )
    assert [flags(one) for one in (late, after, unsaid)] == [
        {"number_block_voided"},
        {"number_used_after_void"},
        {"number_block_voided"},
    ]
    detail = shown(desk, held)
    assert [use["number"] for use in detail["uses"]] == [1, 2, 3, 4]
    assert (detail["used"], detail["void_reason"]) == (4, "终端遗失")
    assert block(sending.phone)["first"] == 6
    assert sending.phone.request("GET", BLOCKS).json()["items"][1]["status"] == "voided"


def test_voiding_needs_a_reason_the_right_version_and_happens_once(sending: Sending, desk: Person) -> None:
    path = f"{CONSOLE}/blocks/{block(sending.phone)['id']}/voiding"
    assert desk.post(path, json={"reason": " "}, version=1).status_code == 422
    assert desk.post(path, json={"reason": "x"}).status_code == 428
    assert desk.post(path, json={"reason": "x"}, version=7).status_code == 412
    assert desk.post(path, json={"reason": "x"}, version=1).status_code == 200
    assert desk.post(path, json={"reason": "x"}, version=2).json()["code"] == "number_block_voided"


def test_two_who_void_a_block_at_once_do_it_once(sending: Sending, desk: Person) -> None:
    path = f"{CONSOLE}/blocks/{block(sending.phone)['id']}/voiding"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: desk.post(path, json={"reason": str(n)}, version=1), range(4)))
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert [answer.status_code for answer in answers].count(200) == 1


# --- reading


def test_blocks_are_found_by_what_they_are_and_cost_a_bounded_number_of_queries(
    sending: Sending, desk: Person
) -> None:
    for word in ("责改", "检记", "责改"):
        block(sending.phone, word=word)
    assert sending.put(documents=[printed({"word": "责改", "year": YEAR, "id": None}, 2)]).status_code == 201
    narrowed = {"word": "责改", "device_id": str(sending.phone.device_id), "year": YEAR, "status": "open"}
    with recorded_queries(sending.world.runtime.database) as queries:
        found = desk.get(f"{CONSOLE}/blocks", params=narrowed).json()["items"]
    assert [(one["first"], one["used"]) for one in found] == [(6, 0), (1, 1)]
    assert len(queries) <= 4
    for nothing in ({"word": "现决"}, {"year": YEAR - 1}, {"status": "voided"}):
        assert desk.get(f"{CONSOLE}/blocks", params={**narrowed, **nothing}).json()["items"] == []
    with recorded_queries(sending.world.runtime.database) as queries:
        (use,) = desk.get(f"{CONSOLE}/uses", params={"word": "责改", "year": YEAR, "number": 2}).json()[
            "items"
        ]
    assert use["text"] == f"安应急责改〔{YEAR}〕2号"
    assert len(queries) <= 3


def test_lists_of_blocks_are_paged_and_show_other_cities_nothing(
    world: World, sending: Sending, desk: Person
) -> None:
    made = [block(sending.phone)["id"] for _ in range(3)]
    seen, cursor = [], None
    while True:
        params = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = desk.get(f"{CONSOLE}/blocks", params=params).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    stranger = World(world.client, world.runtime, world.in_database).person("administrator")
    assert stranger.get(f"{CONSOLE}/blocks").json()["items"] == []
    assert stranger.get(f"{CONSOLE}/blocks/{made[0]}").status_code == 404
    path = f"{CONSOLE}/blocks/{made[0]}/voiding"
    assert stranger.post(path, json={"reason": "x"}, version=1).status_code == 404


def test_the_audit_log_tells_who_reserved_and_who_voided(
    world: World, sending: Sending, desk: Person
) -> None:
    held = block(sending.phone)
    desk.post(f"{CONSOLE}/blocks/{held['id']}/voiding", json={"reason": "作废"}, version=1)
    entries = world.person("auditor").get("/api/v1/audit/entries", params={"object_id": held["id"]})
    acts = {(one["action"], one["user_id"], one["device_id"]) for one in entries.json()["items"]}
    assert acts == {
        ("numbers:reserve", str(sending.team[0].user_id), str(sending.phone.device_id)),
        ("numbers:void", str(desk.user_id), None),
    }


def test_a_package_of_another_visit_of_a_foreign_region_keeps_its_id_to_itself(world: World) -> None:
    """The number is the authority's; the record behind it is read where its site is."""
    there = Sending(world)
    held = block(there.phone)
    far = Field(world, region=world.other_town)
    officer = world.person("inspector", region=world.other_town)
    phone = far.phone(officer.user_id)
    document = far.document(there.template, [officer.user_id], documents=[printed(held)])
    assert phone.put_package(phone.seal(document, [])).status_code == 201
    near = world.person("supervisor", region=world.town)
    assert near.get(f"{CONSOLE}/uses").json()["items"] == []
    assert near.get(f"{CONSOLE}/blocks/{held['id']}").status_code == 404


def test_a_number_used_by_two_packages_of_one_push_is_kept_twice_and_flagged_once(
    sending: Sending, desk: Person
) -> None:
    held = block(sending.phone)
    packages = [
        sending.sealed(documents=[printed(held, number), printed(held, 5)], visit_id=str(new_id()))
        for number in (1, 2)
    ]
    assert [row for row in push(sending.phone, packages) if row.get("status") == "rejected"] == []
    uses = shown(desk, held)["uses"]
    assert [(use["number"], use["is_first"]) for use in uses] == [(1, True), (2, True), (5, True), (5, False)]
    assert [use["issues"] for use in uses if not use["is_first"]] == [["number_used_twice"]]


def test_after_a_backup_is_put_back_no_number_is_given_that_may_have_been_given_since(
    sending: Sending, world: World
) -> None:
    """What was reserved after the backup is on phones, and the database knows nothing of it."""
    kept = block(sending.phone)

    async def number_last_year(session: AsyncSession) -> str:
        return await take_number(session, world.authority, "患", YEAR - 1)

    world.in_database(number_last_year)
    assert world.in_database(lambda session: skip_numbers(session, 1000)) >= 2
    assert block(sending.phone)["first"] == kept["last"] + 1001

    async def number_of_this_year(session: AsyncSession) -> str:
        return await take_number(session, world.authority, "患", YEAR)

    assert world.in_database(number_of_this_year) == f"安应急患〔{YEAR}〕1001号"
