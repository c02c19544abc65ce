"""The table of the procedure, at every state, every step, every role; and what belongs to each row."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.enums.cases import CaseStatus
from app.enums.identity import Role
from app.models.cases import Case
from app.services.cases.workflow import INITIAL, STATES, TRANSITIONS, actions_from, transition_from
from app.services.clocks.content import time_limits
from app.services.identity.policy import PERMISSIONS
from tests.factories.cases import PATH, Docket, step
from tests.factories.world import World

TABLE: dict[str, dict[str, str]] = {
    "clue_registered": {"propose_filing": "filing_proposed", "withdraw": "withdrawn"},
    "filing_proposed": {
        "approve_filing": "filed",
        "refuse_filing": "not_filed",
        "return_to_officer": "clue_registered",
        "withdraw": "withdrawn",
    },
    "filed": {"begin_investigation": "investigating"},
    "not_filed": {},
    "withdrawn": {},
    "investigating": {},
}
"""What the beginning of the procedure allows, written down a second time on purpose."""

ROLES = {
    "propose_filing": Role.CASE_OFFICER,
    "withdraw": Role.CASE_OFFICER,
    "begin_investigation": Role.CASE_OFFICER,
    "approve_filing": Role.APPROVER,
    "refuse_filing": Role.APPROVER,
    "return_to_officer": Role.APPROVER,
}


def test_the_table_covers_every_state_and_step() -> None:
    assert set(TABLE) == set(STATES) == {one.value for one in CaseStatus}
    assert set(ROLES) == set(TRANSITIONS)
    assert INITIAL in STATES


@pytest.mark.parametrize("status", TABLE)
@pytest.mark.parametrize("action", ROLES)
def test_a_step_is_allowed_exactly_where_the_table_says(status: str, action: str) -> None:
    transition = transition_from(status, action)
    assert (transition.target if transition else None) == TABLE[status].get(action)
    assert (action in actions_from(status)) == (action in TABLE[status])


@pytest.mark.parametrize("action", ROLES)
def test_a_step_belongs_to_one_role(action: str) -> None:
    assert PERMISSIONS[TRANSITIONS[action].permission] == {ROLES[action]}


def test_every_row_carries_its_article_and_known_limits() -> None:
    known = {limit.code for limit in time_limits()}
    for row in TRANSITIONS.values():
        assert row.article.startswith("行政处罚法")
        assert set(row.starts) | set(row.ends) <= known
        assert row.unlike <= set(TRANSITIONS)
        assert row.is_filing == (row.target == CaseStatus.FILED)


def test_a_final_state_is_left_by_nothing_and_lets_the_hazards_go() -> None:
    final = {name for name, state in STATES.items() if state.is_final}
    assert all(not TABLE[name] for name in final)
    assert {row.target for row in TRANSITIONS.values() if row.releases} == final


def test_who_decides_is_never_who_proposed() -> None:
    for row in TRANSITIONS.values():
        if row.permission == "cases:approve":
            assert row.by_officers is False
            assert "propose_filing" in row.unlike


class Stand:
    """One docket for the whole table: a case put into each state by hand, and one person of each role."""

    def __init__(self, docket: Docket) -> None:
        self.docket = docket
        self.case = docket.open()
        self.people = {role: docket.world.person(role, region=docket.region) for role in Role}
        self.people[Role.CASE_OFFICER] = docket.officers[0]
        self.people[Role.APPROVER] = docket.chief

    def put(self, status: str) -> dict[str, Any]:
        """The case, in that state."""
        identifier = UUID(self.case["id"])

        async def set_status(session: AsyncSession) -> None:
            filed = {"filed_on": None, "filing_number": None}
            await session.execute(
                update(Case).where(Case.id == identifier).values(status=status, version=1, **filed)
            )

        self.docket.world.in_database(set_status)
        return {**self.case, "version": 1}


@pytest.fixture
def stand(docket: Docket) -> Stand:
    return Stand(docket)


def test_every_state_step_and_role_through_the_door(stand: Stand) -> None:
    for status, allowed in TABLE.items():
        for action, owner in ROLES.items():
            for role, person in stand.people.items():
                answer = step(person, stand.put(status), action.replace("_", "-"), note="理由")
                wanted = 403 if role is not owner else 200 if action in allowed else 409
                assert answer.status_code == wanted, (status, action, role, answer.text)
                if wanted == 200:
                    assert answer.json()["status"] == allowed[action]
                elif wanted == 409:
                    assert answer.json()["code"] == "case_state"


@pytest.mark.parametrize("role", [role for role in Role if role not in PERMISSIONS["cases:read"]])
def test_roles_without_cases_see_none_of_them(docket: Docket, role: Role) -> None:
    case, person = docket.open(), docket.world.person(role)
    for path in ("", "/counts", "/penalties", f"/{case['id']}"):
        assert person.get(PATH + path).status_code == 403
    assert person.post(PATH, json=docket.request()).status_code == 403


@pytest.mark.parametrize("role", sorted(PERMISSIONS["cases:read"]))
def test_a_foreign_region_s_case_is_not_found(docket: Docket, world: World, role: str) -> None:
    hazard = docket.hazard()
    case = docket.open(hazard)
    abroad = world.person(role, region=world.other_district)
    assert abroad.get(PATH).json()["items"] == abroad.get(f"{PATH}/counts").json() == []
    assert abroad.get(f"{PATH}/{case['id']}").status_code == 404
    may_open = role in PERMISSIONS["cases:open"]
    assert abroad.post(PATH, json=docket.request(hazard)).status_code == (404 if may_open else 403)
    revised = abroad.patch(f"{PATH}/{case['id']}", version=1, json={"cause": "x"})
    assert revised.status_code == (404 if may_open else 403)
    for action, row in TRANSITIONS.items():
        wanted = 404 if role in PERMISSIONS[row.permission] else 403
        assert step(abroad, case, action.replace("_", "-"), note="x").status_code == wanted


@pytest.mark.parametrize("role", [role for role in Role if role not in PERMISSIONS["cases:open"]])
def test_only_a_case_officer_opens_and_changes(docket: Docket, role: Role) -> None:
    case, person = docket.open(), docket.world.person(role, region=docket.region)
    assert person.post(PATH, json=docket.request()).status_code == 403
    assert person.patch(f"{PATH}/{case['id']}", version=1, json={"cause": "x"}).status_code == 403
