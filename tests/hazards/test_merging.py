"""Merging takes nothing off the law: no act is fined twice, no confirmed level is lost, and parting restores what was."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today, utc_now
from app.core.ids import new_id
from app.models.hazards import Hazard, HazardDuplicate, HazardReport, HazardStep
from app.models.measures import OnsiteMeasure
from app.models.organizations import Authority
from tests.determinations.making import NO_ALARM, Visit, answers
from tests.determinations.test_verification import DECIDED, step, verified
from tests.factories.cases import PATH as CASES
from tests.factories.cases import allegation
from tests.factories.world import World
from tests.hazards.registering import Registry
from tests.hazards.test_duplicates import HAZARDS, PATH, Yard

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"


@pytest.fixture
def yard(world: World) -> Yard:
    return Yard(world)


def open_case(yard: Yard, *hazards: str, **changes: Any) -> Any:
    return yard.docket.officers[0].post(CASES, json=yard.docket.request(*map(UUID, hazards), **changes))


async def waiting(session: AsyncSession, call: Callable[[], Any], pool: ThreadPoolExecutor) -> Future[Any]:
    """A request that has begun, and either is answered or waits for this unit of work."""
    answer = pool.submit(call)
    for _ in range(250):
        if answer.done() or await session.scalar(text(WAITING)):
            break
        await asyncio.sleep(0.02)
    return answer


def meanwhile(yard: Yard, hazards: list[str], merged: str, kept: str | None, call: Callable[[], Any]) -> Any:
    """What a request answers that begins while a merging of the two hazards, or its undoing, is not yet committed."""

    async def merge(session: AsyncSession) -> Any:
        both = select(Hazard.id).where(Hazard.id.in_([UUID(one) for one in hazards])).order_by(Hazard.id)
        await session.execute(both.with_for_update())
        row = update(Hazard).where(Hazard.id == UUID(merged))
        into = UUID(kept) if kept else None
        await session.execute(row.values(merged_into_id=into, version=Hazard.version + 1))
        return await waiting(session, call, pool)

    with ThreadPoolExecutor(1) as pool:
        return yard.world.in_database(merge).result(timeout=30)


# --- one act, one fine


def test_an_act_that_a_case_pursues_is_not_pursued_again_as_the_hazard_it_was_merged_into(yard: Yard) -> None:
    first, second = yard.two()
    third = str(yard.docket.hazard())
    yard.set(third, item_code="RTO-01")
    pairs = {(one["other"]["id"], one["hazard"]["id"]): one for one in yard.proposed()}
    case = open_case(yard, third).json()
    assert yard.act(yard.chief, pairs[second, third], "merge", kept_id=second).status_code == 200
    assert yard.act(yard.chief, pairs[first, second], "merge", kept_id=first).status_code == 200
    refused = open_case(yard, first)
    assert (refused.status_code, refused.json()["code"]) == (409, "hazard_in_case")
    assert refused.json()["cases"] == case["number"]
    other_article = open_case(yard, first, allegations=[allegation(penalty_code="AQF-97-3")])
    assert other_article.status_code == 201
    revised = yard.docket.officers[0].patch(
        f"{CASES}/{case['id']}",
        version=case["version"],
        json={"allegations": [allegation(penalty_code="AQF-97-3")]},
    )
    assert (revised.status_code, revised.json()["code"]) == (409, "hazard_in_case")


def test_what_two_cases_pursue_by_one_article_is_not_merged(yard: Yard) -> None:
    pair = yard.pair()
    cases = [open_case(yard, pair[name]["id"]).json() for name in ("other", "hazard")]
    refused = yard.act(yard.chief, pair, "merge")
    assert (refused.status_code, refused.json()["code"]) == (409, "merge_two_cases")
    assert refused.json()["cases"] == "、".join(sorted(one["number"] for one in cases))
    assert yard.chief.get(f"{PATH}/{pair['id']}").json()["status"] == "proposed"


def test_what_one_case_pursues_or_two_by_different_articles_is_merged(yard: Yard) -> None:
    pair = yard.pair()
    both = [pair[name]["id"] for name in ("other", "hazard")]
    assert open_case(yard, *both).status_code == 201
    other = open_case(yard, both[1], allegations=[allegation(penalty_code="AQF-97-3")])
    assert other.status_code == 201
    assert yard.act(yard.chief, pair, "merge").status_code == 200


def test_a_case_opened_while_its_hazard_is_being_merged_is_refused(yard: Yard) -> None:
    kept, merged = yard.two()
    refused = meanwhile(yard, [kept, merged], merged, kept, lambda: open_case(yard, merged))
    assert (refused.status_code, refused.json()["code"]) == (409, "hazard_merged")


# --- what one can stand for


def refused_choice(yard: Yard, pair: dict[str, Any], kept: str) -> tuple[str, bool]:
    answer = yard.act(yard.chief, pair, "merge", kept_id=kept)
    assert (answer.status_code, answer.json()["code"]) == (409, "merge_choice")
    return answer.json()["reason"], answer.json()["other_way"]


def test_an_ordered_hazard_is_not_hidden_behind_a_tip_but_a_tip_behind_it(yard: Yard) -> None:
    pair = yard.pair(source="tip")
    tip, inspected = pair["hazard"]["id"], pair["other"]["id"]
    assert refused_choice(yard, pair, tip) == ("tip", True)
    answer = yard.act(yard.chief, pair, "merge", kept_id=tip)
    assert answer.json()["title"] == "举报线索不对外公布，保留它会使另一条从对外数据中消失；请改为保留另一条"
    assert yard.act(yard.chief, pair, "merge", kept_id=inspected).status_code == 200


def test_what_names_an_item_is_kept_before_what_names_none(yard: Yard) -> None:
    pair = yard.pair()
    yard.set(pair["other"]["id"], item_code=None)
    assert refused_choice(yard, pair, pair["other"]["id"]) == ("item", True)
    assert yard.act(yard.chief, pair, "merge", kept_id=pair["hazard"]["id"]).status_code == 200


def test_where_neither_can_stand_for_the_other_it_is_said(yard: Yard) -> None:
    pair = yard.pair(source="tip")
    yard.set(pair["other"]["id"], item_code=None)
    assert refused_choice(yard, pair, pair["hazard"]["id"]) == ("tip", False)
    assert refused_choice(yard, pair, pair["other"]["id"]) == ("item", False)


def test_hazards_of_two_authorities_are_neither_proposed_nor_merged(yard: Yard) -> None:
    pair = yard.pair()
    other = new_id()

    async def found(session: AsyncSession) -> None:
        session.add(
            Authority(
                id=other, code=other.hex, name="安市消防救援局", document_word="安消", region_id=yard.world.city,
                valid_from=shanghai_today(),
            )
        )  # fmt: skip
        await session.flush()

    yard.world.in_database(found)
    yard.set(pair["hazard"]["id"], authority_id=other)
    for name in ("hazard", "other"):
        assert refused_choice(yard, pair, pair[name]["id"]) == ("authority", False)
    third, fourth = (str(yard.docket.hazard()) for _ in range(2))
    yard.set(third, item_code="RTO-02", authority_id=other)
    yard.set(fourth, item_code="RTO-02")
    assert [one["id"] for one in yard.proposed()] == [pair["id"]]


# --- measures


def decide(yard: Yard, *hazards: str) -> Any:
    body = {
        "site_id": str(yard.field.site_id), "authority_id": str(yard.world.authority),
        "officer_ids": [str(one.user_id) for one in yard.officers], "kinds": ["stop_use"], "place": "RTO装置",
        "ground": "排除前无法保证安全", "hazard_ids": list(hazards),
    }  # fmt: skip
    return yard.officers[0].post("/api/v1/onsite-measures", json=body)


def measure_of(yard: Yard, *hazards: str) -> str:
    answer = decide(yard, *hazards)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def covered(yard: Yard, measure: str) -> set[str]:
    shown = yard.chief.get(f"/api/v1/onsite-measures/{measure}").json()
    return {one["id"] for one in shown["hazards"]}


def test_an_undoing_takes_off_the_measures_what_the_merging_added_and_no_more(yard: Yard) -> None:
    pair = yard.pair()
    kept, merged = pair["other"]["id"], pair["hazard"]["id"]
    widened, of_both = measure_of(yard, merged), measure_of(yard, merged, kept)
    pair = yard.act(yard.chief, pair, "merge").json()
    assert covered(yard, widened) == {kept, merged}
    yard.act(yard.chief, pair, "undo")
    assert covered(yard, widened) == {merged}
    assert covered(yard, of_both) == {kept, merged}


def test_a_measure_covers_the_one_that_stays_while_anything_merged_into_it_is_covered(yard: Yard) -> None:
    first, second = yard.two()
    third, last = (str(yard.docket.hazard()) for _ in range(2))
    for one in (third, last):
        yard.set(one, item_code="RTO-01")
    pairs = {frozenset((one["other"]["id"], one["hazard"]["id"])): one for one in yard.proposed()}
    measure = measure_of(yard, second, third)

    def merge(merged: str, kept: str) -> dict[str, Any]:
        answer = yard.act(yard.chief, pairs[frozenset((merged, kept))], "merge", kept_id=kept)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    by_second, by_third = merge(second, first), merge(third, first)
    merge(first, last)
    yard.act(yard.chief, by_second, "undo")
    assert covered(yard, measure) == {first, second, third, last}
    yard.act(yard.chief, by_third, "undo")
    assert covered(yard, measure) == {second, third}


def test_a_measure_decided_while_its_hazard_is_being_merged_is_refused(yard: Yard) -> None:
    kept, merged = yard.two()
    refused = meanwhile(yard, [kept, merged], merged, kept, lambda: decide(yard, merged))
    assert (refused.status_code, refused.json()["code"]) == (422, "measure_hazards")


def test_work_does_not_go_on_while_a_major_hazard_is_being_parted_from_a_rectified_one(yard: Yard) -> None:
    kept, merged = yard.two()
    measure = measure_of(yard, kept, merged)
    major = {"level": "major", "clause": "MEM10-7-5", "major_since": shanghai_today()}
    yard.set(kept, status="reinspected", **major)
    yard.set(merged, merged_into_id=UUID(kept), **major)

    async def review(session: AsyncSession) -> None:
        row = update(OnsiteMeasure).where(OnsiteMeasure.id == UUID(measure))
        await session.execute(row.values(status="reviewed", version=5))

    yard.world.in_database(review)
    path = f"/api/v1/onsite-measures/{measure}/lifting"
    refused = meanwhile(
        yard, [kept, merged], merged, None, lambda: yard.chief.post(path, json={"reason": "已排除"}, version=5)
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (409, "measure_hazards_open")


# --- the level


def test_a_tip_s_suspicion_is_that_of_the_hazard_that_stays(yard: Yard) -> None:
    """Over two steps; also where the one that stays was found by a visit and has no report of its own."""
    first, second = yard.two()
    tip = str(yard.docket.hazard())
    yard.set(tip, item_code="RTO-01", source="tip")

    async def suspect(session: AsyncSession) -> None:
        session.add(
            HazardReport(
                hazard_id=UUID(tip), source="tip", reference="12350-1", received_at=utc_now(), facts=[],
                suspected_clauses=["MEM10-7-5"], suspected_by="person",
            )
        )  # fmt: skip

    yard.world.in_database(suspect)
    assert yard.listed(suspected=True) == [tip]
    pairs = {frozenset((one["other"]["id"], one["hazard"]["id"])): one for one in yard.proposed()}
    for merged, kept in ((tip, second), (second, first)):
        pair = pairs[frozenset((merged, kept))]
        assert yard.act(yard.chief, pair, "merge", kept_id=kept).status_code == 200
    assert yard.listed(suspected=True) == [first]
    assert yard.listed(suspected=False) == []


def test_a_confirmation_and_a_merging_never_wait_crosswise(world: World) -> None:
    visit = Visit(world, "machinery")
    registry = Registry(world)

    async def earlier(session: AsyncSession) -> UUID:
        field = visit.field
        return await registry.hazard(session, field.enterprise_id, field.site_id, field.region)

    kept = world.in_database(earlier)
    visit.submit("rto", answers("rto", NO_ALARM))
    (suspected,) = visit.verdicts("suspected_major")
    verdict, chief = verified(visit, suspected), world.person("approver")
    merged = (Hazard.site_id == visit.field.site_id) & (Hazard.id != kept)

    async def merge(session: AsyncSession) -> None:
        await session.execute(update(Hazard).where(merged).values(merged_into_id=kept))

    async def hold(session: AsyncSession) -> Any:
        await session.execute(select(Hazard.id).where(Hazard.id == kept).with_for_update())
        answer = await waiting(session, lambda: step(chief, verdict, "confirmation", DECIDED), pool)
        await session.execute(select(Hazard.id).where(merged).order_by(Hazard.id).with_for_update())
        return answer

    world.in_database(merge)
    with ThreadPoolExecutor(1) as pool:
        answer = world.in_database(hold).result(timeout=30)
    assert answer.status_code == 200, answer.text
    assert chief.get(f"{HAZARDS}/{kept}").json()["level"] == "major"


def test_a_merging_since_which_a_clause_was_confirmed_stays(world: World) -> None:
    """Nor is the further one undone: what was confirmed of the first is the last one's."""
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    found = visit.reader.get(HAZARDS, params={"site_id": str(visit.field.site_id)}).json()["items"]
    registry = Registry(world)

    async def pair_up(session: AsyncSession) -> tuple[UUID, UUID, list[tuple[UUID, UUID]]]:
        field = visit.field
        middle, last = [
            await registry.hazard(
                session, field.enterprise_id, field.site_id, field.region, item_code="RTO-01"
            )
            for _ in "12"
        ]
        rows = [(UUID(one["id"]), middle) for one in found] + [(middle, last)]
        pairs = []
        for merged, kept in rows:
            row = HazardDuplicate(
                hazard_id=max(kept, merged), other_id=min(kept, merged), region_id=field.region, reasons=[]
            )
            session.add(row)
            await session.flush()
            pairs.append((row.id, kept))
        return middle, last, pairs

    _, last, pairs = world.in_database(pair_up)
    chief = world.person("approver")
    for one, kept in pairs:
        body = {"kept_id": str(kept), "reason": "同一处问题"}
        assert chief.post(f"{PATH}/{one}/merging", json=body, version=1).status_code == 200
    (suspected,) = visit.verdicts("suspected_major")
    confirmed = step(world.person("approver"), verified(visit, suspected), "confirmation", DECIDED)
    assert confirmed.status_code == 200
    for one, _ in pairs:
        refused = chief.post(f"{PATH}/{one}/undoing", json={"reason": "两处"}, version=2)
        assert (refused.status_code, refused.json()["code"]) == (409, "undo_merge_major")
    assert chief.get(f"{HAZARDS}/{last}").json()["level"] == "major"


def test_what_was_confirmed_of_the_one_that_stays_does_not_hold_another_s_parting_up(world: World) -> None:
    """Both clauses rest on what they rest on: the parted one leaves as general as it came, the other stays major."""
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    found = visit.reader.get(HAZARDS, params={"site_id": str(visit.field.site_id)}).json()["items"]
    kept, registry = UUID(found[0]["id"]), Registry(world)

    async def pair_up(session: AsyncSession) -> tuple[UUID, UUID]:
        field = visit.field
        merged = await registry.hazard(session, field.enterprise_id, field.site_id, field.region)
        row = HazardDuplicate(
            hazard_id=max(kept, merged), other_id=min(kept, merged), region_id=field.region, reasons=[]
        )
        session.add(row)
        await session.flush()
        return merged, row.id

    merged, pair = world.in_database(pair_up)
    chief = world.person("approver")
    body = {"kept_id": str(kept), "reason": "同一处问题"}
    assert chief.post(f"{PATH}/{pair}/merging", json=body, version=1).status_code == 200
    (suspected,) = visit.verdicts("suspected_major")
    assert step(chief, verified(visit, suspected), "confirmation", DECIDED).status_code == 200
    shown = chief.get(f"{HAZARDS}/{kept}").json()
    assert shown["level"] == "major"
    undone = chief.post(f"{PATH}/{pair}/undoing", json={"reason": "两处"}, version=2)
    assert undone.status_code == 200, undone.text
    levels = [chief.get(f"{HAZARDS}/{one}").json()["level"] for one in (kept, merged)]
    assert levels == ["major", "general"]


def test_a_confirmation_of_which_it_is_not_known_what_it_rests_on_holds_the_parting_up(yard: Yard) -> None:
    """As steps written before that was noted."""
    pair = yard.act(yard.chief, yard.pair(), "merge").json()

    async def confirm(session: AsyncSession) -> None:
        session.add(
            HazardStep(
                id=new_id(), hazard_id=UUID(pair["kept_id"]), action="confirm_major", to_status="found",
                on_date=shanghai_today(), evidence_ids=[], detail={"clause": "MEM10-7-5"},
            )
        )  # fmt: skip

    yard.world.in_database(confirm)
    refused = yard.act(yard.chief, pair, "undo")
    assert (refused.status_code, refused.json()["code"]) == (409, "undo_merge_major")
