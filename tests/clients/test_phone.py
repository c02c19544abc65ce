"""The reference phone before the production app: whatever the network does, nothing is lost, doubled, or deleted too early."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from anshao_phone import NoNetwork, StillHere, Stopped
from anshao_phone.protocol import sha256_of
from tests.clients.conftest import (
    Carried,
    Fault,
    answer,
    cut_before,
    friendly_portal,
    gateway,
    lose_answer,
    portal,
    problem,
)

PICTURE = b"\xff\xd8\xff\xe0 a picture"


def test_a_package_leaves_the_phone_when_its_receipt_is_held_and_not_before(carried: Carried) -> None:
    item, files = carried.seal(PICTURE + b"1", PICTURE + b"2")
    assert all(carried.phone.outbox.path(file.id).exists() for file in files)
    report = carried.phone.synchronize()
    assert (carried.states(), report.unfinished, report.wait_seconds) == (["released"], 0, None)
    assert [receipt.package_id for receipt in report.released] == [item.id]
    assert not any(carried.phone.outbox.path(file.id).exists() for file in files)
    held = carried.phone.receipt(item.id)
    assert held is not None
    assert held["receipt"]["package"]["hash"] == item.sha256 == sha256_of(item.sealed)
    assert {one.what for one in carried.told} == {"package", "file", "receipt"}


def test_a_receipt_that_comes_with_the_last_file_is_not_asked_for(carried: Carried) -> None:
    carried.seal(PICTURE + b"1", PICTURE + b"2")
    carried.phone.synchronize()
    assert carried.states() == ["released"]
    assert carried.network.count("/receipt") == 0


@pytest.mark.parametrize("fault", [cut_before, lose_answer, portal, friendly_portal, gateway])
@pytest.mark.parametrize(
    "where", ["PUT /mobile/v1/packages", "PUT /mobile/v1/evidence", "/receipt", "/devices/refresh"]
)
def test_whatever_breaks_off_is_repeated_safely(carried: Carried, fault: Fault, where: str) -> None:
    carried.phone.close()
    carried.open()  # it renews its tokens first
    carried.network.brings_receipts = where != "/receipt"
    carried.network.suffer(where, fault, times=2)
    item, files = carried.seal(PICTURE + b"1", PICTURE + b"2")
    first = carried.phone.synchronize()
    assert first.trouble is not None
    assert first.wait_seconds is not None
    assert carried.states() != ["released"]
    assert all(carried.phone.outbox.path(file.id).exists() for file in files)
    for _ in range(4):
        carried.phone.hurry()
        carried.phone.synchronize()
    assert carried.states() == ["released"]
    answered = carried.phone.request("GET", f"/packages/{item.id}").json()
    assert (answered["missing_evidence"], answered["receipt"]) == ([], True)


def test_a_file_whose_answer_was_lost_is_asked_about_and_not_sent_again(carried: Carried) -> None:
    carried.network.suffer("PUT /mobile/v1/evidence", lose_answer)
    carried.seal(PICTURE)
    carried.phone.synchronize()
    carried.phone.hurry()
    carried.phone.synchronize()
    assert carried.states() == ["released"]
    assert carried.network.count("PUT /mobile/v1/evidence") == 1
    assert carried.network.count("POST /mobile/v1/evidence/check") == 1


def test_a_portal_is_not_asked_where_files_stand_nor_for_keys(carried: Carried) -> None:
    carried.network.suffer("PUT /mobile/v1/evidence", cut_before)
    carried.network.suffer("/evidence/check", friendly_portal)
    carried.network.suffer("/public/v1/keys", friendly_portal)
    carried.phone.outbox._database.execute("DELETE FROM pinned_keys")
    carried.seal(PICTURE)
    for _ in range(3):
        assert "no network" in str(carried.phone.synchronize().trouble)
        carried.phone.hurry()
    carried.phone.synchronize()
    assert carried.states() == ["released"]


def test_a_portal_that_answers_json_is_no_acknowledgment(carried: Carried) -> None:
    carried.network.suffer("PUT /mobile/v1/packages", answer(200, {"welcome": True}))
    carried.network.suffer("PUT /mobile/v1/evidence", answer(201, {"id": "x", "hash": "y", "size": 1}))
    carried.seal(PICTURE)
    for trouble in ("no network", "no network"):
        assert trouble in str(carried.phone.synchronize().trouble)
        carried.phone.hurry()
    assert "released" not in carried.states()
    carried.phone.synchronize()
    assert carried.states() == ["released"]


def test_a_phone_that_died_goes_on_from_its_folder_with_the_very_same_bytes(carried: Carried) -> None:
    item, _ = carried.seal(PICTURE)
    carried.network.suffer("PUT /mobile/v1/evidence", cut_before)
    carried.phone.synchronize()
    carried.phone.close()
    phone = carried.open()
    (again,) = phone.outbox.items("waiting", "sent")
    assert (again.id, again.sealed, again.signature) == (item.id, item.sealed, item.signature)
    assert phone.synchronize().unfinished == 0


def test_retry_after_stops_the_whole_queue(carried: Carried) -> None:
    carried.seal(PICTURE)
    carried.seal(note="second")
    carried.network.suffer("PUT /mobile/v1/packages", problem(503, "unavailable", "after", retry_after="30"))
    report = carried.phone.synchronize()
    assert report.wait_seconds is not None
    assert report.wait_seconds >= 30
    assert carried.states() == ["waiting", "waiting"]
    sent = len(carried.network.seen)
    carried.time.steady += 29
    carried.phone.synchronize()
    assert len(carried.network.seen) == sent
    carried.time.steady += 10
    carried.phone.synchronize()
    assert carried.states() == ["released", "released"]


@pytest.mark.parametrize(("status", "code"), [(409, "package_conflict"), (422, "package_quarantined")])
def test_a_refused_package_is_set_aside_and_the_rest_goes_on(
    carried: Carried, status: int, code: str
) -> None:
    poison, files = carried.seal(PICTURE)
    carried.seal(note="sound")
    carried.network.suffer("PUT /mobile/v1/packages", problem(status, code, "manual"))
    report = carried.phone.synchronize()
    assert (carried.states(), report.aside) == (["aside", "released"], 1)
    aside = carried.phone.outbox.item(poison.id)
    assert aside.problem is not None
    assert aside.problem["code"] == code
    assert carried.phone.outbox.path(files[0].id).exists()
    carried.phone.put_back(poison.id)
    carried.phone.synchronize()
    assert carried.states() == ["released", "released"]


def test_a_defect_of_the_server_holds_up_one_package_only(carried: Carried) -> None:
    carried.seal(note="poison")
    carried.seal(note="sound")
    carried.network.suffer("PUT /mobile/v1/packages", problem(500, "internal_error", "after"))
    carried.phone.synchronize()
    assert carried.states() == ["waiting", "released"]
    carried.phone.hurry()
    carried.phone.synchronize()
    assert carried.states() == ["released", "released"]


def test_a_revoked_phone_stops_and_keeps_everything(carried: Carried) -> None:
    _, files = carried.seal(PICTURE)
    carried.network.suffer("PUT /mobile/v1/packages", problem(403, "device_revoked", "manual"))
    report = carried.phone.synchronize()
    assert (report.is_stopped, report.trouble, carried.states()) == (True, "device_revoked", ["waiting"])
    assert carried.phone.outbox.path(files[0].id).exists()


def test_a_phone_whose_clock_is_days_off_learns_the_servers_time(carried: Carried) -> None:
    carried.time.off = timedelta(days=-9)
    carried.phone.close()
    carried.open()
    carried.phone.clock._server = None
    carried.seal(PICTURE)
    assert carried.phone.synchronize().unfinished == 0
    assert carried.network.count("/devices/refresh") == 2


def test_expired_tokens_are_renewed_before_a_file_is_sent_in_vain(carried: Carried) -> None:
    carried.phone.refresh()
    carried.seal(PICTURE)
    carried.time.steady += 13 * 60
    before = len(carried.network.seen)
    carried.phone.synchronize()
    assert carried.network.seen[before] == ("POST", "/mobile/v1/devices/refresh")
    assert carried.network.count("PUT /mobile/v1/packages") == 1
    assert carried.states() == ["released"]


def test_refused_tokens_are_renewed_once_and_the_request_is_repeated(carried: Carried) -> None:
    carried.phone.refresh()
    carried.network.suffer("PUT /mobile/v1/packages", problem(401, "unauthenticated", "auth"))
    carried.seal(PICTURE)
    assert carried.phone.synchronize().unfinished == 0


def test_files_lost_on_the_phone_hold_up_their_package_until_withdrawn(carried: Carried) -> None:
    item, files = carried.seal(PICTURE + b"1", PICTURE + b"2")
    carried.phone.outbox.path(files[0].id).unlink()
    assert carried.phone.synchronize().aside == 1
    (lost,) = (file for file in carried.phone.outbox.files(item.id) if file.state == "aside")
    assert lost.id == files[0].id
    assert carried.phone.withdraw(lost, "手机存储损坏").status == 200
    carried.phone.synchronize()
    assert carried.states() == ["released"]
    receipt: Any = carried.phone.receipt(item.id)
    assert {row["status"] for row in receipt["receipt"]["evidence"]} == {"verified", "withdrawn"}


def test_a_file_that_is_intact_is_not_stated_lost_unless_told_so_and_its_bytes_stay(carried: Carried) -> None:
    item, files = carried.seal(PICTURE + b"1", PICTURE + b"2")
    carried.network.suffer("PUT /mobile/v1/evidence", problem(422, "invalid", "never"))
    assert carried.phone.synchronize().aside == 1
    (kept,) = (file for file in carried.phone.outbox.files(item.id) if file.state == "aside")
    with pytest.raises(StillHere):
        carried.phone.withdraw(kept, "误操作")
    assert carried.network.count("/withdrawal") == 0
    carried.network.suffer("/withdrawal", friendly_portal)
    with pytest.raises(NoNetwork):
        carried.phone.withdraw(kept, "无法提交", although_intact=True)
    carried.phone.withdraw(kept, "无法提交", although_intact=True)
    carried.phone.synchronize()
    assert carried.states() == ["released"]
    assert [file.id for file in files if carried.phone.outbox.path(file.id).exists()] == [kept.id]
    carried.phone.close()
    assert carried.open().outbox.path(kept.id).read_bytes().startswith(PICTURE)


def test_of_two_lost_files_the_second_holds_up_the_package_when_the_first_is_withdrawn(
    carried: Carried,
) -> None:
    item, files = carried.seal(PICTURE + b"1", PICTURE + b"2")
    for file in files:
        carried.phone.outbox.path(file.id).unlink()
    carried.phone.synchronize()
    first, second = carried.phone.outbox.files(item.id)
    carried.phone.withdraw(first, "手机进水")
    report = carried.phone.synchronize()
    assert (report.unfinished, report.aside, report.wait_seconds) == (0, 1, None)
    assert carried.phone.outbox.item(item.id).problem == {"code": "lost_on_phone", "file": str(second.id)}
    carried.phone.withdraw(second, "手机进水")
    carried.phone.synchronize()
    assert carried.states() == ["released"]


def test_a_full_quota_of_packages_set_aside_holds_up_the_refused_one_alone(carried: Carried) -> None:
    carried.seal(note="refused")
    carried.seal(note="sound")
    month = problem(429, "set_aside_quota", "after", retry_after=str(30 * 86400))
    carried.network.suffer("PUT /mobile/v1/packages", month)
    report = carried.phone.synchronize()
    assert (carried.states(), report.trouble) == (["waiting", "released"], None)
    carried.phone.hurry()
    carried.phone.synchronize()
    assert carried.states() == ["released", "released"]


def set_aside(carried: Carried) -> tuple[UUID, UUID]:
    """A package with a photograph that the service keeps for a person, as the phone sees it; it and the file by id."""
    item, (file,) = carried.seal(PICTURE)

    def keep(request: Any, forward: Any) -> Any:
        forward(request)
        return problem(422, "package_quarantined", "manual")(request, forward)

    carried.network.suffer("PUT /mobile/v1/packages", keep)
    carried.network.suffer(f"/packages/{item.id}/receipt", problem(404, "receipt_pending", "after"))
    carried.network.brings_receipts = False
    carried.phone.synchronize()
    assert (carried.phone.outbox.item(item.id).problem or {})["code"] == "package_quarantined"
    return item.id, file.id


def test_a_package_that_a_person_has_released_is_noticed_by_its_receipt_asked_for_at_its_own_pace(
    carried: Carried,
) -> None:
    package, file = set_aside(carried)
    asked = carried.network.count("/receipt")
    carried.phone.synchronize()
    assert (asked, carried.network.count("/receipt")) == (1, 1)
    assert carried.phone.outbox.path(file).exists()
    carried.time.steady += 300
    assert [receipt.package_id for receipt in carried.phone.synchronize().released] == [package]
    assert not carried.phone.outbox.path(file).exists()


def test_a_portal_asked_about_a_gap_says_nothing_about_what_is_aside_and_is_asked_once(
    carried: Carried,
) -> None:
    package, _ = set_aside(carried)
    for note in "23":
        carried.seal(note=note)
    carried.network.suffer(f"/packages/{package}/receipt", friendly_portal, times=5)
    before = carried.network.count(f"/packages/{package}/receipt")
    report = carried.phone.synchronize()
    assert "no network" in str(report.trouble)
    assert carried.network.count(f"/packages/{package}/receipt") == before + 1
    assert (carried.phone.outbox.item(package).problem or {})["code"] == "package_quarantined"
    carried.network._faults.clear()
    for _ in range(3):
        carried.phone.hurry()
        carried.phone.synchronize()
    assert carried.states() == ["released"] * 3


def test_a_gap_is_asked_about_once_in_a_pass(carried: Carried) -> None:
    package, _ = set_aside(carried)
    for note in "234":
        carried.seal(note=note)
    where = f"/packages/{package}/receipt"
    carried.network.suffer(where, problem(404, "receipt_pending", "after"), times=5)
    before = carried.network.count(where)
    carried.phone.synchronize()
    assert (carried.network.count(where) - before, carried.states()) == (1, ["aside", *["receipted"] * 3])


def tampered(**changes: Any) -> Fault:
    """The receipt comes with members replaced."""

    def fault(request: Any, forward: Any) -> Any:
        honest = forward(request)
        document = json.loads(honest.content)
        document["receipt"] |= changes
        return answer(200, document)(request, forward)

    return fault


@pytest.mark.parametrize("changes", [{"number": 7}, {"evidence": []}, {"device_id": "0"}, {"package": {}}])
def test_nothing_is_deleted_for_a_receipt_that_proves_nothing(
    carried: Carried, changes: dict[str, Any]
) -> None:
    item, files = carried.seal(PICTURE)
    carried.network.brings_receipts = False
    carried.network.suffer("/receipt", tampered(**changes))
    carried.phone.synchronize()
    aside = carried.phone.outbox.item(item.id)
    assert (aside.state, (aside.problem or {})["code"]) == ("aside", "receipt_refused")
    assert carried.phone.outbox.path(files[0].id).exists()


def test_a_key_that_vanished_from_the_published_ones_is_an_alarm(carried: Carried) -> None:
    carried.phone.outbox._database.execute("DELETE FROM pinned_keys")
    carried.phone.outbox.pin_keys({"another": "AAAA"})
    item, _ = carried.seal(PICTURE)
    carried.phone.synchronize()
    problem_of = carried.phone.outbox.item(item.id).problem or {}
    assert (problem_of["code"], problem_of["reason"]) == (
        "receipt_refused",
        "a pinned key is not published any more",
    )


def test_nothing_is_deleted_while_a_receipt_of_the_chain_is_missing(carried: Carried) -> None:
    first, _ = carried.seal(PICTURE + b"1")
    _, kept = carried.seal(PICTURE + b"2")
    carried.network.brings_receipts = False
    carried.network.suffer(f"/packages/{first.id}/receipt", problem(500, "internal_error", "after"))
    carried.phone.synchronize()
    assert carried.states() == ["sent", "receipted"]
    assert carried.phone.outbox.path(kept[0].id).exists()
    carried.phone.hurry()
    carried.phone.synchronize()
    assert carried.states() == ["released", "released"]


def test_a_broken_chain_is_set_aside_and_nothing_is_deleted(carried: Carried) -> None:
    carried.seal(PICTURE + b"1")
    carried.phone.synchronize()
    _, kept = carried.seal(PICTURE + b"2")
    carried.phone.outbox._database.execute("UPDATE receipts SET sha256 = ?", (sha256_of(b"other"),))
    carried.phone.synchronize()
    assert carried.states() == ["released", "aside"]
    assert carried.phone.outbox.path(kept[0].id).exists()


def test_a_lost_enrolment_says_so_and_a_refused_code_names_its_problem(carried: Carried) -> None:
    carried.network.suffer("/devices/enroll", portal)
    with pytest.raises(NoNetwork):
        carried.phone.enroll("WHATEVER")
    with pytest.raises(Stopped, match=r"device_key_refused|enrollment_refused"):
        carried.phone.enroll("WHATEVER")


def test_a_phone_whose_enrolment_was_never_answered_enrols_with_a_new_code(carried: Carried) -> None:
    carried.phone.close()
    carried.folder = carried.folder.with_name("another")
    phone = carried.open()
    carried.network.suffer("/devices/enroll", lose_answer)
    with pytest.raises(NoNetwork):
        phone.enroll(carried.code())
    fingerprint = phone.enroll(carried.code())
    path = f"/api/v1/devices/{phone.device.device_id}/confirmation"
    confirmed = carried.world.person("administrator").post(path, version=2, json={"fingerprint": fingerprint})
    assert confirmed.status_code == 200
    carried.seal(PICTURE)
    assert phone.synchronize().unfinished == 0
    assert carried.states() == ["released"]


def test_a_phone_whose_session_ended_enrols_again_and_its_outbox_and_its_chain_go_on(
    carried: Carried,
) -> None:
    carried.seal(PICTURE + b"1")
    carried.phone.synchronize()
    stolen = carried.phone.device.refresh_token
    carried.phone.refresh()
    carried.phone.refresh()
    assert carried.phone.device.put_refresh(stolen).json()["code"] == "refresh_refused"
    carried.seal(PICTURE + b"2")
    report = carried.phone.synchronize()
    assert (report.trouble, report.is_stopped) == ("refresh_refused", True)
    assert carried.states() == ["released", "waiting"]
    carried.phone.close()
    phone = carried.open()
    phone.enroll(carried.code())
    assert phone.synchronize().unfinished == 0
    assert carried.states() == ["released", "released"]
    assert [phone.outbox.kept_receipt(item.id).number for item in phone.outbox.items("released")] == [1, 2]


VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"v" * 1_200_000


def patched(carried: Carried) -> int:
    return carried.network.count("PATCH /mobile/v1/uploads")


@pytest.mark.parametrize(("fault", "pieces"), [(cut_before, 4), (lose_answer, 3), (portal, 4), (gateway, 4)])
def test_a_large_file_goes_on_from_where_it_broke_off(carried: Carried, fault: Fault, pieces: int) -> None:
    """Three pieces; the second one breaks: it is sent again only if it did not arrive."""
    item, _ = carried.seal(VIDEO)
    carried.network.suffer("PATCH /mobile/v1/uploads", lambda request, forward: forward(request))
    carried.network.suffer("PATCH /mobile/v1/uploads", fault)
    assert "no network" in str(carried.phone.synchronize().trouble)
    carried.phone.close()
    phone = carried.open()  # the app was killed meanwhile
    assert phone.synchronize().unfinished == 0
    assert (patched(carried), carried.network.count("POST /mobile/v1/uploads")) == (pieces, 1)
    assert carried.network.count("HEAD /mobile/v1/uploads") == 1
    assert carried.network.count("PUT /mobile/v1/evidence") == 0
    assert phone.receipt(item.id) is not None


def test_an_upload_whose_file_is_there_already_is_ended(carried: Carried) -> None:
    carried.seal(VIDEO)
    carried.network.suffer("PATCH /mobile/v1/uploads", lambda request, forward: forward(request), times=2)
    carried.network.suffer("PATCH /mobile/v1/uploads", lose_answer)
    carried.phone.synchronize()
    carried.phone.hurry()
    assert carried.phone.synchronize().unfinished == 0
    assert (patched(carried), carried.network.count("DELETE /mobile/v1/uploads")) == (3, 1)


def test_an_upload_that_has_expired_is_begun_anew(carried: Carried) -> None:
    item, files = carried.seal(VIDEO)
    carried.phone.outbox.note_upload(files[0].id, "/uploads/01a213f4-4c70-7359-acd2-d13457d313c1")
    carried.phone.synchronize()
    assert carried.states() == ["released"]
    assert carried.phone.receipt(item.id) is not None


def test_a_piece_at_another_offset_is_looked_up_and_not_repeated_blindly(carried: Carried) -> None:
    carried.seal(VIDEO)
    carried.network.suffer("PATCH /mobile/v1/uploads", problem(409, "upload_offset", "now"))
    assert carried.phone.synchronize().unfinished == 0
    assert (patched(carried), carried.network.count("HEAD /mobile/v1/uploads")) == (4, 1)


def test_an_upload_that_is_busy_waits_and_the_others_go_on(carried: Carried) -> None:
    carried.seal(VIDEO)
    carried.seal(PICTURE)
    carried.network.suffer("PATCH /mobile/v1/uploads", problem(423, "upload_busy", "after"))
    carried.phone.synchronize()
    assert carried.states() == ["sent", "released"]
    carried.phone.hurry()
    carried.phone.synchronize()
    assert carried.states() == ["released", "released"]


def test_a_service_without_resumable_uploads_gets_the_file_in_one_request(carried: Carried) -> None:
    carried.seal(VIDEO)
    carried.network.suffer("POST /mobile/v1/uploads", problem(404, "not_found", "never"))
    assert carried.phone.synchronize().unfinished == 0
    assert carried.network.count("PUT /mobile/v1/evidence") == 1
