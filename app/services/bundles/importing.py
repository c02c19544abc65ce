"""Importing a bundle file: every object goes through the door its author's phone would have used, judged by that phone's signature.

Whoever brings the file is written down and counts for nothing else. A package is its author's by its signature; a file is its
package's by the hash in the sealed manifest. Importing again is harmless, and one bad object is refused by name among the others.
Of other people's objects the carrier learns no more than what he holds: no reason that a person wrote, no key that is enrolled, no
file that a package here declares.
"""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID
from zipfile import ZipFile

import pyrage
from anyio import to_thread
from pydantic import ValidationError
from sqlalchemy import select
from structlog import get_logger

from app.core.actor import SYSTEM, Actor
from app.core.errors import ForbiddenProblem, Problem
from app.core.ids import new_id
from app.models.evidence import EvidenceDeclaration
from app.models.identity import Device, User
from app.schemas.bundles import BundledFile, BundledPackage, BundledResult, BundleManifest, BundleReport
from app.services.audit.service import record_access
from app.services.bundles.archive import MANIFEST, open_archive, unpack
from app.services.bundles.errors import (
    BundledPackageProblem,
    BundleRefusedProblem,
    BundleUnreadableProblem,
    CarriedAsideProblem,
    CarriedRejectedProblem,
    NoPackageProblem,
    NotImportedProblem,
)
from app.services.bundles.keys import BundleKeys
from app.services.evidence.errors import WrongBytesProblem
from app.services.evidence.service import Announcement, take_original
from app.services.identity.acting import find_actor_of_user
from app.services.identity.errors import DevicePendingProblem
from app.services.identity.signatures import signature_verifies
from app.services.inspections.errors import (
    OtherBytesProblem,
    PackageSignatureProblem,
    QuarantinedProblem,
    RejectedProblem,
)
from app.services.inspections.intake import Delivery
from app.services.inspections.policy import SUBMIT_ACTIONS
from app.services.inspections.sealing import (
    TooMany,
    UnreadableEnvelope,
    package_hash,
    package_message,
    read_envelope,
)
from app.services.inspections.service import submit_package
from app.services.quarantine.intake import Handover, Sender, hand_in_file, hand_in_package
from app.services.runtime import Runtime
from app.storage.store import PIECE_BYTES, Buffer, StorageUnavailable

log = get_logger()

SET_ASIDE = (OtherBytesProblem, QuarantinedProblem, RejectedProblem)
"""Refusals that keep the bytes."""

Say = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Author:
    """Whose an object is: `actor` when his phone may use the ordinary door, else it goes to the intake; a pending one's nowhere."""

    sender: Sender
    actor: Actor | None
    is_pending: bool


@dataclass(frozen=True, slots=True)
class _Declared:
    """What the author's sealed manifest says of a file."""

    author: _Author
    sha256: str
    size: int
    media_type: str


@dataclass(slots=True)
class _Import:
    """One import under way."""

    runtime: Runtime
    carrier: Actor
    archive: ZipFile
    results: list[BundledResult] = field(default_factory=list)
    declared: dict[tuple[UUID, UUID], _Declared] = field(default_factory=dict)


async def import_bundle(
    runtime: Runtime,
    carrier: Actor | None,
    pieces: AsyncIterator[Buffer],
    say: Say = lambda done, total: None,
) -> BundleReport:
    """Import an encrypted bundle; `carrier` None: the operator, by the command. `say` hears how far it is.

    Raises BundleUnreadableProblem and BundleRefusedProblem, and then nothing has been imported. In memory is one package or one
    piece of a file at a time; on disk, files without a name, which end with the process.
    """
    with _spool(runtime) as encrypted, _spool(runtime) as plain:
        digest = hashlib.sha256()
        async for piece in pieces:
            digest.update(piece)
            await to_thread.run_sync(_write, encrypted, piece)
        archive = await to_thread.run_sync(_open, runtime, encrypted, plain)
        manifest = await to_thread.run_sync(_manifest, archive)
        work = _Import(runtime, carrier or SYSTEM, archive)
        total = len(manifest.packages) + len(manifest.evidence)
        for package_id in manifest.packages:
            work.results.append(await _one(work, "package", package_id, _take_package(work, package_id)))
            say(len(work.results), total)
        for file in manifest.evidence:
            work.results.append(await _one(work, "evidence", file.id, _take_file(work, file)))
            say(len(work.results), total)
        report = BundleReport(hash="sha-256:" + digest.hexdigest(), results=work.results)
        await _write_down(work, report)
        return report


def _spool(runtime: Runtime) -> BinaryIO:
    """A file without a name (0600): whatever ends the process, nothing of it stays."""
    folder: Path = runtime.settings.data_dir / "spool"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return tempfile.TemporaryFile(dir=folder)


def _write(file: BinaryIO, piece: Buffer) -> None:
    try:
        file.write(piece)
    except OSError as failure:
        raise StorageUnavailable(failure.errno or 0, failure.strerror) from failure


def _open(runtime: Runtime, encrypted: BinaryIO, plain: BinaryIO) -> ZipFile:
    encrypted.seek(0)
    identities = BundleKeys(runtime.settings.resolved_keys_dir).identities()
    try:
        pyrage.decrypt_io(encrypted, plain, identities)
    except (pyrage.DecryptError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise StorageUnavailable(error.errno, error.strerror) from error
        raise BundleUnreadableProblem from error
    return open_archive(plain, runtime.settings.max_body_bytes)


def _manifest(archive: ZipFile) -> BundleManifest:
    """The manifest, if it names everything that is in the archive, and each once."""
    try:
        manifest = BundleManifest.model_validate_json(b"".join(unpack(archive, archive.getinfo(MANIFEST))))
    except ValidationError as error:
        raise BundleRefusedProblem(reason="manifest") from error
    named = [
        MANIFEST,
        *(f"packages/{one}.json" for one in manifest.packages),
        *(f"evidence/{file.id}" for file in manifest.evidence),
    ]
    if sorted(named) != sorted(archive.namelist()):
        raise BundleRefusedProblem(reason="manifest")
    return manifest


async def _one(work: _Import, kind: Any, identifier: UUID, taking: Any) -> BundledResult:
    """The result of one object, whatever happens to it."""
    try:
        status, sha256 = await taking
        return BundledResult(kind=kind, id=identifier, hash=sha256, status=status)
    except Problem as problem:
        status = "set_aside" if isinstance(problem, SET_ASIDE) else "refused"
        refusal = problem
    except Exception as error:
        log.error(
            "bundle_object_failed", kind=kind, id=str(identifier), error=type(error).__name__, exc_info=error
        )
        status, refusal = "refused", NotImportedProblem()
    return BundledResult(
        kind=kind, id=identifier, hash=None, status=status, code=refusal.code, zh=refusal.text("zh"),
        en=refusal.text("en"),
    )  # fmt: skip


async def _take_package(work: _Import, package_id: UUID) -> tuple[str, str]:
    bundled = await to_thread.run_sync(_bundled_package, work.archive, package_id)
    sealed = bundled.sealed.encode()
    if len(sealed) > work.runtime.settings.max_body_bytes:
        raise BundledPackageProblem
    sha256 = package_hash(sealed)
    author = await _find_author(work.runtime, Device.key_id == bundled.key_id)
    if author is None or not signature_verifies(
        author.sender.public_key, package_message(sha256), bundled.signature
    ):
        raise PackageSignatureProblem
    if author.is_pending:
        raise DevicePendingProblem
    status: str
    if author.actor is None:
        handover = Handover(
            "package", package_id, package_id, sha256, bundled.signature, carried_by=work.carrier.user_id
        )
        await hand_in_package(work.runtime, author.sender, handover, sealed)
        status = "custody"
    else:
        if not any(map(author.actor.can, SUBMIT_ACTIONS)):
            raise ForbiddenProblem(action=SUBMIT_ACTIONS[0])
        delivery = Delivery(package_id, sealed, bundled.key_id, bundled.signature)
        try:
            submitted = await submit_package(work.runtime, author.actor, delivery)
        except QuarantinedProblem as refusal:
            _remember_declared(work, package_id, sealed, author)
            if _may_know(work.carrier, author):
                raise
            raise CarriedAsideProblem from refusal
        except RejectedProblem as refusal:
            if _may_know(work.carrier, author):
                raise
            raise CarriedRejectedProblem from refusal
        status = "accepted" if submitted.is_new else "known"
    _remember_declared(work, package_id, sealed, author)
    return status, sha256


def _may_know(carrier: Actor, author: _Author) -> bool:
    """Why something is set aside: its author, and the operator."""
    return carrier.kind == "system" or carrier.user_id == author.sender.user_id


def _bundled_package(archive: ZipFile, package_id: UUID) -> BundledPackage:
    content = b"".join(unpack(archive, archive.getinfo(f"packages/{package_id}.json")))
    try:
        return BundledPackage.model_validate_json(content)
    except ValidationError as error:
        raise BundledPackageProblem from error


def _remember_declared(work: _Import, package_id: UUID, sealed: bytes, author: _Author) -> None:
    """The files the author declared, while what declares them is kept; nothing of an envelope that cannot be read."""
    try:
        envelope = read_envelope(sealed)
    except (UnreadableEnvelope, TooMany):
        return
    if envelope.id == package_id and envelope.device_id == author.sender.device_id:
        for row in envelope.evidence:
            work.declared[package_id, row.id] = _Declared(author, row.hash, row.size, row.media_type)


async def _take_file(work: _Import, file: BundledFile) -> tuple[str, str]:
    declared = work.declared.get((file.package_id, file.id))
    if declared is None:
        return await _take_file_declared_here(work, file)
    if (declared.sha256, declared.size) != (file.hash, file.size):
        raise WrongBytesProblem
    return await _take_declared(work, file, declared)


async def _take_file_declared_here(work: _Import, file: BundledFile) -> tuple[str, str]:
    """A file whose package came another way. Whoever does not hold the very bytes is not told whether anything declares it."""
    declared = await _declared_here(work.runtime, file)
    if declared is None:
        raise NoPackageProblem
    try:
        return await _take_declared(work, file, declared)
    except (WrongBytesProblem, ForbiddenProblem) as refusal:
        raise NoPackageProblem from refusal


async def _take_declared(work: _Import, file: BundledFile, declared: _Declared) -> tuple[str, str]:
    pieces = _pieces(work.archive, file)
    if declared.author.actor is None:
        handover = Handover(
            "evidence", file.id, file.package_id, file.hash, media_type=declared.media_type,
            carried_by=work.carrier.user_id,
        )  # fmt: skip
        await hand_in_file(work.runtime, declared.author.sender, handover, pieces)
        return "custody", file.hash
    declared.author.actor.require("evidence:upload")
    announced = Announcement(file.id, file.package_id, file.hash, declared.media_type)
    _, stored = await take_original(work.runtime, declared.author.actor, announced, pieces)
    return "accepted" if stored.is_new else "known", file.hash


async def _declared_here(runtime: Runtime, file: BundledFile) -> _Declared | None:
    """What a package that came earlier says of the file, if it says the same."""
    async with runtime.database.read() as session:
        row = await session.get(EvidenceDeclaration, (file.package_id, file.id))
    if row is None or (row.sha256, row.size) != (file.hash, file.size):
        return None
    author = await _find_author(runtime, Device.id == row.device_id)
    if author is None or author.is_pending:
        return None
    return _Declared(author, row.sha256, row.size, row.media_type)


async def _pieces(archive: ZipFile, file: BundledFile) -> AsyncIterator[Buffer]:
    content = unpack(archive, archive.getinfo(f"evidence/{file.id}"))
    while (piece := await to_thread.run_sync(next, content, None)) is not None:
        yield piece


async def _find_author(runtime: Runtime, which: Any) -> _Author | None:
    """The phone and its owner with today's rights; to the intake goes what a revoked phone or a closed account made."""
    async with runtime.database.read() as session:
        wanted = select(Device, User.region_id).join(User, User.id == Device.user_id).where(which)
        found = (await session.execute(wanted)).one_or_none()
        if found is None:
            return None
        device, region_id = found
        public_key: Mapping[str, Any] = device.public_key
        sender = Sender(device.id, device.user_id, device.key_id, public_key, region_id)
        actor = await find_actor_of_user(session, device.user_id) if device.status == "active" else None
        own = replace(actor, device_id=device.id) if actor else None
        return _Author(sender, own, device.status == "pending")


async def _write_down(work: _Import, report: BundleReport) -> None:
    """Who brought which file, and how it ended: one audit row."""
    counts: dict[str, int] = {}
    for one in report.results:
        counts[f"{one.kind}:{one.status}"] = counts.get(f"{one.kind}:{one.status}", 0) + 1
    async with work.runtime.database.write() as session:
        await record_access(
            session, work.carrier, action="bundles:import", kind="bundle", object_id=new_id(),
            detail={"hash": report.hash, **counts},
        )  # fmt: skip


async def import_bundle_file(runtime: Runtime, path: Path, say: Say) -> BundleReport:
    """Import a file that was brought to the server."""
    with path.open("rb") as file:

        async def pieces() -> AsyncIterator[Buffer]:
            while piece := await to_thread.run_sync(file.read, PIECE_BYTES):
                yield piece

        return await import_bundle(runtime, None, pieces(), say)
