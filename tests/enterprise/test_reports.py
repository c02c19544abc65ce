"""An enterprise reports of itself: heard when the server heard it, suspected is not major, and it sees its own to the end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, shanghai_today, standing_at, utc_now
from app.core.ids import new_id
from app.models.hazards import Hazard
from app.models.organizations import Authority, Jurisdiction
from app.services.identity.tokens import ENTERPRISE, issue_access_token
from app.services.runtime import Runtime
from tests.enterprise.test_orders import HAZARDS, ORDERS, Factory, items
from tests.enterprise.test_rectification import NOTE
from tests.evidence.files import camera_jpeg
from tests.factories.field import Field
from tests.factories.invited import invited_person, invited_to, limited_to
from tests.factories.world import LONG_AGO, Person, World
from tests.support.queries import recorded_queries

REPORTS = "/enterprise/v1/reports"
WORDS = "自查发现：RTO装置报警联锁被旁路"


@pytest.fixture
def factory(world: World) -> Factory:
    return Factory(world)


def report(factory: Factory, **more: Any) -> dict[str, Any]:
    answer = factory.person.post(REPORTS, json={"description": WORDS, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_report_is_registered_as_general_with_its_source_and_its_author(factory: Factory) -> None:
    made = report(factory, subject="1号RTO", suspected_clause="MEM10-7-5")
    assert (made["level"], made["clause"], made["status"]) == ("general", None, "found")
    assert "MEM10-7-5" not in str(made)
    inside = factory.officer.get(f"{HAZARDS}/{made['id']}").json()
    assert (inside["source"], inside["site_id"]) == ("self_report", str(factory.field.site_id))
    assert (inside["report"]["reported_by"], inside["report"]["suspected_clauses"]) == (None, ["MEM10-7-5"])
    assert inside["steps"][0]["invitation_id"] == str(factory.person.user_id)
    assert made == factory.person.get(f"{REPORTS}/{made['id']}").json()
    assert items(factory.person, REPORTS) == [made]


def test_its_day_is_the_server_s_and_nothing_can_be_said_of_it(factory: Factory) -> None:
    backdated = factory.person.post(REPORTS, json={"description": WORDS, "found_on": "2020-01-01"})
    assert backdated.status_code == 422
    night = datetime.combine(shanghai_today() + timedelta(days=1), datetime.min.time(), SHANGHAI)
    with standing_at(night + timedelta(minutes=5)):  # the day before in UTC
        factory.person = invited_to(factory.world, factory.field)
        assert report(factory)["found_on"] == str(shanghai_today())


def test_an_unknown_clause_is_refused_and_a_repeated_report_is_one(factory: Factory) -> None:
    unknown = factory.person.post(REPORTS, json={"description": WORDS, "suspected_clause": "MEM10-99-1"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "clause_not_in_force")
    headers = {"Idempotency-Key": "once"}
    first, again = (
        factory.person.post(REPORTS, json={"description": WORDS}, headers=headers) for _ in range(2)
    )
    assert first.json() == again.json()
    assert len(items(factory.person, REPORTS)) == 1


def test_only_its_own_reports_are_read(factory: Factory) -> None:
    made, neighbour = report(factory), Field(factory.world)
    strangers = [
        invited_person(factory.world, neighbour.enterprise_id, factory.field.site_id),
        invited_person(factory.world, factory.field.enterprise_id, neighbour.site_id),
        invited_to(factory.world, neighbour),
    ]
    for stranger in strangers:
        assert items(stranger, REPORTS) == []
        assert stranger.get(f"{REPORTS}/{made['id']}").status_code == 404
    found_by_officers = factory.person.get(f"{REPORTS}/{factory.hazard}")
    assert found_by_officers.status_code == 404


def test_a_merged_report_goes_on_with_the_hazard_that_stands_and_does_not_name_it(factory: Factory) -> None:
    made = report(factory)
    factory.order()

    async def merge(session: AsyncSession) -> None:
        await session.execute(
            update(Hazard).where(Hazard.id == made["id"]).values(merged_into_id=factory.hazard)
        )

    factory.world.in_database(merge)
    told = factory.person.get(f"{REPORTS}/{made['id']}").json()
    assert (told["id"], told["status"]) == (made["id"], "ordered")
    assert str(factory.hazard) not in str(told)


def test_without_an_authority_for_the_site_nothing_is_registered(factory: Factory) -> None:
    async def end(session: AsyncSession) -> None:
        which = Jurisdiction.authority_id == factory.world.authority
        await session.execute(update(Jurisdiction).where(which).values(valid_until=LONG_AGO))

    factory.world.in_database(end)
    answer = factory.person.post(REPORTS, json={"description": WORDS})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_authority")


def test_the_authority_of_the_officer_who_invited_takes_the_report(factory: Factory) -> None:
    older, world = new_id(), factory.world

    async def another(session: AsyncSession) -> None:
        session.add(
            Authority(
                id=UUID(int=older.int % 2**96), code=older.hex, name="东区应急管理局", document_word=older.hex[-8:],
                region_id=world.city, valid_from=LONG_AGO,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            Jurisdiction(authority_id=UUID(int=older.int % 2**96), region_id=world.city, valid_from=LONG_AGO)
        )

    world.in_database(another)
    inside = factory.officer.get(f"{HAZARDS}/{report(factory)['id']}").json()
    assert inside["authority_id"] == str(world.authority)


def test_a_list_sends_as_many_statements_for_many_reports_as_for_one(
    factory: Factory, runtime: Runtime
) -> None:
    counts = []
    for more in (1, 4):
        for _ in range(more):
            report(factory)
        with recorded_queries(runtime.database) as statements:
            items(factory.person, REPORTS)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_from_the_enterprise_s_report_to_the_closed_hazard(factory: Factory) -> None:
    made = report(factory)
    path = f"{HAZARDS}/{made['id']}"

    def version() -> int:
        return int(factory.officer.get(path).json()["version"])

    issued = factory.order(made["id"])
    (order,) = items(factory.person, ORDERS)
    assert (order["number"], order["lines"][0]["description"]) == (issued["number"], WORDS)
    line = f"{ORDERS}/{order['id']}/hazards/{made['id']}"
    files = {"file": ("整改后.jpg", camera_jpeg(), "image/jpeg")}
    photograph = factory.person.post(f"{line}/photographs", files=files).json()["id"]
    body = {"note": NOTE, "photograph_ids": [photograph]}
    assert factory.person.post(f"{line}/rectifications", json=body).status_code == 201
    factory.visit()
    seen = {"visit_id": str(factory.field.visit_id), "is_rectified": True}
    assert factory.officer.post(f"{path}/reinspection", json=seen, version=version()).status_code == 200
    assert factory.chief.post(f"{path}/closure", json={}, version=version()).status_code == 200

    own = factory.person.get(f"{REPORTS}/{made['id']}").json()
    assert (own["status"], own["closed_on"]) == ("closed", str(shanghai_today()))
    assert factory.person.get(f"{ORDERS}/{order['id']}").json()["lines"][0]["status"] == "closed"
    shown = factory.officer.get(path).json()
    assert [step["action"] for step in shown["steps"]] == [
        "register", "order", "report_rectified", "reinspect", "close"]  # fmt: skip
    assert shown["reinspections"][0]["rectification"] == [photograph]

    async def sources(session: AsyncSession) -> Any:
        return await session.scalar(select(Hazard.source).where(Hazard.id == made["id"]))

    assert factory.world.in_database(sources) == "self_report"


def test_only_so_many_hazards_are_reported_in_a_day_and_the_next_day_again(
    factory: Factory, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited_to(monkeypatch, app, 2)
    for _ in range(2):
        report(factory)
    refused = factory.person.post(REPORTS, json={"description": WORDS})
    assert (refused.status_code, refused.json()["code"]) == (429, "daily_limit")
    assert refused.headers["content-type"] == "application/problem+json"
    left = int(refused.headers["retry-after"])
    assert len(items(factory.person, REPORTS)) == 2
    colleague = invited_to(factory.world, factory.field)
    assert colleague.post(REPORTS, json={"description": WORDS}).status_code == 201
    with standing_at(utc_now() + timedelta(seconds=left)):
        factory.person = logged_in_again(factory)
        report(factory)


def test_two_requests_at_once_are_not_both_the_last(
    factory: Factory, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited_to(monkeypatch, app, 1)
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(factory.person.post, REPORTS, json={"description": WORDS}) for _ in range(4)]
        assert sorted(one.result().status_code for one in sent) == [201, 429, 429, 429]


def logged_in_again(factory: Factory) -> Person:
    """The same invitation, with a token of the moment."""
    session_id = factory.person.session_id
    token = issue_access_token(
        factory.world.runtime.keys, minutes=60, session_id=session_id, audience=ENTERPRISE
    )
    return Person(factory.world.client, factory.person.user_id, session_id, token)
