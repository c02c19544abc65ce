"""Promises about every route that no single test can make."""

import inspect
from typing import Any, get_type_hints

import pytest
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import BaseModel, SecretStr

from app.config import Settings
from app.http.conditions import expected_version
from app.http.idempotency import IdempotentRoute, idempotency_key, required_key
from app.http.sessions import current_actor
from app.main import create_app

CREDENTIALS = {
    "access_token",
    "refresh_token",
    "code",
    "client_secret",
    "secret",
    "password",
    "one_time_code",
}
"""Members that would be a credential in an answer (a checklist's or a region's `code` is none: see below)."""

HARMLESS_TWICE = {
    ("POST", "/api/v1/session/login"): "a second session",
    ("POST", "/api/v1/session/logout"): "already out",
    ("POST", "/api/v1/session/logout-everywhere"): "already out",
    ("POST", "/api/v1/session/password"): "the second finds another present password",
    ("POST", "/api/v1/session/refresh"): "gives the same successor",
    ("POST", "/mobile/v1/devices/refresh"): "gives the same successor",
    ("POST", "/mobile/v1/devices/enroll"): "the code is used up",
    ("POST", "/api/v1/users"): "the login is taken; an answer with a credential is never stored",
    ("POST", "/api/v1/users/{user_id}/logout-everywhere"): "already out",
    ("POST", "/mobile/v1/evidence/check"): "a question",
    ("POST", "/api/v1/clients"): "a second client without use; an answer with a credential is never stored",
    ("POST", "/partner/v1/oauth/token"): "a second token",
    ("POST", "/enterprise/v1/session/redemption"): "the code is used up",
    ("POST", "/enterprise/v1/session/refresh"): "gives the same successor",
    ("POST", "/enterprise/v1/session/logout"): "already out",
    ("POST", "/api/v1/devices/codes"): "a second code; an answer with a credential is never stored",
}
ROUTES = [
    pytest.param(method, route, id=f"{method} {route.path}")
    for route in iter_route_contexts(create_app(Settings(_env_file=None)).routes)
    for method in sorted((route.methods or set()) - {"HEAD"})
    if hasattr(route, "dependant")
]
every_route = pytest.mark.parametrize(("method", "route"), ROUTES)


def calls_of(dependant: Any) -> set[Any]:
    found = set()
    for inner in dependant.dependencies:
        found |= {inner.call} | calls_of(inner)
    return found


def answer_of(route: RouteContext) -> type[BaseModel] | None:
    model = get_type_hints(route.endpoint).get("return") if route.endpoint else None
    return model if inspect.isclass(model) and issubclass(model, BaseModel) else None


@every_route
def test_every_route_is_a_coroutine_that_says_what_it_does(method: str, route: RouteContext) -> None:
    """A function that is none would run in a thread per request."""
    assert inspect.iscoroutinefunction(route.endpoint)
    if route.include_in_schema:
        assert route.summary or (route.endpoint.__doc__ or "").strip().endswith((".", ")"))


@every_route
def test_a_route_that_declares_idempotency_stores_its_answer(method: str, route: RouteContext) -> None:
    if idempotency_key in calls_of(route.dependant):
        assert isinstance(route.original_route, IdempotentRoute)
        assert method == "POST"


@every_route
def test_an_answer_with_a_credential_is_never_stored(method: str, route: RouteContext) -> None:
    model = answer_of(route)
    if model is None or idempotency_key not in calls_of(route.dependant):
        return
    members = {
        name
        for name, field in model.model_fields.items()
        if name in CREDENTIALS or field.annotation is SecretStr
    }
    if "code" in members and not {"expires_in"} & set(model.model_fields):
        members.discard("code")  # a code of a region, a checklist, an authority
    assert members == set()


@every_route
def test_every_post_is_safe_to_send_twice(method: str, route: RouteContext) -> None:
    """By Idempotency-Key, by If-Match, or by its nature, which is then said."""
    if method != "POST" or not (route.path or "").startswith(
        ("/api/", "/mobile/", "/partner/", "/enterprise/", "/public/")
    ):
        return
    calls = calls_of(route.dependant)
    if (route.path or "").endswith("/unmasking"):
        return  # a second look, and a second audit row
    is_harmless = "harmless" in (route.endpoint.__doc__ or "") or (method, route.path) in HARMLESS_TWICE
    assert {idempotency_key, required_key, expected_version} & set(calls) or is_harmless


@every_route
def test_every_change_of_what_exists_asks_for_the_version_that_was_read(
    method: str, route: RouteContext
) -> None:
    if route.path == "/api/v1/session/all/{session_id}":
        return  # one's own session has no other versions
    if (route.path or "").startswith("/mobile/v1/uploads/"):
        return  # Upload-Offset says which state is meant; an ended upload has no other
    if method in ("PATCH", "DELETE") or (method == "PUT" and (route.path or "").startswith("/api/")):
        assert expected_version in calls_of(route.dependant)


@every_route
def test_no_route_knows_the_actor_but_leaves_the_permission_open(method: str, route: RouteContext) -> None:
    calls = calls_of(route.dependant)
    if current_actor in calls and not any(
        hasattr(call, "action") or hasattr(call, "actions") for call in calls
    ):
        assert "any login" in (route.endpoint.__doc__ or "")
