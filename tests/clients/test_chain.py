"""The chain of receipts goes on when a phone has lost its memory, but not its key."""

import shutil
from typing import Any

import pytest

from anshao_phone import File, Item
from tests.clients.conftest import Carried, Fault, friendly_portal, portal, problem
from tests.clients.test_phone import tampered
from tests.factories.replica import relay

PICTURE = b"\xff\xd8\xff\xe0 a picture"


def lose_memory(carried: Carried) -> None:
    """The folder is gone, the key in the secure hardware is not; the officer enrols again with a new code."""
    key = carried.folder / "key.pem"
    carried.phone.close()
    carried.folder = carried.folder.with_name(carried.folder.name + " again")
    carried.folder.mkdir()
    shutil.copy(key, carried.folder / "key.pem")
    before = carried.phone.device.device_id
    carried.open().enroll(carried.code())
    assert carried.phone.device.device_id == before
    carried.network.seen.clear()


def test_a_phone_that_lost_its_memory_goes_on_from_the_end_of_its_chain(carried: Carried) -> None:
    for number in range(3):
        carried.seal(PICTURE + b"%d" % number, note=str(number))
    assert carried.phone.synchronize().unfinished == 0
    lose_memory(carried)
    carried.seal(PICTURE + b"4", note="4")
    report = carried.phone.synchronize()
    assert (carried.states(), [one.number for one in report.released]) == (["released"], [4])
    assert carried.network.count("GET /mobile/v1/packages") == 1, "the receipt before is all it needs"
    carried.phone.close()
    carried.open()
    carried.seal(PICTURE + b"5", note="5")
    assert [one.number for one in carried.phone.synchronize().released] == [5]
    assert carried.network.count("GET /mobile/v1/packages") == 1, "asked once, and kept"


def test_a_package_of_the_lost_memory_that_is_completed_later_is_a_link_like_any_other(
    carried: Carried,
) -> None:
    """Also in the middle: its receipt comes between those of two packages that were sealed afterwards."""
    item, (*_, left) = carried.seal(PICTURE + b"1", PICTURE + b"2")
    carried.network.suffer(f"PUT /mobile/v1/evidence/{left.id}", portal)
    carried.phone.synchronize()
    lose_memory(carried)
    carried.seal(PICTURE + b"3", note="3")
    assert [one.number for one in carried.phone.synchronize().released] == [1]
    arrive(carried, item, left, PICTURE + b"2")
    carried.seal(PICTURE + b"4", note="4")
    relay(carried.world)
    assert [one.number for one in carried.phone.synchronize().released] == [3]
    assert carried.states() == ["released", "released"]


def arrive(carried: Carried, item: Item, file: File, content: bytes) -> None:
    """What was left of a package arrives by another way, from a copy of the old folder perhaps."""
    answer = carried.phone.device.put_file(item.id, file.id, file.sha256, file.media_type, content)
    assert answer.json()["status"] == "verified", answer.text


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("/receipt", tampered(number=2)),
        ("/receipt", tampered(device_id="0")),
        ("/receipt", friendly_portal),
        ("/receipt", problem(500, "internal_error", "after")),
        ("/sync/packages/pull", friendly_portal),
        ("/sync/packages/pull", problem(403, "forbidden", "never")),
    ],
)
def test_nothing_is_let_go_until_the_receipt_before_is_held_and_sound(
    carried: Carried, where: str, fault: Fault
) -> None:
    carried.seal(PICTURE + b"1")
    carried.phone.synchronize()
    lose_memory(carried)
    _, kept = carried.seal(PICTURE + b"2", note="2")
    carried.network.suffer(where, fault, times=2)
    for _ in range(2):
        report: Any = carried.phone.synchronize()
        assert (carried.states(), report.released) == (["receipted"], [])
        assert carried.phone.outbox.path(kept[0].id).exists()
        assert report.wait_seconds is not None
        assert carried.network.count(where) == 1, "what is missing is not asked for without end"
        carried.network.seen.clear()
        carried.time.steady += 300
    assert [one.number for one in carried.phone.synchronize().released] == [2]
