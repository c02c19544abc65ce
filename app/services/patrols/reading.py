"""Reading patrols and whistles: filtered lists and counts, at the console by region, on the phone the caller's own."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.paging import Page, PageRequest
from app.models.patrols import Patrol, Whistle
from app.services.identity.places import lies_in


@dataclass(frozen=True, slots=True)
class PatrolFilter:
    """What a list of patrols is narrowed to; None means all. Superseded ones are left out unless asked for."""

    region_id: UUID | None = None
    enterprise_id: UUID | None = None
    site_id: UUID | None = None
    user_id: UUID | None = None
    first: date | None = None
    last: date | None = None
    is_abnormal: bool | None = None
    with_superseded: bool = False


@dataclass(frozen=True, slots=True)
class WhistleFilter:
    """The same for whistles."""

    region_id: UUID | None = None
    enterprise_id: UUID | None = None
    site_id: UUID | None = None
    user_id: UUID | None = None
    first: date | None = None
    last: date | None = None
    status: str | None = None
    urgency: str | None = None
    with_superseded: bool = False


async def list_patrols(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: PatrolFilter
) -> Page[Patrol]:
    """Newest first, one statement."""
    return await _page(session, Patrol, request, _patrols(actor, narrowed))


async def list_whistles(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: WhistleFilter
) -> Page[Whistle]:
    """Newest first, one statement."""
    return await _page(session, Whistle, request, _whistles(actor, narrowed))


async def list_own_patrols(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[Patrol]:
    """The acting assistant's own, newest first."""
    return await _page(session, Patrol, request, [Patrol.user_id == actor.user_id])


async def list_own_whistles(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[Whistle]:
    """The acting assistant's own, newest first."""
    return await _page(session, Whistle, request, [Whistle.user_id == actor.user_id])


async def count_patrols(
    session: AsyncSession, actor: Actor, narrowed: PatrolFilter
) -> tuple[int, int, int, int]:
    """(records, visits, enterprises, records with something abnormal) under the same filters, one statement."""
    wanted = select(
        func.count(),
        func.count(Patrol.visit_id.distinct()),
        func.count(Patrol.enterprise_id.distinct()),
        func.count().filter(Patrol.abnormal_points > 0),
    ).where(*_patrols(actor, narrowed))
    records, visits, enterprises, abnormal = (await session.execute(wanted)).one()
    return records, visits, enterprises, abnormal


async def count_whistles(
    session: AsyncSession, actor: Actor, narrowed: WhistleFilter
) -> list[tuple[str, str, int]]:
    """(status, urgency, number) under the same filters, one statement."""
    wanted = (
        select(Whistle.status, Whistle.urgency, func.count())
        .where(*_whistles(actor, narrowed))
        .group_by(Whistle.status, Whistle.urgency)
        .order_by(Whistle.status, Whistle.urgency)
    )
    return [(status, urgency, number) for status, urgency, number in await session.execute(wanted)]


async def _page(
    session: AsyncSession, table: Any, request: PageRequest, conditions: list[ColumnElement[bool]]
) -> Page[Any]:
    if request.after:
        conditions.append(table.id < request.after[0])
    wanted = select(table).where(*conditions).order_by(table.id.desc()).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


def _patrols(actor: Actor, narrowed: PatrolFilter) -> list[ColumnElement[bool]]:
    conditions = _shared(actor, Patrol, Patrol.patrolled_on, narrowed)
    if narrowed.is_abnormal is not None:
        conditions.append(Patrol.abnormal_points > 0 if narrowed.is_abnormal else Patrol.abnormal_points == 0)
    return conditions


def _whistles(actor: Actor, narrowed: WhistleFilter) -> list[ColumnElement[bool]]:
    conditions = _shared(actor, Whistle, Whistle.raised_on, narrowed)
    if narrowed.status is not None:
        conditions.append(Whistle.status == narrowed.status)
    if narrowed.urgency is not None:
        conditions.append(Whistle.urgency == narrowed.urgency)
    return conditions


def _shared(
    actor: Actor, table: Any, day: Any, narrowed: PatrolFilter | WhistleFilter
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [table.region_id.in_(actor.regions_for("patrols:read"))]
    if narrowed.region_id is not None:
        conditions.append(lies_in(table.region_id, narrowed.region_id))
    for name in ("enterprise_id", "site_id", "user_id"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(table, name) == value)
    if narrowed.first is not None:
        conditions.append(day >= narrowed.first)
    if narrowed.last is not None:
        conditions.append(day <= narrowed.last)
    if not narrowed.with_superseded:
        conditions.append(~table.is_superseded)
    return conditions
