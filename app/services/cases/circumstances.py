"""What aggravates, as facts of the case: hazards of it that came back, and those that a re-inspection found worse than they were,
and what is one with them. No amount follows from here; whoever decides weighs them.

They are kept with the filing, as they were shown then; what is linked afterwards is shown beside them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.cases import CaseCircumstances, CaseHazard
from app.models.hazards import Hazard, HazardRecurrence, HazardStep
from app.schemas.cases import AggravatedView, CameBackView, CircumstanceView
from app.services.audit.service import state_hash
from app.services.hazards.registry import found_aggravated
from app.services.hazards.standing import all_merged_with

_ZH = "反弹回潮：隐患{earlier}于{closed_on}销号，{days}日后同{ground}再次发现（{number}）"
_EN = "Came back: hazard {earlier} was closed on {closed_on}, and the same {ground} was found again {days} days later ({number})"
_GROUNDS = {"item": ("一检查项", "item"), "clause": ("一判定条款", "clause")}
_WORSE_ZH = "复查发现加重：隐患{number}于{on}复查时较前加重"
_WORSE_EN = "Aggravated: the re-inspection of {on} found hazard {number} worse than it was"
_KEPT = TypeAdapter(list[CircumstanceView])


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the filing rested on, or would today as long as nothing was kept; and what has come since."""

    facts: list[CircumstanceView]
    since: list[CircumstanceView]
    kept: CaseCircumstances | None


async def circumstances_of(session: AsyncSession, case_id: UUID) -> Circumstances:
    """Kept and live: five statements."""
    live = await _shown(session, case_id)
    kept = await session.get(CaseCircumstances, case_id)
    if kept is None:
        return Circumstances(live, [], None)
    facts = _KEPT.validate_python(kept.facts)
    known = {_link(one) for one in facts}
    return Circumstances(facts, [one for one in live if _link(one) not in known], kept)


async def keep_circumstances(session: AsyncSession, case_id: UUID, on: date) -> str:
    """Keep what the case rests on as it is filed on a day; gives the hash, for the history and the audit log."""
    facts = [one.model_dump(mode="json") for one in await _shown(session, case_id)]
    digest = state_hash({"circumstances": facts})
    assert digest is not None
    session.add(CaseCircumstances(case_id=case_id, kept_on=on, facts=facts, sha256=digest))
    await session.flush()
    return digest


def _link(one: CircumstanceView) -> tuple[object, ...]:
    if isinstance(one, AggravatedView):
        return one.hazard_id, one.kind, one.reinspected_on, one.visit_id
    return one.hazard_id, one.ground, one.earlier_id


async def _shown(session: AsyncSession, case_id: UUID) -> list[CircumstanceView]:
    """What is known today of a case's hazards and of those merged with them."""
    own = select(CaseHazard.hazard_id).where(CaseHazard.case_id == case_id)
    ids = list((await session.execute(own)).scalars())
    stays = await all_merged_with(session, ids)
    return [*await _returns(session, ids, stays), *await _aggravations(session, stays)]


async def _returns(
    session: AsyncSession, ids: Collection[UUID], stays: Mapping[UUID, UUID]
) -> list[CircumstanceView]:
    """The returns among them as they are linked today, by hazard.

    What several that are one are the return of is told once, of the case's own hazard (`ids`) before others.
    """
    earlier = aliased(Hazard)
    wanted = (
        select(HazardRecurrence, Hazard.number, Hazard.found_on, earlier.number)
        .join(Hazard, Hazard.id == HazardRecurrence.hazard_id)
        .join(earlier, earlier.id == HazardRecurrence.earlier_id)
        .where(HazardRecurrence.hazard_id.in_(stays))
        .order_by(
            HazardRecurrence.hazard_id.not_in(ids),
            HazardRecurrence.hazard_id,
            HazardRecurrence.ground,
            HazardRecurrence.earlier_id,
        )
    )
    told: dict[tuple[UUID, str, UUID], CircumstanceView] = {}
    for row in await session.execute(wanted):
        link: HazardRecurrence = row[0]
        told.setdefault((stays[link.hazard_id], link.ground, link.earlier_id), _circumstance(*row))
    return list(told.values())


def _circumstance(link: HazardRecurrence, number: str, found_on: date, earlier_number: str) -> CameBackView:
    zh, en = _GROUNDS[link.ground]
    told = {"earlier": earlier_number, "number": number, "closed_on": link.closed_on, "days": link.days}
    return CameBackView(
        zh=_ZH.format(ground=zh, **told),
        en=_EN.format(ground=en, **told),
        hazard_id=link.hazard_id,
        number=number,
        earlier_id=link.earlier_id,
        earlier_number=earlier_number,
        ground=link.ground,
        closed_on=link.closed_on,
        found_on=found_on,
        days=link.days,
    )


async def _aggravations(session: AsyncSession, hazard_ids: Collection[UUID]) -> list[CircumstanceView]:
    """The re-inspections that found one of them worse than it was, by hazard, oldest first."""
    wanted = (
        select(HazardStep, Hazard.number, Hazard.found_on)
        .join(Hazard, Hazard.id == HazardStep.hazard_id)
        .where(HazardStep.hazard_id.in_(hazard_ids), found_aggravated())
        .order_by(HazardStep.hazard_id, HazardStep.id)
    )
    return [_worse(*row) for row in await session.execute(wanted)]


def _worse(step: HazardStep, number: str, found_on: date) -> CircumstanceView:
    told = {"number": number, "on": step.on_date}
    return AggravatedView(
        zh=_WORSE_ZH.format(**told),
        en=_WORSE_EN.format(**told),
        hazard_id=step.hazard_id,
        number=number,
        found_on=found_on,
        reinspected_on=step.on_date,
        visit_id=step.visit_id,
        photographs=step.evidence_ids,
    )
