"""Who may submit and read packages, by their kind. Pure."""

from app.enums.inspections import PackageKind

SUBMIT_ACTIONS = ("inspections:submit", "patrols:submit")
"""Whoever holds one of these may put packages; which kinds, the package's own kind decides."""


def submit_action(kind: str) -> str:
    """The permission it takes to submit a package of that kind."""
    return "inspections:submit" if PackageKind(kind).is_enforcement else "patrols:submit"


def read_action(kind: str) -> str:
    """The permission it takes to read a colleague's package of that kind."""
    return "inspections:read" if PackageKind(kind).is_enforcement else "patrols:read"
