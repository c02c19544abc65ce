"""Third-party clients at the console, and their tokens, on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.schemas.common import View, Wire
from app.schemas.organizations import Name

Scopes = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=60)]], Field(min_length=1, max_length=20)
]


class ClientRequest(Wire):
    """An application, what it may read, and the region (with all below it) it may read of."""

    name: Name
    scopes: Scopes
    region_id: UUID


class ClientChange(Wire):
    """What is given is changed, at once, also for tokens in use."""

    name: Name | None = None
    scopes: Scopes | None = None
    region_id: UUID | None = None


class ClientView(View):
    """One client; its secret is never shown again."""

    id: UUID
    version: int
    name: str
    scopes: list[str]
    region_id: UUID
    is_active: bool
    secret_number: int
    created_at: datetime
    created_by: UUID | None


class ClientSecret(BaseModel):
    """A client with its secret, shown this once. `client.id` is the client_id of OAuth 2."""

    client: ClientView
    client_secret: str


class ClientToken(BaseModel):
    """The successful answer of RFC 6749, 5.1; `expires_in` in seconds, `scope` separated by spaces."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int
    scope: str


class TokenRefusal(BaseModel):
    """The error answer of RFC 6749, 5.2."""

    error: str
    error_description: str


class ServerMetadata(BaseModel):
    """RFC 8414: what an OAuth 2 client library needs to know of this server."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    service_documentation: str
