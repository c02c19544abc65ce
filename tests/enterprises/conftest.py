"""Running imports the way the worker does."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.jobs.app import run_jobs
from app.services.runtime import Runtime
from app.services.task_modules import load_tasks
from tests.factories.enterprises import PATH
from tests.factories.world import Person


@pytest.fixture(scope="session")
def work_off_queue(client: TestClient, runtime: Runtime) -> Callable[[], None]:
    """Run every queued job."""

    def run() -> None:
        load_tasks()

        async def until_empty() -> None:
            await run_jobs(runtime.address, {"runtime": runtime}, until_empty=True)

        assert client.portal is not None
        client.portal.call(until_empty)

    return run


Importing = Callable[..., dict[str, Any]]


@pytest.fixture
def send_import(work_off_queue: Callable[[], None]) -> Importing:
    """Send a file as a person, let the worker work, and give the import as it then stands."""

    def send(
        person: Person, content: bytes, name: str = "单位.xlsx", dry_run: bool = False
    ) -> dict[str, Any]:
        answer = person.post(
            f"{PATH}/imports", files={"file": (name, content)}, data={"dry_run": str(dry_run).lower()}
        )
        assert answer.status_code == 202, answer.text
        work_off_queue()
        return dict(person.get(f"{PATH}/imports/{answer.json()['id']}").json())

    return send
