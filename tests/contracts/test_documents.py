"""Each audience's OpenAPI 3.1 document: valid, complete, stable in its names, and readable with no internet."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from typer.testing import CliRunner

from app.cli import cli
from app.routers.audiences import AUDIENCES, TAGS
from app.routers.reference import document_of
from app.services.identity.policy import CLIENT_SCOPES

NAMES = [audience.name for audience in AUDIENCES]
METHODS = {"get", "put", "post", "patch", "delete"}
PREFIXES = {audience.name: audience.router.prefix for audience in AUDIENCES}


def operations(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document_of(name)["paths"].items():
        for method in sorted(METHODS & set(item)):
            yield method, path, item[method]


EVERY = [(name, *operation) for name in NAMES for operation in operations(name)]
every_operation = pytest.mark.parametrize(
    ("name", "method", "path", "operation"), EVERY, ids=[f"{m.upper()} {p}" for _, m, p, _ in EVERY]
)


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_valid_openapi_3_1(client: TestClient, name: str) -> None:
    document = client.get(f"{PREFIXES[name]}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    assert all(path.startswith(PREFIXES[name] + "/") for path in document["paths"])


def test_every_route_of_every_audience_is_described_and_nothing_of_another_audience(
    client: TestClient,
) -> None:
    assert len(EVERY) > 30
    for name in NAMES:
        described = set(document_of(name)["paths"])
        assert not any(
            path.startswith(p + "/") for path in described for n, p in PREFIXES.items() if n != name
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_page_loads_nothing_from_elsewhere(client: TestClient, name: str) -> None:
    page = client.get(f"{PREFIXES[name]}/docs")
    assert page.status_code == 200
    assert "'self'" in page.headers["content-security-policy"]
    addresses = re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text)
    assert len(addresses) >= 5
    for address in addresses:
        assert address.startswith("/"), address
        assert client.get(address).status_code == 200
    assert "http" not in re.sub(r'data-document="[^"]*"', "", page.text)


def test_the_page_offers_no_other_files(client: TestClient) -> None:
    for name in ("main.py", "..%2f__init__.py", "swagger-ui-bundle.js.map"):
        assert client.get(f"/reference/{name}").status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_operation_ids_are_unique_and_come_from_the_area_and_the_verb(name: str) -> None:
    identifiers = [operation["operationId"] for _, _, operation in operations(name)]
    assert len(identifiers) == len(set(identifiers))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", identifier) for identifier in identifiers)


@every_operation
def test_every_operation_says_what_it_does_and_what_may_go_wrong(
    name: str, method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert set(operation["tags"]) <= {tag for tag, _, _ in TAGS}
    assert "default" in operation["responses"]
    assert [status for status in operation["responses"] if status.startswith("2")]
    if operation["security"]:
        assert "401" in operation["responses"]
    else:
        assert "public" in operation["description"].lower()
    if "412" in operation["responses"]:
        assert "If-Match" in {parameter["name"] for parameter in operation["parameters"]}
    for status, response in operation["responses"].items():
        if path == "/partner/v1/oauth/token" and status in ("400", "401", "429"):
            assert response["content"]["application/json"]["schema"]["$ref"].endswith("/TokenRefusal")
        elif path == "/public/v1/placards/{token}" and status in ("404", "410"):
            assert set(response["content"]) == {"text/html"}
        elif status == "default" or int(status) >= 400:
            assert response == {"$ref": f"#/components/responses/Problem{status.removeprefix('default')}"}


@every_operation
def test_every_example_fits_its_schema(name: str, method: str, path: str, operation: dict[str, Any]) -> None:
    document = document_of(name)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if content.get("schema"):
            schema = {**content["schema"], "components": document["components"]}
            errors = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
            assert errors == []


def test_a_client_audience_logs_in_by_oauth_and_people_by_bearer_tokens() -> None:
    console = document_of("console")["components"]["securitySchemes"]["token"]
    assert (console["type"], console["scheme"]) == ("http", "bearer")
    partner = document_of("partner")
    flow = partner["components"]["securitySchemes"]["token"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] in partner["paths"]
    assert set(flow["scopes"]) == set(CLIENT_SCOPES)
    for _, path, operation in operations("partner"):
        for wanted in operation["security"]:
            assert set(wanted["token"]) <= set(CLIENT_SCOPES), path


@pytest.mark.parametrize("name", NAMES)
def test_the_command_prints_the_document_that_is_served(client: TestClient, name: str) -> None:
    printed = CliRunner().invoke(cli, ["openapi", name])
    assert printed.exit_code == 0
    assert json.loads(printed.stdout) == client.get(f"{PREFIXES[name]}/openapi.json").json()


def test_the_command_names_the_audiences_it_knows() -> None:
    assert CliRunner().invoke(cli, ["openapi", "nobody"]).exit_code == 2
