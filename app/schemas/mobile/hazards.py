"""Hazards as a re-inspecting phone sees them."""

from datetime import date, datetime
from uuid import UUID

from app.schemas.common import View


class PhotoLink(View):
    """One photograph by hash; `derivatives` are addresses by longest side in pixels, to be fetched beforehand."""

    id: UUID
    hash: str
    size: int
    media_type: str
    captured_at: datetime | None
    derivatives: dict[str, str]


class AssignedHazard(View):
    """A hazard to re-inspect, with the photographs of when it was found and of the reported rectification."""

    id: UUID
    version: int
    number: str
    level: str
    clause: str | None
    item_code: str | None
    subject: str | None
    description: str
    found_on: date
    status: str
    due_on: date | None
    is_overdue: bool | None
    requirement: str | None
    before_photos: list[PhotoLink]
    rectification_photos: list[PhotoLink]
