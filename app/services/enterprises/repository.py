"""Reading enterprises: the search, one enterprise, the names that stand beside it. Always within the actor's regions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.paging import Page, PageRequest
from app.core.text import folded, normalized, query_pieces
from app.core.uscc import check_uscc
from app.models.enterprises import Enterprise
from app.models.organizations import Region
from app.schemas.enterprises import EnterpriseView
from app.services.enterprises.trades import trade_names, trade_prefix


@dataclass(frozen=True, slots=True)
class EnterpriseFilter:
    """What a list is narrowed to; None means all.

    `name` is any part of the name (case, width and spaces do not matter), `uscc` the beginning of a credit code, `mark` a
    whole substitute mark, `region_id` a region and everything below it, `trade` a section, division or finer code.
    """

    name: str | None = None
    uscc: str | None = None
    mark: str | None = None
    region_id: UUID | None = None
    trade: str | None = None
    regulated_trade: str | None = None
    risk_grade: str | None = None
    size: str | None = None
    is_active: bool | None = None
    parent_id: UUID | None = None


async def list_enterprises(
    session: AsyncSession,
    actor: Actor,
    request: PageRequest,
    narrowed: EnterpriseFilter,
    action: str = "enterprises:read",
) -> Page[Enterprise]:
    """Newest first, of the regions in which the actor may do `action`; one statement, and one more to narrow to a region."""
    regions = actor.regions_for(action)
    if narrowed.region_id is not None:
        regions &= await regions_below(session, narrowed.region_id)
    wanted = search_statement(regions, narrowed)
    if request.after:
        wanted = wanted.where(Enterprise.id < request.after[0])
    rows = list((await session.execute(wanted.limit(request.limit + 1))).scalars())
    return Page.cut(rows, request, key=lambda row: (row.id,))


def search_statement(regions: Iterable[UUID], narrowed: EnterpriseFilter) -> Select[Enterprise]:
    """The search as one statement: index conditions first, each part of a name rechecked against the folded name."""
    conditions: list[ColumnElement[bool]] = [Enterprise.region_id.in_(regions)]
    if narrowed.name and (part := folded(narrowed.name)):
        conditions += [
            Enterprise.name_bigrams.contains(query_pieces(narrowed.name)),
            Enterprise.name_folded.contains(part, autoescape=True),
        ]
    if narrowed.uscc:
        code = normalized(narrowed.uscc).upper().replace(" ", "")
        conditions.append(Enterprise.uscc.startswith(code, autoescape=True))
    if narrowed.trade:
        conditions.append(Enterprise.trade_code.startswith(trade_prefix(narrowed.trade), autoescape=True))
    if narrowed.regulated_trade:
        conditions.append(Enterprise.regulated_trades.contains([narrowed.regulated_trade]))
    if narrowed.mark:
        conditions.append(Enterprise.substitute_mark == narrowed.mark)
    for name in ("risk_grade", "size", "is_active", "parent_id"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(Enterprise, name) == value)
    return select(Enterprise).where(*conditions).order_by(Enterprise.id.desc())


async def regions_below(session: AsyncSession, region_id: UUID) -> frozenset[UUID]:
    """A region and everything below it; empty when there is no such region."""
    top = aliased(Region)
    wanted = select(Region.id).join(top, Region.path.startswith(top.path)).where(top.id == region_id)
    return frozenset((await session.execute(wanted)).scalars())


async def get_enterprise(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, action: str = "enterprises:read"
) -> Enterprise:
    """One enterprise of the actor's regions; raises NotFoundProblem."""
    found = await find_enterprise(session, actor, enterprise_id, action)
    if found is None:
        raise NotFoundProblem
    return found


async def find_enterprise(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, action: str = "enterprises:read"
) -> Enterprise | None:
    """The same, or None."""
    wanted = select(Enterprise).where(
        Enterprise.id == enterprise_id, Enterprise.region_id.in_(actor.regions_for(action))
    )
    return (await session.execute(wanted)).scalar_one_or_none()


async def enterprise_views(session: AsyncSession, rows: Sequence[Enterprise]) -> list[EnterpriseView]:
    """Enterprises as they travel, with the names of their trades; one statement at most, whatever their number."""
    names = await trade_names(session, (row.trade_code for row in rows))
    return [
        EnterpriseView(
            **{name: getattr(row, name) for name in _PLAIN},
            uscc_body_differs=bool(row.uscc) and check_uscc(row.uscc or "").body_digit_differs,
            trade_name=named.zh if named else None,
            trade_to_be_confirmed=named is not None and named.to_be_confirmed,
        )
        for row in rows
        for named in (names.get(row.trade_code or ""),)
    ]


_PLAIN = tuple(
    EnterpriseView.model_fields.keys() - {"uscc_body_differs", "trade_name", "trade_to_be_confirmed"}
)
