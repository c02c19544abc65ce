"""The rows of uploads under way. Each statement here is a compare-and-set: it says what it expects, and does all or nothing.

Who appends holds the upload by a lease: a token in the row, good for seconds and renewed with every durable part. It keeps no
connection, binds no process, and nobody ever waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, CursorResult, Executable, Row, delete, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.models.evidence import EvidenceUpload, EvidenceUploadPart
from app.services.evidence.errors import OffsetProblem, UploadBusyProblem, UploadExpiredProblem

LEASE = timedelta(seconds=5)
"""A request from which nothing has come for so long may be taken over: a phone that lost its connection need not wait longer."""
KEPT_FOR = timedelta(days=14)
"""An upload lives so long after its last durable byte; a complete one so long that a lost answer can be asked for."""

Connection = AsyncConnection | AsyncSession


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload as it stands. `status`, once complete: stored, verified or withdrawn, as a single PUT would have answered."""

    id: UUID
    evidence_id: UUID
    package_id: UUID
    sha256: str
    size: int
    media_type: str
    announced: str | None
    received: int
    is_complete: bool
    status: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of an upload that are durable under `key`."""

    start: int
    size: int
    key: str


_COLUMNS = (
    EvidenceUpload.id, EvidenceUpload.evidence_id, EvidenceUpload.package_id, EvidenceUpload.sha256, EvidenceUpload.size,
    EvidenceUpload.media_type, EvidenceUpload.announced, EvidenceUpload.received, EvidenceUpload.state,
    EvidenceUpload.status, EvidenceUpload.expires_at,
)  # fmt: skip


def _own(actor: Actor, upload_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return EvidenceUpload.id == upload_id, EvidenceUpload.device_id == actor.device_id


async def get_upload(connection: Connection, actor: Actor, upload_id: UUID) -> Upload:
    """The phone's own upload. Raises NotFoundProblem for everybody else's, UploadExpiredProblem."""
    wanted = select(*_COLUMNS).where(*_own(actor, upload_id))
    return _living((await connection.execute(wanted)).first())


async def supersede(connection: Connection, actor: Actor, upload_id: UUID) -> Upload:
    """The same, after taking the upload away from whoever appends: the offset told is the one that will be expected."""
    freed = update(EvidenceUpload).where(*_own(actor, upload_id)).values(lease=None, leased_until=None)
    return _living((await connection.execute(freed.returning(*_COLUMNS))).first())


async def take_lease(
    connection: Connection, actor: Actor, upload_id: UUID, offset: int
) -> tuple[Upload, UUID]:
    """The upload and the right to append at `offset`; raises OffsetProblem, UploadBusyProblem, UploadExpiredProblem,
    NotFoundProblem at once. An upload that is complete is given as it is."""
    now, lease = utc_now(), uuid4()
    is_free = or_(EvidenceUpload.lease.is_(None), EvidenceUpload.leased_until < now)
    taken = (
        update(EvidenceUpload)
        .where(*_own(actor, upload_id), EvidenceUpload.state == "open", EvidenceUpload.received == offset)
        .where(is_free, EvidenceUpload.expires_at > now)
        .values(lease=lease, leased_until=now + LEASE)
    )
    row = (await connection.execute(taken.returning(*_COLUMNS))).first()
    upload = _living(row) if row else await get_upload(connection, actor, upload_id)
    if row is None and upload.received != offset:
        raise OffsetProblem(offset=upload.received)
    if row is None and not upload.is_complete:
        seconds = int(LEASE.total_seconds())
        raise UploadBusyProblem(seconds=seconds, headers={"Retry-After": str(seconds)})
    return upload, lease


_COUNT_PARTS = text(
    """
    WITH moved AS (
        UPDATE evidence_uploads SET received = received + :size, leased_until = :until, expires_at = :expires
         WHERE id = :id AND lease = :lease AND received = :start AND state = 'open' RETURNING id)
    INSERT INTO evidence_upload_parts (upload_id, start, size, storage_key)
    SELECT moved.id, part.start, part.size, part.key FROM moved
     CROSS JOIN unnest(CAST(:starts AS bigint[]), CAST(:sizes AS bigint[]), CAST(:keys AS text[])) AS part(start, size, key)
    RETURNING upload_id
    """
)


async def count_parts(connection: Connection, upload_id: UUID, lease: UUID, parts: Sequence[Part]) -> bool:
    """Let durable parts count, and renew the lease; False (and nothing done) when the lease is another's by now."""
    now = utc_now()
    values = {
        "id": upload_id, "lease": lease, "start": parts[0].start, "size": sum(part.size for part in parts),
        "until": now + LEASE, "expires": now + KEPT_FOR, "starts": [part.start for part in parts],
        "sizes": [part.size for part in parts], "keys": [part.key for part in parts],
    }  # fmt: skip
    return (await connection.execute(_COUNT_PARTS, values)).first() is not None


async def renew_lease(connection: Connection, upload_id: UUID, lease: UUID) -> bool:
    """Hold on to the upload while nothing can be counted yet; False when the lease is another's by now."""
    held = (EvidenceUpload.id == upload_id, EvidenceUpload.lease == lease)
    return await _changed(
        connection, update(EvidenceUpload).where(*held).values(leased_until=utc_now() + LEASE)
    )


async def give_back(connection: Connection, upload_id: UUID, lease: UUID) -> None:
    """Let the next request in; harmless when the lease is another's by now."""
    held = (EvidenceUpload.id == upload_id, EvidenceUpload.lease == lease)
    await _changed(connection, update(EvidenceUpload).where(*held).values(lease=None, leased_until=None))


async def list_parts(connection: Connection, upload_id: UUID) -> list[Part]:
    """What is durable of an upload, from its beginning on."""
    part = EvidenceUploadPart
    wanted = select(part.start, part.size, part.storage_key).where(part.upload_id == upload_id)
    return [Part(*row) for row in await connection.execute(wanted.order_by(part.start))]


async def mark_complete(session: AsyncSession, upload_id: UUID, status: str) -> list[str]:
    """The file is stored: the upload says so from now on, and its parts are forgotten. Gives their keys."""
    done = update(EvidenceUpload).where(EvidenceUpload.id == upload_id)
    values = {"state": "complete", "received": EvidenceUpload.size, "status": status}
    await session.execute(
        done.values(**values, lease=None, leased_until=None, expires_at=utc_now() + KEPT_FOR)
    )
    gone = delete(EvidenceUploadPart).where(EvidenceUploadPart.upload_id == upload_id)
    return list((await session.execute(gone.returning(EvidenceUploadPart.storage_key))).scalars())


async def remove_uploads(session: AsyncSession, ids: Sequence[UUID]) -> list[str]:
    """Forget uploads; whoever appends to them finds out. Gives the keys of their parts, to be removed after the commit."""
    gone = delete(EvidenceUploadPart).where(EvidenceUploadPart.upload_id.in_(ids))
    keys = list((await session.execute(gone.returning(EvidenceUploadPart.storage_key))).scalars())
    await session.execute(delete(EvidenceUpload).where(EvidenceUpload.id.in_(ids)))
    return keys


def _living(row: Row[*tuple[Any, ...]] | None) -> Upload:
    if row is None:
        raise NotFoundProblem
    values = dict(row._mapping)
    if values["expires_at"] <= utc_now():
        raise UploadExpiredProblem
    return Upload(is_complete=values.pop("state") == "complete", **values)


async def _changed(connection: Connection, statement: Executable) -> bool:
    result = await connection.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount > 0
