"""What an enterprise reports of itself (重大事故隐患上报): registered as heard now, read with the state it has come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import ForbiddenProblem, NotFoundProblem
from app.core.paging import Page, PageRequest
from app.enums.hazards import HazardSource
from app.models.enterprises import Site, SiteInvitation
from app.models.hazards import Hazard, HazardReport
from app.models.identity import User
from app.models.organizations import Authority
from app.schemas.enterprise.reports import OwnReport
from app.services.hazards.daily_limit import check_daily_limit
from app.services.hazards.errors import NoAuthorityProblem
from app.services.hazards.issued import of_the_invited
from app.services.hazards.reporting import Report, report_hazard
from app.services.hazards.standing import all_merged_with
from app.services.organizations.jurisdiction import covers


@dataclass(frozen=True, slots=True)
class SelfReport:
    """What the enterprise says: of what, and by which clause it suspects it to be major."""

    description: str
    subject: str | None
    suspected_clause: str | None


async def submit_self_report(
    session: AsyncSession, actor: Actor, said: SelfReport, most_a_day: int
) -> OwnReport:
    """Register the hazard at the actor's site; it was found when the server hears of it, whatever the enterprise says.

    Raises DailyLimitProblem, NoAuthorityProblem, ClauseUnknownProblem.
    """
    if actor.site_id is None:
        raise ForbiddenProblem
    await check_daily_limit(session, actor, "register", most_a_day)
    report = Report(
        source=HazardSource.SELF_REPORT,
        site_id=actor.site_id,
        authority_id=await _competent_authority(session, actor),
        description=said.description,
        subject=said.subject,
        suspected_clause=said.suspected_clause,
    )
    hazard = await report_hazard(session, actor, report)
    return await get_own_report(session, actor, hazard.id)


async def list_self_reports(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[OwnReport]:
    """Newest first; three statements whatever the number of rows."""
    wanted = _own(actor)
    if request.after:
        wanted = wanted.where(Hazard.id < request.after[0])
    rows = (await session.execute(wanted.order_by(Hazard.id.desc()).limit(request.limit + 1))).all()
    views = await _shown(session, [(hazard, report) for hazard, report in rows])
    return Page.cut(views, request, key=lambda view: (view.id,))


async def get_own_report(session: AsyncSession, actor: Actor, report_id: UUID) -> OwnReport:
    """One of the enterprise's reports at the site; raises NotFoundProblem."""
    rows = (await session.execute(_own(actor).where(Hazard.id == report_id))).all()
    if not rows:
        raise NotFoundProblem
    return (await _shown(session, [(hazard, report) for hazard, report in rows]))[0]


def _own(actor: Actor) -> Select[Hazard, HazardReport]:
    return (
        select(Hazard, HazardReport)
        .join(HazardReport, HazardReport.hazard_id == Hazard.id)
        .where(of_the_invited(actor, Hazard), Hazard.source == HazardSource.SELF_REPORT)
    )


async def _shown(session: AsyncSession, rows: Sequence[tuple[Hazard, HazardReport]]) -> list[OwnReport]:
    """Each report with the state of the hazard that stands for it; which others it was merged with is not told."""
    stays = await all_merged_with(session, [hazard.id for hazard, _ in rows])
    wanted = select(Hazard).where(Hazard.id.in_(set(stays.values())))
    standing = {hazard.id: hazard for hazard in (await session.execute(wanted)).scalars()}
    return [_view(hazard, report, standing[stays[hazard.id]]) for hazard, report in rows]


def _view(hazard: Hazard, report: HazardReport, standing: Hazard) -> OwnReport:
    return OwnReport(
        id=hazard.id,
        number=hazard.number,
        description=hazard.description,
        subject=hazard.subject,
        found_on=hazard.found_on,
        received_at=report.received_at,
        level=standing.level,
        clause=standing.clause,
        status=standing.status,
        due_on=standing.due_on,
        closed_on=standing.closed_on,
    )


async def _competent_authority(session: AsyncSession, actor: Actor) -> UUID:
    """The authority of the officer who invited, if it covers the site today; else the oldest that does."""
    site = await session.get_one(Site, actor.site_id)
    invited_by = (
        select(User.authority_id)
        .join(SiteInvitation, SiteInvitation.invited_by == User.id)
        .where(SiteInvitation.id == actor.invitation_id)
    )
    wanted = (
        select(Authority.id)
        .where(covers(Authority.id, site.region_id, shanghai_today()))
        .order_by((Authority.id == invited_by.scalar_subquery()).desc(), Authority.id)
        .limit(1)
    )
    authority_id = await session.scalar(wanted)
    if authority_id is None:
        raise NoAuthorityProblem
    return authority_id
