"""Brigades and their squads, within one authority."""

from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.organizations import Authority, Brigade
from app.schemas.organizations import BrigadeRequest
from app.services.audit.service import record_act
from app.services.organizations.authorities import managed_authority, visible_to
from app.services.organizations.errors import BrigadePlaceProblem, NameTakenProblem


async def get_brigade(session: AsyncSession, actor: Actor, brigade_id: UUID) -> Brigade:
    """One brigade of an authority the actor sees; raises NotFoundProblem."""
    wanted = (
        select(Brigade)
        .join(Authority, Authority.id == Brigade.authority_id)
        .where(Brigade.id == brigade_id, visible_to(actor))
    )
    brigade = (await session.execute(wanted)).scalar_one_or_none()
    if brigade is None:
        raise NotFoundProblem
    return brigade


async def list_brigades(
    session: AsyncSession,
    actor: Actor,
    request: PageRequest,
    *,
    authority_id: UUID | None,
    is_active: bool | None,
) -> Page[Brigade]:
    """Brigades of the authorities the actor sees, newest first."""
    conditions = [visible_to(actor)]
    if authority_id is not None:
        conditions.append(Brigade.authority_id == authority_id)
    if is_active is not None:
        conditions.append(Brigade.is_active == is_active)
    if request.after:
        conditions.append(Brigade.id < request.after[0])
    wanted = select(Brigade).join(Authority, Authority.id == Brigade.authority_id).where(*conditions)
    rows = await session.execute(wanted.order_by(Brigade.id.desc()).limit(request.limit + 1))
    return Page.cut(list(rows.scalars()), request, key=lambda row: (row.id,))


async def create_brigade(
    session: AsyncSession, actor: Actor, authority_id: UUID, request: BrigadeRequest
) -> Brigade:
    """A new brigade, or a new squad of a brigade in use."""
    authority = await managed_authority(session, actor, authority_id)
    if request.parent_id is not None:
        parent = await session.get(Brigade, request.parent_id)
        if parent is None or parent.authority_id != authority_id or parent.parent_id or not parent.is_active:
            raise BrigadePlaceProblem
    await _check_name(session, authority_id, request.name)
    brigade = Brigade(
        id=new_id(), version=1, authority_id=authority_id, is_active=True, **request.model_dump()
    )
    session.add(brigade)
    await session.flush()
    await _record(session, actor, brigade, authority, "brigades:create")
    return brigade


async def change_brigade(
    session: AsyncSession, actor: Actor, brigade_id: UUID, expected: int, values: dict[str, Any]
) -> Brigade:
    """Rename a brigade, close it, or take it into use again."""
    brigade = await get_brigade(session, actor, brigade_id)
    authority = await managed_authority(session, actor, brigade.authority_id)
    if values.get("name") not in (None, brigade.name):
        await _check_name(session, authority.id, values["name"])
    await compare_and_set(session, brigade, expected, **values)
    await _record(session, actor, brigade, authority, "brigades:change")
    return brigade


async def _check_name(session: AsyncSession, authority_id: UUID, name: str) -> None:
    if await session.scalar(
        select(exists().where(Brigade.authority_id == authority_id, Brigade.name == name))
    ):
        raise NameTakenProblem


async def _record(
    session: AsyncSession, actor: Actor, brigade: Brigade, authority: Authority, action: str
) -> None:
    await record_act(
        session, actor, action=action, kind="brigade", object_id=brigade.id, version=brigade.version,
        region_id=authority.region_id, after={"name": brigade.name, "is_active": brigade.is_active},
    )  # fmt: skip
