"""What provenance is measured by: limits, weights and editing software, as shipped (app/content/evidence/provenance.yaml)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from app.content.reading import read_content


@dataclass(frozen=True, slots=True)
class Standards:
    """Metres, seconds, bits, and what a flag adds to the score. `version` counts the changes of the shipped file."""

    version: int
    distances: Mapping[str, int]
    durations: Mapping[str, int]
    likeness: Mapping[str, int]
    weights: Mapping[str, int]
    editing_software: tuple[str, ...]
    impossible_kmh: int


@cache
def standards_with(impossible_kmh: int) -> Standards:
    """The shipped standards with the speed an installation holds to be impossible."""
    shipped = read_content("evidence/provenance.yaml")
    return Standards(
        version=shipped["version"],
        distances=shipped["distances"],
        durations=shipped["durations"],
        likeness=shipped["likeness"],
        weights=shipped["weights"],
        editing_software=tuple(shipped["editing_software"]),
        impossible_kmh=impossible_kmh,
    )
