"""Acknowledged = stored: every way a file can arrive, in any order, once or twice, whole or damaged."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device, Photo, SealedPackage, sha256_of
from app.core.ids import new_id
from app.services.evidence import arrivals
from app.services.evidence import service as evidence_service
from app.services.inspections import service as inspections_service
from app.services.runtime import Runtime
from app.storage.store import original_key
from tests.evidence.conftest import Team
from tests.evidence.files import camera_jpeg
from tests.evidence.uploading import Tus
from tests.factories.field import Field, photo
from tests.factories.world import World


def stored_bytes(world: World, runtime: Runtime, content: bytes) -> bytes | None:
    async def read(_: AsyncSession) -> bytes | None:
        key = original_key(sha256_of(content))
        return await runtime.storage.read(key) if await runtime.storage.exists(key) else None

    found = world.in_database(read)
    assert found is None or isinstance(found, bytes)
    return found


def row_of(world: World, evidence_id: UUID) -> dict[str, Any] | None:
    async def find(session: AsyncSession) -> dict[str, Any] | None:
        wanted = text("SELECT * FROM evidence_files WHERE id = :id")
        row = (await session.execute(wanted, {"id": evidence_id})).mappings().first()
        return dict(row) if row else None

    return world.in_database(find)  # type: ignore[no-any-return]


def put(phone: Device, evidence_id: UUID, package_id: UUID, content: bytes, **headers: str) -> Any:
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    given = {
        "Repr-Digest": f"sha-256=:{digest}:",
        "Anshao-Package": str(package_id),
        "Content-Type": "image/jpeg",
    }
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return phone.request("PUT", f"/evidence/{evidence_id}", content=content, headers=given | names)


def test_a_declared_file_is_durable_claimed_and_of_its_packages_region(team: Team, runtime: Runtime) -> None:
    one, other = photo(), photo()
    package = team.sent(one, other)
    answer = team.phone.put_photo(package, one)
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": str(one.id),
            "status": "verified",
            "hash": sha256_of(one.content),
            "size": len(one.content),
            "signed_receipt": None,
        },
    )
    assert stored_bytes(team.world, runtime, one.content) == one.content
    row = row_of(team.world, one.id)
    assert row is not None
    assert (row["is_claimed"], row["region_id"], row["package_id"]) == (True, team.world.town, package.id)
    state = team.phone.request("GET", f"/packages/{package.id}").json()
    assert (state["missing_evidence"], state["receipt"]) == ([str(other.id)], False)


@pytest.mark.parametrize(
    "size", [1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3 * 1024 * 1024 + 7, 4 * 1024 * 1024]
)
def test_files_of_any_size_up_to_the_limit_are_stored_byte_for_byte(
    team: Team, runtime: Runtime, size: int
) -> None:
    content = (new_id().bytes * (size // 16 + 1))[:size] if size > 16 else new_id().bytes[-size:]
    large = Photo(content, None)
    package = team.sent(large)
    assert team.phone.put_photo(package, large).status_code == 201
    assert stored_bytes(team.world, runtime, content) == content
    assert team.phone.receipt(package.id) is not None


def test_a_file_beyond_the_limit_is_413_and_leaves_nothing(team: Team, runtime: Runtime) -> None:
    large = Photo(b"x" * (4 * 1024 * 1024 + 1), None)
    package = team.sent(large)
    answer = team.phone.put_photo(package, large)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert stored_bytes(team.world, runtime, large.content) is None


def test_a_body_longer_than_the_limit_without_announced_length_is_413(team: Team, runtime: Runtime) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(70):
            yield b"y" * 65536

    package = team.sent(photo())
    headers = {
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes(32)).decode()}:",
        "Anshao-Package": str(package.id),
    }
    answer = team.phone.request("PUT", f"/evidence/{new_id()}", content=chunks(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("announced", "status", "code"), [("10", 413, "too_large"), ("5000", 400, "body_cut_short")]
)
def test_a_body_of_another_length_than_announced_is_refused_and_leaves_nothing(
    team: Team, runtime: Runtime, announced: str, status: int, code: str
) -> None:
    one = photo()
    package = team.sent(one)
    answer = put(team.phone, one.id, package.id, one.content, Content_Length=announced)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stored_bytes(team.world, runtime, one.content) is None
    assert row_of(team.world, one.id) is None


def test_bytes_damaged_on_the_way_are_422_and_can_be_sent_again(team: Team, runtime: Runtime) -> None:
    one = photo()
    package = team.sent(one)
    digest = base64.b64encode(hashlib.sha256(one.content).digest()).decode()
    damaged = one.content[:-1] + b"?"
    answer = put(team.phone, one.id, package.id, damaged, Repr_Digest=f"sha-256=:{digest}:")
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (
        422,
        "wrong_evidence",
        "now",
    )
    assert stored_bytes(team.world, runtime, damaged) is None
    assert team.phone.put_photo(package, one).status_code == 201


@pytest.mark.parametrize("content", [b"other bytes than declared", b""])
def test_bytes_that_do_not_match_their_declaration_are_422_and_not_claimed(
    team: Team, runtime: Runtime, content: bytes
) -> None:
    one = photo()
    package = team.sent(one)
    content = content and content + new_id().bytes
    answer = put(team.phone, one.id, package.id, content)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_evidence")
    assert row_of(team.world, one.id) is None
    assert stored_bytes(team.world, runtime, content) is None
    state = team.phone.request("GET", f"/packages/{package.id}").json()
    assert state["missing_evidence"] == [str(one.id)]


@pytest.mark.parametrize("digest", ["", "sha-256=:AAAA:", "md5=:AAAA:", "sha-256=abc", "sha-256=:!!!:"])
def test_a_file_without_a_usable_digest_is_refused(team: Team, digest: str) -> None:
    one = photo()
    package = team.sent(one)
    answer = put(team.phone, one.id, package.id, one.content, Repr_Digest=digest)
    assert (answer.status_code, answer.json()["code"]) == (422, "repr_digest_required")


def test_an_undeclared_file_is_409_once_its_package_is_here(team: Team, runtime: Runtime) -> None:
    package = team.sent(photo())
    stranger = photo()
    answer = team.phone.put_photo(package, stranger)
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_undeclared")
    assert stored_bytes(team.world, runtime, stranger.content) is None


def test_a_file_may_come_before_its_package_and_is_claimed_by_it(team: Team) -> None:
    early, late = photo(), photo()
    package = team.seal(early, late)
    assert team.phone.put_photo(package, early).json()["status"] == "stored"
    again = team.phone.put_photo(package, early)
    assert (again.status_code, again.json()["status"]) == (200, "stored")
    row = row_of(team.world, early.id)
    assert row is not None
    assert (row["is_claimed"], row["region_id"]) == (False, None)
    assert team.phone.put_package(package).json()["missing_evidence"] == [str(late.id)]
    row = row_of(team.world, early.id)
    assert row is not None
    assert (row["is_claimed"], row["region_id"]) == (True, team.world.town)
    assert team.phone.put_photo(package, late).status_code == 201
    assert team.phone.receipt(package.id) is not None


def test_the_same_id_with_other_bytes_is_409_and_the_first_stays(team: Team, runtime: Runtime) -> None:
    first = photo()
    package = team.seal(first)
    assert team.phone.put_photo(package, first).status_code == 201
    second = replace(first, content=b"second" + new_id().bytes)
    answer = team.phone.put_photo(package, second)
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_conflict")
    assert stored_bytes(team.world, runtime, second.content) is None
    row = row_of(team.world, first.id)
    assert row is not None
    assert row["sha256"] == sha256_of(first.content)


def test_another_phone_can_neither_take_an_id_nor_reach_a_package(team: Team) -> None:
    one, early = photo(), photo()
    package = team.sent(one)
    other = team.field.phone(team.officers[1].user_id)
    answer = other.put_photo(package, one)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    unsent = team.seal(early)
    assert team.phone.put_photo(unsent, early).status_code == 201
    assert other.put_photo(unsent, early).status_code == 409
    assert team.phone.put_photo(package, one).status_code == 201


def named_alike(one: Photo) -> Photo:
    """Another photograph under the same id."""
    return replace(one, content=camera_jpeg())


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_strangers_waiting_file_gives_its_id_back_to_the_phone_that_declares_it(
    team: Team, runtime: Runtime, is_whole: bool
) -> None:
    from tests.evidence.test_examination import copies_of, examine_all
    from tests.evidence.test_submissions import submit

    one, other = photo(), photo()
    taken, stranger = named_alike(one), team.field.phone(team.officers[1].user_id)
    assert put(stranger, one.id, new_id(), taken.content).status_code == 201
    examine_all(team.world, runtime)
    assert copies_of(team.world, one.id) != []
    package = team.seal(one, other)
    if is_whole:
        answer = submit(team.phone, package).json()
        assert [file["status"] for file in answer["files"]] == ["verified", "verified"]
    else:
        assert team.phone.put_package(package).status_code == 201
        assert [team.phone.put_photo(package, each).status_code for each in (one, other)] == [201, 201]
    assert team.phone.receipt(package.id) is not None
    own = row_of(team.world, one.id)
    assert own is not None
    assert (own["sha256"], own["device_id"], own["is_claimed"]) == (
        sha256_of(one.content), team.phone.device_id, True,
    )  # fmt: skip
    assert copies_of(team.world, one.id) == []

    async def find(session: AsyncSession) -> tuple[Any, Any]:
        kept = text(
            "SELECT id, device_id, is_claimed, examined_at FROM evidence_files WHERE sha256 = :sha256"
        )
        noted = text(
            "SELECT actor_kind, detail FROM audit_entries WHERE action = 'evidence:give_way' AND object_id = :id"
        )
        row = (await session.execute(kept, {"sha256": sha256_of(taken.content)})).one()
        return row, (await session.execute(noted, {"id": one.id})).one()

    row, act = team.world.in_database(find)
    assert (row.device_id, row.is_claimed, row.examined_at) == (stranger.device_id, False, None)
    assert (act.actor_kind, act.detail) == ("system", {"moved_to": str(row.id)})
    assert stored_bytes(team.world, runtime, taken.content) == taken.content
    examine_all(team.world, runtime)
    assert copies_of(team.world, row.id) != []


def test_a_stranger_cannot_take_an_id_that_is_declared_already(team: Team, runtime: Runtime) -> None:
    one = photo()
    package = team.sent(one)
    taken, stranger = named_alike(one), team.field.phone(team.officers[1].user_id)
    answer = put(stranger, one.id, new_id(), taken.content)
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_conflict")
    assert row_of(team.world, one.id) is None
    assert stored_bytes(team.world, runtime, taken.content) is None
    assert (
        team.phone.put_photo(team.seal(one), one).status_code == 201
    )  # whoever declared it may name it early again
    assert team.phone.put_photo(package, one).status_code == 200
    assert team.phone.receipt(package.id) is not None


def strangers_package(team: Team, *files: Photo) -> tuple[Device, SealedPackage]:
    """A second officer's phone, and what it seals."""
    stranger = team.field.phone(team.officers[1].user_id)
    officers = [officer.user_id for officer in team.officers]
    document = team.field.document(team.field.publish("rto"), officers, visit_id=str(new_id()))
    return stranger, stranger.seal(document, list(files))


def send_alone(stranger: Device, package: SealedPackage, file: Photo) -> tuple[int, str]:
    assert stranger.put_package(package).status_code == 201
    answer = stranger.put_photo(package, file)
    return answer.status_code, answer.json().get("code")


def send_first(stranger: Device, package: SealedPackage, file: Photo) -> tuple[int, str]:
    early = stranger.put_photo(package, file)
    assert stranger.put_package(package).json()["missing_evidence"] == [str(file.id)]
    return early.status_code, early.json().get("code")


def send_whole(stranger: Device, package: SealedPackage, _: Photo) -> tuple[int, str]:
    from tests.evidence.test_submissions import submit

    (file,) = submit(stranger, package).json()["files"]
    return (file["problem"] or {"status": 0})["status"], (file["problem"] or {"code": ""})["code"]


def send_resumably(stranger: Device, package: SealedPackage, file: Photo) -> tuple[int, str]:
    assert stranger.put_package(package).status_code == 201
    answer = Tus(stranger).create(file, package.id, file.content)
    return answer.status_code, answer.json().get("code") if answer.content else ""


@pytest.mark.parametrize("send", [send_alone, send_first, send_whole, send_resumably])
@pytest.mark.parametrize("is_same", [False, True])
def test_the_phone_that_declares_an_id_first_keeps_it_whoever_declares_it_and_is_sooner_with_a_file(
    team: Team, runtime: Runtime, send: Any, is_same: bool
) -> None:
    one, other = photo(), photo()
    package = team.sent(one, other)
    taken = one if is_same else named_alike(one)
    stranger, second = strangers_package(team, taken)
    assert send(stranger, second, taken) == (409, "evidence_conflict")
    assert row_of(team.world, one.id) is None
    assert stored_bytes(team.world, runtime, taken.content) is None
    assert [team.phone.put_photo(package, each).status_code for each in (one, other)] == [201, 201]
    assert team.phone.receipt(package.id) is not None
    again = stranger.put_photo(second, taken)
    assert (again.status_code, again.json()["code"]) == (409, "evidence_conflict")
    assert stranger.withdraw(second, taken, "编号有误").status_code == 200
    row = row_of(team.world, one.id)
    assert row is not None
    assert (row["device_id"], row["package_id"]) == (team.phone.device_id, package.id)


def test_a_strangers_file_that_waited_is_not_claimed_by_his_package_once_another_phone_has_declared_its_id(
    team: Team,
) -> None:
    one = photo()
    taken = named_alike(one)
    stranger, second = strangers_package(team, taken)
    assert stranger.put_photo(second, taken).status_code == 201
    package = team.sent(one)
    assert stranger.put_package(second).json()["missing_evidence"] == [str(one.id)]
    row = row_of(team.world, one.id)
    assert row is not None
    assert row["is_claimed"] is False
    again = stranger.put_photo(second, taken)
    assert (again.status_code, again.json()["code"]) == (409, "evidence_conflict")
    assert team.phone.put_photo(package, one).status_code == 201
    assert team.phone.receipt(package.id) is not None


def test_the_first_phone_may_declare_its_file_again_after_another_phone_has(team: Team) -> None:
    from tests.evidence.test_submissions import submit

    one, early = photo(), photo()
    first = team.sent(one, early)
    stranger, second = strangers_package(team, one, early)
    assert stranger.put_package(second).status_code == 201
    assert team.phone.put_photo(first, early).status_code == 201
    answer = submit(team.phone, team.seal(one, early))
    assert (answer.status_code, {file["status"] for file in answer.json()["files"]}) == (201, {"verified"})
    assert answer.json()["signed_receipt"] is not None
    assert team.phone.put_photo(first, one).status_code == 200
    assert team.phone.receipt(first.id) is not None


@pytest.mark.parametrize("is_sent_again", [False, True])
def test_a_file_is_of_the_package_that_claims_it_whichever_was_named_when_it_came(
    team: Team, is_sent_again: bool
) -> None:
    """So that what another phone's package says of an id is never read beside this phone's file."""
    one = photo()
    theirs = team.seal(one)
    stranger, own = strangers_package(team, one)
    if is_sent_again:
        assert stranger.put_package(own).status_code == 201
    assert put(stranger, one.id, theirs.id, one.content).status_code == 201
    if is_sent_again:
        assert stranger.put_photo(own, one).status_code == 200
    else:
        assert stranger.put_package(own).json()["missing_evidence"] == []
    assert team.phone.put_package(theirs).json()["missing_evidence"] == [str(one.id)]
    row = row_of(team.world, one.id)
    assert row is not None
    assert (row["is_claimed"], row["device_id"], row["package_id"]) == (True, stranger.device_id, own.id)


def test_who_declared_an_id_first_is_found_by_one_probe_of_an_index(team: Team, runtime: Runtime) -> None:
    """The plans are PostgreSQL's own; the rows are rolled back."""

    async def explain() -> list[str]:
        async with runtime.database.engine.connect() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys
            await connection.execute(
                text(
                    "INSERT INTO evidence_declarations "
                    "(package_id, id, region_id, device_id, sha256, size, media_type, source, status, declared_at) "
                    "SELECT gen_random_uuid(), gen_random_uuid(), :region, gen_random_uuid(), 'x', 1, 'x', 'camera', "
                    "'missing', now() FROM generate_series(1, 20000)"
                ),
                {"region": team.world.town},
            )
            await connection.execute(text("ANALYZE evidence_declarations"))
            arrival = arrivals.Arrival(new_id(), new_id(), "sha-256:" + "1" * 64, 1, "image/jpeg")
            claim = arrivals.file_row(new_id(), new_id(), arrival) | {"leave": 1}
            several = {"keys": ["x"] * 3, "ids": [new_id() for _ in range(3)], "device_id": new_id()}
            plans = []
            for statement, values in ((arrivals._CLAIM, claim), (evidence_service._OBSTACLES, several)):
                plan = await connection.execute(text(f"EXPLAIN {statement.text}"), values)
                plans.append("\n".join(str(line) for line in plan.scalars()))
            await connection.rollback()
            return plans

    from tests.evidence.test_examination import run

    for plan in run(team.world, explain):
        assert "ix_evidence_declarations_id " in plan, plan
        assert "Seq Scan on evidence_declarations" not in plan, plan


def test_a_claimed_file_never_gives_way(team: Team) -> None:
    one = photo()
    assert team.phone.put_photo(team.sent(one), one).status_code == 201
    taken, stranger = named_alike(one), team.field.phone(team.officers[1].user_id)
    officers = [officer.user_id for officer in team.officers]
    second = stranger.seal(team.field.document(team.field.publish("rto"), officers), [taken])
    assert stranger.put_package(second).status_code == 201
    answer = stranger.put_photo(second, taken)
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_conflict")
    row = row_of(team.world, one.id)
    assert row is not None
    assert (row["sha256"], row["device_id"]) == (sha256_of(one.content), team.phone.device_id)


def test_two_identical_puts_at_once_are_one_201_and_one_200(team: Team) -> None:
    for _ in range(5):
        one, other = photo(), photo()
        package = team.sent(one, other)
        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(lambda _: team.phone.put_photo(package, one).status_code, range(4)))  # noqa: B023
        assert statuses == [200, 200, 200, 201]
        state = team.phone.request("GET", f"/packages/{package.id}").json()
        assert state["missing_evidence"] == [str(other.id)]


def test_two_identical_puts_at_once_before_their_package_are_one_201_and_one_200(team: Team) -> None:
    one = photo()
    package = team.seal(one)
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda _: team.phone.put_photo(package, one).status_code, range(4)))
    assert statuses == [200, 200, 200, 201]


def test_files_and_their_package_at_once_always_end_in_a_receipt(team: Team) -> None:
    """Whichever comes first, the last one makes the receipt: nothing waits for ever."""
    for _ in range(4):
        photos = [photo() for _ in range(3)]
        package = team.seal(*photos)

        def send(what: Photo | SealedPackage, package: SealedPackage = package) -> int:
            if isinstance(what, Photo):
                return team.phone.put_photo(package, what).status_code
            return team.phone.put_package(what).status_code

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(send, [*photos, package])) == {201}
        assert team.phone.receipt(package.id) is not None


def test_one_file_declared_by_two_packages_completes_both(team: Team) -> None:
    shared = photo()
    first, second = team.sent(shared), team.sent(shared)
    assert team.phone.put_photo(first, shared).status_code == 201
    assert team.phone.put_photo(second, shared).status_code == 200
    assert team.phone.receipt(first.id) is not None
    assert team.phone.receipt(second.id) is not None


@pytest.mark.parametrize("is_sent_again", [True, False])
def test_a_file_declared_again_elsewhere_is_still_read_where_it_was_declared_first(
    world: World, is_sent_again: bool
) -> None:
    """Nobody takes a photograph away from his region's readers by naming it in a package of another region."""
    here, elsewhere = Field(world, region=world.town), Field(world, region=world.other_district)
    officers = [world.person("inspector") for _ in range(2)]
    ids, phone, shared = [officer.user_id for officer in officers], here.phone(officers[0].user_id), photo()
    first, second = (
        phone.seal(place.document(place.publish("rto"), ids), [shared]) for place in (here, elsewhere)
    )
    assert phone.put_package(first).status_code == 201
    if is_sent_again:
        assert phone.put_package(second).status_code == 201
        assert phone.put_photo(first, shared).status_code == 201
        assert phone.put_photo(second, shared).status_code == 200
    else:
        assert phone.put_photo(first, shared).status_code == 201
        assert phone.put_package(second).status_code == 201
    assert phone.receipt(second.id) is not None
    for region in (world.town, world.other_district):
        reader = world.person("inspector", region=region)
        answer = reader.get(f"/api/v1/evidence/{shared.id}/original")
        assert (answer.status_code, answer.content) == (200, shared.content)
    stranger = world.person("inspector", region=world.other_town)
    assert stranger.get(f"/api/v1/evidence/{shared.id}/original").status_code == 404


def test_two_files_of_the_same_bytes_are_two_rows_on_one_object(team: Team, runtime: Runtime) -> None:
    one = photo()
    twin = Photo(one.content, None)
    package = team.sent(one, twin)
    assert [team.phone.put_photo(package, each).status_code for each in (one, twin)] == [201, 201]
    assert team.phone.receipt(package.id) is not None


def test_a_kill_between_storage_and_row_costs_nothing_but_sending_again(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = photo()
    package = team.sent(one)

    async def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(evidence_service, "claim_original", die)
        assert team.phone.put_photo(package, one).status_code == 500
    assert stored_bytes(team.world, runtime, one.content) == one.content
    assert row_of(team.world, one.id) is None
    assert team.phone.put_photo(package, one).status_code == 201
    assert team.phone.receipt(package.id) is not None


def test_too_many_waiting_files_are_429_with_retry_after_and_a_known_one_may_come_again(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "UNCLAIMED", replace(arrivals.UNCLAIMED, files=2))
    waiting = [photo() for _ in range(3)]
    package = team.seal(*waiting)
    assert [team.phone.put_photo(package, each).status_code for each in waiting[:2]] == [201, 201]
    refused = team.phone.put_photo(package, waiting[2])
    assert (refused.status_code, refused.json()["code"]) == (429, "unclaimed_quota")
    assert refused.headers["retry-after"] == "600"
    assert stored_bytes(team.world, runtime, waiting[2].content) is None
    assert team.phone.put_photo(package, waiting[0]).status_code == 200
    assert team.phone.put_package(package).status_code == 201
    assert team.phone.put_photo(package, waiting[2]).status_code == 201


def kept_aside(team: Team, phone: Device, *photos: Photo) -> SealedPackage:
    """A package of the first officer that waits for a person: nobody knows its checklist."""
    unknown = {"code": "nobody-knows", "version": 1, "hash": "sha-256:" + "1" * 64}
    package = phone.seal(
        team.field.document(unknown, [officer.user_id for officer in team.officers]), list(photos)
    )
    assert phone.put_package(package).json()["code"] == "package_quarantined"
    return package


def test_what_a_processed_or_rejected_package_left_behind_waits_no_more(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UNCLAIMED", "KEPT_ASIDE"):
        monkeypatch.setattr(arrivals, name, replace(getattr(arrivals, name), files=1))
    left, judged, free, other = (photo() for _ in range(4))
    processed = team.seal(photo())
    assert put(team.phone, left.id, processed.id, left.content).status_code == 201
    assert team.phone.put_photo(team.seal(free), free).status_code == 429
    assert team.phone.put_package(processed).status_code == 201
    assert team.phone.put_photo(team.seal(free), free).status_code == 201
    rejected, waiting = kept_aside(team, team.phone, judged), kept_aside(team, team.phone, other)
    assert team.phone.put_photo(rejected, judged).status_code == 201
    assert team.phone.put_photo(waiting, other).status_code == 429
    set_status(team, rejected, "rejected")
    assert team.phone.put_photo(waiting, other).status_code == 201


def set_status(team: Team, package: SealedPackage, status: str) -> None:
    async def change(session: AsyncSession) -> None:
        wanted = text("UPDATE package_intakes SET status = :status WHERE package_id = :id")
        await session.execute(wanted, {"id": package.id, "status": status})

    team.world.in_database(change)


def test_no_file_is_stored_with_a_package_that_a_person_has_rejected(team: Team, runtime: Runtime) -> None:
    one, other = photo(), photo()
    rejected = kept_aside(team, team.phone, one)
    set_status(team, rejected, "rejected")
    refused = team.phone.put_photo(rejected, one)
    assert (refused.status_code, refused.json()["code"]) == (422, "package_rejected")
    assert refused.json()["retry"] == "manual"
    assert stored_bytes(team.world, runtime, one.content) is None
    phone = team.field.phone(team.officers[1].user_id)
    assert put(phone, other.id, rejected.id, other.content).status_code == 201, "of others' nothing is told"


def test_files_of_a_package_that_is_not_processed_yet_wait_for_room_and_are_taken_when_it_is(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "KEPT_ASIDE", replace(arrivals.KEPT_ASIDE, files=0))
    one = photo()
    package = team.seal(one)

    async def die(*_: object) -> None:
        raise ConnectionError("the process dies here")

    with monkeypatch.context() as patched:
        patched.setattr(inspections_service, "process_packages", die)
        assert team.phone.put_package(package).status_code == 500
        assert team.phone.put_photo(package, one).status_code == 429
    assert team.phone.put_package(package).json()["status"] == "processed"
    assert team.phone.put_photo(package, one).status_code == 201
    assert team.phone.receipt(package.id) is not None


@pytest.mark.parametrize(
    ("limit", "value", "is_other_phone"),
    [("files", 2, False), ("files_of_user", 2, True), ("bytes", 2500, False), ("bytes_of_user", 2500, True)],
)
def test_files_of_packages_kept_for_a_person_have_a_quota_of_their_own(
    team: Team, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, is_other_phone: bool
) -> None:
    """They take no room of what comes before its package, nor the other way round; and they are bounded as well."""
    monkeypatch.setattr(arrivals, "UNCLAIMED", replace(arrivals.UNCLAIMED, files=1))
    monkeypatch.setattr(arrivals, "KEPT_ASIDE", replace(arrivals.KEPT_ASIDE, **{limit: value}))
    phone = team.field.phone(team.officers[0].user_id) if is_other_phone else team.phone
    files = [Photo(new_id().bytes * 64, None) for _ in range(5)]
    aside = kept_aside(team, team.phone, *files[:2])
    for one in files[:2]:
        assert team.phone.put_photo(aside, one).status_code == 201
    further = kept_aside(team, phone, files[2])
    refused = phone.put_photo(further, files[2])
    assert (refused.status_code, refused.json()["code"]) == (429, "unclaimed_quota")
    assert put(phone, files[3].id, new_id(), files[3].content).status_code == 201
    assert put(phone, files[4].id, new_id(), files[4].content).status_code == 429
    if is_other_phone:  # under another phone's package it waits for a package of its own
        assert put(phone, files[4].id, aside.id, files[4].content).status_code == 429


def test_files_of_sound_packages_are_taken_whatever_waits(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UNCLAIMED", "KEPT_ASIDE"):
        monkeypatch.setattr(arrivals, name, replace(getattr(arrivals, name), files=0))
    one = photo()
    assert team.phone.put_photo(kept_aside(team, team.phone, one), one).status_code == 429
    picture = photo()
    package = team.sent(picture)
    assert team.phone.put_photo(package, picture).status_code == 201
    assert team.phone.receipt(package.id) is not None


@pytest.mark.parametrize(
    ("limit", "value", "is_other_phone"),
    [
        ("bytes", 1500, False),
        ("bytes_of_user", 1500, True),
        ("files_of_user", 1, True),
    ],
)
def test_what_waits_is_limited_in_bytes_and_over_all_phones_of_a_person(
    team: Team, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, is_other_phone: bool
) -> None:
    monkeypatch.setattr(arrivals, "UNCLAIMED", replace(arrivals.UNCLAIMED, **{limit: value}))
    first, second = (Photo(new_id().bytes * 64, None) for _ in range(2))
    package = team.seal(first, second)
    assert team.phone.put_photo(package, first).status_code == 201
    phone = team.field.phone(team.officers[0].user_id) if is_other_phone else team.phone
    refused = put(phone, second.id, new_id() if is_other_phone else package.id, second.content)
    assert (refused.status_code, refused.json()["code"]) == (429, "unclaimed_quota")
    stranger = team.field.phone(team.officers[1].user_id)
    assert put(stranger, second.id, new_id(), second.content).status_code == 201
    assert team.phone.put_package(package).status_code == 201
    assert team.phone.put_photo(package, second).status_code == 201


@pytest.mark.parametrize("limit", ["files", "files_of_user", "bytes_of_user"])
def test_of_files_that_come_at_once_no_more_wait_than_there_is_room_for(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """Each is held where it has been counted in, so that all of them would be."""
    files = [Photo(new_id().bytes * 64, None) for _ in range(6)]
    room = 2 * len(files[0].content) if "bytes" in limit else 2
    monkeypatch.setattr(arrivals, "UNCLAIMED", replace(arrivals.UNCLAIMED, **{limit: room}))
    insert_row, count = arrivals._insert_row, 0

    async def be_slow(*given: Any) -> bool:
        nonlocal count
        count += 1
        await asyncio.sleep(0.5)
        return await insert_row(*given)

    monkeypatch.setattr(arrivals, "_insert_row", be_slow)
    phones = [team.phone]
    if limit != "files":
        phones.append(team.field.phone(team.officers[0].user_id))

    def send(number: int) -> int:
        answer = put(phones[number % len(phones)], files[number].id, new_id(), files[number].content)
        return int(answer.status_code)

    with ThreadPoolExecutor(len(files)) as pool:
        assert sorted(pool.map(send, range(len(files)))) == [201] * 2 + [429] * 4
    assert count == 2
    assert sum(row_of(team.world, one.id) is not None for one in files) == 2
    assert sum(stored_bytes(team.world, runtime, one.content) is not None for one in files) == 2


def test_who_may_not_upload_is_403_and_a_browser_is_refused(team: Team) -> None:
    one = photo()
    package = team.sent(one)
    auditor = team.field.phone(team.world.person("auditor", region=team.world.town).user_id)
    assert auditor.put_photo(package, one).status_code == 403
    browser = team.officers[0].put(f"/mobile/v1/evidence/{one.id}", content=b"x", headers={
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes(32)).decode()}:", "Anshao-Package": str(package.id)})  # fmt: skip
    assert browser.status_code == 403
    unknown = team.phone.http.put(f"/mobile/v1/evidence/{one.id}", content=b"x")
    assert unknown.status_code == 401


def test_the_ordinary_arrival_is_one_statement(team: Team, runtime: Runtime) -> None:
    from tests.support.queries import recorded_queries

    photos = [photo() for _ in range(3)]
    package = team.sent(*photos)
    with recorded_queries(runtime.database) as statements:
        assert team.phone.put_photo(package, photos[0]).status_code == 201
    assert len(statements) == 2, statements  # who is it; the arrival


def test_the_last_file_takes_five_statements_more_and_its_answer_carries_the_receipt(
    team: Team, runtime: Runtime
) -> None:
    from tests.support.queries import recorded_queries

    first, last = photo(), photo()
    package = team.sent(first, last)
    assert team.phone.put_photo(package, first).json()["signed_receipt"] is None
    with recorded_queries(runtime.database) as statements:
        answer = team.phone.put_photo(package, last)
    # who is it; not the ordinary arrival; the arrival; what the receipt is made of; the receipt; its bytes. And at times, once a
    # second at most: the newest checkpoint.
    assert len([one for one in statements if "audit_seals" not in one]) == 6, statements
    receipt = team.phone.request("GET", f"/packages/{package.id}/receipt")
    assert answer.json()["signed_receipt"] == receipt.text
    again = team.phone.put_photo(package, last)
    assert (again.status_code, again.json()["signed_receipt"]) == (200, receipt.text)


def test_a_file_that_completes_another_package_shows_that_ones_receipt_only(team: Team) -> None:
    shared, other = photo(), photo()
    first, second = team.sent(shared, other), team.sent(shared)
    assert team.phone.put_photo(first, shared).json()["signed_receipt"] is None
    answer = team.phone.put_photo(second, shared)
    assert answer.json()["signed_receipt"] == team.phone.request("GET", f"/packages/{second.id}/receipt").text
    assert team.phone.receipt(first.id) is None


def test_originals_cannot_be_altered_even_in_the_database(team: Team) -> None:
    from sqlalchemy.exc import DBAPIError

    one = photo()
    team.phone.put_photo(team.sent(one), one)

    waiting = photo()
    team.phone.put_photo(team.seal(waiting), waiting)
    for identifier, change in (
        (one.id, "sha256 = 'x'"),
        (one.id, "id = gen_random_uuid()"),
        (waiting.id, "size = 1"),
    ):

        async def alter(session: AsyncSession, identifier: UUID = identifier, change: str = change) -> None:
            wanted = text(f"UPDATE evidence_files SET {change} WHERE id = :id")
            await session.execute(wanted, {"id": identifier})

        with pytest.raises(DBAPIError, match="never altered"):
            team.world.in_database(alter)


def test_staging_is_empty_after_everything(team: Team, runtime: Runtime) -> None:
    staging = Path(runtime.settings.data_dir) / "objects" / ".staging"
    one = photo()
    package = team.sent(one)
    put(team.phone, one.id, package.id, one.content, Content_Length="5000")
    put(team.phone, one.id, package.id, b"z" * (3 * 1024 * 1024))
    assert list(staging.iterdir()) == []
