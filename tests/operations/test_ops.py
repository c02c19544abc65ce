"""What whoever runs the service asks."""

import pytest
from fastapi.testclient import TestClient


def test_the_service_is_alive_and_ready(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200
    assert client.get("/version").json()["name"] == "anshao"
    assert "anshao_requests_total" in client.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not_found"), ("DELETE", "/livez", 405, "method_not_allowed")],
)
def test_framework_errors_are_problem_json(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_oversized_body_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/session/login", content=b"x" * (9 * 1024 * 1024))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_of_the_wrong_shape_names_the_members(client: TestClient) -> None:
    answer = client.post("/api/v1/session/login", json={"login": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"][0]["at"] == "body/password"
