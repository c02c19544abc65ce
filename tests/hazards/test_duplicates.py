"""Hazards that may be one are proposed with reasons; a person merges or dismisses, and nothing is ever merged by itself."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.core.text import bigrams
from app.enums.hazards import DuplicateStatus
from app.enums.identity import Role
from app.models.clocks import Clock
from app.models.hazards import Hazard, HazardDuplicate
from app.models.history import AuditEntry
from app.services.hazards import duplicate_rule
from app.services.hazards.comparing import _PAIRS, CANDIDATES, PROPOSALS, compare_changed
from app.services.hazards.content import duplicate_limits, registry_settings
from app.services.hazards.duplicate_rule import Found, Limits, Reason, reasons_for, similarity
from app.services.hazards.duplicate_workflow import STATES, TRANSITIONS
from app.services.hazards.folding import fold_changes
from app.services.identity.policy import PERMISSIONS
from app.services.runtime import Runtime
from tests.contracts.callers import api_client
from tests.determinations.making import NO_ALARM, Visit, answers
from tests.determinations.test_verification import DECIDED, step, verified
from tests.factories.cases import PATH as CASES
from tests.factories.cases import Docket
from tests.factories.field import Field
from tests.factories.orders import order
from tests.factories.replica import Replica, relay
from tests.factories.world import Person, World
from tests.hazards.registering import Registry, note
from tests.support.queries import recorded_queries

PATH, HAZARDS = "/api/v1/hazard-duplicates", "/api/v1/hazards"
DOORS = {"merge": "merging", "undo": "undoing", "dismiss": "dismissal"}
LIMITS = Limits(days=30, metres=200, similarity=60)
DAY = date(2026, 11, 25)
HERE = (30_000_000, 120_000_000)
METRE = 9  # microdegrees of latitude: 1.0007 metres
BASE = Found(
    new_id(), new_id(), new_id(), new_id(), new_id(), "RTO-01", frozenset(), None, "未设置可燃气体报警装置", DAY, HERE
)  # fmt: skip


def like(**changes: Any) -> Found:
    """Another finding of the same thing, but for these."""
    return replace(BASE, id=new_id(), package_id=new_id(), **changes)


def codes(one: Found, other: Found) -> list[str]:
    return [reason.code for reason in reasons_for(one, other, LIMITS)]


# --- the rule


def test_the_same_item_of_one_unit_has_its_reasons() -> None:
    assert reasons_for(BASE, like(found_on=DAY + timedelta(days=2)), LIMITS) == (
        Reason("unit"), Reason("item", "RTO-01"), Reason("days", 2),
    )  # fmt: skip


@pytest.mark.parametrize(("days", "proposed"), [(29, True), (30, True), (31, False)])
@pytest.mark.parametrize("direction", [1, -1])
def test_days_between_count_both_ways(days: int, proposed: bool, direction: int) -> None:
    assert bool(codes(BASE, like(found_on=DAY + timedelta(days=days * direction)))) is proposed


@pytest.mark.parametrize(("metres", "proposed"), [(199, True), (200, True), (202, False)])
@pytest.mark.parametrize("site", ["same", "other"])
def test_metres_between_places_without_a_common_unit(metres: int, proposed: bool, site: str) -> None:
    changes = {"site_id": new_id()} if site == "other" else {}
    far = (HERE[0] + metres * METRE - metres // 200, HERE[1])
    found = codes(replace(BASE, risk_unit_id=None), like(risk_unit_id=None, place=far, **changes))
    assert found == ([("site" if site == "same" else "near"), "item", "days"] if proposed else [])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"place": (31_000_000, 121_000_000)}, ["unit", "item", "days"]),  # one unit stands in one place
        ({"risk_unit_id": None, "place": None}, ["site", "item", "days"]),
        ({"risk_unit_id": None, "place": None, "site_id": new_id()}, []),
        ({"risk_unit_id": new_id()}, []),
        ({"enterprise_id": new_id()}, []),
        ({"item_code": "RTO-02"}, []),
        ({"item_code": None}, ["unit", "text", "days"]),
        ({"item_code": None, "description": "未设置可燃气体报警装置！"}, ["unit", "text", "days"]),
        ({"item_code": None, "description": "疏散通道堆放杂物"}, []),
        ({"subject": "2号炉"}, ["unit", "item", "days"]),
        ({"package_id": BASE.package_id}, []),
        ({"id": BASE.id}, []),
    ],
)
def test_what_makes_two_of_them(changes: dict[str, Any], expected: list[str]) -> None:
    assert codes(BASE, replace(like(), **changes)) == expected


def test_different_subjects_are_two_and_the_same_one_in_other_widths_is_one() -> None:
    one = replace(BASE, subject="1号炉 A")
    assert codes(one, like(subject="2号炉")) == []
    assert codes(one, like(subject="１号炉ａ")) == ["unit", "item", "days"]


def test_a_clause_of_both_counts_confirmed_or_suspected() -> None:
    one = replace(BASE, item_code=None, clauses=frozenset({"MEM10-7-5"}), description="甲")
    assert codes(one, like(item_code=None, clauses=frozenset({"MEM10-7-5", "x"}), description="乙")) == [
        "unit", "clause", "days",
    ]  # fmt: skip
    assert codes(one, like(item_code=None, clauses=frozenset({"x"}), description="乙")) == []


def likeness(one: str, other: str) -> int:
    return similarity(like(description=one).words, like(description=other).words)


@pytest.mark.parametrize(
    "changes",
    [{}, {"item_code": None, "risk_unit_id": None, "place": (31_000_000, 120_000_000)}, {"risk_unit_id": new_id()}],
    ids=["the same item", "another place", "another unit"],
)  # fmt: skip
def test_words_are_compared_only_where_nothing_else_has_decided(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(duplicate_rule, "bigrams", read.append)
    reasons_for(BASE, like(**changes), LIMITS)
    assert read == []


@pytest.mark.parametrize(("shared", "proposed"), [(5, False), (6, True), (7, True)])
def test_words_are_alike_from_the_percent_on(shared: int, proposed: bool) -> None:
    words = "甲乙丙丁戊己庚辛壬癸子"  # ten pairs
    other = words[: shared + 1] + "寅卯辰巳午未申酉戌亥"[: 10 - shared]
    assert likeness(words, other) == shared * 10
    assert bool(codes(replace(BASE, description=words), like(item_code=None, description=other))) is proposed


TEXT = st.text(alphabet="未设置报警Ａa b1", max_size=12)


@given(TEXT, TEXT)
def test_likeness_is_symmetric_bounded_and_blind_to_width_case_and_spaces(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert 0 <= likeness(one, other) <= 100
    if one.strip():
        assert likeness(one, f" {one.upper()} ") == 100


@given(
    st.sampled_from([BASE.site_id, new_id()]),
    st.sampled_from([None, BASE.risk_unit_id]),
    st.sampled_from([None, "RTO-01", "RTO-02"]),
    TEXT,
    st.integers(-40, 40),
    st.sampled_from([None, HERE, (30_001_500, 120_000_000), (30_003_000, 120_000_000)]),
)
def test_who_is_compared_with_whom_does_not_matter(
    site: UUID, unit: UUID | None, item: str | None, words: str, days: int, place: tuple[int, int] | None
) -> None:
    other = like(
        site_id=site, risk_unit_id=unit, item_code=item, description=words, found_on=DAY + timedelta(days=days), place=place
    )  # fmt: skip
    assert reasons_for(BASE, other, LIMITS) == reasons_for(other, BASE, LIMITS)


def test_the_limits_are_settings_to_be_confirmed() -> None:
    assert duplicate_limits() == LIMITS
    for name in ("days", "metres", "similarity"):
        assert registry_settings()[f"duplicate_{name}"]["to_be_confirmed"] is True


# --- proposing


class Yard:
    """One site, the hazards that different people find there, and the person in charge."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.docket = Docket(world)
        self.field, self.chief = self.docket.field, self.docket.chief
        self.officers = [world.person("inspector", region=world.town) for _ in range(2)]
        self.phones = [self.field.phone(one.user_id) for one in self.officers]

    def send(self, phone: int, item: str = "RTO-01", **changes: Any) -> None:
        """A package of one of the phones in which the item fails."""
        ids = [officer.user_id for officer in self.officers]
        document = self.field.document(self.field.publish("rto"), ids, answers={item: {"value": "no"}})
        package = self.phones[phone].seal({**document, **changes}, [])
        answer = self.phones[phone].put_package(package)
        assert answer.status_code == 201, answer.text

    def two(self, **changes: Any) -> tuple[str, str]:
        """The ids of two hazards of the same item, the earlier first; `changes` are of the later."""
        made = []
        for values in ({}, changes):
            identifier = self.docket.hazard()
            made.append(str(identifier))
            self.set(str(identifier), item_code="RTO-01", **values)
        return made[0], made[1]

    def set(self, hazard_id: str, **values: Any) -> None:
        async def change(session: AsyncSession) -> None:
            await session.execute(update(Hazard).where(Hazard.id == UUID(hazard_id)).values(**values))
            await note(session, "hazard", UUID(hazard_id))

        self.world.in_database(change)

    def proposed(self, **params: Any) -> list[dict[str, Any]]:
        compare(self.world)
        found = self.chief.get(PATH, params={"status": "proposed", **params})
        return list(found.json()["items"])

    def pair(self, **changes: Any) -> dict[str, Any]:
        self.two(**changes)
        (pair,) = self.proposed()
        return pair

    def act(self, who: Person, pair: dict[str, Any], action: str, **changes: Any) -> Any:
        body = {"reason": "同一处问题", **changes}
        if action == "merge":
            body.setdefault("kept_id", pair["other"]["id"])
        return who.post(f"{PATH}/{pair['id']}/{DOORS[action]}", json=body, version=pair["version"])

    def listed(self, **params: Any) -> list[str]:
        rows = self.chief.get(HAZARDS, params=params).json()["items"]
        return [row["id"] for row in rows]


def compare(world: World) -> None:
    relay(world)
    while world.in_database(compare_changed):
        pass


@pytest.fixture
def yard(world: World) -> Yard:
    return Yard(world)


@pytest.mark.parametrize("visit", ["the same", "another"])
def test_two_phones_that_find_the_same_thing_give_a_proposal_and_both_hazards_stay(
    yard: Yard, visit: str
) -> None:
    yard.send(0)
    if visit == "another":
        yard.field.visit_id = new_id()
    yard.send(1)
    assert len(yard.listed()) == 2
    (pair,) = yard.proposed()
    assert [reason["code"] for reason in pair["reasons"]] == ["site", "item", "days"]
    assert pair["reasons"][1]["zh"] == "同一检查项 RTO-01"
    assert (pair["hazard"]["merged_into_id"], pair["other"]["merged_into_id"]) == (None, None)
    assert len(yard.listed()) == 2


def test_two_items_of_one_package_and_two_sites_of_two_firms_are_not_proposed(yard: Yard) -> None:
    yard.send(0)
    yard.send(1, "RTO-02")
    other = Yard(yard.world)
    other.send(0)
    assert yard.proposed() == []


def test_what_was_dismissed_is_not_proposed_again_and_comparing_twice_adds_nothing(yard: Yard) -> None:
    pair = yard.pair()
    assert yard.act(yard.chief, pair, "dismiss").json()["status"] == "dismissed"
    yard.set(pair["hazard"]["id"], description="另一句话")
    yard.set(pair["other"]["id"], description="另一句话")
    assert yard.proposed() == []
    yard.docket.hazard()
    assert len(yard.proposed()) == 0  # no item, and its words are not alike


def test_what_is_found_again_and_again_is_proposed_with_its_newest_likes_and_a_dismissal_makes_room(
    yard: Yard,
) -> None:
    made = []
    for _ in range(PROPOSALS + 3):
        made.append(str(yard.docket.hazard()))
        yard.set(made[-1], item_code="RTO-01")
        compare(yard.world)  # each as it is found
    newest = made[-1]

    def likes() -> list[str]:
        return sorted(pair["other"]["id"] for pair in yard.proposed() if pair["hazard"]["id"] == newest)

    assert likes() == sorted(made[-1 - PROPOSALS : -1])
    (first,) = [
        one for one in yard.proposed() if one["hazard"]["id"] == newest and one["other"]["id"] == made[-2]
    ]
    assert yard.act(yard.chief, first, "dismiss").json()["status"] == "dismissed"
    assert likes() == sorted(made[-2 - PROPOSALS : -2])


def test_a_clause_that_is_confirmed_later_makes_them_alike(yard: Yard) -> None:
    first, second = str(yard.docket.hazard()), str(yard.docket.hazard())
    yard.set(first, description="报警联锁被旁路")
    major = {"level": "major", "clause": "MEM10-7-5", "major_since": shanghai_today()}
    yard.set(first, **major)
    assert yard.proposed() == []
    yard.set(second, **major)
    (pair,) = yard.proposed()
    assert [reason["code"] for reason in pair["reasons"]] == ["site", "clause", "days"]


def test_a_submission_is_compared_by_the_worker_and_not_by_its_request(yard: Yard, runtime: Runtime) -> None:
    yard.send(0)
    yard.field.visit_id = new_id()
    with recorded_queries(runtime.database) as sent:
        yard.send(1)
    assert not [one for one in sent if "hazard_duplicates" in one or "hazard_comparing" in one]


def test_new_hazards_are_compared_in_a_few_statements_whatever_their_number(
    yard: Yard, runtime: Runtime
) -> None:
    counts = []
    for number in (1, 5):
        for _ in range(number):
            yard.two()
        relay(yard.world)
        with recorded_queries(runtime.database) as sent:
            compare(yard.world)
        counts.append(len(sent))
    assert counts[1] - counts[0] <= 2


def test_many_hazards_are_compared_beside_the_event_loop_and_each_is_read_once(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    looping: list[bool] = []

    def pairs_of(words: str) -> list[str]:
        read.append(words)
        looping.append(asyncio._get_running_loop() is not None)
        return bigrams(words)

    relay(yard.world)
    compare(yard.world)  # what other tests left
    for number in range(6):
        yard.set(str(yard.docket.hazard()), description=f"第{number}处")
    relay(yard.world)
    monkeypatch.setattr(duplicate_rule, "bigrams", pairs_of)
    compare(yard.world)
    assert sorted(read) == [f"第{number}处" for number in range(6)]
    assert not any(looping)


def test_one_hazard_is_compared_through_indexes_however_large_the_registry(yard: Yard) -> None:
    """Twenty thousand hazards of other firms, in one database transaction that is rolled back."""
    first, _ = yard.two()

    class Enough(Exception):
        pass

    async def plan(session: AsyncSession) -> None:
        await session.execute(text(MANY), {"like": UUID(first)})
        await session.execute(text("ANALYZE"))
        values = {"position": 0, "until": 0, "days": 30, "candidates": CANDIDATES}
        lines = await session.execute(text("EXPLAIN " + _PAIRS.text), values)
        raise Enough("\n".join(lines.scalars()))

    with pytest.raises(Enough) as shown:
        yard.world.in_database(plan)
    assert "ix_hazards_enterprise_id" in str(shown.value)
    assert "Seq Scan on hazards" not in str(shown.value)


MANY = """
    WITH firms AS (
        INSERT INTO enterprises (id, version, created_at, updated_at, name, name_bigrams, name_folded, substitute_mark, region_id,
                                 regulated_trades, is_labour_intensive, is_active)
        SELECT gen_random_uuid(), 1, now(), now(), 'x', '{}', 'x', 'M' || gen_random_uuid(), region_id, '{}', false, true
          FROM hazards, generate_series(1, 2000) WHERE id = :like RETURNING id)
    INSERT INTO hazards (id, version, created_at, updated_at, number, authority_id, enterprise_id, site_id, region_id, level,
                         source, description, found_on, evidence_ids, status)
    SELECT gen_random_uuid(), 1, now(), now(), gen_random_uuid()::text, h.authority_id, firms.id, h.site_id, h.region_id, h.level,
           h.source, h.description, h.found_on, '{}', h.status
      FROM hazards h, firms, generate_series(1, 10) WHERE h.id = :like
"""


def test_sites_of_one_firm_near_each_other_may_be_one_place(world: World) -> None:
    registry, today = Registry(world), shanghai_today()

    async def build(session: AsyncSession) -> list[UUID]:
        firm = await registry.enterprise(session, world.town)
        made = []
        for north in (0, 150, 400):
            place = (HERE[0] + north * METRE, HERE[1])
            site = await registry.site(session, firm, world.town, place)
            made.append(
                await registry.hazard(session, firm, site, world.town, item_code="RTO-01", found_on=today)
            )
        return made

    first, second, _ = world.in_database(build)
    compare(world)
    pairs = world.person("approver", region=world.town).get(PATH).json()["items"]
    (pair,) = [one for one in pairs if one["other"]["id"] == str(first)]
    assert pair["hazard"]["id"] == str(second)
    assert [reason["code"] for reason in pair["reasons"]] == ["near", "item", "days"]
    assert pair["reasons"][0]["value"] in (149, 150, 151)


# --- deciding


def test_one_stays_and_the_other_is_merged_into_it_until_undone(yard: Yard) -> None:
    pair = yard.pair()
    kept, merged = pair["other"]["id"], pair["hazard"]["id"]
    pair = yard.act(yard.chief, pair, "merge").json()
    assert (pair["status"], pair["kept_id"]) == ("merged", kept)
    assert yard.listed() == [kept]
    assert yard.listed(merged=True) == [merged]
    shown = yard.chief.get(f"{HAZARDS}/{merged}").json()
    assert (shown["merged_into_id"], shown["status"]) == (kept, "found")
    assert [one["action"] for one in shown["steps"]] == ["merge"]
    stays = yard.chief.get(f"{HAZARDS}/{kept}").json()
    assert (stays["merged_here"], [one["note"] for one in stays["steps"]]) == ([merged], ["同一处问题"])
    pair = yard.act(yard.chief, pair, "undo").json()
    assert (pair["status"], pair["kept_id"]) == ("proposed", None)
    assert set(yard.listed()) == {kept, merged}
    assert yard.chief.get(f"{HAZARDS}/{kept}").json()["merged_here"] == []
    again = yard.act(yard.chief, pair, "merge", kept_id=merged)
    assert again.json()["kept_id"] == merged

    async def trail(session: AsyncSession) -> list[str]:
        wanted = select(AuditEntry.action).where(AuditEntry.object_id == UUID(pair["id"]))
        return list((await session.execute(wanted.order_by(AuditEntry.id))).scalars())

    assert yard.world.in_database(trail) == [
        "hazards:propose_merging", "hazards:merge_duplicate", "hazards:undo_duplicate", "hazards:merge_duplicate",
    ]  # fmt: skip


def test_a_merged_hazard_takes_no_step_and_opens_no_case_but_keeps_what_it_had(yard: Yard) -> None:
    pair = yard.pair()
    kept, merged = pair["other"]["id"], pair["hazard"]["id"]
    case = yard.docket.open(UUID(merged))
    assert yard.act(yard.chief, pair, "merge").status_code == 200
    refused = order(yard.officers, merged)
    assert (refused.status_code, refused.json()["lines"][0]["reason"]) == (409, "merged")
    assert order(yard.officers, kept).status_code == 201
    opened = yard.docket.officers[0].post(CASES, json=yard.docket.request(UUID(merged)))
    assert (opened.status_code, opened.json()["code"]) == (409, "hazard_merged")
    still = yard.docket.officers[0].get(f"{CASES}/{case['id']}").json()
    assert [one["hazard_id"] for one in still["hazards"]] == [merged]


def test_a_phone_loses_the_merged_one_and_gets_it_back_with_the_undoing(yard: Yard) -> None:
    pair = yard.pair()
    kept, merged = (UUID(pair[name]["id"]) for name in ("other", "hazard"))
    replica = Replica(yard.world, yard.phones[0])
    replica.pull("hazards")
    assert {kept, merged} <= replica.held("hazards")
    pair = yard.act(yard.chief, pair, "merge").json()
    replica.pull("hazards")
    assert merged not in replica.held("hazards")
    assert kept in replica.held("hazards")
    yard.act(yard.chief, pair, "undo")
    replica.pull("hazards")
    assert merged in replica.held("hazards")


def test_a_partner_reads_the_one_that_stays(yard: Yard) -> None:
    pair = yard.pair()
    for one in (pair["hazard"]["id"], pair["other"]["id"]):
        yard.set(one, status="reinspected")
    yard.act(yard.chief, pair, "merge")
    client = api_client(yard.world, yard.world.town, ("hazards:read",))
    rows = client.get("/partner/v1/hazards").json()["items"]
    assert [row["id"] for row in rows] == [pair["other"]["id"]]


@pytest.mark.parametrize("folded", [False, True])
def test_counters_leave_the_merged_one_out_folded_or_not(yard: Yard, folded: bool) -> None:
    pair = yard.pair()

    def count() -> tuple[int, int]:
        relay(yard.world)
        while folded and yard.world.in_database(fold_changes):
            pass
        whole = yard.chief.get(f"{HAZARDS}/totals", params={"by": "level"}).json()["whole"]["count"]
        return whole, sum(row["count"] for row in yard.chief.get(f"{HAZARDS}/counts").json())

    assert count() == (2, 2)
    pair = yard.act(yard.chief, pair, "merge").json()
    assert count() == (1, 1)
    assert yard.chief.get(f"{HAZARDS}/counts", params={"merged": True}).json()[0]["count"] == 1
    yard.act(yard.chief, pair, "undo")
    assert count() == (2, 2)


def test_a_major_hazard_stays_before_a_general_one(yard: Yard) -> None:
    pair = yard.pair()
    yard.set(pair["hazard"]["id"], level="major", clause="MEM10-7-5", major_since=shanghai_today())
    refused = yard.act(yard.chief, pair, "merge")
    assert (refused.status_code, refused.json()["code"]) == (409, "merge_level")
    assert yard.act(yard.chief, pair, "merge", kept_id=pair["hazard"]["id"]).status_code == 200


def test_an_order_that_runs_is_not_made_to_disappear(yard: Yard) -> None:
    pair = yard.pair()
    ordered = pair["hazard"]["id"]
    assert order(yard.officers, ordered).status_code == 201
    refused = yard.act(yard.chief, pair, "merge")
    assert (refused.status_code, refused.json()["code"]) == (409, "merge_period_runs")

    async def end(session: AsyncSession) -> None:
        running = update(Clock).where(Clock.subject_id == UUID(ordered))
        await session.execute(running.values(ended_on=shanghai_today()))

    yard.world.in_database(end)
    assert yard.act(yard.chief, pair, "merge").status_code == 200
    assert len(yard.chief.get(f"{HAZARDS}/{ordered}").json()["orders"]) == 1


def test_what_is_closed_or_merged_by_now_waits_for_nobody_and_is_not_merged(yard: Yard) -> None:
    first, second = yard.two()
    third = str(yard.docket.hazard())
    yard.set(third, item_code="RTO-01")
    pairs = {(one["other"]["id"], one["hazard"]["id"]): one for one in yard.proposed()}
    assert set(pairs) == {(first, second), (first, third), (second, third)}
    assert yard.act(yard.chief, pairs[first, second], "merge").status_code == 200
    assert [one["id"] for one in yard.proposed()] == [pairs[first, third]["id"]]
    refused = yard.act(yard.chief, pairs[second, third], "merge")
    assert (refused.status_code, refused.json()["code"]) == (409, "hazard_merged")
    yard.set(first, status="closed", closed_on=shanghai_today())
    assert yard.proposed() == []
    assert yard.act(yard.chief, pairs[first, third], "merge").status_code == 409


def test_the_one_that_stays_is_one_of_the_two(yard: Yard) -> None:
    refused = yard.act(yard.chief, yard.pair(), "merge", kept_id=str(yard.docket.hazard()))
    assert (refused.status_code, refused.json()["code"]) == (422, "duplicate_choice")


def test_a_measure_that_covered_the_merged_one_covers_the_one_that_stays(yard: Yard) -> None:
    pair = yard.pair()
    body = {
        "site_id": str(yard.field.site_id), "authority_id": str(yard.world.authority),
        "officer_ids": [str(one.user_id) for one in yard.officers], "kinds": ["stop_use"], "place": "RTO装置",
        "ground": "排除前无法保证安全", "hazard_ids": [pair["hazard"]["id"]],
    }  # fmt: skip
    measure = yard.officers[0].post("/api/v1/onsite-measures", json=body).json()
    assert yard.act(yard.chief, pair, "merge").status_code == 200
    shown = yard.chief.get(f"/api/v1/onsite-measures/{measure['id']}").json()
    assert {one["id"] for one in shown["hazards"]} == {pair["hazard"]["id"], pair["other"]["id"]}


def test_what_is_confirmed_of_the_merged_one_makes_the_one_that_stays_major(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    found = visit.reader.get(HAZARDS, params={"site_id": str(visit.field.site_id)}).json()["items"]
    registry = Registry(world)

    async def pair_up(session: AsyncSession) -> tuple[UUID, list[UUID]]:
        field = visit.field
        kept = await registry.hazard(
            session, field.enterprise_id, field.site_id, field.region, item_code="RTO-01"
        )
        pairs = []
        for one in found:
            row = HazardDuplicate(
                hazard_id=max(kept, UUID(one["id"])), other_id=min(kept, UUID(one["id"])), region_id=field.region,
                reasons=[],
            )  # fmt: skip
            session.add(row)
            await session.flush()
            pairs.append(row.id)
        return kept, pairs

    kept, pairs = world.in_database(pair_up)
    chief = world.person("approver")
    for one in pairs:
        body = {"kept_id": str(kept), "reason": "同一处问题"}
        assert chief.post(f"{PATH}/{one}/merging", json=body, version=1).status_code == 200
    (suspected,) = visit.verdicts("suspected_major")
    assert (
        step(world.person("approver"), verified(visit, suspected), "confirmation", DECIDED).status_code == 200
    )
    assert chief.get(f"{HAZARDS}/{kept}").json()["level"] == "major"
    assert {chief.get(f"{HAZARDS}/{one['id']}").json()["level"] for one in found} == {"general"}


@settings(max_examples=12)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), max_size=12))
def test_whatever_is_merged_and_undone_every_hazard_has_one_that_stays(
    yard: Yard, acts: list[tuple[int, bool, bool]]
) -> None:
    """Of four hazards and all their pairs: no circle, nothing lost, and whatever is undone stands as before."""
    field = Field(yard.world)
    hazards = [yard.docket.hazard(field=field) for _ in range(4)]

    async def pair_up(session: AsyncSession) -> list[UUID]:
        rows = [
            HazardDuplicate(hazard_id=later, other_id=earlier, region_id=field.region, reasons=[])
            for at, earlier in enumerate(hazards)
            for later in hazards[at + 1 :]
        ]
        session.add_all(rows)
        await session.flush()
        return [row.id for row in rows]

    pairs = yard.world.in_database(pair_up)
    into: dict[str, str] = {}
    for at, keep_earlier, is_undoing in acts:
        pair = yard.chief.get(f"{PATH}/{pairs[at]}").json()
        ids = [pair["other"]["id"], pair["hazard"]["id"]]
        kept = ids[not keep_earlier] if not is_undoing else pair["kept_id"]
        action = "undo" if is_undoing else "merge"
        answer = yard.act(yard.chief, pair, action, **({} if is_undoing else {"kept_id": kept}))
        possible = pair["status"] == "merged" if is_undoing else not into.keys() & set(ids)
        assert (answer.status_code == 200) is possible, answer.text
        if possible:
            merged = next(one for one in ids if one != kept)
            if is_undoing:
                del into[merged]
            else:
                into[merged] = kept
    shown = {str(one): yard.chief.get(f"{HAZARDS}/{one}").json()["merged_into_id"] for one in hazards}
    assert {one: kept for one, kept in shown.items() if kept} == into
    for one in shown:
        for _ in hazards:
            one = into.get(one, one)
        assert one not in into
    assert set(yard.listed(site_id=str(field.site_id))) == set(shown) - set(into)


# --- who may


def test_every_state_step_and_role_through_the_door(yard: Yard) -> None:
    assert {one.value for one in DuplicateStatus} == STATES
    pair = yard.pair()
    people = {role: yard.world.person(role, region=yard.world.town) for role in Role}

    async def put(session: AsyncSession, status: str) -> None:
        kept = UUID(pair["other"]["id"]) if status == "merged" else None
        row = update(HazardDuplicate).where(HazardDuplicate.id == UUID(pair["id"]))
        await session.execute(row.values(status=status, version=1, kept_id=kept))
        merged = update(Hazard).where(Hazard.id == UUID(pair["hazard"]["id"]))
        await session.execute(merged.values(merged_into_id=kept))

    for status in sorted(STATES):
        for action, row in TRANSITIONS.items():
            for role, person in people.items():
                yard.world.in_database(lambda session, status=status: put(session, status))
                answer = yard.act(person, {**pair, "version": 1}, action)
                allowed = role in PERMISSIONS[row.permission]
                wanted = 403 if not allowed else 200 if status in row.sources else 409
                assert answer.status_code == wanted, (status, action, role, answer.text)
                if wanted == 200:
                    assert answer.json()["status"] == row.target


@pytest.mark.parametrize("role", sorted(PERMISSIONS["hazards:read"]))
def test_another_town_s_pairs_are_not_found(yard: Yard, role: str) -> None:
    pair = yard.pair()
    abroad = yard.world.person(role, region=yard.world.other_town)
    assert abroad.get(PATH).json()["items"] == []
    assert abroad.get(f"{PATH}/{pair['id']}").status_code == 404
    for action, row in TRANSITIONS.items():
        wanted = 404 if role in PERMISSIONS[row.permission] else 403
        assert yard.act(abroad, pair, action).status_code == wanted


def test_only_the_version_that_was_read_is_decided(yard: Yard) -> None:
    pair = yard.pair()
    assert yard.act(yard.chief, {**pair, "version": 7}, "merge").status_code == 412
    assert yard.chief.post(f"{PATH}/{pair['id']}/dismissal", json={"reason": "两处"}).status_code == 428


def test_pairs_are_listed_by_hazard_and_region_and_cost_the_same_whatever_their_number(
    yard: Yard, runtime: Runtime
) -> None:
    first, second = yard.two()
    third = str(yard.docket.hazard())
    yard.set(third, item_code="RTO-01")
    assert len(yard.proposed()) == 3
    assert len(yard.proposed(hazard_id=third)) == 2
    assert yard.proposed(region_id=str(yard.world.other_town)) == []
    with recorded_queries(runtime.database) as few:
        page = yard.chief.get(PATH, params={"limit": 1}).json()
    with recorded_queries(runtime.database) as many:
        yard.chief.get(PATH)
    assert len(few) == len(many) <= 6
    rest = yard.chief.get(PATH, params={"cursor": page["next_cursor"]}).json()["items"]
    assert len(rest) == 2
    assert {first, second} & {rest[0]["other"]["id"], rest[1]["other"]["id"]}
