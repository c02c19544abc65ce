"""The row of an original that is durable already: claimed by its declaration, or waiting for its package.

The ordinary arrival (declared, matching, new, not the last of its package) is one statement and one round trip; the last
file's is the same statement in the transaction that makes the receipt. Everything else is judged step by step.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, case, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.actor import SYSTEM, Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.core.events import publish
from app.core.ids import new_id
from app.models.evidence import EvidenceDeclaration, EvidenceDerivative, EvidenceFile, EvidenceManifest
from app.services.audit.service import record_act
from app.services.evidence.errors import (
    OtherFileProblem,
    RejectedPackageProblem,
    UnclaimedQuotaProblem,
    UndeclaredProblem,
    WrongBytesProblem,
)
from app.services.evidence.events import PackageEvidenceCompleted
from app.services.evidence.manifest import OWNER, lock_manifest
from app.services.runtime import Runtime
from app.storage.store import original_key


@dataclass(frozen=True, slots=True)
class Room:
    """How much may wait: files and their bytes, of one phone and of all phones of one person."""

    files: int
    bytes: int
    files_of_user: int
    bytes_of_user: int


UNCLAIMED = Room(300, 2 * 1024**3, 450, 3 * 1024**3)
"""For packages that have not come."""
KEPT_ASIDE = Room(2000, 12 * 1024**3, 3000, 18 * 1024**3)
"""With packages that are here but wait themselves: for a person, or a moment to be processed. Ten files of each that may be set
aside. Counted apart, so that they never take the room of what comes before its package."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One file as it came."""

    id: UUID
    package_id: UUID
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a file: stored (waits for its package), verified or withdrawn; `is_new` False when it was here already.

    `is_complete`: its package misses no file any more.
    """

    status: str
    is_new: bool
    is_complete: bool = False


# The manifest row is locked first, so `missing` is exact even when another file came at the same moment. What this statement
# inserts is what it verifies, and what it verifies is what it counts: all of it or nothing. Content that is to be removed
# (evidence_removals) is none of its business: that needs the lock of hold_bytes. Nor is an id that another phone declared first.
_CLAIM = text(
    f"""
    WITH manifest AS (
        SELECT package_id, region_id, missing FROM evidence_manifests
         WHERE package_id = :package_id AND device_id = :device_id FOR UPDATE),
    declared AS (
        SELECT d.id, m.region_id, m.missing FROM manifest m JOIN evidence_declarations d ON d.package_id = m.package_id
         WHERE d.id = :id AND d.sha256 = :sha256 AND d.size = :size AND d.status = 'missing'
           AND d.device_id = {OWNER.format(id=":id")}
           AND NOT EXISTS (SELECT FROM evidence_removals r WHERE r.storage_key = :storage_key)
           FOR UPDATE OF d),
    stored AS (
        INSERT INTO evidence_files (id, package_id, device_id, user_id, region_id, is_claimed, sha256, size, media_type,
                                    storage_key, received_at, flags)
        SELECT id, :package_id, :device_id, :user_id, region_id, true, :sha256, :size, :media_type,
               :storage_key, :received_at, '{{}}' FROM declared WHERE missing > :leave
            ON CONFLICT DO NOTHING RETURNING id),
    verified AS (
        UPDATE evidence_declarations SET status = 'verified'
         WHERE package_id = :package_id AND id IN (SELECT id FROM stored)),
    counted AS (
        UPDATE evidence_manifests SET missing = missing - 1
         WHERE package_id = :package_id AND EXISTS (SELECT FROM stored) RETURNING missing)
    SELECT (SELECT missing FROM counted) AS missing, EXISTS (SELECT FROM declared WHERE missing <= :leave) AS is_left
    """
)


async def claim_original(runtime: Runtime, actor: Actor, arrival: Arrival) -> Stored | None:
    """What a package awaits and has never come: in one statement that is its own transaction, or, if it is the last file, in
    the transaction that makes the receipt. None (and nothing done) when it is not that."""
    async with runtime.database.single_statement() as connection:
        missing, is_last = await _claim_new(connection, actor, arrival, leave=1)
    if missing is None and is_last:
        async with runtime.database.write() as session:
            missing, _ = await _claim_new(session, actor, arrival, leave=0)
            await _tell_if_complete(session, arrival.package_id, missing)
    return None if missing is None else Stored("verified", is_new=True, is_complete=missing == 0)


async def register_original(session: AsyncSession, actor: Actor, arrival: Arrival) -> Stored:
    """Any arrival: write its row, claim it if its package is here, and tell when it was the last of its package."""
    await lock_manifest(session, arrival.package_id)
    missing, _ = await _claim_new(session, actor, arrival, leave=0)
    if missing is not None:
        await _tell_if_complete(session, arrival.package_id, missing)
        return Stored("verified", is_new=True, is_complete=missing == 0)
    manifest = await _lock_row(session, arrival.package_id)
    declaration = await judge_arrival(session, actor, arrival, manifest)
    is_new = await _insert_row(session, actor, arrival, manifest)
    if declaration is None or manifest is None:
        return Stored("stored", is_new)
    if declaration.status == "missing":
        declaration.status = "verified"
        manifest.missing -= 1
        await session.flush()
        await _tell_if_complete(session, arrival.package_id, manifest.missing)
    return Stored(declaration.status, is_new, is_complete=manifest.missing == 0)


async def _claim_new(
    connection: AsyncConnection | AsyncSession, actor: Actor, arrival: Arrival, *, leave: int
) -> tuple[int | None, bool]:
    """How many files the package misses afterwards; None when nothing was done, and then whether that was only because at
    least `leave` are to stay missing."""
    values: dict[str, Any] = file_row(actor.user_id, actor.device_id, arrival) | {"leave": leave}
    missing, is_left = (await connection.execute(_CLAIM, values)).one()
    return missing, is_left


def file_row(user_id: UUID | None, device_id: UUID | None, arrival: Arrival) -> dict[str, Any]:
    """What is written of a phone's file before it is claimed."""
    return {
        "id": arrival.id,
        "package_id": arrival.package_id,
        "device_id": device_id,
        "user_id": user_id,
        "sha256": arrival.sha256,
        "size": arrival.size,
        "media_type": arrival.media_type,
        "storage_key": original_key(arrival.sha256),
        "received_at": utc_now(),
    }


async def _tell_if_complete(session: AsyncSession, package_id: UUID, missing: int | None) -> None:
    if missing == 0:
        await publish(session, PackageEvidenceCompleted(package_id))


async def _lock_row(session: AsyncSession, package_id: UUID) -> EvidenceManifest | None:
    wanted = select(EvidenceManifest).where(EvidenceManifest.package_id == package_id).with_for_update()
    return (await session.execute(wanted)).scalar_one_or_none()


async def judge_arrival(
    session: AsyncSession, actor: Actor, arrival: Arrival, manifest: EvidenceManifest | None
) -> EvidenceDeclaration | None:
    """The declaration the file belongs to; None when the package has not come yet. Refuses what cannot belong."""
    if manifest is None:
        await _check_owner(session, actor, arrival)
        await _check_may_wait(session, actor, arrival)
        return None
    if manifest.device_id != actor.device_id:
        raise NotFoundProblem
    declaration = await session.get(EvidenceDeclaration, (arrival.package_id, arrival.id))
    if declaration is None:
        raise UndeclaredProblem
    if (declaration.sha256, declaration.size) != (arrival.sha256, arrival.size):
        raise WrongBytesProblem
    if declaration.status != "verified":
        await _check_owner(session, actor, arrival)
    return declaration


_OWNER = text(f"SELECT {OWNER.format(id=':id')}")


async def _check_owner(session: AsyncSession, actor: Actor, arrival: Arrival) -> None:
    """Nothing waits, and nothing is claimed, under an id that another phone declared first; the answer is the same whether that
    one's file has come or not."""
    if await session.scalar(_OWNER, {"id": arrival.id}) not in (None, actor.device_id):
        raise OtherFileProblem


WAITS = """NOT f.is_claimed AND NOT EXISTS (
        SELECT FROM package_intakes i WHERE i.package_id = f.package_id AND i.status IN ('processed', 'rejected'))"""
"""Of a file `f`: it waits for its package. What one that was processed or rejected has left behind waits for nothing any more."""
_WAITING = text(
    f"""
    WITH arriving AS (
        SELECT (
            SELECT p.status FROM package_intakes p WHERE p.package_id = :package_id AND p.device_id = :device_id) AS status)
    SELECT arriving.status, count(f.id) AS of_user, coalesce(sum(f.size), 0) AS bytes_of_user,
           count(f.id) FILTER (WHERE f.device_id = :device_id) AS of_phone,
           coalesce(sum(f.size) FILTER (WHERE f.device_id = :device_id), 0) AS bytes_of_phone
      FROM arriving LEFT JOIN evidence_files f
        ON {WAITS} AND f.id <> :id AND f.device_id IN (SELECT d.id FROM devices d WHERE d.user_id = :user_id)
       AND (arriving.status IS NOT NULL) = EXISTS (
            SELECT FROM package_intakes p WHERE p.package_id = f.package_id AND p.device_id = f.device_id)
     GROUP BY arriving.status
    """
)


# Taken last of all locks, and only for what is to wait: a declared file never comes here.
_ONE_OF_USER = text("SELECT pg_advisory_xact_lock(hashtextextended(:user, 14))")


async def _check_may_wait(session: AsyncSession, actor: Actor, arrival: Arrival) -> None:
    """One more may wait, unless it waits already; what belongs to a package of the phone that is here by a quota of its own.
    With one that a person has rejected nothing does.

    Until its row is committed no other file of the person is counted: of files that come at once, no more are let in than there is
    room for.
    """
    await session.execute(_ONE_OF_USER, {"user": str(actor.user_id)})
    values = {
        "id": arrival.id,
        "package_id": arrival.package_id,
        "device_id": actor.device_id,
        "user_id": actor.user_id,
    }
    waiting = (await session.execute(_WAITING, values)).one()
    if waiting.status == "rejected":
        raise RejectedPackageProblem
    room = KEPT_ASIDE if waiting.status else UNCLAIMED
    if (
        waiting.of_phone >= room.files
        or waiting.of_user >= room.files_of_user
        or waiting.bytes_of_phone + arrival.size > room.bytes
        or waiting.bytes_of_user + arrival.size > room.bytes_of_user
    ):
        raise UnclaimedQuotaProblem(seconds=600)


async def _insert_row(
    session: AsyncSession, actor: Actor, arrival: Arrival, manifest: EvidenceManifest | None
) -> bool:
    """Write the file's row, or claim the one that came before; True when it is new. Refuses another file's id."""
    claim = {"is_claimed": manifest is not None, "region_id": manifest.region_id if manifest else None}
    new = (
        insert(EvidenceFile)
        .values(file_row(actor.user_id, actor.device_id, arrival) | claim | {"flags": []})
        .on_conflict_do_nothing()
        .returning(EvidenceFile.id)
    )
    if await session.scalar(new) is not None:
        return True
    if manifest is not None and await _make_way(session, arrival, manifest) and await session.scalar(new):
        return True
    own = (
        EvidenceFile.id == arrival.id,
        EvidenceFile.sha256 == arrival.sha256,
        EvidenceFile.device_id == actor.device_id,
    )
    if manifest is None:
        is_own = (await session.execute(select(EvidenceFile.id).where(*own))).first() is not None
    else:
        first = {
            "package_id": case((EvidenceFile.is_claimed, EvidenceFile.package_id), else_=manifest.package_id),
            "region_id": case((EvidenceFile.is_claimed, EvidenceFile.region_id), else_=manifest.region_id),
        }
        claimed = update(EvidenceFile).where(*own).values(is_claimed=True, **first)
        result = await session.execute(claimed, execution_options={"synchronize_session": False})
        assert isinstance(result, CursorResult)
        is_own = result.rowcount > 0
    if not is_own:
        raise OtherFileProblem
    return False


async def _make_way(session: AsyncSession, arrival: Arrival, manifest: EvidenceManifest) -> bool:
    """Another phone's file that only waits under this id gives way to the declared one; True when it did.

    Its row and bytes stay, under an id of its own, where no package will find them; it is examined anew.
    """
    file = EvidenceFile
    waiting = select(file.sha256).where(
        file.id == arrival.id, file.device_id != manifest.device_id, ~file.is_claimed
    )
    sha256 = await session.scalar(waiting.with_for_update())
    if sha256 is None:
        return False
    moved = {"id": new_id(), "examined_at": None, "leased_until": None, "attempts": 0}
    await session.execute(delete(EvidenceDerivative).where(EvidenceDerivative.evidence_id == arrival.id))
    await session.execute(
        update(file).where(file.id == arrival.id).values(moved),
        execution_options={"synchronize_session": False},
    )
    await record_act(
        session, SYSTEM, action="evidence:give_way", kind="evidence", object_id=arrival.id, version=1,
        region_id=manifest.region_id, before={"sha256": sha256}, detail={"moved_to": str(moved["id"])},
    )  # fmt: skip
    return True
