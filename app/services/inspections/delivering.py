"""What a phone sends until it holds a receipt: the answer that completes a package carries it, so that nobody need ask.

A submission is a package with its files in one request. Nothing that came is lost: the package is kept as soon as it is whole,
each file as soon as it is; if the request ends too early, what is there is processed all the same.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from app.core.actor import Actor
from app.core.errors import Problem
from app.schemas.evidence import EvidenceStored
from app.schemas.mobile.packages import EvidenceDeclaration, FileResult, PackageAnswer, SubmissionAnswer
from app.services.evidence.arrivals import Arrival, Stored
from app.services.evidence.errors import UndeclaredProblem, WrongBytesProblem
from app.services.evidence.service import (
    Announcement,
    Brought,
    forget_unused_bytes,
    keep_bytes,
    register_brought,
    take_original,
)
from app.services.inspections.errors import OtherBytesProblem, QuarantinedProblem, RejectedProblem
from app.services.inspections.intake import Delivery, Kept
from app.services.inspections.receipts import find_receipt
from app.services.inspections.sealing import UnreadableEnvelope, read_envelope
from app.services.inspections.service import finish_delivery, get_package, keep_delivery
from app.services.runtime import Runtime
from app.storage.store import Buffer, StorageUnavailable


class FilePart(Protocol):
    """One file under way: its bytes are read once, and before the next part."""

    name: str
    media_type: str | None

    def pieces(self) -> AsyncIterator[Buffer]:
        """The bytes as they arrive."""


async def deliver_file(
    runtime: Runtime, actor: Actor, announced: Announcement, pieces: AsyncIterator[Buffer]
) -> tuple[EvidenceStored, bool]:
    """Store a phone's file, and whether it is new; with the receipt when its package misses no file any more.

    Raises what take_original raises.
    """
    kept, stored = await take_original(runtime, actor, announced, pieces)
    receipt = await _receipt(runtime, announced.package_id) if stored.is_complete else None
    answer = EvidenceStored(
        id=announced.id, status=stored.status, hash=kept.sha256, size=kept.size, signed_receipt=receipt
    )
    return answer, stored.is_new


async def deliver_submission(
    runtime: Runtime, actor: Actor, delivery: Delivery, parts: AsyncIterator[FilePart]
) -> tuple[SubmissionAnswer, bool]:
    """Keep a package, then its files while they arrive, then process all of it in one unit; and whether the package is new.

    A file is named by the id under which this package declares it, and must have the declared hash and size. One that is wrong
    is refused by itself. When all are there, the unit that processes the package claims them and makes the receipt; otherwise
    each is registered as if it had come alone. The refusals of submit_package that keep nothing are raised before a file is
    read; those that keep the package, when all files are stored, with `files` among their members.
    """
    kept = await keep_delivery(runtime, actor, delivery)
    taken = _Taken(runtime, delivery.package_id, _declared(delivery, kept))
    try:
        async for part in parts:
            await taken.take(part)
    except (Problem, StorageUnavailable):
        with suppress(Problem):
            await _finish(runtime, actor, delivery, kept, taken)
        raise
    return await _finish(runtime, actor, delivery, kept, taken)


def _declared(delivery: Delivery, kept: Kept) -> Mapping[UUID, EvidenceDeclaration]:
    """What this package declares, by id; nothing when nobody can read it."""
    try:
        envelope = kept.arrived.envelope if kept.arrived else read_envelope(delivery.sealed)
    except UnreadableEnvelope:
        return {}
    return {row.id: row for row in envelope.evidence}


@dataclass(slots=True)
class _Part:
    """What is known of one part: its file is durable, or it was refused, or it has been registered."""

    name: str
    brought: Brought | None = None
    stored: Stored | None = None
    refusal: Problem | None = None


class _Taken:
    """The files of a submission as they come."""

    def __init__(
        self, runtime: Runtime, package_id: UUID, declared: Mapping[UUID, EvidenceDeclaration]
    ) -> None:
        self.parts: list[_Part] = []
        self._runtime = runtime
        self._package_id = package_id
        self._declared = declared

    async def take(self, part: FilePart) -> None:
        """Store one file durably, or note why not."""
        noted = _Part(part.name[:100])
        try:
            noted.brought = await self._store(part)
        except (UndeclaredProblem, WrongBytesProblem) as refusal:
            noted.refusal = refusal
        self.parts.append(noted)

    def all_declared(self) -> tuple[Brought, ...]:
        """Every file the package declares; empty when one is not there."""
        found = {one.brought.arrival.id: one.brought for one in self.parts if one.brought}
        return tuple(found.values()) if found.keys() == self._declared.keys() else ()

    async def _store(self, part: FilePart) -> Brought:
        identifier = _id_of(part.name)
        row = self._declared.get(identifier) if identifier else None
        if row is None:
            raise UndeclaredProblem
        kept = await keep_bytes(self._runtime, _no_more_than(row.size, part.pieces()), row.hash)
        if kept.size != row.size:
            if kept.is_new:
                await forget_unused_bytes(self._runtime, kept.sha256)
            raise WrongBytesProblem
        media_type = part.media_type or "application/octet-stream"
        return Brought(kept, Arrival(row.id, self._package_id, kept.sha256, kept.size, media_type))


def _id_of(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


async def _no_more_than(size: int, pieces: AsyncIterator[Buffer]) -> AsyncIterator[Buffer]:
    left = size
    async for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise WrongBytesProblem
        yield piece


async def _finish(
    runtime: Runtime, actor: Actor, delivery: Delivery, kept: Kept, taken: _Taken
) -> tuple[SubmissionAnswer, bool]:
    together = taken.all_declared()
    if kept.arrived is not None and together:
        kept = replace(kept, arrived=replace(kept.arrived, files=together))
    try:
        submitted = await finish_delivery(runtime, delivery, kept)
    except (OtherBytesProblem, QuarantinedProblem, RejectedProblem) as problem:
        await _register_all(runtime, actor, taken.parts)
        problem.params["files"] = [one.model_dump(exclude_none=True) for one in _results(taken.parts)]
        raise
    answer = submitted.answer
    if submitted.is_done_here and together and not answer.missing_evidence:
        for one in taken.parts:
            one.stored = Stored("verified", is_new=True) if one.brought else None
    else:
        await _register_all(runtime, actor, taken.parts)
        async with runtime.database.read() as session:
            answer = await get_package(session, actor, delivery.package_id)
    return await _complete(runtime, answer, taken.parts), submitted.is_new


async def _register_all(runtime: Runtime, actor: Actor, parts: Sequence[_Part]) -> None:
    """Each durable file by itself: one that is refused harms no other."""
    for one in parts:
        if one.brought is not None:
            try:
                one.stored = await register_brought(runtime, actor, one.brought)
            except Problem as refusal:
                one.refusal = refusal


async def _complete(runtime: Runtime, answer: PackageAnswer, parts: Sequence[_Part]) -> SubmissionAnswer:
    receipt = await _receipt(runtime, answer.id) if answer.receipt else None
    return SubmissionAnswer(**dict(answer), files=_results(parts), signed_receipt=receipt)


def _results(parts: Sequence[_Part]) -> list[FileResult]:
    return [
        FileResult(part=one.name, status=one.stored.status)
        if one.stored
        else FileResult(part=one.name, status="refused", problem=_members(one.refusal))
        for one in parts
    ]


def _members(refusal: Problem | None) -> dict[str, Any] | None:
    if refusal is None:
        return None
    texts = {"zh": refusal.text("zh"), "en": refusal.text("en")}
    return {**refusal.params, "status": refusal.status, "code": refusal.code, "retry": refusal.retry, **texts}


async def _receipt(runtime: Runtime, package_id: UUID) -> str | None:
    async with runtime.database.single_statement() as connection:
        body = await find_receipt(connection, package_id)
    return body.decode() if body else None
