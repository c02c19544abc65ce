"""Files to examine, drawn here: no test depends on photographs that the project does not ship."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw
from PIL.ExifTags import GPS, IFD, Base

from app.core.ids import new_id


def drawn(size: tuple[int, int] = (640, 480), mode: str = "RGB") -> Image.Image:
    """A picture whose left upper corner is red: it shows which way up a copy is."""
    image = Image.new("RGB", size, (40, 90, 160))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0] // 4, size[1] // 4), fill=(220, 20, 20))
    return image.convert(mode)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def camera_exif(orientation: int = 1, **more: Any) -> Image.Exif:
    """What a phone's camera writes."""
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.Make], exif[Base.Model], exif[Base.Software] = "Huawei", "Mate 60", "EMUI 9.1"
    detail = exif.get_ifd(IFD.Exif)
    detail[Base.DateTimeOriginal], detail[Base.OffsetTimeOriginal] = "2026:11:25 09:30:00", "+08:00"
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSLatitudeRef], gps[GPS.GPSLatitude] = "N", (30.0, 16.0, 26.706)
    gps[GPS.GPSLongitudeRef], gps[GPS.GPSLongitude] = "E", (120.0, 9.0, 18.252)
    gps[GPS.GPSDateStamp], gps[GPS.GPSTimeStamp] = "2026:11:25", (1.0, 30.0, 0.0)
    for name, value in more.items():
        exif[Base[name]] = value
    return exif


def camera_jpeg(orientation: int = 1, size: tuple[int, int] = (1600, 1200)) -> bytes:
    """A JPEG with a camera's EXIF, a comment, and bytes and colours of its own."""
    picture = drawn(size)
    own = Image.frombytes("RGB", (4, 4), new_id().bytes * 3)
    picture.paste(own.resize((size[0] // 4, size[1] // 4)), (size[0] // 2, size[1] // 2))
    content = encoded(picture, "JPEG", quality=85, exif=camera_exif(orientation), comment=b"secret")
    mark = new_id().bytes
    return content[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(mark)) + mark + content[2:]


def png_bomb(side: int = 60_000) -> bytes:
    """A small file whose header says side x side pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(200_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg_bomb() -> bytes:
    """A JPEG whose frame header says 65,000 x 65,000 pixels."""
    content = bytearray(encoded(drawn(), "JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    return bytes(content)


def mp4() -> bytes:
    """The boxes of a short, whole MP4."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    return (
        box(b"ftyp", b"isom" + bytes(4) + b"isommp42")
        + box(b"moov", box(b"mvhd", bytes(100)))
        + box(b"mdat", new_id().bytes * 8)
    )
