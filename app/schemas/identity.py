"""Logins, users, certificates, phones and clients on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from app.schemas.common import View, Wire


class LoginRequest(Wire):
    """A login by password."""

    login: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=500)]


class TokenAnswer(BaseModel):
    """A bearer token; `expires_in` in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int


class SessionTokens(TokenAnswer):
    """What a browser gets at a login and at each refresh."""

    refresh_token: str


class ConsoleRefresh(Wire):
    """The refresh token of a browser."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=200)]


class PasswordChange(Wire):
    """The present password and the next one (12 characters at least)."""

    current: Annotated[SecretStr, Field(min_length=1, max_length=500)]
    new: Annotated[SecretStr, Field(min_length=12, max_length=500)]


class SessionView(View):
    """One of the caller's live sessions."""

    id: UUID
    device_id: UUID | None
    created_at: datetime
    expires_at: datetime


class WhoAmI(BaseModel):
    """The acting subject."""

    user_id: UUID | None
    name: str
    roles: list[str]
    actions: list[str]
    must_change_password: bool
