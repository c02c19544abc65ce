"""Every door of the running application, read from the application itself: for docs/permissions.md and the access tests."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.http.conditions import expected_version
from app.http.sessions import current_actor
from app.routers.audiences import AUDIENCES


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path.

    `needs` is what the route declares with allowed(): one of the alternatives of each; nothing where any login will do.
    `takes_version`: it is done upon the version that If-Match names.
    """

    method: str
    path: str
    audience: str
    is_authenticated: bool
    needs: tuple[tuple[str, ...], ...]
    takes_version: bool

    def is_open_to(self, actions: Collection[str]) -> bool:
        """True when somebody with these actions is let in."""
        return all(any(action in actions for action in alternatives) for alternatives in self.needs)


def list_endpoints(app: FastAPI) -> list[Endpoint]:
    """All of them, by path and method; audience "root" is what lies outside the audiences."""
    found = []
    for context in iter_route_contexts(app.routes):
        calls = list(_calls(getattr(context, "dependant", None)))
        needs = tuple((call.action, *call.alternatives) for call in calls if hasattr(call, "action"))
        path = context.path or ""
        for method in sorted((context.methods or set()) - {"HEAD", "OPTIONS"}):
            found.append(
                Endpoint(
                    method, path, _audience(path), current_actor in calls, needs, expected_version in calls
                )
            )
    return sorted(found, key=lambda endpoint: (endpoint.path, endpoint.method))


def _audience(path: str) -> str:
    named = (audience.name for audience in AUDIENCES if path.startswith(f"{audience.router.prefix}/"))
    return next(named, "root")


def _calls(dependant: Any) -> Iterator[Any]:
    """Every function the route depends on, at any depth."""
    for part in getattr(dependant, "dependencies", ()):
        yield part.call
        yield from _calls(part)
