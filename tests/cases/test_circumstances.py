"""What aggravates is shown to whoever decides as a fact with its links; it changes no article and no amount."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.hazards import Hazard, HazardRecurrence
from tests.factories.cases import PATH, Docket
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
