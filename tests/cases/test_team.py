"""Another team for a filed case: named by the person in charge, judged as at the opening, with the clocks handed over."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories.cases import PATH, Docket, step
from tests.factories.world import Person

REASON = "原承办人调离"


class Filed:
    """A filed case, and two more officers who may handle it."""

    def __init__(self, docket: Docket) -> None:
        self.docket, self.chief = docket, docket.chief
        self.case: dict[str, Any] = step(self.chief, docket.proposed(), "approve-filing").json()
        self.others = [docket.officer() for _ in range(2)]

    def name(self, *team: Person, who: Person | None = None, reason: str = REASON) -> Any:
        body = {"officer_ids": [str(one.user_id) for one in team], "reason": reason}
        return (who or self.chief).post(
            f"{PATH}/{self.case['id']}/team", json=body, version=self.case["version"]
        )

    def clock(self) -> dict[str, Any]:
        (running,) = self.chief.get("/api/v1/clocks", params={"subject_id": self.case["id"]}).json()["items"]
        return dict(self.chief.get(f"/api/v1/clocks/{running['id']}").json())


@pytest.fixture
def filed(docket: Docket) -> Filed:
    return Filed(docket)


def test_the_person_in_charge_names_another_team_and_the_first_of_it_takes_the_clocks_over(
    filed: Filed,
) -> None:
    before, old, new = filed.clock(), filed.docket.officers, filed.others
    assert before["responsible_id"] == str(old[0].user_id)
    named = filed.name(*new)
    assert named.status_code == 200, named.text
    case = named.json()
    assert {one["user_id"]: one["is_leading"] for one in case["officers"]} == {
        str(new[0].user_id): True,
        str(new[1].user_id): False,
    }
    last = case["steps"][-1]
    assert (last["action"], last["from_status"], last["to_status"], last["note"], last["user_id"]) == (
        "change_team", "filed", "filed", REASON, str(filed.chief.user_id),
    )  # fmt: skip
    assert last["detail"] == {
        "before": [str(one.user_id) for one in old],
        "officers": [str(one.user_id) for one in new],
    }
    after = filed.clock()
    assert (after["responsible_id"], after["due_on"]) == (str(new[0].user_id), before["due_on"])
    assert [row["action"] for row in after["ledger"]] == ["start", "hand_over"]
    assert step(old[0], case, "begin-investigation").status_code == 403
    assert step(new[1], case, "begin-investigation").status_code == 200


def test_it_goes_on_under_investigation_and_the_same_leading_officer_keeps_the_clocks(filed: Filed) -> None:
    leading = filed.docket.officers[0]
    filed.case = step(leading, filed.case, "begin-investigation").json()
    assert filed.name(leading, filed.others[0]).status_code == 200
    assert [row["action"] for row in filed.clock()["ledger"]] == ["start"]


def test_the_team_is_judged_as_at_the_opening(filed: Filed) -> None:
    uncertified = filed.docket.officer(certificate=False)
    for team in ((filed.others[0], uncertified), (filed.others[0], filed.others[0])):
        refused = filed.name(*team)
        assert (refused.status_code, refused.json()["code"]) == (422, "case_team_not_qualified")
    assert filed.name(filed.others[0]).status_code == 422
    assert filed.name(*filed.others, reason=" ").status_code == 422


def test_whoever_decides_about_the_case_handles_it_neither_before_nor_after(filed: Filed) -> None:
    docket = filed.docket
    both = docket.world.person("approver", "case_officer", region=docket.region, certificate=True)
    refused = filed.name(both, filed.others[0], who=both)
    assert (refused.status_code, refused.json()["code"]) == (403, "same_person")
    assert filed.name(both, filed.others[0]).status_code == 200
    filed.case = filed.chief.get(f"{PATH}/{filed.case['id']}").json()
    assert filed.name(*filed.others, who=both).json()["code"] == "same_person"
    assert filed.name(*filed.others, who=docket.officers[0]).status_code == 403


@pytest.mark.parametrize(
    "made",
    [
        lambda docket: docket.open(),
        lambda docket: docket.proposed(),
        lambda docket: step(docket.chief, docket.proposed(), "refuse-filing", note="不符合立案标准").json(),
        lambda docket: step(docket.officers[0], docket.open(), "withdraw", note="材料不全").json(),
    ],
    ids=["registered", "proposed", "not filed", "withdrawn"],
)
def test_only_a_filed_case_gets_another_team(
    filed: Filed, docket: Docket, made: Callable[[Docket], dict[str, Any]]
) -> None:
    filed.case = made(docket)
    refused = filed.name(*filed.others)
    assert (refused.status_code, refused.json()["code"]) == (409, "case_state")


def test_of_what_was_read_before_nothing_is_changed(filed: Filed) -> None:
    stale = filed.case
    assert filed.name(*filed.others).status_code == 200
    filed.case = stale
    assert filed.name(*filed.docket.officers).status_code == 412
