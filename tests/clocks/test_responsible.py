"""Who answers for a clock: the officer of the order, the measure, the case, the placard's supervisor; and the unit he serves in."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import SHANGHAI, shanghai_today, standing_at, utc_now
from app.core.events import publish
from app.core.ids import new_id
from app.models.enterprises import EnterpriseContact
from app.models.hazards import Hazard
from app.models.identity import User
from app.models.organizations import Authority, Brigade, Entrustment
from app.services.clocks.repository import raise_reminders
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import start_clock
from app.services.hazards.proposing import start_rechecks
from app.services.identity.events import UserChangedBrigade
from app.services.runtime import Runtime
from tests.factories.cases import PATH as CASES
from tests.factories.cases import Docket, step
from tests.factories.orders import ordered
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

CLOCKS, HAZARDS, MEASURES = "/api/v1/clocks", "/api/v1/hazards", "/api/v1/onsite-measures"


class Bureau:
    """A brigade with two squads: two inspectors serve in the first, one in the second, and none of the case officers in any."""

    def __init__(self, docket: Docket) -> None:
        self.docket, self.world = docket, docket.world
        self.admin = self.world.person("administrator")
        self.brigade = self.unit("执法大队")
        self.first, self.second = (self.unit(name, self.brigade) for name in ("一中队", "二中队"))
        self.inspectors = [self.world.person("inspector", region=self.world.town) for _ in range(3)]
        for who, unit in zip(self.inspectors, (self.first, self.first, self.second), strict=True):
            self.move(who, unit)

    def unit(self, name: str, parent_id: str | None = None) -> str:
        path = f"/api/v1/authorities/{self.world.authority}/brigades"
        answer = self.admin.post(path, json={"name": name, "parent_id": parent_id})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def move(self, who: Person, unit: str | None) -> None:
        path = f"/api/v1/users/{who.user_id}"
        version = self.admin.get(path).json()["version"]
        answer = self.admin.patch(path, json={"brigade_id": unit}, version=version)
        assert answer.status_code == 200, answer.text

    def order(self, who: Person, hazard: UUID) -> dict[str, Any]:
        """The hazard, ordered to be rectified by that officer; a colleague signs too."""
        colleague = next(one for one in self.inspectors if one.user_id != who.user_id)
        return ordered([who, colleague], hazard)

    def measure(self, who: Person, *, oral: bool, kind: str = "stop_use") -> dict[str, Any]:
        """A measure that two of them order, and that one writes down."""
        body = {
            "kinds": [kind], "place": "喷涂车间", "ground": "可燃气体浓度超限，无法保证安全",
            "site_id": str(self.docket.field.site_id), "authority_id": str(self.world.authority),
            "officer_ids": [str(one.user_id) for one in self.inspectors[1:]], "hazard_ids": [str(self.docket.hazard())],
        }  # fmt: skip
        said = {"ordered_at": utc_now().isoformat()} if oral else {}
        answer = who.post(f"{MEASURES}/oral" if oral else MEASURES, json=body | said)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def running(self, **narrowed: Any) -> list[dict[str, Any]]:
        answer = self.docket.chief.get(CLOCKS, params={name: str(one) for name, one in narrowed.items()})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def answering(self, subject: str | UUID, code: str) -> tuple[str | None, str | None]:
        """Who answers for a running clock, whether its end is known or not, and his unit."""
        wanted = {"subject_id": str(subject), "code": code}
        rows = self.running(**wanted) or self.running(**wanted, unknown=True)
        ((who, unit),) = [(row["responsible_id"], row["brigade_id"]) for row in rows]
        return who, unit

    def ledger(self, clock_id: str) -> list[dict[str, Any]]:
        return list(self.docket.chief.get(f"{CLOCKS}/{clock_id}").json()["ledger"])


@pytest.fixture
def bureau(docket: Docket) -> Bureau:
    return Bureau(docket)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)


def codes(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(row["subject_id"], row["code"]) for row in rows}


def test_clocks_are_found_by_person_by_unit_with_its_squads_and_by_region(bureau: Bureau) -> None:
    one, _, other = bureau.inspectors
    mine, his = bureau.docket.hazard(), bureau.docket.hazard()
    bureau.order(one, mine)
    bureau.order(other, his)
    own, others = {(str(mine), "rectification")}, {(str(his), "rectification")}
    assert codes(bureau.running(responsible_id=one.user_id)) == own
    assert codes(bureau.running(responsible_id=other.user_id)) == others
    assert codes(bureau.running(brigade_id=bureau.first)) == own
    assert codes(bureau.running(brigade_id=bureau.second)) == others
    assert codes(bureau.running(brigade_id=bureau.brigade)) == own | others
    assert codes(bureau.running(region_id=bureau.world.district)) == own | others
    assert bureau.running(region_id=bureau.world.other_district) == []
    assert bureau.running(brigade_id=new_id()) == []
    counted = bureau.docket.chief.get(f"{CLOCKS}/counts", params={"brigade_id": bureau.second}).json()
    assert counted["running"] == 1


def test_a_later_order_is_the_later_officer_s(bureau: Bureau) -> None:
    one, _, other = bureau.inspectors
    hazard = bureau.docket.hazard()
    for officer, unit in ((one, bureau.first), (other, bureau.second)):
        bureau.order(officer, hazard)
        assert bureau.answering(hazard, "rectification") == (str(officer.user_id), unit)
    assert bureau.running(responsible_id=one.user_id) == []


def test_a_recheck_is_for_the_officer_of_the_order_in_force_whoever_is_told(bureau: Bureau) -> None:
    one, _, other = bureau.inspectors
    hazard = bureau.docket.hazard()
    ordered = bureau.order(one, hazard)
    done = {"note": "已整改", "evidence_ids": [str(new_id())]}
    told = other.post(f"{HAZARDS}/{hazard}/rectification", json=done, version=ordered["version"])
    assert told.status_code == 200, told.text
    assert bureau.answering(hazard, "recheck") == (str(one.user_id), bureau.first)


def test_a_recheck_that_the_deadline_s_end_starts_is_for_the_same_officer(bureau: Bureau) -> None:
    officer = bureau.inspectors[0]
    hazard = bureau.docket.hazard()
    due = date.fromisoformat(bureau.order(officer, hazard)["due_on"])
    with standing_at(noon(due + timedelta(days=1))):
        while bureau.world.in_database(start_rechecks):
            pass
    assert bureau.answering(hazard, "recheck") == (str(officer.user_id), bureau.first)


def test_a_measure_is_for_who_ordered_it_and_then_for_who_has_decided_it(bureau: Bureau) -> None:
    _, one, other = bureau.inspectors
    measure = bureau.measure(one, oral=True)
    assert bureau.answering(measure["id"], "measure_in_writing") == (str(one.user_id), bureau.first)
    content = {name: measure[name] for name in ("kinds", "place", "ground")}
    written = other.post(
        f"{MEASURES}/{measure['id']}/decision", version=measure["version"],
        json=content | {"hazard_ids": [str(bureau.docket.hazard())]},
    ).json()  # fmt: skip
    assert bureau.answering(measure["id"], "onsite_measure") == (str(other.user_id), bureau.second)
    asked = one.post(
        f"{MEASURES}/{measure['id']}/lifting-request",
        json={"reason": "企业申请", "ground": "request"},
        version=written["version"],
    )
    assert asked.status_code == 200, asked.text
    assert bureau.answering(measure["id"], "recheck") == (str(other.user_id), bureau.second)


def test_a_measure_decided_at_once_is_for_who_has_decided_it_and_so_is_its_recheck(bureau: Bureau) -> None:
    officer = bureau.inspectors[1]
    measure = bureau.measure(officer, oral=False)
    assert bureau.answering(measure["id"], "onsite_measure") == (str(officer.user_id), bureau.first)
    (clock,) = bureau.running(subject_id=measure["id"], code="onsite_measure")
    with standing_at(noon(date.fromisoformat(clock["due_on"]) + timedelta(days=1))):
        while bureau.world.in_database(start_rechecks):
            pass
    assert bureau.answering(measure["id"], "recheck") == (str(officer.user_id), bureau.first)


@pytest.mark.parametrize(("kind", "is_handed_over"), [("stop_use", True), ("evacuate", False)])
def test_a_measure_s_recheck_is_for_who_answers_for_its_time_or_has_ordered_it(
    bureau: Bureau, kind: str, is_handed_over: bool
) -> None:
    _, one, other = bureau.inspectors
    measure = bureau.measure(one, oral=False, kind=kind)
    lasting = bureau.running(subject_id=measure["id"])
    assert len(lasting) == int(is_handed_over)  # an evacuation has no limit of its own
    for clock in lasting:
        body = {"responsible_id": str(other.user_id), "reason": "调离"}
        path = f"{CLOCKS}/{clock['id']}/hand-over"
        assert bureau.docket.chief.post(path, json=body, version=clock["version"]).status_code == 200
    body = {"reason": "企业申请", "ground": "request"}
    path = f"{MEASURES}/{measure['id']}/lifting-request"
    assert one.post(path, json=body, version=measure["version"]).status_code == 200
    who, unit = (other, bureau.second) if is_handed_over else (one, bureau.first)
    assert bureau.answering(measure["id"], "recheck") == (str(who.user_id), unit)


def test_a_placard_s_period_is_for_its_supervisor(bureau: Bureau) -> None:
    officer, chief = bureau.inspectors[0], bureau.world.person("approver", region=bureau.world.district)
    hazard, contact = bureau.docket.hazard(), new_id()

    async def make_major(session: AsyncSession) -> None:
        row = await session.get_one(Hazard, hazard)
        row.level, row.clause, row.major_since = "major", "MEM10-7-5", row.found_on
        session.add(
            EnterpriseContact(id=contact, enterprise_id=bureau.docket.field.enterprise_id, name="赵小四")
        )

    bureau.world.in_database(make_major)
    body = {
        "kind": "supervised_listing", "days": 30, "requirement": "停用并按方案治理", "text_zh": "该单位存在重大事故隐患。",
        "text_en": "There is a major hazard here.", "contact_id": str(contact),
        "supervisor_id": str(bureau.inspectors[2].user_id),
    }  # fmt: skip
    version = officer.get(f"{HAZARDS}/{hazard}").json()["version"]
    proposed = officer.post(f"{HAZARDS}/{hazard}/placards", json=body, version=version)
    assert proposed.status_code == 201, proposed.text
    placard = proposed.json()
    path = f"/api/v1/placards/{placard['id']}/decision"
    assert chief.post(path, json={"reason": "属实"}, version=placard["version"]).status_code == 200
    assert bureau.answering(placard["id"], "placard") == (
        str(bureau.inspectors[2].user_id),
        bureau.second,
    )


def test_a_case_is_for_the_first_of_its_team_whoever_opened_it(bureau: Bureau) -> None:
    opener, leading = bureau.docket.officers
    bureau.move(leading, bureau.second)
    case = bureau.docket.open(officer_ids=[str(leading.user_id), str(opener.user_id)])
    assert bureau.answering(case["id"], "filing") == (str(leading.user_id), bureau.second)
    detail = opener.get(f"{CASES}/{case['id']}").json()
    assert {one["user_id"]: one["is_leading"] for one in detail["officers"]} == {
        str(leading.user_id): True,
        str(opener.user_id): False,
    }
    proposed = step(opener, case, "propose-filing").json()
    assert step(bureau.docket.chief, proposed, "approve-filing").status_code == 200
    assert bureau.answering(case["id"], "decision") == (str(leading.user_id), bureau.second)


def test_another_leading_officer_takes_over_and_the_end_stays_as_it_was(bureau: Bureau) -> None:
    first, second = bureau.docket.officers
    rule = {
        "authority_id": str(bureau.world.authority), "code": "filing", "amount": 7, "unit": "calendar_day",
        "basis": "本局行政处罚工作规程第5条", "in_force_from": "2020-01-01",
    }  # fmt: skip
    assert bureau.admin.post(f"{CLOCKS}/limits", json=rule).status_code == 201
    case = bureau.docket.open()
    (before,) = bureau.running(subject_id=case["id"])
    assert before["responsible_id"] == str(first.user_id)
    bureau.move(second, bureau.second)
    team = [str(second.user_id), str(first.user_id)]
    revised = first.patch(f"{CASES}/{case['id']}", version=case["version"], json={"officer_ids": team})
    assert revised.status_code == 200, revised.text
    (after,) = bureau.running(subject_id=case["id"])
    assert (after["responsible_id"], after["brigade_id"]) == (str(second.user_id), bureau.second)
    assert after["due_on"] == before["due_on"]
    start, handed = bureau.ledger(after["id"])
    assert (start["action"], start["responsible_id"]) == ("start", str(first.user_id))
    assert (handed["action"], handed["responsible_id"]) == ("hand_over", str(second.user_id))
    assert (handed["due_before"], handed["due_after"]) == (before["due_on"], before["due_on"])
    assert handed["user_id"] == str(first.user_id)


def test_the_same_leading_officer_in_another_team_leaves_nothing_to_write(bureau: Bureau) -> None:
    case = bureau.docket.open()
    team = [str(bureau.docket.officers[0].user_id), str(bureau.docket.officer().user_id)]
    path = f"{CASES}/{case['id']}"
    changed = bureau.docket.officers[0].patch(path, version=case["version"], json={"officer_ids": team})
    assert changed.status_code == 200, changed.text
    (clock,) = bureau.running(subject_id=case["id"], unknown=True)
    assert [row["action"] for row in bureau.ledger(clock["id"])] == ["start"]


def test_running_clocks_go_with_their_officer_to_another_unit_and_ended_ones_stay(bureau: Bureau) -> None:
    officer = bureau.inspectors[0]
    ended, running = bureau.docket.hazard(), bureau.docket.hazard()
    bureau.order(officer, ended)
    bureau.order(bureau.inspectors[2], ended)  # ends the first officer's clock
    bureau.order(officer, running)
    bureau.move(officer, bureau.second)
    assert bureau.answering(running, "rectification") == (str(officer.user_id), bureau.second)
    (past,) = bureau.running(responsible_id=officer.user_id, ended=True)
    assert past["brigade_id"] == bureau.first
    (clock,) = bureau.running(responsible_id=officer.user_id)
    assert [row["action"] for row in bureau.ledger(clock["id"])] == ["start", "hand_over"]
    bureau.move(officer, None)
    assert bureau.answering(running, "rectification") == (str(officer.user_id), None)


class Abroad:
    """Another authority of the city with a brigade of its own; `entrusted` by the bureau, or not."""

    def __init__(self, bureau: Bureau, *, entrusted: bool) -> None:
        self.authority, self.brigade = new_id(), new_id()
        code, world = self.authority.hex[:16], bureau.world

        async def make(session: AsyncSession) -> None:
            session.add(
                Authority(
                    id=self.authority, code=code, name=f"{code}局", document_word=code, region_id=world.city,
                    valid_from=date(2020, 1, 1),
                )
            )  # fmt: skip
            await session.flush()
            session.add(Brigade(id=self.brigade, authority_id=self.authority, name="外局大队"))
            if entrusted:
                session.add(
                    Entrustment(
                        authority_id=self.authority, entrusted_by=world.authority, valid_from=date(2020, 1, 1),
                        basis="委托书",
                    )
                )  # fmt: skip

        world.in_database(make)

    def transfer(self, bureau: Bureau, who: Person) -> None:
        path, admin = f"/api/v1/users/{who.user_id}", bureau.admin
        body = {"authority_id": str(self.authority), "brigade_id": str(self.brigade)}
        answer = admin.patch(path, json=body, version=admin.get(path).json()["version"])
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("entrusted", [True, False])
def test_clocks_follow_to_another_authority_only_where_it_acts_in_the_name_of_theirs(
    bureau: Bureau, entrusted: bool
) -> None:
    officer, hazard = bureau.inspectors[0], bureau.docket.hazard()
    bureau.order(officer, hazard)
    abroad = Abroad(bureau, entrusted=entrusted)
    abroad.transfer(bureau, officer)
    unit = str(abroad.brigade) if entrusted else bureau.first
    assert bureau.answering(hazard, "rectification") == (str(officer.user_id), unit)
    ((clock,), written) = bureau.running(subject_id=hazard), ["start", "hand_over"][: 2 if entrusted else 1]
    assert [row["action"] for row in bureau.ledger(clock["id"])] == written
    done = {"note": "已整改", "evidence_ids": []}
    version = bureau.inspectors[2].get(f"{HAZARDS}/{hazard}").json()["version"]
    told = bureau.inspectors[2].post(f"{HAZARDS}/{hazard}/rectification", json=done, version=version)
    assert told.status_code == 200, told.text
    started = str(abroad.brigade) if entrusted else None  # no unit of another authority gets a new one
    assert bureau.answering(hazard, "recheck") == (str(officer.user_id), started)


@pytest.mark.parametrize("moves_first", [False, True])
def test_whoever_moves_while_a_clock_is_started_takes_it_along(bureau: Bureau, moves_first: bool) -> None:
    """Two transactions, each begun before the other one has ended."""
    officer, hazard, world = bureau.inspectors[0], bureau.docket.hazard(), bureau.world
    subject = Subject("hazard", hazard, world.authority, world.town, officer.user_id)

    async def move(session: AsyncSession) -> None:
        there = UUID(bureau.second)
        await session.execute(update(User).where(User.id == officer.user_id).values(brigade_id=there))
        await publish(session, UserChangedBrigade(officer.user_id, world.authority, there))

    async def start(session: AsyncSession) -> None:
        await start_clock(session, SYSTEM, subject, "recheck", shanghai_today())

    first, second = (move, start) if moves_first else (start, move)

    async def in_its_own(act: Any) -> None:
        async with world.runtime.database.write() as session:
            await act(session)

    async def both() -> bool:
        async with world.runtime.database.write() as session:
            await first(session)
            other = asyncio.create_task(in_its_own(second))
            await asyncio.wait([other], timeout=0.5)
            has_waited = not other.done()
        await other
        return has_waited

    assert world.client.portal is not None
    assert world.client.portal.call(both)
    assert bureau.answering(hazard, "recheck") == (str(officer.user_id), bureau.second)


def test_to_move_with_many_clocks_costs_the_statements_of_one(bureau: Bureau, runtime: Runtime) -> None:
    one, _, other = bureau.inspectors
    bureau.order(one, bureau.docket.hazard())
    for _ in range(4):
        bureau.order(other, bureau.docket.hazard())
    with recorded_queries(runtime.database) as few:
        bureau.move(one, bureau.second)
    with recorded_queries(runtime.database) as many:
        bureau.move(other, bureau.first)
    assert len(few) == len(many)
    clocks = bureau.running(responsible_id=other.user_id)
    assert {clock["brigade_id"] for clock in clocks} == {bureau.first}
    assert [[row["action"] for row in bureau.ledger(clock["id"])] for clock in clocks] == [
        ["start", "hand_over"]
    ] * 4


def test_the_person_in_charge_hands_a_clock_over_with_a_reason(bureau: Bureau) -> None:
    one, _, other = bureau.inspectors
    hazard, chief = bureau.docket.hazard(), bureau.docket.chief
    due = bureau.order(one, hazard)["due_on"]
    (clock,) = bureau.running(subject_id=hazard)
    path, body = f"{CLOCKS}/{clock['id']}/hand-over", {"responsible_id": str(other.user_id), "reason": "调离"}
    assert one.post(path, json=body, version=clock["version"]).status_code == 403
    abroad = bureau.world.person("approver", region=bureau.world.other_district)
    assert abroad.post(path, json=body, version=clock["version"]).status_code == 404
    assert chief.post(path, json=body).status_code == 428
    given = chief.post(path, json=body, version=clock["version"])
    assert given.status_code == 200, given.text
    shown = given.json()
    assert (shown["responsible_id"], shown["brigade_id"], shown["due_on"]) == (
        str(other.user_id), bureau.second, due,
    )  # fmt: skip
    again = chief.post(path, json=body, version=clock["version"])
    assert (again.status_code, again.json()["code"]) == (412, "precondition_failed")
    last = bureau.ledger(clock["id"])[-1]
    assert (last["action"], last["reason"], last["responsible_id"], last["user_id"]) == (
        "hand_over", "调离", str(other.user_id), str(chief.user_id),
    )  # fmt: skip
    done = {"note": "已整改", "evidence_ids": [str(new_id())]}
    version = one.get(f"{HAZARDS}/{hazard}").json()["version"]
    one.post(f"{HAZARDS}/{hazard}/rectification", json=done, version=version)
    assert bureau.answering(hazard, "recheck") == (str(other.user_id), bureau.second)


def test_who_took_a_re_inspection_over_answers_for_the_period_that_it_reopens(bureau: Bureau) -> None:
    one, colleague, other = bureau.inspectors
    hazard, field = bureau.docket.hazard(), bureau.docket.field
    version = bureau.order(one, hazard)["version"]
    done = {"note": "已整改", "evidence_ids": [str(new_id())]}
    assert one.post(f"{HAZARDS}/{hazard}/rectification", json=done, version=version).status_code == 200
    (recheck,) = bureau.running(subject_id=hazard)
    path, body = (
        f"{CLOCKS}/{recheck['id']}/hand-over",
        {"responsible_id": str(other.user_id), "reason": "调离"},
    )
    assert bureau.docket.chief.post(path, json=body, version=recheck["version"]).status_code == 200
    phone, result = field.phone(one.user_id), {"hazard_id": str(hazard), "is_rectified": False}
    team = [one.user_id, colleague.user_id]
    document = field.document(field.publish("rto"), team, kind="reinspection", hazards=[result])
    assert phone.put_package(phone.seal(document, [])).status_code == 201
    assert bureau.answering(hazard, "rectification") == (str(other.user_id), bureau.second)
    (clock,) = bureau.running(subject_id=hazard)
    told = [(row["action"], row["responsible_id"]) for row in bureau.ledger(clock["id"])]
    assert told == [("start", str(one.user_id)), ("end", None), ("reopen", str(other.user_id))]


def test_one_clock_of_a_case_is_not_handed_over_without_its_team(bureau: Bureau) -> None:
    case = bureau.docket.open()
    (clock,) = bureau.running(subject_id=case["id"], unknown=True)
    leading = clock["responsible_id"]
    body = {"responsible_id": str(bureau.docket.officer().user_id), "reason": "调离"}
    path = f"{CLOCKS}/{clock['id']}/hand-over"
    refused = bureau.docket.chief.post(path, json=body, version=clock["version"])
    assert (refused.status_code, refused.json()["code"]) == (422, "clock_of_team")
    assert refused.json()["case_id"] == case["id"]
    (after,) = bureau.running(subject_id=case["id"], unknown=True)
    assert (after["version"], after["responsible_id"]) == (clock["version"], leading)


def test_only_who_serves_the_authority_or_one_it_has_entrusted_answers_for_its_clocks(bureau: Bureau) -> None:
    entrusted, foreign, closed = (
        bureau.world.person("inspector", region=bureau.world.town) for _ in range(3)
    )
    others = {entrusted: new_id(), foreign: new_id()}

    async def place(session: AsyncSession) -> None:
        for who, authority in others.items():
            code = authority.hex[:16]
            session.add(
                Authority(
                    id=authority, code=code, name=f"{code}局", document_word=code, region_id=bureau.world.city,
                    valid_from=date(2020, 1, 1),
                )
            )  # fmt: skip
            await session.flush()
            (await session.get_one(User, who.user_id)).authority_id = authority
        (await session.get_one(User, closed.user_id)).is_active = False
        session.add(
            Entrustment(
                authority_id=others[entrusted], entrusted_by=bureau.world.authority, valid_from=date(2020, 1, 1),
                basis="委托书",
            )
        )  # fmt: skip

    bureau.world.in_database(place)
    hazard = bureau.docket.hazard()
    bureau.order(bureau.inspectors[0], hazard)
    (clock,) = bureau.running(subject_id=hazard)

    def handed(user_id: UUID) -> Any:
        body = {"responsible_id": str(user_id), "reason": "调离"}
        path = f"{CLOCKS}/{clock['id']}/hand-over"
        return bureau.docket.chief.post(path, json=body, version=clock["version"])

    for refused in (foreign.user_id, closed.user_id, new_id()):
        answer = handed(refused)
        assert (answer.status_code, answer.json()["code"]) == (422, "clock_person")
    assert handed(entrusted.user_id).status_code == 200


def test_a_reminder_reaches_the_one_who_answers_and_his_unit(bureau: Bureau) -> None:
    one, _, other = bureau.inspectors
    hazard = bureau.docket.hazard()
    due = date.fromisoformat(bureau.order(one, hazard)["due_on"])
    with standing_at(noon(due)):
        while bureau.world.in_database(raise_reminders):
            pass
        reader = bureau.world.logged_in(one.user_id)

        def reminded(**narrowed: Any) -> list[str]:
            params = {name: str(value) for name, value in narrowed.items()}
            rows = reader.get(f"{CLOCKS}/reminders", params=params).json()["items"]
            return [row["clock"]["subject_id"] for row in rows]

        assert reminded(responsible_id=one.user_id) == [str(hazard)]
        assert reminded(brigade_id=bureau.first) == reminded(brigade_id=bureau.brigade) == [str(hazard)]
        assert reminded(region_id=bureau.world.town) == [str(hazard)]
        assert reminded(responsible_id=other.user_id) == reminded(brigade_id=bureau.second) == []
        assert reminded(region_id=bureau.world.other_town) == []


def test_a_unit_s_list_costs_the_same_whatever_its_length(bureau: Bureau, runtime: Runtime) -> None:
    for _ in range(3):
        bureau.order(bureau.inspectors[0], bureau.docket.hazard())
    with recorded_queries(runtime.database) as few:
        bureau.docket.chief.get(CLOCKS, params={"brigade_id": bureau.brigade, "limit": 1})
    with recorded_queries(runtime.database) as many:
        assert len(bureau.running(brigade_id=bureau.brigade)) == 3
    assert len(few) == len(many)


def test_a_town_s_reader_sees_no_clock_of_a_unit_beyond_it(bureau: Bureau, world: World) -> None:
    bureau.order(bureau.inspectors[0], bureau.docket.hazard())
    abroad = world.person("approver", region=world.other_district)
    assert abroad.get(CLOCKS, params={"brigade_id": bureau.brigade}).json()["items"] == []
