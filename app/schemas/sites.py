"""Sites on the wire: where they are, who operates and lets them, which units of risk stand on them."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.enums.enterprises import Datum, LinkRole
from app.schemas.common import View, Wire
from app.schemas.enterprises import Address, Name

Latitude = Annotated[int, Field(ge=-90_000_000, le=90_000_000)]
Longitude = Annotated[int, Field(ge=-180_000_000, le=180_000_000)]
NOWHERE = 1_000
"""Microdegrees around 0, 0 (about 100 m of open sea): a phone that has no position says so."""


class Position(Wire):
    """A place in microdegrees of the declared datum. Places at 0, 0 are refused."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)

    latitude: Latitude
    longitude: Longitude
    datum: Datum

    @model_validator(mode="after")
    def _is_somewhere(self) -> "Position":
        if abs(self.latitude) < NOWHERE and abs(self.longitude) < NOWHERE:
            raise ValueError("0, 0 is no position")
        return self


class Geofence(Wire):
    """The outline of a site: 3 to 500 corners as [latitude, longitude] in microdegrees, not closed, in either direction."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)

    datum: Datum
    ring: Annotated[list[tuple[Latitude, Longitude]], Field(min_length=3, max_length=500)]


class SiteRequest(Wire):
    """A new site of an enterprise."""

    enterprise_id: UUID
    region_id: UUID
    name: Name
    address: Address | None = None
    position: Position | None = None
    geofence: Geofence | None = None


class SiteChange(Wire):
    """What to change: members left out stay as they are, null clears position, address and geofence."""

    region_id: UUID = UUID(int=0)
    name: Name = ""
    address: Address | None = None
    position: Position | None = None
    geofence: Geofence | None = None
    is_active: bool = True


class LinkRequest(Wire):
    """Who operates or lets the site, from when until when; both days included, null means until further notice."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)

    enterprise_id: UUID
    role: LinkRole
    valid_from: date
    valid_until: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "LinkRequest":
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


class LinkChange(Wire):
    """The last day of a link; null makes it open again."""

    valid_until: date | None


class LinkView(View):
    """One operator or landlord for a time."""

    id: UUID
    enterprise_id: UUID
    enterprise_name: str
    role: str
    valid_from: date
    valid_until: date | None


class UnitView(View):
    """One unit of risk; `facts` holds what is known, by the members of its kind."""

    id: UUID
    version: int
    site_id: UUID
    kind: str
    name: str
    facts: dict[str, Any]
    is_active: bool


class RingView(View):
    """A geofence in microdegrees of WGS-84."""

    datum: Literal["wgs84"] = "wgs84"
    ring: list[tuple[int, int]]


class SiteView(View):
    """One site; its position and geofence in microdegrees of WGS-84, with the datum the position was declared in."""

    id: UUID
    version: int
    enterprise_id: UUID
    region_id: UUID
    name: str
    address: str | None
    latitude: int | None
    longitude: int | None
    declared_datum: str | None
    geofence: RingView | None
    is_active: bool


class SiteDetail(SiteView):
    """A site with its enterprise, today's operator, all links and the units of risk."""

    enterprise_name: str
    enterprise_uscc: str | None
    regulated_trades: list[str]
    operator_id: UUID | None
    links: list[LinkView]
    units: list[UnitView]
