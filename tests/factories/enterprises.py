"""Enterprises of a test's own city: valid credit codes on demand, registered through the API."""

import secrets
from typing import Any

from app.core.uscc import check_character
from tests.factories.world import Person, World

PATH = "/api/v1/enterprises"
_DIGITS = "0123456789"
_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def new_uscc() -> str:
    """A well-formed credit code that nobody has, its inner digit right as well."""
    body = "".join(secrets.choice(_DIGITS) for _ in range(8))
    rest = -sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11
    first = f"91330101{body}{'X' if rest == 10 else rest}"
    return first + check_character(first)


def enterprise_body(world: World, **changes: Any) -> dict[str, Any]:
    """The request body of an enterprise in the test's town."""
    return {"name": "安市东风涂装有限公司", "uscc": new_uscc(), "region_id": str(world.town), **changes}


def register(person: Person, world: World, **changes: Any) -> dict[str, Any]:
    """A registered enterprise as the API shows it."""
    answer = person.post(PATH, json=enterprise_body(world, **changes))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def site_body(world: World, enterprise_id: str, **changes: Any) -> dict[str, Any]:
    """The request body of a site in the test's town."""
    return {"enterprise_id": enterprise_id, "region_id": str(world.town), "name": "一号厂区", **changes}


def register_site(person: Person, world: World, enterprise_id: str, **changes: Any) -> dict[str, Any]:
    """A registered site as the API shows it."""
    answer = person.post("/api/v1/sites", json=site_body(world, enterprise_id, **changes))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())
