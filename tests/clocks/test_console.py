"""A clock moves by events alone: suspended, resumed, extended, or by a notice of the calendar, each written in its ledger."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.core.ids import new_id
from app.services.clocks import notices, reprojection
from app.services.clocks.content import time_limits
from app.services.clocks.notices import shipped_notices, shipped_years
from app.services.clocks.repository import raise_reminders
from app.services.clocks.reprojection import reproject_known
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import end_clocks, start_clock
from app.services.runtime import Runtime
from tests.factories.cases import Docket
from tests.factories.orders import ordered
from tests.factories.world import Person
from tests.jobs.test_deferring import work_off
from tests.support.notices import NOTICE, forget_notices
from tests.support.queries import recorded_queries

CLOCKS = "/api/v1/clocks"


def start(docket: Docket, code: str, on: date, **more: Any) -> str:
    """A clock of a case of the docket's town; its id."""

    async def make(session: AsyncSession) -> str:
        subject = Subject(
            "case", new_id(), docket.world.authority, docket.region, responsible_id=docket.officers[0].user_id
        )
        return str((await start_clock(session, SYSTEM, subject, code, on, **more)).id)

    return docket.world.in_database(make)  # type: ignore[no-any-return]


def shown(who: Person, clock: str) -> dict[str, Any]:
    answer = who.get(f"{CLOCKS}/{clock}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def act(who: Person, clock: str, door: str, **body: Any) -> Any:
    version = shown(who, clock)["version"]
    return who.post(f"{CLOCKS}/{clock}/{door}", version=version, json=body)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["items"]]


def noon(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), SHANGHAI) + timedelta(hours=12)


def long_ago() -> date:
    return shanghai_today() - timedelta(days=10)


def test_an_appraisal_stops_a_seizure_and_its_end_lets_it_run_on(docket: Docket) -> None:
    officer, begun = docket.officers[0], long_ago()
    clock = start(docket, "seizure", begun)
    assert shown(officer, clock)["due_on"] == str(begun + timedelta(days=30))
    since, until = begun + timedelta(days=3), begun + timedelta(days=7)
    stopped = act(officer, clock, "suspension", on_date=str(since), ground="appraisal", reason="委托检测")
    assert (stopped.json()["due_on"], stopped.json()["unknown"]) == (None, "suspended")
    again = act(officer, clock, "suspension", on_date=str(since), ground="appraisal", reason="再次委托")
    assert (again.status_code, again.json()["code"]) == (409, "clock_state")
    resumed = act(officer, clock, "resumption", on_date=str(until), reason="收到检测报告")
    assert resumed.json()["due_on"] == str(begun + timedelta(days=34))
    assert act(officer, clock, "resumption", on_date=str(until), reason="重复").status_code == 409
    ledger = shown(officer, clock)["ledger"]
    assert [(row["action"], row["due_before"], row["due_after"]) for row in ledger] == [
        ("start", None, str(begun + timedelta(days=30))),
        ("suspend", str(begun + timedelta(days=30)), None),
        ("resume", None, str(begun + timedelta(days=34))),
    ]
    assert ledger[1]["user_id"] == str(officer.user_id)


def test_a_review_that_stops_execution_stops_the_party_s_time_to_rectify_and_the_hazard_shows_it(
    docket: Docket,
) -> None:
    team = [docket.world.person("inspector", region=docket.region) for _ in range(2)]
    inspector, hazard = team[0], docket.hazard()
    path = f"/api/v1/hazards/{hazard}"
    due = ordered(team, hazard)["due_on"]
    (clock,) = ids(docket.chief.get(CLOCKS, params={"subject_id": str(hazard)}))
    today = shanghai_today()
    stopped = act(
        docket.officers[0],
        clock,
        "suspension",
        on_date=str(today),
        ground="review",
        reason="复议机关决定停止执行",
    )
    assert stopped.status_code == 200, stopped.text
    assert (stopped.json()["due_on"], inspector.get(path).json()["due_on"]) == (None, None)
    resumed = act(docket.officers[0], clock, "resumption", on_date=str(today), reason="复议维持")
    assert resumed.json()["due_on"] == inspector.get(path).json()["due_on"] == due


def test_the_grounds_on_which_a_limit_stands_still_name_their_rules(docket: Docket) -> None:
    rows = docket.chief.get(f"{CLOCKS}/time-limits").json()
    grounds = {row["code"]: row["suspended_by"] for row in rows if row["suspended_by"]}
    assert {
        code: [(one["ground"], one["to_be_confirmed"]) for one in found] for code, found in grounds.items()
    } == {
        "seizure": [("appraisal", False)],
        "decision": [("hearing", True), ("announcement", True), ("appraisal", True), ("referral", True)],
        "payment": [("review", True)],
        "rectification": [("review", True)],
    }
    assert all("第" in one["basis_zh"] and one["basis_en"] for found in grounds.values() for one in found)


def test_a_clock_stops_only_on_a_ground_of_its_law(docket: Docket) -> None:
    today = str(shanghai_today())
    for code, ground in (
        ("seizure", "hearing"),
        ("publication", "hearing"),
        ("decision", "review"),
        ("recheck", "review"),
    ):
        clock = start(docket, code, long_ago())
        refused = act(docket.officers[0], clock, "suspension", on_date=today, ground=ground, reason="无依据")
        assert (refused.status_code, refused.json()["code"]) == (422, "clock_ground_not_allowed")
        assert len(shown(docket.officers[0], clock)["ledger"]) == 1


@pytest.mark.parametrize("days", [-11, 1])
def test_a_step_before_the_start_or_in_the_future_is_refused(docket: Docket, days: int) -> None:
    clock, day = start(docket, "seizure", long_ago()), shanghai_today() + timedelta(days=days)
    refused = act(
        docket.officers[0], clock, "suspension", on_date=str(day), ground="appraisal", reason="日期不对"
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "clock_date")


@pytest.mark.parametrize(("amount", "status"), [(29, 200), (30, 200), (31, 422)])
def test_a_seizure_is_extended_by_thirty_days_at_most(docket: Docket, amount: int, status: int) -> None:
    begun = long_ago()
    clock = start(docket, "seizure", begun)
    answer = act(docket.chief, clock, "extension", amount=amount, reason="案情复杂")
    assert answer.status_code == status, answer.text
    due = begun + timedelta(days=30 + (amount if status == 200 else 0))
    assert shown(docket.chief, clock)["due_on"] == str(due)
    if status == 200:
        more = act(docket.chief, clock, "extension", amount=31 - amount, reason="再延")
        assert (more.status_code, more.json()["code"]) == (422, "clock_extension_too_long")


def test_an_officer_extends_nothing_and_only_the_latest_version_is_changed(docket: Docket) -> None:
    clock = start(docket, "seizure", long_ago())
    assert act(docket.officers[0], clock, "extension", amount=3, reason="案情复杂").status_code == 403
    body = {"amount": 3, "reason": "案情复杂"}
    assert docket.chief.post(f"{CLOCKS}/{clock}/extension", version=9, json=body).status_code == 412
    assert docket.chief.post(f"{CLOCKS}/{clock}/extension", json=body).status_code == 428
    fixed = start(docket, "hearing_request", long_ago())
    assert act(docket.chief, fixed, "extension", amount=1, reason="无依据").status_code == 422


def test_an_ended_clock_moves_no_more_and_its_ledger_cannot_be_rewritten(docket: Docket) -> None:
    clock = start(docket, "seizure", long_ago())
    subject = shown(docket.chief, clock)["subject_id"]

    async def finish(session: AsyncSession) -> None:
        await end_clocks(session, SYSTEM, subject, ["seizure"], shanghai_today())

    docket.world.in_database(finish)
    assert act(docket.chief, clock, "extension", amount=3, reason="案情复杂").status_code == 409
    assert [row["action"] for row in shown(docket.chief, clock)["ledger"]] == ["start", "end"]

    async def rewrite(session: AsyncSession) -> None:
        await session.execute(text("UPDATE clock_events SET due_after = due_after + 1"))

    with pytest.raises(DBAPIError, match="append-only"):
        docket.world.in_database(rewrite)


def test_a_clock_beyond_the_calendar_is_unknown_until_its_notice_comes_and_says_what_moved_it(
    docket: Docket, runtime: Runtime
) -> None:
    unknown, plain = (
        start(docket, "publication", date(2026, 12, 29)),
        start(docket, "decision", date(2026, 12, 29)),
    )
    before = shown(docket.chief, unknown)
    assert (before["due_on"], before["unknown"], before["missing_year"]) == (
        None,
        "calendar_not_imported",
        2027,
    )
    assert before["is_overdue"] is None
    listed = docket.chief.get(CLOCKS, params={"unknown": True, "code": "publication"})
    assert ids(listed) == [unknown]
    administrator = docket.world.person("administrator")
    imported = administrator.post("/api/v1/calendar/notices", json=NOTICE | {"year": 2027})
    assert imported.status_code == 201, imported.text
    work_off(docket.world.client, runtime)
    after = shown(docket.chief, unknown)
    assert (after["due_on"], after["unknown"]) == ("2027-01-08", None)  # 30 and 31 December, 4 to 8 January
    moved = after["ledger"][-1]
    assert (moved["action"], moved["notice_id"]) == ("reproject", imported.json()["id"])
    assert (moved["due_before"], moved["due_after"]) == (None, "2027-01-08")
    assert [row["action"] for row in shown(docket.chief, plain)["ledger"]] == ["start"]
    extended = NOTICE | {"holidays": [*NOTICE["holidays"], "2027-01-08"], "title": "关于调整节假日安排的通知"}
    assert administrator.post("/api/v1/calendar/notices", json=extended).json()["number"] == 2
    work_off(docket.world.client, runtime)
    assert shown(docket.chief, unknown)["due_on"] == "2027-01-11"
    assert [row["action"] for row in shown(docket.chief, unknown)["ledger"]].count("reproject") == 2


@pytest.fixture(autouse=True)
def only_shipped_notices(docket: Docket) -> Iterator[None]:
    """Other tests live without the notices imported here."""
    yield
    docket.world.in_database(forget_notices)


def test_a_year_that_a_new_version_ships_makes_the_clocks_known_that_waited_for_it(
    docket: Docket, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the worker does when it begins, page by page."""

    def project() -> int:
        assert docket.world.client.portal is not None
        return docket.world.client.portal.call(reproject_known, runtime.database)

    monkeypatch.setattr(reprojection, "PAGE", 1)
    start(docket, "publication", date(2026, 12, 29))
    unknown = start(docket, "publication", date(2026, 12, 29))
    assert project() == 0
    days = frozenset(map(date.fromisoformat, NOTICE["holidays"]))  # type: ignore[arg-type]
    coming = replace(shipped_years()[-1], year=2027, holidays=sorted(days), make_up_workdays=[])
    shipped = (*shipped_years(), coming)
    monkeypatch.setattr(notices, "shipped_years", lambda: shipped)
    assert project() >= 2
    after = shown(docket.chief, unknown)
    assert (after["due_on"], after["unknown"]) == ("2027-01-08", None)
    moved = after["ledger"][-1]
    assert (moved["action"], moved["notice_id"], moved["due_after"]) == ("reproject", None, "2027-01-08")
    assert project() == 0


def test_a_changed_notice_moves_a_clock_counted_back_over_new_year_into_the_year_before(
    docket: Docket, runtime: Runtime
) -> None:
    clock = start(docket, "hearing_notice", date(2027, 1, 8))
    administrator = docket.world.person("administrator")
    assert administrator.post("/api/v1/calendar/notices", json=NOTICE).status_code == 201
    work_off(docket.world.client, runtime)
    assert shown(docket.chief, clock)["due_on"] == "2026-12-28"
    changed = NOTICE | {"holidays": [*NOTICE["holidays"], "2027-01-04"], "title": "关于调整节假日安排的通知"}  # type: ignore[misc]
    assert administrator.post("/api/v1/calendar/notices", json=changed).status_code == 201
    work_off(docket.world.client, runtime)
    assert shown(docket.chief, clock)["due_on"] == "2026-12-25"


def test_a_clock_begun_on_the_first_day_of_its_law_is_shown_by_that_law(docket: Docket) -> None:
    """Midnight in Shanghai is still the day before in UTC."""
    limit = next(one for one in time_limits() if one.code == "hearing_notice")
    clock = start(docket, limit.code, limit.in_force_from)
    assert shown(docket.chief, clock)["title_zh"] == limit.title.zh


def test_a_notice_names_its_source_and_contradicts_neither_itself_nor_says_the_same_again(
    docket: Docket,
) -> None:
    administrator = docket.world.person("administrator")
    foreign = administrator.post(
        "/api/v1/calendar/notices", json=NOTICE | {"make_up_workdays": ["2026-01-04"]}
    )
    assert (foreign.status_code, foreign.json()["code"]) == (422, "calendar_notice_invalid")
    shipped = next(one for one in shipped_notices() if one.year == 2026)
    same = NOTICE | {
        "year": 2026,
        "holidays": [str(day) for day in shipped.holidays],
        "make_up_workdays": [str(day) for day in shipped.make_up_workdays],
    }
    known = administrator.post("/api/v1/calendar/notices", json=same)
    assert (known.status_code, known.json()["code"]) == (409, "calendar_notice_known")
    assert docket.chief.post("/api/v1/calendar/notices", json=NOTICE).status_code == 403
    assert docket.officers[0].get("/api/v1/calendar/notices").json() == []


def test_a_year_that_ships_names_its_notice_and_so_does_one_that_was_imported(docket: Docket) -> None:
    def shown_years() -> dict[int, tuple[Any, ...]]:
        rows = docket.officers[0].get("/api/v1/calendar/years").json()
        names = ("title", "document_number", "issued_on", "to_be_confirmed", "notice_id")
        return {row["year"]: tuple(row[name] for name in names) for row in rows if row["source"]}

    shipped = {
        2024: ("国务院办公厅关于2024年部分节假日安排的通知", "国办发明电〔2023〕7号", "2023-10-25", False, None),
        2025: ("国务院办公厅关于2025年部分节假日安排的通知", "国办发明电〔2024〕12号", "2024-11-12", False, None),
        2026: ("国务院办公厅关于2026年部分节假日安排的通知", "国办发明电〔2025〕7号", "2025-11-04", False, None),
    }  # fmt: skip
    assert shown_years() == shipped
    administrator = docket.world.person("administrator")
    notice = administrator.post("/api/v1/calendar/notices", json=NOTICE | {"issued_on": "2026-11-24"}).json()
    imported = (NOTICE["title"], NOTICE["document_number"], "2026-11-24", False, notice["id"])
    assert shown_years() == shipped | {2027: imported}


@pytest.mark.parametrize(
    ("code", "on", "years"),
    [
        ("publication", date(2025, 12, 29), [2025, 2026]),  # working days over New Year
        ("publication", date(2026, 9, 15), [2026]),
        ("publication", date(2026, 12, 29), [2026]),  # what is known of the way to an end that is not
        ("hearing_notice", date(2026, 1, 8), [2025, 2026]),  # counted back
        ("payment", date(2026, 9, 10), [2026]),  # ends on a day of rest and moves on
        ("decision", date(2026, 9, 10), []),  # calendar days of the authority: every day counts
        ("referral_sending", date(2026, 9, 10), []),
    ],
)
def test_a_clock_names_the_notices_that_its_end_rests_on(
    docket: Docket, code: str, on: date, years: list[int]
) -> None:
    clock = start(docket, code, on)
    named = shown(docket.chief, clock)["calendar"]
    assert [one["year"] for one in named] == years
    assert {one["title"] for one in named} == {
        f"国务院办公厅关于{year}年部分节假日安排的通知" for year in years
    }


def test_an_ended_clock_names_no_notices_because_others_may_hold_by_now(docket: Docket) -> None:
    clock = start(docket, "publication", date(2026, 9, 15))
    subject = shown(docket.chief, clock)["subject_id"]
    docket.world.in_database(
        lambda session: end_clocks(session, SYSTEM, subject, ["publication"], date(2026, 9, 20))
    )
    assert shown(docket.chief, clock)["calendar"] == []


def test_clocks_are_listed_by_what_is_due_first_for_person_unit_and_region(docket: Docket) -> None:
    with standing_at(noon(date(2026, 9, 23))):
        chief = docket.world.logged_in(docket.chief.user_id)
        soon, later, past = (
            start(docket, "publication", date(2026, 9, 15)),  # due on 23 September
            start(docket, "publication", date(2026, 9, 17)),  # due on the 25th... a holiday: the 28th
            start(docket, "publication", date(2026, 9, 1)),
        )
        assert ids(chief.get(CLOCKS)) == [past, soon, later]
        assert ids(chief.get(CLOCKS, params={"due_within": 3})) == [soon, later]
        assert ids(chief.get(CLOCKS, params={"due_within": 1})) == [soon]
        assert ids(chief.get(CLOCKS, params={"overdue": True})) == [past]
        mine = {"responsible_id": str(docket.officers[0].user_id)}
        assert ids(chief.get(CLOCKS, params=mine)) == [past, soon, later]
        assert ids(chief.get(CLOCKS, params={"responsible_id": str(chief.user_id)})) == []
        assert ids(chief.get(CLOCKS, params={"region_id": str(docket.world.town)})) == [past, soon, later]
        assert ids(chief.get(CLOCKS, params={"region_id": str(docket.world.other_town)})) == []
        first = chief.get(CLOCKS, params={"limit": 2}).json()
        second = chief.get(CLOCKS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
        assert [row["id"] for row in first["items"] + second["items"]] == [past, soon, later]
        assert chief.get(f"{CLOCKS}/counts").json() == {
            "running": 3, "overdue": 1, "due_today": 1, "due_in_three_working_days": 2, "unknown": 0,
            "soon_until": "2026-09-29", "is_cut": False,
        }  # fmt: skip
        abroad = docket.world.person("approver", region=docket.world.other_district)
        assert ids(abroad.get(CLOCKS)) == []
        assert abroad.get(f"{CLOCKS}/{soon}").status_code == 404


@pytest.mark.parametrize(
    ("today", "until", "is_cut"),
    [
        (date(2026, 12, 28), "2026-12-31", False),  # the last day from which three working days are known
        (date(2026, 12, 29), "2027-01-01", True),  # two are known, and the first day of 2027 may be the third
        (date(2026, 12, 30), "2027-01-02", True),
        (date(2026, 12, 31), "2027-01-03", True),
        (date(2027, 1, 1), "2027-01-04", True),
        (date(2027, 3, 10), "2027-03-13", True),
    ],
)
def test_at_the_edge_of_the_calendar_what_is_certainly_near_is_listed_counted_and_reminded_of(
    docket: Docket, today: date, until: str, is_cut: bool
) -> None:
    """Three calendar days each, which no notice moves: due yesterday, and on each of the days until after the horizon."""
    due = [today + timedelta(days=days) for days in range(-1, 6)]
    clocks = {day.isoformat(): start(docket, "referral_decision", day - timedelta(days=3)) for day in due}
    near = [clock for day, clock in clocks.items() if today.isoformat() <= day <= until]
    assert 0 < len(near) < len(due) - 1
    with standing_at(noon(today)):
        chief = docket.world.logged_in(docket.chief.user_id)
        listed = chief.get(CLOCKS, params={"due_within": 3})
        assert ids(listed) == near
        assert (listed.json()["due_until"], listed.json()["is_cut"]) == (until, is_cut)
        counted = chief.get(f"{CLOCKS}/counts").json()
        assert counted["due_in_three_working_days"] == len(near)
        assert (counted["soon_until"], counted["is_cut"]) == (until, is_cut)
        while docket.world.in_database(raise_reminders):
            pass
        rows = chief.get(f"{CLOCKS}/reminders").json()["items"]
        kinds = {row["clock"]["id"]: row["kind"] for row in rows}
    yesterday = clocks[due[0].isoformat()]
    assert kinds == {yesterday: "overdue", near[0]: "due"} | dict.fromkeys(near[1:], "before")


def test_with_the_notice_the_horizon_is_whole_again(docket: Docket) -> None:
    administrator = docket.world.person("administrator")
    assert administrator.post("/api/v1/calendar/notices", json=NOTICE).status_code == 201
    with standing_at(noon(date(2026, 12, 29))):
        chief = docket.world.logged_in(docket.chief.user_id)
        listed = chief.get(CLOCKS, params={"due_within": 3}).json()
    assert (listed["due_until"], listed["is_cut"]) == ("2027-01-04", False)


def test_a_list_that_asks_for_no_working_days_has_no_horizon(docket: Docket) -> None:
    listed = docket.chief.get(CLOCKS).json()
    assert (listed["due_until"], listed["is_cut"]) == (None, False)


def test_a_list_of_clocks_costs_the_same_whatever_its_length(docket: Docket, runtime: Runtime) -> None:
    for _ in range(3):
        start(docket, "publication", date(2026, 9, 15))
    with recorded_queries(runtime.database) as few:
        docket.chief.get(CLOCKS, params={"limit": 1})
    with recorded_queries(runtime.database) as many:
        docket.chief.get(CLOCKS)
    assert len(few) == len(many) <= 6


def test_reminders_come_before_at_and_after_the_end_once_each(docket: Docket) -> None:
    clock = start(docket, "publication", date(2026, 9, 15))  # due on 24 September

    def remind(day: date) -> list[tuple[str, str]]:
        with standing_at(noon(day)):
            for _ in range(2):
                docket.world.in_database(raise_reminders)
            person = docket.world.logged_in(docket.chief.user_id)
            rows = person.get(f"{CLOCKS}/reminders").json()["items"]
        return [(row["kind"], row["clock"]["id"]) for row in rows]

    due = date.fromisoformat(shown(docket.chief, clock)["due_on"])
    assert due == date(2026, 9, 23)
    assert remind(date(2026, 9, 18)) == []
    assert remind(date(2026, 9, 20)) == [
        ("before", clock)
    ]  # a make-up Sunday: three workdays are left after it
    assert remind(due) == [("due", clock), ("before", clock)]
    assert [kind for kind, _ in remind(due + timedelta(days=1))] == ["overdue", "due", "before"]
    assert [kind for kind, _ in remind(due + timedelta(days=9))] == ["overdue", "due", "before"]


@pytest.mark.parametrize(
    ("applies_to", "party", "authority"),
    [
        ("nobody", "2026-09-25", "2026-12-13"),
        ("party", "2026-09-28", "2026-12-13"),
        ("everybody", "2026-09-28", "2026-12-14"),
    ],
)
def test_whose_last_day_rolls_over_is_the_authority_s_decision(
    docket: Docket, applies_to: str, party: str, authority: str
) -> None:
    body = {
        "authority_id": str(docket.world.authority), "applies_to": applies_to, "basis": "参照民事诉讼法第八十五条",
        "in_force_from": "2026-01-01",
    }  # fmt: skip
    administrator = docket.world.person("administrator")
    assert administrator.post(f"{CLOCKS}/roll-over-rules", json=body).status_code == 201
    assert administrator.post(f"{CLOCKS}/roll-over-rules", json=body).status_code == 409
    assert docket.chief.post(f"{CLOCKS}/roll-over-rules", json=body).status_code == 403
    abroad = docket.world.person("administrator", region=docket.world.other_district)
    assert abroad.post(f"{CLOCKS}/roll-over-rules", json=body).status_code == 404
    (rule,) = administrator.get(f"{CLOCKS}/roll-over-rules").json()
    assert rule["applies_to"] == applies_to
    payment, decision = (
        start(docket, "payment", date(2026, 9, 10)),
        start(docket, "decision", date(2026, 9, 14)),  # ends on a Sunday
    )
    assert shown(docket.chief, payment)["due_on"] == party
    assert shown(docket.chief, decision)["due_on"] == authority
