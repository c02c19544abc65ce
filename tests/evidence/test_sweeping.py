"""What no package declared goes after ninety days, and nothing else ever does."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Photo, SealedPackage, sha256_of
from app.core.clock import utc_now
from app.services.evidence.service import lock_content
from app.services.evidence.sweeping import is_used, remove_decided, remove_strays, sweep_unclaimed
from app.services.runtime import Runtime
from app.storage.store import original_key
from tests.evidence.conftest import Team
from tests.evidence.files import camera_jpeg
from tests.evidence.test_examination import copies_of, examine_all, run
from tests.evidence.test_intake import row_of, stored_bytes
from tests.factories.field import photo


def age(team: Team, evidence_id: UUID, days: int) -> None:
    async def work(session: AsyncSession) -> None:
        at = utc_now() - timedelta(days=days)
        await session.execute(
            text("UPDATE evidence_files SET received_at = :at WHERE id = :id"), {"at": at, "id": evidence_id}
        )

    team.world.in_database(work)


def sweep(team: Team, runtime: Runtime) -> None:
    run(team.world, lambda: sweep_unclaimed(runtime))
    run(team.world, lambda: remove_decided(runtime))


def test_unclaimed_files_go_after_ninety_days_and_not_a_day_sooner(team: Team, runtime: Runtime) -> None:
    old, young, claimed = Photo(camera_jpeg(), None), photo(), photo()
    waiting = team.seal(old, young)
    for each in (old, young):
        assert team.phone.put_photo(waiting, each).status_code == 201
    team.phone.put_photo(team.sent(claimed), claimed)
    examine_all(team.world, runtime)
    copies = copies_of(team.world, old.id)
    assert len(copies) == 2
    for each, days in ((old, 91), (young, 89), (claimed, 4000)):
        age(team, each.id, days)
    sweep(team, runtime)
    assert row_of(team.world, old.id) is None
    assert stored_bytes(team.world, runtime, old.content) is None
    for copy in copies:
        assert run(team.world, lambda key=copy["storage_key"]: runtime.storage.exists(key)) is False
    for each in (young, claimed):
        assert row_of(team.world, each.id) is not None
        assert stored_bytes(team.world, runtime, each.content) == each.content

    async def audited(session: AsyncSession) -> list[Any]:
        wanted = text(
            "SELECT action, actor_kind FROM audit_entries WHERE kind = 'evidence' AND object_id = :id"
        )
        return [tuple(row) for row in await session.execute(wanted, {"id": old.id})]

    assert team.world.in_database(audited) == [("evidence:sweep", "system")]


def test_files_of_a_package_that_a_person_must_look_at_stay(team: Team, runtime: Runtime) -> None:
    kept = photo()
    package = set_aside(team, kept)
    assert team.phone.put_photo(package, kept).status_code == 201
    age(team, kept.id, 4000)
    sweep(team, runtime)
    assert row_of(team.world, kept.id) is not None
    assert stored_bytes(team.world, runtime, kept.content) == kept.content

    async def remove(session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM evidence_files WHERE id = :id"), {"id": kept.id})

    with pytest.raises(DBAPIError, match="never removed"):
        team.world.in_database(remove)


def test_files_of_a_package_that_a_revoked_phone_handed_in_stay(team: Team, runtime: Runtime) -> None:
    kept = photo()
    package = team.seal(kept)
    assert team.phone.put_photo(package, kept).status_code == 201
    administrator = team.world.person("administrator")
    path = f"/api/v1/devices/{team.phone.device_id}/revocation"
    assert administrator.post(path, version=1, json={"reason": "遗失"}).status_code == 200
    assert team.phone.hand_in(package, package.id).status_code == 201
    age(team, kept.id, 4000)
    sweep(team, runtime)
    assert row_of(team.world, kept.id) is not None
    assert stored_bytes(team.world, runtime, kept.content) == kept.content

    async def remove(session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM evidence_files WHERE id = :id"), {"id": kept.id})

    with pytest.raises(DBAPIError, match="never removed"):
        team.world.in_database(remove)


def set_aside(team: Team, *files: Photo) -> SealedPackage:
    """A package of a checklist that nobody knows waits for a person, and its files with it."""
    unknown = {"code": "nobody-knows", "version": 1, "hash": "sha-256:" + "1" * 64}
    officers = [officer.user_id for officer in team.officers]
    package = team.phone.seal(team.field.document(unknown, officers), list(files))
    assert team.phone.put_package(package).json()["code"] == "package_quarantined"
    return package


def decide(team: Team, table: str, package_id: UUID, days_ago: int) -> None:
    """As a person rejects a package that waited."""

    async def work(session: AsyncSession) -> None:
        wanted = f"UPDATE {table} SET status = 'rejected', decided_at = :at WHERE package_id = :id"
        await session.execute(text(wanted), {"at": utc_now() - timedelta(days=days_ago), "id": package_id})

    team.world.in_database(work)


def sweeps_of(team: Team, evidence_id: UUID) -> int:
    async def find(session: AsyncSession) -> int:
        wanted = "SELECT count(*) FROM audit_entries WHERE action = 'evidence:sweep' AND object_id = :id"
        return await session.scalar(text(wanted), {"id": evidence_id}) or 0

    return team.world.in_database(find)  # type: ignore[no-any-return]


def test_what_a_processed_package_did_not_declare_goes_like_what_never_had_one(
    team: Team, runtime: Runtime
) -> None:
    declared, old, young = photo(), photo(), photo()
    package = team.seal(declared)
    for each in (old, young):
        undeclared = replace(package, photos=[each])
        assert team.phone.put_photo(undeclared, each).status_code == 201
    assert team.phone.put_package(package).status_code == 201
    assert team.phone.put_photo(package, declared).status_code == 201
    for each, days in ((old, 91), (young, 89), (declared, 4000)):
        age(team, each.id, days)
    sweep(team, runtime)
    assert (row_of(team.world, old.id), sweeps_of(team, old.id)) == (None, 1)
    assert stored_bytes(team.world, runtime, old.content) is None
    for each in (young, declared):
        assert row_of(team.world, each.id) is not None
        assert stored_bytes(team.world, runtime, each.content) == each.content


def test_what_waited_with_a_rejected_package_goes_ninety_days_after_the_decision(
    team: Team, runtime: Runtime
) -> None:
    old, young = photo(), photo()
    for each, decided in ((old, 91), (young, 89)):
        package = set_aside(team, each)
        assert team.phone.put_photo(package, each).status_code == 201
        age(team, each.id, 4000)
        decide(team, "package_intakes", package.id, decided)
    sweep(team, runtime)
    assert (row_of(team.world, old.id), sweeps_of(team, old.id)) == (None, 1)
    assert stored_bytes(team.world, runtime, old.content) is None
    assert row_of(team.world, young.id) is not None
    assert stored_bytes(team.world, runtime, young.content) == young.content


def judge(team: Team, package_id: UUID, days_ago: int) -> None:
    """As a person says which content is right."""

    async def work(session: AsyncSession) -> None:
        wanted = (
            "INSERT INTO conflict_verdicts (conflict_id, decision, reason, user_id, created_at)"
            " SELECT id, 'both_stay', '与当事人核对', user_id, :at FROM package_conflicts WHERE package_id = :id"
        )
        await session.execute(text(wanted), {"at": utc_now() - timedelta(days=days_ago), "id": package_id})

    team.world.in_database(work)


@pytest.mark.parametrize(("decided", "stays"), [(None, True), (89, True), (91, False)])
def test_what_other_bytes_under_the_id_of_a_package_may_declare_stays_until_a_person_has_judged(
    team: Team, runtime: Runtime, decided: int | None, stays: bool
) -> None:
    second = photo()
    first, other = team.seal(photo()), team.seal(second)
    said = other.sealed.replace(str(other.id).encode(), str(first.id).encode())
    other = SealedPackage(first.id, said, other.photos)
    assert team.phone.put_photo(other, second).status_code == 201
    assert team.phone.put_package(first).status_code == 201
    assert team.phone.put_package(other).json()["code"] == "package_conflict"
    age(team, second.id, 4000)
    if decided is not None:
        judge(team, first.id, decided)

    async def remove(session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM evidence_files WHERE id = :id"), {"id": second.id})

    if stays:
        with pytest.raises(DBAPIError, match="never removed"):
            team.world.in_database(remove)
    sweep(team, runtime)
    assert (row_of(team.world, second.id) is not None) is stays
    assert (stored_bytes(team.world, runtime, second.content) is not None) is stays


def test_what_waited_for_a_package_in_custody_goes_ninety_days_after_it_was_rejected(
    team: Team, runtime: Runtime
) -> None:
    one, other = photo(), photo()
    packages = [team.seal(one), team.seal(other)]
    for package, each in zip(packages, (one, other), strict=True):
        assert team.phone.put_photo(package, each).status_code == 201
    administrator = team.world.person("administrator")
    path = f"/api/v1/devices/{team.phone.device_id}/revocation"
    assert administrator.post(path, version=1, json={"reason": "遗失"}).status_code == 200
    for package, each, decided in zip(packages, (one, other), (91, 89), strict=True):
        assert team.phone.hand_in(package, package.id).status_code == 201
        age(team, each.id, 4000)
        decide(team, "intake_deliveries", package.id, decided)
    sweep(team, runtime)
    assert row_of(team.world, one.id) is None
    assert row_of(team.world, other.id) is not None


def test_bytes_that_another_file_needs_stay(team: Team, runtime: Runtime) -> None:
    old = photo()
    twin = Photo(old.content, None)
    team.phone.put_photo(team.seal(old), old)
    team.phone.put_photo(team.sent(twin), twin)
    age(team, old.id, 91)
    sweep(team, runtime)
    assert row_of(team.world, old.id) is None
    assert stored_bytes(team.world, runtime, old.content) == old.content


def test_a_file_that_comes_again_between_the_two_steps_keeps_its_bytes(team: Team, runtime: Runtime) -> None:
    old = photo()
    package = team.seal(old)
    team.phone.put_photo(package, old)
    age(team, old.id, 91)
    run(team.world, lambda: sweep_unclaimed(runtime))
    assert team.phone.put_photo(package, old).status_code == 201
    run(team.world, lambda: remove_decided(runtime))
    assert stored_bytes(team.world, runtime, old.content) == old.content
    assert team.phone.put_package(package).json()["receipt"] is True


def sent_while_a_removal_is_done_again(
    team: Team, runtime: Runtime, old: Photo, send: Callable[[], Response]
) -> Response:
    """The answer to the old file's bytes when they come anew just as a removal of them that was broken off is done again."""
    team.phone.put_photo(team.seal(old), old)
    age(team, old.id, 91)
    run(team.world, lambda: sweep_unclaimed(runtime))
    key = original_key(sha256_of(old.content))
    run(team.world, lambda: runtime.storage.remove(key))  # and here the job died: its decision still stands

    async def remove_again_while_the_phone_sends() -> Response:
        async with runtime.database.write() as session:
            await lock_content(session, sha256_of(old.content))
            assert not await is_used(session, key, sha256_of(old.content))
            sending = asyncio.ensure_future(asyncio.to_thread(send))
            while not await runtime.storage.exists(key):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await asyncio.wait([sending], timeout=0.5)
            await runtime.storage.remove(key)
        return await sending

    return run(team.world, remove_again_while_the_phone_sends)  # type: ignore[no-any-return]


def test_a_removal_broken_off_and_done_again_takes_no_bytes_that_were_acknowledged(
    team: Team, runtime: Runtime
) -> None:
    old = photo()
    twin = Photo(old.content, None)
    package = team.seal(twin, photo())
    assert team.phone.put_package(package).status_code == 201
    answer = sent_while_a_removal_is_done_again(
        team, runtime, old, lambda: team.phone.put_photo(package, twin)
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "evidence_send_again")
    assert team.phone.put_photo(package, twin).status_code == 201
    run(team.world, lambda: remove_decided(runtime))
    assert stored_bytes(team.world, runtime, twin.content) == twin.content


@pytest.mark.parametrize("declared", [True, False])
def test_the_database_itself_refuses_to_remove_an_original_too_soon(team: Team, declared: bool) -> None:
    one = photo()
    package = team.sent(one) if declared else team.seal(one)
    team.phone.put_photo(package, one)
    age(team, one.id, 4000 if declared else 89)

    async def remove(session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM evidence_files WHERE id = :id"), {"id": one.id})

    with pytest.raises(DBAPIError, match="never removed"):
        team.world.in_database(remove)


def test_bytes_whose_row_was_never_written_go_after_a_day_and_nothing_else_does(
    team: Team, runtime: Runtime
) -> None:
    """As a process leaves them that dies between storing a file and writing its row."""
    claimed, waiting, stray = photo(), photo(), photo()
    team.phone.put_photo(team.sent(claimed), claimed)
    team.phone.put_photo(team.seal(waiting), waiting)
    key = original_key(sha256_of(stray.content))
    run(team.world, lambda: runtime.storage.put(key, stray.content))
    run(team.world, lambda: remove_strays(runtime))
    assert run(team.world, lambda: runtime.storage.exists(key)) is True
    run(team.world, lambda: remove_strays(runtime, 0))
    assert run(team.world, lambda: runtime.storage.exists(key)) is False
    for kept in (claimed, waiting):
        assert stored_bytes(team.world, runtime, kept.content) == kept.content
