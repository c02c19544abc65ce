"""From hazards to a filed case under investigation, by those who may."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.core.events import _reactions
from app.core.ids import new_id
from app.models.identity import User
from app.models.organizations import Authority, Entrustment, Jurisdiction
from app.services.cases.events import CaseFiled, CaseOpened
from tests.factories.cases import PATH, Docket, allegation, person, step
from tests.factories.field import Field

TODAY = shanghai_today


def test_a_case_is_opened_proposed_filed_and_investigated(docket: Docket) -> None:
    hazards = [docket.hazard(), docket.hazard()]
    case = docket.open(*hazards)
    year = TODAY().year
    assert (case["number"], case["status"], case["filed_on"]) == (
        f"安应急案〔{year}〕1号", "clue_registered", None,
    )  # fmt: skip
    case = step(docket.officers[0], case, "propose-filing").json()
    case = step(docket.chief, case, "approve-filing").json()
    assert (case["status"], case["filed_on"], case["filing_number"]) == (
        "filed", TODAY().isoformat(), f"安应急立〔{year}〕1号",
    )  # fmt: skip
    case = step(docket.officers[1], case, "begin-investigation").json()
    detail = docket.chief.get(f"{PATH}/{case['id']}").json()
    assert [row["to_status"] for row in detail["steps"]] == [
        "clue_registered", "filing_proposed", "filed", "investigating",
    ]  # fmt: skip
    assert {row["hazard_id"] for row in detail["hazards"]} == {str(one) for one in hazards}
    assert {row["user_id"] for row in detail["officers"]} == {str(one.user_id) for one in docket.officers}
    assert [row["label"] for row in detail["parties"]] == ["entity"]
    assert detail["allegations"][0]["penalty_version"] == "2021"


def test_the_same_key_opens_one_case(docket: Docket) -> None:
    body, key = docket.request(), {"Idempotency-Key": "one attempt"}
    first = docket.officers[0].post(PATH, json=body, headers=key)
    again = docket.officers[0].post(PATH, json=body, headers=key)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert len(docket.officers[0].get(PATH).json()["items"]) == 1


def test_a_returned_case_is_changed_and_proposed_again(docket: Docket) -> None:
    case = docket.proposed()
    assert step(docket.chief, case, "return-to-officer").json()["code"] == "reason_required"
    case = step(docket.chief, case, "return-to-officer", note="事实不清").json()
    assert case["status"] == "clue_registered"
    changed = docket.officers[0].patch(
        f"{PATH}/{case['id']}", version=case["version"], json={"cause": "未设警示标志案（补充）"}
    )
    assert changed.status_code == 200, changed.text
    case = step(docket.officers[1], changed.json(), "propose-filing").json()
    assert step(docket.chief, case, "approve-filing").json()["status"] == "filed"


@pytest.mark.parametrize("name", ["refuse-filing", "withdraw"])
def test_a_case_that_is_not_filed_has_a_reason_and_lets_its_hazards_go(docket: Docket, name: str) -> None:
    hazard = docket.hazard()
    case = docket.proposed(hazard)
    assert docket.officers[0].post(PATH, json=docket.request(hazard)).json()["code"] == "hazard_in_case"
    who = docket.chief if name == "refuse-filing" else docket.officers[0]
    ended = step(who, case, name, note="情节轻微").json()
    assert ended["filed_on"] is None
    assert all(clock["ended_on"] for clock in ended["clocks"])
    assert docket.open(hazard)["status"] == "clue_registered"
    listed = docket.chief.get(PATH, params={"hazard_id": str(hazard)}).json()["items"]
    assert len(listed) == 2


def test_a_hazard_may_be_pursued_by_another_article_but_not_twice_by_the_same(docket: Docket) -> None:
    hazard = docket.hazard()
    first = docket.open(hazard)
    refused = docket.officers[0].post(PATH, json=docket.request(hazard))
    assert (refused.status_code, refused.json()["cases"]) == (409, first["number"])
    docket.open(hazard, allegations=[allegation(penalty_code="AQF-97-3")])
    docket.open(hazard, allegations=[allegation(stage="overdue")])


def test_an_allegation_takes_only_its_own_hazards(docket: Docket) -> None:
    signs, training = docket.hazard(), docket.hazard()
    both = [
        allegation(hazard_ids=[str(signs)]),
        allegation(penalty_code="AQF-97-3", hazard_ids=[str(training)]),
    ]
    docket.open(signs, training, allegations=both)
    docket.open(training)
    assert docket.officers[0].post(PATH, json=docket.request(signs)).status_code == 409


def test_who_proposes_or_handles_a_case_does_not_approve_it(docket: Docket) -> None:
    both = docket.world.person("case_officer", "approver", region=docket.region, certificate=True)
    officers = [str(both.user_id), str(docket.officers[1].user_id)]
    case = docket.open(docket.hazard(), officer_ids=[str(o.user_id) for o in docket.officers])
    refused = step(both, case, "propose-filing")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_case_officer")
    case = docket.open(docket.hazard(), officer_ids=officers)
    case = step(both, case, "propose-filing").json()
    for name in ("approve-filing", "refuse-filing", "return-to-officer"):
        answer = step(both, case, name, note="x")
        assert (answer.status_code, answer.json()["code"]) == (403, "same_person")
    case = step(docket.chief, case, "return-to-officer", note="x").json()
    revised = (
        docket.officers[0]
        .patch(
            f"{PATH}/{case['id']}",
            version=case["version"],
            json={"officer_ids": [str(o.user_id) for o in docket.officers]},
        )
        .json()
    )
    assert both.user_id not in {row["user_id"] for row in revised["officers"]}
    assert step(both, revised, "propose-filing").json()["code"] == "not_case_officer"


@pytest.mark.parametrize("lacking", ["certificate", "second", "assistant", "abroad"])
def test_a_case_needs_two_officers_certified_on_the_day(docket: Docket, lacking: str) -> None:
    yesterday = TODAY() - timedelta(days=1)
    other: dict[str, Any] = {
        "certificate": lambda: docket.officer(certificate=(yesterday - timedelta(days=9), yesterday)),
        "second": lambda: docket.officers[0],
        "assistant": lambda: docket.world.person("safety_assistant", region=docket.region, certificate=True),
        "abroad": lambda: docket.world.person(
            "case_officer", region=docket.world.other_town, certificate=True
        ),
    }
    ids = [str(docket.officers[0].user_id), str(other[lacking]().user_id)]
    answer = docket.officers[0].post(PATH, json=docket.request(officer_ids=ids))
    assert (answer.status_code, answer.json()["code"]) == (422, "case_team_not_qualified")


def test_the_legal_date_of_filing_lies_between_the_proposal_and_today(docket: Docket) -> None:
    case = docket.proposed()
    for day in (TODAY() + timedelta(days=1), TODAY() - timedelta(days=1)):
        answer = step(docket.chief, case, "approve-filing", on_date=day.isoformat())
        assert (answer.status_code, answer.json()["code"]) == (422, "step_date")
    assert step(docket.chief, case, "approve-filing", on_date=TODAY().isoformat()).status_code == 200


def test_what_lies_before_the_approver_stands_still(docket: Docket) -> None:
    case = docket.proposed()
    answer = docket.officers[0].patch(
        f"{PATH}/{case['id']}", version=case["version"], json={"cause": "另一案由"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "case_state")


def test_writes_need_the_version_that_was_read(docket: Docket) -> None:
    case = docket.open()
    assert docket.officers[0].post(f"{PATH}/{case['id']}/propose-filing", json={}).status_code == 428
    assert step(docket.officers[0], {**case, "version": 9}, "propose-filing").status_code == 412
    stale = docket.officers[0].patch(f"{PATH}/{case['id']}", version=9, json={"cause": "x"})
    assert stale.status_code == 412


def test_hazards_of_one_case_belong_together_and_exist(docket: Docket) -> None:
    other = Field(docket.world, region=docket.region)
    mixed = docket.request(docket.hazard(), docket.hazard(field=other))
    assert docket.officers[0].post(PATH, json=mixed).json()["code"] == "hazards_not_together"
    assert docket.officers[0].post(PATH, json=docket.request(new_id())).status_code == 404


def test_opening_and_filing_are_told_to_higher_areas(docket: Docket, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []

    async def listen(_: Any, event: object) -> None:
        heard.append(event)

    for event in (CaseOpened, CaseFiled):
        monkeypatch.setitem(_reactions, event, [listen])
    hazard = docket.hazard()
    step(docket.chief, docket.proposed(hazard, persons=[person()]), "approve-filing")
    assert [type(event) for event in heard] == [CaseOpened, CaseFiled]
    assert heard[0].hazard_ids == (hazard,)  # type: ignore[attr-defined]


def noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=SHANGHAI)


def test_a_filing_is_numbered_in_the_year_of_its_legal_date(docket: Docket) -> None:
    with standing_at(noon(2026, 12, 31)):
        officer = docket.world.logged_in(docket.officers[0].user_id)
        cases = [
            step(officer, officer.post(PATH, json=docket.request()).json(), "propose-filing").json()
            for _ in range(2)
        ]
    with standing_at(noon(2027, 1, 2)):
        chief = docket.world.logged_in(docket.chief.user_id)
        late = step(chief, cases[0], "approve-filing", on_date="2026-12-31").json()
        fresh = step(chief, cases[1], "approve-filing").json()
    assert (late["filing_number"], late["filed_on"]) == ("安应急立〔2026〕1号", "2026-12-31")
    assert (fresh["filing_number"], fresh["filed_on"]) == ("安应急立〔2027〕1号", "2027-01-02")


@pytest.mark.parametrize(("day", "status"), [(9, 200), (10, 200), (11, 422)])
def test_the_team_must_still_be_certified_on_the_day_of_the_step(
    docket: Docket, day: int, status: int
) -> None:
    second = docket.officer(certificate=(date(2020, 1, 1), date(2026, 11, 10)))
    officers = [str(docket.officers[0].user_id), str(second.user_id)]
    with standing_at(noon(2026, 11, 1)):
        officer = docket.world.logged_in(docket.officers[0].user_id)
        hazard = docket.hazard(found_on=date(2026, 10, 30))
        case = officer.post(PATH, json=docket.request(hazard, officer_ids=officers)).json()
    with standing_at(noon(2026, 11, day)):
        officer = docket.world.logged_in(docket.officers[0].user_id)
        assert step(officer, case, "propose-filing").status_code == status


@pytest.mark.parametrize(("ends", "status"), [(-1, 422), (0, 201), (None, 201)])
def test_an_officer_of_an_entrusted_authority_counts_while_it_is_entrusted(
    docket: Docket, ends: int | None, status: int
) -> None:
    brigade = new_id()
    until = None if ends is None else TODAY() + timedelta(days=ends)
    officer = docket.officer()

    async def entrust(session: AsyncSession) -> None:
        session.add(
            Authority(
                id=brigade, code=brigade.hex, name="东镇综合行政执法队", document_word="东综执", region_id=docket.region,
                valid_from=date(2020, 1, 1),
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            Entrustment(
                authority_id=brigade, entrusted_by=docket.world.authority, basis="委托书1号",
                valid_from=date(2020, 1, 1), valid_until=until,
            )
        )  # fmt: skip
        await session.execute(update(User).where(User.id == officer.user_id).values(authority_id=brigade))

    docket.world.in_database(entrust)
    ids = [str(docket.officers[0].user_id), str(officer.user_id)]
    answer = docket.officers[0].post(PATH, json=docket.request(officer_ids=ids))
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("ends", "status"), [(-1, 422), (0, 201)])
def test_a_case_is_opened_within_the_authority_s_jurisdiction_of_the_day(
    docket: Docket, ends: int, status: int
) -> None:
    async def end(session: AsyncSession) -> None:
        await session.execute(
            update(Jurisdiction)
            .where(Jurisdiction.authority_id == docket.world.authority)
            .values(valid_until=TODAY() + timedelta(days=ends))
        )

    docket.world.in_database(end)
    answer = docket.officers[0].post(PATH, json=docket.request())
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["code"] == "outside_jurisdiction"
