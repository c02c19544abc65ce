"""How an enterprise answers an order, on the wire."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from app.schemas.common import View, Wire


class PhotographView(View):
    """A file as it was stored; `hash` is of its bytes. Name it in the report."""

    id: UUID
    hash: str
    size: int
    media_type: str
    name: str | None
    received_at: datetime


class RectificationRequest(Wire):
    """What was done, and the photographs that show it."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]
    photograph_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]


class RectificationView(View):
    """One report of rectification, as it was made."""

    on_date: date
    note: str | None
    photograph_ids: list[UUID]
    reported_at: datetime


class AnsweredView(View):
    """The hazard after the report: it waits for the officers' re-inspection."""

    hazard_id: UUID
    status: str
    due_on: date | None
