"""Whatever is sent to whichever operation, by a person who may do everything: an answer as documented, never a 5xx.

`make fuzz` runs the same with many more requests.
"""

import secrets
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from app.core.ids import new_id
from app.enums.identity import Role
from app.routers.audiences import AUDIENCES
from app.routers.reference import document_of
from app.services.identity.policy import CLIENT_SCOPES
from tests.contracts.callers import api_client
from tests.factories.checklists import body as checklist_body
from tests.factories.checklists import section, yes_no
from tests.factories.field import Field
from tests.factories.invited import invited_to
from tests.factories.world import World

pytestmark = pytest.mark.hypothesis

PAGE = "/public/v1/placards/{token}"
OAUTH = "/partner/v1/oauth/token"
"""Its errors have the shape of RFC 6749, 5.2."""

schemathesis.serializer.alias(
    ["application/offset+octet-stream", "application/partial-upload"], "application/octet-stream"
)

UNDER_WAY = {
    "/api/v1/session/logout",
    "/api/v1/session/logout-everywhere",
    "/api/v1/session/password",
    "/api/v1/users/{user_id}/logout-everywhere",
    "/api/v1/devices/{device_id}/revocation",
    "/enterprise/v1/session/logout",
}
"""These would end the session that asks the next question."""

ENDLESS = {"/mobile/v1/sync/{collection}/stream"}
"""Goes on until the token ends; tests/sync/test_stream.py sends it what is wrong."""


def _operations(name: str) -> list[Any]:
    document = document_of(name)
    if not document["paths"]:
        return []
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


OPERATIONS = [
    pytest.param(operation, id=operation.label)
    for audience in AUDIENCES
    for operation in _operations(audience.name)
    if operation.path not in UNDER_WAY | ENDLESS
]


@pytest.fixture(scope="module")
def everybody(client: TestClient, runtime: Any, in_database: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Tokens by the beginning of the path: a browser and a phone of one who holds every role, a client; objects that exist."""
    world = World(client, runtime, in_database)
    field = Field(world)
    person = world.person(*[role.value for role in Role])
    phone = field.phone(person.user_id)
    draft = checklist_body(section("s", yes_no("Q-1")), code=f"t{new_id().hex}")
    known = {
        "enterprise_id": str(field.enterprise_id),
        "site_id": str(field.site_id),
        "user_id": str(person.user_id),
        "device_id": str(phone.device_id),
        "region_id": str(world.district),
        "authority_id": str(world.authority),
        "version_id": person.post("/api/v1/checklists", json={"body": draft}).json()["id"],  # no other test's
    }
    partner = api_client(world, world.city, tuple(sorted(CLIENT_SCOPES)))
    tokens = {
        "api": person.token, "mobile": phone.access_token, "partner": partner.token,
        "enterprise": invited_to(world, field).token, "public": "",
    }  # fmt: skip
    return tokens, known


def _as_bytes(value: Any) -> Any:
    """The parts of a form as the test client can write them, numbers too."""
    if isinstance(value, dict):
        return {name: _as_bytes(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_as_bytes(part) for part in value)
    return value if value is None or isinstance(value, bytes | str) else str(value).encode()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_request_ends_in_a_defect(
    operation: Any,
    client: TestClient,
    everybody: tuple[dict[str, str], dict[str, str]],
    pytestconfig: pytest.Config,
) -> None:
    tokens, known = everybody
    audience = operation.path.split("/")[1]
    token = tokens[audience]
    few: dict[str, Any] = (
        {}
        if pytestconfig.getoption("--hypothesis-profile")
        else {"max_examples": 5, "phases": [Phase.generate]}
    )
    fixed = {name: known[name] for name in known if f"{{{name}}}" in operation.path}
    kinds = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    cases = [
        operation.as_strategy(generation_mode=kind, path_parameters=p)
        for kind in kinds
        for p in (fixed, None)
    ]

    @settings(**few, suppress_health_check=list(HealthCheck), database=None)
    @given(case=st.one_of(*cases))
    def send(case: Any) -> None:
        request = case.as_transport_kwargs(base_url="http://testserver")
        headers = {
            name: value for name, value in (request.pop("headers", None) or {}).items() if value is not None
        }
        headers["Authorization"] = f"Bearer {token}"
        headers.setdefault("Idempotency-Key", secrets.token_hex(8))
        request.pop("cookies", None)
        if isinstance(request.get("data"), (bytes, str)):
            request["content"] = request.pop("data")
        if request.get("files"):
            request["files"] = _as_bytes(request["files"])
        answer = client.request(**request, headers=headers)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400 and operation.path == OAUTH:
            assert answer.json()["error"]
        elif operation.path == PAGE and answer.status_code in (404, 410):
            assert "<h1>" in answer.text  # it is people who come here, from a code at a gate
        elif answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"]

    send()
    if token:
        own = {
            "api": "/api/v1/session",
            "mobile": "/mobile/v1/templates",
            "partner": "/partner/v1/hazards",
            "enterprise": "/enterprise/v1/session",
        }
        answer = client.get(own[audience], headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, "the token that asks has been ended: nothing was tried any more"
