"""GeoJSON under its own media type (RFC 7946, 12)."""

from fastapi.responses import JSONResponse


class GeoJsonResponse(JSONResponse):
    """A JSON answer that maps know."""

    media_type = "application/geo+json"
