"""Acting for a person outside of a session: jobs and commands that do what somebody asked for, with his rights of today."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor, Grant
from app.core.clock import shanghai_today
from app.models.identity import RoleGrant, User
from app.models.organizations import Region
from app.services.identity.policy import actions_of


async def find_actor_of_user(session: AsyncSession, user_id: UUID) -> Actor | None:
    """The person as an actor without a session; None when the account is closed or unknown."""
    user = await session.get(User, user_id)
    if user is None or not user.is_active:
        return None
    top, below = aliased(Region), aliased(Region)
    today = shanghai_today()
    wanted = (
        select(RoleGrant.id, RoleGrant.role, below.id)
        .join(top, top.id == RoleGrant.region_id)
        .join(below, below.path.startswith(top.path))
        .where(
            RoleGrant.user_id == user_id,
            RoleGrant.starts_on <= today,
            RoleGrant.ends_on.is_(None) | (RoleGrant.ends_on >= today),
        )
    )
    regions: dict[tuple[UUID, str], set[UUID]] = {}
    for grant_id, role, region_id in await session.execute(wanted):
        regions.setdefault((grant_id, role), set()).add(region_id)
    grants = tuple(Grant(role, actions_of(role), frozenset(ids)) for (_, role), ids in regions.items())
    return Actor(kind="user", user_id=user.id, name=user.name, authority_id=user.authority_id, grants=grants)
