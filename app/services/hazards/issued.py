"""What was issued to an enterprise at one site, as its invited person reads it: orders and on-site measures, not what led there.

Everything is scoped by the actor's enterprise and site together: a co-tenant's is not found, nor what the site's earlier enterprise
was ordered. A merged hazard's line is left out, and an order of such lines alone: the hazard that stays is answered instead.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import ForbiddenProblem, NotFoundProblem
from app.core.paging import Page, PageRequest
from app.enums.hazards import MeasureStatus
from app.models.clocks import Clock
from app.models.hazards import Hazard
from app.models.identity import User
from app.models.measures import MeasureOfficer, OnsiteMeasure
from app.models.orders import OrderLine, OrderOfficer, RectificationOrder
from app.models.organizations import Authority
from app.schemas.enterprise.orders import IssuedLine, IssuedMeasure, IssuedOrder, MeasureKindName
from app.services.hazards.content import measure_kind
from app.services.hazards.measure_workflow import IN_FORCE
from app.services.hazards.order_reading import is_replaced
from app.services.hazards.wording import passed_on
from app.services.hazards.workflow import is_overdue


def of_the_invited(
    actor: Actor, table: type[Hazard] | type[RectificationOrder] | type[OnsiteMeasure]
) -> ColumnElement[bool]:
    """Rows of the enterprise and the site the actor is invited for; raises ForbiddenProblem for anybody else."""
    if actor.enterprise_id is None or actor.site_id is None:
        raise ForbiddenProblem
    return and_(table.enterprise_id == actor.enterprise_id, table.site_id == actor.site_id)


async def list_issued_orders(session: AsyncSession, actor: Actor, request: PageRequest) -> Page[IssuedOrder]:
    """Newest first; three statements whatever the number of rows."""
    wanted = _orders(actor)
    if request.after:
        wanted = wanted.where(RectificationOrder.id < request.after[0])
    rows = await session.execute(wanted.order_by(RectificationOrder.id.desc()).limit(request.limit + 1))
    views = await _with_lines(session, actor, [(row[0], row[1], row[2]) for row in rows])
    return Page.cut(views, request, key=lambda view: (view.id,))


async def get_issued_order(session: AsyncSession, actor: Actor, order_id: UUID) -> IssuedOrder:
    """One order; raises NotFoundProblem."""
    row = (await session.execute(_orders(actor).where(RectificationOrder.id == order_id))).one_or_none()
    if row is None:
        raise NotFoundProblem
    return (await _with_lines(session, actor, [(row[0], row[1], row[2])]))[0]


def own_lines(actor: Actor) -> Select[OrderLine, Hazard]:
    """Lines of orders with their hazards, as far as the invited person is told of them; raises ForbiddenProblem."""
    return (
        select(OrderLine, Hazard)
        .join(Hazard, Hazard.id == OrderLine.hazard_id)
        .where(of_the_invited(actor, Hazard), Hazard.merged_into_id.is_(None))
    )


def _orders(actor: Actor) -> Select[RectificationOrder, str, str]:
    """Those of which at least one line is told."""
    return (
        select(RectificationOrder, Authority.name, User.name)
        .join(Authority, Authority.id == RectificationOrder.authority_id)
        .join(User, User.id == RectificationOrder.issued_by)
        .where(
            of_the_invited(actor, RectificationOrder),
            own_lines(actor).where(OrderLine.order_id == RectificationOrder.id).exists(),
        )
    )


async def _with_lines(
    session: AsyncSession, actor: Actor, rows: Sequence[tuple[RectificationOrder, str, str]]
) -> list[IssuedOrder]:
    ids = [order.id for order, _, _ in rows]
    lines: dict[UUID, list[IssuedLine]] = {}
    wanted = own_lines(actor).add_columns(is_replaced()).where(OrderLine.order_id.in_(ids))
    for line, hazard, replaced in await session.execute(wanted.order_by(OrderLine.position)):
        lines.setdefault(line.order_id, []).append(_line(line, hazard, replaced))
    names: dict[UUID, list[str]] = {}
    officers = select(OrderOfficer).where(OrderOfficer.order_id.in_(ids))
    for officer in (await session.execute(officers.order_by(OrderOfficer.user_id))).scalars():
        names.setdefault(officer.order_id, []).append(officer.name)
    return [
        IssuedOrder(
            id=order.id,
            number=order.number,
            authority_name=authority_name,
            officer_name=officer_name,
            officer_names=names.get(order.id, []),
            issued_on=order.issued_on,
            lines=lines[order.id],
        )
        for order, authority_name, officer_name in rows
    ]


def _line(line: OrderLine, hazard: Hazard, replaced: bool) -> IssuedLine:
    due_on = line.due_on if replaced else hazard.due_on
    return IssuedLine(
        position=line.position,
        days=line.days,
        day_kind=line.day_kind,
        ordered_due_on=line.due_on,
        due_on=due_on,
        is_overdue=False if replaced else is_overdue(hazard.status, due_on, shanghai_today()),
        is_replaced=replaced,
        requirement=line.requirement,
        hazard_id=hazard.id,
        hazard_number=hazard.number,
        description=passed_on(hazard, line.requirement),
        level=hazard.level,
        clause=hazard.clause,
        status=hazard.status,
        closed_on=hazard.closed_on,
    )


async def list_issued_measures(
    session: AsyncSession, actor: Actor, request: PageRequest
) -> Page[IssuedMeasure]:
    """Newest first; three statements whatever the number of rows."""
    wanted = _measures(actor)
    if request.after:
        wanted = wanted.where(OnsiteMeasure.id < request.after[0])
    rows = (await session.execute(wanted.order_by(OnsiteMeasure.id.desc()).limit(request.limit + 1))).all()
    views = await _shown(session, [(measure, name) for measure, name in rows])
    return Page.cut(views, request, key=lambda view: (view.id,))


async def get_issued_measure(session: AsyncSession, actor: Actor, measure_id: UUID) -> IssuedMeasure:
    """One measure; raises NotFoundProblem."""
    rows = (await session.execute(_measures(actor).where(OnsiteMeasure.id == measure_id))).all()
    if not rows:
        raise NotFoundProblem
    return (await _shown(session, [(measure, name) for measure, name in rows]))[0]


def _measures(actor: Actor) -> Select[OnsiteMeasure, str]:
    return (
        select(OnsiteMeasure, Authority.name)
        .join(Authority, Authority.id == OnsiteMeasure.authority_id)
        .where(of_the_invited(actor, OnsiteMeasure))
    )


async def _shown(session: AsyncSession, rows: Sequence[tuple[OnsiteMeasure, str]]) -> list[IssuedMeasure]:
    ids = [measure.id for measure, _ in rows]
    names: dict[UUID, list[str]] = {}
    officers = select(MeasureOfficer).where(MeasureOfficer.measure_id.in_(ids))
    for officer in (await session.execute(officers.order_by(MeasureOfficer.user_id))).scalars():
        names.setdefault(officer.measure_id, []).append(officer.name)
    lasting = (Clock.subject_id.in_(ids), Clock.code == "onsite_measure", Clock.ended_on.is_(None))
    ends = select(Clock.subject_id, func.min(Clock.due_on).label("due_on")).where(*lasting)
    until = {row.subject_id: row.due_on for row in await session.execute(ends.group_by(Clock.subject_id))}
    return [
        IssuedMeasure(
            id=measure.id,
            number=measure.number,
            authority_name=authority_name,
            officer_names=names.get(measure.id, []),
            ordered_at=measure.ordered_at,
            decided_on=measure.decided_on,
            kinds=[_kind(code) for code in measure.kinds],
            place=measure.place,
            ground=measure.ground,
            state=_state(measure.status),
            until=until.get(measure.id),
        )
        for measure, authority_name in rows
    ]


def _kind(code: str) -> MeasureKindName:
    kind = measure_kind(code)
    return MeasureKindName(code=code, zh=kind.title.zh if kind else code, en=kind.title.en if kind else code)


def _state(status: str) -> Any:
    """The steps in between are the authority's own."""
    return "in_force" if MeasureStatus(status) in IN_FORCE else status
