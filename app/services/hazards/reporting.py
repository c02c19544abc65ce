"""Hazards that no visit found: reported by the enterprise, whistled by an assistant, given as a tip, sent by another authority."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today, utc_now
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.enums.hazards import HazardSource
from app.models.enterprises import Enterprise, RiskUnit, Site
from app.models.hazards import Hazard, HazardReport
from app.schemas.determinations import StatedFact, WhatIfRequest
from app.services.determinations.content import check_clause
from app.services.determinations.what_if import judge_what_if
from app.services.hazards.errors import (
    FoundOnProblem,
    InformantProblem,
    ReportAuthorityProblem,
    ReportSourceProblem,
    UnknownUnitProblem,
)
from app.services.hazards.informants import Informant, keep_identity
from app.services.hazards.registering import WORD
from app.services.hazards.service import record_step
from app.services.identity.keys import KeyRing
from app.services.organizations.jurisdiction import authority_covers, may_name
from app.services.organizations.numbering import take_number


@dataclass(frozen=True, slots=True)
class SourceRule:
    """What a source must bring. `by_desk`: a desk registers from it by itself. `is_dated`: somebody says when it was found; else it
    was found when the server heard of it."""

    needs_reference: bool = False
    needs_authority: bool = False
    may_have_informant: bool = False
    by_desk: bool = True
    is_dated: bool = True


RULES: dict[str, SourceRule] = {
    HazardSource.TIP: SourceRule(needs_reference=True, may_have_informant=True),
    HazardSource.TRANSFER: SourceRule(needs_reference=True, needs_authority=True),
    HazardSource.SELF_REPORT: SourceRule(is_dated=False),
    HazardSource.PATROL: SourceRule(by_desk=False),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a hazard that somebody reports.

    `facts` are judged by the standard in force on the day; `suspected_clause` is what a person suspects. Neither makes it major.
    """

    source: str
    site_id: UUID
    authority_id: UUID
    description: str
    found_on: date | None = None
    risk_unit_id: UUID | None = None
    subject: str | None = None
    reference: str | None = None
    from_authority: str | None = None
    whistle_id: UUID | None = None
    suspected_clause: str | None = None
    facts: Sequence[StatedFact] = field(default=())
    evidence_ids: Sequence[UUID] = field(default=())


async def report_hazard(session: AsyncSession, actor: Actor, report: Report) -> Hazard:
    """Register a reported hazard as general, with its source and what is suspected of it; who may is for the caller to judge.

    A self-report counts from the day the server heard of it. Raises NotFoundProblem for an unknown site or an authority that does
    not cover it, ReportSourceProblem, FoundOnProblem, UnknownUnitProblem, ClauseUnknownProblem.
    """
    today = shanghai_today()
    site = await session.get(Site, report.site_id)
    if site is None or not await authority_covers(session, report.authority_id, site.region_id, today):
        raise NotFoundProblem
    found_on = _found_on(report, today)
    await _check_unit(session, report)
    clauses, suspected_by = await _suspected(session, site.enterprise_id, report, found_on)
    hazard = Hazard(
        id=new_id(),
        version=1,
        number=await take_number(session, report.authority_id, WORD, found_on.year),
        authority_id=report.authority_id,
        enterprise_id=site.enterprise_id,
        site_id=site.id,
        region_id=site.region_id,
        risk_unit_id=report.risk_unit_id,
        level="general",
        source=report.source,
        subject=report.subject,
        description=report.description,
        found_on=found_on,
        evidence_ids=list(report.evidence_ids),
        status="found",
    )
    session.add(hazard)
    await session.flush()
    session.add(
        HazardReport(
            hazard_id=hazard.id,
            source=report.source,
            reference=report.reference,
            from_authority=report.from_authority,
            whistle_id=report.whistle_id,
            received_at=utc_now(),
            reported_by=actor.user_id,
            suspected_clauses=clauses,
            suspected_by=suspected_by,
            facts=[fact.model_dump(mode="json") for fact in report.facts],
        )
    )
    author = {"invitation_id": str(actor.invitation_id)} if actor.invitation_id else None
    await record_step(session, actor, hazard, "register", None, on_date=found_on, detail=author)
    return hazard


async def register_at_desk(
    session: AsyncSession, keys: KeyRing, actor: Actor, report: Report, informant: Informant | None
) -> Hazard:
    """The same, by somebody who may in the site's region, in the name of his own authority or of one that has entrusted it; who
    gave a tip is kept apart from it, encrypted.

    Raises ReportAuthorityProblem, InformantProblem too.
    """
    site = await session.get(Site, report.site_id)
    if site is None or site.region_id not in actor.regions_for("hazards:report"):
        raise NotFoundProblem
    may = select(may_name(actor.authority_id, report.authority_id, shanghai_today()))
    if not await session.scalar(may):
        raise ReportAuthorityProblem
    hazard = await report_hazard(session, actor, report)
    if informant is not None:
        if not RULES[report.source].may_have_informant:
            raise InformantProblem
        await keep_identity(session, keys, hazard.id, informant)
    return hazard


async def find_report(session: AsyncSession, hazard_id: UUID) -> HazardReport | None:
    """What a hazard was registered from; None: a visit found it."""
    return await session.get(HazardReport, hazard_id)


async def find_whistled(session: AsyncSession, whistle_id: UUID) -> UUID | None:
    """The hazard that was registered from a whistle."""
    return await session.scalar(select(HazardReport.hazard_id).where(HazardReport.whistle_id == whistle_id))


def _found_on(report: Report, today: date) -> date:
    """Checks what the source must bring; gives the day the hazard counts as found."""
    rule = RULES.get(report.source)
    if (
        rule is None
        or (rule.needs_reference and not report.reference)
        or (rule.needs_authority and not report.from_authority)
        or rule.by_desk is (report.whistle_id is not None)
    ):
        raise ReportSourceProblem
    if report.found_on is None or not rule.is_dated:
        return today
    if report.found_on > today:
        raise FoundOnProblem(latest=today.isoformat())
    return report.found_on


async def _check_unit(session: AsyncSession, report: Report) -> None:
    if report.risk_unit_id is None:
        return
    unit = await session.get(RiskUnit, report.risk_unit_id)
    if unit is None or unit.site_id != report.site_id:
        raise UnknownUnitProblem


async def _suspected(
    session: AsyncSession, enterprise_id: UUID, report: Report, on: date
) -> tuple[list[str], str | None]:
    """The clauses by which it may be major, as the machine says of the facts, or else as a person suspects; and who says so."""
    if report.facts:
        enterprise = (await session.scalars(select(Enterprise).where(Enterprise.id == enterprise_id))).one()
        judged = judge_what_if(
            WhatIfRequest(trades=enterprise.regulated_trades, facts=list(report.facts), on=on)
        )
        found = [one.clause_id for one in judged.verdicts if one.kind == "suspected_major"]
        if found:
            return list(dict.fromkeys(found)), "machine"
    if report.suspected_clause is None:
        return [], None
    check_clause(report.suspected_clause, on)
    return [report.suspected_clause], "person"
