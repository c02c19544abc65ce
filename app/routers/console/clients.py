"""Third-party clients at the console."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.models.identity import ApiClient
from app.schemas.clients import ClientChange, ClientRequest, ClientSecret, ClientView
from app.schemas.users import ReasonRequest
from app.services.identity.clients import (
    change_client,
    get_client,
    list_clients,
    register_client,
    rotate_secret,
    set_client_active,
)

router = APIRouter(prefix="/clients", tags=["clients"])
READ = [Depends(allowed("clients:read"))]
MANAGE = [Depends(allowed("clients:manage"))]


def _one(client: ApiClient, response: Response) -> ClientView:
    set_etag(response, client.version)
    return ClientView.model_validate(client)


async def _checked(session: AsyncSession, actor: Actor, client_id: UUID, expected: int) -> None:
    check_version((await get_client(session, actor, client_id)).version, expected)


@router.get("", dependencies=READ)
async def get_clients(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    region_id: UUID | None = None,
    is_active: bool | None = None,
) -> PageOf[ClientView]:
    """Clients of the caller's regions, newest first."""
    page = await list_clients(session, actor, paging.request, region_id=region_id, is_active=is_active)
    return paging.page(page, ClientView.model_validate)


@router.post("", status_code=201, dependencies=MANAGE)
async def post_client(
    body: ClientRequest, response: Response, actor: CurrentActor, session: WriteSession
) -> ClientSecret:
    """Register a client; its secret is in this answer only (a credential: never stored, never replayed)."""
    client, secret = await register_client(session, actor, body)
    return ClientSecret(client=_one(client, response), client_secret=secret)


@router.get("/{client_id}", dependencies=READ)
async def get_one_client(
    client_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> ClientView:
    """One client."""
    return _one(await get_client(session, actor, client_id), response)


@router.patch("/{client_id}", dependencies=MANAGE)
async def patch_client(
    client_id: UUID,
    body: ClientChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ClientView:
    """Change name, scopes or region; tokens in use follow at once."""
    await _checked(session, actor, client_id, expected)
    values = body.model_dump(exclude_none=True)
    return _one(await change_client(session, actor, client_id, expected, values), response)


@router.post("/{client_id}/rotation", dependencies=MANAGE)
async def post_rotation(
    client_id: UUID, response: Response, expected: ExpectedVersion, actor: CurrentActor, session: WriteSession
) -> ClientSecret:
    """A new secret, in this answer only; the old one and its tokens stop at once."""
    await _checked(session, actor, client_id, expected)
    client, secret = await rotate_secret(session, actor, client_id, expected)
    return ClientSecret(client=_one(client, response), client_secret=secret)


@router.post("/{client_id}/deactivation", dependencies=MANAGE)
async def post_client_deactivation(
    client_id: UUID,
    body: ReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ClientView:
    """Stop a client and its tokens at once."""
    await _checked(session, actor, client_id, expected)
    client = await set_client_active(session, actor, client_id, expected, is_active=False, reason=body.reason)
    return _one(client, response)


@router.post("/{client_id}/reactivation", dependencies=MANAGE)
async def post_client_reactivation(
    client_id: UUID,
    body: ReasonRequest,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ClientView:
    """Let a stopped client go on, with the secret it had."""
    await _checked(session, actor, client_id, expected)
    client = await set_client_active(session, actor, client_id, expected, is_active=True, reason=body.reason)
    return _one(client, response)
