"""How a listed hazard is being removed: plans with five fixings, months that are written and months that are missing."""

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, standing_at
from app.enums.identity import Role
from app.services.identity.policy import PERMISSIONS
from tests.factories.world import Person, World
from tests.hazards.test_placards import PLACARDS, Scene

DECIDED = date(2027, 1, 20)
PLAN = {
    "measures": "更换燃烧器并加装报警",
    "funds_fen": 12_000_000,
    "due_on": "2027-06-30",
    "contingency": "停炉并疏散",
}


class Listed(Scene):
    """A supervised listing of 20 January 2027, and what is told of it on other days."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        with self.on(DECIDED):
            self.log_in()
            self.placard = self.decided(kind="supervised_listing", days=200)

    def on(self, day: date) -> Any:
        return standing_at(datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI))

    def log_in(self) -> None:
        self.officer = self.world.logged_in(self.officer.user_id)
        self.chief = self.world.logged_in(self.chief.user_id)

    def shown(self) -> dict[str, Any]:
        return dict(self.chief.get(f"{PLACARDS}/{self.placard['id']}").json())

    def plan(self, who: Person | None = None, **changes: Any) -> Any:
        body = PLAN | {"contact_id": str(self.contact)} | changes
        path = f"{PLACARDS}/{self.placard['id']}/plans"
        return (who or self.officer).post(path, json=body, version=self.shown()["version"])

    def progress(self, month: str, who: Person | None = None) -> Any:
        path = f"{PLACARDS}/{self.placard['id']}/progress"
        body = {"month": month, "text": "设备已到货"}
        return (who or self.officer).post(path, json=body, version=self.shown()["version"])

    def correct(self, entry: dict[str, Any], who: Person | None = None, **changes: Any) -> Any:
        path = f"{PLACARDS}/{self.placard['id']}/progress/{entry['id']}/corrections"
        body = {"text": "设备尚未到货", "reason": "误填"} | changes
        return (who or self.officer).post(path, json=body, version=self.shown()["version"])

    def late(self) -> list[str]:
        return self.listed(progress_late=True)


@pytest.fixture
def listed(world: World) -> Any:
    scene = Listed(world)
    with scene.on(date(2027, 4, 10)):
        scene.log_in()
        yield scene


def test_months_that_are_over_and_not_written_are_missing_and_listed(listed: Listed) -> None:
    assert listed.shown()["missing_months"] == ["2027-02-01", "2027-03-01"]
    assert listed.late() == [listed.placard["id"]]
    assert listed.progress("2027-02-14").status_code == 201
    assert listed.shown()["missing_months"] == ["2027-03-01"]
    assert listed.late() == [listed.placard["id"]]
    for early in (
        "2027-01-25",
        "2027-04-02",
    ):  # of the decision's own month, and of this one: they make up for none
        assert listed.progress(early).status_code == 201
    assert listed.late() == [listed.placard["id"]]
    assert listed.progress("2027-03-31").status_code == 201
    assert (listed.shown()["missing_months"], listed.late()) == ([], [])
    with listed.on(date(2027, 6, 1)):
        listed.log_in()
        assert listed.shown()["missing_months"] == ["2027-05-01"]
        assert listed.late() == [listed.placard["id"]]


def test_a_month_is_written_once_and_not_before_it_begins(listed: Listed) -> None:
    assert listed.progress("2027-03-01").status_code == 201
    assert listed.progress("2027-03-31").json()["code"] == "progress_known"
    for wrong in ("2026-12-31", "2027-05-01"):
        assert listed.progress(wrong).json()["code"] == "progress_month"


def test_what_was_taken_down_lacks_no_month_and_takes_no_further_word(listed: Listed) -> None:
    placard = listed.shown()
    assert listed.step(listed.chief, placard, "withdraw").status_code == 200
    assert (listed.shown()["missing_months"], listed.late()) == ([], [])
    assert listed.progress("2027-03-01").json()["code"] == listed.plan().json()["code"] == "placard_state"


def test_a_plan_fixes_five_things_and_a_later_one_replaces_it(listed: Listed) -> None:
    for name in (*PLAN, "contact_id"):
        assert listed.plan(**{name: None}).status_code == 422
    assert listed.plan().status_code == 201
    assert listed.plan(due_on="2027-07-31").status_code == 201
    assert [one["due_on"] for one in listed.shown()["plans"]] == ["2027-07-31", "2027-06-30"]
    assert listed.plan(contact_id=str(Scene(listed.world).contact)).json()["code"] == "placard_persons"
    assert "赵小四" not in str(listed.shown())


@pytest.mark.parametrize(
    "role", [role for role in Role if role not in PERMISSIONS["hazards:propose_placard"]]
)
def test_whoever_may_not_record_does_not(listed: Listed, role: Role) -> None:
    person = listed.world.person(role, region=listed.world.town)
    assert listed.plan(person).status_code == listed.progress("2027-03-01", person).status_code == 403


@pytest.mark.parametrize("role", sorted(PERMISSIONS["hazards:propose_placard"]))
def test_another_town_s_listing_is_not_found(listed: Listed, role: str) -> None:
    abroad = listed.world.person(role, region=listed.world.other_town)
    assert listed.plan(abroad).status_code == listed.progress("2027-03-01", abroad).status_code == 404
    assert listed.listed(abroad, progress_late=True) == []


def test_a_wrong_entry_is_corrected_by_a_further_one_with_a_reason_and_both_stay(listed: Listed) -> None:
    entry = listed.progress("2027-03-01").json()
    assert (entry["text"], entry["recorded_text"], entry["corrections"]) == ("设备已到货", "设备已到货", [])
    assert listed.correct(entry, reason=" ").status_code == 422
    first = listed.correct(entry)
    assert first.status_code == 201, first.text
    assert listed.correct(entry, text="到货一半").status_code == 201
    (shown,) = listed.shown()["progress"]
    assert (shown["text"], shown["recorded_text"]) == ("到货一半", "设备已到货")
    assert [(one["text"], one["reason"]) for one in shown["corrections"]] == [
        ("设备尚未到货", "误填"), ("到货一半", "误填"),
    ]  # fmt: skip
    assert {one["recorded_by"] for one in shown["corrections"]} == {str(listed.officer.user_id)}
    steps = [(one["action"], one["note"]) for one in listed.shown()["steps"]]
    assert steps[-1] == ("correct_progress", "2027-03：误填")
    assert listed.shown()["missing_months"] == ["2027-02-01"]


def test_what_was_written_of_a_placard_that_is_down_is_still_corrected(listed: Listed) -> None:
    entry = listed.progress("2027-03-01").json()
    assert listed.step(listed.chief, listed.shown(), "withdraw").status_code == 200
    assert listed.correct(entry).status_code == 201
    assert listed.shown()["status"] == "withdrawn"


def test_an_entry_of_another_placard_is_not_found_and_an_old_version_not_changed(listed: Listed) -> None:
    entry = listed.progress("2027-03-01").json()
    other = Listed(listed.world)
    listed.log_in()
    with listed.on(date(2027, 4, 10)):
        other.log_in()
        assert other.correct(entry).status_code == 404
        path = f"{PLACARDS}/{listed.placard['id']}/progress/{entry['id']}/corrections"
        body = {"text": "设备尚未到货", "reason": "误填"}
        assert listed.officer.post(path, json=body, version=1).status_code == 412


@pytest.mark.parametrize("role", sorted(Role))
def test_who_may_record_corrects_and_nobody_of_another_town(listed: Listed, role: Role) -> None:
    entry = listed.progress("2027-03-01").json()
    is_allowed = role in PERMISSIONS["hazards:propose_placard"]
    person = listed.world.person(role, region=listed.world.town)
    assert listed.correct(entry, person).status_code == (201 if is_allowed else 403)
    abroad = listed.world.person(role, region=listed.world.other_town)
    assert listed.correct(entry, abroad).status_code == (404 if is_allowed else 403)


@pytest.mark.parametrize("table", ["placard_progress", "placard_progress_corrections", "placard_steps"])
def test_nothing_written_of_a_placard_is_rewritten(listed: Listed, table: str) -> None:
    async def rewrite(session: AsyncSession) -> None:
        await session.execute(text(f"DELETE FROM {table}"))

    with pytest.raises(DBAPIError, match="append-only"):
        listed.world.in_database(rewrite)
