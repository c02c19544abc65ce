"""What aggravates, as facts of the case: hazards of it that came back. No amount follows from here; whoever decides weighs them.

They are kept with the filing, as they were shown then; what is linked afterwards is shown beside them.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.cases import CaseCircumstances, CaseHazard
from app.models.hazards import Hazard, HazardRecurrence
from app.schemas.cases import CircumstanceView
from app.services.audit.service import state_hash

_ZH = "反弹回潮：隐患{earlier}于{closed_on}销号，{days}日后同{ground}再次发现（{number}）"
_EN = "Came back: hazard {earlier} was closed on {closed_on}, and the same {ground} was found again {days} days later ({number})"
_GROUNDS = {"item": ("一检查项", "item"), "clause": ("一判定条款", "clause")}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the filing rested on, or would today as long as nothing was kept; and what has come since."""

    facts: list[CircumstanceView]
    since: list[CircumstanceView]
    kept: CaseCircumstances | None


async def circumstances_of(session: AsyncSession, case_id: UUID) -> Circumstances:
    """Kept and live: two statements."""
    live = await _live(session, case_id)
    kept = await session.get(CaseCircumstances, case_id)
    if kept is None:
        return Circumstances(live, [], None)
    facts = [CircumstanceView.model_validate(one) for one in kept.facts]
    known = {_link(one) for one in facts}
    return Circumstances(facts, [one for one in live if _link(one) not in known], kept)


async def keep_circumstances(session: AsyncSession, case_id: UUID, on: date) -> str:
    """Keep what the case rests on as it is filed on a day; gives the hash, for the history and the audit log."""
    facts = [one.model_dump(mode="json") for one in await _live(session, case_id)]
    digest = state_hash({"circumstances": facts})
    assert digest is not None
    session.add(CaseCircumstances(case_id=case_id, kept_on=on, facts=facts, sha256=digest))
    await session.flush()
    return digest


def _link(one: CircumstanceView) -> tuple[UUID, str, UUID]:
    return one.hazard_id, one.ground, one.earlier_id


async def _live(session: AsyncSession, case_id: UUID) -> list[CircumstanceView]:
    """The returns among a case's hazards as they are linked today, by hazard."""
    earlier = aliased(Hazard)
    wanted = (
        select(HazardRecurrence, CaseHazard.number, CaseHazard.found_on, earlier.number)
        .join(CaseHazard, CaseHazard.hazard_id == HazardRecurrence.hazard_id)
        .join(earlier, earlier.id == HazardRecurrence.earlier_id)
        .where(CaseHazard.case_id == case_id)
        .order_by(HazardRecurrence.hazard_id, HazardRecurrence.ground)
    )
    return [_circumstance(*row) for row in await session.execute(wanted)]


def _circumstance(
    link: HazardRecurrence, number: str, found_on: date, earlier_number: str
) -> CircumstanceView:
    zh, en = _GROUNDS[link.ground]
    told = {"earlier": earlier_number, "number": number, "closed_on": link.closed_on, "days": link.days}
    return CircumstanceView(
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
