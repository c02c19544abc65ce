"""A package and its files in one request: every promise of the single doors holds, and a wrong file harms no other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device, Photo, SealedPackage, sha256_of
from app.core.ids import new_id
from app.services.evidence import arrivals
from app.services.evidence.sweeping import remove_decided, remove_strays
from app.services.inspections import delivering
from app.services.inspections.receipt_format import receipt_verifies
from app.services.inspections.service import finish_kept, sweep_packages
from app.services.runtime import Runtime
from tests.evidence.conftest import Team
from tests.evidence.test_examination import run
from tests.evidence.test_intake import row_of, stored_bytes
from tests.evidence.test_sweeping import sent_while_a_removal_is_done_again
from tests.factories.field import photo
from tests.support.queries import recorded_queries

BOUNDARY = "anshao-boundary"


def part(name: str, content: bytes, media_type: str = "image/jpeg") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: {media_type}'
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


def body_of(package: SealedPackage, files: Sequence[Photo]) -> bytes:
    parts = [part("sealed", package.sealed, "application/json")]
    parts += [part(str(one.id), one.content, one.media_type) for one in files]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def headers_of(phone: Device, package: SealedPackage) -> dict[str, str]:
    return {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Anshao-Key-Id": phone.key_id,
        "Anshao-Signature": phone.sign(f"anshao.package/1\n{package.hash}".encode()),
    }


def put(phone: Device, package: SealedPackage, body: bytes, **headers: str) -> Response:
    given = headers_of(phone, package) | {name.replace("_", "-"): value for name, value in headers.items()}
    return phone.request("PUT", f"/packages/{package.id}/submission", content=body, headers=given)


def submit(phone: Device, package: SealedPackage, *files: Photo) -> Response:
    return put(phone, package, body_of(package, files or package.photos))


def statuses(answer: Response) -> list[str]:
    return [one["status"] for one in answer.json()["files"]]


def codes(answer: Response) -> list[str | None]:
    return [(one.get("problem") or {}).get("code") for one in answer.json()["files"]]


def test_one_request_earns_the_receipt_that_the_single_doors_give(team: Team, runtime: Runtime) -> None:
    photos = [photo() for _ in range(3)]
    package = team.seal(*photos)
    answer = submit(team.phone, package)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["status"], body["missing_evidence"], body["receipt"]) == ("processed", [], True)
    assert [(one["part"], one["status"], one["problem"]) for one in body["files"]] == [
        (str(one.id), "verified", None) for one in photos
    ]
    stored = team.phone.request("GET", f"/packages/{package.id}/receipt")
    assert body["signed_receipt"] == stored.text
    published = [key.public_jwk for key in runtime.keys.all("receipts")]
    assert receipt_verifies(stored.json(), published)
    listed = stored.json()["receipt"]["evidence"]
    assert [(row["id"], row["hash"], row["size"], row["status"]) for row in listed] == sorted(
        (str(one.id), sha256_of(one.content), len(one.content), "verified") for one in photos
    )
    for one in photos:
        assert stored_bytes(team.world, runtime, one.content) == one.content
        row = row_of(team.world, one.id)
        assert row is not None
        assert (row["is_claimed"], row["region_id"], row["package_id"]) == (True, team.world.town, package.id)
        assert (row["media_type"], row["flags"], row["attempts"]) == ("image/jpeg", [], 0)
        assert team.phone.put_photo(package, one).status_code == 200
    assert team.phone.put_package(package).json() == {
        name: body[name] for name in body if name not in ("files", "signed_receipt")
    }


def test_it_takes_six_statements_however_many_files(team: Team, runtime: Runtime) -> None:
    submit(team.phone, team.seal(photo()))
    for number in (1, 5):
        team.field.visit_id = new_id()
        package = team.seal(*(photo() for _ in range(number)))
        with recorded_queries(runtime.database) as statements:
            assert submit(team.phone, package).json()["receipt"] is True
        # who is it; what stands beside the package; its bytes; what is to be removed; everything; the receipt's bytes
        assert len([one for one in statements if "audit_seals" not in one]) == 6, statements


def test_the_same_again_is_200_and_changes_nothing(team: Team) -> None:
    package = team.seal(photo(), photo())
    first, again = submit(team.phone, package), submit(team.phone, package)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


def test_two_identical_submissions_at_once_make_one_record_and_one_receipt(team: Team) -> None:
    for _ in range(3):
        package = team.seal(photo(), photo())
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda _: submit(team.phone, package), range(3)))  # noqa: B023
        assert sorted(one.status_code for one in answers) == [200, 200, 201]
        receipt = team.phone.request("GET", f"/packages/{package.id}/receipt").text
        assert {one.json()["signed_receipt"] for one in answers} <= {receipt, None}
        again = submit(team.phone, package).json()
        assert (again["signed_receipt"], again["missing_evidence"]) == (receipt, [])


def test_a_submission_and_the_single_doors_at_once_end_in_a_receipt(team: Team) -> None:
    for _ in range(3):
        photos = [photo() for _ in range(2)]
        package = team.seal(*photos)
        with ThreadPoolExecutor(3) as pool:
            whole = pool.submit(submit, team.phone, package)
            singles = [pool.submit(team.phone.put_photo, package, one) for one in photos]
        assert whole.result().status_code == 201
        assert set(statuses(whole.result())) == {"verified"}
        assert all(one.result().status_code in (200, 201) for one in singles)
        assert team.phone.receipt(package.id) is not None


def test_a_wrong_file_is_refused_by_itself_and_may_come_later_through_its_own_door(
    team: Team, runtime: Runtime
) -> None:
    good, damaged, longer = photo(), photo(), photo()
    stranger = photo()
    package = team.seal(good, damaged, longer)
    sent = [
        good,
        replace(damaged, content=damaged.content[:-1] + b"?"),
        replace(longer, content=longer.content + b"?"),
        stranger,
    ]
    answer = submit(team.phone, package, *sent)
    assert answer.status_code == 201
    assert statuses(answer) == ["verified", "refused", "refused", "refused"]
    assert codes(answer) == [None, "wrong_evidence", "wrong_evidence", "evidence_undeclared"]
    refused = answer.json()["files"][1]["problem"]
    assert (refused["status"], refused["retry"]) == (422, "now")
    assert refused["zh"]
    assert refused["en"]
    assert sorted(answer.json()["missing_evidence"]) == sorted([str(damaged.id), str(longer.id)])
    assert (answer.json()["receipt"], answer.json()["signed_receipt"]) == (False, None)
    for one in sent[1:]:
        assert stored_bytes(team.world, runtime, one.content) is None
        assert row_of(team.world, one.id) is None
    assert team.phone.put_photo(package, damaged).json()["signed_receipt"] is None
    assert team.phone.put_photo(package, longer).json()["signed_receipt"] is not None


@pytest.mark.parametrize("name", ["", "file", "../../etc/passwd", "x" * 300, "\u4e2d", "sealed"])
def test_a_part_of_any_other_name_is_refused_and_the_rest_is_taken(team: Team, name: str) -> None:
    one = photo()
    package = team.seal(one)
    body = part("sealed", package.sealed) + part(name, b"x") + part(str(one.id), one.content)
    answer = put(team.phone, package, body + f"--{BOUNDARY}--\r\n".encode())
    assert (answer.status_code, statuses(answer)) == (201, ["refused", "verified"])
    assert (answer.json()["files"][0]["part"], codes(answer)[0]) == (name[:100], "evidence_undeclared")
    assert answer.json()["signed_receipt"] is not None


def test_some_files_now_and_the_others_earlier_or_later_complete_it_all_the_same(team: Team) -> None:
    early, now, late = photo(), photo(), photo()
    package = team.seal(early, now, late)
    assert team.phone.put_photo(package, early).json()["status"] == "stored"
    answer = submit(team.phone, package, now)
    assert (answer.status_code, statuses(answer)) == (201, ["verified"])
    assert answer.json()["missing_evidence"] == [str(late.id)]
    answer = submit(team.phone, package, late)
    assert (answer.status_code, statuses(answer)) == (200, ["verified"])
    assert answer.json()["signed_receipt"] is not None


def test_a_file_that_came_before_by_its_own_door_is_no_obstacle(team: Team) -> None:
    early, now = photo(), photo()
    package = team.seal(early, now)
    assert team.phone.put_photo(package, early).status_code == 201
    answer = submit(team.phone, package)
    assert (answer.status_code, statuses(answer)) == (201, ["verified", "verified"])
    assert answer.json()["signed_receipt"] is not None


def test_files_of_the_same_bytes_and_a_file_given_twice_are_fine(team: Team) -> None:
    one = photo()
    twin = Photo(one.content, None)
    package = team.seal(one, twin)
    answer = submit(team.phone, package, one, twin, one)
    assert (answer.status_code, statuses(answer)) == (201, ["verified"] * 3)
    assert answer.json()["signed_receipt"] is not None
    shared = team.seal(one)
    answer = submit(team.phone, shared, one)
    assert (answer.status_code, statuses(answer)) == (201, ["verified"])
    assert answer.json()["signed_receipt"] is not None


def test_a_package_without_files_may_come_through_this_door_too(team: Team) -> None:
    package = team.seal()
    answer = put(team.phone, package, body_of(package, []))
    assert (answer.status_code, answer.json()["files"]) == (201, [])
    assert (
        answer.json()["signed_receipt"] == team.phone.request("GET", f"/packages/{package.id}/receipt").text
    )


def cut(body: bytes, package: SealedPackage, inside: Photo) -> bytes:
    """The body up to the middle of a file."""
    return body[: body.index(inside.content) + len(inside.content) // 2]


def test_what_came_whole_before_the_connection_broke_is_kept_and_processed(
    team: Team, runtime: Runtime
) -> None:
    came, torn, never = photo(), photo(), photo()
    package = team.seal(came, torn, never)
    body = body_of(package, package.photos)
    answer = put(team.phone, package, cut(body, package, torn), Content_Length=str(len(body)))
    assert (answer.status_code, answer.json()["code"]) == (400, "body_cut_short")
    state = team.phone.request("GET", f"/packages/{package.id}").json()
    assert state["status"] == "processed"
    assert sorted(state["missing_evidence"]) == sorted([str(torn.id), str(never.id)])
    assert stored_bytes(team.world, runtime, came.content) == came.content
    assert stored_bytes(team.world, runtime, torn.content) is None
    answer = submit(team.phone, package)
    assert (answer.status_code, set(statuses(answer))) == (200, {"verified"})
    assert answer.json()["signed_receipt"] is not None


def test_a_cut_inside_the_package_keeps_nothing(team: Team) -> None:
    package = team.seal(photo())
    body = body_of(package, package.photos)
    torn = body[: body.index(package.sealed) + len(package.sealed) // 2]
    assert put(team.phone, package, torn, Content_Length=str(len(body))).status_code == 400
    assert team.phone.request("GET", f"/packages/{package.id}").status_code == 404
    assert submit(team.phone, package).status_code == 201


def test_a_kill_before_processing_leaves_the_package_to_the_sweep_and_the_files_to_be_sent_again(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = team.seal(photo())

    async def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(delivering, "finish_delivery", die)
        assert submit(team.phone, package).status_code == 500
    assert team.phone.request("GET", f"/packages/{package.id}").json()["status"] == "received"

    async def later(session: AsyncSession) -> None:
        earlier = text(
            "UPDATE package_intakes SET received_at = received_at - interval '5 minutes' WHERE package_id = :id"
        )
        await session.execute(earlier, {"id": package.id})

    team.world.in_database(later)
    run(team.world, lambda: sweep_packages(runtime))
    assert team.phone.request("GET", f"/packages/{package.id}").json()["status"] == "processed"
    answer = submit(team.phone, package)
    assert (answer.status_code, statuses(answer)) == (200, ["verified"])
    assert answer.json()["signed_receipt"] is not None


def test_other_bytes_under_the_id_are_kept_beside_and_their_files_are_judged_by_the_first(team: Team) -> None:
    shared, added = photo(), photo()
    package = team.sent(shared)
    second = team.seal(shared, added)
    sealed = second.sealed.replace(str(second.id).encode(), str(package.id).encode())
    other = replace(second, id=package.id, sealed=sealed)
    answer = submit(team.phone, other, shared, added)
    assert (answer.status_code, answer.json()["code"]) == (409, "package_conflict")
    assert (statuses(answer), codes(answer)) == (["verified", "refused"], [None, "evidence_undeclared"])
    assert team.phone.receipt(package.id) is not None


def test_a_package_set_aside_keeps_its_files_waiting_with_it(team: Team, runtime: Runtime) -> None:
    one = photo()
    unknown = {"code": "nobody-knows", "version": 1, "hash": "sha-256:" + "1" * 64}
    officers = [officer.user_id for officer in team.officers]
    package = team.phone.seal(team.field.document(unknown, officers), [one])
    answer = submit(team.phone, package)
    assert (answer.status_code, answer.json()["code"]) == (422, "package_quarantined")
    assert statuses(answer) == ["stored"]
    row = row_of(team.world, one.id)
    assert row is not None
    assert row["is_claimed"] is False
    assert stored_bytes(team.world, runtime, one.content) == one.content
    again = submit(team.phone, package)
    assert (again.status_code, statuses(again)) == (422, ["stored"])


def test_a_package_nobody_can_read_is_kept_aside_and_its_files_stay_on_the_phone(
    team: Team, runtime: Runtime
) -> None:
    one = photo()
    package = replace(team.seal(one), sealed=b"{not json")
    answer = submit(team.phone, package, one)
    assert (answer.status_code, answer.json()["code"]) == (422, "package_quarantined")
    assert codes(answer) == ["evidence_undeclared"]
    assert stored_bytes(team.world, runtime, one.content) is None


def test_waiting_files_count_against_the_quota_one_by_one(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "KEPT_ASIDE", replace(arrivals.KEPT_ASIDE, files=1))
    unknown = {"code": "nobody-knows", "version": 1, "hash": "sha-256:" + "1" * 64}
    officers = [officer.user_id for officer in team.officers]
    package = team.phone.seal(team.field.document(unknown, officers), [photo(), photo()])
    answer = submit(team.phone, package)
    assert (statuses(answer), codes(answer)) == (["stored", "refused"], [None, "unclaimed_quota"])


def test_another_phone_reaches_neither_the_package_nor_its_files(team: Team, runtime: Runtime) -> None:
    one = photo()
    package = team.sent(one)
    other = team.field.phone(team.officers[1].user_id)
    answer = submit(other, package)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert row_of(team.world, one.id) is None
    assert stored_bytes(team.world, runtime, one.content) is None


def test_whoever_may_not_submit_or_upload_is_403_before_a_file_is_read(team: Team, runtime: Runtime) -> None:
    one = photo()
    auditor = team.field.phone(team.world.person("auditor", region=team.world.town).user_id)
    package = auditor.seal(team.field.document(team.field.publish("rto"), []), [one])
    assert submit(auditor, package).status_code == 403
    assert stored_bytes(team.world, runtime, one.content) is None


@pytest.mark.parametrize(
    ("bend", "status", "code"),
    [
        (lambda whole, package: b"", 400, "bad_request"),
        (lambda whole, package: b"no form at all", 400, "bad_request"),
        (lambda whole, package: whole.replace(b'name="sealed"', b'name="other"'), 422, "form_invalid"),
        (lambda whole, package: f"--{BOUNDARY}--\r\n".encode(), 422, "form_invalid"),
        (lambda whole, package: part("sealed" * 1000, b"x") + whole, 400, "bad_request"),
    ],
)
def test_what_is_no_submission_is_refused_and_keeps_nothing(
    team: Team, bend: Any, status: int, code: str
) -> None:
    package = team.seal(photo())
    answer = put(team.phone, package, bend(body_of(package, package.photos), package))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert team.phone.request("GET", f"/packages/{package.id}").status_code == 404


def test_a_json_body_is_no_submission(team: Team) -> None:
    package = team.seal()
    answer = put(team.phone, package, package.sealed, Content_Type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_more_parts_than_the_limit_are_refused_and_what_came_before_is_kept(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.routers.mobile.packages.MAX_PARTS", 3)
    photos = [photo() for _ in range(3)]
    package = team.seal(*photos)
    answer = submit(team.phone, package)
    assert (answer.status_code, answer.json()["code"]) == (422, "form_invalid")
    state = team.phone.request("GET", f"/packages/{package.id}").json()
    assert state["status"] == "processed"
    assert str(photos[2].id) in state["missing_evidence"]


def test_a_submission_beyond_the_size_limit_is_413_and_what_came_before_is_kept(
    team: Team, client: TestClient
) -> None:
    files = [Photo(new_id().bytes * (3 * 1024 * 1024 // 16), None) for _ in range(3)]
    package = team.seal(*files)
    body = body_of(package, files)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    async def stream() -> Response:
        transport = ASGITransport(app=client.app)
        async with AsyncClient(transport=transport, base_url="http://testserver") as http:
            headers = headers_of(team.phone, package) | {"Authorization": f"Bearer {team.phone.access_token}"}
            address = f"/mobile/v1/packages/{package.id}/submission"
            return await http.put(address, content=chunks(), headers=headers)

    answer = run(team.world, stream)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    state = team.phone.request("GET", f"/packages/{package.id}").json()
    assert state["missing_evidence"] == [str(files[2].id)]
    assert put(team.phone, package, body).status_code == 413


def test_files_longer_than_a_piece_are_stored_byte_for_byte(team: Team, runtime: Runtime) -> None:
    files = [Photo(new_id().bytes * 140_000, None), photo(), Photo(new_id().bytes * 65_536, None)]
    answer = submit(team.phone, team.seal(*files))
    assert (answer.status_code, set(statuses(answer))) == (201, {"verified"})
    for one in files:
        assert stored_bytes(team.world, runtime, one.content) == one.content


def test_a_removal_broken_off_and_done_again_takes_no_bytes_of_a_submission(
    team: Team, runtime: Runtime
) -> None:
    old, other = photo(), photo()
    twin = Photo(old.content, None)
    package = team.seal(twin, other)
    answer = sent_while_a_removal_is_done_again(team, runtime, old, lambda: submit(team.phone, package))
    assert answer.status_code == 201
    assert dict(zip([one["part"] for one in answer.json()["files"]], codes(answer), strict=True)) == {
        str(twin.id): "evidence_send_again",
        str(other.id): None,
    }
    assert answer.json()["missing_evidence"] == [str(twin.id)]
    assert submit(team.phone, package).json()["signed_receipt"] is not None
    run(team.world, lambda: remove_decided(runtime))
    assert stored_bytes(team.world, runtime, twin.content) == twin.content


def test_a_file_that_waited_long_in_its_submission_is_looked_for_before_the_receipt(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the parts come so slowly that the sweep of strays takes the first ones."""
    one = photo()
    package = team.seal(one)
    finish = delivering.finish_delivery

    async def sweep_and_finish(*given: Any) -> Any:
        assert await remove_strays(runtime, 0) >= 1
        return await finish(*given)

    with monkeypatch.context() as patched:
        patched.setattr(delivering, "finish_delivery", sweep_and_finish)
        patched.setattr("app.services.evidence.service.FRESH_FOR_SECONDS", 0.0)
        answer = submit(team.phone, package)
    assert (answer.status_code, codes(answer)) == (201, ["evidence_send_again"])
    assert (answer.json()["missing_evidence"], answer.json()["signed_receipt"]) == ([str(one.id)], None)
    assert submit(team.phone, package).json()["signed_receipt"] is not None
    assert stored_bytes(team.world, runtime, one.content) == one.content


def test_a_file_withdrawn_while_the_sweep_took_the_package_is_not_called_verified(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = photo()
    package = team.seal(one)
    finish = delivering.finish_delivery

    async def be_late(*given: Any) -> Any:
        await finish_kept(runtime, package.id)
        withdrawn = await asyncio.to_thread(team.phone.withdraw, package, one, "手机丢失")
        assert withdrawn.status_code == 200, withdrawn.text
        return await finish(*given)

    monkeypatch.setattr(delivering, "finish_delivery", be_late)
    answer = submit(team.phone, package)
    assert (answer.json()["missing_evidence"], statuses(answer)) == ([], ["withdrawn"])


def test_staging_is_empty_after_everything(team: Team, runtime: Runtime) -> None:
    staging = Path(runtime.settings.data_dir) / "objects" / ".staging"
    large = Photo(new_id().bytes * 140_000, None)
    package = team.seal(large)
    body = body_of(package, package.photos)
    put(team.phone, package, cut(body, package, large), Content_Length=str(len(body)))
    submit(team.phone, package, replace(large, content=large.content + b"?"))
    assert list(staging.iterdir()) == []
