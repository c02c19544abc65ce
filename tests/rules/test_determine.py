"""Facts to verdicts: trades, subjects, problems, explanations, what is left to a person."""

from datetime import date

import pytest

from app.rules.evaluator import TRADE_KEY, Determination, Finding, VerdictKind, determine
from app.rules.facts import Fact, FactProblem, Subject
from app.services.determinations.content import ruleset_on, standards_on
from tests.rules.making import ORDER10, UNIT, judge

ENTERPRISE = Subject("enterprise", "e")
SITE = Subject("site", "s", ENTERPRISE)
BURNER = Subject("unit", "u", SITE)
BAD_BURNER = {
    "MEM10-7-5.gas_fuel": True,
    "MEM10-7-5.main_pressure_alarm": False,
    "MEM10-7-5.interlock_esd": True,
    "MEM10-7-5.flame_monitor": True,
    "MEM10-7-5.flameout_protection": True,
}


def facts(values: dict[str, object], subject: Subject = BURNER) -> list[Fact]:
    return [Fact(subject, key, value, f"item:{key}") for key, value in values.items()]


def kinds(result: Determination) -> dict[str, VerdictKind]:
    return {verdict.clause_id: verdict.kind for verdict in result.verdicts}


def test_a_clause_of_another_trade_is_not_looked_at() -> None:
    assert kinds(determine(ORDER10, ["machinery"], facts(BAD_BURNER))) == {
        "MEM10-7-5": VerdictKind.SUSPECTED_MAJOR
    }
    assert kinds(determine(ORDER10, ["light_industry"], facts(BAD_BURNER))) == {}


def test_a_trade_outside_the_standard_gets_no_verdict_even_from_general_clauses() -> None:
    toxic = {
        "MEM10-13-1.toxic_risk": True,
        "MEM10-13-1.warning_sign": False,
        "MEM10-13-1.identified_and_ledger": False,
    }
    assert kinds(determine(ORDER10, ["chemical"], facts(toxic))) == {}
    assert kinds(determine(ORDER10, ["commerce"], facts(toxic))) == {
        "MEM10-13-1": VerdictKind.SUSPECTED_MAJOR
    }
    assert kinds(determine(ORDER10, ["chemical", "textile"], facts(toxic))) == {
        "MEM10-13-1": VerdictKind.SUSPECTED_MAJOR
    }


def test_an_unknown_trade_is_undetermined_and_asked_for() -> None:
    (verdict,) = determine(ORDER10, [], facts(BAD_BURNER)).verdicts
    assert verdict.kind is VerdictKind.UNDETERMINED
    assert verdict.missing == (TRADE_KEY,)


def test_each_worker_is_judged_alone() -> None:
    trained, untrained = Subject("worker", "张", SITE), Subject("worker", "李", SITE)
    base: dict[str, object] = {"MEM10-3-2.worker_on_duty": True, "MEM10-3-2.is_special_operation": True}
    stated = [
        *facts({**base, "MEM10-3-2.certificate_valid": True}, trained),
        *facts({**base, "MEM10-3-2.certificate_valid": False}, untrained),
    ]
    result = determine(ORDER10, ["machinery"], stated)
    assert [(verdict.subject, verdict.kind) for verdict in result.verdicts] == [
        (trained, VerdictKind.NOT_MATCHED),
        (untrained, VerdictKind.SUSPECTED_MAJOR),
    ]


def test_facts_of_two_workers_never_add_up_to_one_violation() -> None:
    one, other = Subject("worker", "1", SITE), Subject("worker", "2", SITE)
    stated = [
        *facts({"MEM10-3-2.worker_on_duty": True, "MEM10-3-2.is_special_operation": True}, one),
        *facts({"MEM10-3-2.certificate_valid": False}, other),
    ]
    assert {v.kind for v in determine(ORDER10, ["machinery"], stated).verdicts} == {VerdictKind.UNDETERMINED}


def test_what_is_known_of_the_outer_subject_holds_for_the_inner_one() -> None:
    place = Subject("place", "p", BURNER)
    stated = [
        *facts({"MEM10-11.dust_explosion_risk": True}, BURNER),
        *facts({"MEM10-11-7.zone": "20", "MEM10-11-7.ex_compliant": False}, place),
    ]
    result = determine(ORDER10, ["light_industry"], stated)
    assert [(v.subject, v.kind) for v in result.verdicts if v.clause_id == "MEM10-11-7"] == [
        (place, VerdictKind.SUSPECTED_MAJOR)
    ]


def test_a_known_scope_alone_asks_for_the_rest_of_each_clause_of_the_article() -> None:
    result = determine(ORDER10, ["light_industry"], facts({"MEM10-11.dust_explosion_risk": True}))
    assert kinds(result) == {f"MEM10-11-{n}": VerdictKind.UNDETERMINED for n in range(1, 11)}


@pytest.mark.parametrize(
    "key, value, problem",
    [
        ("MEM10-7-5.interlock_esd", "yes", FactProblem.WRONG_TYPE),
        ("MEM10-7-5.interlock_esd", 1, FactProblem.WRONG_TYPE),
        ("MEM10-7-5.interlock_esd", None, FactProblem.WRONG_TYPE),
        ("MEM10-7-5.interlock_esd", "installed", FactProblem.EFFECT_NOT_CHECKED),
        ("MEM10-7-5.gas_fuel", "effective", FactProblem.WRONG_TYPE),
    ],
)
def test_a_wrong_type_is_unknown_with_a_named_problem(key: str, value: object, problem: FactProblem) -> None:
    sound = {**dict.fromkeys(BAD_BURNER, True), key: value}
    (verdict,) = determine(ORDER10, ["machinery"], facts(sound)).verdicts
    assert verdict.kind is VerdictKind.UNDETERMINED
    assert verdict.missing == (key,)
    assert next(f.problem for c in verdict.conditions for f in c.facts if f.key == key) is problem


def test_an_unlisted_value_and_a_fraction_of_a_person_are_unknown() -> None:
    for clause_id, name, value, problem in [
        ("MEM10-11-7", "zone", "0", FactProblem.UNLISTED_VALUE),
        ("MEM10-11-7", "zone", 20, FactProblem.WRONG_TYPE),
        ("MEM10-12-2", "people_count", 9.5, FactProblem.WRONG_TYPE),
        ("MEM10-4-8", "seal_pressure", float("nan"), FactProblem.WRONG_TYPE),
        ("MEM10-4-8", "seal_pressure", True, FactProblem.WRONG_TYPE),
    ]:
        verdict = judge(ORDER10.clauses[clause_id], {name: value})
        assert verdict is not None
        assert verdict.kind is VerdictKind.UNDETERMINED
        assert problem in [fact.problem for condition in verdict.conditions for fact in condition.facts]


def test_contradicting_statements_make_a_fact_unknown() -> None:
    stated = [*facts(BAD_BURNER), Fact(BURNER, "MEM10-7-5.main_pressure_alarm", True, "item:other")]
    (verdict,) = determine(ORDER10, ["machinery"], stated).verdicts
    assert verdict.kind is VerdictKind.UNDETERMINED
    (fact,) = [f for c in verdict.conditions for f in c.facts if f.key == "MEM10-7-5.main_pressure_alarm"]
    assert fact.problem is FactProblem.CONTRADICTORY
    assert len(fact.sources) == 2


def test_the_same_bare_name_in_another_clause_is_another_fact() -> None:
    (verdict,) = determine(
        ORDER10, ["machinery", "nonferrous"], facts({"MEM10-5-12.main_pressure_alarm": False})
    ).verdicts
    assert verdict.clause_id == "MEM10-5-12"


def test_the_explanation_names_every_condition_with_value_and_source() -> None:
    (verdict,) = determine(ORDER10, ["machinery"], facts(BAD_BURNER)).verdicts
    assert [(c.part, c.text, c.holds) for c in verdict.conditions] == [
        ("scope", "gas_fuel", True),
        ("predicate", "gas_fuel", True),
        ("predicate", "main_pressure_alarm", False),
        ("predicate", "interlock_esd", True),
        ("predicate", "flame_monitor", True),
        ("predicate", "flameout_protection", True),
    ]
    (alarm,) = verdict.conditions[2].facts
    assert (alarm.value, alarm.sources) == (False, ("item:MEM10-7-5.main_pressure_alarm",))


def test_a_value_to_be_confirmed_shows_its_mark_where_it_decides() -> None:
    verdict = judge(ORDER10.clauses["MEM10-4-8"], {"in_scope": True, "seal_pressure": 20})
    assert verdict is not None
    marks = {fact.key: fact.to_be_confirmed for condition in verdict.conditions for fact in condition.facts}
    assert marks["MEM10.settings.minimum_seal_pressure"] is True
    assert marks["MEM10-4-8.seal_pressure"] is False


def test_findings_no_applicable_clause_covers_are_left_to_a_person() -> None:
    findings = [
        Finding("item:MEM10-7-5.main_pressure_alarm"),
        Finding("RTO-11", ("MEM10-7-5",)),
        Finding("RTO-14"),
        Finding("HW-04", ("AQ3067-5.6.1",)),
    ]
    assert determine(ORDER10, ["machinery"], facts(BAD_BURNER), findings).unmapped == ("RTO-14", "HW-04")
    furniture = determine(ORDER10, ["light_industry"], facts(BAD_BURNER), findings)
    assert furniture.unmapped == tuple(finding.source for finding in findings)


def test_the_version_in_force_on_the_date_of_the_facts_judges() -> None:
    assert ruleset_on(date(2023, 5, 14)) is None
    assert ruleset_on(date(2023, 5, 15)) is ORDER10
    assert ruleset_on(date(2026, 11, 24)) is ORDER10
    result = determine(ruleset_on(date(2023, 5, 14)), ["machinery"], facts(BAD_BURNER), [Finding("RTO-10")])
    assert result == Determination((), ("RTO-10",))


def test_the_chemical_and_fire_standards_change_on_their_days() -> None:
    def codes(day: date) -> set[str]:
        return {standard.code for standard in standards_on(day)}

    assert "AJZG3-2017-121" in codes(date(2026, 9, 29))
    assert "AQ3067" not in codes(date(2026, 9, 29))
    assert "AQ3067" in codes(date(2026, 9, 30))
    assert "AJZG3-2017-121" not in codes(date(2026, 9, 30))
    assert "GB35181-2017" in codes(date(2025, 10, 31))
    assert "GB35181" in codes(date(2025, 11, 1))


def test_an_unknown_key_is_no_fact_of_any_clause() -> None:
    assert determine(ORDER10, ["machinery"], [Fact(UNIT, "checklist.RTO-01", False, "RTO-01")]).verdicts == ()
