"""Perceptual hashes: 64 bits that stay nearly the same when a picture is recompressed, resized, brightened or turned. Pure.

The DCT hash of imagehash's phash (32 x 32 luminance, 8 x 8 lowest frequencies, above or below their median), in plain Python: 2 ms
beside the 80 ms of decoding. Turning or mirroring a picture only transposes its frequencies and changes their signs, so one
transform gives the hashes of all eight.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import combinations

from PIL import Image

SIDE = 32
FREQUENCIES = 8
LEAST_CONTRAST = 2.0
"""Standard deviation of the luminance (0..255) below which a picture is too plain to be compared: black, fog, an empty page."""

BANDS = 4
BAND_BITS = 16
PROBED_BITS = 2
FOUND_SURELY = BANDS * (PROBED_BITS + 1) - 1
"""Two hashes that differ by at most so many bits agree in one of the bands up to PROBED_BITS (pigeonhole)."""

_COSINES = [
    [math.cos(math.pi * frequency * (2 * place + 1) / (2 * SIDE)) for place in range(SIDE)]
    for frequency in range(FREQUENCIES)
]
_BAND_MASK = (1 << BAND_BITS) - 1


class Turn(IntEnum):
    """How the other picture lies to this one; also the place of its hash in `hashes_of`."""

    UPRIGHT = 0
    UPSIDE_DOWN = 1
    QUARTER = 2
    THREE_QUARTERS = 3
    MIRRORED = 4
    MIRRORED_UPSIDE_DOWN = 5
    MIRRORED_QUARTER = 6
    MIRRORED_THREE_QUARTERS = 7


_TRANSPOSED_AND_SIGNS = {
    Turn.UPRIGHT: (False, 1, 1),
    Turn.UPSIDE_DOWN: (False, -1, -1),
    Turn.QUARTER: (True, -1, 1),
    Turn.THREE_QUARTERS: (True, 1, -1),
    Turn.MIRRORED: (False, 1, -1),
    Turn.MIRRORED_UPSIDE_DOWN: (False, -1, 1),
    Turn.MIRRORED_QUARTER: (True, 1, 1),
    Turn.MIRRORED_THREE_QUARTERS: (True, -1, -1),
}
"""Whether rows and columns change places, and the sign of odd frequencies downwards and sideways."""


def hashes_of(image: Image.Image) -> list[int]:
    """The hashes (unsigned, 64 bits) of an upright picture and of its turned and mirrored likenesses, in the order of Turn.

    Empty when the picture is too plain to be compared.
    """
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    luminance = small.tobytes()
    if statistics.pstdev(luminance) < LEAST_CONTRAST:
        return []
    frequencies = _lowest_frequencies(luminance)
    return [_hash_turned(frequencies, turn) for turn in Turn]


def _lowest_frequencies(luminance: bytes) -> list[list[float]]:
    rows = [luminance[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE)]
    sideways = [[_sum(cosines, row) for cosines in _COSINES] for row in rows]
    columns = list(zip(*sideways, strict=True))
    return [[_sum(cosines, column) for column in columns] for cosines in _COSINES]


def _sum(cosines: Sequence[float], values: Sequence[float]) -> float:
    return sum(map(float.__mul__, cosines, map(float, values)))


def _hash_turned(frequencies: list[list[float]], turn: Turn) -> int:
    is_transposed, downwards, sideways = _TRANSPOSED_AND_SIGNS[turn]
    rows = list(zip(*frequencies, strict=True)) if is_transposed else frequencies
    flat = [
        value * (downwards if down % 2 else 1) * (sideways if along % 2 else 1)
        for down, row in enumerate(rows)
        for along, value in enumerate(row)
    ]
    middle = statistics.median(flat)
    found = 0
    for value in flat:
        found = found << 1 | (value > middle)
    return found


def distance(one: int, other: int) -> int:
    """The number of bits that differ."""
    return (one ^ other).bit_count()


def slots_of(value: int) -> list[int]:
    """Where a hash is found in the index: each band with its number in front."""
    return [band << BAND_BITS | value >> band * BAND_BITS & _BAND_MASK for band in range(BANDS)]


def probes_of(values: Sequence[int]) -> list[int]:
    """Every slot in which a hash that differs from one of these by at most FOUND_SURELY bits can be found, in order."""
    return sorted({slot ^ change for value in values for slot in slots_of(value) for change in _CHANGES})


def _changes() -> Iterator[int]:
    for count in range(PROBED_BITS + 1):
        for bits in combinations(range(BAND_BITS), count):
            yield sum(1 << bit for bit in bits)


_CHANGES = tuple(_changes())


def as_signed(value: int) -> int:
    """An unsigned 64-bit hash as PostgreSQL's bigint holds it."""
    return value - (1 << 64) if value >> 63 else value


def as_unsigned(value: int) -> int:
    """The hash that a bigint holds."""
    return value & (1 << 64) - 1
