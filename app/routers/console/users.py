"""Users and their roles at the console."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.masking import masked_phone
from app.enums.identity import Role
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.models.identity import User
from app.schemas.users import (
    GrantEnding,
    GrantRequest,
    GrantsView,
    GrantView,
    InitialPassword,
    ReasonRequest,
    UnmaskedUser,
    UserChange,
    UserRequest,
    UserView,
)
from app.services.identity.grants import end_grant, grant_role, list_grants
from app.services.identity.users import (
    Opened,
    UserFilter,
    change_user,
    deactivate_user,
    end_user_sessions,
    get_user,
    list_users,
    open_account,
    reactivate_user,
    reset_password,
    unmask_user,
)

router = APIRouter(prefix="/users", tags=["users"])
READ = [Depends(allowed("users:read"))]
MANAGE = [Depends(allowed("users:manage"))]


def _view(user: User) -> UserView:
    members = {name: getattr(user, name) for name in UserView.model_fields if name != "has_initial_password"}
    members["phone"] = masked_phone(user.phone) if user.phone else None
    return UserView(**members, has_initial_password=user.initial_password_until is not None)


def _one(user: User, response: Response) -> UserView:
    set_etag(response, user.version)
    return _view(user)


def _told(opened: Opened, response: Response) -> InitialPassword:
    return InitialPassword(
        user=_one(opened.user, response),
        initial_password=opened.password,
        initial_password_until=opened.until,
    )


async def _grants(session: AsyncSession, user: User, response: Response) -> GrantsView:
    set_etag(response, user.version)
    rows = await list_grants(session, user.id)
    return GrantsView(version=user.version, grants=[GrantView.model_validate(row) for row in rows])


async def _checked(session: AsyncSession, actor: Actor, user_id: UUID, expected: int) -> None:
    check_version((await get_user(session, actor, user_id)).version, expected)


@router.get("", dependencies=READ)
async def get_users(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    region_id: UUID | None = None,
    authority_id: UUID | None = None,
    brigade_id: UUID | None = None,
    role: Annotated[Role | None, Query(description="Held today, anywhere")] = None,
    is_active: bool | None = None,
    prefix: Annotated[
        str | None,
        Query(min_length=1, max_length=60, pattern=r"^[^\x00]*$", description="Begins the login or the name"),
    ] = None,
) -> PageOf[UserView]:
    """Users of the caller's regions, newest first; phone numbers masked."""
    narrowed = UserFilter(region_id, authority_id, brigade_id, role, is_active, prefix)
    return paging.page(await list_users(session, actor, paging.request, narrowed), _view)


@router.post("", status_code=201, dependencies=MANAGE)
async def post_user(
    body: UserRequest, response: Response, actor: CurrentActor, session: WriteSession, runtime: RuntimeOf
) -> InitialPassword:
    """Open an account; the initial password is in this answer only (a credential: never stored, never replayed)."""
    return _told(await open_account(session, actor, runtime.settings, body), response)


@router.get("/{user_id}", dependencies=READ)
async def get_one_user(
    user_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> UserView:
    """One user."""
    return _one(await get_user(session, actor, user_id), response)


@router.patch("/{user_id}", dependencies=MANAGE)
async def patch_user(
    user_id: UUID,
    body: UserChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> UserView:
    """Change name, phone, authority, brigade or region."""
    await _checked(session, actor, user_id, expected)
    values = body.model_dump(exclude_unset=True)
    return _one(await change_user(session, actor, user_id, expected, values), response)


@router.post("/{user_id}/deactivation", dependencies=MANAGE)
async def post_deactivation(
    user_id: UUID,
    body: ReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> UserView:
    """Close an account; all its sessions end at once."""
    await _checked(session, actor, user_id, expected)
    return _one(await deactivate_user(session, actor, user_id, expected, body.reason), response)


@router.post("/{user_id}/reactivation", dependencies=MANAGE)
async def post_reactivation(
    user_id: UUID,
    body: ReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> UserView:
    """Open a closed account again."""
    await _checked(session, actor, user_id, expected)
    return _one(await reactivate_user(session, actor, user_id, expected, body.reason), response)


@router.post("/{user_id}/password-reset", dependencies=MANAGE)
async def post_password_reset(
    user_id: UUID,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
    runtime: RuntimeOf,
) -> InitialPassword:
    """Replace a password by an initial one, told in this answer only; browser sessions end."""
    await _checked(session, actor, user_id, expected)
    return _told(await reset_password(session, actor, runtime.settings, user_id, expected), response)


@router.post("/{user_id}/logout-everywhere", status_code=204, dependencies=MANAGE)
async def post_user_logout(
    user_id: UUID, actor: CurrentActor, session: WriteSession, with_phones: bool = False
) -> None:
    """End all the user's browser sessions, and his phones' when told."""
    await end_user_sessions(session, actor, user_id, with_phones=with_phones)


@router.post("/{user_id}/unmasking", dependencies=[Depends(allowed("users:unmask"))])
async def post_unmasking(
    user_id: UUID, body: ReasonRequest, actor: CurrentActor, session: WriteSession
) -> UnmaskedUser:
    """The full phone number, for a reason that goes into the audit log first."""
    return UnmaskedUser.model_validate(await unmask_user(session, actor, user_id, body.reason))


@router.get("/{user_id}/grants", dependencies=READ)
async def get_grants(
    user_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> GrantsView:
    """A user's roles, past ones too."""
    return await _grants(session, await get_user(session, actor, user_id), response)


@router.post("/{user_id}/grants", status_code=201, dependencies=MANAGE)
async def post_grant(
    user_id: UUID,
    body: GrantRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> GrantsView:
    """Give a role in a region for a period."""
    await _checked(session, actor, user_id, expected)
    user = await grant_role(session, actor, user_id, expected, body)
    return await _grants(session, user, response)


@router.post("/{user_id}/grants/{grant_id}/ending", dependencies=MANAGE)
async def post_grant_ending(
    user_id: UUID,
    grant_id: UUID,
    body: GrantEnding,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> GrantsView:
    """Bring the last day of a role forward."""
    await _checked(session, actor, user_id, expected)
    user = await end_grant(session, actor, user_id, expected, grant_id, body.ends_on)
    return await _grants(session, user, response)
