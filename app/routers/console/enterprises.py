"""The register of enterprises at the console: search, register, change, deactivate; the vocabulary of the forms."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.paging import Page
from app.enums.enterprises import Datum, EnterpriseSize, LinkRole, RegulatedTrade, RiskGrade, RiskUnitKind
from app.enums.labels import LabelledEnum
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.enterprises import Enterprise
from app.schemas.enterprises import (
    ActivityRequest,
    EnterpriseChange,
    EnterpriseRequest,
    EnterpriseView,
    OptionView,
    TradeView,
    VocabularyView,
)
from app.services.enterprises.repository import (
    EnterpriseFilter,
    enterprise_views,
    get_enterprise,
    list_enterprises,
)
from app.services.enterprises.service import (
    change_enterprise,
    deactivate_enterprise,
    reactivate_enterprise,
    register_enterprise,
)
from app.services.enterprises.trades import list_trades

router = APIRouter(prefix="/enterprises", tags=["enterprises"], route_class=IdempotentRoute)
READ = [Depends(allowed("enterprises:read"))]
MANAGE = [Depends(allowed("enterprises:manage"))]

Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
Code = Annotated[str | None, Query(max_length=40, pattern=r"^[^\x00]*$")]


def enterprise_filter(
    name: Text = None,
    uscc: Code = None,
    mark: Code = None,
    region_id: UUID | None = None,
    trade: Code = None,
    regulated_trade: RegulatedTrade | None = None,
    risk_grade: RiskGrade | None = None,
    size: EnterpriseSize | None = None,
    is_active: bool | None = None,
    parent_id: UUID | None = None,
) -> EnterpriseFilter:
    """The filters of lists and exports."""
    return EnterpriseFilter(
        name=name,
        uscc=uscc,
        mark=mark,
        region_id=region_id,
        trade=trade,
        regulated_trade=regulated_trade and regulated_trade.value,
        risk_grade=risk_grade and risk_grade.value,
        size=size and size.value,
        is_active=is_active,
        parent_id=parent_id,
    )


Narrowed = Annotated[EnterpriseFilter, Depends(enterprise_filter)]


async def _shown(session: AsyncSession, enterprise: Enterprise, response: Response) -> EnterpriseView:
    set_etag(response, enterprise.version)
    return (await enterprise_views(session, [enterprise]))[0]


async def _check(session: AsyncSession, actor: Actor, enterprise_id: UUID, expected: int) -> None:
    """Refuse a write on another version than the caller read."""
    check_version((await get_enterprise(session, actor, enterprise_id)).version, expected)


@router.get("", dependencies=READ)
async def get_enterprises(
    actor: CurrentActor, session: ReadSession, paging: PagingOf, narrowed: Narrowed
) -> PageOf[EnterpriseView]:
    """Enterprises of the caller's regions, newest first; `name` is any part of the name."""
    page = await list_enterprises(session, actor, paging.request, narrowed)
    views = Page(await enterprise_views(session, page.items), page.next_key)
    return paging.page(views, lambda view: view)


@router.post("", status_code=201, dependencies=MANAGE)
async def post_enterprise(
    body: EnterpriseRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
) -> EnterpriseView:
    """Register an enterprise; without a credit code it is given a substitute mark."""
    return await _shown(session, await register_enterprise(session, actor, body), response)


@router.get("/vocabulary", dependencies=READ)
async def get_vocabulary() -> VocabularyView:
    """The values forms offer, with their labels."""

    def options(kind: type[LabelledEnum]) -> list[OptionView]:
        return [OptionView(value=one.value, zh=one.zh, en=one.en) for one in kind]

    return VocabularyView(
        regulated_trades=options(RegulatedTrade),
        sizes=options(EnterpriseSize),
        risk_grades=options(RiskGrade),
        risk_unit_kinds=options(RiskUnitKind),
        link_roles=options(LinkRole),
        datums=options(Datum),
    )


@router.get("/trades", dependencies=READ)
async def get_trades(session: ReadSession, under: Code = None) -> list[TradeView]:
    """The classification below a code: sections without one, then divisions, then what was imported (at most 500)."""
    return await list_trades(session, under)


@router.get("/{enterprise_id}", dependencies=READ)
async def get_one_enterprise(
    enterprise_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> EnterpriseView:
    """One enterprise."""
    return await _shown(session, await get_enterprise(session, actor, enterprise_id), response)


@router.patch("/{enterprise_id}", dependencies=MANAGE)
async def patch_enterprise(
    enterprise_id: UUID,
    body: EnterpriseChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> EnterpriseView:
    """Change the members given; the rest stays. A credit code replaces a substitute mark."""
    await _check(session, actor, enterprise_id, expected)
    changes = body.model_dump(exclude_unset=True)
    changed = await change_enterprise(session, actor, enterprise_id, expected, changes)
    return await _shown(session, changed, response)


@router.post("/{enterprise_id}/deactivation", dependencies=MANAGE)
async def post_deactivation(
    enterprise_id: UUID,
    body: ActivityRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> EnterpriseView:
    """Take an enterprise out of use."""
    await _check(session, actor, enterprise_id, expected)
    changed = await deactivate_enterprise(session, actor, enterprise_id, expected, body.reason)
    return await _shown(session, changed, response)


@router.post("/{enterprise_id}/reactivation", dependencies=MANAGE)
async def post_reactivation(
    enterprise_id: UUID,
    body: ActivityRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> EnterpriseView:
    """Bring it back."""
    await _check(session, actor, enterprise_id, expected)
    changed = await reactivate_enterprise(session, actor, enterprise_id, expected, body.reason)
    return await _shown(session, changed, response)
