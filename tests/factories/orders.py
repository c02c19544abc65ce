"""Rectification orders as two officers issue them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tests.factories.world import Person

ORDERS, HAZARDS = "/api/v1/rectification-orders", "/api/v1/hazards"
Named = UUID | str | dict[str, Any]
"""A hazard by its id, as it stands, or as the caller has read it."""


def line(who: Person, hazard: Named, **changes: Any) -> dict[str, Any]:
    """One line of a good request: fifteen days."""
    read = hazard if isinstance(hazard, dict) else who.get(f"{HAZARDS}/{hazard}").json()
    return {
        "hazard_id": read["id"],
        "version": read["version"],
        "days": 15,
        "day_kind": "calendar",
        "requirement": "补充辨识并整改",
        **changes,
    }


def issue(officers: Sequence[Person], *lines: dict[str, Any], **changes: Any) -> Any:
    """The answer to an order of these lines, signed by the officers, issued by the first of them."""
    body = {"officer_ids": [str(one.user_id) for one in officers], "lines": list(lines), **changes}
    return officers[0].post(ORDERS, json=body)


def order(officers: Sequence[Person], *hazards: Named, **changes: Any) -> Any:
    """The answer to one order for these hazards; `changes` are of every line."""
    return issue(officers, *[line(officers[0], one, **changes) for one in hazards])


def ordered(officers: Sequence[Person], hazard: Named, **changes: Any) -> dict[str, Any]:
    """The hazard after an order for it alone, as the console shows it."""
    answer = order(officers, hazard, **changes)
    assert answer.status_code == 201, answer.text
    return dict(officers[0].get(f"{HAZARDS}/{answer.json()['lines'][0]['hazard']['id']}").json())
