"""Many at once: one decision wins, no hazard is taken twice, no number is left out or given twice."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.core.clock import shanghai_today
from tests.factories.cases import PATH, Docket, step


def together(*calls: Any) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_of_two_decisions_at_once_one_wins(docket: Docket) -> None:
    other = docket.world.person("approver", region=docket.region)
    for rival in ("approve-filing", "refuse-filing", "return-to-officer"):
        case = docket.proposed()
        answers = together(
            lambda case=case: step(docket.chief, case, "approve-filing"),
            lambda case=case, rival=rival: step(other, case, rival, note="不予"),
        )
        codes = sorted(answer.status_code for answer in answers)
        assert codes[0] == 200
        assert codes[1] in (409, 412)
        seen = docket.chief.get(f"{PATH}/{case['id']}").json()
        assert len(seen["steps"]) == 3


def test_of_two_cases_that_take_one_hazard_one_wins(docket: Docket) -> None:
    body = docket.request(docket.hazard())
    answers = together(*[lambda: docket.officers[0].post(PATH, json=body) for _ in range(4)])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(docket.chief.get(PATH).json()["items"]) == 1


def test_numbers_have_no_gap_and_no_double_whatever_fails_beside(docket: Docket) -> None:
    taken = docket.hazard()
    docket.open(taken)
    good = [docket.request() for _ in range(6)]
    bad = [docket.request(taken) for _ in range(3)]
    answers = together(
        *[lambda body=body: docket.officers[0].post(PATH, json=body) for body in [*good, *bad]]
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 6 + [409] * 3
    docket.open()
    numbers = {row["number"] for row in docket.chief.get(PATH).json()["items"]}
    year = shanghai_today().year
    assert numbers == {f"安应急案〔{year}〕{number}号" for number in range(1, 9)}


def test_filing_numbers_have_no_gap_either(docket: Docket) -> None:
    cases = [docket.proposed() for _ in range(5)]
    answers = together(
        *[lambda case=case: step(docket.chief, case, "approve-filing") for case in cases],
        lambda: step(docket.chief, cases[0], "refuse-filing", note="x"),
    )
    filed = [answer.json()["filing_number"] for answer in answers if answer.status_code == 200]
    year = shanghai_today().year
    given = [number for number in filed if number]
    assert set(given) == {f"安应急立〔{year}〕{number}号" for number in range(1, len(given) + 1)}
    assert len(given) >= 4
