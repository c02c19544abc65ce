"""What a phone asks of packages: submit, look at, sign, receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Uuid, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from structlog import get_logger

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import ForbiddenProblem, NotFoundProblem
from app.models.identity import Device
from app.models.inspections import AssignmentMember, Package, PackageIntake, PackageSignature, Receipt, Visit
from app.schemas.mobile.packages import PackageAnswer, SignatureRequest, SignatureView
from app.services.audit.service import note_change, record_act
from app.services.evidence.manifest import missing_evidence
from app.services.identity.signatures import signature_verifies
from app.services.inspections.context import Context, Named, read_context
from app.services.inspections.errors import (
    NoReceiptProblem,
    OtherBytesProblem,
    PackageSignatureProblem,
    QuarantinedProblem,
    RejectedProblem,
)
from app.services.inspections.intake import Arrived, Delivery, Kept, keep_packages
from app.services.inspections.policy import read_action
from app.services.inspections.processing import (
    CannotProcess,
    NotWaiting,
    Waiting,
    is_one_statement,
    process_packages,
    standing_together,
)
from app.services.inspections.sealing import TooMany, UnreadableEnvelope, read_envelope, signature_message
from app.services.runtime import Runtime

log = get_logger()

SWEEP_AFTER = timedelta(seconds=60)
SWEEP_BATCH = 50
MAX_ATTEMPTS = 20
"""Sweeps that follow one another; what has failed so often is tried once in SWEEP_SELDOM."""
SWEEP_SELDOM = timedelta(hours=1)
REFUSED_BY_DATABASE = ("22", "23502", "23503", "23514")
"""Data that will be refused however often it is tried (data exception, NULL, foreign key, check): for a person."""
SOMEBODY_CAME_FIRST = ("23505", "40001", "40P01")
"""A unique key is taken, or a statement refused itself: what was read before is out of date. Or two waited crosswise (one phone's
packages: its receipts and the authority's numbers are taken in either order) and PostgreSQL let the other one through."""
BEGIN_AGAIN_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Submitted:
    """A package's state, whether this delivery was its first, and whether it was processed for it, here and now."""

    is_new: bool
    answer: PackageAnswer
    is_done_here: bool = False


async def submit_package(runtime: Runtime, actor: Actor, delivery: Delivery) -> Submitted:
    """Keep the bytes (one commit), then process them (another). What is interrupted between is finished by the sweep.

    Raises OtherBytesProblem (both kept), QuarantinedProblem (kept), and what keep_packages refuses with.
    """
    (result,) = await submit_packages(runtime, actor, [delivery])
    if isinstance(result, Exception):
        raise result
    return result


async def submit_packages(
    runtime: Runtime, actor: Actor, deliveries: Sequence[Delivery]
) -> list[Submitted | Exception]:
    """The same for many: all their bytes are kept before anything is made of any; in the place of each, what came of it.

    Whatever is wrong with one, the others go on.
    """
    async with runtime.database.single_statement() as connection:
        kept = await keep_packages(connection, actor, deliveries)
    waiting = [
        Waiting(one.arrived, one.context)
        for one in kept
        if not isinstance(one, Exception) and one.arrived is not None
    ]
    done = await _finish_packages(runtime, waiting)
    results: list[Submitted | Exception] = []
    for delivery, one in zip(deliveries, kept, strict=True):
        try:
            results.append(await _result(runtime, delivery, one, done))
        except Exception as error:  # noqa: BLE001  it is this row's result
            results.append(error)
    return results


async def keep_delivery(runtime: Runtime, actor: Actor, delivery: Delivery) -> Kept:
    """The first commit of submit_package; raises what keep_packages refuses with."""
    async with runtime.database.single_statement() as connection:
        (kept,) = await keep_packages(connection, actor, [delivery])
    if isinstance(kept, Exception):
        raise kept
    return kept


async def finish_delivery(runtime: Runtime, delivery: Delivery, kept: Kept) -> Submitted:
    """The second commit of submit_package; raises what came of the package if it was not processed."""
    done = {}
    if kept.arrived is not None:
        done[delivery.package_id] = await finish_package(runtime, Waiting(kept.arrived, kept.context))
    return await _result(runtime, delivery, kept, done)


async def _result(
    runtime: Runtime,
    delivery: Delivery,
    kept: Kept | Exception,
    done: Mapping[UUID, PackageAnswer | Exception | None],
) -> Submitted:
    """What came of one delivery; raises what it is refused with, or what happened to it."""
    if isinstance(kept, Exception):
        raise kept
    if kept.is_conflict:
        raise OtherBytesProblem(id=str(delivery.package_id))
    answer = done.get(delivery.package_id)
    if isinstance(answer, Exception):
        raise answer
    if delivery.package_id not in done and kept.status == "received":
        await finish_kept(runtime, delivery.package_id)
    if answer is not None:
        return Submitted(kept.is_new, answer, is_done_here=True)
    return Submitted(kept.is_new, await _answer(runtime, delivery.package_id))


async def _answer(runtime: Runtime, package_id: UUID) -> PackageAnswer:
    async with runtime.database.read() as session:
        answer = await _describe(session, package_id)
        if answer.status == "quarantined":
            intake = await session.get_one(PackageIntake, package_id)
            raise QuarantinedProblem(reason=intake.reason, id=str(package_id))
        if answer.status == "rejected":
            raise RejectedProblem(reason=answer.reason, id=str(package_id))
    return answer


async def finish_kept(runtime: Runtime, package_id: UUID) -> None:
    """Process a package that was kept earlier, if it still waits."""
    async with runtime.database.read() as session:
        intake = await session.get_one(PackageIntake, package_id)
        if intake.status != "received":
            return
        try:
            envelope = read_envelope(intake.sealed)
        except (UnreadableEnvelope, TooMany) as error:  # kept by a version that read it otherwise
            await _set_aside(runtime, package_id, f"unreadable: {error}")
            return
        arrived = Arrived(
            package_id, intake.sha256, intake.sealed, envelope, intake.device_id, intake.user_id,
            intake.received_at, intake.origin,
        )  # fmt: skip
        context = await read_context(session, _named(arrived))
    await finish_package(runtime, Waiting(arrived, context))


async def _finish_packages(
    runtime: Runtime, waiting: Sequence[Waiting]
) -> dict[UUID, PackageAnswer | Exception | None]:
    """Process kept packages of one phone: together what stands together, the rest one by one in their order."""
    done: dict[UUID, PackageAnswer | Exception | None] = {}
    together = standing_together(waiting)
    if len(together) > 1:
        is_once = all(map(is_one_statement, together))
        unit = runtime.database.write_once if is_once else runtime.database.write
        try:
            async with unit() as session:
                answers = await process_packages(session, runtime, together)
            done.update({answer.id: answer for answer in answers})
        except Exception as error:  # noqa: BLE001  whatever one did to the others, by itself it does it to nobody
            log.warning("packages_taken_one_by_one", packages=len(together), kind=type(error).__name__)
    for one in waiting:
        package_id = one.arrived.package_id
        if package_id in done:
            continue
        try:
            fresh = Waiting(one.arrived, await _look_again(runtime, one.arrived)) if len(waiting) > 1 else one
            done[package_id] = await finish_package(runtime, fresh)
        except Exception as error:  # noqa: BLE001  it is this row's result
            done[package_id] = error
    return done


async def finish_package(runtime: Runtime, one: Waiting) -> PackageAnswer | None:
    """Process one kept package; what a person must look at is set aside with its reason. None: it was not done here."""
    arrived = one.arrived
    for attempt in range(BEGIN_AGAIN_AT_MOST):
        if one.context.is_processed:
            return None
        is_once = attempt == 0 and is_one_statement(one)
        unit = runtime.database.write_once if is_once else runtime.database.write
        try:
            async with unit() as session:
                return (await process_packages(session, runtime, [one]))[0]
        except CannotProcess as obstacle:
            await _set_aside(runtime, arrived.package_id, obstacle.reason)
            return None
        except NotWaiting:
            return None
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None) or ""
            if state.startswith(REFUSED_BY_DATABASE):
                log.error("package_refused_by_database", package_id=str(arrived.package_id), sqlstate=state)
                await _set_aside(runtime, arrived.package_id, f"not_storable: {state}")
                return None
            if state not in SOMEBODY_CAME_FIRST:
                raise
        arrived = replace(arrived, files=())  # perhaps one of them came first: they are registered one by one
        one = Waiting(arrived, await _look_again(runtime, arrived))
    log.error("package_keeps_colliding", package_id=str(arrived.package_id))
    return None


async def _look_again(runtime: Runtime, arrived: Arrived) -> Context:
    async with runtime.database.single_statement() as connection:
        return await read_context(connection, _named(arrived))


def _named(arrived: Arrived) -> Named:
    return Named(arrived.device_id, arrived.package_id, arrived.envelope)


async def _set_aside(runtime: Runtime, package_id: UUID, reason: str) -> None:
    async with runtime.database.write() as session:
        await session.execute(
            update(PackageIntake)
            .where(PackageIntake.package_id == package_id, PackageIntake.status == "received")
            .values(status="quarantined", reason=reason, version=PackageIntake.version + 1)
        )
        await note_change(session, kind="package_intake", object_id=package_id, version=1, region_id=None)


async def sweep_packages(runtime: Runtime) -> int:
    """Finish what an interruption left between keeping and processing; returns how many were taken up.

    Nothing is given up: what keeps failing is tried more seldom, and at once again when a person releases it.
    """
    now = utc_now()
    waiting = (
        select(PackageIntake.package_id)
        .where(
            PackageIntake.status == "received",
            PackageIntake.received_at < now - SWEEP_AFTER,
            or_(
                PackageIntake.attempts < MAX_ATTEMPTS,
                PackageIntake.swept_at.is_(None),
                PackageIntake.swept_at < now - SWEEP_SELDOM,
            ),
        )
        .order_by(PackageIntake.received_at)
        .limit(SWEEP_BATCH)
    )
    async with runtime.database.read() as session:
        found = list((await session.execute(waiting)).scalars())
    for package_id in found:
        async with runtime.database.write() as session:
            await session.execute(
                update(PackageIntake)
                .where(PackageIntake.package_id == package_id)
                .values(attempts=PackageIntake.attempts + 1, swept_at=now)
            )
        try:
            await finish_kept(runtime, package_id)
        except Exception as error:
            log.error(
                "package_not_processed", package_id=str(package_id), kind=type(error).__name__, exc_info=error
            )
    return len(found)


async def get_package(session: AsyncSession, actor: Actor, package_id: UUID) -> PackageAnswer:
    """The state of a package of the actor's own, or of a visit he is an officer of."""
    await _find_own(session, actor, package_id)
    return await _describe(session, package_id)


async def get_receipt(session: AsyncSession, actor: Actor, package_id: UUID) -> bytes:
    """The stored bytes of the receipt.

    Raises NoReceiptProblem with the number of missing files while there may be one, RejectedProblem where there will be none.
    """
    found = (await session.execute(_RECEIPT, {"package_id": package_id})).one_or_none()
    if found is None:
        raise NotFoundProblem
    if found.user_id != actor.user_id:
        await find_visible(session, actor, package_id)
    if found.status == "rejected":
        raise RejectedProblem(reason=found.decision_reason, id=str(package_id))
    if found.body is None:
        raise NoReceiptProblem(missing=len(await missing_evidence(session, package_id)))
    return bytes(found.body)


_RECEIPT = (
    select(PackageIntake.user_id, PackageIntake.status, PackageIntake.decision_reason, Receipt.body)
    .outerjoin(Receipt, Receipt.package_id == PackageIntake.package_id)
    .where(PackageIntake.package_id == bindparam("package_id", type_=Uuid))
)


async def sign_package(
    session: AsyncSession, actor: Actor, package_id: UUID, request: SignatureRequest
) -> list[SignatureView]:
    """Store an officer's signature, made with a phone of his own; signing again changes nothing."""
    package = await find_visible(session, actor, package_id)
    if actor.user_id not in package.officer_ids:
        raise ForbiddenProblem(action="inspections:submit")
    device = await session.get_one(Device, actor.device_id)
    message = signature_message(package.sha256, request.text_hash)
    if not signature_verifies(device.public_key, message, request.signature):
        raise PackageSignatureProblem
    values = {
        "package_id": package_id,
        "user_id": actor.user_id,
        "device_id": device.id,
        "signature": request.signature,
        "key_id": device.key_id,
        "text_hash": request.text_hash,
    }
    new = insert(PackageSignature).values(values).on_conflict_do_nothing().returning(PackageSignature.user_id)
    if (await session.execute(new)).scalar_one_or_none() is not None:
        await session.execute(
            update(Package).where(Package.id == package_id).values(version=Package.version + 1)
        )
        await session.refresh(package)
        await record_act(
            session, actor, action="inspections:sign", kind="package", object_id=package_id,
            version=package.version, region_id=package.region_id, after={"signed_by": actor.user_id},
        )  # fmt: skip
    return await list_signatures(session, package)


async def list_signatures(session: AsyncSession, package: Package) -> list[SignatureView]:
    """Every officer of the package: claimed until he has signed."""
    wanted = select(PackageSignature).where(PackageSignature.package_id == package.id)
    return signature_views(package, list((await session.execute(wanted)).scalars()))


def signature_views(package: Package, signatures: Sequence[PackageSignature]) -> list[SignatureView]:
    """The officers of the package, each with his signature among these or without."""
    signed = {row.user_id: row for row in signatures if row.package_id == package.id}
    return [
        SignatureView(user_id=one, status="signed", signed_at=row.created_at, text_hash=row.text_hash)
        if (row := signed.get(one))
        else SignatureView(user_id=one, status="claimed", signed_at=None)
        for one in package.officer_ids
    ]


async def find_visible(session: AsyncSession, actor: Actor, package_id: UUID) -> Package:
    """A processed package that the actor may see; raises NotFoundProblem."""
    package = await session.get(Package, package_id)
    if package is None or not await _may_see(session, actor, package):
        raise NotFoundProblem
    return package


async def _find_own(session: AsyncSession, actor: Actor, package_id: UUID) -> None:
    intake = await session.get(PackageIntake, package_id)
    if intake is None:
        raise NotFoundProblem
    if intake.user_id != actor.user_id:
        await find_visible(session, actor, package_id)


async def _may_see(session: AsyncSession, actor: Actor, package: Package) -> bool:
    """Its author and officers, whoever reads its kind in its region, and the team of its assignment."""
    if actor.user_id == package.user_id or actor.user_id in package.officer_ids:
        return True
    if package.region_id in actor.regions_for(read_action(package.kind)):
        return True
    member = (
        select(AssignmentMember.user_id)
        .join(Visit, Visit.assignment_id == AssignmentMember.assignment_id)
        .where(Visit.id == package.visit_id, AssignmentMember.user_id == actor.user_id)
    )
    return (await session.execute(member)).first() is not None


async def _describe(session: AsyncSession, package_id: UUID) -> PackageAnswer:
    intake = await session.get_one(PackageIntake, package_id)
    package = await session.get(Package, package_id)
    receipt = await session.scalar(select(Receipt.package_id).where(Receipt.package_id == package_id))
    return PackageAnswer(
        id=package_id,
        hash=intake.sha256,
        status=intake.status,
        reason=intake.decision_reason if intake.status == "rejected" else intake.reason,
        issues=package.issues if package else [],
        signable=bool(package and package.is_signable),
        missing_evidence=await missing_evidence(session, package_id),
        receipt=receipt is not None,
    )
