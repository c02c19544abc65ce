"""Reading the facts of an enterprise in the actor's regions and putting its picture together; seven statements at most."""

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.enums.inspections import ENFORCEMENT_KINDS, PackageKind
from app.models.hazards import Hazard, HazardRecurrence, HazardStep
from app.models.inspections import Package, Visit
from app.models.patrols import Whistle
from app.schemas.risks import (
    LevelStanding,
    ReturnView,
    RiskPicture,
    RiskScore,
    ScorePart,
    VisitCeiling,
    VisitSeen,
    VisitSuggestion,
    WhistleSeen,
)
from app.services.enterprises.repository import get_enterprise
from app.services.hazards.registry import found_aggravated, overdue_now
from app.services.hazards.workflow import REINSPECTABLE
from app.services.risks.content import Weights, weights_on
from app.services.risks.scoring import parts_of, suggest, total_of

ACTION = "risks:read"
SHOWN = 10
"""Of each list."""


async def show_picture(session: AsyncSession, actor: Actor, enterprise_id: UUID) -> RiskPicture:
    """The picture of today, of what lies in the actor's regions. Raises NotFoundProblem."""
    enterprise = await get_enterprise(session, actor, enterprise_id, ACTION)
    regions, today = actor.regions_for(ACTION), shanghai_today()
    weights = weights_on(today)
    levels = await _levels(session, regions, enterprise_id)
    since = today - timedelta(days=weights.recent_days)
    returns, came_back = await _returns(session, regions, enterprise_id, since)
    whistles, waiting = await _whistles(session, regions, enterprise_id)
    visits = await _visits(session, regions, enterprise_id)
    inspected = await _inspected(session, enterprise_id, today)
    facts = {"came_back": came_back, "whistles_open": waiting}
    for one in levels:
        facts |= {f"{one.level}_open": one.open, f"{one.level}_overdue": one.overdue}
    facts["aggravated"] = sum(one.aggravated for one in levels)
    score = _score(facts, weights)
    last_visit_on = visits[0].visited_on if visits else None
    advice = suggest(score.value, enterprise.risk_grade, last_visit_on, inspected, today, weights)
    ceiling = weights.ceiling
    return RiskPicture(
        enterprise_id=enterprise.id,
        name=enterprise.name,
        risk_grade=enterprise.risk_grade,
        as_of=today,
        hazards=levels,
        came_back=came_back,
        returns=returns,
        whistles=waiting,
        open_whistles=whistles,
        visits=visits,
        score=score,
        suggestion=VisitSuggestion(
            interval_days=advice.interval_days,
            wanted_days=advice.wanted_days,
            by=advice.by,
            last_visit_on=last_visit_on,
            next_on=advice.next_on,
            is_due=advice.next_on is None or advice.next_on <= today,
            to_be_confirmed=weights.to_be_confirmed,
            ceiling=VisitCeiling(
                per_year=advice.ceiling, inspected=inspected, is_reached=inspected >= advice.ceiling,
                to_be_confirmed=ceiling.to_be_confirmed, source_zh=ceiling.source.zh, source_en=ceiling.source.en,
                uncounted_zh=ceiling.uncounted.zh, uncounted_en=ceiling.uncounted.en,
            ),
        ),
    )  # fmt: skip


def _score(facts: dict[str, int], weights: Weights) -> RiskScore:
    parts = parts_of(facts, weights)
    shown = [
        ScorePart(
            code=part.weight.code,
            zh=part.weight.title.zh,
            en=part.weight.title.en,
            count=part.count,
            weight=part.weight.weight,
            cap=part.weight.cap,
            points=part.points,
        )
        for part in parts
    ]
    return RiskScore(
        value=total_of(parts),
        version=weights.version,
        in_force_from=weights.in_force_from,
        to_be_confirmed=weights.to_be_confirmed,
        source_zh=weights.source.zh,
        source_en=weights.source.en,
        parts=shown,
    )


def _of(enterprise_id: UUID, regions: Collection[UUID]) -> tuple[ColumnElement[bool], ...]:
    """Its hazards; what was merged into another counts there."""
    return (
        Hazard.enterprise_id == enterprise_id,
        Hazard.region_id.in_(regions),
        Hazard.merged_into_id.is_(None),
    )


async def _levels(
    session: AsyncSession, regions: Collection[UUID], enterprise_id: UUID
) -> list[LevelStanding]:
    is_worse = Hazard.status.in_(REINSPECTABLE) & exists().where(
        HazardStep.hazard_id == Hazard.id, found_aggravated()
    )
    wanted = (
        select(
            Hazard.level,
            func.count(),
            func.count().filter(overdue_now()),
            func.count().filter(is_worse),
        )
        .where(*_of(enterprise_id, regions), Hazard.status != "closed")
        .group_by(Hazard.level)
    )
    found = {level: counts for level, *counts in await session.execute(wanted)}
    return [
        LevelStanding(level=level, open=number, overdue=late, aggravated=worse)
        for level in ("major", "general")
        for number, late, worse in [found.get(level, (0, 0, 0))]
    ]


async def _returns(
    session: AsyncSession, regions: Collection[UUID], enterprise_id: UUID, since: date
) -> tuple[list[ReturnView], int]:
    """Hazards found since then that came back, newest first, and how many; one that did so on two grounds counts once, and so do
    those that are merged into one. Which one it is the return of is told where that lies in these regions too."""
    earlier, upper = aliased(Hazard), aliased(Hazard)
    mine = Hazard.enterprise_id == enterprise_id, Hazard.region_id.in_(regions), Hazard.found_on >= since
    wanted = (
        select(
            HazardRecurrence,
            Hazard.number,
            Hazard.found_on,
            case((earlier.region_id.in_(regions), earlier.number)),
        )
        .join(Hazard, Hazard.id == HazardRecurrence.hazard_id)
        .join(earlier, earlier.id == HazardRecurrence.earlier_id)
        .where(*mine)
        .order_by(Hazard.id.desc(), HazardRecurrence.ground)
        .limit(SHOWN)
    )
    views = [
        ReturnView(
            hazard_id=link.hazard_id, number=number, ground=link.ground, closed_on=link.closed_on, days=link.days,
            found_on=found_on, earlier_id=link.earlier_id if earlier_number else None, earlier_number=earlier_number,
        )
        for link, number, found_on, earlier_number in await session.execute(wanted)
    ]  # fmt: skip
    came_back = exists().where(HazardRecurrence.hazard_id == Hazard.id)
    up = select(Hazard.id, Hazard.merged_into_id).where(*mine, came_back).cte(recursive=True)
    up = up.union(select(upper.id, upper.merged_into_id).join(up, up.c.merged_into_id == upper.id))
    standing = select(func.count()).select_from(up).where(up.c.merged_into_id.is_(None))
    return views, (await session.execute(standing)).scalar_one()


async def _whistles(
    session: AsyncSession, regions: Collection[UUID], enterprise_id: UUID
) -> tuple[list[WhistleSeen], int]:
    wanted = (
        select(Whistle, func.count().over())
        .where(
            Whistle.enterprise_id == enterprise_id,
            Whistle.region_id.in_(regions),
            Whistle.status.in_(("raised", "acknowledged")),
            ~Whistle.is_superseded,
        )
        .order_by(Whistle.id.desc())
        .limit(SHOWN)
    )
    rows = (await session.execute(wanted)).all()
    return [WhistleSeen.model_validate(row[0]) for row in rows], rows[0][1] if rows else 0


async def _visits(session: AsyncSession, regions: Collection[UUID], enterprise_id: UUID) -> list[VisitSeen]:
    """The officers' last visits, the newest first."""
    wanted = (
        select(Visit)
        .where(
            Visit.enterprise_id == enterprise_id,
            Visit.region_id.in_(regions),
            Visit.kind.in_(list(ENFORCEMENT_KINDS)),
            _stands(),
        )
        .order_by(Visit.visited_on.desc(), Visit.id.desc())
        .limit(SHOWN)
    )
    return [VisitSeen.model_validate(row) for row in (await session.execute(wanted)).scalars()]


async def _inspected(session: AsyncSession, enterprise_id: UUID, today: date) -> int:
    """All inspections of this year, in whatever region: the ceiling is the enterprise's, and a number tells nothing of a visit.

    Re-inspections are of individual cases and not counted; of other visits it is not recorded whether they were.
    """
    wanted = select(func.count(Visit.id)).where(
        Visit.enterprise_id == enterprise_id,
        Visit.kind == PackageKind.INSPECTION.value,
        Visit.visited_on >= date(today.year, 1, 1),
        _stands(),
    )
    return (await session.execute(wanted)).scalar_one()


def _stands() -> ColumnElement[bool]:
    """A visit that only corrections without effect speak of is none."""
    return exists().where(Package.visit_id == Visit.id, Package.is_standing)
