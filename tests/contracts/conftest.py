"""Two cities for all access tests of a run: the home city with its objects, and another one."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.services.runtime import Runtime
from tests.contracts.callers import Callers
from tests.contracts.objects import Home, enterprise, officers, site
from tests.contracts.requests import Requests
from tests.factories.field import Field
from tests.factories.invited import invited_person, invited_to
from tests.factories.world import Person, World


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
    """Callers of a sibling district, of another city, and of the neighbouring town in the home town's own district."""
    return [
        Callers(home.world, home.world.other_district),
        Callers(abroad.world, abroad.world.city),
        Callers(home.world, home.world.neighbour_town),
    ]


@pytest.fixture(scope="session")
def neighbours(home: Home) -> list[Person]:
    """Invited people of the home town: another tenant of the home site, the same enterprise at another site, another at another."""
    other = Field(home.world)
    tenant = invited_person(home.world, other.enterprise_id, home.once(site))
    elsewhere = invited_person(home.world, home.once(enterprise), other.site_id)
    return [tenant, elsewhere, invited_to(home.world, other)]


@pytest.fixture(scope="session")
def revoked(home: Home) -> Person:
    """Somebody of the home enterprise and site whose invitation was revoked."""
    person = invited_person(home.world, home.once(enterprise), home.once(site))
    officer, path = home.once(officers)[0], f"/api/v1/invitations/{person.user_id}/revocation"
    assert person.get("/enterprise/v1/session").status_code == 200
    assert officer.post(path, json={"reason": "人员离职"}, version=1).status_code == 200
    return person


@pytest.fixture(scope="session")
def requests(app: FastAPI) -> Requests:
    """Makes well-formed requests."""
    return Requests(app)
