"""Examining one picture: what it is, what its camera says, and reduced copies of it. Pure: bytes in, bytes out.

Runs in a process of its own (decoder.py): what is decoded here comes from strangers.
"""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pi_heif
from PIL import Image, ImageCms, ImageOps

from app.enums.evidence import EvidenceFlag
from app.services.evidence.likeness import hashes_of
from app.services.evidence.media_types import detect_type, is_mislabelled
from app.services.evidence.metadata import MALFORMED, read_facts

SIZES = (1280, 320)
"""The longest side of each reduced copy, in pixels, largest first."""

MAX_PIXELS = 100_000_000
"""A file whose header says more is never decoded: at three bytes a pixel a small file could fill the memory."""

QUALITY = 80

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/heic": "HEIF"}

pi_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Reduced:
    """A reduced copy: JPEG, upright, sRGB, without any metadata."""

    pixels: int
    width: int
    height: int
    content: bytes


@dataclass(slots=True)
class Examination:
    """What was found. A flagged file has no reduced copies; `hashes` are those of likeness.hashes_of, of whatever was decoded."""

    detected_type: str | None
    flags: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    reduced: list[Reduced] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)


def examine(content: bytes, claims: Sequence[str | None]) -> Examination:
    """Examine a picture (a file whose first bytes say that it is one of IMAGES); `claims` are the media types its sender gave it.

    Never raises for what the bytes are.
    """
    detected = detect_type(content)
    found = Examination(detected)
    if is_mislabelled(detected, claims):
        found.flags.append(EvidenceFlag.MISLABELLED)
    _examine_image(content, found)
    if found.flags:
        found.reduced.clear()
    return found


def _examine_image(content: bytes, found: Examination) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            formats = [name for kind, name in _FORMATS.items() if kind == found.detected_type]
            with Image.open(io.BytesIO(content), formats=formats) as image:
                found.facts = read_facts(image)
                found.reduced, found.hashes = _reduce(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        found.flags.append(EvidenceFlag.TOO_MANY_PIXELS)
    except (*MALFORMED, RuntimeError):
        found.flags.append(EvidenceFlag.DAMAGED)


def _reduce(image: Image.Image) -> tuple[list[Reduced], list[int]]:
    """The copies, and the perceptual hashes of the first. Decodes once, at the smallest scale that serves (JPEG)."""
    image.draft("RGB", (SIZES[0], SIZES[0]))
    image.load()
    current = image
    copies: list[Reduced] = []
    hashes: list[int] = []
    for pixels in SIZES:
        current = current.copy()
        current.thumbnail((pixels, pixels), Image.Resampling.BICUBIC, reducing_gap=2.0)
        if not copies:
            current = _plain(current)
            hashes = hashes_of(current)
        buffer = io.BytesIO()
        current.save(buffer, "JPEG", quality=QUALITY)
        copies.append(Reduced(pixels, current.width, current.height, buffer.getvalue()))
    return copies, hashes


def _plain(image: Image.Image) -> Image.Image:
    """Upright, sRGB on white, and a new image: nothing of the original's metadata comes along."""
    upright = ImageOps.exif_transpose(image)
    coloured = _to_srgb(upright)
    plain = Image.new("RGB", coloured.size, "white")
    if coloured.mode in ("RGBA", "LA", "PA") or "transparency" in coloured.info:
        with_alpha = coloured.convert("RGBA")
        plain.paste(with_alpha, mask=with_alpha.getchannel("A"))
    else:
        plain.paste(coloured.convert("RGB"))
    return plain


def _to_srgb(image: Image.Image) -> Image.Image:
    """Colours as they were meant; a profile that cannot be read is passed over."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode != "RGB":
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, *MALFORMED):
        return image
    return converted or image
