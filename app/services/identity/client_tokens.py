"""OAuth 2 client credentials (RFC 6749, 4.4): reading the request, checking the secret, giving the token."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.actor import Actor
from app.models.identity import ApiClient
from app.schemas.clients import ClientToken
from app.services.audit.service import record_access
from app.services.identity.clients import secret_hash
from app.services.identity.errors import (
    InvalidClientProblem,
    InvalidScopeProblem,
    InvalidTokenRequestProblem,
    UnsupportedGrantProblem,
)
from app.services.identity.keys import KeyRing
from app.services.identity.policy import CLIENT_SCOPES
from app.services.identity.tokens import issue_access_token

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Who asks, with which secret, for which scopes (None: all the client has)."""

    client_id: str
    client_secret: str
    scopes: frozenset[str] | None


def read_token_request(content_type: str, body: bytes, authorization: str) -> TokenRequest:
    """The request in its two forms (RFC 6749, 2.3.1): the credentials by HTTP Basic, or in the body, not both."""
    form = _read_form(content_type, body)
    basic = _read_basic(authorization)
    in_body = (form.get("client_id"), form.get("client_secret"))
    if basic is not None and in_body[1] is not None:
        raise InvalidTokenRequestProblem
    if basic is not None and in_body[0] not in (None, basic[0]):
        raise InvalidTokenRequestProblem
    client_id, secret = basic or in_body
    if "grant_type" not in form:
        raise InvalidTokenRequestProblem
    if client_id is None or secret is None:
        raise InvalidClientProblem
    if form["grant_type"] != "client_credentials":
        raise UnsupportedGrantProblem
    scopes = frozenset(form["scope"].split()) if form.get("scope") else None
    return TokenRequest(client_id, secret, scopes)


def _read_form(content_type: str, body: bytes) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise InvalidTokenRequestProblem
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise InvalidTokenRequestProblem from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise InvalidTokenRequestProblem  # parameters must not repeat (3.2)
    return dict(pairs)


def _read_basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "basic":
        raise InvalidClientProblem
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClientProblem from error
    client_id, colon, secret = decoded.partition(":")
    if not colon:
        raise InvalidClientProblem
    return unquote_plus(client_id), unquote_plus(secret)


async def give_client_token(
    session: AsyncSession, keys: KeyRing, settings: Settings, request: TokenRequest
) -> ClientToken:
    """A token for the asked scopes of an active client; raises InvalidClientProblem, InvalidScopeProblem."""
    client = await _find_client(session, request.client_id)
    known = client.secret_hash if client is not None and client.is_active else ""
    if not hmac.compare_digest(known, secret_hash(request.client_secret)) or client is None:
        raise InvalidClientProblem
    held = frozenset(client.scopes) & CLIENT_SCOPES
    scopes = held if request.scopes is None else request.scopes
    if not scopes or not scopes <= held:
        raise InvalidScopeProblem
    minutes = settings.access_token_minutes
    token = issue_access_token(
        keys, minutes=minutes, client_id=client.id, secret_number=client.secret_number, scopes=scopes
    )
    await record_access(
        session, Actor(kind="client", client_id=client.id), action="clients:get_token", kind="api_client",
        object_id=client.id, region_id=client.region_id, detail={"scopes": sorted(scopes)},
    )  # fmt: skip
    return ClientToken(access_token=token, expires_in=minutes * 60, scope=" ".join(sorted(scopes)))


async def _find_client(session: AsyncSession, client_id: str) -> ApiClient | None:
    try:
        identifier = UUID(client_id)
    except ValueError:
        return None
    return (await session.execute(select(ApiClient).where(ApiClient.id == identifier))).scalar_one_or_none()
