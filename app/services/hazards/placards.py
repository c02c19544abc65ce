"""Placards: a warning or a supervised listing of a hazard, proposed, decided by whom the kind names, removed by acceptance."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import SYSTEM, Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.enterprises import EnterpriseContact
from app.models.hazards import Hazard
from app.models.identity import User
from app.models.organizations import Authority, Region
from app.models.placards import Placard, PlacardStep
from app.rules.clocks import ClockUnit
from app.services.clocks.service import end_clocks, start_clock
from app.services.enterprises.contacts import hold_contact
from app.services.hazards.content import PlacardKind, placard_kind
from app.services.hazards.errors import (
    PlacardAcceptanceProblem,
    PlacardAuthorityProblem,
    PlacardConditionProblem,
    PlacardDeciderProblem,
    PlacardKindProblem,
    PlacardPersonsProblem,
    PlacardStandsProblem,
    PlacardStateProblem,
    PlacardTextProblem,
)
from app.services.hazards.placard_following import (
    hold_standing,
    is_removal_due,
    stands_for,
    subject_of_placard,
)
from app.services.hazards.placard_steps import record_placard_step
from app.services.hazards.placard_workflow import ACCEPTED, ANSWERED, TRANSITIONS
from app.services.hazards.proposing import take_up
from app.services.hazards.service import get_hazard
from app.services.hazards.standing import all_merged_with
from app.services.hazards.workflow import is_overdue
from app.services.identity.places import lies_in
from app.services.organizations.jurisdiction import authority_covers, is_entrusted, may_name
from app.services.organizations.numbering import take_number

LONG_NUMBER = re.compile(r"\d{11}|[0-9A-Za-z]{18}", re.ASCII)
"""A phone number, an identity number, a USCC."""


@dataclass(frozen=True, slots=True)
class PlacardContent:
    """What is to be put up: the period in days, the text for the public, who answers for the removal and who supervises it."""

    kind: str
    days: int
    requirement: str
    text_zh: str
    text_en: str
    contact_id: UUID
    supervisor_id: UUID


@dataclass(frozen=True, slots=True)
class Decision:
    """In whose name a placard is put up (None: the decider's own authority), and who of it watches (None: as proposed)."""

    authority_id: UUID | None = None
    supervisor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PlacardFilter:
    """What a list is narrowed to; None means all. A region includes what lies below it, a hazard those that are one with it."""

    region_id: UUID | None = None
    enterprise_id: UUID | None = None
    hazard_id: UUID | None = None
    kind: str | None = None
    status: str | None = None
    removal_due: bool = False
    also: ColumnElement[bool] | None = None


async def propose_placard(
    session: AsyncSession, actor: Actor, hazard_id: UUID, content: PlacardContent
) -> Placard:
    """Propose a placard for a hazard of which the kind's conditions hold; one of a hazard merged into it stands for it too.

    Raises PlacardKindProblem, PlacardConditionProblem, PlacardPersonsProblem, PlacardTextProblem, PlacardStandsProblem.
    """
    hazard = await get_hazard(session, actor, hazard_id)
    actor.require("hazards:propose_placard", hazard.region_id)
    kind = placard_kind(content.kind)
    if kind is None:
        raise PlacardKindProblem(kind=content.kind)
    _check_conditions(kind, hazard)
    await _check_persons(session, hazard, content)
    await check_text(session, content.text_zh, content.text_en, content.contact_id, content.supervisor_id)
    if await session.scalar(select(stands_for(kind.code)).where(Hazard.id == hazard.id)):
        raise PlacardStandsProblem
    values = {
        "id": new_id(),
        "version": 1,
        "hazard_id": hazard.id,
        "authority_id": hazard.authority_id,
        "enterprise_id": hazard.enterprise_id,
        "site_id": hazard.site_id,
        "region_id": hazard.region_id,
        "kind": content.kind,
        "days": content.days,
        "requirement": content.requirement,
        "text_zh": content.text_zh,
        "text_en": content.text_en,
        "contact_id": content.contact_id,
        "supervisor_id": content.supervisor_id,
        "public_token": secrets.token_urlsafe(24),
        "status": "proposed",
    }
    new = insert(Placard).values(values).on_conflict_do_nothing().returning(Placard)
    placard = (await session.execute(new)).scalar_one_or_none()
    if placard is None:
        raise PlacardStandsProblem
    await record_placard_step(session, actor, placard, "propose", None, None)
    return placard


async def take_placard_step(
    session: AsyncSession,
    actor: Actor,
    placard_id: UUID,
    expected: int,
    action: str,
    reason: str,
    decision: Decision = Decision(),
) -> Placard:
    """Decide, refuse, remove or withdraw a placard. The acceptance is judged of the hazard that stands for its own.

    `decision` is of the deciding alone. Raises PlacardStateProblem, PlacardDeciderProblem, PlacardConditionProblem,
    PlacardAcceptanceProblem; deciding also PlacardAuthorityProblem, PlacardPersonsProblem, PlacardTextProblem.
    """
    placard = await get_placard(session, actor, placard_id)
    transition, before = TRANSITIONS[action], placard.status
    actor.require(transition.permission, placard.region_id)
    if before not in transition.sources:
        raise PlacardStateProblem(state=before)
    kind = placard_kind(placard.kind)
    assert kind is not None
    if transition.by_decider:
        await check_decider(session, actor, placard)
    own, standing = await hold_standing(session, placard.hazard_id)
    if transition.needs_conditions:
        _check_conditions(kind, own)
    if transition.needs_acceptance and standing.status not in ACCEPTED:
        raise PlacardAcceptanceProblem
    await compare_and_set(session, placard, expected, status=transition.target)
    if action == "decide":
        await _put_up(session, actor, placard, kind, decision)
    if action != "decide" or standing.status in ANSWERED:  # what is reported waits for the authority
        await end_clocks(session, actor, placard.id, ("placard",), shanghai_today())
    await record_placard_step(session, actor, placard, action, before, reason)
    return placard


async def get_placard(session: AsyncSession, actor: Actor, placard_id: UUID) -> Placard:
    """One placard of the actor's regions; raises NotFoundProblem."""
    wanted = select(Placard).where(
        Placard.id == placard_id, Placard.region_id.in_(actor.regions_for("hazards:read"))
    )
    placard = (await session.execute(wanted)).scalar_one_or_none()
    if placard is None:
        raise NotFoundProblem
    return placard


async def list_placards(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: PlacardFilter
) -> Page[Placard]:
    """Newest first, in one statement; two where it is narrowed to a hazard."""
    conditions: list[ColumnElement[bool]] = [Placard.region_id.in_(actor.regions_for("hazards:read"))]
    if narrowed.region_id is not None:
        conditions.append(lies_in(Placard.region_id, narrowed.region_id))
    for name in ("enterprise_id", "kind", "status"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(Placard, name) == value)
    if narrowed.hazard_id is not None:
        conditions.append(Placard.hazard_id.in_(await all_merged_with(session, [narrowed.hazard_id])))
    if narrowed.removal_due:
        conditions.append(is_removal_due())
    if narrowed.also is not None:
        conditions.append(narrowed.also)
    if request.after:
        conditions.append(Placard.id < request.after[0])
    wanted = select(Placard).where(*conditions).order_by(Placard.id.desc()).limit(request.limit + 1)
    rows = list((await session.execute(wanted)).scalars())
    return Page.cut(rows, request, key=lambda row: (row.id,))


async def list_placard_steps(session: AsyncSession, placard_id: UUID) -> Sequence[PlacardStep]:
    """Its history, oldest first."""
    wanted = select(PlacardStep).where(PlacardStep.placard_id == placard_id).order_by(PlacardStep.id)
    return (await session.execute(wanted)).scalars().all()


def _check_conditions(kind: PlacardKind, hazard: Hazard) -> None:
    """What the kind asks of the hazard holds today; a closed or merged one gets no placard."""
    holds = {
        "major": hazard.level == "major",
        "overdue": bool(is_overdue(hazard.status, hazard.due_on, shanghai_today())),
        "open": hazard.status not in ACCEPTED and hazard.merged_into_id is None,
    }
    missing = [name for name in ("open", *kind.needs) if not holds[name]]
    if missing:
        raise PlacardConditionProblem(missing="、".join(missing))


async def _check_persons(session: AsyncSession, hazard: Hazard, content: PlacardContent) -> None:
    """The one who answers for the removal is a contact of the enterprise, the one who watches it of an authority of the place."""
    authority_id = await authority_watching(session, content.supervisor_id)
    if (
        authority_id is None
        or not await hold_contact(session, hazard.enterprise_id, content.contact_id)
        or not await authority_covers(session, authority_id, hazard.region_id, shanghai_today())
    ):
        raise PlacardPersonsProblem


async def authority_watching(session: AsyncSession, user_id: UUID) -> UUID | None:
    """Whose person is to watch a placard; None of one whose account is closed, or who is nobody."""
    return await session.scalar(select(User.authority_id).where(User.id == user_id, User.is_active))


async def check_text(session: AsyncSession, zh: str, en: str, contact_id: UUID, supervisor_id: UUID) -> None:
    """The text for the public names no responsible person and has no number of a person, a phone or the enterprise. Raises
    PlacardTextProblem."""
    said = zh + "\n" + en
    contact = await session.scalar(select(EnterpriseContact.name).where(EnterpriseContact.id == contact_id))
    supervisor = await session.scalar(select(User.name).where(User.id == supervisor_id))
    if LONG_NUMBER.search(said) or any(name and name in said for name in (contact, supervisor)):
        raise PlacardTextProblem


async def check_decider(session: AsyncSession, actor: Actor, placard: Placard) -> None:
    """The actor may decide about the placard: by his role and its place, and of one in force by his authority too: the one that
    put it up, one that acts in its name, or one above it. Raises PlacardDeciderProblem."""
    if not await _deciding_levels(session, actor, placard):
        raise PlacardDeciderProblem
    if placard.status == "in_force" and not await session.scalar(
        select(
            or_(
                may_name(actor.authority_id, placard.authority_id, shanghai_today()),
                _is_above(actor, placard),
            )
        )
    ):
        raise PlacardDeciderProblem


async def _deciding_levels(session: AsyncSession, actor: Actor, placard: Placard) -> set[str]:
    """The levels named by the kind for the actor's roles; empty unless he holds one of these for the whole of a region of such a
    level, and the hazard's lies in it."""
    kind = placard_kind(placard.kind)
    assert kind is not None
    inside = select(Region.path).where(Region.id == placard.region_id).scalar_subquery()
    above = await session.execute(
        select(Region.id, Region.level).where(func.starts_with(inside, Region.path))
    )
    levels: set[str] = set()
    for place, level in above.all():
        for grant in actor.grants:
            if level in kind.deciders.get(grant.role, ()) and place in grant.region_ids:
                levels.update(kind.deciders[grant.role])
    return levels


def _is_above(actor: Actor, placard: Placard) -> ColumnElement[bool]:
    """The seat of the placard's authority lies below the region of the actor's: one seated in the same region is its peer."""
    own, deciding, place, seat = aliased(Authority), aliased(Authority), aliased(Region), aliased(Region)
    return (
        select(own.id)
        .join(place, place.id == own.region_id)
        .join(deciding, deciding.id == placard.authority_id)
        .join(seat, seat.id == deciding.region_id)
        .where(own.id == actor.authority_id, seat.id != place.id, func.starts_with(seat.path, place.path))
        .exists()
    )


async def _name_authority(session: AsyncSession, actor: Actor, placard: Placard, decision: Decision) -> None:
    """The placard is in the name of the authority that decides, of a level that the kind names, and one of its people watches.

    An entrusted authority decides in the name of one that has entrusted it, never in its own.
    """
    today, named = shanghai_today(), decision.authority_id or actor.authority_id
    level = (
        select(Region.level).join(Authority, Authority.region_id == Region.id).where(Authority.id == named)
    )
    if (
        named is None
        or await session.scalar(level) not in await _deciding_levels(session, actor, placard)
        or not await session.scalar(select(may_name(actor.authority_id, named, today)))
        or await session.scalar(select(is_entrusted(named, today)))
        or not await authority_covers(session, named, placard.region_id, today)
    ):
        raise PlacardAuthorityProblem
    watching = decision.supervisor_id or placard.supervisor_id
    if await authority_watching(session, watching) != named:
        raise PlacardPersonsProblem
    await check_text(session, placard.text_zh, placard.text_en, placard.contact_id, watching)
    placard.authority_id, placard.supervisor_id = named, watching


async def _put_up(
    session: AsyncSession, actor: Actor, placard: Placard, kind: PlacardKind, decision: Decision
) -> None:
    """Authority, number, day and period of the decision, for which its supervisor answers. What was proposed is taken up by it."""
    await _name_authority(session, actor, placard, decision)
    today = shanghai_today()
    subject = subject_of_placard(placard)
    clock = await start_clock(
        session, actor, subject, "placard", today, amount=placard.days, unit=ClockUnit.CALENDAR_DAY
    )
    placard.number = await take_number(session, placard.authority_id, kind.word, today.year)
    placard.decided_on, placard.decided_by, placard.due_on = today, actor.user_id, clock.due_on
    await session.flush()
    await take_up(session, actor, [placard.hazard_id], kind.code, placard.id)


async def hold_placards(session: AsyncSession, placard_ids: Sequence[UUID]) -> None:
    """Lock them in order of id, for one who is about to move their clocks: before these, so that nobody waits crosswise."""
    if not placard_ids:
        return
    held = (
        select(Placard.id).where(Placard.id == any_(literal(placard_ids, ARRAY(Uuid)))).order_by(Placard.id)
    )
    await session.execute(held.with_for_update(key_share=True))


async def move_placard_deadline(session: AsyncSession, placard_id: UUID, due_on: date | None) -> None:
    """Show another last day: the ledger of the placard's clock says who moved it and why."""
    wanted = select(Placard).where(Placard.id == placard_id).with_for_update()
    placard = (await session.execute(wanted, execution_options={"populate_existing": True})).scalar_one()
    await compare_and_set(session, placard, placard.version)
    placard.due_on = due_on
    note = f"期限改至{due_on}" if due_on else "期限未定"
    await record_placard_step(session, SYSTEM, placard, "reschedule", placard.status, note)
