"""Who is let in."""

from fastapi.testclient import TestClient

from tests.factories.world import World


def test_a_request_without_a_token_is_refused_in_both_languages(client: TestClient) -> None:
    answer = client.get("/api/v1/session", headers={"Accept-Language": "en"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["code"], body["retry"], body["title"], body["zh"]) == (
        "unauthenticated", "auth", "Log in first", "请先登录",
    )  # fmt: skip


def test_a_session_tells_roles_and_actions(world: World) -> None:
    body = world.person("inspector").get("/api/v1/session").json()
    assert body["roles"] == ["inspector"]
    assert "inspections:submit" in body["actions"]
    assert "determinations:confirm" not in body["actions"]


def test_a_forged_token_is_refused(client: TestClient, world: World) -> None:
    token = world.person("inspector").token
    head, body, signature = token.split(".")
    forged = ".".join((head, body, signature[::-1]))
    assert client.get("/api/v1/session", headers={"Authorization": f"Bearer {forged}"}).status_code == 401
