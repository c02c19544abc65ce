"""Words in both languages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """Chinese first, English beside it."""

    zh: str
    en: str
