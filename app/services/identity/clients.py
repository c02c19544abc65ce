"""Third-party clients: registered with a secret that is told once, changed, rotated, stopped at once."""

import hashlib
import secrets
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import NotFoundProblem
from app.core.ids import new_id
from app.core.paging import Page, PageRequest
from app.db.versions import compare_and_set
from app.models.identity import ApiClient
from app.schemas.clients import ClientRequest
from app.services.audit.service import record_act
from app.services.identity.errors import AccountStateProblem, ClientNameProblem, ScopeProblem
from app.services.identity.policy import CLIENT_SCOPES

_SECRET_BYTES = 32


def secret_hash(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def get_client(session: AsyncSession, actor: Actor, client_id: UUID) -> ApiClient:
    """One client of the actor's regions; raises NotFoundProblem."""
    regions = actor.regions_for("clients:read")
    wanted = select(ApiClient).where(ApiClient.id == client_id, ApiClient.region_id.in_(regions))
    client = (await session.execute(wanted)).scalar_one_or_none()
    if client is None:
        raise NotFoundProblem
    return client


async def list_clients(
    session: AsyncSession,
    actor: Actor,
    request: PageRequest,
    *,
    region_id: UUID | None,
    is_active: bool | None,
) -> Page[ApiClient]:
    """Clients of the actor's regions, newest first."""
    regions = actor.regions_for("clients:read")
    if region_id is not None:
        regions &= {region_id}
    conditions: list[ColumnElement[bool]] = [ApiClient.region_id.in_(regions)]
    if is_active is not None:
        conditions.append(ApiClient.is_active == is_active)
    if request.after:
        conditions.append(ApiClient.id < request.after[0])
    wanted = select(ApiClient).where(*conditions).order_by(ApiClient.id.desc()).limit(request.limit + 1)
    return Page.cut(list((await session.execute(wanted)).scalars()), request, key=lambda row: (row.id,))


async def register_client(
    session: AsyncSession, actor: Actor, request: ClientRequest
) -> tuple[ApiClient, str]:
    """A new client and its secret; raises ScopeProblem for what no client may have."""
    if request.region_id not in actor.regions_for("clients:manage"):
        raise NotFoundProblem
    _check_scopes(request.scopes)
    await _check_name(session, request.name)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    client = ApiClient(
        id=new_id(), version=1, secret_number=1, is_active=True, name=request.name,
        scopes=sorted(set(request.scopes)), region_id=request.region_id, secret_hash=secret_hash(secret),
        created_by=actor.user_id,
    )  # fmt: skip
    session.add(client)
    await session.flush()
    await _record(session, actor, client, "clients:register")
    return client, secret


async def change_client(
    session: AsyncSession, actor: Actor, client_id: UUID, expected: int, values: dict[str, Any]
) -> ApiClient:
    """Another name, other scopes or another region; tokens in use follow at once."""
    client = await _managed(session, actor, client_id)
    previous = client.region_id
    if values.get("region_id", previous) not in actor.regions_for("clients:manage"):
        raise NotFoundProblem
    if "scopes" in values:
        _check_scopes(values["scopes"])
        values["scopes"] = sorted(set(values["scopes"]))
    if values.get("name", client.name) != client.name:
        await _check_name(session, values["name"])
    await compare_and_set(session, client, expected, **values)
    await _record(session, actor, client, "clients:change", previous_region_id=previous)
    return client


async def rotate_secret(
    session: AsyncSession, actor: Actor, client_id: UUID, expected: int
) -> tuple[ApiClient, str]:
    """A new secret; the old one and every token got with it stop at once."""
    client = await _managed(session, actor, client_id)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    values = {"secret_hash": secret_hash(secret), "secret_number": client.secret_number + 1}
    await compare_and_set(session, client, expected, **values)
    await _record(session, actor, client, "clients:rotate")
    return client, secret


async def set_client_active(
    session: AsyncSession, actor: Actor, client_id: UUID, expected: int, *, is_active: bool, reason: str
) -> ApiClient:
    """Stop a client and its tokens at once, or let it go on."""
    client = await _managed(session, actor, client_id)
    if client.is_active == is_active:
        raise AccountStateProblem
    await compare_and_set(session, client, expected, is_active=is_active)
    action = "clients:reactivate" if is_active else "clients:deactivate"
    await _record(session, actor, client, action, detail={"reason": reason})
    return client


async def _managed(session: AsyncSession, actor: Actor, client_id: UUID) -> ApiClient:
    client = await get_client(session, actor, client_id)
    actor.require("clients:manage", client.region_id)
    return client


def _check_scopes(scopes: list[str]) -> None:
    beyond = sorted(set(scopes) - CLIENT_SCOPES)
    if beyond:
        raise ScopeProblem(scopes=beyond)


async def _check_name(session: AsyncSession, name: str) -> None:
    if await session.scalar(select(ApiClient.id).where(ApiClient.name == name)):
        raise ClientNameProblem


async def _record(session: AsyncSession, actor: Actor, client: ApiClient, action: str, **more: Any) -> None:
    await record_act(
        session, actor, action=action, kind="api_client", object_id=client.id, version=client.version,
        region_id=client.region_id, **more,
        after={
            "name": client.name, "scopes": client.scopes, "region_id": client.region_id,
            "is_active": client.is_active, "secret_number": client.secret_number,
        },
    )  # fmt: skip
