"""Merging takes nothing off the law: no act is fined twice, no confirmed level is lost, and parting restores what was."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.hazards import Hazard, HazardDuplicate
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


def while_merging(yard: Yard, merged: str, kept: str, call: Callable[[], Any]) -> Any:
    """What a request answers that begins while a merging is not yet committed."""

    async def merge(session: AsyncSession) -> Any:
        both = "SELECT FROM hazards WHERE id IN (:one, :other) ORDER BY id FOR UPDATE"
        await session.execute(text(both), {"one": UUID(merged), "other": UUID(kept)})
        row = update(Hazard).where(Hazard.id == UUID(merged))
        await session.execute(row.values(merged_into_id=UUID(kept), version=Hazard.version + 1))
        answer = pool.submit(call)
        for _ in range(250):
            if answer.done() or await session.scalar(text(WAITING)):
                break
            await asyncio.sleep(0.02)
        return answer

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
    refused = while_merging(yard, merged, kept, lambda: open_case(yard, merged))
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


def measure_of(yard: Yard, *hazards: str) -> str:
    body = {
        "site_id": str(yard.field.site_id), "authority_id": str(yard.world.authority),
        "officer_ids": [str(one.user_id) for one in yard.officers], "kinds": ["stop_use"], "place": "RTO装置",
        "ground": "排除前无法保证安全", "hazard_ids": list(hazards),
    }  # fmt: skip
    answer = yard.officers[0].post("/api/v1/onsite-measures", json=body)
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


# --- the level


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
