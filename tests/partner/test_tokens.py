"""Tokens for third-party clients: what a real OAuth 2 library gets, and how every wrong request is refused."""

import base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx2
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.services.identity import brake
from app.services.identity.client_tokens import TokenRequest, read_token_request
from app.services.identity.errors import OAuthProblem
from app.services.identity.keys import KeyRing
from app.services.identity.policy import CLIENT_SCOPES
from app.services.identity.tokens import read_access_token
from tests.factories.world import Person, World

CLIENTS, TOKEN = "/api/v1/clients", "/partner/v1/oauth/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def admin(world: World) -> Person:
    return world.person("administrator")


def registered(admin: Person, world: World, *scopes: str) -> tuple[str, str]:
    body = {"name": f"省平台 {world.code}", "region_id": str(world.district)}
    answer = admin.post(
        CLIENTS, json={**body, "scopes": list(scopes or ("hazards:read", "inspections:read"))}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["client"]["id"], answer.json()["client_secret"]


@pytest.fixture
def registration(admin: Person, world: World) -> tuple[str, str]:
    return registered(admin, world)


def ask(client: TestClient, registration: tuple[str, str], **changes: Any) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_id": registration[0],
        "client_secret": registration[1],
    }
    wanted = {name: value for name, value in {**form, **changes}.items() if value is not None}
    return client.post(TOKEN, content=urlencode(wanted), headers=FORM)


def read(client: TestClient, token: str, path: str = "/partner/v1/hazards") -> Any:
    return client.get(path, headers={"Authorization": f"Bearer {token}"})


def with_library(
    app: FastAPI, client: TestClient, use: Callable[[AsyncOAuth2Client], Any], *given: str
) -> Any:
    """Let a client library of the OAuth 2 world talk to the running application."""

    async def run() -> Any:
        transport = httpx2.ASGITransport(app)
        options = {"transport": transport, "base_url": "http://testserver"}
        async with AsyncOAuth2Client(*given, **options) as library:
            return await use(library)

    assert client.portal is not None
    return client.portal.call(run)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_client_library_gets_a_token_by_discovery_and_reads(
    app: FastAPI, client: TestClient, registration: tuple[str, str], method: str
) -> None:
    found = client.get("/.well-known/oauth-authorization-server").json()
    assert method in found["token_endpoint_auth_methods_supported"]
    endpoint = found["token_endpoint"].replace(found["issuer"], "http://testserver")

    async def use(library: AsyncOAuth2Client) -> httpx2.Response:
        library.token_endpoint_auth_method = method
        token = await library.fetch_token(endpoint, grant_type="client_credentials", scope="hazards:read")
        assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 900, "hazards:read")
        return await library.get("/partner/v1/hazards")

    assert with_library(app, client, use, *registration).status_code == 200


def test_a_client_library_understands_the_refusal(
    app: FastAPI, client: TestClient, registration: tuple[str, str]
) -> None:
    async def use(library: AsyncOAuth2Client) -> None:
        await library.fetch_token(TOKEN, grant_type="client_credentials")

    with pytest.raises(OAuthError, match="invalid_client"):
        with_library(app, client, use, registration[0], "wrong")


@pytest.mark.parametrize(
    "changes, status, error",
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "enterprises:read"}, 400, "invalid_scope"),
        ({"scope": "hazards:read users:manage"}, 400, "invalid_scope"),
    ],
)
def test_a_wrong_request_is_refused_as_the_rfc_says(
    client: TestClient, registration: tuple[str, str], changes: dict[str, Any], status: int, error: str
) -> None:
    answer = ask(client, registration, **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(
    "content, headers",
    [
        ('{"grant_type":"client_credentials"}', {"Content-Type": "application/json"}),
        ("grant_type=client_credentials&grant_type=client_credentials", FORM),
        ("grant_type=%FF", FORM),
        ("grant_type=\u00e9".encode(), FORM),
        ("grant_type=client_credentials&client_secret=x", {**FORM, "Authorization": "Basic YTpi"}),
        ("grant_type=client_credentials&client_id=x", {**FORM, "Authorization": "Basic YTpi"}),
    ],
)
def test_a_request_that_is_none_is_refused(client: TestClient, content: Any, headers: dict[str, str]) -> None:
    answer = client.post(TOKEN, content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("authorization", ["Basic !", "Basic YQ==", "Basic /w==", "Bearer x"])
def test_unreadable_credentials_are_refused(client: TestClient, authorization: str) -> None:
    headers = {**FORM, "Authorization": authorization}
    answer = client.post(TOKEN, content="grant_type=client_credentials", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_guessing_is_braked(
    client: TestClient, registration: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brake, "LIMITS", {**brake.LIMITS, "client_from": 2})
    assert [ask(client, registration).status_code for _ in range(3)] == [200] * 3
    guesses = [ask(client, registration, client_secret="wrong").status_code for _ in range(3)]
    assert guesses == [401, 401, 429]
    refused = ask(client, registration)
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert int(refused.headers["retry-after"]) >= 1


def test_a_token_carries_the_asked_scopes_and_no_more(
    client: TestClient, registration: tuple[str, str]
) -> None:
    narrow = ask(client, registration, scope="hazards:read").json()["access_token"]
    assert read(client, narrow).status_code == 200
    assert read(client, narrow, "/partner/v1/inspections").status_code == 403
    whole = ask(client, registration).json()
    assert whole["scope"] == "hazards:read inspections:read"
    assert read(client, whole["access_token"], "/partner/v1/inspections").status_code == 200
    assert read(client, whole["access_token"], "/partner/v1/enterprises").status_code == 403


def test_a_rotated_secret_ends_the_old_one_and_its_tokens_at_once(
    client: TestClient, admin: Person, registration: tuple[str, str]
) -> None:
    identifier, _ = registration
    token = ask(client, registration).json()["access_token"]
    path = f"{CLIENTS}/{identifier}/rotation"
    assert admin.post(path).status_code == 428
    fresh = admin.post(path, version=1).json()["client_secret"]
    assert read(client, token).status_code == 401
    assert ask(client, registration).status_code == 401
    assert read(client, ask(client, (identifier, fresh)).json()["access_token"]).status_code == 200


def test_a_stopped_client_stops_at_once(
    client: TestClient, admin: Person, registration: tuple[str, str]
) -> None:
    token = ask(client, registration).json()["access_token"]
    path, body = f"{CLIENTS}/{registration[0]}", {"reason": "合同到期"}
    assert admin.post(f"{path}/deactivation", json=body, version=1).json()["is_active"] is False
    assert read(client, token).status_code == 401
    assert ask(client, registration).json()["error"] == "invalid_client"
    assert admin.post(f"{path}/deactivation", json=body, version=2).json()["code"] == "account_state"
    assert admin.post(f"{path}/reactivation", json=body, version=2).json()["is_active"] is True
    assert read(client, token).status_code == 200


def test_changed_scopes_hold_for_tokens_in_use(
    client: TestClient, admin: Person, registration: tuple[str, str]
) -> None:
    token = ask(client, registration).json()["access_token"]
    body = {"scopes": ["inspections:read"]}
    assert admin.patch(f"{CLIENTS}/{registration[0]}", json=body, version=1).status_code == 200
    assert read(client, token).status_code == 403
    assert read(client, token, "/partner/v1/inspections").status_code == 200


def test_a_client_is_given_no_more_than_clients_may_have(world: World, admin: Person) -> None:
    body = {"name": world.code, "region_id": str(world.district), "scopes": ["hazards:read", "users:manage"]}
    refused = admin.post(CLIENTS, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "client_scope")
    assert refused.json()["scopes"] == ["users:manage"]
    local = world.person("administrator", region=world.other_district)
    assert local.post(CLIENTS, json={**body, "scopes": ["hazards:read"]}).status_code == 404
    assert world.person("auditor").post(CLIENTS, json=body).status_code == 403


def test_the_secret_is_told_once_and_not_kept(world: World, admin: Person) -> None:
    identifier, secret = registered(admin, world)
    shown = admin.get(f"{CLIENTS}/{identifier}")
    assert secret not in shown.text + admin.get(CLIENTS).text
    assert [row["id"] for row in admin.get(CLIENTS, params={"is_active": True}).json()["items"]] == [
        identifier
    ]
    again = {"name": shown.json()["name"], "region_id": str(world.district), "scopes": ["hazards:read"]}
    assert admin.post(CLIENTS, json=again).json()["code"] == "client_name_taken"


def test_a_token_says_nothing_but_whom_it_is_for(
    client: TestClient, world: World, registration: tuple[str, str]
) -> None:
    keys: KeyRing = world.runtime.keys
    claims = read_access_token(keys, ask(client, registration).json()["access_token"])
    assert (str(claims.client_id), claims.secret_number, claims.session_id) == (registration[0], 1, None)


@given(
    client_id=st.text(min_size=1), secret=st.text(), scopes=st.sets(st.sampled_from(sorted(CLIENT_SCOPES)))
)
def test_credentials_are_read_alike_from_the_form_and_from_the_header(
    client_id: str, secret: str, scopes: set[str]
) -> None:
    asked = {"grant_type": "client_credentials", "scope": " ".join(sorted(scopes))}
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
    in_header = read_token_request(FORM["Content-Type"], urlencode(asked).encode(), basic)
    in_form = urlencode({**asked, "client_id": client_id, "client_secret": secret}).encode()
    assert in_header == read_token_request(FORM["Content-Type"], in_form, "")
    assert in_header == TokenRequest(client_id, secret, frozenset(scopes) or None)


@given(content=st.binary(max_size=200), authorization=st.text(max_size=60))
def test_whatever_comes_is_read_or_refused_as_the_rfc_says(content: bytes, authorization: str) -> None:
    with suppress(OAuthProblem):
        read_token_request(FORM["Content-Type"], content, authorization)
