"""Unit one of a package's way: the raw bytes are committed before anything is made of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import ForbiddenProblem, NotFoundProblem, Problem
from app.db.fixed import Fixed
from app.models.inspections import PackageConflict, PackageIntake
from app.schemas.mobile.packages import Envelope
from app.services.evidence.service import Brought
from app.services.identity.signatures import signature_verifies
from app.services.inspections.context import Context, Named, read_contexts
from app.services.inspections.errors import SetAsideQuotaProblem, TooManyRowsProblem
from app.services.inspections.policy import submit_action
from app.services.inspections.sealing import (
    TooMany,
    UnreadableEnvelope,
    package_hash,
    package_message,
    read_envelope,
)

MAX_SET_ASIDE = 200
MAX_SET_ASIDE_OF_USER = 300
"""Packages that may be set aside within the window: of one phone, and of all phones of one person. Quarantined ones, and as many
conflicts."""

SET_ASIDE_WINDOW = timedelta(days=30)

# What is set aside is told to its phone at once; what is processed, by its record.
_KEEP = Fixed(
    text(
        """
        WITH kept AS (
            INSERT INTO package_intakes
                   (package_id, sha256, sealed, signature, key_id, device_id, user_id, reason, status, received_at, attempts)
            SELECT given.*, CASE WHEN reason IS NULL THEN 'received' ELSE 'quarantined' END, :received_at, 0
              FROM unnest(CAST(:package_id AS uuid[]), CAST(:sha256 AS text[]), CAST(:sealed AS bytea[]),
                          CAST(:signature AS text[]), CAST(:key_id AS text[]), CAST(:device_id AS uuid[]),
                          CAST(:user_id AS uuid[]), CAST(:reason AS text[]))
                   AS given (package_id, sha256, sealed, signature, key_id, device_id, user_id, reason)
                ON CONFLICT DO NOTHING
            RETURNING package_id, status),
        told AS (
            INSERT INTO changes (at, kind, object_id, version)
            SELECT :received_at, 'package_intake', package_id, 1 FROM kept WHERE status = 'quarantined')
        SELECT package_id FROM kept
        """
    )
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A sealed package as it came through the door."""

    package_id: UUID
    sealed: bytes
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A kept package that can be processed: whose it is, what it says, since when it is here, and by which door it came.

    `files` came with it: all that it declares, or none.
    """

    package_id: UUID
    sha256: str
    sealed: bytes
    envelope: Envelope
    device_id: UUID
    user_id: UUID
    received_at: datetime
    origin: str = "door"
    files: tuple[Brought, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True when no declared file is to be waited for or looked for."""
        return bool(self.files) or not self.envelope.evidence


@dataclass(frozen=True, slots=True)
class Kept:
    """What unit one did: `is_new`, `is_conflict` (other bytes are kept under this id), and the intake's status and reason.

    `arrived` is set when the package is new and can be processed with what `context` told.
    """

    is_new: bool
    is_conflict: bool
    status: str
    reason: str | None
    context: Context
    arrived: Arrived | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """A delivery and what is to be done with it: kept to be processed, or aside for a `reason`, or refused."""

    delivery: Delivery
    digest: str
    envelope: Envelope | None
    context: Context
    reason: str | None
    refusal: Problem | None

    @property
    def is_ordinary(self) -> bool:
        """True when it is kept to be processed, unless its id is taken."""
        return self.reason is None and self.refusal is None


async def keep_packages(
    connection: AsyncConnection, actor: Actor, deliveries: Sequence[Delivery]
) -> list[Kept | Exception]:
    """Keep the bytes, whatever they are: one statement to look around, and one, its own transaction, to keep all that are new.

    What is not ordinary is kept after that by itself, so that one row never harms another: its place in the answer holds what
    it was refused with. Nothing of a row is kept that has ForbiddenProblem (a kind the actor may not submit), NotFoundProblem
    (a site he does not see), TooManyRowsProblem or SetAsideQuotaProblem there.
    """
    judged = await _judge(connection, actor, deliveries)
    firsts = {one.delivery.package_id: one for one in reversed(judged)}
    ordinary = [one for one in judged if one.is_ordinary and firsts[one.delivery.package_id] is one]
    new = await _keep_together(connection, actor, ordinary)
    kept: list[Kept | Exception] = []
    for one in judged:
        if one.delivery.package_id in new and firsts[one.delivery.package_id] is one:
            kept.append(_kept_new(actor, one, new[one.delivery.package_id]))
            continue
        try:
            kept.append(await _keep_alone(connection, actor, one))
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            kept.append(error)  # it is this row's result
    return kept


async def _judge(connection: AsyncConnection, actor: Actor, deliveries: Sequence[Delivery]) -> list[_Judged]:
    assert actor.device_id is not None
    read = [_read(delivery) for delivery in deliveries]
    named = [
        Named(actor.device_id, delivery.package_id, envelope)
        for delivery, (envelope, _, _) in zip(deliveries, read, strict=True)
    ]
    judged = []
    for delivery, found, context in zip(
        deliveries, read, await read_contexts(connection, named), strict=True
    ):
        envelope, reason, refusal = found
        digest = package_hash(delivery.sealed)
        if refusal is None:
            try:
                if envelope is not None:
                    actor.require(submit_action(envelope.kind))
                reason = _why_quarantined(actor, delivery, digest, envelope, context) or reason
            except (ForbiddenProblem, NotFoundProblem) as problem:
                refusal = problem
        judged.append(_Judged(delivery, digest, envelope, context, reason, refusal))
    return judged


async def _keep_together(
    connection: AsyncConnection, actor: Actor, ordinary: Sequence[_Judged]
) -> dict[UUID, datetime]:
    """When each of those that were new arrived. None at all when PostgreSQL refuses one: each is then kept alone."""
    if not ordinary:
        return {}
    try:
        return await _insert(connection, actor, ordinary)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return {}


async def _insert(
    connection: AsyncConnection, actor: Actor, judged: Collection[_Judged]
) -> dict[UUID, datetime]:
    received_at = utc_now()
    columns: dict[str, list[Any]] = {}
    for one in judged:
        for name, value in (_row(actor, one) | {"reason": one.reason}).items():
            columns.setdefault(name, []).append(value)
    new = await _KEEP.all(connection, columns | {"received_at": received_at})
    return dict.fromkeys((row.package_id for row in new), received_at)


def _kept_new(actor: Actor, one: _Judged, received_at: datetime) -> Kept:
    if one.reason or one.envelope is None:
        return Kept(True, False, "quarantined", one.reason, one.context)
    assert actor.device_id is not None
    assert actor.user_id is not None
    arrived = Arrived(
        one.delivery.package_id, one.digest, one.delivery.sealed, one.envelope, actor.device_id, actor.user_id,
        received_at,
    )  # fmt: skip
    return Kept(True, False, "received", None, one.context, arrived)


async def _keep_alone(connection: AsyncConnection, actor: Actor, one: _Judged) -> Kept:
    if one.refusal is not None:
        # Whoever may no longer submit this is still told that his phone's own bytes are here already.
        known = await _find_kept(connection, one.delivery)
        if known is None or (known.device_id, known.sha256) != (actor.device_id, one.digest):
            raise one.refusal
        return Kept(False, False, known.status, known.reason, one.context)
    if one.reason:
        await _check_quota(connection, actor, one, is_conflict=False)
    new = await _insert(connection, actor, [one])
    if new:
        return _kept_new(actor, one, new[one.delivery.package_id])
    return await _keep_beside(connection, actor, one)


async def _keep_beside(connection: AsyncConnection, actor: Actor, one: _Judged) -> Kept:
    """The id is taken: by the same bytes, or by others, and then both are kept."""
    known = await _find_kept(connection, one.delivery)
    assert known is not None
    if known.device_id != actor.device_id:
        raise NotFoundProblem
    if known.sha256 == one.digest:
        return Kept(False, False, known.status, known.reason, one.context)
    await _check_quota(connection, actor, one, is_conflict=True)
    await connection.execute(insert(PackageConflict).on_conflict_do_nothing(), _row(actor, one))
    return Kept(False, True, known.status, known.reason, one.context)


async def _find_kept(
    connection: AsyncConnection, delivery: Delivery
) -> Row[UUID, str, str, str | None] | None:
    intake = PackageIntake
    wanted = select(intake.device_id, intake.sha256, intake.status, intake.reason)
    return (await connection.execute(wanted.where(intake.package_id == delivery.package_id))).one_or_none()


def _row(actor: Actor, one: _Judged) -> dict[str, Any]:
    """What is kept of a delivery wherever it is kept."""
    delivery = one.delivery
    return {
        "package_id": delivery.package_id,
        "sha256": one.digest,
        "sealed": delivery.sealed,
        "signature": delivery.signature,
        "key_id": delivery.key_id,
        "device_id": actor.device_id,
        "user_id": actor.user_id,
    }


def _read(delivery: Delivery) -> tuple[Envelope | None, str | None, Problem | None]:
    """The envelope, or why there is none: a reason to keep the bytes aside, or to refuse them."""
    try:
        return read_envelope(delivery.sealed), None, None
    except UnreadableEnvelope as error:
        return None, error.reason, None
    except TooMany as error:
        return None, None, TooManyRowsProblem(member=error.member, limit=error.limit)


def _why_quarantined(
    actor: Actor, delivery: Delivery, digest: str, envelope: Envelope | None, context: Context
) -> str | None:
    """A stable word for what keeps a package from being processed, its signature first; None when nothing does."""
    if delivery.key_id != context.key_id or not signature_verifies(
        context.public_key, package_message(digest), delivery.signature
    ):
        return "wrong_signature"
    if envelope is None:
        return None
    if envelope.id != delivery.package_id:
        return "other_id"
    if (envelope.device_id, envelope.user_id) != (actor.device_id, actor.user_id):
        return "other_author"
    if not _sees_site(actor, envelope, context):
        raise NotFoundProblem
    return None


def _sees_site(actor: Actor, envelope: Envelope, context: Context) -> bool:
    """A site of the actor's regions, or that of an assignment he is a member of (squads cross regions)."""
    if context.site is None:
        return False
    if context.site.region_id in actor.regions_for(submit_action(envelope.kind)):
        return True
    assignment = context.assignment
    return (
        assignment is not None
        and assignment.site_id == context.site.id
        and actor.user_id in assignment.members
    )


_QUARANTINED = text(
    """
    SELECT count(*) AS of_user, count(*) FILTER (WHERE i.device_id = :device_id) AS of_phone,
           EXISTS (SELECT FROM package_intakes t WHERE t.package_id = :package_id) AS is_here
      FROM package_intakes i
     WHERE i.status = 'quarantined' AND i.received_at > :since
       AND i.device_id IN (SELECT d.id FROM devices d WHERE d.user_id = :user_id)
    """
)
_CONFLICTS = text(
    """
    SELECT count(*) AS of_user, count(*) FILTER (WHERE c.device_id = :device_id) AS of_phone,
           coalesce(bool_or(c.package_id = :package_id AND c.sha256 = :sha256), false) AS is_here
      FROM package_conflicts c
     WHERE c.created_at > :since AND c.device_id IN (SELECT d.id FROM devices d WHERE d.user_id = :user_id)
    """
)


async def _check_quota(connection: AsyncConnection, actor: Actor, one: _Judged, *, is_conflict: bool) -> None:
    """Refuse what would pile up without bounds; what is here already may come again."""
    values = {
        "device_id": actor.device_id,
        "user_id": actor.user_id,
        "package_id": one.delivery.package_id,
        "since": utc_now() - SET_ASIDE_WINDOW,
    }
    if is_conflict:
        waiting = (await connection.execute(_CONFLICTS, values | {"sha256": one.digest})).one()
    else:
        waiting = (await connection.execute(_QUARANTINED, values)).one()
    is_full = waiting.of_phone >= MAX_SET_ASIDE or waiting.of_user >= MAX_SET_ASIDE_OF_USER
    if is_full and not waiting.is_here:
        raise SetAsideQuotaProblem(seconds=3600)
