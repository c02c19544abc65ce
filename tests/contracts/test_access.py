"""Every endpoint of the running application × every role × foreign regions: refused unless allowed, and nothing leaks.

A new endpoint is tested here without being named. It fails until its path parameters have makers (objects.py) and, where it
is open to all, until it is listed here with the reason.
"""

import io
import re
import zipfile
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from app.config import Settings
from app.enums.identity import Role
from app.main import create_app
from app.routers.audiences import AUDIENCES
from app.routers.endpoints import Endpoint, list_endpoints
from app.services.identity.policy import CLIENT_SCOPES, INVITED_ACTIONS, PERMISSIONS, actions_of
from tests.contracts.callers import Callers
from tests.contracts.objects import MAKERS, NOT_REGIONAL, Home, an_invited, team_phone
from tests.contracts.requests import Requests
from tests.factories.world import Person

PUBLIC = {
    ("GET", "/livez"): "asked by whatever restarts the process",
    ("GET", "/readyz"): "asked by the load balancer",
    ("GET", "/version"): "tells nothing of the data",
    ("GET", "/metrics"): "has a token of its own (ANSHAO_METRICS_TOKEN)",
    ("POST", "/api/v1/session/login"): "the password authenticates; braked",
    ("POST", "/api/v1/session/refresh"): "the refresh token authenticates",
    ("POST", "/mobile/v1/devices/enroll"): "the one-time code authenticates; braked",
    ("POST", "/mobile/v1/devices/refresh"): "the refresh token and the phone's key authenticate",
    ("POST", "/mobile/v1/intake"): "a revoked phone's key signs each delivery; braked",
    ("POST", "/partner/v1/oauth/token"): "the client's secret authenticates; braked",
    ("POST", "/enterprise/v1/session/redemption"): "the invitation's code authenticates; braked",
    ("POST", "/enterprise/v1/session/refresh"): "the refresh token authenticates",
    ("GET", "/.well-known/oauth-authorization-server"): "client libraries look here first (RFC 8414)",
    ("GET", "/public/v1/keys"): "whoever holds a receipt may verify it",
    ("GET", "/public/v1/objects/{key:path}"): "the address is signed; tests/evidence/test_reading.py",
    (
        "GET",
        "/public/v1/placards/{token}",
    ): "published on purpose to whoever has the token; tests/hazards/test_placard_page.py",
    ("GET", "/reference/{name}"): "what the pages of the documentation load",
    **{
        ("GET", f"{audience.router.prefix}/{page}"): "the documentation tells nothing of the data"
        for audience in AUDIENCES
        for page in ("openapi.json", "docs")
    },
}
"""Endpoints without a login, each on purpose."""

ANY_LOGIN = {
    ("GET", "/api/v1/session"): "who one is",
    ("GET", "/api/v1/session/all"): "one's own sessions",
    ("DELETE", "/api/v1/session/all/{session_id}"): "ending one's own session; tests/identity/test_users.py",
    ("POST", "/api/v1/session/logout"): "leaving",
    ("POST", "/api/v1/session/logout-everywhere"): "leaving everywhere",
    ("POST", "/api/v1/session/password"): "one's own password",
    ("GET", "/enterprise/v1/session"): "who one is",
    ("POST", "/enterprise/v1/session/logout"): "leaving",
}
"""Endpoints for whoever is logged in, about himself only."""

SENDERS_OWN_ID = {
    (
        "PUT",
        "/mobile/v1/packages/{package_id}",
    ): "the sender makes the id; tests/inspections/test_packages.py",
    (
        "PUT",
        "/mobile/v1/packages/{package_id}/submission",
    ): "the sender makes the id; tests/evidence/test_submissions.py",
    (
        "PUT",
        "/mobile/v1/evidence/{evidence_id}",
    ): "the sender makes the id; tests/inspections/test_packages.py",
}
"""Endpoints that create under an id the phone chose: a taken one is a conflict that tells nothing."""

SPEAK_OF_NO_OBJECT = {
    "/api/v1/audit/checkpoints": "seals over all regions, without content",
    "/api/v1/campaigns/rebounds": "numbers; those of a campaign in tests/campaigns",
    "/api/v1/cases/counts": "numbers",
    "/api/v1/cases/penalties": "the law",
    "/api/v1/calendar/notices": "the same everywhere",
    "/api/v1/calendar/years": "the same everywhere",
    "/api/v1/checklists": "the same everywhere",
    "/api/v1/clocks/counts": "numbers",
    "/api/v1/clocks/limits": "settings of the procedure",
    "/api/v1/clocks/roll-over-rules": "settings of the procedure",
    "/api/v1/clocks/time-limits": "the law",
    "/api/v1/determinations/clauses": "the law",
    "/api/v1/determinations/coverage": "the law",
    "/api/v1/determinations/standards": "the law",
    "/api/v1/rulesets": "the law; drafts are kept from readers by tests/determinations/test_rulesets.py",
    "/api/v1/rulesets/held": "the law",
    "/api/v1/enterprises/imports/template": "an empty form",
    "/api/v1/enterprises/trades": "the classification",
    "/api/v1/enterprises/vocabulary": "words",
    "/api/v1/hazard-proposals/kinds": "the law",
    "/api/v1/hazards/counts": "numbers",
    "/api/v1/hazards/rebounds": "numbers",
    "/api/v1/hazards/totals": "numbers; by every dimension in test_neighbouring_town.py",
    "/api/v1/hazards/settings": "settings of the registry",
    "/api/v1/inspections/visits/counts": "numbers",
    "/api/v1/onsite-measures/kinds": "the law",
    "/api/v1/patrols/counts": "numbers",
    "/api/v1/sites/unit-facts": "words",
    "/api/v1/placards/kinds": "the law",
    "/api/v1/whistles/counts": "numbers",
    "/mobile/v1/determinations/clauses": "the law",
    "/mobile/v1/bundles/key": "a public key of the caller's authority",
    "/mobile/v1/intake": "the caller's own",
    "/mobile/v1/patrols": "the caller's own",
    "/mobile/v1/templates": "the same everywhere",
    "/mobile/v1/whistles": "the caller's own",
}
"""Lists that show no object of the home town even at home, and why."""

ASSISTANT = {
    "authorities:read", "bundles:carry", "calendar:read", "checklists:read", "enterprises:read", "evidence:upload", "patrols:read",
    "patrols:submit",
    "regions:read",
}  # fmt: skip
"""All that a safety assistant may do; nothing of it is an act of enforcement."""

ENDPOINTS = list_endpoints(create_app(Settings(_env_file=None)))
GUARDED = [one for one in ENDPOINTS if one.is_authenticated]
JUDGED = [one for one in GUARDED if one.needs]


PLAIN = {"pixels": "320", "clause_id": "MEM10-4-3", "collection": "enterprises"}
"""Path parameters that are no ids, with a value that exists."""


def parameters_of(endpoint: Endpoint) -> list[str]:
    return re.findall(r"{(\w+)", endpoint.path)


def key(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.method, endpoint.path


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def over(endpoints: list[Endpoint]) -> Any:
    return pytest.mark.parametrize("endpoint", endpoints, ids=named)


REGIONAL = [
    one for one in JUDGED if set(parameters_of(one)) - set(NOT_REGIONAL) and key(one) not in SENDERS_OWN_ID
]
NESTED = [one for one in REGIONAL if len(set(parameters_of(one)) - set(PLAIN)) > 1]
LISTS = [one for one in JUDGED if one.method == "GET" and not parameters_of(one)]
CREATING = [one for one in JUDGED if one.method != "GET" and not parameters_of(one)]


def unknown(endpoint: Endpoint) -> dict[str, str]:
    return {name: PLAIN.get(name, str(uuid4())) for name in parameters_of(endpoint)}


def nothing(_: str) -> None:
    return None


def code_of(answer: Any) -> str:
    return str(answer.json().get("code"))


def readable(answer: Any) -> str:
    """The body as text; spreadsheets and other archives unpacked."""
    if answer.content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
    return str(answer.text)


def test_every_endpoint_asks_for_a_login_or_is_public_on_purpose() -> None:
    assert {key(one) for one in ENDPOINTS if not one.is_authenticated} == set(PUBLIC)


def test_every_login_needs_an_action_or_concerns_its_owner_only() -> None:
    assert {key(one) for one in GUARDED if not one.needs} == set(ANY_LOGIN)


def test_every_declared_action_is_in_the_policy() -> None:
    known = set(PERMISSIONS) | INVITED_ACTIONS
    assert {action for one in JUDGED for alternatives in one.needs for action in alternatives} <= known
    assert known >= CLIENT_SCOPES


def test_every_object_of_a_path_has_a_maker() -> None:
    wanted = {name for one in JUDGED for name in parameters_of(one)}
    missing = wanted - set(MAKERS) - set(NOT_REGIONAL)
    assert not missing, (
        f"no maker for path parameters {sorted(missing)}: add them in tests/contracts/objects.py"
    )


@over(GUARDED)
def test_without_a_token_nothing_is_answered(
    endpoint: Endpoint, client: TestClient, requests: Requests
) -> None:
    answer = client.request(**requests.make(endpoint, unknown(endpoint), nothing))
    assert (answer.status_code, code_of(answer)) == (401, "unauthenticated")


@over(
    [one for one in JUDGED if one.audience != "enterprise"]
)  # no role comes in there: the audience refuses it
def test_a_role_without_the_action_is_refused(
    endpoint: Endpoint, requests: Requests, at_home: Callers
) -> None:
    request = requests.make(endpoint, unknown(endpoint), nothing)
    if endpoint.audience == "partner":
        callers = [
            at_home.client(*sorted(CLIENT_SCOPES - {action}))
            for alternatives in endpoint.needs
            for action in alternatives
        ]
    else:
        refused = [role for role in Role if not endpoint.is_open_to(actions_of(role))]
        callers = [at_home.at(endpoint, role) for role in refused]
    for caller in callers:
        answer = caller.request(request["method"], request["url"], **rest(request))
        assert (answer.status_code, code_of(answer)) == (403, "forbidden")


@over(GUARDED)
def test_a_token_opens_the_doors_of_its_own_audience_only(
    endpoint: Endpoint, requests: Requests, at_home: Callers
) -> None:
    everybody = sorted(Role)
    wrong = {
        "console": [at_home.phone(*everybody), at_home.client(*sorted(CLIENT_SCOPES)), at_home.invited()],
        "mobile": [at_home.client(*sorted(CLIENT_SCOPES)), at_home.invited()],
        "partner": [at_home.browser(*everybody), at_home.phone(*everybody), at_home.invited()],
        "enterprise": [
            at_home.browser(*everybody),
            at_home.phone(*everybody),
            at_home.client(*sorted(CLIENT_SCOPES)),
        ],
    }
    request = requests.make(endpoint, unknown(endpoint), nothing)
    for caller in wrong[endpoint.audience]:
        answer = caller.request(request["method"], request["url"], **rest(request))
        assert (answer.status_code, code_of(answer)) == (403, "wrong_audience")
    if endpoint.audience == "mobile" and endpoint.method != "GET":
        browser = at_home.browser(*everybody)
        answer = browser.request(request["method"], request["url"], **rest(request))
        assert (answer.status_code, code_of(answer)) == (403, "device_required")


@over(REGIONAL)
def test_a_foreign_object_is_not_found(
    endpoint: Endpoint, requests: Requests, home: Home, foreigners: list[Callers]
) -> None:
    ids = {name: home.id_of(name) for name in parameters_of(endpoint) if name not in NOT_REGIONAL}
    request = requests.make(endpoint, unknown(endpoint) | ids, nothing)
    for place in foreigners:
        for caller in place.entitled(endpoint):
            answer = caller.request(request["method"], request["url"], **rest(request))
            assert_not_found(endpoint, answer)


@over(NESTED)
def test_a_foreign_part_is_not_found_below_ones_own_object(
    endpoint: Endpoint, requests: Requests, home: Home, abroad: Home, foreigners: list[Callers]
) -> None:
    *outer, inner = parameters_of(endpoint)
    ids = {name: abroad.id_of(name) for name in outer} | {inner: home.id_of(inner)}
    request = requests.make(endpoint, ids, nothing)
    for caller in foreigners[1].entitled(endpoint):
        answer = caller.request(request["method"], request["url"], **rest(request))
        if answer.status_code == 412:  # ones own object has moved on from its first version
            answer = caller.request(
                request["method"],
                request["url"],
                **rest(request, {"If-Match": outer_etag(caller, request, ids)}),
            )
        assert_not_found(endpoint, answer)


def outer_etag(caller: Person, request: dict[str, Any], ids: dict[str, str]) -> str:
    identifier = next(iter(ids.values()))
    outer = request["url"][: request["url"].index(identifier) + len(identifier)]
    return str(caller.get(outer).headers["etag"])


@over([one for one in REGIONAL if one.method == "GET"])
def test_at_home_the_object_is_found(
    endpoint: Endpoint, requests: Requests, home: Home, at_home: Callers
) -> None:
    ids = {name: home.id_of(name) for name in parameters_of(endpoint) if name not in NOT_REGIONAL}
    request = requests.make(endpoint, unknown(endpoint) | ids, nothing)
    callers = at_home.entitled(endpoint)
    if endpoint.audience == "mobile":
        callers.append(home.once(team_phone))
    if endpoint.audience == "enterprise":
        callers.append(home.once(an_invited))
    answers = [caller.request(request["method"], request["url"], **rest(request)) for caller in callers]
    assert 200 in {answer.status_code for answer in answers}, answers[0].text


@over(LISTS)
def test_lists_and_exports_contain_nothing_foreign(
    endpoint: Endpoint, requests: Requests, home: Home, foreigners: list[Callers]
) -> None:
    foreign = home.marks()
    request = requests.make(endpoint, unknown(endpoint), nothing)
    filters = [name for name in requests.parameters(endpoint, "query") if name in MAKERS]
    for place in foreigners:
        for caller in place.entitled(endpoint):
            for narrowed in [{}, *({name: home.id_of(name)} for name in filters)]:
                params = {**request["params"], **narrowed}
                answer = caller.request(
                    request["method"], request["url"], **{**rest(request), "params": params}
                )
                assert answer.status_code in (200, 404), answer.text
                leaked = [one for one in foreign if one in readable(answer)]
                assert not leaked, f"{narrowed} shows {leaked}"


def test_at_home_the_lists_show_what_the_others_are_tried_for(
    requests: Requests, home: Home, at_home: Callers
) -> None:
    own, silent = home.marks(), set()
    for endpoint in LISTS:
        request = requests.make(endpoint, {}, nothing)
        callers = at_home.entitled(endpoint)
        if endpoint.audience == "mobile":
            callers.append(home.once(team_phone))
        answers = [caller.request("GET", request["url"], **rest(request)) for caller in callers]
        if not any(one in readable(answer) for answer in answers for one in own):
            silent.add(endpoint.path)
    assert silent <= set(SPEAK_OF_NO_OBJECT), (
        "a list shows nothing at home: make an object for it, or say why"
    )


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for member in value.values() for number in numbers_in(member)]
    if isinstance(value, list):
        return [number for member in value for number in numbers_in(member)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


@over([one for one in LISTS if one.path.endswith("/counts")])
def test_nothing_foreign_is_counted(
    endpoint: Endpoint, requests: Requests, home: Home, at_home: Callers, foreigners: list[Callers]
) -> None:
    assert home.marks()
    request = requests.make(endpoint, {}, nothing)
    inside = [one.get(request["url"]).json() for one in at_home.entitled(endpoint)]
    assert sum(numbers_in(inside)) > 0
    for place in (foreigners[0], foreigners[2]):
        outside = [one.get(request["url"]).json() for one in place.entitled(endpoint)]
        assert sum(numbers_in(outside)) == 0


@over([one for one in REGIONAL if one.audience == "enterprise"])
def test_a_neighbour_at_the_same_door_finds_nothing(
    endpoint: Endpoint, requests: Requests, home: Home, neighbours: list[Person]
) -> None:
    ids = {name: PLAIN.get(name) or home.id_of(name) for name in parameters_of(endpoint)}
    request = requests.make(endpoint, ids, nothing)
    for neighbour in neighbours:
        assert_not_found(endpoint, neighbour.request(request["method"], request["url"], **rest(request)))


@over([one for one in LISTS if one.audience == "enterprise"])
def test_a_neighbour_s_lists_are_empty(endpoint: Endpoint, home: Home, neighbours: list[Person]) -> None:
    assert home.marks()
    for neighbour in neighbours:
        assert neighbour.get(endpoint.path).json()["items"] == []


@over([one for one in GUARDED if one.audience == "enterprise"])
def test_a_revoked_invitation_opens_nothing(
    endpoint: Endpoint, requests: Requests, home: Home, revoked: Person
) -> None:
    ids = {name: PLAIN.get(name) or home.id_of(name) for name in parameters_of(endpoint)}
    request = requests.make(endpoint, ids, nothing)
    answer = revoked.request(request["method"], request["url"], **rest(request))
    assert (answer.status_code, code_of(answer)) == (401, "unauthenticated")


@over(CREATING)
def test_nothing_is_made_from_a_foreign_object(
    endpoint: Endpoint, requests: Requests, home: Home, foreigners: list[Callers]
) -> None:
    chosen: list[str] = []

    def choose(name: str) -> str | None:
        if name not in MAKERS:
            return None
        chosen.append(name)
        return home.id_of(name)

    request = requests.make(endpoint, {}, choose)
    if not chosen:
        return
    for place in foreigners:
        for caller in place.entitled(endpoint):
            answer = caller.request(request["method"], request["url"], **rest(request))
            if code_of(answer) != "forbidden":  # right too, where the body names a region
                assert_not_found(endpoint, answer)


def test_a_safety_assistant_holds_no_act_of_enforcement() -> None:
    assert actions_of(Role.SAFETY_ASSISTANT) == ASSISTANT


def test_a_safety_assistants_phone_is_refused_on_every_act_of_enforcement(
    requests: Requests, home: Home, at_home: Callers
) -> None:
    acts = [one for one in JUDGED if one.method != "GET" and not one.is_open_to(ASSISTANT)]
    signing, ordering = "/mobile/v1/packages/{package_id}/signatures", "/api/v1/rectification-orders"
    assert {signing, ordering} <= {one.path for one in acts}
    for endpoint in acts:
        ids = {name: home.id_of(name) for name in parameters_of(endpoint) if name in MAKERS}
        request = requests.make(endpoint, unknown(endpoint) | ids, nothing)
        for caller in (at_home.phone(Role.SAFETY_ASSISTANT), at_home.browser(Role.SAFETY_ASSISTANT)):
            answer = caller.request(request["method"], request["url"], **rest(request))
            assert answer.status_code == 403, named(endpoint)


def rest(request: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
    kept = {name: value for name, value in request.items() if name not in ("method", "url")}
    kept["headers"] = {**kept["headers"], "Idempotency-Key": uuid4().hex, **(headers or {})}
    return kept


def assert_not_found(endpoint: Endpoint, answer: Any) -> None:
    if answer.status_code == 422:
        pytest.fail(f"give {key(endpoint)} an acceptable body in tests/contracts/requests.py: {answer.text}")
    assert (answer.status_code, code_of(answer)) == (404, "not_found"), answer.text
