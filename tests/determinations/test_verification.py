"""Two officers verify in two sessions, the person in charge decides, the hazard is major from that day."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.models.identity import OfficerCertificate
from app.services.determinations.repository import outdate_verdicts
from tests.determinations.making import NO_ALARM, NO_CONTRACT_CHECKS, PATH, Visit, answers
from tests.factories.world import Person, World

MAJOR = {"assessment": "major"}
NOT_MAJOR = {"assessment": "not_major", "reason": "现场确认报警有效"}
DECIDED = {"reason": "两名执法人员核查属实"}


def suspected(world: World, *trades: str, **changes: Any) -> tuple[Visit, dict[str, Any]]:
    """A machinery enterprise's burner without a working pressure alarm, and the verdict on it."""
    visit = Visit(world, *(trades or ("machinery",)))
    visit.submit("rto", answers("rto", NO_ALARM), **changes)
    (verdict,) = visit.verdicts("suspected_major")
    return visit, verdict


def step(person: Person, verdict: dict[str, Any], name: str, body: dict[str, Any]) -> Any:
    return person.post(f"{PATH}/{verdict['id']}/{name}", version=verdict["version"], json=body)


def verify(person: Person, verdict: dict[str, Any], body: dict[str, Any] = MAJOR) -> Any:
    return step(person, verdict, "verifications", body)


def verified(visit: Visit, verdict: dict[str, Any], *bodies: dict[str, Any]) -> dict[str, Any]:
    """The verdict after both officers verified."""
    for officer, body in zip(visit.officers, bodies or (MAJOR, MAJOR), strict=True):
        answer = verify(officer, verdict, body)
        assert answer.status_code == 201, answer.text
        verdict = answer.json()
    return verdict


def test_a_confirmed_verdict_makes_its_findings_hazard_major_from_that_day(world: World) -> None:
    visit, verdict = suspected(world)
    before = {row["item_code"]: row for row in visit.reader.get("/api/v1/hazards").json()["items"]}
    assert {row["level"] for row in before.values()} == {"general"}
    verdict = verified(visit, verdict)
    assert verdict["status"] == "verified"
    assert verdict["major_from"] is None
    chief = world.person("approver")
    answer = step(chief, verdict, "confirmation", DECIDED)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    today = shanghai_today().isoformat()
    assert (shown["status"], shown["major_clause"], shown["major_from"]) == ("confirmed", "MEM10-7-5", today)
    assert [one["action"] for one in shown["steps"]] == ["verify_first", "verify_second", "confirm"]
    majors = visit.reader.get("/api/v1/hazards", params={"level": "major", "clause": "MEM10-7-5"}).json()[
        "items"
    ]
    assert {row["item_code"] for row in majors} == {"RTO-10", "RTO-10.3"}
    for row in majors:
        old = before[row["item_code"]]
        assert (row["id"], row["number"], row["status"]) == (old["id"], old["number"], old["status"])
        assert (row["clause"], row["major_since"], row["version"]) == ("MEM10-7-5", today, old["version"] + 1)
        steps = visit.reader.get(f"/api/v1/hazards/{row['id']}").json()["steps"]
        assert [one["action"] for one in steps] == ["register", "confirm_major"]


def test_every_step_leaves_its_audit_entry_with_who_and_in_which_session(world: World) -> None:
    visit, verdict = suspected(world)
    verdict = verified(visit, verdict)
    chief = world.person("approver")
    assert step(chief, verdict, "confirmation", DECIDED).status_code == 200
    params = {"kind": "verdict", "object_id": verdict["id"]}
    entries = world.person("auditor").get("/api/v1/audit/entries", params=params).json()["items"]
    first, second = visit.officers
    assert [(one["action"], one["user_id"], one["session_id"]) for one in reversed(entries)] == [
        ("determinations:verify_first", str(first.user_id), str(first.session_id)),
        ("determinations:verify_second", str(second.user_id), str(second.session_id)),
        ("determinations:confirm", str(chief.user_id), str(chief.session_id)),
    ]
    sheet = visit.determination()["sheets"][0]
    params = {"kind": "fact_sheet", "object_id": sheet["id"]}
    (made,) = world.person("auditor").get("/api/v1/audit/entries", params=params).json()["items"]
    assert (made["action"], made["device_id"]) == ("determinations:determine", str(visit.phone.device_id))


def test_an_officer_of_the_visit_does_not_decide_outside_his_region(world: World) -> None:
    guest = world.person("inspector", "approver", region=world.other_district)
    squad = Visit(world, "machinery")
    squad.officers.append(guest)
    squad.submit("rto", answers("rto", NO_ALARM))
    (verdict,) = squad.verdicts("suspected_major")
    squad.officers.remove(guest)
    verdict = verified(squad, verdict)
    assert step(guest, verdict, "confirmation", DECIDED).status_code == 403
    assert step(guest, verdict, "rejection", DECIDED).status_code == 403


def test_facts_without_a_finding_make_a_hazard_of_their_own_once_confirmed(world: World) -> None:
    """RTO-28.1 only records which device was disabled; it fails no limit, but Article 14 counts the device as missing."""
    disabled = {"RTO-28": {"value": "yes"}, "RTO-28.1": {"value": "main_pressure_alarm"}}
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", disabled, without=("RTO-10",)))
    (verdict,) = visit.verdicts("suspected_major")
    verdict = verified(visit, verdict)
    assert step(world.person("approver"), verdict, "confirmation", DECIDED).status_code == 200
    (hazard,) = visit.reader.get("/api/v1/hazards", params={"level": "major"}).json()["items"]
    assert (hazard["clause"], hazard["status"], hazard["item_code"]) == ("MEM10-7-5", "found", None)
    assert hazard["number"].startswith("安应急患〔")


def test_a_rejected_verdict_leaves_the_hazard_general(world: World) -> None:
    visit, verdict = suspected(world)
    verdict = verified(visit, verdict, MAJOR, NOT_MAJOR)
    answer = step(world.person("approver"), verdict, "rejection", {"reason": "报警已修复并有效"})
    assert (answer.json()["status"], answer.json()["major_from"]) == ("rejected", None)
    assert visit.reader.get("/api/v1/hazards", params={"level": "major"}).json()["items"] == []


def test_the_same_officer_does_not_count_twice_whatever_his_session(world: World) -> None:
    visit, verdict = suspected(world)
    verdict = verify(visit.officers[0], verdict).json()
    assert verify(visit.officers[0], verdict).json()["code"] == "verification_same_session"
    elsewhere = world.logged_in(visit.officers[0].user_id)
    answer = verify(elsewhere, verdict)
    assert (answer.status_code, answer.json()["code"]) == (409, "verification_same_officer")


def test_what_differs_from_the_machine_needs_a_reason(world: World) -> None:
    visit, verdict = suspected(world)
    for body in ({"assessment": "not_major"}, {"assessment": "major", "clause": "MEM10-13-2"}):
        answer = verify(visit.officers[0], verdict, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "reason_required")
    assert verify(visit.officers[0], verdict, {"assessment": "not_major", "reason": "  "}).status_code == 422
    assert verify(visit.officers[0], verdict, NOT_MAJOR).status_code == 201


@pytest.mark.parametrize("clause", ["MEM10-99-1", "AJZG3-2017-121-C3", "X-1"])
def test_a_clause_of_no_standard_in_force_is_refused_and_those_in_force_are_named(
    world: World, clause: str
) -> None:
    visit, verdict = suspected(world, "machinery", "chemicals")
    answer = verify(visit.officers[0], verdict, {**MAJOR, "clause": clause, "reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "clause_not_in_force")
    assert "AQ3067" in answer.json()["standards"]


@pytest.mark.parametrize(
    ("clause", "day", "code"),
    [
        ("AJZG3-2017-121-C3", "2026-09-29", None),
        ("AJZG3-2017-121-C3", "2026-09-30", "clause_not_in_force"),
        ("AQ3067-5.2.2", "2026-09-29", "clause_not_in_force"),
        ("AQ3067-5.2.2", "2026-09-30", None),
    ],
)
def test_an_officer_finds_it_major_by_the_standard_of_the_day_of_the_check(
    world: World, clause: str, day: str, code: str | None
) -> None:
    visit, verdict = suspected(world, "machinery", "chemicals", legal_date=day)
    answer = verify(visit.officers[0], verdict, {**MAJOR, "clause": clause, "reason": "现场核实"})
    assert (answer.status_code, answer.json().get("code")) == (422 if code else 201, code), answer.text
    if code is None:
        assert answer.json()["verifications"][0]["clause_id"] == clause


def certificate(user: Person, **values: Any) -> Callable[[AsyncSession], Any]:
    async def change(session: AsyncSession) -> None:
        mine = OfficerCertificate.user_id == user.user_id
        await session.execute(update(OfficerCertificate).where(mine).values(**values))

    return change


@pytest.mark.parametrize("values", [{"valid_until": date(2026, 1, 1)}, {"revoked_on": date(2026, 1, 1)}])
def test_an_officer_without_a_certificate_valid_on_the_day_does_not_verify(
    world: World, values: dict[str, Any]
) -> None:
    visit, verdict = suspected(world)
    world.in_database(certificate(visit.officers[0], **values))
    answer = verify(visit.officers[0], verdict)
    assert (answer.status_code, answer.json()["code"]) == (403, "officer_not_certified")


def test_who_verified_does_not_decide(world: World) -> None:
    visit, verdict = suspected(world)
    both = world.person("inspector", "approver")
    verdict = verify(both, verdict).json()
    verdict = verify(visit.officers[0], verdict).json()
    for name in ("confirmation", "rejection"):
        answer = step(both, verdict, name, DECIDED)
        assert (answer.status_code, answer.json()["code"]) == (403, "verifier_cannot_decide")


def test_nothing_is_confirmed_that_neither_officer_found_major(world: World) -> None:
    visit, verdict = suspected(world)
    verdict = verified(visit, verdict, NOT_MAJOR, NOT_MAJOR)
    answer = step(world.person("approver"), verdict, "confirmation", DECIDED)
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody_found_major")


def test_two_clauses_found_need_the_choice_of_one_of_them(world: World) -> None:
    visit, verdict = suspected(world)
    other = {"assessment": "major", "clause": "MEM10-13-2", "reason": "属有限空间作业"}
    verdict = verified(visit, verdict, MAJOR, other)
    chief = world.person("approver")
    for body in (DECIDED, {**DECIDED, "clause": "MEM10-7-7"}):
        answer = step(chief, verdict, "confirmation", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "clause_required")
    chosen = step(chief, verdict, "confirmation", {**DECIDED, "clause": "MEM10-13-2"})
    assert chosen.json()["major_clause"] == "MEM10-13-2"


def test_a_decision_needs_a_reason(world: World) -> None:
    visit, verdict = suspected(world)
    verdict = verified(visit, verdict)
    chief = world.person("approver")
    for name in ("confirmation", "rejection"):
        assert step(chief, verdict, name, {}).status_code == 422


def test_roles_and_regions_are_kept_apart(world: World) -> None:
    visit, verdict = suspected(world)
    reader, chief = world.person("supervisor"), world.person("approver")
    abroad = world.person("inspector", "approver", region=world.other_district)
    assistant = world.person("safety_assistant")
    assert verify(reader, verdict).status_code == verify(chief, verdict).status_code == 403
    assert step(visit.officers[0], verdict, "confirmation", DECIDED).status_code == 403
    assert assistant.get(PATH).status_code == assistant.get(f"{PATH}/{verdict['id']}").status_code == 403
    assert abroad.get(f"{PATH}/{verdict['id']}").status_code == 404
    assert abroad.get(f"{PATH}/visits/{visit.field.visit_id}").status_code == 404
    assert verify(abroad, verdict).status_code == 404
    assert step(abroad, verdict, "confirmation", DECIDED).status_code == 404
    assert abroad.get(PATH).json()["items"] == []


def test_writes_need_the_version_that_was_read(world: World) -> None:
    visit, verdict = suspected(world)
    unconditional = visit.officers[0].post(f"{PATH}/{verdict['id']}/verifications", json=MAJOR)
    assert unconditional.status_code == 428
    assert verify(visit.officers[0], {**verdict, "version": 7}).status_code == 412
    assert verify(visit.officers[0], verdict).headers["ETag"] == '"2"'
    assert verify(visit.officers[1], verdict).status_code == 412


def test_officers_verify_on_site_with_their_phones(world: World) -> None:
    visit, verdict = suspected(world)
    answer = visit.phone.request(
        "POST",
        f"/determinations/{verdict['id']}/verifications",
        json=MAJOR,
        headers={"If-Match": f'"{verdict["version"]}"'},
    )
    assert (answer.status_code, answer.json()["status"]) == (201, "verified_once")


def test_a_squad_from_elsewhere_verifies_the_visit_it_made(world: World) -> None:
    _, verdict = suspected(world)
    guest = world.person("inspector", region=world.other_district)
    assert verify(guest, verdict).status_code == 404
    squad = Visit(world, "machinery")
    squad.officers = [squad.officers[0], guest]
    squad.submit("rto", answers("rto", NO_ALARM))
    (own,) = squad.verdicts("suspected_major")
    assert squad.determination(guest)["verdicts"]
    assert verify(guest, own).status_code == 201


def test_two_clauses_on_one_finding_keep_the_first_and_tell_of_the_second(world: World) -> None:
    """A machinery and non-ferrous enterprise: the same missing alarm under 7(5) and 5(12)."""
    visit = Visit(world, "machinery", "nonferrous")
    visit.submit("rto", answers("rto", NO_ALARM))
    chief = world.person("approver")
    by_clause = {one["clause_id"]: one for one in visit.verdicts("suspected_major")}
    for clause in ("MEM10-7-5", "MEM10-5-12"):
        verdict = verified(visit, by_clause[clause])
        assert step(chief, verdict, "confirmation", DECIDED).status_code == 200
    majors = visit.reader.get("/api/v1/hazards", params={"level": "major"}).json()["items"]
    assert {(row["item_code"], row["clause"], row["version"]) for row in majors} == {
        ("RTO-10", "MEM10-7-5", 2), ("RTO-10.3", "MEM10-7-5", 2),
    }  # fmt: skip
    for row in majors:
        steps = visit.reader.get(f"/api/v1/hazards/{row['id']}").json()["steps"]
        assert [one["action"] for one in steps] == ["register", "confirm_major", "confirm_major"]


def test_a_clause_about_the_enterprise_rests_on_the_findings_of_all_its_packages(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("outsourced-work", answers("outsourced-work", NO_CONTRACT_CHECKS))
    unchecked = {"HW-26.1": {"value": "yes"}, "HW-26.2": {"value": "yes"}, "HW-26.3": {"value": "no"}}
    visit.submit("hot-work", answers("hot-work", unchecked))
    (verdict,) = visit.verdicts("suspected_major")
    assert (verdict["clause_id"], verdict["subject_kind"]) == ("MEM10-3-1", "enterprise")
    verdict = verified(visit, verdict)
    assert step(world.person("approver"), verdict, "confirmation", DECIDED).status_code == 200
    majors = visit.reader.get("/api/v1/hazards", params={"level": "major"}).json()["items"]
    assert {row["item_code"] for row in majors} == {"RV-05", "RV-05.1", "HW-26.3"}


def test_the_hazard_of_another_welder_stays_general(world: World) -> None:
    visit = Visit(world, "machinery")
    section = next(path.partition("/")[0] for path in answers("hot-work") if path.endswith("/HW-11"))
    invalid = {"value": {"number": "T1", "result": "not_found", "valid_until": "2030-01-01"}}
    yes = {"value": "yes"}
    given: dict[str, Any] = {}
    for name, on_duty in (("a", yes), ("b", {"value": "no"})):
        given |= {
            f"{section}/{name}/HW-11": invalid,
            f"{section}/{name}/HW-11.1": on_duty,
            f"{section}/{name}/HW-11.2": yes,
        }
    visit.submit("hot-work", given)
    (verdict,) = visit.verdicts("suspected_major")
    verdict = verified(visit, verdict)
    assert step(world.person("approver"), verdict, "confirmation", DECIDED).status_code == 200
    rows = visit.reader.get("/api/v1/hazards").json()["items"]
    levels = {(row["item_code"], row["subject"]): row["level"] for row in rows}
    assert levels["HW-11", "a"] == "major"
    assert levels["HW-11", "b"] == "general"


@pytest.mark.parametrize("reason", ["前\x00后", "\ud800"])
def test_a_reason_no_database_can_hold_is_refused_clearly(world: World, reason: str) -> None:
    visit, verdict = suspected(world)
    body = json.dumps({"assessment": "not_major", "reason": reason}).encode()
    path = f"{PATH}/{verdict['id']}/verifications"
    headers = {"Content-Type": "application/json"}
    answer = visit.officers[0].post(path, version=verdict["version"], content=body, headers=headers)
    assert answer.status_code == 422, answer.text


def test_what_people_decided_meanwhile_stays_current(world: World) -> None:
    """The machine read it as open, and the person in charge confirmed it before the machine wrote."""
    visit, verdict = suspected(world)
    decided = verified(visit, verdict, MAJOR, MAJOR)
    assert step(world.person("approver"), decided, "confirmation", DECIDED).status_code == 200

    async def outdate(session: AsyncSession) -> dict[UUID, int]:
        return await outdate_verdicts(session, [UUID(verdict["id"])])

    assert world.in_database(outdate) == {}
    (kept,) = visit.verdicts("suspected_major")
    assert (kept["id"], kept["status"], kept["is_current"]) == (verdict["id"], "confirmed", True)
