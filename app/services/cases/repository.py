"""Reading cases: filtered lists with their clocks, counts, one case with everything written of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.masking import masked_id_number, masked_name
from app.core.paging import Page, PageRequest
from app.enums.cases import IdKind, PartyKind
from app.models.cases import (
    Case,
    CaseAllegation,
    CaseHazard,
    CaseOfficer,
    CaseParty,
    CaseStep,
)
from app.models.clocks import Clock
from app.schemas.cases import (
    ENTITY,
    AllegationView,
    CaseDetail,
    CaseHazardView,
    CaseOfficerView,
    CaseStepView,
    CaseView,
    PartyView,
)
from app.services.cases.circumstances import circumstances_of
from app.services.cases.service import get_case
from app.services.cases.workflow import actions_from
from app.services.clocks.awaiting import Awaited, list_awaited
from app.services.clocks.repository import is_past, show_clock
from app.services.identity.places import lies_in

COMPUTED = {"enterprise_name", "is_overdue", "clocks"}


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it."""

    region_id: UUID | None = None
    status: str | None = None
    enterprise_id: UUID | None = None
    hazard_id: UUID | None = None
    number: str | None = None
    filed_from: date | None = None
    filed_until: date | None = None
    overdue: bool | None = None


async def list_cases(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: CaseFilter
) -> Page[CaseView]:
    """Newest first, in two statements whatever the length."""
    conditions = _conditions(actor, narrowed)
    if request.after:
        conditions.append(Case.id < request.after[0])
    wanted = select(Case).where(*conditions).order_by(Case.id.desc()).limit(request.limit + 1)
    page = Page.cut(list((await session.scalars(wanted)).all()), request, key=lambda row: (row.id,))
    return Page(await _views(session, page.items), page.next_key)


async def count_cases(
    session: AsyncSession, actor: Actor, narrowed: CaseFilter
) -> list[tuple[str, int, int]]:
    """(status, number, of these overdue) under the same filters, one statement."""
    late = Case.id.in_(
        select(Clock.subject_id).where(is_past(shanghai_today()))
    )  # read once, not once a case
    found = select(Case.status, late.label("late")).where(*_conditions(actor, narrowed)).subquery()
    wanted = (
        select(found.c.status, func.count(), func.count().filter(found.c.late))
        .group_by(found.c.status)
        .order_by(found.c.status)
    )
    return [(status, number, late) for status, number, late in await session.execute(wanted)]


async def show_case(session: AsyncSession, actor: Actor, case_id: UUID) -> CaseDetail:
    """One case with parties (persons masked), allegations, hazards, officers and history."""
    case = await get_case(session, actor, case_id)
    (head,) = await _views(session, [case])
    parties = await _rows(session, CaseParty, case_id, CaseParty.id)
    circumstances = await circumstances_of(session, case_id)
    return CaseDetail(
        **head.model_dump(),
        parties=[show_party(row) for row in parties],
        allegations=[
            AllegationView.model_validate(row)
            for row in await _rows(session, CaseAllegation, case_id, CaseAllegation.position)
        ],
        hazards=[
            CaseHazardView.model_validate(row)
            for row in await _rows(session, CaseHazard, case_id, CaseHazard.hazard_id)
        ],
        circumstances=circumstances.facts,
        circumstances_kept_on=circumstances.kept.kept_on if circumstances.kept else None,
        circumstances_sha256=circumstances.kept.sha256 if circumstances.kept else None,
        circumstances_since=circumstances.since,
        officers=[
            CaseOfficerView.model_validate(row)
            for row in await _rows(session, CaseOfficer, case_id, CaseOfficer.user_id)
        ],
        steps=[
            CaseStepView.model_validate(row) for row in await _rows(session, CaseStep, case_id, CaseStep.id)
        ],
        actions=actions_from(case.status),
    )


async def show_one(session: AsyncSession, case: Case) -> CaseView:
    """One case as in a list."""
    return (await _views(session, [case]))[0]


def show_party(party: CaseParty, *, masked: bool = True) -> PartyView:
    """A party; of a person only the masked name and number, and no address, unless unmasked."""
    view = PartyView.model_validate(party)
    if not masked or party.kind == PartyKind.ENTITY:
        return view
    return view.model_copy(
        update={
            "name": masked_name(party.name),
            "id_number": _masked_number(party),
            "address": "***" if party.address else None,
        }
    )


def _masked_number(party: CaseParty) -> str | None:
    if party.id_number is None:
        return None
    is_resident = party.id_kind == IdKind.RESIDENT_ID
    return masked_id_number(party.id_number) if is_resident else "*" * len(party.id_number)


async def _views(session: AsyncSession, cases: Sequence[Case]) -> list[CaseView]:
    """Cases with the enterprise's name as it was and their clocks: one statement for all."""
    today = shanghai_today()
    names: dict[UUID, str] = {}
    clocks: dict[UUID, list[Clock]] = defaultdict(list)
    wanted = (
        select(CaseParty.case_id, CaseParty.name, Clock)
        .outerjoin(Clock, Clock.subject_id == CaseParty.case_id)
        .where(CaseParty.case_id.in_([case.id for case in cases]), CaseParty.label == ENTITY)
        .order_by(Clock.id)
    )
    if cases:
        for case_id, name, clock in await session.execute(wanted):
            names[case_id] = name
            if clock is not None:
                clocks[case_id].append(clock)
    awaited = await list_awaited(session)
    return [_view(case, names[case.id], clocks[case.id], today, awaited) for case in cases]


def _view(
    case: Case, name: str, clocks: Sequence[Clock], today: date, awaited: Sequence[Awaited]
) -> CaseView:
    shown = [show_clock(clock, today, awaited) for clock in clocks]
    own = {field: getattr(case, field) for field in CaseView.model_fields if field not in COMPUTED}
    late = any(clock.is_overdue for clock in shown if clock.ended_on is None)
    return CaseView(**own, enterprise_name=name, is_overdue=late, clocks=shown)


async def _rows(session: AsyncSession, table: Any, case_id: UUID, order: Any) -> Sequence[Any]:
    return (await session.scalars(select(table).where(table.case_id == case_id).order_by(order))).all()


def _overdue() -> ColumnElement[bool]:
    """One of the case's running clocks is past its end."""
    return exists(select(Clock.id).where(Clock.subject_id == Case.id, is_past(shanghai_today())))


def _conditions(actor: Actor, narrowed: CaseFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Case.region_id.in_(actor.regions_for("cases:read"))]
    if narrowed.region_id is not None:
        conditions.append(lies_in(Case.region_id, narrowed.region_id))
    for name in ("status", "enterprise_id"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(Case, name) == value)
    if narrowed.hazard_id is not None:
        linked = select(CaseHazard.case_id).where(CaseHazard.hazard_id == narrowed.hazard_id)
        conditions.append(Case.id.in_(linked))
    if narrowed.number is not None:
        conditions.append(or_(Case.number == narrowed.number, Case.filing_number == narrowed.number))
    if narrowed.filed_from is not None:
        conditions.append(Case.filed_on >= narrowed.filed_from)
    if narrowed.filed_until is not None:
        conditions.append(Case.filed_on <= narrowed.filed_until)
    if narrowed.overdue is not None:
        conditions.append(_overdue() if narrowed.overdue else ~_overdue())
    return conditions
