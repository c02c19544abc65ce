"""Invitations of enterprises' people on the wire: masked always."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.schemas.common import View, Wire
from app.schemas.contacts import PersonName, Short
from app.schemas.enterprises import Reason

Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    Field(examples=["zhang@example.cn"]),
]


class InvitationRequest(Wire):
    """Who is invited to which site, for how many days."""

    site_id: UUID
    name: PersonName
    phone: Short | None = None
    email: Email | None = None
    days: Annotated[int, Field(ge=1, le=1096)] = 90


class InvitationView(View):
    """One invitation. `state` open: the code waits to be used; lapsed: it was not used in time.

    `erased_at`: since when nothing of the person is kept but a keyed hash.
    """

    id: UUID
    version: int
    enterprise_id: UUID
    site_id: UUID
    invited_by: UUID
    name: str
    phone: str | None
    email: str | None
    state: Literal["open", "lapsed", "active", "expired", "revoked"]
    created_at: datetime
    code_expires_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None
    erased_at: datetime | None


class InvitationCode(View):
    """A new invitation and its code, which is shown this once; valid for so many seconds."""

    invitation: InvitationView
    code: str
    expires_in: int


class RevocationRequest(Wire):
    """Why."""

    reason: Reason
