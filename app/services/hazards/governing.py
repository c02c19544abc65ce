"""How a listed hazard is being removed: the plan with its five fixings (五落实), and what was done month by month.

What was written wrongly is corrected by a further entry that says why; nothing is rewritten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.models.placards import Placard, PlacardPlan, PlacardProgress, PlacardProgressCorrection
from app.services.enterprises.contacts import hold_contact
from app.services.hazards.content import placard_kind, placard_kinds
from app.services.hazards.errors import (
    PlacardPersonsProblem,
    PlacardStateProblem,
    ProgressKnownProblem,
    ProgressMonthProblem,
)
from app.services.hazards.placard_steps import record_placard_step
from app.services.hazards.placards import get_placard


@dataclass(frozen=True, slots=True)
class Progress:
    """A month's entry and what corrected it, oldest first."""

    entry: PlacardProgress
    corrections: Sequence[PlacardProgressCorrection]

    @property
    def text(self) -> str:
        """What holds."""
        return self.corrections[-1].text if self.corrections else self.entry.text


@dataclass(frozen=True, slots=True)
class Plan:
    """The five fixings: who answers (a contact of the enterprise), measures, funds in fen, last day, emergency plan."""

    contact_id: UUID
    measures: str
    funds_fen: int
    due_on: date
    contingency: str


async def record_plan(
    session: AsyncSession, actor: Actor, placard_id: UUID, expected: int, plan: Plan
) -> PlacardPlan:
    """Write down the enterprise's plan; a later one replaces it and the earlier stays. Raises PlacardStateProblem,
    PlacardPersonsProblem."""
    placard = await _governed(session, actor, placard_id)
    if not await hold_contact(session, placard.enterprise_id, plan.contact_id):
        raise PlacardPersonsProblem
    await compare_and_set(session, placard, expected)
    row = PlacardPlan(
        id=new_id(), placard_id=placard_id, contact_id=plan.contact_id, measures=plan.measures, funds_fen=plan.funds_fen,
        due_on=plan.due_on, contingency=plan.contingency, recorded_by=actor.user_id,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    await record_placard_step(session, actor, placard, "record_plan", placard.status, None)
    return row


async def record_progress(
    session: AsyncSession, actor: Actor, placard_id: UUID, expected: int, month: date, text: str
) -> PlacardProgress:
    """Write down what was done in a month, once. Raises PlacardStateProblem, ProgressMonthProblem, ProgressKnownProblem."""
    placard = await _governed(session, actor, placard_id)
    assert placard.decided_on is not None
    if not first_of(placard.decided_on) <= first_of(month) <= shanghai_today():
        raise ProgressMonthProblem
    await compare_and_set(session, placard, expected)
    values = {
        "id": new_id(), "placard_id": placard_id, "month": first_of(month), "text": text, "recorded_by": actor.user_id,
    }  # fmt: skip
    new = insert(PlacardProgress).values(values).on_conflict_do_nothing().returning(PlacardProgress)
    row = (await session.execute(new)).scalar_one_or_none()
    if row is None:
        raise ProgressKnownProblem
    await record_placard_step(session, actor, placard, "record_progress", placard.status, None)
    return row


async def correct_progress(
    session: AsyncSession,
    actor: Actor,
    placard_id: UUID,
    progress_id: UUID,
    expected: int,
    text: str,
    reason: str,
) -> Progress:
    """Append what a month's entry should have said, also after the placard was taken down; the entry itself stays.

    Raises NotFoundProblem, PlacardStateProblem when another step came first.
    """
    placard = await get_placard(session, actor, placard_id)
    actor.require("hazards:propose_placard", placard.region_id)
    found = [one for one in await list_progress(session, placard_id) if one.entry.id == progress_id]
    if not found:
        raise NotFoundProblem
    await compare_and_set(session, placard, expected)
    row = PlacardProgressCorrection(
        id=new_id(), progress_id=progress_id, text=text, reason=reason, recorded_by=actor.user_id
    )
    session.add(row)
    await session.flush()
    month = found[0].entry.month
    await record_placard_step(
        session, actor, placard, "correct_progress", placard.status, f"{month:%Y-%m}：{reason}"
    )
    return Progress(found[0].entry, [*found[0].corrections, row])


async def list_plans(session: AsyncSession, placard_id: UUID) -> Sequence[PlacardPlan]:
    """The plans, the one that holds first."""
    wanted = select(PlacardPlan).where(PlacardPlan.placard_id == placard_id).order_by(PlacardPlan.id.desc())
    return (await session.execute(wanted)).scalars().all()


async def list_progress(session: AsyncSession, placard_id: UUID) -> list[Progress]:
    """What was done, by month, with what corrected it: one statement."""
    wanted = (
        select(PlacardProgress, PlacardProgressCorrection)
        .outerjoin(PlacardProgressCorrection, PlacardProgressCorrection.progress_id == PlacardProgress.id)
        .where(PlacardProgress.placard_id == placard_id)
        .order_by(PlacardProgress.month, PlacardProgressCorrection.id)
    )
    rows = [(row[0], row[1]) for row in await session.execute(wanted)]
    return [
        Progress(entry, [correction for _, correction in same if correction is not None])
        for entry, same in groupby(rows, key=lambda row: row[0])
    ]


def missing_months(placard: Placard, recorded: Sequence[date], today: date) -> list[date]:
    """The months after that of the decision which are over and of which nothing is written, while the placard is in force."""
    kind = placard_kind(placard.kind)
    if kind is None or not kind.monthly or placard.status != "in_force" or placard.decided_on is None:
        return []
    over = range(_number(placard.decided_on) + 1, _number(today))
    return [month for month in map(_month, over) if month not in recorded]


def is_late(today: date) -> ColumnElement[bool]:
    """The same in SQL: fewer months are written than are over."""
    this_month = first_of(today)
    over = literal(_number(today) - 1) - (
        func.extract("year", Placard.decided_on) * 12 + func.extract("month", Placard.decided_on) - 1
    )
    written = (
        select(func.count())
        .where(
            PlacardProgress.placard_id == Placard.id,
            PlacardProgress.month > func.date_trunc("month", Placard.decided_on),
            PlacardProgress.month < this_month,
        )
        .correlate(Placard)
        .scalar_subquery()
    )
    monthly = [kind.code for kind in placard_kinds() if kind.monthly]
    return (Placard.status == "in_force") & Placard.kind.in_(monthly) & (written < over)


def first_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def _number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


async def _governed(session: AsyncSession, actor: Actor, placard_id: UUID) -> Placard:
    placard = await get_placard(session, actor, placard_id)
    actor.require("hazards:propose_placard", placard.region_id)
    if placard.status != "in_force":
        raise PlacardStateProblem(state=placard.status)
    return placard
