"""Two cities for all access tests of a run: the home city with its objects, and another one."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import Phase, settings

from app.services.runtime import Runtime
from tests.contracts.callers import Callers
from tests.contracts.objects import Home, enterprise, site
from tests.contracts.requests import Requests
from tests.factories.world import World


@pytest.fixture(scope="session")
def home(client: TestClient, runtime: Runtime, in_database: Callable[..., Any]) -> Home:
    """The city whose objects are asked for."""
    return Home(World(client, runtime, in_database))


@pytest.fixture(scope="session")
def abroad(client: TestClient, runtime: Runtime, in_database: Callable[..., Any]) -> Home:
    """Another city, with objects of its own."""
    return Home(World(client, runtime, in_database))


@pytest.fixture(scope="session")
def at_home(home: Home) -> Callers:
    """Callers of the whole home city."""
    return Callers(home.world, home.world.city, lambda: (home.once(enterprise), home.once(site)))


@pytest.fixture(scope="session")
def foreigners(home: Home, abroad: Home) -> list[Callers]:
    """Callers of a sibling district, and of another city."""
    return [Callers(home.world, home.world.other_district), Callers(abroad.world, abroad.world.city)]


@pytest.fixture(scope="session")
def requests(app: FastAPI) -> Requests:
    """Makes well-formed requests."""
    return Requests(app)


# How long tests/contracts/test_fuzzing.py searches: a little in the suite, much with `make fuzz`.
settings.register_profile("brief", max_examples=5, derandomize=True, phases=[Phase.generate])
settings.register_profile("thorough", max_examples=400)
