"""The queue: deliveries of revoked phones and packages set aside, as one list; always within the regions of the reader.

A package that waits may be unreadable, so its region is its sender's. Waiting ones come oldest first.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, case, func, literal, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import utc_now
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.models.identity import User
from app.models.inspections import PackageIntake
from app.models.quarantine import IntakeDelivery
from app.services.identity.places import lies_in

REVOKED = "revoked_device"
"""Why a delivery of the intake waits; a package set aside has the reason of its processing."""

Standing = Literal["waiting", "released", "rejected"]


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What the list is narrowed to; None means all. `reason` is its beginning; `region_id` means everything below it too."""

    standing: Standing | None = "waiting"
    reason: str | None = None
    device_id: UUID | None = None
    authority_id: UUID | None = None
    region_id: UUID | None = None
    older_than_days: int | None = None
    item_id: UUID | None = None
    package_id: UUID | None = None


async def list_items(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: QueueFilter
) -> Page[Row[Any]]:
    """Items of senders in the actor's regions, oldest first; one statement."""
    rows = list(await session.execute(items_query(actor.regions_for("quarantine:read"), request, narrowed)))
    return Page.cut(rows, request, key=lambda row: (row.received_at, row.id))


def items_query(
    regions: frozenset[UUID], request: PageRequest, narrowed: QueueFilter
) -> Select[*tuple[Any, ...]]:
    """One page and a row more, of both sources."""
    both = union_all(
        _part(_deliveries(), regions, narrowed, request), _part(_set_aside(), regions, narrowed, request)
    ).subquery()
    return select(both).order_by(both.c.received_at, both.c.id).limit(request.limit + 1)


async def get_item(session: AsyncSession, actor: Actor, item_id: UUID) -> Row[Any]:
    """One item; a delivery if there is one of that id. Raises NotFoundProblem."""
    narrowed = QueueFilter(standing=None, item_id=item_id)
    page = await list_items(session, actor, PageRequest(2), narrowed)
    if not page.items:
        raise NotFoundProblem
    return min(page.items, key=lambda row: str(row.source) != "delivery")


async def find_own_deliveries(
    session: AsyncSession, actor: Actor, request: PageRequest
) -> Page[IntakeDelivery]:
    """What the actor's own revoked phones handed in, newest first."""
    wanted = select(IntakeDelivery).where(IntakeDelivery.user_id == actor.user_id)
    if request.after:
        wanted = wanted.where(IntakeDelivery.id < request.after[0])
    rows = await session.execute(wanted.order_by(IntakeDelivery.id.desc()).limit(request.limit + 1))
    return Page.cut(list(rows.scalars()), request, key=lambda row: (row.id,))


def _deliveries() -> Select[*tuple[Any, ...]]:
    row = IntakeDelivery
    query = select(
        row.id.label("id"), literal("delivery").label("source"), literal("intake").label("origin"), row.kind, row.object_id,
        row.package_id, row.status.label("status"), literal(REVOKED).label("reason"), row.device_id, row.user_id,
        User.authority_id, User.region_id, row.sha256, row.size, row.received_at, row.version,
        row.decided_at, row.decided_by, row.decision_reason,
    )  # fmt: skip
    return query.join(User, User.id == row.user_id)


def _set_aside() -> Select[*tuple[Any, ...]]:
    row = PackageIntake
    status = case(
        (row.status == "quarantined", "waiting"), (row.status == "rejected", "rejected"), else_="released"
    )
    query = select(
        row.package_id.label("id"), literal("package").label("source"), row.origin, literal("package").label("kind"),
        row.package_id.label("object_id"), row.package_id, status.label("status"), func.coalesce(row.reason, "").label("reason"),
        row.device_id, row.user_id, User.authority_id, User.region_id, row.sha256, func.length(row.sealed).label("size"),
        row.received_at, row.version, row.decided_at, row.decided_by, row.decision_reason,
    )  # fmt: skip
    was_set_aside = or_(row.status == "quarantined", row.decided_at.is_not(None))
    return query.join(User, User.id == row.user_id).where(was_set_aside)


def _part(
    source: Select[*tuple[Any, ...]], regions: frozenset[UUID], narrowed: QueueFilter, request: PageRequest
) -> Select[*tuple[Any, ...]]:
    items = source.subquery().c
    conditions: list[ColumnElement[bool]] = [items.region_id.in_(regions)]
    for column, value in (
        (items.status, narrowed.standing),
        (items.device_id, narrowed.device_id),
        (items.authority_id, narrowed.authority_id),
        (items.id, narrowed.item_id),
        (items.package_id, narrowed.package_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if narrowed.reason is not None:
        conditions.append(func.starts_with(items.reason, narrowed.reason))
    if narrowed.region_id is not None:
        conditions.append(lies_in(items.region_id, narrowed.region_id))
    if narrowed.older_than_days is not None:
        conditions.append(items.received_at < utc_now() - timedelta(days=narrowed.older_than_days))
    if request.after is not None:
        conditions.append(tuple_(items.received_at, items.id) > request.after)
    ordered = select(*items).where(*conditions).order_by(items.received_at, items.id)
    return ordered.limit(request.limit + 1)
