"""Logins, users, certificates, phones and clients on the wire."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from app.schemas.common import Wire


class LoginRequest(Wire):
    """A login by password."""

    login: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=500)]


class TokenAnswer(BaseModel):
    """A bearer token; `expires_in` in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int


class WhoAmI(BaseModel):
    """The acting subject."""

    user_id: UUID | None
    name: str
    roles: list[str]
    actions: list[str]
