"""On-site measures: ordered orally in urgent cases, decided in writing, reviewed on site, lifted by the person in charge."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_date, shanghai_today, utc_now
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.db.versions import compare_and_set
from app.enums.hazards import MeasureStatus
from app.models.enterprises import Site
from app.models.hazards import Hazard
from app.models.identity import User
from app.models.measures import MeasureHazard, MeasureOfficer, MeasureStep, OnsiteMeasure
from app.services.audit.service import record_act
from app.services.clocks.content import time_limit
from app.services.clocks.responsibility import Subject, hold_responsible
from app.services.clocks.service import end_clocks, find_running, start_clock
from app.services.hazards.content import ends_by, measure_kind
from app.services.hazards.errors import (
    MeasureHazardsOpenProblem,
    MeasureHazardsProblem,
    MeasureKindProblem,
    MeasureOfficersProblem,
    MeasurePeriodProblem,
    MeasurePersonProblem,
    MeasureReviewNeededProblem,
    MeasureReviewProblem,
    MeasureStateProblem,
    MeasureTimeProblem,
)
from app.services.hazards.measure_workflow import ENOUGH, TRANSITIONS, Transition
from app.services.hazards.officers import certified_team
from app.services.hazards.proposing import take_up
from app.services.organizations.jurisdiction import authority_covers
from app.services.organizations.numbering import take_number

WORD = "现决"
REMOVED = frozenset({"reinspected", "closed"})
"""States of a hazard that officers found rectified."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is ordered: which kinds, of which place or facilities, on what ground, for which hazards.

    `months`: how long a decision says that what stops production or use lasts; None: the longest the law allows.
    """

    kinds: Sequence[str]
    place: str
    ground: str
    hazard_ids: Sequence[UUID]
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The re-inspection visit that a review rests on; who reads visits has judged that it is one."""

    visit_id: UUID
    site_id: UUID
    visited_on: date
    evidence_ids: Sequence[UUID]


async def get_measure(session: AsyncSession, actor: Actor, measure_id: UUID) -> OnsiteMeasure:
    """One measure of the actor's regions; raises NotFoundProblem."""
    wanted = select(OnsiteMeasure).where(
        OnsiteMeasure.id == measure_id, OnsiteMeasure.region_id.in_(actor.regions_for("hazards:read"))
    )
    measure = (await session.execute(wanted)).scalar_one_or_none()
    if measure is None:
        raise NotFoundProblem
    return measure


def subject_of(measure: OnsiteMeasure, responsible_id: UUID | None) -> Subject:
    """The measure as its clocks know it: the officer who ordered it, in writing once it is, answers for them."""
    return Subject("onsite_measure", measure.id, measure.authority_id, measure.region_id, responsible_id)


async def order_orally(
    session: AsyncSession,
    actor: Actor,
    site_id: UUID,
    authority_id: UUID,
    officer_ids: Collection[UUID],
    ordered_at: datetime,
    content: Content,
) -> OnsiteMeasure:
    """Write down what two officers ordered on the spot; its hazards may follow, and the written decision must, in time.

    Raises NotFoundProblem, MeasureTimeProblem, MeasureKindProblem, MeasureOfficersProblem, MeasureHazardsProblem.
    """
    if ordered_at > utc_now():
        raise MeasureTimeProblem
    on = shanghai_date(ordered_at)
    measure, officers = await _begin(session, actor, site_id, authority_id, officer_ids, on, content)
    measure.ordered_at, measure.is_oral_first = ordered_at, True
    measure.status = MeasureStatus.ORDERED_ORALLY.value
    await _keep(session, actor, measure, officers, content.hazard_ids)
    subject = subject_of(measure, actor.user_id)
    await start_clock(session, actor, subject, "measure_in_writing", ordered_at)
    await _record(session, actor, measure, "order_orally", None, on_date=on, note=content.ground)
    return measure


async def decide_at_once(
    session: AsyncSession,
    actor: Actor,
    site_id: UUID,
    authority_id: UUID,
    officer_ids: Collection[UUID],
    content: Content,
) -> OnsiteMeasure:
    """Decide in writing, today, by number, without an oral order before; raises the same, and wants a hazard at least."""
    today = shanghai_today()
    measure, officers = await _begin(session, actor, site_id, authority_id, officer_ids, today, content)
    measure.ordered_at, measure.is_oral_first = utc_now(), False
    measure.status, measure.decided_on = MeasureStatus.DECIDED.value, today
    if not content.hazard_ids:
        raise MeasureHazardsProblem
    measure.number = await take_number(session, authority_id, WORD, today.year)
    await _keep(session, actor, measure, officers, content.hazard_ids)
    await _start_limits(session, actor, measure, today, content.months)
    await _record(session, actor, measure, "decide", None, on_date=today, note=content.ground)
    return measure


async def decide_in_writing(
    session: AsyncSession, actor: Actor, measure_id: UUID, expected: int, content: Content
) -> OnsiteMeasure:
    """Put an oral measure in writing: the decision says what is ordered from now on, for which hazards, by number.

    Raises MeasureStateProblem, MeasurePersonProblem, MeasureKindProblem, MeasureHazardsProblem.
    """
    measure = await get_measure(session, actor, measure_id)
    transition = await _judge(session, actor, measure, "decide")
    _check_kinds(content.kinds)
    if not content.hazard_ids:
        raise MeasureHazardsProblem
    await _check_hazards(session, measure.site_id, measure.authority_id, content.hazard_ids)
    today, before = shanghai_today(), measure.status
    await compare_and_set(session, measure, expected, status=transition.target)
    measure.number = await take_number(session, measure.authority_id, WORD, today.year)
    measure.decided_on, measure.kinds = today, list(content.kinds)
    measure.place, measure.ground = content.place, content.ground
    await _cover(session, actor, measure.id, content.hazard_ids)
    await hold_responsible(session, [measure.id])
    await end_clocks(session, actor, measure.id, transition.ends, today)
    await _start_limits(session, actor, measure, today, content.months)
    await _record(session, actor, measure, "decide", before, on_date=today, note=content.ground)
    return measure


async def take_measure_step(
    session: AsyncSession,
    actor: Actor,
    measure_id: UUID,
    expected: int,
    action: str,
    *,
    note: str,
    ground: str | None = None,
    review: Reviewed | None = None,
) -> OnsiteMeasure:
    """Take one of the later steps of the table. Raises MeasureStateProblem, MeasurePersonProblem, MeasureReviewProblem,
    MeasureReviewNeededProblem, MeasureHazardsOpenProblem."""
    measure = await get_measure(session, actor, measure_id)
    transition = await _judge(session, actor, measure, action)
    if transition.needs_visit:
        _check_review(measure, review)
    if transition.by_kind and ends_by(measure.kinds) not in ENOUGH[measure.status]:
        raise MeasureReviewNeededProblem
    if transition.needs_safety or transition.needs_removal:
        await _check_removed(session, measure.id, only_major=not transition.needs_removal)
    today, before = shanghai_today(), measure.status
    await compare_and_set(session, measure, expected, status=transition.target)
    await end_clocks(session, actor, measure.id, transition.ends, today)
    for code in transition.starts:
        if (
            await find_running(session, measure.id, code) is None
        ):  # the measure's end may have started it before
            subject = subject_of(measure, await _answering(session, measure.id))
            await start_clock(session, actor, subject, code, today)
    on_date = review.visited_on if review else today
    await _record(
        session, actor, measure, action, before, on_date=on_date, note=note, ground=ground, review=review
    )
    return measure


async def _begin(
    session: AsyncSession,
    actor: Actor,
    site_id: UUID,
    authority_id: UUID,
    officer_ids: Collection[UUID],
    on: date,
    content: Content,
) -> tuple[OnsiteMeasure, list[MeasureOfficer]]:
    """A measure at a site the actor works at, by an authority that covers it, of two certified officers, the actor one of them."""
    site = await session.get(Site, site_id)
    if site is None or site.region_id not in actor.regions_for("hazards:measure"):
        raise NotFoundProblem
    _check_kinds(content.kinds)
    if not await authority_covers(session, authority_id, site.region_id, on):
        raise NotFoundProblem
    officers = await _officers(session, actor, authority_id, officer_ids, on)
    await _check_hazards(session, site_id, authority_id, content.hazard_ids)
    measure = OnsiteMeasure(
        id=new_id(),
        version=1,
        authority_id=authority_id,
        enterprise_id=site.enterprise_id,
        site_id=site_id,
        region_id=site.region_id,
        kinds=list(content.kinds),
        place=content.place,
        ground=content.ground,
        number=None,
        decided_on=None,
    )
    return measure, officers


async def _judge(session: AsyncSession, actor: Actor, measure: OnsiteMeasure, action: str) -> Transition:
    """The transition, if the actor may take it now."""
    transition = TRANSITIONS[action]
    actor.require(transition.permission, measure.region_id)
    if measure.status not in transition.sources:
        raise MeasureStateProblem(state=measure.status)
    if transition.by_officers is None:
        return transition
    wanted = select(MeasureOfficer.user_id).where(MeasureOfficer.measure_id == measure.id)
    officers = set((await session.execute(wanted)).scalars())
    if (actor.user_id in officers) is not transition.by_officers:
        raise MeasurePersonProblem
    return transition


def _check_kinds(kinds: Sequence[str]) -> None:
    for code in kinds:
        if measure_kind(code) is None:
            raise MeasureKindProblem(kind=code)


async def _check_hazards(
    session: AsyncSession, site_id: UUID, authority_id: UUID, hazard_ids: Sequence[UUID]
) -> None:
    """Hazards of the site and of the authority that are not closed, and no others; held, so that none is merged meanwhile."""
    known = (
        select(Hazard.id)
        .where(
            Hazard.id.in_(hazard_ids),
            Hazard.site_id == site_id,
            Hazard.authority_id == authority_id,
            Hazard.status != "closed",
            Hazard.merged_into_id.is_(None),
        )
        .order_by(Hazard.id)
        .with_for_update(read=True)
    )
    if hazard_ids and len((await session.execute(known)).all()) != len(set(hazard_ids)):
        raise MeasureHazardsProblem


async def _officers(
    session: AsyncSession, actor: Actor, authority_id: UUID, user_ids: Collection[UUID], on: date
) -> list[MeasureOfficer]:
    """Of the authority itself: measures are not entrusted (行政强制法 17); raises MeasureOfficersProblem."""
    team = await certified_team(session, actor, User.authority_id == authority_id, user_ids, on)
    if not team:
        raise MeasureOfficersProblem
    return [MeasureOfficer(**asdict(one)) for one in team]


def _check_review(measure: OnsiteMeasure, review: Reviewed | None) -> None:
    """On site, after the decision, not in the future."""
    assert measure.decided_on is not None
    if (
        review is None
        or review.site_id != measure.site_id
        or not measure.decided_on <= review.visited_on <= shanghai_today()
    ):
        raise MeasureReviewProblem


async def _check_removed(session: AsyncSession, measure_id: UUID, *, only_major: bool) -> None:
    """The covered hazards have been found rectified: those that are major before work may go on (安全生产法 65(1)(三)), every
    one of them before a measure is over because they are removed. Raises MeasureHazardsOpenProblem.

    They are held before they are judged: one that is being merged is judged as the one that stays.
    """
    covered = select(Hazard.id).join(MeasureHazard, MeasureHazard.hazard_id == Hazard.id)
    held = covered.where(MeasureHazard.measure_id == measure_id).order_by(Hazard.id)
    await session.execute(held.with_for_update(read=True, of=Hazard))
    open_ones = (
        select(Hazard.number)
        .join(MeasureHazard, MeasureHazard.hazard_id == Hazard.id)
        .where(
            MeasureHazard.measure_id == measure_id,
            Hazard.status.not_in(REMOVED),
            Hazard.merged_into_id.is_(None),  # the one that stays is covered too
        )
        .order_by(Hazard.number)
    )
    if only_major:
        open_ones = open_ones.where(Hazard.level == "major")
    numbers = list((await session.execute(open_ones)).scalars())
    if numbers:
        raise MeasureHazardsOpenProblem(hazards="、".join(numbers))


async def _start_limits(
    session: AsyncSession, actor: Actor, measure: OnsiteMeasure, on: date, months: int | None
) -> None:
    """The time a measure of its kinds lasts: what the decision states, or the longest. Raises MeasurePeriodProblem."""
    kinds = [measure_kind(code) for code in measure.kinds]
    limits = list(dict.fromkeys(kind.limit for kind in kinds if kind and kind.limit))
    most = min((time_limit(code, on).amount or 0 for code in limits), default=0)
    if months is not None and months > most:
        raise MeasurePeriodProblem(most=most)
    for code in limits:
        await start_clock(session, actor, subject_of(measure, actor.user_id), code, on, amount=months)


async def _answering(session: AsyncSession, measure_id: UUID) -> UUID | None:
    """Whoever answers for its time; of kinds that last without a limit, the officer who decided it, or ordered it orally."""
    if (lasting := await find_running(session, measure_id, "onsite_measure")) is not None:
        return lasting.responsible_id
    wanted = (
        select(MeasureStep.user_id)
        .where(MeasureStep.measure_id == measure_id, MeasureStep.action.in_(("order_orally", "decide")))
        .order_by(MeasureStep.id.desc())
        .limit(1)
    )
    return await session.scalar(wanted)


async def _keep(
    session: AsyncSession,
    actor: Actor,
    measure: OnsiteMeasure,
    officers: Sequence[MeasureOfficer],
    hazard_ids: Sequence[UUID],
) -> None:
    session.add(measure)
    await session.flush()
    for officer in officers:
        officer.measure_id = measure.id
    session.add_all(officers)
    await _cover(session, actor, measure.id, hazard_ids)


async def _cover(session: AsyncSession, actor: Actor, measure_id: UUID, hazard_ids: Sequence[UUID]) -> None:
    """The measure covers these hazards too; those it covered before stay. What was proposed for them is taken up by it."""
    known = select(MeasureHazard.hazard_id).where(MeasureHazard.measure_id == measure_id)
    new = set(hazard_ids) - set((await session.execute(known)).scalars())
    session.add_all(MeasureHazard(measure_id=measure_id, hazard_id=one) for one in sorted(new))
    await session.flush()
    await take_up(session, actor, new, "onsite_measure", measure_id)


async def _record(
    session: AsyncSession,
    actor: Actor,
    measure: OnsiteMeasure,
    action: str,
    before: str | None,
    *,
    on_date: date,
    note: str | None,
    ground: str | None = None,
    review: Reviewed | None = None,
) -> None:
    session.add(
        MeasureStep(
            id=new_id(),
            measure_id=measure.id,
            action=action,
            from_status=before,
            to_status=measure.status,
            on_date=on_date,
            user_id=actor.user_id,
            visit_id=review.visit_id if review else None,
            ground=ground,
            note=note,
            evidence_ids=list(review.evidence_ids) if review else [],
        )
    )
    await session.flush()
    await record_act(
        session,
        actor,
        action=f"hazards:{action}_measure",
        kind="onsite_measure",
        object_id=measure.id,
        version=measure.version,
        region_id=measure.region_id,
        before={"status": before} if before else None,
        after={"status": measure.status, "number": measure.number, "kinds": measure.kinds},
    )
