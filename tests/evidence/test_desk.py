"""Files from a desk: multipart forms with the guarantees of the phones."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from anshao_phone import sha256_of
from app.core.ids import new_id
from app.services.runtime import Runtime
from tests.evidence.conftest import Team
from tests.evidence.files import camera_jpeg
from tests.evidence.test_examination import examine_all
from tests.evidence.test_intake import row_of, stored_bytes
from tests.factories.field import photo
from tests.factories.world import Person

CONSOLE = "/api/v1/evidence"


def send(
    person: Person, content: bytes, name: str = "现场 照片.jpg", key: str | None = None, **fields: Any
) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    files = {"file": (name, content, "image/jpeg")}
    data = {field: str(value) for field, value in fields.items()}
    return person.post(CONSOLE, files=files, data=data, headers=headers)


@pytest.mark.parametrize("size", [None, 1024 * 1024, 5 * 1024 * 1024 + 3])
def test_a_file_is_stored_for_a_package_and_listed_with_it(
    team: Team, runtime: Runtime, size: int | None
) -> None:
    content = camera_jpeg() if size is None else os.urandom(size)
    package = team.sent(photo())
    answer = send(team.officers[0], content, package_id=package.id, hash=sha256_of(content))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["hash"], made["size"], made["origin"], made["status"]) == (
        sha256_of(content), len(content), "desk", "verified")  # fmt: skip
    assert (made["name"], made["package_id"], made["region_id"]) == (
        "现场 照片.jpg", str(package.id), str(team.world.town))  # fmt: skip
    assert stored_bytes(team.world, runtime, content) == content
    listed = team.officers[0].get(CONSOLE, params={"package_id": str(package.id)}).json()["items"]
    assert {item["origin"] for item in listed} == {"desk", "phone"}
    original = team.officers[0].get(f"{CONSOLE}/{made['id']}/original")
    assert original.content == content
    if size is None:
        examine_all(team.world, runtime)
        assert team.officers[0].get(f"{CONSOLE}/{made['id']}/derivatives/320").status_code == 200


def test_a_file_is_stored_for_a_hazard_and_can_be_its_rectifications_evidence(team: Team) -> None:
    document = team.field.document(
        team.field.publish("rto"), [o.user_id for o in team.officers], answers={"RTO-01": {"value": "no"}}
    )
    team.phone.put_package(team.phone.seal(document, []))
    officer = team.officers[0]
    hazard = officer.get("/api/v1/hazards").json()["items"][0]
    made = send(officer, camera_jpeg(), hazard_id=hazard["id"])
    assert made.status_code == 201, made.text
    listed = officer.get(CONSOLE, params={"hazard_id": hazard["id"]}).json()["items"]
    assert [item["id"] for item in listed] == [made.json()["id"]]


def test_a_wrong_hash_is_422_and_leaves_nothing(team: Team, runtime: Runtime) -> None:
    package = team.sent(photo())
    content = camera_jpeg()
    answer = send(team.officers[0], content, package_id=package.id, hash=sha256_of(b"other"))
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_evidence")
    assert stored_bytes(team.world, runtime, content) is None


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 422, "evidence_context_required"),
        ({"package_id": "x"}, 422, "invalid"),
        ({"package_id": new_id()}, 404, "not_found"),
        ({"hazard_id": new_id()}, 404, "not_found"),
    ],
)
def test_a_file_that_belongs_to_nothing_is_refused_and_leaves_nothing(
    team: Team, runtime: Runtime, fields: dict[str, Any], status: int, code: str
) -> None:
    content = camera_jpeg()
    answer = send(team.officers[0], content, **fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stored_bytes(team.world, runtime, content) is None


def test_a_foreign_regions_package_is_not_found_and_a_missing_action_forbidden(team: Team) -> None:
    package = team.sent(photo())
    foreigner = team.world.person("inspector", region=team.world.other_town)
    assert send(foreigner, camera_jpeg(), package_id=package.id).status_code == 404
    reader = team.world.person("supervisor", region=team.world.town)
    assert send(reader, camera_jpeg(), package_id=package.id).status_code == 403
    elsewhere = team.world.person("inspector", "supervisor", region=team.world.other_town)
    assert send(elsewhere, camera_jpeg(), package_id=package.id).status_code == 404


def test_the_same_key_replays_the_answer_and_makes_one_row(team: Team) -> None:
    package, content = team.sent(photo()), camera_jpeg()
    first = send(team.officers[0], content, key="k1", package_id=package.id)
    again = send(team.officers[0], content, key="k1", package_id=package.id)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = send(team.officers[0], camera_jpeg(), key="k1", package_id=package.id)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    missing = team.world.client.post(
        CONSOLE, files={"file": ("a", b"x")}, headers={"Authorization": f"Bearer {team.officers[0].token}"}
    )
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_required")


def test_parallel_repeats_make_one_row(team: Team) -> None:
    package, content = team.sent(photo()), camera_jpeg()
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: send(team.officers[0], content, key="same", package_id=package.id), range(4))
        )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    listed = team.officers[0].get(CONSOLE, params={"package_id": str(package.id)}).json()["items"]
    assert len([item for item in listed if item["origin"] == "desk"]) == 1


BOUNDARY = "----edge"


def raw(client: TestClient, person: Person, body: bytes, content_type: str | None = None) -> Any:
    headers = {
        "Authorization": f"Bearer {person.token}",
        "Idempotency-Key": new_id().hex,
        "Content-Type": content_type or f"multipart/form-data; boundary={BOUNDARY}",
    }
    return client.post(CONSOLE, content=body, headers=headers)


def part(name: str, value: bytes, more: str = "") -> bytes:
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
        + value
        + b"\r\n"
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"no form at all", 400, "bad_request"),
        (part("file", b"x" * 100, '; filename="a"'), 400, "bad_request"),  # cut short: no last boundary
        (part("package_id", b"x") + f"--{BOUNDARY}--\r\n".encode(), 422, "form_invalid"),
        (part("file", b"1") + part("file", b"2") + f"--{BOUNDARY}--\r\n".encode(), 422, "form_invalid"),
        (part("file", b"", '; filename="a"') + f"--{BOUNDARY}--\r\n".encode(), 422, "wrong_evidence"),
        (part("note", b"x" * 5000) + f"--{BOUNDARY}--\r\n".encode(), 422, "form_invalid"),
        (b"".join(part(f"n{i}", b"x") for i in range(30)) + f"--{BOUNDARY}--\r\n".encode(), 422, "form_invalid"),
    ],
)  # fmt: skip
def test_broken_forms_are_refused_clearly_and_leave_nothing(
    team: Team, runtime: Runtime, client: TestClient, body: bytes, status: int, code: str
) -> None:
    answer = raw(client, team.officers[0], body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert list((Path(runtime.settings.data_dir) / "objects" / ".staging").iterdir()) == []


def test_a_form_of_another_type_is_refused(team: Team, client: TestClient) -> None:
    for kind in ("application/json", "multipart/form-data", "text/plain"):
        answer = raw(client, team.officers[0], b"{}", kind)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_file_beyond_the_limit_is_413(team: Team, client: TestClient) -> None:
    package = team.sent(photo())
    answer = send(team.officers[0], os.urandom(8 * 1024 * 1024 + 1), package_id=package.id)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "name", ["照片🔥.jpg", "cafe\u0301.jpg", "C:\\fakepath\\a.jpg", "../../a.jpg", "a\x00b.jpg"]
)
def test_names_of_every_kind_are_kept_without_their_paths(team: Team, name: str) -> None:
    package = team.sent(photo())
    made = send(team.officers[0], camera_jpeg(), name, package_id=package.id)
    assert made.status_code == 201, made.text
    row = row_of(team.world, made.json()["id"])
    assert row is not None
    assert "/" not in row["name"]
    assert "\\" not in row["name"]
    original = team.officers[0].get(f"{CONSOLE}/{made.json()['id']}/original")
    assert original.status_code == 200
