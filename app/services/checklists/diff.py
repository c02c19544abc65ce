"""What changed between two versions of a checklist, item by item. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Change = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One changed part. `at`: checklist, setting:KEY, document:CODE, section:CODE or item:CODE; `fields` that differ."""

    change: Change
    at: str
    fields: tuple[str, ...] = ()
    before: Any = None
    after: Any = None


def diff_bodies(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The differences from one valid body to another; empty exactly when their content hashes are equal.

    Settings and documents in the order of their keys, sections and items in the order of the later body.
    """
    old, new = _parts(before), _parts(after)
    differences: list[Difference] = []
    for at in [*new, *(at for at in old if at not in new)]:
        if at not in old:
            differences.append(Difference("added", at, after=new[at]))
        elif at not in new:
            differences.append(Difference("removed", at, before=old[at]))
        elif _differs(old[at], new[at]):
            fields = _changed_fields(old[at], new[at])
            differences.append(Difference("changed", at, fields, old[at], new[at]))
    return differences


def _parts(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body cut into comparable parts; a section keeps only the order of its items, an item knows its section."""
    parts: dict[str, Any] = {}
    top = {key: value for key, value in body.items() if key not in ("settings", "documents", "sections")}
    parts["checklist"] = top | {"section_order": [section["code"] for section in body["sections"]]}
    parts |= {key: None for key in ("settings", "documents") if key in body}
    for key, setting in sorted(body.get("settings", {}).items()):
        parts[f"setting:{key}"] = setting
    for code, document in sorted(body["documents"].items()):
        parts[f"document:{code}"] = document
    for section in body["sections"]:
        parts[f"section:{section['code']}"] = section | {"items": [item["code"] for item in section["items"]]}
        for item in section["items"]:
            parts[f"item:{item['code']}"] = item
    return parts


def _differs(before: Any, after: Any) -> bool:
    """JSON equality: true is not 1, 1.0 is 1."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return set(before) != set(after) or any(_differs(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) != len(after) or any(_differs(a, b) for a, b in zip(before, after, strict=True))
    if isinstance(before, bool) is not isinstance(after, bool):
        return True
    return bool(before != after)


def _changed_fields(before: Any, after: Any) -> tuple[str, ...]:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return ()
    keys = dict.fromkeys([*before, *after])
    return tuple(
        key for key in keys if (key in before) != (key in after) or _differs(before.get(key), after.get(key))
    )
