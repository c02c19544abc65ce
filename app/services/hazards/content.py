"""Settings of the registry as shipped. Read once, no database."""

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def registry_settings() -> dict[str, dict[str, Any]]:
    """By name: value, unit, label, source and whether it is to be confirmed."""
    text = resources.files("app.content").joinpath("law", "registry.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return found


def recurrence_window_days() -> int:
    """How many days after its closing a hazard that is found again counts as one that came back."""
    return int(registry_settings()["recurrence_window"]["value"])


def extension_latest_days() -> int:
    """How many days after its deadline an extension of an order can still be proposed."""
    return int(registry_settings()["extension_latest"]["value"])
