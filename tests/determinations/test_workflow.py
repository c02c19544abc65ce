"""The steps of a verdict at every state, for every kind, by every role; what an officer must say."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.enums.determinations import VerdictKind, VerdictStatus
from app.enums.identity import Role
from app.models.determinations import VerdictRecord, Verification
from app.services.determinations.workflow import (
    STATES,
    TRANSITIONS,
    Verified,
    clauses_found,
    differs_from_machine,
    find_repeated,
    find_transition,
)
from app.services.identity.policy import PERMISSIONS
from tests.determinations.making import NO, NO_ALARM, PATH, Visit, answers
from tests.factories.world import Person, World

KINDS = [kind.value for kind in VerdictKind]
ALLOWED = {
    ("map_to_clause", "open", "unmapped"): "open",
    ("map_to_clause", "general", "unmapped"): "open",
    ("file_as_general", "open", "unmapped"): "general",
    **{("verify_first", "open", kind): "verified_once" for kind in KINDS},
    **{("verify_second", "verified_once", kind): "verified" for kind in KINDS},
    **{("confirm", "verified", kind): "confirmed" for kind in KINDS},
    **{("reject", "verified", kind): "rejected" for kind in KINDS},
}
"""Stated by hand, apart from the table that ships."""
EVERYWHERE = list(product(sorted(TRANSITIONS), sorted(STATES), KINDS))


@pytest.mark.parametrize(("action", "status", "kind"), EVERYWHERE)
def test_each_action_is_allowed_exactly_where_it_should_be(action: str, status: str, kind: str) -> None:
    transition = find_transition(action, status, kind)
    assert (transition.target if transition else None) == ALLOWED.get((action, status, kind))


def test_the_states_are_those_of_the_vocabulary_and_each_is_reached() -> None:
    assert {status.value for status in VerdictStatus} == STATES
    assert {one.target for one in TRANSITIONS.values()} == STATES


def test_only_officers_verify_and_only_the_person_in_charge_decides() -> None:
    assert {one.permission for one in TRANSITIONS.values()} == {
        "determinations:verify", "determinations:confirm",
    }  # fmt: skip
    assert PERMISSIONS["determinations:verify"] == {Role.INSPECTOR}
    assert PERMISSIONS["determinations:confirm"] == {Role.APPROVER}


@pytest.mark.parametrize(
    ("kind", "assessment", "clause", "differs"),
    [
        ("suspected_major", "major", "C", False),
        ("suspected_major", "major", "D", True),
        ("suspected_major", "not_major", None, True),
        ("undetermined", "major", "C", True),
        ("undetermined", "not_major", None, True),
        ("unmapped", "major", "C", True),
        ("unmapped", "not_major", None, True),
        ("not_matched", "not_major", None, False),
        ("not_matched", "major", "C", True),
    ],
)
def test_an_officer_gives_a_reason_wherever_the_machine_did_not_say_the_same(
    kind: str, assessment: str, clause: str | None, differs: bool
) -> None:
    said = None if kind == "unmapped" else "C"
    assert differs_from_machine(kind, said, assessment, clause) is differs


def test_two_officers_and_two_sessions_are_wanted() -> None:
    officer, session, other, elsewhere = (new_id() for _ in range(4))
    earlier = [Verified(officer, session, "major", "C")]
    assert find_repeated([], officer, session) is None
    assert find_repeated(earlier, other, elsewhere) is None
    assert find_repeated(earlier, officer, elsewhere) == "officer"
    assert find_repeated(earlier, other, session) == "session"


def test_only_what_an_officer_found_major_can_be_confirmed() -> None:
    def said(assessment: str, clause: str | None) -> Verified:
        return Verified(new_id(), new_id(), assessment, clause)

    assert clauses_found([said("not_major", None), said("not_major", None)]) == ()
    assert clauses_found([said("major", "C"), said("not_major", None)]) == ("C",)
    assert clauses_found([said("major", "C"), said("major", "C")]) == ("C",)
    assert clauses_found([said("major", "D"), said("major", "C")]) == ("D", "C")


# --- the same through HTTP: state × action × role --------------------------------------------------------------------

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "map_to_clause": ("mapping", {"clause": "MEM10-13-2", "reason": "研判"}),
    "file_as_general": ("mapping", {"clause": None, "reason": "研判"}),
    "verify": ("verifications", {"assessment": "major", "reason": "现场核实"}),
    "confirm": ("confirmation", {"reason": "属实"}),
    "reject": ("rejection", {"reason": "不属实"}),
}
BY_ROLE = {
    "map_to_clause": Role.INSPECTOR,
    "file_as_general": Role.INSPECTOR,
    "verify": Role.INSPECTOR,
    "confirm": Role.APPROVER,
    "reject": Role.APPROVER,
}


class Prepared:
    """One mapped finding, put into any state with the verifications that belong to it."""

    def __init__(self, world: World) -> None:
        self.visit = Visit(world, "machinery")
        self.visit.submit("rto", answers("rto", {"RTO-01": NO}))
        (verdict,) = self.visit.verdicts("unmapped")
        self.id = UUID(verdict["id"])
        self.people: dict[Role, Person] = {role: world.person(role) for role in Role}
        self.done = 0

    def put(self, status: str, version: int) -> None:
        wanted = {"open": 0, "general": 0, "verified_once": 1}.get(status, 2)

        async def change(session: AsyncSession) -> None:
            for officer in self.visit.officers[self.done : wanted]:
                session.add(
                    Verification(
                        verdict_id=self.id, user_id=officer.user_id, session_id=officer.session_id,
                        assessment="major", clause_id="MEM10-13-2",
                    )
                )  # fmt: skip
            confirmed = {"major_clause": "MEM10-13-2", "major_from": "2026-11-25"}
            values: dict[str, Any] = dict.fromkeys(confirmed)
            if status == "confirmed":
                values = confirmed
            mapped = None if status == "general" else "MEM10-13-2"
            row = update(VerdictRecord).where(VerdictRecord.id == self.id)
            await session.execute(row.values(status=status, version=version, mapped_clause=mapped, **values))

        self.visit.world.in_database(change)
        self.done = max(self.done, wanted)


def test_every_state_refuses_every_step_but_its_own_to_every_role_but_its_own(world: World) -> None:
    """6 states × 5 requests × 8 roles: 403 without the action, 409 in another state, done only where both fit."""
    prepared = Prepared(world)
    version = 10
    order = ["open", "general", "verified_once", "verified", "confirmed", "rejected"]
    for status in order:
        for action, (place, body) in REQUESTS.items():
            names = ["verify_first", "verify_second"] if action == "verify" else [action]
            fits = any(find_transition(name, status, "unmapped") for name in names)
            for role in Role:
                if fits and role is BY_ROLE[action]:
                    continue  # done for real in test_verification.py and test_answers.py
                version += 1
                prepared.put(status, version)
                path = f"{PATH}/{prepared.id}/{place}"
                answer = prepared.people[role].post(path, version=version, json=body)
                expected = 409 if role is BY_ROLE[action] else 403
                assert answer.status_code == expected, (status, action, role, answer.text)
                if expected == 409:
                    assert answer.json()["code"] == "verdict_state"


def test_two_who_verify_at_the_same_version_are_not_both_counted(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    (verdict,) = visit.verdicts("suspected_major")
    path = f"{PATH}/{verdict['id']}/verifications"
    body = {"assessment": "major"}
    codes = sorted(
        officer.post(path, version=verdict["version"], json=body).status_code for officer in visit.officers
    )
    assert codes == [201, 412]


def test_an_officer_who_verifies_twice_at_once_is_counted_once(world: World, database_address: str) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    (verdict,) = visit.verdicts("suspected_major")
    path, body = f"{PATH}/{verdict['id']}/verifications", {"assessment": "major"}
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(2) as pool, psycopg.connect(database_address, autocommit=True) as watch:
        with psycopg.connect(database_address) as step:
            step.execute("SELECT FROM verdicts WHERE id = %s FOR UPDATE", (verdict["id"],))
            asked = [
                pool.submit(visit.officers[0].post, path, version=verdict["version"], json=body)
                for _ in range(2)
            ]
            for _ in range(500):
                if watch.execute(waiting).fetchone() == (2,):
                    break
                time.sleep(0.01)
        codes = sorted(one.result().status_code for one in asked)
    assert codes == [201, 409]
