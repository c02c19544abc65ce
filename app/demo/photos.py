"""Photographs for the demonstration: real JPEGs, drawn, with a caption and the metadata a phone's camera writes."""

import hashlib
import io
import random
from datetime import datetime

from PIL import Image, ImageDraw, ImageFont

_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _TIME, _EXIF, _GPS = 271, 272, 274, 305, 306, 34665, 34853
_TAKEN, _OFFSET = 36867, 36881
SIZE = (1024, 768)


def make_photo(
    caption: str, taken_at: datetime, latitude: float, longitude: float, size: tuple[int, int] = SIZE
) -> bytes:
    """A workshop of sorts, `caption` (ASCII) and time in it; EXIF with camera, software, time and position (WGS-84)."""
    seed = hashlib.sha256(f"{caption}{taken_at.isoformat()}".encode()).digest()
    image = _draw(random.Random(seed), size)  # noqa: S311  a picture, no secret
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, size[1] - 90, size[0], size[1]), fill=(20, 24, 28))
    text = f"{caption}   {taken_at.strftime('%Y-%m-%d %H:%M:%S')}   {latitude:.5f}N {longitude:.5f}E"
    draw.text((30, size[1] - 66), text, fill=(255, 255, 255), font=ImageFont.load_default(24))
    exif = Image.Exif()
    exif[_MAKE], exif[_MODEL], exif[_SOFTWARE] = "Anshao", "Reference phone", "anshao demo"
    exif[_ORIENTATION] = 1
    exif[_TIME] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    detail = exif.get_ifd(_EXIF)
    detail[_TAKEN], detail[_OFFSET] = taken_at.strftime("%Y:%m:%d %H:%M:%S"), "+08:00"
    position = exif.get_ifd(_GPS)
    position[1], position[2] = "N", _degrees(latitude)
    position[3], position[4] = "E", _degrees(longitude)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, exif=exif)
    return buffer.getvalue()


def _draw(chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """Wall, floor, vessels and pipes in the colours of the place."""
    wall, floor = chance.randrange(90, 170), chance.randrange(50, 90)
    image = Image.new("RGB", size, (wall, wall + 8, wall + 14))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, size[1] * 2 // 3, size[0], size[1]), fill=(floor + 14, floor + 6, floor))
    for _ in range(5):
        left, width = chance.randrange(size[0]), chance.randrange(80, 260)
        top = chance.randrange(size[1] // 6, size[1] // 2)
        colour = (chance.randrange(60, 200), chance.randrange(60, 160), chance.randrange(50, 120))
        draw.rounded_rectangle(
            (left, top, left + width, size[1] * 3 // 4), 24, fill=colour, outline=(30, 30, 30), width=5
        )
    for _ in range(7):
        height = chance.randrange(size[1] // 2)
        draw.line(
            (0, height, size[0], height + chance.randrange(-120, 120)),
            fill=(150, 60, 40),
            width=chance.randrange(6, 18),
        )
    return image


def _degrees(value: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds as EXIF writes them."""
    whole = int(value)
    minutes = int((value - whole) * 60)
    return float(whole), float(minutes), round((value - whole - minutes / 60) * 3600, 3)
