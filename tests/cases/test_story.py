"""The way of a case from what two officers found on site, through HTTP only."""

from typing import Any

from app.core.clock import shanghai_today
from tests.factories.cases import Docket, step
from tests.factories.field import photo
from tests.factories.world import World


def test_what_was_found_on_site_becomes_a_filed_case(world: World) -> None:
    docket = Docket(world)
    inspectors = [world.person("inspector", region=world.town) for _ in range(2)]
    phone = docket.field.phone(inspectors[0].user_id)
    answers = {"RTO-01": {"value": "no"}, "RTO-02": {"value": "no"}}
    document = docket.field.document(
        docket.field.publish("rto"), [one.user_id for one in inspectors], answers=answers
    )
    assert phone.put_package(phone.seal(document, [photo(question="RTO-01")])).status_code == 201

    hazards = docket.officers[0].get("/api/v1/hazards").json()["items"]
    assert {row["item_code"] for row in hazards} == {"RTO-01", "RTO-02"}
    request: dict[str, Any] = {
        "hazard_ids": [row["id"] for row in hazards],
        "cause": "未如实记录隐患排查治理情况案",
        "officer_ids": [str(one.user_id) for one in [docket.officers[0], inspectors[0]]],
        "allegations": [
            {
                "violated": {"document": "AQF", "article": "41(2)"},
                "penalty_code": "AQF-97-5",
                "text": "该单位未如实记录事故隐患排查治理情况。",
            }
        ],
    }
    answer = docket.officers[0].post("/api/v1/cases", json=request)
    assert answer.status_code == 201, answer.text
    case = step(docket.officers[0], answer.json(), "propose-filing").json()
    case = step(docket.chief, case, "approve-filing").json()
    assert (case["status"], case["filed_on"]) == ("filed", shanghai_today().isoformat())

    of_hazard = docket.chief.get("/api/v1/cases", params={"hazard_id": hazards[0]["id"]}).json()["items"]
    assert [row["number"] for row in of_hazard] == [case["number"]]
    detail = docket.chief.get(f"/api/v1/cases/{case['id']}").json()
    assert {row["number"] for row in detail["hazards"]} == {row["number"] for row in hazards}
    assert detail["enterprise_name"] == "安市东风涂装有限公司"
