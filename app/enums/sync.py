"""What phones pull: the names of the collections."""

from enum import StrEnum


class SyncCollection(StrEnum):
    """One kind of document that a phone keeps a copy of."""

    ASSIGNMENTS = "assignments"
    SITES = "sites"
    ENTERPRISES = "enterprises"
    HAZARDS = "hazards"
    CHECKLISTS = "checklists"
    ROSTERS = "rosters"
    BRIGADES = "brigades"
    PACKAGES = "packages"
    LAW = "law"
    HOLIDAYS = "holidays"
