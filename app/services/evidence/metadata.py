"""The facts a camera wrote into a file (EXIF 2.32): as they stand, believed by nobody, broken ones left out."""

import math
import struct
from collections.abc import Callable
from datetime import datetime, time
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

MALFORMED = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, SyntaxError, ArithmeticError, OSError, EOFError,
    NotImplementedError, struct.error,
)  # fmt: skip
"""What reading a malformed file can raise in the imaging library."""

MAX_TEXT = 200


def read_facts(image: Image.Image) -> dict[str, Any]:
    """Width, height, orientation, camera, software, time and position; a fact that cannot be read is left out.

    `taken_at` is the camera's wall time, with its offset when the camera wrote one. Positions in microdegrees, of the datum the
    file names (none named: unknown).
    """
    facts: dict[str, Any] = {"width": image.width, "height": image.height}
    written_orientation = image.info.get("original_orientation")  # HEIC is turned upright while it is decoded
    exif = _attempt(image.getexif)
    if not exif:
        return facts
    detail = _attempt(lambda: exif.get_ifd(IFD.Exif)) or {}
    gps = _attempt(lambda: exif.get_ifd(IFD.GPSInfo)) or {}
    found = {
        "orientation": _attempt(lambda: _orientation(written_orientation or exif.get(Base.Orientation))),
        "make": _attempt(lambda: _text(exif.get(Base.Make))),
        "model": _attempt(lambda: _text(exif.get(Base.Model))),
        "software": _attempt(lambda: _text(exif.get(Base.Software))),
        "taken_at": _attempt(lambda: _taken_at(exif, detail)),
        "position": _attempt(lambda: _position(gps)),
        "gps_at": _attempt(lambda: _gps_time(gps)),
    }
    return facts | {name: value for name, value in found.items() if value is not None}


def _attempt(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except MALFORMED:
        return None


def _text(value: Any) -> str | None:
    """Plain text: PostgreSQL takes no NUL, and JSON no lone surrogate."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    plain = value.partition("\x00")[0].encode("utf-8", "replace").decode()
    return " ".join(plain.split())[:MAX_TEXT] or None


def _orientation(value: Any) -> int | None:
    return int(value) if value in range(1, 9) else None


def _taken_at(exif: Image.Exif, detail: dict[int, Any]) -> str | None:
    written = _text(detail.get(Base.DateTimeOriginal)) or _text(exif.get(Base.DateTime))
    if written is None:
        return None
    taken = datetime.strptime(written, "%Y:%m:%d %H:%M:%S").isoformat()  # noqa: DTZ007  a camera's wall time
    offset = _text(detail.get(Base.OffsetTimeOriginal)) or _text(detail.get(Base.OffsetTime))
    if offset and _attempt(lambda: datetime.strptime(offset, "%z")):
        return taken + offset
    return taken


def _position(gps: dict[int, Any]) -> dict[str, Any] | None:
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "S", 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "W", 180)
    if latitude is None or longitude is None:
        return None
    return {"latitude": latitude, "longitude": longitude, "datum": _text(gps.get(GPS.GPSMapDatum))}


def _degrees(parts: Any, reference: Any, negative: str, limit: int) -> int | None:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= limit:
        return None
    sign = -1 if (_text(reference) or "").upper().startswith(negative) else 1
    return sign * round(value * 1_000_000)


def _gps_time(gps: dict[int, Any]) -> str | None:
    day = _text(gps.get(GPS.GPSDateStamp))
    parts = gps.get(GPS.GPSTimeStamp)
    if day is None or parts is None:
        return None
    hours, minutes, seconds = (int(float(part)) for part in parts)
    on = datetime.strptime(day.replace("-", ":"), "%Y:%m:%d").date()  # noqa: DTZ007  GPS days are UTC
    return f"{on.isoformat()}T{time(hours, minutes, seconds).isoformat()}Z"
