"""What aggravates is shown to whoever decides as a fact with its links and its source; it changes no article and no amount."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.cases import CaseCircumstances
from app.models.hazards import Hazard, HazardRecurrence
from app.services.audit.service import state_hash
from app.services.hazards.service import record_step
from tests.factories.cases import PATH, Docket, step
from tests.factories.world import World

CLOSED_ON = shanghai_today() - timedelta(days=40)


@pytest.fixture
def docket(world: World) -> Docket:
    return Docket(world)


def returned(docket: Docket, ground: str = "item") -> tuple[UUID, UUID]:
    """A hazard and the closed one it is the return of."""
    earlier, again = docket.hazard(found_on=CLOSED_ON - timedelta(days=9)), docket.hazard()

    async def link(session: AsyncSession) -> None:
        shut = {"status": "closed", "closed_on": CLOSED_ON}
        await session.execute(update(Hazard).where(Hazard.id == earlier).values(**shut))
        session.add(
            HazardRecurrence(hazard_id=again, ground=ground, earlier_id=earlier, closed_on=CLOSED_ON, days=40)
        )

    docket.world.in_database(link)
    return earlier, again


def shown(docket: Docket, case: dict[str, Any]) -> dict[str, Any]:
    answer = docket.chief.get(f"{PATH}/{case['id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_return_is_shown_to_whoever_decides_with_its_links(docket: Docket) -> None:
    earlier, again = returned(docket)
    case = docket.proposed(again)
    (fact,) = shown(docket, case)["circumstances"]
    assert (fact["kind"], fact["hazard_id"], fact["earlier_id"]) == ("came_back", str(again), str(earlier))
    assert (fact["ground"], fact["closed_on"], fact["days"]) == ("item", str(CLOSED_ON), 40)
    assert fact["found_on"] == str(shanghai_today())
    assert fact["to_be_confirmed"] is True
    for text in (fact["zh"], fact["en"]):
        assert fact["number"] in text
        assert fact["earlier_number"] in text
    for person in (docket.world.person("legal_reviewer"), docket.world.person("auditor")):
        assert person.get(f"{PATH}/{case['id']}").json()["circumstances"] == [fact]


def test_it_changes_no_allegation_and_names_no_amount(docket: Docket) -> None:
    _, again = returned(docket)
    plain, aggravated = (shown(docket, docket.open(one)) for one in (docket.hazard(), again))
    cited = ("penalty_code", "penalty_article", "stage", "violated_article", "text")
    for name in cited:
        assert plain["allegations"][0][name] == aggravated["allegations"][0][name]
    assert plain["circumstances"] == []
    (fact,) = aggravated["circumstances"]
    assert not any("fen" in name or "amount" in name for name in fact)


def test_a_return_of_another_case_or_the_closed_one_itself_is_none(docket: Docket) -> None:
    earlier, again = returned(docket, "clause")
    assert shown(docket, docket.open(earlier))["circumstances"] == []
    both = docket.open(docket.hazard(), again)
    assert [one["ground"] for one in shown(docket, both)["circumstances"]] == ["clause"]


def filed(docket: Docket, *hazards: UUID) -> dict[str, Any]:
    answer = step(docket.chief, docket.proposed(*hazards), "approve-filing")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def link(docket: Docket, again: UUID, ground: str) -> UUID:
    """The hazard is found to be the return of one more."""
    earlier = docket.hazard(found_on=CLOSED_ON - timedelta(days=9))

    async def write(session: AsyncSession) -> None:
        session.add(
            HazardRecurrence(hazard_id=again, ground=ground, earlier_id=earlier, closed_on=CLOSED_ON, days=40)
        )

    docket.world.in_database(write)
    return earlier


def test_a_filed_case_keeps_what_it_rested_on_and_shows_what_came_since_beside_it(docket: Docket) -> None:
    _, again = returned(docket)
    open_case = docket.proposed(again)
    before = shown(docket, open_case)
    assert (before["circumstances_kept_on"], before["circumstances_sha256"]) == (None, None)
    case = dict(step(docket.chief, open_case, "approve-filing").json())
    kept = shown(docket, case)
    assert (kept["circumstances"], kept["circumstances_since"]) == (before["circumstances"], [])
    assert kept["circumstances_kept_on"] == str(shanghai_today())
    later = link(docket, again, "clause")
    after = shown(docket, case)
    assert after["circumstances"] == kept["circumstances"]
    assert after["circumstances_sha256"] == kept["circumstances_sha256"]
    assert [(one["ground"], one["earlier_id"]) for one in after["circumstances_since"]] == [
        ("clause", str(later))
    ]


def test_before_the_filing_what_comes_is_simply_shown(docket: Docket) -> None:
    hazard = docket.hazard()
    case = docket.proposed(hazard)
    link(docket, hazard, "item")
    now = shown(docket, case)
    assert ([one["ground"] for one in now["circumstances"]], now["circumstances_since"]) == (["item"], [])


def test_what_is_kept_stays_whatever_becomes_of_the_rows_it_was_read_from(docket: Docket) -> None:
    _, again = returned(docket)
    case = filed(docket, again)
    kept = shown(docket, case)

    async def renumber(session: AsyncSession) -> None:
        await session.execute(update(Hazard).where(Hazard.id == again).values(found_on=CLOSED_ON))

    docket.world.in_database(renumber)
    assert shown(docket, case)["circumstances"] == kept["circumstances"]

    async def rewrite(session: AsyncSession) -> None:
        await session.execute(update(CaseCircumstances).values(facts=[]))

    with pytest.raises(DBAPIError, match="append-only"):
        docket.world.in_database(rewrite)


def test_the_hash_stands_in_the_history_and_is_that_of_the_facts(docket: Docket) -> None:
    _, again = returned(docket)
    case = filed(docket, again)
    detail = shown(docket, case)
    digest = detail["circumstances_sha256"]
    assert digest == state_hash({"circumstances": detail["circumstances"]})
    filing = next(one for one in detail["steps"] if one["action"] == "approve_filing")
    assert filing["detail"] == {"circumstances": digest}
    assert shown(docket, filed(docket, docket.hazard()))["circumstances_sha256"] == state_hash(
        {"circumstances": []}
    )


def worse(docket: Docket, hazard: UUID, on: date, *, outcome: str = "aggravated") -> UUID:
    """A re-inspection found it so; its visit."""
    visit = new_id()

    async def take(session: AsyncSession) -> None:
        row = await session.get_one(Hazard, hazard)
        action = "reinspect" if outcome == "resolved" else "reject_rectification"
        said = {"visit_id": visit, "evidence_ids": [visit], "detail": {"outcome": outcome}}
        await record_step(session, SYSTEM, row, action, row.status, on_date=on, **said)

    docket.world.in_database(take)
    return visit


def test_a_hazard_found_worse_is_a_circumstance_with_its_visit_and_photographs(docket: Docket) -> None:
    hazard, other = docket.hazard(), docket.hazard()
    for outcome in ("unchanged", "resolved"):
        worse(docket, hazard, shanghai_today(), outcome=outcome)
    worse(docket, other, shanghai_today())
    visit = worse(docket, hazard, shanghai_today())
    (fact,) = shown(docket, docket.proposed(hazard))["circumstances"]
    assert (fact["kind"], fact["hazard_id"], fact["visit_id"]) == ("aggravated", str(hazard), str(visit))
    assert (fact["reinspected_on"], fact["photographs"]) == (str(shanghai_today()), [str(visit)])
    assert fact["to_be_confirmed"] is True
    for words in (fact["zh"], fact["en"]):
        assert fact["number"] in words
        assert str(shanghai_today()) in words
    assert not any("fen" in name or "amount" in name for name in fact)


def test_what_was_found_worse_before_its_merging_aggravates_the_hazard_that_stays(docket: Docket) -> None:
    kept, merged = docket.hazard(), docket.hazard()
    visit = worse(docket, merged, shanghai_today())

    async def merge(session: AsyncSession) -> None:
        await session.execute(update(Hazard).where(Hazard.id == merged).values(merged_into_id=kept))

    docket.world.in_database(merge)
    (fact,) = shown(docket, docket.open(kept))["circumstances"]
    assert (fact["hazard_id"], fact["visit_id"]) == (str(merged), str(visit))


def test_a_filed_case_keeps_what_was_worse_and_shows_what_became_worse_beside_it(docket: Docket) -> None:
    _, again = returned(docket)
    first = worse(docket, again, shanghai_today())
    case = filed(docket, again)
    kept = shown(docket, case)
    assert [one["kind"] for one in kept["circumstances"]] == ["came_back", "aggravated"]
    assert kept["circumstances_sha256"] == state_hash({"circumstances": kept["circumstances"]})
    second = worse(docket, again, shanghai_today())
    after = shown(docket, case)
    assert after["circumstances"] == kept["circumstances"]
    assert after["circumstances"][1]["visit_id"] == str(first)
    assert [one["visit_id"] for one in after["circumstances_since"]] == [str(second)]
