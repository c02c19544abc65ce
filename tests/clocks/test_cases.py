"""The clocks of a case: a number only from law or from the authority's own rule, counted by day type, never guessed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.core.clock import SHANGHAI, shanghai_today, standing_at
from tests.factories.cases import PATH, Docket, step
from tests.factories.world import Person

CLOCKS = "/api/v1/clocks"
RULE = {"code": "filing", "amount": 7, "unit": "working_day", "basis": "本局行政处罚工作规程第5条"}


def set_rule(docket: Docket, **changes: Any) -> Any:
    chosen = {"authority_id": str(docket.world.authority), "in_force_from": "2026-01-01", **RULE, **changes}
    return docket.world.person("administrator").post(f"{CLOCKS}/limits", json=chosen)


def clock_of(case: dict[str, Any], code: str) -> dict[str, Any]:
    return next(row for row in case["clocks"] if row["code"] == code)


def seen_on(day: date, docket: Docket, path: str, **params: Any) -> Any:
    """What an officer sees at noon of a day."""
    with standing_at(datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)):
        person: Person = docket.world.logged_in(docket.officers[0].user_id)
        return person.get(path, params=params).json()


def test_the_law_gives_no_number_of_days_for_filing_so_none_is_shown(docket: Docket) -> None:
    clock = clock_of(docket.open(), "filing")
    assert (clock["amount"], clock["due_on"], clock["is_overdue"]) == (None, None, None)
    assert (clock["unknown"], clock["to_be_confirmed"]) == ("no_number_set", True)
    assert "54" in clock["basis"] or "五十四" in clock["basis"]


def test_an_authority_sets_its_own_number_with_its_source(docket: Docket) -> None:
    assert set_rule(docket).status_code == 201
    clock = clock_of(docket.open(docket.hazard(found_on=date(2026, 9, 24))), "filing")
    assert (clock["due_on"], clock["basis"], clock["to_be_confirmed"]) == (
        "2026-10-12", RULE["basis"], False,
    )  # fmt: skip
    listed = docket.officers[0].get(f"{CLOCKS}/limits").json()
    assert [row["amount"] for row in listed] == [7]


def test_the_rule_in_force_on_the_day_of_the_finding_holds(docket: Docket) -> None:
    set_rule(docket, in_force_from="2026-01-01", amount=7)
    set_rule(docket, in_force_from="2026-10-01", amount=15, unit="calendar_day")
    before = clock_of(docket.open(docket.hazard(found_on=date(2026, 9, 30))), "filing")
    after = clock_of(docket.open(docket.hazard(found_on=date(2026, 10, 1))), "filing")
    assert (before["amount"], after["amount"], after["due_on"]) == (7, 15, "2026-10-16")
    again = set_rule(docket, in_force_from="2026-10-01", amount=20)
    assert (again.status_code, again.json()["code"]) == (409, "limit_already_set")


@pytest.mark.parametrize("days_after, overdue", [(-1, False), (0, False), (1, True)])
def test_filing_is_overdue_from_the_day_after_its_last_day(
    docket: Docket, days_after: int, overdue: bool
) -> None:
    set_rule(docket)
    case = docket.open(docket.hazard(found_on=date(2026, 9, 24)))
    day = date(2026, 10, 12) + timedelta(days=days_after)
    seen = seen_on(day, docket, f"{PATH}/{case['id']}")
    assert (seen["is_overdue"], clock_of(seen, "filing")["is_overdue"]) == (overdue, overdue)
    listed = seen_on(day, docket, PATH, overdue=True)["items"]
    assert [row["id"] for row in listed] == ([case["id"]] if overdue else [])
    others = seen_on(day, docket, PATH, overdue=False)["items"]
    assert [row["id"] for row in others] == ([] if overdue else [case["id"]])
    counts = seen_on(day, docket, f"{PATH}/counts")
    assert counts == [{"status": "clue_registered", "count": 1, "overdue": int(overdue)}]


def test_beyond_the_imported_calendar_a_deadline_is_unknown(docket: Docket) -> None:
    set_rule(docket, amount=365)
    clock = clock_of(docket.open(docket.hazard(found_on=date(2026, 10, 1))), "filing")
    assert (clock["due_on"], clock["is_overdue"], clock["unknown"]) == (
        None, None, "calendar_not_imported",
    )  # fmt: skip


def test_filing_ends_its_own_clock_and_starts_that_of_the_decision(docket: Docket) -> None:
    set_rule(docket)
    filed = step(docket.chief, docket.proposed(), "approve-filing").json()
    today = shanghai_today()
    assert clock_of(filed, "filing")["ended_on"] == today.isoformat()
    decision = clock_of(filed, "decision")
    assert decision["due_on"] == (today + timedelta(days=90)).isoformat()
    assert (decision["unit"], decision["to_be_confirmed"]) == ("calendar_day", True)


@pytest.mark.parametrize("days_after, overdue", [(-1, False), (0, False), (1, True)])
def test_a_decision_is_overdue_after_ninety_calendar_days(
    docket: Docket, days_after: int, overdue: bool
) -> None:
    filed = step(docket.chief, docket.proposed(), "approve-filing").json()
    due = date.fromisoformat(clock_of(filed, "decision")["due_on"])
    with standing_at(datetime(due.year, due.month, due.day, 4, tzinfo=UTC) + timedelta(days=days_after)):
        person = docket.world.logged_in(docket.officers[0].user_id)
        assert person.get(f"{PATH}/{filed['id']}").json()["is_overdue"] is overdue


def test_what_the_law_fixes_no_authority_sets(docket: Docket) -> None:
    for code in ("decision", "nothing"):
        answer = set_rule(docket, code=code)
        assert (answer.status_code, answer.json()["code"]) == (422, "limit_not_settable")


def test_only_an_administrator_of_its_region_sets_an_authority_s_limit(docket: Docket) -> None:
    body = {"authority_id": str(docket.world.authority), "in_force_from": "2026-01-01", **RULE}
    assert docket.chief.post(f"{CLOCKS}/limits", json=body).status_code == 403
    abroad = docket.world.person("administrator", region=docket.world.other_district)
    assert abroad.post(f"{CLOCKS}/limits", json=body).status_code == 404
    chief = docket.world.person("administrator")
    assert chief.post(f"{CLOCKS}/limits", json=body).status_code == 201
    assert len(chief.get(f"{CLOCKS}/limits").json()) == 1


def test_the_limits_of_the_law_can_be_read(docket: Docket) -> None:
    rows = {row["code"]: row for row in docket.officers[0].get(f"{CLOCKS}/time-limits").json()}
    assert (rows["filing"]["amount"], rows["filing"]["set_by"]) == (None, "authority")
    assert rows["hearing_request"]["unit"] == "working_day"
    earlier = docket.officers[0].get(f"{CLOCKS}/time-limits", params={"on": "2013-01-01"}).json()
    assert "seizure" in {row["code"] for row in earlier}
    assert "decision" not in {row["code"] for row in earlier}
    assert docket.world.person("safety_assistant").get(f"{CLOCKS}/time-limits").status_code == 403
