"""Moving a case along the table of its procedure, and looking at what is masked."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.events import publish
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.models.cases import Case, CaseOfficer, CaseParty, CaseStep
from app.services.audit.service import record_access, record_act
from app.services.cases.accusation import release_hazards
from app.services.cases.circumstances import keep_circumstances
from app.services.cases.errors import (
    CaseStateProblem,
    NotCaseOfficerProblem,
    ReasonMissingProblem,
    SamePersonProblem,
    StepDateProblem,
)
from app.services.cases.events import CaseFiled
from app.services.cases.team import check_team, officer_ids_of
from app.services.cases.workflow import Transition, transition_from
from app.services.clocks.responsibility import Subject, hold_responsible
from app.services.clocks.service import end_clocks, start_clock
from app.services.organizations.numbering import take_number

FILING_WORD = "立"
"""The word of the filing form's series (立案审批表): 安应急立〔2026〕1号; drafts take no number of it."""


async def get_case(session: AsyncSession, actor: Actor, case_id: UUID) -> Case:
    """One case of the actor's regions; raises NotFoundProblem."""
    wanted = select(Case).where(Case.id == case_id, Case.region_id.in_(actor.regions_for("cases:read")))
    case = (await session.execute(wanted)).scalar_one_or_none()
    if case is None:
        raise NotFoundProblem
    return case


async def subject_of(session: AsyncSession, case: Case) -> Subject:
    """The case as its clocks know it; its leading officer answers for them."""
    leading = select(CaseOfficer.user_id).where(CaseOfficer.case_id == case.id, CaseOfficer.is_leading)
    return Subject("case", case.id, case.authority_id, case.region_id, await session.scalar(leading))


async def take_step(
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    expected: int,
    action: str,
    *,
    note: str | None,
    on_date: date | None,
) -> Case:
    """Take one step of the table, by who may, on its legal date; compare and set, history, audit and change row beside it."""
    case = await get_case(session, actor, case_id)
    transition = transition_from(case.status, action)
    if transition is None:
        raise CaseStateProblem(status=case.status)
    actor.require(transition.permission, case.region_id)
    if transition.needs_reason and note is None:
        raise ReasonMissingProblem
    on = await _legal_date(session, case, on_date)
    await _judge_person(session, actor, case, transition, on)
    before = case.status
    await compare_and_set(session, case, expected, status=transition.target)
    detail: dict[str, Any] | None = None
    if transition.is_filing:
        await _file(session, case, on)
        detail = {"circumstances": await keep_circumstances(session, case.id, on)}
    if transition.releases:
        await release_hazards(session, case.id)
    if transition.starts:
        await hold_responsible(session, [case.id])
    await end_clocks(session, actor, case.id, transition.ends, on)
    for code in transition.starts:
        await start_clock(session, actor, await subject_of(session, case), code, on)
    await record_step(session, actor, case, action, before, on_date=on, note=note, detail=detail)
    if transition.is_filing:
        await publish(session, CaseFiled(case.id, case.region_id, case.enterprise_id, on))
    return case


async def record_step(
    session: AsyncSession,
    actor: Actor,
    case: Case,
    action: str,
    before: str | None,
    *,
    on_date: date | None = None,
    note: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """The history row, the audit row and the change row of one step."""
    step = CaseStep(
        id=new_id(),
        case_id=case.id,
        action=action,
        from_status=before,
        to_status=case.status,
        on_date=on_date or shanghai_today(),
        user_id=actor.user_id,
        note=note,
        detail=detail,
    )
    session.add(step)
    await session.flush()
    await record_act(
        session,
        actor,
        action=f"cases:{action}",
        kind="case",
        object_id=case.id,
        version=case.version,
        region_id=case.region_id,
        before={"status": before} if before else None,
        after={"status": case.status, "filed_on": case.filed_on, "on": step.on_date, **(detail or {})},
    )


async def unmask_party(
    session: AsyncSession, actor: Actor, case_id: UUID, party_id: UUID, reason: str
) -> CaseParty:
    """A party in full; the audit row with the reason is committed before the answer leaves."""
    case = await get_case(session, actor, case_id)
    actor.require("cases:unmask", case.region_id)
    wanted = select(CaseParty).where(CaseParty.id == party_id, CaseParty.case_id == case_id)
    party = (await session.execute(wanted)).scalar_one_or_none()
    if party is None:
        raise NotFoundProblem
    await record_access(
        session,
        actor,
        action="cases:unmask",
        kind="case_party",
        object_id=party.id,
        region_id=case.region_id,
        detail={"case_id": str(case.id), "reason": reason},
    )
    return party


async def _file(session: AsyncSession, case: Case, on: date) -> None:
    """The filing's own number and legal date; the row is locked by the step already, the series only from here."""
    number = await take_number(session, case.authority_id, FILING_WORD, on.year)
    values = {"filed_on": on, "filing_number": number}
    await session.execute(update(Case).where(Case.id == case.id).values(**values))
    await session.refresh(case)


async def _legal_date(session: AsyncSession, case: Case, given: date | None) -> date:
    """Today unless told; never before the last step, never in the future."""
    today = shanghai_today()
    on = given or today
    earliest = await session.scalar(select(func.max(CaseStep.on_date)).where(CaseStep.case_id == case.id))
    assert earliest is not None
    if not min(earliest, today) <= on <= today:
        raise StepDateProblem(earliest=earliest.isoformat(), latest=today.isoformat())
    return on


async def _judge_person(
    session: AsyncSession, actor: Actor, case: Case, transition: Transition, on: date
) -> None:
    """Who handles the case proposes, who proposed does not decide, and the team is still certified where it must be."""
    officers = await officer_ids_of(session, case.id)
    if transition.by_officers is True and actor.user_id not in officers:
        raise NotCaseOfficerProblem
    if transition.by_officers is False and actor.user_id in officers:
        raise SamePersonProblem
    if transition.unlike and await _last_of(session, case.id, transition.unlike) == actor.user_id:
        raise SamePersonProblem
    if transition.needs_team:
        await check_team(session, officers, case.authority_id, case.region_id, on)


async def _last_of(session: AsyncSession, case_id: UUID, actions: frozenset[str]) -> UUID | None:
    """Who took the newest of these steps."""
    wanted = (
        select(CaseStep.user_id)
        .where(CaseStep.case_id == case_id, CaseStep.action.in_(actions))
        .order_by(CaseStep.id.desc())
        .limit(1)
    )
    return await session.scalar(wanted)
