"""Contacts of an enterprise on the wire: masked, unless one was unmasked with a reason."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from app.schemas.common import View, Wire
from app.schemas.enterprises import Reason, clean_line

PersonName = Annotated[str, Field(max_length=50), AfterValidator(clean_line)]
Short = Annotated[str, Field(max_length=50), AfterValidator(clean_line)]


class ContactRequest(Wire):
    """A new contact: what is known of a person."""

    name: PersonName
    post: Short | None = None
    phone: Short | None = None
    id_number: Short | None = None


class ContactChange(Wire):
    """What to change: members left out stay as they are, null clears."""

    name: PersonName = ""
    post: Short | None = None
    phone: Short | None = None
    id_number: Short | None = None


class UnmaskRequest(Wire):
    """Why somebody has to see the full values."""

    reason: Reason


class ContactView(View):
    """One contact; name, phone and identity number are masked here."""

    id: UUID
    version: int
    enterprise_id: UUID
    name: str
    post: str | None
    phone: str | None
    id_number: str | None
    is_masked: bool = True
