"""What whoever runs the service asks."""

from collections.abc import Callable
from typing import Any

import pytest
from anyio import to_thread
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app import __version__
from app.config import Settings
from app.db.migrate import newest_revision
from app.main import create_app


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    """Every sample of /metrics by its name and its labels' values, in the order of the labels' names."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_service_is_alive_and_ready(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok", "revision": newest_revision()}
    assert client.get("/version").json() == {"name": "anshao", "version": __version__}


def test_another_schema_than_the_programs_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.routers.ops.newest_revision", lambda: "20990101_0000")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.json()["expected"] == "20990101_0000"
    assert client.get("/livez").status_code == 200


def test_requests_are_counted_by_route_pattern_never_by_address(client: TestClient) -> None:
    before = figures(client)
    for number in range(3):
        client.get(f"/api/v1/hazards/0190a2e0-0000-7000-8000-00000000000{number}")
        client.get(f"/nowhere/{number}")
    after = figures(client)
    route = ("GET", "/api/v1/hazards/{hazard_id}")
    for key in (("anshao_requests_total", *route, "401"), ("anshao_request_seconds_count", *route),
                ("anshao_requests_total", "GET", "unmatched", "404")):  # fmt: skip
        assert after[key] - before.get(key, 0) == 3
    assert not any("0190a2e0" in label for key in after for label in key)


def test_made_up_methods_do_not_make_new_series(client: TestClient) -> None:
    client.request("BREW", "/livez")
    found = figures(client)
    assert ("anshao_requests_total", "OTHER", "/livez", "405") in found
    assert not any("BREW" in key for key in found)


def test_the_pool_the_queue_and_the_oldest_transaction_are_measured(
    client: TestClient, in_database: Callable[..., Any]
) -> None:
    async def measure_meanwhile(session: AsyncSession) -> dict[tuple[str, ...], float]:
        await session.execute(text("SELECT pg_sleep(0.05)"))
        return await to_thread.run_sync(figures, client)

    meanwhile = in_database(measure_meanwhile)
    assert meanwhile[("anshao_pool_connections", "in_use")] >= 1
    assert meanwhile[("anshao_oldest_transaction_seconds",)] >= 0.05
    assert meanwhile[("anshao_database_up",)] == 1
    assert meanwhile[("anshao_database_connections",)] >= 2
    for what in ("changes", "audit_entries", "packages"):
        assert ("anshao_waiting", what) in meanwhile


def test_jobs_that_wait_are_counted(client: TestClient, in_database: Callable[..., Any]) -> None:
    async def queue_one(session: AsyncSession) -> None:
        insert = (
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('metrics', 'nothing', '{}')"
        )
        await session.execute(text(insert))

    in_database(queue_one)
    assert figures(client)[("anshao_jobs", "metrics", "waiting")] >= 1


def test_a_database_that_is_away_is_a_figure_not_an_error(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OperationalError("SELECT", None, Exception("away"))

    monkeypatch.setattr("app.http.metrics._ask_database", fail)
    assert figures(client)[("anshao_database_up",)] == 0


def test_metrics_ask_for_the_token_when_one_is_set(settings: Settings) -> None:
    guarded = create_app(settings.model_copy(update={"metrics_token": SecretStr("scrape me")}))
    with TestClient(guarded) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer scrape me"}).status_code == 200
