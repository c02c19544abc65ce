"""Logging in, and the first administrator."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.actor import SYSTEM, Actor
from app.core.clock import shanghai_today, utc_now
from app.core.errors import ConflictProblem
from app.core.ids import new_id
from app.enums.identity import Role
from app.models.identity import LoginSession, RoleGrant, User
from app.models.organizations import Authority, Jurisdiction, Region
from app.services.audit.service import record_act
from app.services.identity.errors import CredentialsProblem
from app.services.identity.keys import KeyRing
from app.services.identity.passwords import hash_password, password_matches
from app.services.identity.refreshing import first_refresh_token
from app.services.identity.tokens import issue_access_token


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token, the seconds it is good for, and the refresh token for the next one."""

    token: str
    seconds: int
    session_id: UUID
    user_id: UUID
    refresh_token: str


async def log_in(
    session: AsyncSession, keys: KeyRing, settings: Settings, login: str, password: str
) -> AccessToken:
    """Open a console session; raises CredentialsProblem for a wrong login, password or a closed account alike."""
    user = (await session.execute(select(User).where(User.login == login))).scalar_one_or_none()
    known_hash = user.password_hash if user and _may_log_in(user) else None
    if not await password_matches(password, known_hash) or user is None:
        raise CredentialsProblem
    validity = timedelta(hours=settings.console_refresh_hours)
    opened = LoginSession(id=new_id(), user_id=user.id, expires_at=utc_now() + validity)
    session.add(opened)
    await session.flush()
    refresh = await first_refresh_token(session, keys, opened.id, validity)
    actor = Actor(kind="user", user_id=user.id, session_id=opened.id)
    await record_act(
        session, actor, action="sessions:open", kind="login_session", object_id=opened.id, version=1,
        region_id=user.region_id,
    )  # fmt: skip
    token = issue_access_token(keys, minutes=settings.access_token_minutes, session_id=opened.id)
    return AccessToken(token, settings.access_token_minutes * 60, opened.id, user.id, refresh)


def _may_log_in(user: User) -> bool:
    """Open accounts, but for those whose initial password was not used in its time."""
    return user.is_active and (user.initial_password_until is None or user.initial_password_until > utc_now())


async def create_first_administrator(
    session: AsyncSession,
    *,
    login: str,
    name: str,
    password: str,
    city_code: str,
    city_name: str,
    authority_name: str,
) -> UUID:
    """The city, its bureau and the first administrator, on an empty installation only (409 otherwise)."""
    if (await session.execute(select(User.id).limit(1))).first():
        raise ConflictProblem
    today = shanghai_today()
    city = Region(
        id=new_id(), code=city_code, name=city_name, level="city", path=f"/{city_code}/", valid_from=today
    )
    session.add(city)
    await session.flush()
    bureau = Authority(
        id=new_id(),
        code=city_code,
        name=authority_name,
        document_word="安监",
        region_id=city.id,
        valid_from=today,
    )
    session.add(bureau)
    await session.flush()
    session.add(Jurisdiction(authority_id=bureau.id, region_id=city.id, valid_from=today))
    user = User(
        id=new_id(),
        login=login,
        name=name,
        password_hash=await hash_password(password),
        authority_id=bureau.id,
        region_id=city.id,
    )
    session.add(user)
    await session.flush()
    session.add(RoleGrant(user_id=user.id, role=Role.ADMINISTRATOR, region_id=city.id, starts_on=today))
    await session.flush()
    await record_act(
        session, SYSTEM, action="users:create", kind="user", object_id=user.id, version=1, region_id=city.id,
        after={"id": user.id, "roles": [Role.ADMINISTRATOR]},
    )  # fmt: skip
    return user.id
