"""Merging takes nothing off the law: no act is fined twice, no confirmed level is lost, and parting restores what was."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.hazards import Hazard, HazardDuplicate
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
            await registry.hazard(session, field.enterprise_id, field.site_id, field.region) for _ in "12"
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
