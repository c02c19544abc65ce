"""Enforcement certificates: entered, found before they expire, revoked; what counts is the day of the act."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.core.clock import shanghai_today
from app.services.identity.certificates import list_certified
from tests.factories.world import Person, World

PATH = "/api/v1/certificates"
DAY = timedelta(days=1)


@pytest.fixture
def admin(world: World) -> Person:
    return world.person("administrator")


@pytest.fixture
def officer(world: World) -> Person:
    return world.person("inspector", region=world.town, certificate=False)


def entered(admin: Person, officer: Person, first: date, last: date, number: str) -> Any:
    body = {"user_id": str(officer.user_id), "number": number}
    return admin.post(PATH, json={**body, "valid_from": first.isoformat(), "valid_until": last.isoformat()})


def is_certified(world: World, officer: Person, on: date) -> bool:
    found = world.in_database(lambda session: list_certified(session, [officer.user_id], on))
    return officer.user_id in found


def test_a_certificate_counts_from_its_first_to_its_last_day(
    world: World, admin: Person, officer: Person
) -> None:
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    answer = entered(admin, officer, first, last, f"ZJ-{world.code}")
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    days = [first - DAY, first, last, last + DAY]
    assert [is_certified(world, officer, day) for day in days] == [False, True, True, False]


def test_a_revoked_certificate_counts_until_the_day_before(
    world: World, admin: Person, officer: Person
) -> None:
    today = shanghai_today()
    made = entered(admin, officer, date(2026, 1, 1), today + 100 * DAY, f"ZJ-{world.code}").json()
    path = f"{PATH}/{made['id']}/revocation"
    for wrong in (today + DAY, date(2025, 12, 31)):
        refused = admin.post(path, json={"revoked_on": wrong.isoformat(), "reason": "x"}, version=1)
        assert (refused.status_code, refused.json()["code"]) == (422, "certificate_revocation")
    body = {"revoked_on": (today - 10 * DAY).isoformat(), "reason": "岗位调整"}
    assert admin.post(path, json=body).status_code == 428
    assert admin.post(path, json=body, version=1).json()["revoked_reason"] == "岗位调整"
    assert admin.post(path, json=body, version=2).json()["code"] == "certificate_revocation"
    days = [today - 11 * DAY, today - 10 * DAY, today]
    assert [is_certified(world, officer, day) for day in days] == [True, False, False]


def test_nobody_enters_a_certificate_of_his_own(world: World, admin: Person) -> None:
    answer = entered(admin, admin, date(2026, 1, 1), date(2026, 12, 31), f"OWN-{world.code}")
    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")


def test_a_number_is_entered_once(world: World, admin: Person, officer: Person) -> None:
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    entered(admin, officer, first, last, f"ZJ-{world.code}")
    again = entered(admin, world.person(), first, last, f"ZJ-{world.code}")
    assert (again.status_code, again.json()["code"]) == (409, "certificate_number_taken")
    assert entered(admin, officer, last, first, "x").status_code == 422


def test_certificates_are_found_before_they_expire(world: World, admin: Person, officer: Person) -> None:
    soon = entered(admin, officer, date(2026, 1, 1), date(2026, 12, 31), f"A-{world.code}").json()["id"]
    late = entered(admin, officer, date(2026, 1, 1), date(2028, 12, 31), f"B-{world.code}").json()["id"]

    def ids(**params: str) -> list[str]:
        return [row["id"] for row in admin.get(PATH, params=params).json()["items"]]

    assert ids(expires_until="2026-12-31") == [soon]
    assert ids(expires_until="2026-12-30") == []
    assert ids(valid_on="2027-01-01") == [late]
    assert ids(user_id=str(officer.user_id)) == [late, soon]


def test_who_left_counts_no_more_for_what_is_to_come(world: World, admin: Person) -> None:
    officer = world.person("inspector", region=world.town)
    assert is_certified(world, officer, shanghai_today())
    path = f"/api/v1/users/{officer.user_id}/deactivation"
    assert admin.post(path, json={"reason": "退休"}, version=1).status_code == 200
    assert not is_certified(world, officer, shanghai_today())
