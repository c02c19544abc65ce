"""Settings of the registry, kinds of on-site measures, proposals and placards, as shipped. Read once, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from app.content.reading import read_content
from app.core.wording import Wording
from app.services.hazards.duplicate_rule import Limits
from app.services.hazards.measure_workflow import ENDS_BY


@dataclass(frozen=True, slots=True)
class MeasureKind:
    """A kind of on-site measure. `concerns`: any hazard, or major ones only; `limit`: how long it may last, by its time limit;
    `ends_by`: what it takes until it is over, by services/hazards/measure_workflow.py."""

    code: str
    title: Wording
    concerns: str
    limit: str | None
    basis: Wording
    in_force_from: date
    to_be_confirmed: bool
    ends_by: str
    ends_basis: Wording
    ends_to_be_confirmed: bool


@dataclass(frozen=True, slots=True)
class ProposalKind:
    """What may be proposed for an overdue hazard. `concerns`: any hazard, or major ones; `taken_up_by`: what takes it up."""

    code: str
    title: Wording
    concerns: str
    taken_up_by: str
    basis: Wording
    to_be_confirmed: bool


@dataclass(frozen=True, slots=True)
class PlacardKind:
    """A kind of placard. `needs`: what must hold of the hazard; `deciders`: who decides, by role, at which levels of region;
    `monthly`: progress is written down each month."""

    code: str
    title: Wording
    word: str
    needs: tuple[str, ...]
    deciders: dict[str, tuple[str, ...]]
    monthly: bool
    basis: Wording
    to_be_confirmed: bool


@cache
def registry_settings() -> dict[str, dict[str, Any]]:
    """By name: value, unit, label, source and whether it is to be confirmed."""
    found: dict[str, dict[str, Any]] = read_content("law/registry.yaml")
    return found


def recurrence_window_days() -> int:
    """How many days after its closing a hazard that is found again counts as one that came back."""
    return int(registry_settings()["recurrence_window"]["value"])


def extension_latest_days() -> int:
    """How many days after its deadline an extension of an order can still be proposed."""
    return int(registry_settings()["extension_latest"]["value"])


@cache
def measure_kinds() -> tuple[MeasureKind, ...]:
    """Every kind, in the order of the content."""
    return tuple(
        MeasureKind(
            **one
            | {
                "title": Wording(**one["title"]),
                "basis": Wording(**one["basis"]),
                "ends_basis": Wording(**one["ends_basis"]),
                "in_force_from": date.fromisoformat(one["in_force_from"]),
            }
        )
        for one in read_content("law/onsite_measures.yaml")
    )


def measure_kind(code: str) -> MeasureKind | None:
    """The kind of that code; None: there is none."""
    return next((one for one in measure_kinds() if one.code == code), None)


def ends_by(kinds: Sequence[str]) -> str:
    """What it takes until a measure of these kinds is over: the strictest of them; of an unknown kind, everything."""
    known = {one.code: one.ends_by for one in measure_kinds()}
    return max((known.get(code, ENDS_BY[-1]) for code in kinds), key=ENDS_BY.index)


@cache
def proposal_kinds() -> tuple[ProposalKind, ...]:
    """Every kind, in the order of the content."""
    return tuple(
        ProposalKind(**one | {"title": Wording(**one["title"]), "basis": Wording(**one["basis"])})
        for one in read_content("law/overdue_proposals.yaml")
    )


@cache
def placard_kinds() -> tuple[PlacardKind, ...]:
    """Every kind, in the order of the content."""
    return tuple(
        PlacardKind(
            **one
            | {
                "title": Wording(**one["title"]),
                "basis": Wording(**one["basis"]),
                "needs": tuple(one["needs"]),
                "deciders": {role: tuple(levels) for role, levels in one["deciders"].items()},
            }
        )
        for one in read_content("law/placards.yaml")
    )


def placard_kind(code: str) -> PlacardKind | None:
    """The kind of that code; None: there is none."""
    return next((one for one in placard_kinds() if one.code == code), None)


def duplicate_limits() -> Limits:
    """Within which two hazards are proposed as one."""
    values = registry_settings()
    return Limits(
        **{name: int(values[f"duplicate_{name}"]["value"]) for name in ("days", "metres", "similarity")}
    )
