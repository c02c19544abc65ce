"""Answers as facts: what is known is told, what is not stays unknown."""

from typing import Any

import pytest

from app.enums.checklists import Subject
from app.services.checklists.answers import read_answers
from app.services.checklists.content import parse_checklist, shipped_bodies
from app.services.checklists.facts import facts_of
from tests.factories.checklists import CHECKED_ON

SHIPPED = {code: parse_checklist(shipped) for code, shipped in shipped_bodies().items()}


def clause_facts(code: str, answers: dict[str, Any]) -> dict[str, Any]:
    sheet = {path: {"value": value} for path, value in answers.items()}
    facts = facts_of(read_answers(SHIPPED[code], sheet, (), CHECKED_ON))
    return {fact.key: fact.value for fact in facts if not fact.supplementary}


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_no_answer_gives_no_fact(code: str) -> None:
    assert clause_facts(code, {}) == {}


@pytest.mark.parametrize(
    ("answers", "facts"),
    [
        ({"CS-02": "yes"}, {"MEM10-13-1.warning_sign": True}),
        ({"CS-02": "no"}, {}),
        ({"CS-02": "no", "CS-02.1": "no"}, {"MEM10-13-1.warning_sign": False}),
        ({"CS-02": "na"}, {}),
        ({"CS-01": "no", "CS-01.1": "yes"}, {"MEM10-13-1.identified_and_ledger": True}),
        (
            {"CS-00.1": "yes"},
            {"MEM10-13-1.toxic_risk": True, "MEM10-13-2.toxic_risk": True},
        ),
        ({"CS-00": "working", "CS-08": "no"}, {"MEM10-13-2.in_scope": True}),
        ({"CS-00": "recent", "CS-08": "no", "CS-08.1": "yes"}, {"MEM10-13-2.in_scope": True}),
        (
            {"CS-00": "working", "CS-08": "no", "CS-08.1": "no"},
            {"MEM10-13-2.in_scope": True, "MEM10-13-2.entry_approved": False},
        ),
        (
            {"CS-00": "working", "CS-17": "no"},
            {"MEM10-13-2.in_scope": True, "MEM10-13-2.ventilate_test_work": False},
        ),
        ({"CS-00": "none", "CS-17": "no"}, {"MEM10-13-2.in_scope": False}),
        ({"CS-17": "no"}, {}),
        (
            {"CS-00": "working", "CS-24": "no", "CS-24.1": "yes"},
            {"MEM10-13-2.in_scope": True, "MEM10-13-2.attendant_on_site": True},
        ),
        ({"CS-00": "working", "CS-16": "no"}, {"MEM10-13-2.in_scope": True}),
        (
            {"CS-00": "working", "CS-16": "no", "CS-16.1": "yes", "CS-16.2": "mill"},
            {
                "MEM10-13-2.in_scope": True,
                "MEM10-6-4.energy_isolated": True,
                "MEM10-6-4.equipment_type": "磨机",
            },
        ),
    ],
)
def test_confined_space_answers_become_exactly_these_facts(
    answers: dict[str, Any], facts: dict[str, Any]
) -> None:
    assert clause_facts("confined-space", answers) == facts


@pytest.mark.parametrize(
    ("answers", "facts"),
    [
        ({"RTO-10.1": "natural_gas"}, {"MEM10-7-5.gas_fuel": True, "MEM10-5-12.gas_fuel": True}),
        ({"RTO-10.1": "lpg"}, {"MEM10-7-5.gas_fuel": False, "MEM10-5-12.gas_fuel": False}),
        ({"RTO-10.1": "other"}, {}),
        (
            {"RTO-25.1": "solvent", "RTO-25": "no", "RTO-25.2": "no"},
            {
                "MEM10-7-7.paint_is_waterborne": False,
                "MEM10-8-6.paint_is_waterborne": False,
                "MEM10-7-7.fixed_lel_alarm": False,
                "MEM10-8-6.fixed_lel_alarm": False,
            },
        ),
        (
            {"RTO-25.1": "waterborne", "RTO-25": "no", "RTO-25.2": "no"},
            {"MEM10-7-7.paint_is_waterborne": True, "MEM10-8-6.paint_is_waterborne": True},
        ),
        (
            {"RTO-28": "yes", "RTO-28.1": "flame_monitor"},
            {"MEM10-7-5.flame_monitor": False},
        ),
    ],
)
def test_rto_answers_become_exactly_these_facts(answers: dict[str, Any], facts: dict[str, Any]) -> None:
    assert clause_facts("rto", answers) == facts


def test_each_worker_is_a_subject_of_his_own() -> None:
    sheet = {
        "welders/zhang/HW-11": {"value": {"number": "T1", "result": "valid"}},
        "welders/li/HW-11": {"value": {"number": "T2", "result": "expired"}},
        "welders/wang/HW-11": {"value": {"number": "T3", "result": "not_checked"}},
    }
    facts = facts_of(read_answers(SHIPPED["hot-work"], sheet, (), CHECKED_ON))
    told = {(fact.subject, fact.entry): (fact.key, fact.value) for fact in facts}
    assert told == {
        (Subject.WORKER, "zhang"): ("MEM10-3-2.certificate_valid", True),
        (Subject.WORKER, "li"): ("MEM10-3-2.certificate_valid", False),
    }


def test_contractor_facts_are_about_the_enterprise() -> None:
    sheet = {"RV-04": {"value": "no"}, "RV-00": {"value": "yes"}}
    facts = facts_of(read_answers(SHIPPED["outsourced-work"], sheet, (), CHECKED_ON))
    assert {(fact.subject, fact.key, fact.value) for fact in facts} == {
        (Subject.ENTERPRISE, "MEM10-3-1.has_contractor_or_tenant", True),
        (Subject.ENTERPRISE, "MEM10-3-1.unified_coordination_done", False),
    }
