"""Roles of users: who is what, where, from when until when. Nobody grants himself, nobody grants beyond his own regions."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import NotFoundProblem
from app.db.versions import compare_and_set
from app.models.identity import RoleGrant, User
from app.schemas.users import GrantRequest
from app.services.audit.service import record_act
from app.services.identity.errors import (
    GrantOverlapProblem,
    GrantPeriodProblem,
    OwnAccountProblem,
    RolesExcludeProblem,
)
from app.services.identity.policy import excluded_by
from app.services.identity.users import get_user


async def list_grants(session: AsyncSession, user_id: UUID) -> Sequence[RoleGrant]:
    """All of a user's grants, past ones too, oldest first."""
    wanted = select(RoleGrant).where(RoleGrant.user_id == user_id)
    ordered = wanted.order_by(RoleGrant.starts_on, RoleGrant.id)
    return (await session.execute(ordered)).scalars().all()


async def grant_role(
    session: AsyncSession, actor: Actor, user_id: UUID, expected: int, request: GrantRequest
) -> User:
    """Give a user a role in a region that the actor manages, from today at the earliest: no past is made up."""
    user = await _granted_user(session, actor, user_id)
    if user_id == actor.user_id:
        raise OwnAccountProblem
    if request.region_id not in actor.regions_for("users:manage"):
        raise NotFoundProblem
    if request.starts_on < shanghai_today():
        raise GrantPeriodProblem
    await compare_and_set(session, user, expected)
    await _check_others(session, user_id, request)
    grant = RoleGrant(user_id=user_id, granted_by=actor.user_id, **request.model_dump())
    session.add(grant)
    await session.flush()
    await _record(session, actor, user, grant, "users:grant_role")
    return user


async def end_grant(
    session: AsyncSession, actor: Actor, user_id: UUID, expected: int, grant_id: UUID, ends_on: date
) -> User:
    """Bring the last day of a grant forward; yesterday ends it at once."""
    user = await _granted_user(session, actor, user_id)
    grant = await session.get(RoleGrant, grant_id)
    if grant is None or grant.user_id != user_id or grant.region_id not in actor.regions_for("users:manage"):
        raise NotFoundProblem
    is_longer = grant.ends_on is not None and ends_on > grant.ends_on
    if is_longer or ends_on < shanghai_today() - timedelta(days=1):
        raise GrantPeriodProblem
    await compare_and_set(session, user, expected)
    grant.ends_on = ends_on
    await session.flush()
    await _record(session, actor, user, grant, "users:end_grant")
    return user


async def _granted_user(session: AsyncSession, actor: Actor, user_id: UUID) -> User:
    user = await get_user(session, actor, user_id)
    actor.require("users:manage", user.region_id)
    return user


async def _check_others(session: AsyncSession, user_id: UUID, request: GrantRequest) -> None:
    """No day on which the user holds the same role there already, or a role that excludes it anywhere."""
    open_until = or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on >= request.starts_on)
    shared = [RoleGrant.user_id == user_id, open_until]
    if request.ends_on is not None:
        shared.append(RoleGrant.starts_on <= request.ends_on)
    same = (RoleGrant.role == request.role, RoleGrant.region_id == request.region_id)
    if await session.scalar(select(exists().where(*shared, *same))):
        raise GrantOverlapProblem
    if await session.scalar(select(exists().where(*shared, RoleGrant.role.in_(excluded_by(request.role))))):
        raise RolesExcludeProblem


async def _record(session: AsyncSession, actor: Actor, user: User, grant: RoleGrant, action: str) -> None:
    detail = {"role": str(grant.role), "region_id": str(grant.region_id), "grant_id": str(grant.id)}
    await record_act(
        session, actor, action=action, kind="user", object_id=user.id, version=user.version,
        region_id=user.region_id, detail=detail,
        after={**detail, "starts_on": grant.starts_on, "ends_on": grant.ends_on},
    )  # fmt: skip
