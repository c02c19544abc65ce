"""Every operation that takes If-Match: upon a version that is gone, upon none, or upon what is no version, it says so before
anything else, and nothing is written; what the object's GET gave is taken once, and of two who come at once with it, one is told.

A new operation is tested here without being named. It fails until its object has a maker (objects.py), and, where the version
is not the ETag of a GET at the beginning of its own path, until it is said here where it is read.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base
from app.models.history import AuditEntry, Change
from app.routers.audiences import AUDIENCES
from app.routers.endpoints import Endpoint
from app.routers.reference import document_of
from app.services.runtime import Runtime
from tests.contracts.callers import Callers
from tests.contracts.objects import Home, Maker, checklist_draft, ruleset_draft, team_phone
from tests.contracts.requests import Requests
from tests.contracts.test_access import ENDPOINTS, code_of, nothing, over, parameters_of, rest
from tests.factories.world import Person
from tests.support.undoing import undone

CONDITIONAL = [one for one in ENDPOINTS if one.takes_version]
GETS = {one.path: one for one in ENDPOINTS if one.method == "GET"}
DOCUMENTED = {
    (method.upper(), path): operation
    for audience in AUDIENCES
    for path, item in document_of(audience.name)["paths"].items()
    for method, operation in item.items()
}

DRAFTS: dict[str, Maker] = {"/api/v1/checklists/": checklist_draft, "/api/v1/rulesets/": ruleset_draft}
"""Makers of `version_id`, which is no region's, by the door."""

READ_ELSEWHERE = {
    "/api/v1/packages/{package_id}/fork-verdict": (
        "/api/v1/packages/{package_id}/revisions",
        "a package is shown in the line of its corrections",
    ),
}
"""Where the ETag is read, if no GET with one is at the beginning of the operation's own path, and why."""

PART_OF_ANOTHER = {
    "/api/v1/sites/{site_id}/units/{unit_id}": (
        "/api/v1/sites/{site_id}",
        "a unit of risk is shown in its site alone",
    ),
    "/mobile/v1/determinations/{verdict_id}/answers": (
        "/mobile/v1/determinations/visits/{visit_id}",
        "a phone reads a visit's verdicts all at once",
    ),
    "/mobile/v1/determinations/{verdict_id}/verifications": (
        "/mobile/v1/determinations/visits/{visit_id}",
        "a phone reads a visit's verdicts all at once",
    ),
}
"""Objects without a GET of their own, so without an ETag: whose answer has their `version` as a member, and why."""

NO_VERSIONS = [
    "*",
    "{0}",
    'W/"{0}"',
    '"{0}", "{0}"',
    '"{0}" ,',
    '"{0}',
    "'{0}'",
    '"v{0}"',
    '" {0}"',
    '"-{0}"',
    '""',
    " ",
]
"""Weak tags match no strong one, "any version" would undo another's step, and of several it is not known which was read."""


VERSIONED = [
    (table.name, key.name)
    for table in Base.metadata.sorted_tables
    for key in table.primary_key
    if "version" in table.c and isinstance(key.type, Uuid)
]
"""Tables with a version, and what their rows are found by."""

TOLD = {"conflict", "provenance_changed"}
"""Whose texts say that somebody else was quicker, and not that it cannot be done."""

WAITING = "SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"


def address_of_etag(endpoint: Endpoint) -> str | None:
    """The GET that gives the ETag: the nearest one at the beginning of the path."""
    if endpoint.path in READ_ELSEWHERE:
        return READ_ELSEWHERE[endpoint.path][0]
    parts = endpoint.path.split("/")
    beginnings = ("/".join(parts[:length]) for length in range(len(parts), 4, -1))
    return next((path for path in beginnings if gives_etag(path)), None)


def gives_etag(path: str) -> bool:
    operation = DOCUMENTED.get(("GET", path), {"responses": {}})
    return "ETag" in operation["responses"].get("200", {}).get("headers", {})


class Door:
    """One such operation, its object, and everybody who may do it."""

    def __init__(self, endpoint: Endpoint, requests: Requests, home: Home, at_home: Callers) -> None:
        self._endpoint, self._home, self._at_home = endpoint, home, at_home
        self._ids = {name: self._id_of(name) for name in parameters_of(endpoint)}
        self._request = requests.make(endpoint, self._ids, nothing)
        self._request["headers"].pop("If-Match")

    def _id_of(self, parameter: str) -> str:
        drafts = [make for door, make in DRAFTS.items() if self._endpoint.path.startswith(door)]
        return str(self._home.once(drafts[0])) if parameter == "version_id" else self._home.id_of(parameter)

    def _entitled(self, endpoint: Endpoint) -> list[Person]:
        if endpoint.audience == "mobile":
            return [self._home.once(team_phone)]
        return self._at_home.entitled(endpoint)

    def callers(self) -> list[Person]:
        """Whoever may do it; on a phone only who was there."""
        return self._entitled(self._endpoint)

    def _read(self, path: str) -> Any:
        address = path.format(**{"visit_id": self._home.id_of("visit_id"), **self._ids})
        answer = self._entitled(GETS[path])[0].get(address)
        assert answer.status_code == 200, answer.text
        return answer

    def _where(self) -> tuple[str, str]:
        """The GET that tells the version, and the parameter that names the object."""
        if self._endpoint.path in PART_OF_ANOTHER:
            return PART_OF_ANOTHER[self._endpoint.path][0], parameters_of(self._endpoint)[-1]
        path = address_of_etag(self._endpoint)
        assert path, "say where its version is read, in READ_ELSEWHERE or PART_OF_ANOTHER"
        return path, parameters_of(GETS[path])[-1]

    def object_id(self) -> str:
        """Whose version it is."""
        return self._ids[self._where()[1]]

    def etag(self) -> str:
        """The present version, as whoever wants to change the object reads it."""
        answer = self._read(self._where()[0])
        if self._endpoint.path not in PART_OF_ANOTHER:
            return str(answer.headers["etag"])
        (version,) = {one["version"] for one in rows_in(answer.json()) if one.get("id") == self.object_id()}
        return f'"{version}"'

    def ask(self, caller: Person, headers: dict[str, str]) -> Any:
        """What one of them is answered."""
        method, url = self._request["method"], self._request["url"]
        return caller.request(method, url, **rest(self._request, headers))

    def ask_all(self, headers: dict[str, str]) -> set[tuple[int, str]]:
        """What everybody who may is answered."""
        answers = [self.ask(caller, headers) for caller in self.callers()]
        return {(answer.status_code, code_of(answer)) for answer in answers}

    def moves(self, caller: Person, etag: str) -> bool:
        """Whether the object is another version, or gone, once this caller has done it."""
        done = self.ask(caller, {"If-Match": etag}).is_success
        return done and (self._endpoint.method == "DELETE" or self.etag() != etag)

    def written(self) -> tuple[Any, ...]:
        """What a step would add to or change."""

        async def newest(session: AsyncSession) -> tuple[Any, ...]:
            return tuple([await session.scalar(select(func.max(kind.id))) for kind in (AuditEntry, Change)])

        return self.etag(), *self._home.world.in_database(newest)


def rows_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of an answer, at any depth."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from rows_in(inner)


@pytest.fixture
def door(endpoint: Endpoint, requests: Requests, home: Home, at_home: Callers) -> Door:
    return Door(endpoint, requests, home, at_home)


@over(CONDITIONAL)
def test_a_version_that_is_gone_is_refused_before_anything_else(endpoint: Endpoint, door: Door) -> None:
    before = door.written()
    version = int(before[0].strip('"'))
    for other in (version - 1, version + 1):
        assert door.ask_all({"If-Match": f'"{other}"'}) == {(412, "precondition_failed")}
    assert door.written() == before


@over(CONDITIONAL)
def test_without_a_version_nothing_is_done(endpoint: Endpoint, door: Door) -> None:
    before = door.written()
    assert door.ask_all({}) == {(428, "precondition_required")}
    assert door.written() == before


@over(CONDITIONAL)
def test_what_is_no_version_matches_none(endpoint: Endpoint, door: Door) -> None:
    before = door.written()
    for given in NO_VERSIONS:
        value = given.format(before[0].strip('"'))
        assert door.ask_all({"If-Match": value}) == {(412, "precondition_failed")}, value
    assert door.written() == before


@over(CONDITIONAL)
def test_what_was_read_is_taken_and_only_once(
    endpoint: Endpoint, door: Door, client: TestClient, runtime: Runtime
) -> None:
    read = {"If-Match": door.etag()}
    for caller in door.callers():
        with undone(client, runtime.database):
            answer = door.ask(caller, read)
            assert answer.status_code not in (412, 428), answer.text
            assert answer.status_code < 500, answer.text
            if not answer.is_success or endpoint.method == "DELETE":
                continue
            now = door.etag()
            if now != read["If-Match"]:
                assert answer.headers.get("etag", now) == now
                again = door.ask(caller, read)
                assert (again.status_code, code_of(again)) == (412, "precondition_failed")


@over(CONDITIONAL)
def test_of_two_at_once_one_is_told(
    endpoint: Endpoint, door: Door, client: TestClient, runtime: Runtime, database_address: str
) -> None:
    """The other step has been taken, but is not committed, when this one's version is looked at."""
    before = door.written()
    able = []
    for caller in door.callers():
        with undone(client, runtime.database):
            if door.moves(caller, before[0]):
                able.append(caller)
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_address) as rival:
        assert move(rival, door.object_id(), 1)
        asked = pool.submit(door.ask, (able or door.callers())[0], {"If-Match": before[0]})
        for _ in range(500):
            if asked.done() or rival.execute(WAITING).fetchone() is not None:
                break
            time.sleep(0.01)
        rival.commit()
        answer = asked.result(20)
        move(rival, door.object_id(), -1)
    assert answer.status_code < 500, answer.text
    assert not able or (answer.status_code == 409 and code_of(answer) in TOLD), answer.text
    assert door.written() == before


def move(rival: psycopg.Connection[Any], object_id: str, by: int) -> int:
    """Give an object another version; how many rows it has."""
    return sum(
        rival.execute(
            f"UPDATE {table} SET version = version + %s WHERE {key} = %s", (by, UUID(object_id))
        ).rowcount
        for table, key in VERSIONED
    )


def test_a_second_line_makes_a_list_of_it(home: Home) -> None:
    person, address = home.administrator(), f"/api/v1/regions/{home.id_of('region_id')}"
    etag = person.get(address).headers["etag"]
    lines = [("Authorization", f"Bearer {person.token}"), ("If-Match", etag), ("If-Match", etag)]
    answer = home.world.client.patch(address, json={"name": "新镇"}, headers=lines)
    assert (answer.status_code, code_of(answer)) == (412, "precondition_failed")
    assert person.get(address).headers["etag"] == etag


def test_the_description_says_which_operations_take_a_version_and_what_they_answer() -> None:
    told = {
        key
        for key, operation in DOCUMENTED.items()
        if any(one["name"] == "If-Match" and one["required"] for one in operation.get("parameters", ()))
    }
    assert told == {(one.method, one.path) for one in CONDITIONAL}
    assert len(told) > 90
    for key in told:
        assert {"412", "428"} <= set(DOCUMENTED[key]["responses"]), key


def test_what_is_said_of_single_operations_is_said_of_such_that_exist() -> None:
    assert {*READ_ELSEWHERE, *PART_OF_ANOTHER} <= {one.path for one in CONDITIONAL}
    assert all(gives_etag(path) for path, _ in READ_ELSEWHERE.values())
