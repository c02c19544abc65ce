"""What cannot be sent now, for whatever reason of its own, keeps nothing else waiting."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from anshao_phone import File, Item
from app.services.evidence import arrivals
from tests.clients.conftest import Carried, Forward, cut_before, problem

PICTURE = b"\xff\xd8\xff\xe0 a picture"
UNKNOWN = {"code": "nobody-knows", "version": 1, "hash": "sha-256:" + "1" * 64}
QUEUE = "/api/v1/quarantine"


def seal_unknown(carried: Carried, *contents: bytes) -> tuple[Item, list[File]]:
    """An inspection by a checklist that the service does not know: it is kept for a person."""
    photos = [carried.phone.capture(content) for content in contents]
    officers = [officer.user_id for officer in carried.officers]
    return carried.phone.seal(carried.field.document(UNKNOWN, officers), photos), photos


def waf(request: httpx.Request, forward: Forward) -> httpx.Response:
    """A firewall that does not like these bytes, and never will."""
    return httpx.Response(403, html="<h1>Request blocked</h1>", request=request)


def let_through(request: httpx.Request, forward: Forward) -> httpx.Response:
    return forward(request)


def files_of(carried: Carried, *items: Item) -> list[str]:
    return [file.state for item in items for file in carried.phone.outbox.files(item.id)]


def test_sound_packages_are_acknowledged_whatever_files_of_others_are_over_their_quota(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A week without a network, by a checklist that the service does not know yet; then three sound visits."""
    monkeypatch.setattr(arrivals, "KEPT_ASIDE", replace(arrivals.KEPT_ASIDE, files=3))
    unknown = [seal_unknown(carried, PICTURE + b"1%d" % one, PICTURE + b"2%d" % one)[0] for one in range(4)]
    sound = [carried.seal(PICTURE + b"%d" % number, note=str(number))[0] for number in range(3)]
    report = carried.phone.synchronize()
    assert carried.states() == ["aside"] * 4 + ["released"] * 3
    assert {receipt.package_id for receipt in report.released} == {item.id for item in sound}
    assert (report.trouble, report.unfinished, report.aside) == (None, 0, 4)
    assert files_of(carried, *unknown).count("sent") == 3
    assert carried.network.count("PUT /mobile/v1/evidence") == 3 + 3 + 3, (
        "each package asked once, not each file"
    )
    assert report.wait_seconds is not None
    assert report.wait_seconds >= 600, "its files wait as long as the service says"
    later, _ = carried.seal(PICTURE + b"later", note="later")
    carried.phone.synchronize()
    assert carried.phone.outbox.item(later.id).state == "released"
    monkeypatch.setattr(arrivals, "KEPT_ASIDE", replace(arrivals.KEPT_ASIDE, files=300))
    carried.time.steady += 1000
    carried.phone.synchronize()
    assert set(files_of(carried, *unknown)) == {"sent"}


@pytest.mark.parametrize("code", ["unclaimed_quota", "upload_quota"])
def test_a_quota_of_the_service_makes_one_package_wait_and_none_of_its_files_is_tried_in_vain(
    carried: Carried, code: str
) -> None:
    carried.seal(PICTURE + b"1", PICTURE + b"2", PICTURE + b"3")
    carried.seal(PICTURE + b"4", note="sound")
    carried.network.suffer("PUT /mobile/v1/evidence", problem(429, code, "after", retry_after="600"))
    report = carried.phone.synchronize()
    assert (carried.states(), report.trouble) == (["sent", "released"], None)
    assert carried.network.count("PUT /mobile/v1/evidence") == 2
    carried.time.steady += 599
    carried.phone.synchronize()
    assert carried.network.count("PUT /mobile/v1/evidence") == 2
    carried.time.steady += 3
    carried.phone.synchronize()
    assert carried.states() == ["released", "released"]


@pytest.mark.parametrize("is_hurried", [True, False])
@pytest.mark.parametrize(
    "where", ["PUT /mobile/v1/packages/{package}", "PUT /mobile/v1/evidence/{file}", "{package}/receipt"]
)
def test_a_firewall_that_never_lets_one_request_through_keeps_nobody_else_waiting(
    carried: Carried, where: str, is_hurried: bool
) -> None:
    """It looks like no network, so the pass ends; the next one begins with the others."""
    carried.network.brings_receipts = False
    blocked, (first, *_) = carried.seal(PICTURE + b"1", PICTURE + b"2", PICTURE + b"3")
    for number in range(3):
        carried.seal(PICTURE + b"%d" % number, note=str(number))
    carried.network.suffer(where.format(package=blocked.id, file=first.id), waf, times=100)
    for _ in range(3):
        report = carried.phone.synchronize()
        assert "no network" in str(report.trouble)
        if is_hurried:
            carried.phone.hurry()
        else:
            carried.time.steady += 10
    others = "receipted" if "receipt" in where else "released"
    if "receipt" in where:  # the chain is whole only with the receipt that is missing
        assert carried.states() == ["sent", *[others] * 3]
    else:
        assert carried.states() == ["waiting" if "packages" in where else "sent", *[others] * 3]
    if "evidence" in where:
        assert sorted(files_of(carried, blocked)) == ["sent", "sent", "waiting"], (
            "its other files are safe as well"
        )
    carried.network._faults.clear()
    carried.phone.hurry()
    carried.phone.synchronize()
    assert carried.states() == ["released"] * 4


def test_a_file_that_arrived_begins_the_waiting_of_its_package_anew(carried: Carried) -> None:
    """A line that breaks at every second file is as good as any: only one that brings nothing is tried ever more seldom."""
    item, _ = carried.seal(*(PICTURE + b"%d" % number for number in range(4)))
    carried.network.suffer("PUT /mobile/v1/evidence", cut_before, times=12)
    for _ in range(12):
        report = carried.phone.synchronize()
        carried.time.steady += 400
    assert "sent" not in files_of(carried, item)
    for done in range(1, 4):
        carried.network.suffer("PUT /mobile/v1/evidence", let_through)
        carried.network.suffer("PUT /mobile/v1/evidence", cut_before)
        report = carried.phone.synchronize()
        assert files_of(carried, item).count("sent") == done
        assert report.wait_seconds is not None
        assert report.wait_seconds <= 1
        carried.time.steady += 1
    carried.phone.synchronize()
    assert carried.states() == ["released"]


def test_two_that_are_never_let_through_take_turns(carried: Carried) -> None:
    blocked = [carried.seal(note=note)[0] for note in "12"]
    for item in blocked:
        carried.network.suffer(f"PUT /mobile/v1/packages/{item.id}", waf, times=100)
    for _ in range(6):
        carried.phone.hurry()
        carried.phone.synchronize()
    assert [carried.network.count(f"PUT /mobile/v1/packages/{item.id}") for item in blocked] == [3, 3]


def reject(carried: Carried, reason: dict[str, str]) -> None:
    """A person looks at the one package that waits and rejects it."""
    reviewer: Any = carried.world.person("legal_reviewer", region=carried.world.district)
    (waiting,) = [one for one in reviewer.get(QUEUE).json()["items"] if one["kind"] == "package"]
    answer = reviewer.post(f"{QUEUE}/{waiting['id']}/rejection", version=waiting["version"], json=reason)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("size", [100, 600_000])
def test_of_a_package_that_a_person_rejected_no_file_is_sent_any_more_and_the_officer_reads_why(
    carried: Carried, size: int
) -> None:
    carried.network.suffer("PUT /mobile/v1/evidence", problem(429, "unclaimed_quota", "after"))
    carried.network.suffer("POST /mobile/v1/uploads", problem(429, "upload_quota", "after"))
    item, _ = seal_unknown(carried, *(PICTURE + bytes([number]) * size for number in range(3)))
    carried.phone.synchronize()
    reason = {"reason": "检查表未经批准，请按现行检查表重新检查"}
    reject(carried, reason)
    carried.time.steady += 300
    report = carried.phone.synchronize()
    assert [(one.id, (one.problem or {})["reason"]) for one in report.rejected] == [
        (item.id, reason["reason"])
    ]
    assert files_of(carried, item) == ["waiting"] * 3
    asked = len(carried.network.seen)
    carried.time.steady += 3000
    carried.phone.synchronize()
    assert len(carried.network.seen) == asked


def test_a_package_that_a_person_rejected_is_shown_to_its_officer_and_never_asked_about_again(
    carried: Carried,
) -> None:
    item, (file,) = seal_unknown(carried, PICTURE)
    carried.phone.synchronize()
    reason = {"reason": "检查表未经批准，请按现行检查表重新检查"}
    reject(carried, reason)
    carried.time.steady += 300
    report = carried.phone.synchronize()
    assert [(one.id, (one.problem or {})["reason"]) for one in report.rejected] == [
        (item.id, reason["reason"])
    ]
    assert carried.phone.outbox.path(file.id).exists(), "a person at the phone decides what becomes of it"
    asked = len(carried.network.seen)
    carried.time.steady += 3000
    carried.phone.synchronize()
    assert len(carried.network.seen) == asked
    carried.phone.close()
    assert [one.id for one in carried.open().synchronize().rejected] == [item.id], (
        "it is kept with the outbox"
    )
