"""The production app, unchanged, on a real PostgreSQL. Tests make their own region, so they see only their own rows."""

from tests.support.interpreter import pytest_collection_finish

# isort: split

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.main import create_app
from app.services.runtime import Runtime
from tests.factories.world import World
from tests.support.postgres import cloned_database, cluster, fast_folder
from tests.support.sharing import pytest_collection_modifyitems, pytest_xdist_make_scheduler

# A traceback with every local variable takes seconds to draw, and tests provoke errors on purpose.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# The suite draws the same examples on every machine and fails for no want of speed; `make fuzz` draws many, always new ones.
_PATIENT: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
hypothesis.settings.register_profile("suite", derandomize=True, **_PATIENT)
hypothesis.settings.register_profile("thorough", max_examples=400, **_PATIENT)
hypothesis.settings.load_profile("suite")

__all__ = ["pytest_collection_finish", "pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def database_cluster() -> Iterator[str]:
    """The address of the test cluster."""
    with cluster() as address:
        yield address


@pytest.fixture(scope="session")
def database_address(database_cluster: str) -> Iterator[str]:
    """A migrated database of this worker's own."""
    with cloned_database(database_cluster) as address:
        yield address


@pytest.fixture(scope="session")
def settings(database_address: str) -> Iterator[Settings]:
    """Production settings but for the places."""
    with fast_folder() as folder:
        yield Settings(_env_file=None, database_url=database_address, data_dir=folder, pool_size=5)


@pytest.fixture(scope="session")
def app(settings: Settings) -> FastAPI:
    """The application."""
    return create_app(settings)


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the running application; also gives `client.portal` to run coroutines in its loop."""
    with TestClient(app, raise_server_exceptions=False) as running:
        yield running


@pytest.fixture(scope="session")
def runtime(client: TestClient, app: FastAPI) -> Runtime:
    """The application's open resources."""
    runtime = app.state.runtime
    assert isinstance(runtime, Runtime)
    return runtime


Work = Callable[[AsyncSession], Awaitable[Any]]


@pytest.fixture(scope="session")
def in_database(client: TestClient, runtime: Runtime) -> Callable[[Work], Any]:
    """Run `work(session)` in one committed unit of work of the application's own loop, and return its result.

    A promise of pytest's that fails in there is raised out here: in the loop, it would end the application for all other tests.
    """

    def run(work: Work) -> Any:
        async def unit() -> tuple[Any, BaseException | None]:
            try:
                async with runtime.database.write() as session:
                    return await work(session), None
            except pytest.fail.Exception as failed:
                return None, failed

        assert client.portal is not None
        result, failed = client.portal.call(unit)
        if failed is not None:
            raise failed
        return result

    return run


@pytest.fixture
def world(client: TestClient, runtime: Runtime, in_database: Callable[[Work], Any]) -> World:
    """A new city with two districts and a town, its bureau, and people on demand; nobody else's rows are in it."""
    return World(client, runtime, in_database)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of facts and photographs beside the checkout; tests that need it skip loudly without it."""
    if not SHARED.is_dir():
        pytest.skip(f"the folder {SHARED} is not there")
    return SHARED
