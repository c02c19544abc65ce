"""What people make of a verdict: two officers verify, the person in charge decides; findings no clause covers are mapped."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today, utc_now
from app.core.events import publish
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.models.determinations import VerdictRecord, VerdictStep, Verification
from app.services.audit.service import record_act
from app.services.determinations.access import get_verdict, list_visit_sheets, require_for
from app.services.determinations.content import check_clause
from app.services.determinations.errors import (
    ClauseRequiredProblem,
    MappingRequiredProblem,
    NobodyFoundMajorProblem,
    OfficerNotCertifiedProblem,
    ReasonRequiredProblem,
    SameOfficerProblem,
    SameSessionProblem,
    VerdictOutdatedProblem,
    VerdictStateProblem,
    VerifierConfirmsProblem,
)
from app.services.determinations.resting import confirmed_news
from app.services.determinations.workflow import (
    TRANSITIONS,
    VERIFY,
    Verified,
    clauses_found,
    differs_from_machine,
    find_repeated,
    find_transition,
)
from app.services.identity.certificates import list_certified


async def verify_verdict(
    session: AsyncSession,
    actor: Actor,
    verdict_id: UUID,
    expected: int,
    *,
    assessment: str,
    clause: str | None,
    reason: str | None,
) -> VerdictRecord:
    """Record what one officer found on site. `clause` (unless told: the verdict's own) is by what he finds it major.

    Raises OfficerNotCertifiedProblem, SameOfficerProblem, SameSessionProblem, ReasonRequiredProblem, ClauseRequiredProblem,
    ClauseUnknownProblem, MappingRequiredProblem, and what every step may raise.
    """
    verdict = await _take(session, actor, verdict_id)
    own_clause = verdict.clause_id or verdict.mapped_clause
    action = "verify_first" if verdict.status == "open" else "verify_second"
    await _check_step(session, actor, verdict, action)
    if own_clause is None:
        raise MappingRequiredProblem
    assert actor.user_id is not None
    assert actor.session_id is not None
    earlier = await list_verified(session, verdict_id)
    match find_repeated(earlier, actor.user_id, actor.session_id):
        case "officer":
            raise SameOfficerProblem
        case "session":
            raise SameSessionProblem
    today = shanghai_today()
    if actor.user_id not in await list_certified(session, [actor.user_id], today):
        raise OfficerNotCertifiedProblem(action="determinations:verify")
    named = (clause or own_clause) if assessment == "major" else None
    if named is not None:
        await _check_clause(session, actor, verdict, named)
    if not reason and differs_from_machine(verdict.kind, verdict.clause_id, assessment, named):
        raise ReasonRequiredProblem
    session.add(
        Verification(
            id=new_id(),
            verdict_id=verdict_id,
            user_id=actor.user_id,
            session_id=actor.session_id,
            assessment=assessment,
            clause_id=named,
            reason=reason,
        )
    )
    return await _step(session, actor, verdict, action, expected, clause=named, reason=reason)


async def confirm_verdict(
    session: AsyncSession, actor: Actor, verdict_id: UUID, expected: int, *, clause: str | None, reason: str
) -> VerdictRecord:
    """The person in charge confirms: major from today, by one of the clauses the officers found.

    Raises VerifierConfirmsProblem, NobodyFoundMajorProblem, ClauseRequiredProblem, and what every step may raise.
    """
    verdict = await _take(session, actor, verdict_id)
    await _check_step(session, actor, verdict, "confirm")
    verified = await list_verified(session, verdict_id)
    _check_decider(actor, verified)
    found = clauses_found(verified)
    if not found:
        raise NobodyFoundMajorProblem
    chosen = clause or (found[0] if len(found) == 1 else None)
    if chosen not in found:
        raise ClauseRequiredProblem
    today = shanghai_today()
    decided = {
        "major_clause": chosen,
        "major_from": today,
        "confirmed_by": actor.user_id,
        "confirmed_at": utc_now(),
        "confirmation_reason": reason,
    }
    verdict = await _step(
        session, actor, verdict, "confirm", expected, clause=chosen, reason=reason, values=decided
    )
    sheets = await list_visit_sheets(session, actor, verdict.visit_id)
    await publish(session, confirmed_news(actor, verdict, sheets))
    return verdict


async def reject_verdict(
    session: AsyncSession, actor: Actor, verdict_id: UUID, expected: int, *, reason: str
) -> VerdictRecord:
    """The person in charge decides that it is not major. Raises VerifierConfirmsProblem, and what every step may raise."""
    verdict = await _take(session, actor, verdict_id)
    await _check_step(session, actor, verdict, "reject")
    _check_decider(actor, await list_verified(session, verdict_id))
    decided = {"confirmed_by": actor.user_id, "confirmed_at": utc_now(), "confirmation_reason": reason}
    return await _step(session, actor, verdict, "reject", expected, reason=reason, values=decided)


async def map_finding(
    session: AsyncSession, actor: Actor, verdict_id: UUID, expected: int, *, clause: str | None, reason: str
) -> VerdictRecord:
    """A person says under which clause a finding falls that the machine could not place; None: it is general.

    Raises ClauseUnknownProblem, and what every step may raise.
    """
    verdict = await _take(session, actor, verdict_id)
    action = "file_as_general" if clause is None else "map_to_clause"
    await _check_step(session, actor, verdict, action)
    if clause is not None:
        await _check_clause(session, actor, verdict, clause)
    return await _step(
        session,
        actor,
        verdict,
        action,
        expected,
        clause=clause,
        reason=reason,
        values={"mapped_clause": clause},
    )


async def list_verified(session: AsyncSession, verdict_id: UUID) -> list[Verified]:
    """What the officers said so far, first to last."""
    wanted = select(Verification).where(Verification.verdict_id == verdict_id).order_by(Verification.id)
    return [
        Verified(row.user_id, row.session_id, row.assessment, row.clause_id)
        for row in (await session.execute(wanted)).scalars()
    ]


async def _take(session: AsyncSession, actor: Actor, verdict_id: UUID) -> VerdictRecord:
    verdict = await get_verdict(session, actor, verdict_id)
    if not verdict.is_current:
        raise VerdictOutdatedProblem
    return verdict


async def _check_step(session: AsyncSession, actor: Actor, verdict: VerdictRecord, action: str) -> None:
    permission = TRANSITIONS[action].permission
    if permission == VERIFY:
        await require_for(session, actor, permission, verdict.region_id, verdict.visit_id)
    else:  # deciding is for the person in charge of the region, whoever went along on the visit
        actor.require(permission, verdict.region_id)
    if find_transition(action, verdict.status, verdict.kind) is None:
        raise VerdictStateProblem(status=verdict.status, kind=verdict.kind)


def _check_decider(actor: Actor, verified: list[Verified]) -> None:
    if actor.user_id in {one.user_id for one in verified}:
        raise VerifierConfirmsProblem(action="determinations:confirm")


async def _check_clause(session: AsyncSession, actor: Actor, verdict: VerdictRecord, clause: str) -> None:
    if clause == verdict.clause_id:
        return
    sheets = await list_visit_sheets(session, actor, verdict.visit_id)
    check_clause(clause, min(sheet.legal_on for sheet in sheets if not sheet.is_superseded))


async def _step(
    session: AsyncSession,
    actor: Actor,
    verdict: VerdictRecord,
    action: str,
    expected: int,
    *,
    clause: str | None = None,
    reason: str | None = None,
    values: dict[str, Any] | None = None,
) -> VerdictRecord:
    """Compare and set (one that is replaced is another version), and write history, audit and change rows beside it."""
    before = verdict.status
    transition = find_transition(action, before, verdict.kind)
    assert transition is not None
    await compare_and_set(session, verdict, expected, status=transition.target, **(values or {}))
    session.add(
        VerdictStep(
            id=new_id(),
            verdict_id=verdict.id,
            action=action,
            from_status=before,
            to_status=verdict.status,
            on_date=shanghai_today(),
            user_id=actor.user_id,
            session_id=actor.session_id,
            clause=clause,
            reason=reason,
        )
    )
    await session.flush()
    await record_act(
        session,
        actor,
        action=f"determinations:{action}",
        kind="verdict",
        object_id=verdict.id,
        version=verdict.version,
        region_id=verdict.region_id,
        before={"status": before},
        after={"status": verdict.status, "clause": clause, "major_from": verdict.major_from},
    )
    return verdict
