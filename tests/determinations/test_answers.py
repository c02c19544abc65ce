"""What was left open is answered at the desk; what no clause covers is placed by a person."""

from typing import Any

import pytest

from tests.determinations.making import NO, NO_ALARM, PATH, YES, Visit, answers
from tests.determinations.test_verification import DECIDED, MAJOR, step, verified, verify
from tests.factories.world import Person, World

CHECKED = "MEM10-3-1.periodic_inspection_done"
TRADE = "enterprise.regulated_trades"


def undetermined(world: World, *trades: str) -> tuple[Visit, dict[str, Any]]:
    """Contractors are there and coordinated; whether they are checked was not asked."""
    visit = Visit(world, *(trades or ("machinery",)))
    visit.submit("hot-work", answers("hot-work", {"HW-26.1": YES, "HW-26.2": YES}, without=("HW-26.3",)))
    (verdict,) = visit.verdicts("undetermined")
    return visit, verdict


def answer(person: Person, verdict: dict[str, Any], values: dict[str, Any]) -> Any:
    return step(person, verdict, "answers", {"answers": values, "note": "电话询问企业安全负责人"})


def test_an_undetermined_verdict_says_what_to_ask_and_how(world: World) -> None:
    _, verdict = undetermined(world)
    (question,) = verdict["questions"]
    assert (question["key"], question["type"], question["is_device"]) == (CHECKED, "bool", False)
    assert question["text"]["zh"]
    assert question["text"]["en"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [(False, "suspected_major"), (True, "not_matched")],
)
def test_an_answer_at_the_desk_judges_the_visit_again(world: World, value: bool, kind: str) -> None:
    visit, verdict = undetermined(world)
    reply = answer(visit.officers[1], verdict, {CHECKED: value})
    assert reply.status_code == 201, reply.text
    shown = reply.json()
    (now,) = [one for one in shown["verdicts"] if one["is_current"]]
    assert (now["kind"], now["replaces_id"]) == (kind, verdict["id"])
    desk = shown["sheets"][-1]
    assert (desk["package_id"], desk["stated_by"]) == (None, str(visit.officers[1].user_id))
    assert desk["note"] == "电话询问企业安全负责人"
    facts = {f["key"]: f for c in now["explanation"]["conditions"] for f in c["facts"]}
    assert facts[CHECKED]["sources"] == [f"desk:{desk['id']}"]


def test_an_answer_joins_what_packages_say_later(world: World) -> None:
    visit, verdict = undetermined(world)
    assert answer(visit.reader, verdict, {CHECKED: True}).status_code == 201
    visit.submit("outsourced-work", {"RV-05": NO, "RV-05.1": NO})
    (again,) = visit.verdicts("undetermined")
    facts = {f["key"]: f for c in again["explanation"]["conditions"] for f in c["facts"]}
    assert facts[CHECKED]["problem"] == "contradictory"
    assert answer(visit.reader, again, {CHECKED: False}).status_code == 201
    assert [one["clause_id"] for one in visit.verdicts("suspected_major")] == ["MEM10-3-1"]


@pytest.mark.parametrize("registered", [[], ["industry_trade"]])
def test_the_trade_can_be_answered_where_the_register_cannot_tell(
    world: World, registered: list[str]
) -> None:
    visit = Visit(world, *registered)
    visit.submit("rto", answers("rto", NO_ALARM))
    (verdict, _) = visit.verdicts("undetermined")
    assert answer(visit.reader, verdict, {TRADE: "machinery"}).status_code == 201
    assert [one["clause_id"] for one in visit.verdicts("suspected_major")] == ["MEM10-7-5"]
    assert visit.verdicts("undetermined") == []


def test_a_trade_outside_the_standard_leaves_the_findings_to_a_person(world: World) -> None:
    visit = Visit(world)
    visit.submit("rto", answers("rto", NO_ALARM))
    (verdict, _) = visit.verdicts("undetermined")
    assert answer(visit.reader, verdict, {TRADE: "other"}).status_code == 201
    assert {one["kind"] for one in visit.verdicts()} == {"unmapped"}


@pytest.mark.parametrize(
    "values",
    [
        {CHECKED: "maybe"},
        {CHECKED: 1},
        {"MEM10-3-1.unified_coordination_done": False},
        {"MEM10-7-5.gas_fuel": True},
        {"x": True},
        {TRADE: "machinery"},
    ],
)
def test_an_answer_nobody_asked_for_or_of_another_type_is_refused(
    world: World, values: dict[str, Any]
) -> None:
    visit, verdict = undetermined(world)
    reply = answer(visit.reader, verdict, values)
    assert (reply.status_code, reply.json()["code"]) == (422, "answer_refused")
    assert len(visit.determination()["sheets"]) == 1


def test_an_unchecked_device_stays_unknown_and_can_be_answered_again(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", without=("RTO-11",)))
    (verdict,) = visit.verdicts("undetermined")
    monitor, protection = "MEM10-7-5.flame_monitor", "MEM10-7-5.flameout_protection"
    assert set(verdict["missing"]) == {monitor, protection}
    assert answer(visit.reader, verdict, {monitor: "installed", protection: True}).status_code == 201
    (still,) = visit.verdicts("undetermined")
    assert still["missing"] == [monitor]
    assert answer(visit.reader, still, {monitor: "ineffective"}).status_code == 201
    assert [one["clause_id"] for one in visit.verdicts("suspected_major")] == ["MEM10-7-5"]


def test_only_an_open_undetermined_verdict_takes_answers_from_those_who_verify(world: World) -> None:
    visit, verdict = undetermined(world)
    assert answer(world.person("approver"), verdict, {CHECKED: True}).status_code == 403
    abroad = world.person("inspector", region=world.other_district)
    assert answer(abroad, verdict, {CHECKED: True}).status_code == 404
    assert answer(visit.reader, {**verdict, "version": 5}, {CHECKED: True}).status_code == 412
    assert answer(visit.reader, verdict, {CHECKED: True}).status_code == 201
    late = answer(visit.reader, {**verdict, "version": 2}, {CHECKED: False})
    assert (late.status_code, late.json()["code"]) == (409, "verdict_outdated")
    known, suspected = Visit(world, "machinery"), NO_ALARM
    known.submit("rto", answers("rto", suspected))
    (one,) = known.verdicts("suspected_major")
    refused = answer(known.reader, one, {"MEM10-7-5.gas_fuel": False})
    assert (refused.status_code, refused.json()["code"]) == (409, "verdict_state")


def test_an_undetermined_verdict_is_verified_only_with_a_reason(world: World) -> None:
    visit, verdict = undetermined(world)
    assert verify(visit.reader, verdict).json()["code"] == "reason_required"
    assert verify(visit.reader, verdict, {**MAJOR, "reason": "现场确认从未检查"}).status_code == 201


def test_a_verdict_that_new_facts_replaced_takes_no_step(world: World) -> None:
    visit, verdict = undetermined(world)
    assert answer(visit.reader, verdict, {CHECKED: False}).status_code == 201
    late = verify(visit.reader, {**verdict, "version": 2}, {**MAJOR, "reason": "x"})
    assert (late.status_code, late.json()["code"]) == (409, "verdict_outdated")


# --- clauses no checklist speaks of ----------------------------------------------------------------------------------

CASTER = {
    "in_scope": True, "process": "连铸", "emergency_ladle": "effective", "tundish_leak_pit": "effective",
    "tundish_overflow_pit": True, "swivel_chute": "absent",
}  # fmt: skip


def stated(person: Person, visit: Visit, clause: str, values: dict[str, Any], **about: Any) -> Any:
    path = f"{PATH}/visits/{visit.field.visit_id}/clauses/{clause}/answers"
    answers_by_key = {name if "." in name else f"{clause}.{name}": value for name, value in values.items()}
    return person.post(path, json={"answers": answers_by_key, "note": "现场查看", **about})


def steelworks(world: World) -> Visit:
    visit = Visit(world, "metallurgy")
    visit.submit("outsourced-work", answers("outsourced-work"))
    return visit


def test_a_clause_no_checklist_speaks_of_is_settled_by_its_question_set(world: World) -> None:
    visit = steelworks(world)
    assert visit.verdicts() == []
    reply = stated(visit.reader, visit, "MEM10-4-3", CASTER, subject_name="2号连铸机")
    assert reply.status_code == 201, reply.text
    (verdict,) = visit.verdicts()
    assert (verdict["kind"], verdict["clause_id"], verdict["subject_id"]) == (
        "suspected_major", "MEM10-4-3", "2号连铸机",
    )  # fmt: skip
    verdict = verified(visit, verdict)
    assert step(world.person("approver"), verdict, "confirmation", DECIDED).status_code == 200
    (hazard,) = visit.reader.get("/api/v1/hazards", params={"level": "major"}).json()["items"]
    assert (hazard["clause"], hazard["subject"]) == ("MEM10-4-3", "2号连铸机")


def test_what_a_question_set_leaves_open_is_undetermined_and_asked_for_again(world: World) -> None:
    visit = steelworks(world)
    partly = {name: value for name, value in CASTER.items() if name != "swivel_chute"}
    assert stated(visit.reader, visit, "MEM10-4-3", partly, subject_name="2号连铸机").status_code == 201
    (verdict,) = visit.verdicts("undetermined")
    assert verdict["missing"] == ["MEM10-4-3.swivel_chute"]
    rest = stated(visit.reader, visit, "MEM10-4-3", {"swivel_chute": True}, subject_id=verdict["subject_id"])
    assert rest.status_code == 201
    assert [one["kind"] for one in visit.verdicts()] == ["not_matched"]


def test_a_clause_of_another_trade_stays_silent_whatever_is_stated(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("outsourced-work", answers("outsourced-work"))
    assert stated(visit.reader, visit, "MEM10-4-3", CASTER, subject_name="1").status_code == 201
    assert visit.verdicts() == []


@pytest.mark.parametrize(
    ("clause", "values", "about", "code"),
    [
        ("MEM10-4-3", CASTER, {}, "subject_unknown"),
        ("MEM10-4-3", CASTER, {"subject_id": "nobody"}, "subject_unknown"),
        ("MEM10-4-3", {"process": "压铸"}, {"subject_name": "1"}, "answer_refused"),
        ("MEM10-4-3", {"MEM10-5-3.furnace_type": "电炉"}, {"subject_name": "1"}, "answer_refused"),
        ("MEM10-3-1", {"has_contractor_or_tenant": False}, {}, "answer_refused"),
        ("MEM10-99-9", {"x": True}, {}, "not_found"),
    ],
)
def test_facts_that_fit_nothing_or_are_known_are_refused(
    world: World, clause: str, values: dict[str, Any], about: dict[str, Any], code: str
) -> None:
    visit = steelworks(world)
    assert stated(visit.reader, visit, clause, values, **about).json()["code"] == code
    assert len(visit.determination()["sheets"]) == 1


def test_facts_are_stated_only_by_those_who_verify_in_their_regions_and_once(world: World) -> None:
    visit = steelworks(world)
    about = {"subject_name": "1"}
    assert stated(world.person("approver"), visit, "MEM10-4-3", CASTER, **about).status_code == 403
    abroad = world.person("inspector", region=world.other_district)
    assert stated(abroad, visit, "MEM10-4-3", CASTER, **about).status_code == 404
    path = f"{PATH}/visits/{visit.field.visit_id}/clauses/MEM10-4-3/answers"
    body = {"answers": {"MEM10-4-3.in_scope": True}, "note": "x", **about}
    same = {"Idempotency-Key": "the same attempt"}
    first, again = (visit.reader.post(path, json=body, headers=same) for _ in range(2))
    assert first.json() == again.json()
    assert len(visit.determination()["sheets"]) == 2


# --- findings no clause covers ---------------------------------------------------------------------------------------


def unmapped(world: World, *trades: str, **changes: Any) -> tuple[Visit, dict[str, Any]]:
    visit = Visit(world, *(trades or ("machinery",)))
    visit.submit("rto", answers("rto", {"RTO-01": NO}), **changes)
    (verdict,) = (one for one in visit.verdicts("unmapped") if one["source"].endswith("/RTO-01"))
    return visit, verdict


def mapped(person: Person, verdict: dict[str, Any], clause: str | None) -> Any:
    return step(person, verdict, "mapping", {"clause": clause, "reason": "人工研判"})


def test_a_finding_no_clause_covers_is_mapped_verified_and_confirmed(world: World) -> None:
    visit, verdict = unmapped(world)
    early = verify(visit.reader, verdict, {**MAJOR, "reason": "x"})
    assert (early.status_code, early.json()["code"]) == (409, "mapping_required")
    verdict = mapped(visit.reader, verdict, "AQ3067-5.6.1").json()
    assert (verdict["status"], verdict["mapped_clause"]) == ("open", "AQ3067-5.6.1")
    assert verify(visit.reader, verdict).json()["code"] == "reason_required"
    body = {**MAJOR, "reason": "现场核实"}
    verdict = verified(visit, verdict, body, body)
    done = step(world.person("approver"), verdict, "confirmation", DECIDED).json()
    assert done["major_clause"] == "AQ3067-5.6.1"
    (hazard,) = visit.reader.get("/api/v1/hazards", params={"level": "major"}).json()["items"]
    assert (hazard["item_code"], hazard["clause"]) == ("RTO-01", "AQ3067-5.6.1")


def test_a_finding_filed_as_general_can_be_taken_up_again(world: World) -> None:
    visit, verdict = unmapped(world)
    verdict = mapped(visit.reader, verdict, None).json()
    assert (verdict["status"], verdict["mapped_clause"]) == ("general", None)
    refused = verify(visit.reader, verdict, {**MAJOR, "reason": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "verdict_state")
    verdict = mapped(visit.reader, verdict, "MEM10-13-2").json()
    assert [one["action"] for one in verdict["steps"]] == ["file_as_general", "map_to_clause"]


BY_DAY = [
    ("AJZG3-2017-121-C1", "2026-09-29", True),
    ("AJZG3-2017-121-C1", "2026-09-30", False),
    ("AQ3067-5.1.1", "2026-09-29", False),
    ("AQ3067-5.1.1", "2026-09-30", True),
]
"""The last day of the chemicals standard of 2017, and the first of the one that takes its place."""


@pytest.mark.parametrize(("clause", "day", "is_in_force"), BY_DAY)
def test_a_finding_is_mapped_by_the_standard_of_the_day_it_was_made(
    world: World, clause: str, day: str, is_in_force: bool
) -> None:
    visit, verdict = unmapped(world, "chemicals", legal_date=day)
    reply = mapped(visit.reader, verdict, clause)
    if is_in_force:
        assert (reply.status_code, reply.json()["mapped_clause"]) == (200, clause), reply.text
    else:
        assert (reply.status_code, reply.json()["code"]) == (422, "clause_not_in_force")
        other = "AQ3067" if clause.startswith("AJZG3") else "AJZG3-2017-121"
        assert other in reply.json()["standards"].split("、")


@pytest.mark.parametrize("clause", ["AJZG3-2017-121-C21", "AQ3067-5.8.1", "MEM10-99-1"])
def test_a_clause_that_its_standard_does_not_have_is_refused(world: World, clause: str) -> None:
    day = "2026-09-29" if clause.startswith("AJZG3") else "2026-09-30"
    visit, verdict = unmapped(world, "chemicals", "machinery", legal_date=day)
    assert mapped(visit.reader, verdict, clause).json()["code"] == "clause_not_in_force"


def test_only_unmapped_findings_are_mapped_and_only_by_those_who_verify(world: World) -> None:
    visit, verdict = unmapped(world)
    assert mapped(world.person("approver"), verdict, None).status_code == 403
    assert mapped(world.person("inspector", region=world.other_district), verdict, None).status_code == 404
    _, open_one = undetermined(world)
    assert mapped(visit.reader, open_one, None).json()["code"] == "verdict_state"


# --- lists -----------------------------------------------------------------------------------------------------------


def test_verdicts_are_filtered_and_paged(world: World) -> None:
    visit, verdict = undetermined(world)
    other = Visit(world, "machinery")
    other.submit("rto", answers("rto", {**NO_ALARM, "RTO-01": NO}))

    def listed(**params: Any) -> set[str]:
        page = visit.reader.get(PATH, params=params).json()
        return {one["clause_id"] or one["source"].rpartition("/")[2] for one in page["items"]}

    assert listed() == {"MEM10-3-1", "MEM10-7-5", "RTO-01"}
    assert listed(kind="unmapped") == {"RTO-01"}
    assert listed(kind=["unmapped", "suspected_major"]) == {"MEM10-7-5", "RTO-01"}
    assert listed(clause="MEM10-7-5") == listed(kind="suspected_major") == {"MEM10-7-5"}
    assert listed(visit_id=str(visit.field.visit_id)) == {"MEM10-3-1"}
    assert listed(enterprise_id=str(other.field.enterprise_id)) == {"MEM10-7-5", "RTO-01"}
    assert listed(region_id=str(world.district)) == listed(region_id=str(world.town)) == listed()
    assert listed(region_id=str(world.other_district)) == listed(status="confirmed") == set()
    assert visit.reader.get(PATH, params={"kind": "nonsense"}).status_code == 422
    page = visit.reader.get(PATH, params={"limit": 2}).json()
    rest = visit.reader.get(PATH, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert len(page["items"] + rest["items"]) == 3
    assert answer(visit.reader, verdict, {CHECKED: False}).status_code == 201
    assert verdict["id"] not in {one["id"] for one in visit.reader.get(PATH).json()["items"]}
    replaced = visit.reader.get(PATH, params={"current": False}).json()["items"]
    assert [one["id"] for one in replaced] == [verdict["id"]]
