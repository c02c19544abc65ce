"""Lists: what they are narrowed to, what they count, and how many statements they cost."""

import json
from datetime import timedelta
from typing import Any

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.services.runtime import Runtime
from tests.factories.cases import PATH, Docket, allegation, step
from tests.support.queries import recorded_queries


def listed(docket: Docket, **params: Any) -> list[str]:
    answer = docket.chief.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["items"]]


def test_filters_narrow_and_counts_agree(docket: Docket) -> None:
    hazard = docket.hazard()
    first = docket.open(hazard)
    filed = step(docket.chief, docket.proposed(), "approve-filing").json()
    today = shanghai_today()
    world = docket.world
    assert listed(docket) == [filed["id"], first["id"]]
    assert listed(docket, status="filed") == [filed["id"]]
    assert listed(docket, hazard_id=str(hazard)) == [first["id"]]
    assert listed(docket, hazard_id=str(new_id())) == []
    assert len(listed(docket, enterprise_id=str(docket.field.enterprise_id))) == 2
    assert listed(docket, number=first["number"]) == [first["id"]]
    assert listed(docket, number=filed["filing_number"]) == [filed["id"]]
    assert listed(docket, filed_from=today.isoformat(), filed_until=today.isoformat()) == [filed["id"]]
    assert listed(docket, filed_from=(today + timedelta(days=1)).isoformat()) == []
    for region, expected in ((world.town, 2), (world.district, 2), (world.other_district, 0)):
        assert len(listed(docket, region_id=str(region))) == expected
    counts = docket.chief.get(f"{PATH}/counts").json()
    assert {(row["status"], row["count"]) for row in counts} == {("clue_registered", 1), ("filed", 1)}
    narrowed = docket.chief.get(f"{PATH}/counts", params={"hazard_id": str(hazard)}).json()
    assert [row["count"] for row in narrowed] == [1]
    assert docket.chief.get(PATH, params={"status": "nonsense"}).status_code == 422


def test_pages_follow_one_another(docket: Docket) -> None:
    opened = [docket.open()["id"] for _ in range(3)]
    first = docket.chief.get(PATH, params={"limit": 2}).json()
    second = docket.chief.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in first["items"] + second["items"]] == opened[::-1]
    assert second["next_cursor"] is None


def test_a_list_costs_the_same_statements_whatever_its_length(docket: Docket, runtime: Runtime) -> None:
    docket.open()
    with recorded_queries(runtime.database) as one:
        listed(docket)
    for _ in range(3):
        docket.open()
    with recorded_queries(runtime.database) as four:
        listed(docket)
    assert len(four) == len(one) <= 4
    with recorded_queries(runtime.database) as counting:
        docket.chief.get(f"{PATH}/counts")
    assert len(counting) <= 3


def test_opening_costs_the_same_statements_whatever_the_number_of_hazards(
    docket: Docket, runtime: Runtime
) -> None:
    few, many = [docket.hazard()], [docket.hazard() for _ in range(8)]
    with recorded_queries(runtime.database) as small:
        docket.open(*few)
    with recorded_queries(runtime.database) as large:
        docket.open(*many, allegations=[allegation(), allegation(penalty_code="AQF-97-3")])
    assert len(small) == len(large)


def test_text_that_no_database_holds_is_refused_and_not_lost(docket: Docket) -> None:
    for bad in ("案由\x00", "\ud800"):
        body = docket.request()
        body["cause"] = bad
        answer = docket.officers[0].post(
            PATH, content=_json(body), headers={"Content-Type": "application/json"}
        )
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["code"]


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
