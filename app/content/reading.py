"""Reading what ships in this package: YAML of JSON types (and dates), by its place in the folder."""

from importlib import resources
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where PyYAML was built with it: five to ten times as fast, which every start of a process feels."""


def parse_yaml(text: str) -> Any:
    """What a YAML text says. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  one of PyYAML's two safe loaders


def content_names(folder: str) -> list[str]:
    """The names of the YAML files of a folder ("law/order10"), sorted."""
    place = resources.files("app.content").joinpath(*folder.split("/"))
    return sorted(entry.name for entry in place.iterdir() if entry.name.endswith(".yaml"))


def content_text(path: str) -> str:
    """A file as it is written ("law/topics.yaml")."""
    return resources.files("app.content").joinpath(*path.split("/")).read_text(encoding="utf-8")


def read_content(path: str) -> Any:
    """What a file says."""
    return parse_yaml(content_text(path))
