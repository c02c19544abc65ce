"""How two sealed documents differ, member by member, down to the single answer's value. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.core.masking import masked_name
from app.schemas.packages import MemberDifference

_OWN = ("schema", "id", "supersedes")
"""What every package has of its own."""

_NAMED_BY: dict[str, tuple[str, ...]] = {
    "evidence": ("id",),
    "hazards": ("hazard_id",),
    "documents": ("word", "year", "number"),
}
"""Lists whose rows are named by these members; any other list is compared as a whole."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[MemberDifference]:
    """From one document to the other, in the order of the later one; empty when they say the same."""
    return list(_compared(_prepared(before), _prepared(after), []))


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the inspected party's name masked."""
    party = document.get("party")
    if isinstance(party, Mapping) and isinstance(party.get("name"), str):
        return {**document, "party": {**party, "name": masked_name(party["name"])}}
    return dict(document)


def _prepared(document: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in masked(document).items() if name not in _OWN}
    return {name: _by_name(value, _NAMED_BY.get(name)) for name, value in shown.items()}


def _by_name(value: Any, members: tuple[str, ...] | None) -> Any:
    if members is None or not isinstance(value, list):
        return value
    rows: dict[str, Any] = {}
    for place, row in enumerate(value):
        named = isinstance(row, Mapping) and all(member in row for member in members)
        name = " ".join(str(row[member]) for member in members) if named else str(place)
        rows[name if name not in rows else f"{name} #{place}"] = row
    return rows


def _compared(
    before: Mapping[str, Any], after: Mapping[str, Any], path: list[str]
) -> Iterator[MemberDifference]:
    for name in [*after, *(name for name in before if name not in after)]:
        at = [*path, name]
        if name not in before:
            yield MemberDifference(change="added", at=at, after=after[name])
        elif name not in after:
            yield MemberDifference(change="removed", at=at, before=before[name])
        elif isinstance(before[name], Mapping) and isinstance(after[name], Mapping):
            yield from _compared(before[name], after[name], at)
        elif json.dumps(before[name]) != json.dumps(after[name]):  # true is not 1
            yield MemberDifference(change="changed", at=at, before=before[name], after=after[name])
