"""Opening a case from hazards; changing what it says while it is still in the officer's hands, and its team once it is filed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.events import publish
from app.core.ids import new_id
from app.db.rows import insert_rows
from app.db.versions import compare_and_set
from app.enums.cases import CaseSource
from app.models.cases import Case, CaseHazard, CaseOfficer
from app.models.enterprises import Enterprise, Site
from app.models.hazards import Hazard
from app.schemas.cases import OpenCaseRequest, ReviseCaseRequest
from app.services.cases.accusation import (
    Accusation,
    accuse,
    entity_of,
    hazard_ids_of,
    person_of,
    remove_accusation,
    stored_requests,
    write_accusation,
)
from app.services.cases.errors import CaseStateProblem, HazardsTogetherProblem, SamePersonProblem
from app.services.cases.events import CaseOpened
from app.services.cases.service import get_case, record_step, subject_of
from app.services.cases.team import check_team, officer_ids_of
from app.services.cases.workflow import INITIAL, may_be_edited, team_may_change
from app.services.clocks.responsibility import hand_over_clocks
from app.services.clocks.service import start_clock
from app.services.hazards.errors import HazardMergedProblem
from app.services.hazards.proposing import take_up
from app.services.inspections.errors import AuthorityProblem
from app.services.organizations.jurisdiction import authority_covers
from app.services.organizations.numbering import take_number

NUMBER_WORD = "案"
"""The word of the case register's series: 安应急案〔2026〕1号. The filing takes a number of its own (立)."""


async def open_case(session: AsyncSession, actor: Actor, request: OpenCaseRequest) -> Case:
    """Open a case from hazards of one enterprise, with at least two certified officers; the filing limit begins to run.

    A hazard may be in several cases, but for one article at one stage in one case only, until that case lets it go
    (行政处罚法 29: no two fines for one act); a rectified hazard may still be pursued.
    """
    found = await _hazards(session, actor, request.hazard_ids)
    first = found[0][0]
    actor.require("cases:open", first.region_id)
    today = shanghai_today()
    if not await authority_covers(session, first.authority_id, first.region_id, today):
        raise AuthorityProblem
    team = await check_team(session, request.officer_ids, first.authority_id, first.region_id, today)
    enterprise = (await session.scalars(select(Enterprise).where(Enterprise.id == first.enterprise_id))).one()
    case = Case(
        id=new_id(),
        version=1,
        authority_id=first.authority_id,
        region_id=first.region_id,
        enterprise_id=first.enterprise_id,
        source=CaseSource.HAZARD.value,
        cause=request.cause,
        status=INITIAL,
        found_on=min(hazard.found_on for hazard, _ in found),
        opened_by=actor.user_id,
    )
    hazard_ids = [hazard.id for hazard, _ in found]
    parties = [
        entity_of(case.id, enterprise),
        *(person_of(case.id, person) for person in request.persons),
    ]
    accusation = accuse(case, parties, hazard_ids, request.allegations)
    case.number = await take_number(session, case.authority_id, NUMBER_WORD, today.year)
    session.add(case)
    await session.flush()
    await insert_rows(
        session,
        (CaseHazard, [_linked(case.id, hazard, site) for hazard, site in found]),
        (CaseOfficer, _officers(case.id, team, request.officer_ids[0])),
    )
    await write_accusation(session, case, accusation)
    await start_clock(session, actor, await subject_of(session, case), "filing", case.found_on)
    await record_step(
        session, actor, case, "open", None, on_date=today, detail={"accusation": accusation.digest()}
    )
    await take_up(session, actor, hazard_ids, "case", case.id)
    await publish(session, CaseOpened(case.id, case.region_id, case.enterprise_id, tuple(hazard_ids), today))
    return case


async def revise_case(
    session: AsyncSession, actor: Actor, case_id: UUID, expected: int, request: ReviseCaseRequest
) -> Case:
    """Change cause, officers, persons or allegations while the officer still has the case; the whole is judged anew.

    Whoever leads the team from now on answers for the case's clocks.
    """
    case = await get_case(session, actor, case_id)
    actor.require("cases:open", case.region_id)
    if not may_be_edited(case.status):
        raise CaseStateProblem(status=case.status)
    await compare_and_set(session, case, expected, **({"cause": request.cause} if request.cause else {}))
    detail: dict[str, Any] = {"changed": sorted(request.model_fields_set)}
    if request.officer_ids is not None:
        await _replace_team(session, actor, case, request.officer_ids)
    if request.persons is not None or request.allegations is not None:
        detail["accusation"] = (await _revise_accusation(session, case, request)).digest()
    await record_step(session, actor, case, "revise", case.status, detail=detail)
    return case


async def change_team(
    session: AsyncSession,
    actor: Actor,
    case_id: UUID,
    expected: int,
    officer_ids: Sequence[UUID],
    reason: str,
) -> Case:
    """Let another team handle a filed case: the person in charge names it, and is in neither. The first of it leads.

    The team is judged as at the opening; whoever leads from now on answers for the case's clocks. Raises CaseStateProblem,
    SamePersonProblem, CaseTeamProblem.
    """
    case = await get_case(session, actor, case_id)
    actor.require("cases:approve", case.region_id)
    if not team_may_change(case.status, is_filed=case.filed_on is not None):
        raise CaseStateProblem(status=case.status)
    before = await officer_ids_of(session, case_id)
    if actor.user_id in {*before, *officer_ids}:
        raise SamePersonProblem
    await compare_and_set(session, case, expected)
    await _replace_team(session, actor, case, officer_ids)
    detail = {"before": [str(one) for one in before], "officers": [str(one) for one in officer_ids]}
    await record_step(session, actor, case, "change_team", case.status, note=reason, detail=detail)
    return case


async def _replace_team(session: AsyncSession, actor: Actor, case: Case, officer_ids: Sequence[UUID]) -> None:
    """The officers of the case, the first of whom leads and takes its clocks over."""
    team = await check_team(session, officer_ids, case.authority_id, case.region_id, shanghai_today())
    await session.execute(delete(CaseOfficer).where(CaseOfficer.case_id == case.id))
    await insert_rows(session, (CaseOfficer, _officers(case.id, team, officer_ids[0])))
    await hand_over_clocks(session, actor, await subject_of(session, case))


async def _revise_accusation(session: AsyncSession, case: Case, request: ReviseCaseRequest) -> Accusation:
    entity, persons, numbers, allegations = await stored_requests(session, case.id)
    wanted = persons if request.persons is None else request.persons
    parties = [entity, *(person_of(case.id, one, numbers.get(one.label)) for one in wanted)]
    said = allegations if request.allegations is None else request.allegations
    accusation = accuse(case, parties, await hazard_ids_of(session, case.id), said)
    await remove_accusation(session, case.id)
    await write_accusation(session, case, accusation)
    return accusation


async def _hazards(
    session: AsyncSession, actor: Actor, hazard_ids: Sequence[UUID]
) -> list[tuple[Hazard, Site]]:
    """The hazards with their sites, oldest first, locked so that none is merged meanwhile; one outside the actor's regions is not
    found."""
    wanted = (
        select(Hazard, Site)
        .join(Site, Site.id == Hazard.site_id)
        .where(Hazard.id.in_(hazard_ids), Hazard.region_id.in_(actor.regions_for("cases:read")))
        .order_by(Hazard.id)
        .with_for_update(key_share=True, of=Hazard)
        .execution_options(populate_existing=True)
    )
    found = [(hazard, site) for hazard, site in await session.execute(wanted)]
    if len(found) < len(set(hazard_ids)):
        raise NotFoundProblem
    if any(hazard.merged_into_id is not None for hazard, _ in found):
        raise HazardMergedProblem
    if len({(hazard.enterprise_id, hazard.authority_id, hazard.region_id) for hazard, _ in found}) > 1:
        raise HazardsTogetherProblem
    return found


def _linked(case_id: UUID, hazard: Hazard, site: Site) -> dict[str, object]:
    return {
        "case_id": case_id,
        "hazard_id": hazard.id,
        "number": hazard.number,
        "level": hazard.level,
        "description": hazard.description,
        "found_on": hazard.found_on,
        "site_id": site.id,
        "site_name": site.name,
        "site_address": site.address,
    }


def _officers(case_id: UUID, team: dict[UUID, tuple[str, str]], leading_id: UUID) -> list[dict[str, object]]:
    return [
        {
            "case_id": case_id,
            "user_id": user,
            "name": name,
            "certificate_number": number,
            "is_leading": user == leading_id,
        }
        for user, (name, number) in team.items()
    ]
