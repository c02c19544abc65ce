"""A hazard becomes major: only by a clause, only by the person in charge's confirmation, only from that day."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.evidence import EvidenceDeclaration
from app.models.hazards import Hazard, HazardStep
from app.services.audit.service import record_act
from app.services.determinations.events import MajorHazardConfirmed
from app.services.hazards.corrections import corrected_line
from app.services.hazards.recurrences import confirm_clause
from app.services.hazards.standing import merged_upwards
from app.services.organizations.numbering import take_number


async def mark_major(session: AsyncSession, event: MajorHazardConfirmed) -> list[UUID]:
    """Make every hazard of the findings a confirmation rests on major; where there is none, register one. Gives their ids.

    Number, state and deadline stay. A hazard that was major before keeps its first clause and day as the ones it is listed and
    counted by; the further one stands in its history and beside the first (HazardClause), and counts for what comes back.
    """
    found = await _hazards_of(session, event)
    if not found:
        registered = await _register(session, event)
        found = [(registered, [registered.id])]
    else:
        for hazard, _ in found:
            await _mark(session, event, hazard)
    for hazard, rests_on in found:
        await confirm_clause(session, hazard.id, event.clause, event.major_from)
        await _record(session, event, hazard, rests_on)
    return [hazard.id for hazard, _ in found]


async def _hazards_of(
    session: AsyncSession, event: MajorHazardConfirmed
) -> Sequence[tuple[Hazard, list[UUID]]]:
    """The hazards that stand, each with those that the findings are of; also those registered before a correction.

    Locked, so that a step somebody else takes at this moment waits or came first.
    """
    if not event.findings:
        return []
    rested_on = set(event.findings)
    for package_id in {package_id for package_id, _ in event.findings}:
        line = await corrected_line(session, package_id)
        rested_on |= {
            (earlier, key) for found, key in event.findings if found == package_id for earlier in line
        }
    of_findings = tuple_(Hazard.package_id, Hazard.finding_key).in_(sorted(rested_on))
    found = list((await session.execute(select(Hazard.id).where(of_findings))).scalars())
    locked = await _locked(session, await merged_upwards(session, found))
    stays: dict[UUID, tuple[Hazard, list[UUID]]] = {}
    for hazard_id in sorted(found):
        hazard = await _that_stays(session, locked, hazard_id)
        stays.setdefault(hazard.id, (hazard, []))[1].append(hazard_id)
    return list(stays.values())


async def _locked(session: AsyncSession, hazard_ids: Collection[UUID]) -> dict[UUID, Hazard]:
    """In order of id, as a merging locks them, so that two never wait crosswise."""
    wanted = select(Hazard).where(Hazard.id.in_(hazard_ids)).order_by(Hazard.id).with_for_update()
    rows = await session.execute(wanted.execution_options(populate_existing=True))
    return {hazard.id: hazard for hazard in rows.scalars()}


async def _that_stays(session: AsyncSession, locked: dict[UUID, Hazard], hazard_id: UUID) -> Hazard:
    """The hazard itself, or the one it was merged into at last: what is confirmed of the one is confirmed of the other.

    One that a merging has joined to them only now is locked when it is met.
    """
    if hazard_id not in locked:
        locked |= await _locked(session, [hazard_id])
    merged_into = locked[hazard_id].merged_into_id
    return locked[hazard_id] if merged_into is None else await _that_stays(session, locked, merged_into)


async def _mark(session: AsyncSession, event: MajorHazardConfirmed, hazard: Hazard) -> None:
    if hazard.level == "major":
        return
    await session.execute(
        update(Hazard)
        .where(Hazard.id == hazard.id, Hazard.version == hazard.version)
        .values(level="major", clause=event.clause, major_since=event.major_from, version=hazard.version + 1),
        execution_options={"synchronize_session": False},
    )
    await session.refresh(hazard)


async def _register(session: AsyncSession, event: MajorHazardConfirmed) -> Hazard:
    """Facts without a finding (what was only recorded, or stated at the desk) still make a hazard once confirmed."""
    authority_id = event.authority_id or event.actor.authority_id
    assert authority_id is not None
    hazard = Hazard(
        id=new_id(),
        number=await take_number(session, authority_id, "患", event.found_on.year),
        authority_id=authority_id,
        enterprise_id=event.enterprise_id,
        site_id=event.site_id,
        region_id=event.region_id,
        level="major",
        clause=event.clause,
        major_since=event.major_from,
        source="inspection",
        visit_id=event.visit_id,
        package_id=event.package_id,
        finding_key=f"verdict:{event.verdict_id}",
        subject=event.subject,
        description=event.description,
        found_on=event.found_on,
        evidence_ids=await _evidence_of(session, event),
        status="found",
    )
    session.add(hazard)
    await session.flush()
    return hazard


async def _evidence_of(session: AsyncSession, event: MajorHazardConfirmed) -> list[UUID]:
    """The files declared for the answers it rests on."""
    if not event.questions:
        return []
    place = tuple_(EvidenceDeclaration.package_id, EvidenceDeclaration.question)
    wanted = select(EvidenceDeclaration.id).where(place.in_(event.questions))
    return list((await session.execute(wanted.order_by(EvidenceDeclaration.id))).scalars())


async def _record(
    session: AsyncSession, event: MajorHazardConfirmed, hazard: Hazard, rests_on: Sequence[UUID]
) -> None:
    """`rests_on`: the hazard itself, or those merged into it, that were confirmed: a parting asks for it."""
    detail: dict[str, Any] = {
        "clause": event.clause,
        "verdict_id": str(event.verdict_id),
        "rests_on": [str(one) for one in rests_on],
    }
    session.add(
        HazardStep(
            id=new_id(),
            hazard_id=hazard.id,
            action="confirm_major",
            from_status=hazard.status,
            to_status=hazard.status,
            on_date=event.major_from,
            user_id=event.actor.user_id,
            visit_id=event.visit_id,
            evidence_ids=[],
            detail=detail,
        )
    )
    await session.flush()
    await record_act(
        session,
        event.actor,
        action="hazards:confirm_major",
        kind="hazard",
        object_id=hazard.id,
        version=hazard.version,
        region_id=hazard.region_id,
        before={"status": hazard.status},
        after={"status": hazard.status, "level": hazard.level, "clause": hazard.clause},
        detail=detail,
    )
