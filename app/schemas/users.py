"""Users, their roles and certificates at the console, on the wire. Phone numbers are masked but in one answer."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.enums.identity import Role
from app.schemas.common import View, Wire
from app.schemas.organizations import Name

Reason = Annotated[Name, Field(max_length=500)]
Login = Annotated[str, Field(min_length=3, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
Phone = Annotated[str, Field(max_length=20, pattern=r"^\+?[0-9][0-9-]{4,18}$")]


class UserRequest(Wire):
    """A person who is to log in."""

    login: Login
    name: Name
    phone: Phone | None = None
    authority_id: UUID
    brigade_id: UUID | None = None
    region_id: UUID


class UserChange(Wire):
    """What is given is changed; null empties the phone or the brigade."""

    name: Name | None = None
    phone: Phone | None = None
    authority_id: UUID | None = None
    brigade_id: UUID | None = None
    region_id: UUID | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Self:
        for member in ("name", "authority_id", "region_id"):
            if member in self.model_fields_set and getattr(self, member) is None:
                raise ValueError(f"{member} cannot be emptied")
        return self


class UserView(View):
    """One user; `phone` is masked."""

    id: UUID
    version: int
    login: str
    name: str
    phone: str | None
    authority_id: UUID
    brigade_id: UUID | None
    region_id: UUID
    is_active: bool
    has_initial_password: bool
    created_at: datetime


class InitialPassword(View):
    """A user with a password that is shown this once, works until then, and must be changed at the first login."""

    user: UserView
    initial_password: str
    initial_password_until: datetime


class ReasonRequest(Wire):
    """Why."""

    reason: Reason


class UnmaskedUser(View):
    """The full phone number; the look is in the audit log."""

    id: UUID
    phone: str | None


class GrantRequest(Wire):
    """A role within a region and all below it; both days included, no last day: open."""

    role: Role
    region_id: UUID
    starts_on: date
    ends_on: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class GrantEnding(Wire):
    """The last day; yesterday ends it at once."""

    ends_on: date


class GrantView(View):
    """One grant."""

    id: UUID
    role: str
    region_id: UUID
    starts_on: date
    ends_on: date | None
    granted_by: UUID | None


class GrantsView(View):
    """A user's grants, past ones too; `version` is the user's, which every change of grants counts up."""

    version: int
    grants: list[GrantView]


class CertificateRequest(Wire):
    """An enforcement certificate; both days included."""

    user_id: UUID
    number: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[0-9A-Za-z\u4e00-\u9fff-]+$")]
    valid_from: date
    valid_until: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


class RevocationRequest(Wire):
    """From which day on it is not valid any more, and why."""

    revoked_on: date
    reason: Reason


class CertificateView(View):
    """One certificate."""

    id: UUID
    version: int
    user_id: UUID
    number: str
    valid_from: date
    valid_until: date
    revoked_on: date | None
    revoked_reason: str | None
