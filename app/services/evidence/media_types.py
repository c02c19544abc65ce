"""What a file is, by its content alone; and whether that is what its sender said."""

from collections.abc import Generator, Iterable
from pathlib import PurePosixPath

IMAGES = frozenset({"image/jpeg", "image/png", "image/webp", "image/heic"})
KEPT_AS_IS = frozenset({"video/mp4"})

_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_MP4 = frozenset(
    {b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV"}
)
_BY_START = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)
_BY_EXTENSION = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".heic": "image/heic",
    ".heif": "image/heic", ".mp4": "video/mp4", ".m4v": "video/mp4", ".gif": "image/gif", ".tif": "image/tiff",
    ".tiff": "image/tiff", ".pdf": "application/pdf", ".mov": "video/quicktime",
}  # fmt: skip
_SAME = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/heif": "image/heic",
    "video/x-m4v": "video/mp4",
}
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def detect_type(content: bytes) -> str | None:
    """The media type the first bytes tell (magic numbers, ISO/IEC 14496-12 brands); None when they tell none we know."""
    for start, media_type in _BY_START:
        if content.startswith(start):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        return _by_brands(content)
    return None


def _by_brands(content: bytes) -> str | None:
    size = min(int.from_bytes(content[:4]), 512)
    brands = {content[8:12], *(content[at : at + 4] for at in range(16, size, 4))}
    if brands & _HEIC:
        return "image/heic"
    if b"avif" in brands:
        return "image/avif"
    if content[8:12] == b"qt  ":
        return "video/quicktime"
    return "video/mp4" if brands & _MP4 else None


def type_of_name(name: str | None) -> str | None:
    """The media type a file name's extension claims."""
    return _BY_EXTENSION.get(PurePosixPath(name).suffix.lower()) if name and "\x00" not in name else None


def is_mislabelled(detected: str | None, claims: Iterable[str | None]) -> bool:
    """True when some claim names another type than the content is; a claim that says nothing contradicts nothing."""
    plain = {_plain(claim) for claim in claims if claim}
    return any(claim != detected for claim in plain - _SAYS_NOTHING)


def _plain(media_type: str) -> str:
    name = media_type.partition(";")[0].strip().lower()
    return _SAME.get(name, name)


BOX_HEAD = 16
"""Bytes that tell a box's kind and length."""
MOST_BOXES = 4096
"""Boxes looked at: a film of an hour in pieces of a second."""


def whole_mp4(size: int) -> Generator[int, bytes, bool]:
    """Whether the boxes (ISO/IEC 14496-12) fill a file to its last byte and one of them describes the movie.

    Yields where it wants to look and is sent BOX_HEAD bytes from there (fewer at the end); the film itself is never read. A file
    of more boxes than are looked at is taken for whole when the movie was described among them.
    """
    at, kinds, looks = 0, set(), 0
    while at + 8 <= size and looks < MOST_BOXES:
        seen = yield at
        length, kind, head = int.from_bytes(seen[:4]), seen[4:8], 8
        if length == 1:
            length, head = int.from_bytes(seen[8:16]), 16
        elif length == 0:
            length = size - at
        if length < head:
            return False
        kinds.add(kind)
        at += length
        looks += 1
    return b"moov" in kinds and (at == size or looks == MOST_BOXES)
