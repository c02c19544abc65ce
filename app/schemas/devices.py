"""Phones on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from app.schemas.common import View, Wire

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class CodeRequest(Wire):
    """For whom a phone is to be enrolled."""

    user_id: UUID


class CodeAnswer(View):
    """The code, shown this once; valid for so many seconds."""

    code: str
    expires_in: int


class EnrollmentRequest(Wire):
    """A phone introduces itself. `proof` signs `anshao.enroll/1\\n<code>\\n<RFC 7638 thumbprint>`."""

    code: Text
    public_key: dict[str, Any]
    proof: Text
    name: Text
    platform: Text


class RefreshRequest(Wire):
    """`proof` signs `anshao.refresh/1\\n<hex sha-256 of the token>\\n<at as written>`; `at` within ten minutes of now."""

    refresh_token: Text
    at: Annotated[str, Field(max_length=40)]
    proof: Text


class RefreshMoment(View):
    """The moment inside a refresh request, read."""

    at: AwareDatetime


class DeviceTokensView(View):
    """Tokens of a phone; keep the refresh token in secure storage."""

    device_id: UUID
    user_id: UUID
    key_id: str
    access_token: str
    expires_in: int
    refresh_token: str


class ConfirmRequest(Wire):
    """The fingerprint read from the phone's screen."""

    fingerprint: Text


class RevokeRequest(Wire):
    """Why the phone is stopped."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class DeviceView(View):
    """One phone."""

    id: UUID
    version: int
    user_id: UUID
    name: str
    platform: str
    algorithm: str
    key_id: str
    status: str
    created_at: datetime
    confirmed_at: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None
    last_seen_at: datetime | None
