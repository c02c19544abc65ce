"""The registry on a map: GeoJSON (RFC 7946) with one stated departure, the datum."""

from typing import Literal
from uuid import UUID

from app.schemas.common import View

Degrees = float


class Point(View):
    """Longitude and latitude in degrees of the collection's datum."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[Degrees, Degrees]


class HazardsHere(View):
    """Open hazards of one site, or of several that lie together at this zoom (`sites`; then no site is named)."""

    hazards: int
    major: int
    overdue: int
    sites: int
    site_id: UUID | None
    site_name: str | None
    enterprise_id: UUID | None
    enterprise_name: str | None


class HazardFeature(View):
    """A place; `id` is the site's, or the cell's of the grid (zoom/row/column) and then the same whatever box is asked for."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: Point
    properties: HazardsHere


class HazardMap(View):
    """The places with most hazards first. `is_cut`: there are more than the limit; ask for a smaller box or a lower zoom.

    `datum`: of all coordinates. RFC 7946 knows WGS-84 alone; gcj02 is for Chinese base maps and never to be stored.
    """

    type: Literal["FeatureCollection"] = "FeatureCollection"
    datum: Literal["wgs84", "gcj02"]
    bbox: tuple[Degrees, Degrees, Degrees, Degrees]
    features: list[HazardFeature]
    is_cut: bool
