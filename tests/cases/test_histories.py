"""Whatever is tried in whatever order, the history is one chain and the clocks and hazards follow it."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.cases.workflow import INITIAL, STATES, TRANSITIONS
from tests.factories.cases import PATH, Docket, step

TRIES = st.lists(st.sampled_from(sorted(TRANSITIONS)), max_size=7)
BEFORE_FILING = {"clue_registered", "filing_proposed"}


@given(tries=TRIES)
@settings(max_examples=15)
def test_every_history_is_one_chain(docket: Docket, tries: list[str]) -> None:
    hazard = docket.hazard()
    case = docket.open(hazard)
    done = ["open"]
    for action in tries:
        decides = TRANSITIONS[action].permission == "cases:approve"
        who = docket.chief if decides else docket.officers[0]
        answer = step(who, case, action.replace("_", "-"), note="理由")
        if answer.status_code == 200:
            case = answer.json()
            done.append(action)
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "case_state")
    detail = docket.chief.get(f"{PATH}/{case['id']}").json()
    _is_one_chain(detail, done)
    running = {clock["code"] for clock in detail["clocks"] if clock["ended_on"] is None}
    assert ("filing" in running) == (detail["status"] in BEFORE_FILING)
    assert ("decision" in running) == ("approve_filing" in done) == (detail["filed_on"] is not None)
    again = docket.officers[0].post(PATH, json=docket.request(hazard))
    assert (again.status_code == 201) == STATES[detail["status"]].is_final


def _is_one_chain(detail: dict[str, Any], done: list[str]) -> None:
    steps = detail["steps"]
    assert [row["action"] for row in steps] == done
    assert (steps[0]["from_status"], steps[0]["to_status"]) == (None, INITIAL)
    for earlier, later in pairwise(steps):
        assert later["from_status"] == earlier["to_status"]
        assert later["to_status"] == TRANSITIONS[later["action"]].target
    assert (detail["status"], detail["version"]) == (steps[-1]["to_status"], len(steps))
