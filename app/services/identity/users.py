"""Users at the console: opened with an initial password, changed, closed at once, found; within the administrator's regions."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.config import Settings
from app.core.actor import Actor
from app.core.clock import shanghai_today, utc_now
from app.core.errors import NotFoundProblem
from app.core.events import publish
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.identity import RoleGrant, User
from app.models.organizations import Authority, Brigade, Region
from app.schemas.users import UserRequest
from app.services.audit.service import record_access, record_act
from app.services.identity.errors import (
    AccountStateProblem,
    BeyondRegionProblem,
    LoginTakenProblem,
    OwnAccountProblem,
    PlacementProblem,
)
from app.services.identity.events import UserChangedBrigade
from app.services.identity.passwords import hash_password
from app.services.identity.places import lies_in
from app.services.identity.sessions import end_sessions_of

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
_INITIAL_LENGTH = 16


@dataclass(frozen=True, slots=True)
class UserFilter:
    """What a list is narrowed to; None means all. `prefix` begins the login or the name; `role` is held today."""

    region_id: UUID | None = None
    authority_id: UUID | None = None
    brigade_id: UUID | None = None
    role: str | None = None
    is_active: bool | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A user and the password that is told once."""

    user: User
    password: str
    until: datetime


async def get_user(session: AsyncSession, actor: Actor, user_id: UUID) -> User:
    """One user whose home is in the actor's regions; raises NotFoundProblem."""
    wanted = select(User).where(User.id == user_id, User.region_id.in_(actor.regions_for("users:read")))
    user = (await session.execute(wanted)).scalar_one_or_none()
    if user is None:
        raise NotFoundProblem
    return user


async def list_users(
    session: AsyncSession, actor: Actor, request: PageRequest, narrowed: UserFilter
) -> Page[User]:
    """Newest first, one statement."""
    conditions: list[ColumnElement[bool]] = [User.region_id.in_(actor.regions_for("users:read"))]
    if narrowed.region_id is not None:
        conditions.append(lies_in(User.region_id, narrowed.region_id))
    for name in ("authority_id", "brigade_id", "is_active"):
        value = getattr(narrowed, name)
        if value is not None:
            conditions.append(getattr(User, name) == value)
    if narrowed.role is not None:
        conditions.append(
            exists().where(RoleGrant.user_id == User.id, RoleGrant.role == narrowed.role, *_today())
        )
    if narrowed.prefix is not None:
        begins = [column.startswith(narrowed.prefix, autoescape=True) for column in (User.login, User.name)]
        conditions.append(or_(*begins))
    if request.after:
        conditions.append(User.id < request.after[0])
    wanted = select(User).where(*conditions).order_by(User.id.desc()).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


async def managed_user(session: AsyncSession, actor: Actor, user_id: UUID) -> User:
    """A user whom the actor may take over or close: his home and all his present and coming roles lie in the actor's regions.

    Otherwise a district's administrator could become the city's by resetting a password.
    """
    user = await get_user(session, actor, user_id)
    actor.require("users:manage", user.region_id)
    await check_within(session, actor, user_id, "users:manage")
    return user


async def check_within(session: AsyncSession, actor: Actor, user_id: UUID, action: str) -> None:
    """Raise BeyondRegionProblem when the user has roles, now or later, where the actor may not do this."""
    beyond = exists().where(
        RoleGrant.user_id == user_id,
        or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on >= shanghai_today()),
        RoleGrant.region_id.not_in(actor.regions_for(action)),
    )
    if await session.scalar(select(beyond)):
        raise BeyondRegionProblem


async def open_account(
    session: AsyncSession, actor: Actor, settings: Settings, request: UserRequest
) -> Opened:
    """A new user without roles, with an initial password; raises LoginTakenProblem, PlacementProblem."""
    if request.region_id not in actor.regions_for("users:manage"):
        raise NotFoundProblem
    if await session.scalar(select(User.id).where(func.lower(User.login) == request.login.lower())):
        raise LoginTakenProblem
    await _check_place(session, request.region_id, request.authority_id, request.brigade_id)
    password, until = _initial_password(settings)
    user = User(
        id=new_id(), version=1, is_active=True, password_hash=await hash_password(password),
        initial_password_until=until, **request.model_dump(),
    )  # fmt: skip
    session.add(user)
    await session.flush()
    await _record(session, actor, user, "users:create")
    return Opened(user, password, until)


async def change_user(
    session: AsyncSession, actor: Actor, user_id: UUID, expected: int, values: dict[str, Any]
) -> User:
    """Change name, phone or place; a move needs both regions."""
    user = await managed_user(session, actor, user_id)
    previous = user.region_id
    if values.get("region_id", previous) not in actor.regions_for("users:manage"):
        raise NotFoundProblem
    place = {
        name: values.get(name, getattr(user, name)) for name in ("region_id", "authority_id", "brigade_id")
    }
    if place.keys() & values.keys():
        await _check_place(session, **place)
    unit = user.brigade_id
    await compare_and_set(session, user, expected, **values)
    await _record(session, actor, user, "users:change", previous_region_id=previous)
    if user.brigade_id != unit:
        await publish(session, UserChangedBrigade(user_id, user.authority_id, user.brigade_id))
    return user


async def deactivate_user(
    session: AsyncSession, actor: Actor, user_id: UUID, expected: int, reason: str
) -> User:
    """Close an account: its sessions, phones' too, end at once."""
    user = await managed_user(session, actor, user_id)
    if user_id == actor.user_id:
        raise OwnAccountProblem
    if not user.is_active:
        raise AccountStateProblem
    await compare_and_set(session, user, expected, is_active=False)
    await end_sessions_of(session, actor, user, "account_closed", with_phones=True)
    await _record(session, actor, user, "users:deactivate", detail={"reason": reason})
    return user


async def reactivate_user(
    session: AsyncSession, actor: Actor, user_id: UUID, expected: int, reason: str
) -> User:
    """Open a closed account again; old sessions stay ended."""
    user = await managed_user(session, actor, user_id)
    if user.is_active:
        raise AccountStateProblem
    await compare_and_set(session, user, expected, is_active=True)
    await _record(session, actor, user, "users:reactivate", detail={"reason": reason})
    return user


async def reset_password(
    session: AsyncSession, actor: Actor, settings: Settings, user_id: UUID, expected: int
) -> Opened:
    """Replace a password by an initial one and end the browser sessions; phones go on by their keys."""
    user = await managed_user(session, actor, user_id)
    if user_id == actor.user_id:
        raise OwnAccountProblem
    password, until = _initial_password(settings)
    values = {"password_hash": await hash_password(password), "initial_password_until": until}
    await compare_and_set(session, user, expected, **values)
    await end_sessions_of(session, actor, user, "password_reset", with_phones=False)
    await _record(session, actor, user, "users:reset_password")
    return Opened(user, password, until)


async def end_user_sessions(session: AsyncSession, actor: Actor, user_id: UUID, *, with_phones: bool) -> None:
    """Log a user out everywhere."""
    user = await managed_user(session, actor, user_id)
    await end_sessions_of(session, actor, user, "ended_by_administrator", with_phones=with_phones)


async def unmask_user(session: AsyncSession, actor: Actor, user_id: UUID, reason: str) -> User:
    """A user whose full phone number may be shown: the look is written down in the same unit of work."""
    user = await get_user(session, actor, user_id)
    actor.require("users:unmask", user.region_id)
    await record_access(
        session, actor, action="users:unmask", kind="user", object_id=user.id, region_id=user.region_id,
        detail={"reason": reason},
    )  # fmt: skip
    return user


def _initial_password(settings: Settings) -> tuple[str, datetime]:
    password = "".join(secrets.choice(_ALPHABET) for _ in range(_INITIAL_LENGTH))
    return password, utc_now() + timedelta(hours=settings.initial_password_hours)


def _today() -> tuple[ColumnElement[bool], ...]:
    today = shanghai_today()
    return RoleGrant.starts_on <= today, or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on >= today)


async def _check_place(
    session: AsyncSession, region_id: UUID, authority_id: UUID, brigade_id: UUID | None
) -> None:
    """Region and authority are in force today, the authority's own region contains the user's, the brigade is its and in use."""
    today = shanghai_today()
    home, seat = aliased(Region), aliased(Region)
    fits = (
        select(Authority.id)
        .join(seat, seat.id == Authority.region_id)
        .join(home, func.starts_with(home.path, seat.path))
        .where(Authority.id == authority_id, home.id == region_id)
        .where(*(or_(row.valid_until.is_(None), row.valid_until >= today) for row in (home, Authority)))
    )
    if await session.scalar(fits) is None:
        raise PlacementProblem
    if brigade_id is not None:
        brigade = await session.get(Brigade, brigade_id)
        if brigade is None or brigade.authority_id != authority_id or not brigade.is_active:
            raise PlacementProblem


async def _record(session: AsyncSession, actor: Actor, user: User, action: str, **more: Any) -> None:
    await record_act(
        session, actor, action=action, kind="user", object_id=user.id, version=user.version,
        region_id=user.region_id, **more,
        after={"authority_id": user.authority_id, "region_id": user.region_id, "is_active": user.is_active},
    )  # fmt: skip
