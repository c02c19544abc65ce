"""What aggravates, as facts of the case: hazards of it that came back. No amount follows from here; whoever decides weighs them."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.cases import CaseHazard
from app.models.hazards import Hazard, HazardRecurrence
from app.schemas.cases import CircumstanceView

_ZH = "反弹回潮：隐患{earlier}于{closed_on}销号，{days}日后同{ground}再次发现（{number}）"
_EN = "Came back: hazard {earlier} was closed on {closed_on}, and the same {ground} was found again {days} days later ({number})"
_GROUNDS = {"item": ("一检查项", "item"), "clause": ("一判定条款", "clause")}


async def circumstances_of(session: AsyncSession, case_id: UUID) -> list[CircumstanceView]:
    """The returns among a case's hazards, by hazard; links are never rewritten, so what was shown stays."""
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
