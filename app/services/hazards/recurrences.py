"""Recurrence (反弹回潮): a hazard found again within the window after its like was closed, linked to that one for ever.

Its like: the same item of the same risk unit (of the site, where neither names a unit), noticed when it is registered; or the same
clause at the same enterprise, noticed when the clause is confirmed, the first or a further one.

Merging takes nothing off it: a closed hazard is the like also of what is like one that was merged into it, and a hazard has come
back where one that was merged into it has. Nothing of that is written down, so a parting takes it back.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Select, case, func, select, text, true
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.core.actor import Actor
from app.core.clock import utc_now
from app.db.rows import Part
from app.models.hazards import Hazard, HazardClause, HazardRecurrence
from app.services.hazards.content import recurrence_window_days
from app.services.hazards.standing import merged_downwards, these_and_above
from app.services.identity.places import lies_in

# What is like a finding is closed itself, or was merged into one that stands for it and is closed.
_BY_ITEM = """
    INSERT INTO hazard_recurrences (hazard_id, ground, earlier_id, closed_on, days, created_at)
    SELECT n.id, 'item', o.id, o.closed_on, n.found_on - o.closed_on, :recurrence_noticed_at
      FROM jsonb_to_recordset(CAST(:recurrence_found AS jsonb))
           AS n(id uuid, site_id uuid, enterprise_id uuid, risk_unit_id uuid, item_code text, found_on date)
     CROSS JOIN LATERAL (
        WITH RECURSIVE likes AS (
            SELECT h.id, h.merged_into_id, h.closed_on FROM hazards h
             WHERE h.enterprise_id = n.enterprise_id AND h.item_code = n.item_code AND h.site_id = n.site_id
               AND h.risk_unit_id IS NOT DISTINCT FROM n.risk_unit_id
               AND (h.closed_on >= n.found_on - CAST(:recurrence_window AS int) OR h.merged_into_id IS NOT NULL)
             UNION
            SELECT h.id, h.merged_into_id, h.closed_on FROM likes JOIN hazards h ON h.id = likes.merged_into_id)
        SELECT id, closed_on FROM likes
         WHERE closed_on BETWEEN n.found_on - CAST(:recurrence_window AS int) AND n.found_on
         ORDER BY closed_on DESC, id DESC LIMIT 1) AS o
"""
_BY_CLAUSE = text(
    """
    INSERT INTO hazard_recurrences (hazard_id, ground, earlier_id, closed_on, days, created_at)
    SELECT n.id, 'clause', o.id, o.closed_on, n.found_on - o.closed_on, :noticed_at
      FROM hazards n
     CROSS JOIN LATERAL (
        WITH RECURSIVE likes AS (
            SELECT h.id, h.merged_into_id, h.closed_on FROM hazards h JOIN hazard_clauses c ON c.hazard_id = h.id
             WHERE h.enterprise_id = n.enterprise_id AND c.clause = :clause
             UNION
            SELECT h.id, h.merged_into_id, h.closed_on FROM likes JOIN hazards h ON h.id = likes.merged_into_id)
        SELECT id, closed_on FROM likes
         WHERE id <> n.id AND closed_on BETWEEN n.found_on - CAST(:window AS int) AND n.found_on
         ORDER BY closed_on DESC, id DESC LIMIT 1) AS o
     WHERE n.id = :hazard_id
        ON CONFLICT DO NOTHING
    """
)
FEW_RETURNS = 20_000
"""About where, of a million hazards, both ways take the same (20 to 30 ms)."""
_FEW = text("SELECT reltuples <= :most FROM pg_class WHERE oid = to_regclass('hazard_recurrences')")
By = Literal["clause", "item", "region"]


@dataclass(frozen=True, slots=True)
class Rebound:
    """Of the hazards of one kind closed in a period: how many, and how many of them came back within the window."""

    group: str
    closed: int
    came_back: int


def recurrences_by_item(hazards: Sequence[Mapping[str, Any]]) -> Part:
    """The part of the registering statement that links new hazards to their closed likes."""
    names = ("id", "site_id", "enterprise_id", "risk_unit_id", "item_code", "found_on")
    found = [{name: row[name] for name in names} for row in hazards]
    return Part(
        "recurrences",
        _BY_ITEM,
        {
            "recurrence_found": json.dumps(found, default=str),
            "recurrence_window": recurrence_window_days(),
            "recurrence_noticed_at": utc_now(),
        },
    )


async def confirm_clause(session: AsyncSession, hazard_id: UUID, clause: str, since: date) -> None:
    """Keep a clause that was just confirmed of a hazard, and link the hazard to a closed one of the same enterprise and clause."""
    values = {"hazard_id": hazard_id, "clause": clause, "since": since}
    await session.execute(insert(HazardClause).values(values).on_conflict_do_nothing())
    noticed = {
        "hazard_id": hazard_id,
        "clause": clause,
        "window": recurrence_window_days(),
        "noticed_at": utc_now(),
    }
    await session.execute(_BY_CLAUSE, noticed)


def came_back() -> ColumnElement[bool]:
    """Whether a Hazard is the return of another, or one that was merged into it is: to be asked by reading every return, of all
    hazards, or of a page where returns are few."""
    return Hazard.id.in_(these_and_above(select(HazardRecurrence.hazard_id)))


async def returns_are_few(session: AsyncSession) -> bool:
    """Whether a page of returns is found sooner among all returns than by looking up hazard after hazard: as PostgreSQL estimates
    the table, -1 while it does not. A matter of speed alone."""
    return bool(await session.scalar(_FEW, {"most": FEW_RETURNS}))


def has_come_back() -> ColumnElement[bool]:
    """The same, to be asked of the rows of a page, by looking each of them up.

    As values and not as EXISTS, of which the planner would make the reading of every return: it does not know that a page ends.
    """
    merged = aliased(Hazard)
    direct = select(true()).where(HazardRecurrence.hazard_id == Hazard.id).limit(1).scalar_subquery()
    took_one = select(true()).where(merged.merged_into_id == Hazard.id).limit(1).scalar_subquery()
    return direct.is_(True) | (took_one.is_(True) & _returned_below())


def _returned_below() -> ColumnElement[bool]:
    """A Hazard of the query around it, or what was merged into it over any number of steps, is a return."""
    lower = aliased(Hazard)
    below = select(Hazard.id).correlate(Hazard).cte("below", recursive=True, nesting=True)
    below = below.union(select(lower.id).join(below, lower.merged_into_id == below.c.id))
    return select(below.c.id).join(HazardRecurrence, HazardRecurrence.hazard_id == below.c.id).exists()


async def returned_among(session: AsyncSession, hazard_ids: Collection[UUID]) -> set[UUID]:
    """Of these hazards, those of which came_back() holds: one statement."""
    lower = aliased(Hazard)
    below = select(Hazard.id.label("stays"), Hazard.id).where(Hazard.id.in_(hazard_ids)).cte(recursive=True)
    below = below.union(select(below.c.stays, lower.id).join(below, lower.merged_into_id == below.c.id))
    wanted = select(below.c.stays).join(HazardRecurrence, HazardRecurrence.hazard_id == below.c.id).distinct()
    return set((await session.execute(wanted)).scalars())


async def list_recurrences(
    session: AsyncSession, actor: Actor, hazard_id: UUID
) -> tuple[list[tuple[HazardRecurrence, str | None]], list[tuple[HazardRecurrence, str | None]]]:
    """What a hazard, or one that was merged into it, is the return of, and what came back of it: each with the other's number.

    Without it where the other lies outside the actor's regions: an enterprise has sites in several towns.
    """
    earlier, later = aliased(Hazard), aliased(Hazard)
    regions = actor.regions_for("hazards:read")
    before = (
        select(HazardRecurrence, case((earlier.region_id.in_(regions), earlier.number)))
        .ext(distinct_on(HazardRecurrence.ground, HazardRecurrence.earlier_id))
        .join(earlier, earlier.id == HazardRecurrence.earlier_id)
        .where(HazardRecurrence.hazard_id.in_(await merged_downwards(session, hazard_id)))
        .order_by(HazardRecurrence.ground, HazardRecurrence.earlier_id, HazardRecurrence.days)
    )
    after = (
        select(HazardRecurrence, case((later.region_id.in_(regions), later.number)))
        .join(later, later.id == HazardRecurrence.hazard_id)
        .where(HazardRecurrence.earlier_id == hazard_id)
        .order_by(HazardRecurrence.hazard_id, HazardRecurrence.ground)
    )
    return (
        [(row[0], row[1]) for row in await session.execute(before)],
        [(row[0], row[1]) for row in await session.execute(after)],
    )


async def rebound_rates(
    session: AsyncSession,
    actor: Actor,
    by: By,
    closed_from: date,
    closed_until: date,
    region_id: UUID | None,
) -> list[Rebound]:
    """By clause, item or region: hazards closed in the period (both days included) and how many came back; the worst first.

    A hazard is in the group of every clause that was confirmed of it or of one merged into it. By a clause it has come back where
    the later one was confirmed by that clause too, or is the same item.
    """
    period = closed_from, closed_until, region_id
    if by == "clause":
        held = _clauses_held()
        wanted = rebounds_by(actor, (held.c.clause,), *period, link=_is_of(held.c.clause)).join(
            held, held.c.hazard_id == Hazard.id
        )
    else:
        group = {"item": Hazard.item_code, "region": Hazard.region_id}[by]
        wanted = rebounds_by(actor, (group,), *period).where(group.is_not(None))
    return [Rebound(str(row[0]), row[1], row[2]) for row in await session.execute(wanted)]


def rebounds_by(
    actor: Actor,
    group: Sequence[InstrumentedAttribute[Any] | ColumnElement[Any]],
    closed_from: date,
    closed_until: date,
    region_id: UUID | None,
    *,
    link: ColumnElement[bool] | None = None,
) -> Select[Any]:
    """The same as a query of hazards, by any columns, the first of them the key: (*group, closed, came back). To be joined with
    the tables of the columns, if they are not the hazard's. `link`: what a HazardRecurrence must be to count."""
    back = select(HazardRecurrence.hazard_id).where(HazardRecurrence.earlier_id == Hazard.id)
    returned = func.count().filter((back if link is None else back.where(link)).exists())
    wanted = (
        select(*group, func.count(), returned)
        .select_from(Hazard)
        .where(
            Hazard.region_id.in_(actor.regions_for("hazards:read")),
            Hazard.status == "closed",
            Hazard.closed_on.between(closed_from, closed_until),
        )
        .group_by(*group)
        .order_by(returned.desc(), func.count().desc(), group[0])
    )
    return wanted if region_id is None else wanted.where(lies_in(Hazard.region_id, region_id))


def _clauses_held() -> CTE:
    """(hazard_id, clause): the clauses that were confirmed of a hazard, or of one that was merged into it, each once."""
    merged = aliased(Hazard)
    held = select(HazardClause.hazard_id, HazardClause.clause).cte("clauses_held", recursive=True)
    further = select(merged.merged_into_id, held.c.clause).join(held, held.c.hazard_id == merged.id)
    return held.union(further.where(merged.merged_into_id.is_not(None)))


def _is_of(clause: ColumnElement[str]) -> ColumnElement[bool]:
    confirmed = select(HazardClause.clause).where(HazardClause.hazard_id == HazardRecurrence.hazard_id)
    return (HazardRecurrence.ground == "item") | clause.in_(confirmed)
