"""Photographs for the demonstration: real JPEGs with the metadata a phone's camera writes."""

import io
from datetime import datetime

from PIL import Image, ImageDraw

_MAKE, _MODEL, _SOFTWARE, _TIME, _EXIF, _TAKEN, _OFFSET = 271, 272, 305, 306, 34665, 36867, 36881


def make_photo(caption: str, taken_at: datetime, size: tuple[int, int] = (1600, 1200)) -> bytes:
    """A JPEG with a caption (ASCII) in it, and camera, software and time in its EXIF."""
    image = Image.new("RGB", size, (92, 105, 118))
    draw = ImageDraw.Draw(image)
    for step in range(0, size[0], 80):
        draw.line((step, 0, size[0] - step, size[1]), fill=(70 + step % 120, 90, 110), width=6)
    draw.text((60, 60), f"{caption} {taken_at.isoformat(timespec='seconds')}", fill=(255, 255, 255))
    exif = Image.Exif()
    exif[_MAKE], exif[_MODEL], exif[_SOFTWARE] = "Anshao", "Reference phone", "anshao demo"
    exif[_TIME] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    detail = exif.get_ifd(_EXIF)
    detail[_TAKEN], detail[_OFFSET] = taken_at.strftime("%Y:%m:%d %H:%M:%S"), "+08:00"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82, exif=exif)
    return buffer.getvalue()
