"""Tables, one file per area, no behaviour. Every file is imported here so that migrations see all of them."""

from app.models import (
    board,
    cases,
    checklists,
    clocks,
    determinations,
    enterprises,
    evidence,
    hazards,
    history,
    identity,
    inspections,
    numbers,
    organizations,
    patrols,
    quarantine,
)

__all__ = [
    "board",
    "cases",
    "checklists",
    "clocks",
    "determinations",
    "enterprises",
    "evidence",
    "hazards",
    "history",
    "identity",
    "inspections",
    "numbers",
    "organizations",
    "patrols",
    "quarantine",
]
