"""Resumable uploads: a file that comes in several requests, over bad networks, and ends exactly as a single PUT would.

Bytes are stored as parts, objects of their own that are never written over; a part counts when its row is committed, so the
offset a phone is told never exceeds what is durable. The last bytes are not stored apart: together with the parts they go the
way of every original (`take_original`), and only then does the upload tell its full length. A crash in between costs sending
them again.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import anyio
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem, Problem
from app.core.ids import new_id
from app.models.evidence import EvidenceFile, EvidenceManifest, EvidenceUpload
from app.services.evidence.arrivals import Arrival, Stored, judge_arrival, register_original
from app.services.evidence.errors import (
    ChecksumProblem,
    InconsistentLengthProblem,
    OriginalGoneProblem,
    OtherFileProblem,
    UndeclaredProblem,
    UploadLengthProblem,
    UploadLostProblem,
    UploadQuotaProblem,
    UploadSupersededProblem,
    UploadTooLargeProblem,
    UploadTooLongProblem,
    WrongBytesProblem,
)
from app.services.evidence.service import Announcement, hold_bytes, take_original
from app.services.evidence.upload_rows import (
    KEPT_FOR,
    Part,
    Upload,
    count_parts,
    get_upload,
    give_back,
    list_parts,
    mark_complete,
    remove_uploads,
    renew_lease,
    supersede,
    take_lease,
)
from app.services.runtime import Runtime
from app.storage.store import PIECE_BYTES, Kept, original_key, part_key

MAX_OPEN_PER_DEVICE = 200
MAX_OPEN_PER_USER = 300
MAX_BYTES_PER_DEVICE = 4 * 1024**3
MAX_BYTES_PER_USER = 6 * 1024**3
"""What may be under way at the same time, by announced length."""
MAX_COMPLETE_PER_DEVICE = 1000
"""Of what is stored, so many uploads at least are still told of; the oldest beyond are forgotten when the phone begins another
of a file it has sent already. Nothing is lost by it: begun anew, such an upload is complete at once."""

MEMORY_BYTES = 8 * 1024 * 1024
"""What all uploads of one process collect in memory together, however many they are; beyond 256, 32 KiB each. What one read
of the network gives comes on top."""
LEAST_PIECE_BYTES = 32 * 1024
FLUSH_SECONDS = 2.0
"""What came is durable so soon, however slowly it comes."""
MAX_COMPLETING = 8
"""So many files of one process are put together from their parts at the same time; the others wait, and keep their lease."""

_OWNER_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:user, 13))")
_ENDING = (WrongBytesProblem, UndeclaredProblem, OtherFileProblem, NotFoundProblem, UploadLostProblem)
"""Sending the last bytes again could not help, because of the file itself or of bytes that are lost: so the upload ends."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a phone announces of a file it will send. `announced` is the tus metadata as it came."""

    evidence_id: UUID
    package_id: UUID
    sha256: str
    size: int
    media_type: str
    announced: str | None = None


class Digest:
    """A checksum over the bytes of one request; `hasher` is a hashlib object."""

    def __init__(self, hasher: Any, expected: bytes) -> None:
        self._hasher, self._expected = hasher, expected

    def add(self, content: bytes) -> None:
        """The next bytes."""
        self._hasher.update(content)

    def check(self) -> None:
        """Raise ChecksumProblem unless all bytes were the announced ones."""
        if self._hasher.digest() != self._expected:
            raise ChecksumProblem


async def create_upload(runtime: Runtime, actor: Actor, wanted: Wanted) -> Upload:
    """Begin an upload, or give the one this phone began of the same file for the same package.

    Everything that can be refused without the bytes is refused here. A file that this phone has sent already is complete at
    once. Raises UploadLengthProblem, UploadTooLargeProblem, UploadQuotaProblem, InconsistentLengthProblem, and what
    take_original raises.
    """
    limit = runtime.settings.max_upload_bytes
    if wanted.size <= 0:
        raise UploadLengthProblem(limit=limit)
    if wanted.size > limit:
        raise UploadTooLargeProblem(limit=limit)
    async with runtime.database.write() as session:
        await session.execute(_OWNER_LOCK, {"user": str(actor.user_id)})
        known = await _find_twin(session, runtime, actor, wanted)
        if known is not None:
            return known
        stored = await _judge(session, runtime, actor, wanted)
        if stored is None:
            await _check_quotas(session, actor, wanted.size)
        else:
            await _forget_oldest(session, actor)
        row = EvidenceUpload(
            id=new_id(), evidence_id=wanted.evidence_id, package_id=wanted.package_id, device_id=actor.device_id,
            user_id=actor.user_id, sha256=wanted.sha256, size=wanted.size, media_type=wanted.media_type,
            announced=wanted.announced, received=wanted.size if stored else 0,
            state="complete" if stored else "open", status=stored.status if stored else None,
            expires_at=utc_now() + KEPT_FOR,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        return await get_upload(session, actor, row.id)


async def _find_twin(session: AsyncSession, runtime: Runtime, actor: Actor, wanted: Wanted) -> Upload | None:
    """The phone's own upload of the same bytes; one that has expired, or whose file is lost, is cleared away (the sweep
    removes its parts)."""
    upload = EvidenceUpload
    found = await session.execute(
        select(upload.id, upload.size, upload.state, upload.expires_at).where(
            upload.device_id == actor.device_id, upload.evidence_id == wanted.evidence_id,
            upload.package_id == wanted.package_id, upload.sha256 == wanted.sha256,
        )
    )  # fmt: skip
    row = found.first()
    if row is None:
        return None
    is_lost = row.state == "complete" and not await runtime.storage.exists(original_key(wanted.sha256))
    if is_lost or row.expires_at <= utc_now():
        await remove_uploads(session, [row.id])
        return None
    if row.size != wanted.size:
        raise InconsistentLengthProblem
    return await get_upload(session, actor, row.id)


async def _judge(session: AsyncSession, runtime: Runtime, actor: Actor, wanted: Wanted) -> Stored | None:
    """What became of the file if this phone sent it before; None when its bytes are wanted. Of others' files nothing is told."""
    arrival = Arrival(wanted.evidence_id, wanted.package_id, wanted.sha256, wanted.size, wanted.media_type)
    file = EvidenceFile
    own = select(file.sha256, file.size).where(file.id == arrival.id, file.device_id == actor.device_id)
    sent = (await session.execute(own)).first()
    if sent is not None:
        if tuple(sent) != (arrival.sha256, arrival.size):
            raise OtherFileProblem
        with suppress(OriginalGoneProblem):  # its bytes are lost: they are wanted again
            await hold_bytes(session, runtime, Kept(arrival.sha256, arrival.size, is_new=False))
            return await register_original(session, actor, arrival)
    manifest = await session.get(EvidenceManifest, arrival.package_id)
    await judge_arrival(session, actor, arrival, manifest)
    return None


async def _check_quotas(session: AsyncSession, actor: Actor, size: int) -> None:
    """One more may be under way; under the owner's lock, so that two at once are counted too."""
    upload = EvidenceUpload
    is_of_phone = upload.device_id == actor.device_id
    counted = select(
        func.count(), func.coalesce(func.sum(upload.size), 0), func.count().filter(is_of_phone),
        func.coalesce(func.sum(upload.size).filter(is_of_phone), 0),
    ).where(upload.user_id == actor.user_id, upload.state == "open", upload.expires_at > utc_now())  # fmt: skip
    of_user, bytes_of_user, of_device, bytes_of_device = (await session.execute(counted)).one()
    if (
        of_user >= MAX_OPEN_PER_USER
        or of_device >= MAX_OPEN_PER_DEVICE
        or bytes_of_user + size > MAX_BYTES_PER_USER
        or bytes_of_device + size > MAX_BYTES_PER_DEVICE
    ):
        raise UploadQuotaProblem(seconds=600)


async def _forget_oldest(session: AsyncSession, actor: Actor) -> None:
    """Make room among the phone's complete uploads: each names a file that is stored, and costs the phone nothing."""
    upload = EvidenceUpload
    oldest = select(upload.id).where(upload.device_id == actor.device_id, upload.state == "complete")
    newest_first = oldest.order_by(upload.expires_at.desc(), upload.id.desc())
    beyond = (await session.execute(newest_first.offset(MAX_COMPLETE_PER_DEVICE - 1))).scalars()
    await remove_uploads(session, list(beyond))


async def find_upload(runtime: Runtime, actor: Actor, upload_id: UUID, *, is_exclusive: bool) -> Upload:
    """An upload of the calling phone. Exclusive: a request that still appends is cut off, so the offset told will be right."""
    async with runtime.database.single_statement() as connection:
        find = supersede if is_exclusive else get_upload
        return await find(connection, actor, upload_id)


async def end_upload(runtime: Runtime, actor: Actor, upload_id: UUID) -> None:
    """Forget an upload and its bytes; a file that was stored stays. Raises NotFoundProblem, UploadExpiredProblem."""
    async with runtime.database.write() as session:
        await get_upload(session, actor, upload_id)
        keys = await remove_uploads(session, [upload_id])
    await _remove(runtime, keys)


async def _remove(runtime: Runtime, keys: list[str]) -> None:
    for key in keys:
        await runtime.storage.remove(key)


async def append_to_upload(
    runtime: Runtime,
    actor: Actor,
    upload_id: UUID,
    offset: int,
    chunks: AsyncIterator[bytes],
    digest: Digest | None = None,
    *,
    ends_when_too_long: bool = False,
) -> Upload:
    """Take in the bytes that follow `offset`; the last ones complete the file. `chunks` may be empty when time passes.

    When the chunks break off, what came counts all the same and their error goes on; with a digest all of them count or none.
    Raises OffsetProblem, UploadBusyProblem, UploadTooLongProblem (and forgets the upload if it `ends_when_too_long`),
    UploadSupersededProblem, UploadLostProblem, ChecksumProblem, and what take_original raises.
    """
    async with runtime.database.single_statement() as connection:
        upload, lease = await take_lease(connection, actor, upload_id, offset)
    if upload.is_complete:
        return await _append_nothing(upload, chunks)
    writer = _Writer(runtime, actor, upload, lease, digest)
    _WRITERS.add(writer)
    try:
        return await writer.take(chunks)
    except _ENDING:
        await writer.end()
        raise
    except UploadTooLongProblem:
        await (writer.end() if ends_when_too_long else writer.leave())
        raise
    except Exception:
        # Whatever it was (a cut connection, the storage, the database, a defect of ours), it goes on to whoever asked; but the
        # lease is given back, so that the phone may go on at once. A cancelled request does not wait for that: its lease ends in
        # seconds by itself, and what it stored without counting is swept.
        await writer.leave()
        raise
    finally:
        _WRITERS.discard(writer)


async def _append_nothing(upload: Upload, chunks: AsyncIterator[bytes]) -> Upload:
    """Repeating the last word on a complete upload is harmless; bytes are too many."""
    async for chunk in chunks:
        if chunk:
            raise UploadTooLongProblem(limit=0)
    return upload


_WRITERS: "set[_Writer]" = set()
_COMPLETING = anyio.CapacityLimiter(MAX_COMPLETING)


def _piece_bytes() -> int:
    """What one upload may hold in memory at present."""
    share = MEMORY_BYTES // max(1, len(_WRITERS))
    return max(LEAST_PIECE_BYTES, min(PIECE_BYTES, share))


@dataclass(eq=False, slots=True)
class _Writer:
    """One request that appends to one upload."""

    runtime: Runtime
    actor: Actor
    upload: Upload
    lease: UUID
    digest: Digest | None
    piece: bytearray = field(default_factory=bytearray)
    uncounted: list[Part] = field(default_factory=list)
    start: int = 0
    touched_at: float = 0.0

    async def take(self, chunks: AsyncIterator[bytes]) -> Upload:
        self.start, self.touched_at = self.upload.received, time.monotonic()
        try:
            async for chunk in chunks:
                await self._add(chunk)
        except Problem as broken_off:
            await self._end_early(broken_off)
            raise
        if self.digest is not None:
            self.digest.check()
        if self._end == self.upload.size:
            return await self._complete()
        if self.piece:
            await self._store_piece()
        if self.uncounted:
            await self._count(self.uncounted)
        await self._give_back()
        return replace(self.upload, received=self.start, expires_at=utc_now() + KEPT_FOR)

    @property
    def _end(self) -> int:
        return self.start + len(self.piece)

    async def _add(self, chunk: bytes) -> None:
        if self._end + len(chunk) > self.upload.size:
            raise UploadTooLongProblem(limit=self.upload.size - self._end)
        if self.digest is not None:
            self.digest.add(chunk)
        self.piece += chunk
        is_due = time.monotonic() - self.touched_at >= FLUSH_SECONDS
        if self._end < self.upload.size and self.piece and (is_due or len(self.piece) >= _piece_bytes()):
            await self._store_piece()
        elif is_due and chunk:
            await self._hold()

    async def _store_piece(self) -> None:
        """Make what has been collected durable, and let it count unless a digest has to be checked first."""
        part = Part(self.start, len(self.piece), part_key(self.upload.id, self.start))
        await self.runtime.storage.put(part.key, self.piece)
        self.start += part.size
        self.piece = bytearray()
        if self.digest is None:
            await self._count([part])
        else:
            self.uncounted.append(part)
            await self._hold()

    async def _count(self, parts: list[Part]) -> None:
        async with self.runtime.database.single_statement() as connection:
            is_counted = await count_parts(connection, self.upload.id, self.lease, parts)
        self.touched_at = time.monotonic()
        if not is_counted:
            self.uncounted = parts
            raise UploadSupersededProblem
        self.uncounted = []

    async def _hold(self) -> None:
        async with self.runtime.database.single_statement() as connection:
            is_held = await renew_lease(connection, self.upload.id, self.lease)
        self.touched_at = time.monotonic()
        if not is_held:
            raise UploadSupersededProblem

    async def _end_early(self, broken_off: Problem) -> None:
        """Keep what came of a request that was cut short."""
        is_whole = (
            self._end == self.upload.size
        )  # and the end of the body is all that is missing: the last bytes come again
        if (
            self.digest is None
            and self.piece
            and not is_whole
            and not isinstance(broken_off, UploadSupersededProblem)
        ):
            await self._store_piece()

    async def _complete(self) -> Upload:
        wanted = self.upload
        announced = Announcement(wanted.evidence_id, wanted.package_id, wanted.sha256, wanted.media_type)
        async with self._turn():
            _, stored = await take_original(self.runtime, self.actor, announced, self._whole())
        async with self.runtime.database.write() as session:
            keys = await mark_complete(session, wanted.id, stored.status)
        await _remove(self.runtime, [*keys, *(part.key for part in self.uncounted)])
        return replace(wanted, received=wanted.size, is_complete=True, status=stored.status)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until few others put their files together, holding the lease meanwhile."""
        await self._hold()
        while True:
            with anyio.move_on_after(FLUSH_SECONDS):
                await _COMPLETING.acquire_on_behalf_of(self)
                break
            await self._hold()
        try:
            yield
        finally:
            _COMPLETING.release_on_behalf_of(self)

    async def _whole(self) -> AsyncIterator[bytes | bytearray]:
        """The file from its first byte to its last, never more of it in memory than one piece."""
        async with self.runtime.database.single_statement() as connection:
            counted = await list_parts(connection, self.upload.id)
        begun_at = self.uncounted[0].start if self.uncounted else self.start
        before = [
            part for part in counted if part.start < begun_at
        ]  # whoever took over meanwhile has parts of his own
        for part in [*before, *self.uncounted]:
            for start in range(0, part.size, piece := _piece_bytes()):
                if time.monotonic() - self.touched_at >= FLUSH_SECONDS:
                    await self._hold()
                yield await self._read(part, start, min(piece, part.size - start))
        if self.piece:
            yield self.piece

    async def _read(self, part: Part, start: int, length: int) -> bytes:
        try:
            return await self.runtime.storage.read(part.key, start, length)
        except FileNotFoundError as gone:
            await self._hold()  # it raises if somebody else completed or ended the upload meanwhile
            raise UploadLostProblem from gone

    async def end(self) -> None:
        """Forget the upload, unless another request has taken it over and may have better bytes."""
        keys = [part.key for part in self.uncounted]
        async with self.runtime.database.write() as session:
            if await renew_lease(session, self.upload.id, self.lease):
                keys += await remove_uploads(session, [self.upload.id])
        await _remove(self.runtime, keys)

    async def leave(self) -> None:
        """Let the next request in, and forget what never counted.

        Whether the last parts count only the database knows: an answer of its may be lost. Once the lease is given back they
        never will.
        """
        await self._give_back()
        if not self.uncounted:
            return
        async with self.runtime.database.single_statement() as connection:
            counted = {part.key for part in await list_parts(connection, self.upload.id)}
        await _remove(self.runtime, [part.key for part in self.uncounted if part.key not in counted])

    async def _give_back(self) -> None:
        async with self.runtime.database.single_statement() as connection:
            await give_back(connection, self.upload.id, self.lease)
