"""Checking a package's answers: every defect is named where it is, and nothing is ever refused or filled in."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.enums.checklists import AnswerIssueCode as Code
from app.enums.checklists import Handling, Outcome
from app.schemas.checklist_content import Checklist
from app.services.checklists.answers import EvidenceClaim, check_answers, judge_answers
from app.services.checklists.content import parse_checklist, shipped_bodies
from tests.factories.checklists import CHECKED_ON, body, good_answers, item, section, yes_no

SHIPPED = {code: parse_checklist(shipped) for code, shipped in shipped_bodies().items()}
PHOTO = {"when": "applicable", "photos": 1}
TWO_WHEN_BAD = {"when": "non_compliant", "photos": 2}
GAS = {"type": "number", "unit": "%V/V", "range": [0, 100]}


def issues(checklist: Checklist, answers: Any, photos: tuple[str, ...] = ()) -> list[tuple[Code, str]]:
    evidence = [EvidenceClaim(path, "image/jpeg") for path in photos]
    return [(issue.code, issue.question) for issue in check_answers(checklist, answers, evidence, CHECKED_ON)]


def sample(*items: dict[str, Any], **more: Any) -> Checklist:
    return parse_checklist(body(section("s", *items), **more))


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_shipped_checklist_can_be_answered_without_an_issue(code: str) -> None:
    answers, evidence = good_answers(SHIPPED[code])
    assert not check_answers(SHIPPED[code], answers, evidence, CHECKED_ON)


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_nothing_answered_is_unanswered_and_gives_no_outcome(code: str) -> None:
    checklist = SHIPPED[code]
    found = issues(checklist, {})
    assert {issue for issue, _ in found} <= {Code.UNANSWERED, Code.TOO_FEW_ENTRIES}
    always = [
        i.code
        for s in checklist.sections
        if not s.repeat and not s.visible_when
        for i in s.items
        if not i.visible_when
    ]
    assert [path for issue, path in found if issue is Code.UNANSWERED] == always
    assert not judge_answers(checklist, {}, CHECKED_ON)


def test_null_is_no_answer() -> None:
    checklist = sample(yes_no("Q"))
    assert issues(checklist, {"Q": None}) == [(Code.UNANSWERED, "Q")]
    assert issues(checklist, {"Q": {"value": None}}) == [(Code.UNANSWERED, "Q")]
    assert issues(checklist, {"Q": {}}) == [(Code.UNANSWERED, "Q")]


def test_unknown_question_is_named_in_answers_and_in_evidence() -> None:
    checklist = sample(yes_no("Q"))
    found = issues(checklist, {"Q": {"value": "yes"}, "X": {"value": 1}}, ("Y", "Q"))
    assert found == [(Code.UNKNOWN_QUESTION, "X"), (Code.UNKNOWN_QUESTION, "Y")]


@pytest.mark.parametrize("reason", [None, "", "  ", 5])
def test_not_applicable_needs_a_reason(reason: Any) -> None:
    checklist = sample(yes_no("Q"))
    assert issues(checklist, {"Q": {"value": "na", "reason": reason}}) == [(Code.REASON_MISSING, "Q")]
    assert issues(checklist, {"Q": {"value": "na", "reason": "没有喷漆室"}}) == []


def test_not_applicable_is_refused_where_the_item_does_not_allow_it() -> None:
    checklist = sample(yes_no("Q", allows_not_applicable=False))
    assert issues(checklist, {"Q": {"value": "na", "reason": "不清楚"}}) == [
        (Code.NOT_APPLICABLE_REFUSED, "Q")
    ]


@pytest.mark.parametrize(
    ("value", "photos", "missing"),
    [("yes", 0, True), ("yes", 1, False), ("no", 1, True), ("no", 2, False), ("na", 0, False)],
)
def test_required_photographs_depend_on_the_outcome(value: str, photos: int, missing: bool) -> None:
    checklist = sample(yes_no("Q", evidence=[PHOTO, TWO_WHEN_BAD]))
    found = issues(checklist, {"Q": {"value": value, "reason": "无"}}, ("Q",) * photos)
    assert found == ([(Code.MISSING_EVIDENCE, "Q")] if missing else [])


def test_video_does_not_stand_in_for_a_photograph() -> None:
    checklist = sample(yes_no("Q", evidence=[PHOTO]))
    found = check_answers(checklist, {"Q": {"value": "yes"}}, [EvidenceClaim("Q", "video/mp4")], CHECKED_ON)
    assert [(issue.code, issue.detail) for issue in found] == [
        (Code.MISSING_EVIDENCE, {"photos": 0, "required": 1})
    ]


def test_hidden_question_must_not_be_answered_and_visible_one_must() -> None:
    checklist = sample(yes_no("P", None), yes_no("C", visible_when={"item": "P", "one_of": ["yes"]}))
    assert issues(checklist, {"P": {"value": "no"}}) == []
    assert issues(checklist, {"P": {"value": "no"}, "C": {"value": "yes"}}) == [(Code.HIDDEN_ANSWERED, "C")]
    assert issues(checklist, {"P": {"value": "yes"}}) == [(Code.UNANSWERED, "C")]


def test_visibility_is_unknown_while_its_question_is_unanswered() -> None:
    checklist = sample(yes_no("P", None), yes_no("C", visible_when={"item": "P", "one_of": ["yes"]}))
    assert issues(checklist, {}) == [(Code.UNANSWERED, "P")]
    assert issues(checklist, {"C": {"value": "yes"}}) == [(Code.UNANSWERED, "P")]


def test_what_depends_on_a_hidden_question_is_hidden_too() -> None:
    checklist = sample(
        yes_no("A", None),
        yes_no("B", None, visible_when={"item": "A", "one_of": ["yes"]}),
        yes_no("C", visible_when={"item": "B", "one_of": ["yes", "no"]}),
    )
    answers = {"A": {"value": "no"}, "C": {"value": "yes"}}
    assert issues(checklist, answers) == [(Code.HIDDEN_ANSWERED, "C")]


def gas_checklist() -> Checklist:
    start = item("START", {"type": "moment"})
    gas = item("GAS", GAS, freshness={"before": "START", "max_minutes": 30})
    return sample(start, gas)


@pytest.mark.parametrize(
    ("measured_at", "code"),
    [
        ("2026-11-24T08:30:00+08:00", None),
        ("2026-11-24T00:30:00Z", None),
        ("2026-11-24T09:00:00+08:00", None),
        ("2026-11-24T08:29:59+08:00", Code.STALE_MEASUREMENT),
        ("2026-11-23T08:45:00+08:00", Code.STALE_MEASUREMENT),
        ("2026-11-24T09:00:01+08:00", Code.MEASURED_AFTER_START),
        ("2026-11-24T08:45:00", Code.MEASURED_AT_MISSING),
        (None, Code.MEASURED_AT_MISSING),
    ],
)
def test_gas_test_is_valid_for_thirty_minutes_before_the_start(
    measured_at: str | None, code: Code | None
) -> None:
    answers = {
        "START": {"value": "2026-11-24T09:00:00+08:00"},
        "GAS": {"value": 0.1, "measured_at": measured_at},
    }
    assert issues(gas_checklist(), answers) == ([(code, "GAS")] if code else [])


def test_stale_gas_test_in_the_shipped_hot_work_checklist_is_named() -> None:
    answers, evidence = good_answers(SHIPPED["hot-work"])
    answers["HW-08"]["measured_at"] = "2026-11-24T08:00:00+08:00"
    found = check_answers(SHIPPED["hot-work"], answers, evidence, CHECKED_ON)
    assert [(issue.code, issue.question) for issue in found] == [(Code.STALE_MEASUREMENT, "HW-08")]
    assert found[0].detail == {"minutes": 60, "max_minutes": 30}


def test_every_isolation_point_takes_a_photograph_of_its_own_lock() -> None:
    answers, evidence = good_answers(SHIPPED["confined-space"])
    second = {
        path.replace("/e1/", "/e2/"): given
        for path, given in answers.items()
        if path.startswith("isolation/e1/")
    }
    found = issues(
        SHIPPED["confined-space"], answers | second, tuple(claim.question or "" for claim in evidence)
    )
    assert found == [(Code.MISSING_EVIDENCE, "isolation/e2/ISO-03")]


def test_isolated_space_without_any_isolation_point_is_named() -> None:
    answers, evidence = good_answers(SHIPPED["confined-space"])
    kept = {path: given for path, given in answers.items() if not path.startswith("isolation/")}
    photos = tuple(
        claim.question or "" for claim in evidence if not (claim.question or "").startswith("isolation/")
    )
    assert issues(SHIPPED["confined-space"], kept, photos) == [(Code.TOO_FEW_ENTRIES, "isolation")]


def test_too_many_entries_are_named() -> None:
    repeat = {"entry": {"zh": "点", "en": "Point"}, "min_entries": 0, "max_entries": 2}
    checklist = parse_checklist(body(section("r", yes_no("Q"), repeat=repeat)))
    answers = {f"r/{entry}/Q": {"value": "yes"} for entry in ("a", "b", "c")}
    assert issues(checklist, answers) == [(Code.TOO_MANY_ENTRIES, "r")]


@pytest.mark.parametrize("path", ["Q", "r/Q", "r//Q", "r/a b/Q", "x/a/Q", "r/a/Q/b", "r/" + "a" * 65 + "/Q"])
def test_path_outside_the_entries_is_an_unknown_question(path: str) -> None:
    repeat = {"entry": {"zh": "点", "en": "Point"}, "min_entries": 0}
    checklist = parse_checklist(body(section("r", yes_no("Q"), repeat=repeat)))
    assert issues(checklist, {path: {"value": "yes"}}) == [(Code.UNKNOWN_QUESTION, path[:200])]


def test_answers_that_contradict_one_another_are_named() -> None:
    rule = {"key": "MEM10-7-5.flame_monitor", "map": {"yes": True, "no": False}}
    checklist = sample(yes_no("A", facts=[rule]), yes_no("B", facts=[rule]))
    assert issues(checklist, {"A": {"value": "yes"}, "B": {"value": "no"}}) == [
        (Code.CONTRADICTORY_FACTS, "B")
    ]
    assert issues(checklist, {"A": {"value": "yes"}, "B": {"value": "yes"}}) == []


@pytest.mark.parametrize(
    ("grade", "hours", "outcome"),
    [
        ("special", 8, Outcome.COMPLIANT),
        ("special", 8.5, Outcome.NON_COMPLIANT),
        ("grade_1", 8, Outcome.COMPLIANT),
        ("grade_1", 9, Outcome.NON_COMPLIANT),
        ("grade_2", 72, Outcome.COMPLIANT),
        ("grade_2", 73, Outcome.NON_COMPLIANT),
        ("none", 1, Outcome.UNDETERMINED),
    ],
)
def test_permit_validity_is_judged_by_its_class(grade: str, hours: float, outcome: Outcome) -> None:
    judged = judge_answers(
        SHIPPED["hot-work"], {"HW-02": {"value": grade}, "HW-03": {"value": hours}}, CHECKED_ON
    )
    assert {j.question.path: j.outcome for j in judged}["HW-03"] is outcome


@pytest.mark.parametrize(
    ("regime", "handling"),
    [("chemical", Handling.ENFORCE), ("general", Handling.NO_PENALTY), (None, Handling.NO_PENALTY)],
)
def test_chemical_standard_is_guidance_for_other_enterprises(regime: str | None, handling: Handling) -> None:
    answers = {"HW-01": {"value": regime}, "HW-15": {"value": {"gap": 4, "fire": 10}}}
    judged = {j.question.path: j for j in judge_answers(SHIPPED["hot-work"], answers, CHECKED_ON)}["HW-15"]
    assert (judged.outcome, judged.handling) == (Outcome.NON_COMPLIANT, handling)


def test_judgement_names_the_unconfirmed_settings_it_rests_on() -> None:
    answers = {
        "CS-00": {"value": "working"},
        "CS-20": {"value": {"oxygen": 20, "combustible": 0, "hydrogen_sulfide": 11, "carbon_monoxide": 0}},
        "CS-22": {"value": 20},
    }
    judged = {j.question.path: j for j in judge_answers(SHIPPED["confined-space"], answers, CHECKED_ON)}
    assert list(judged["CS-20"].unconfirmed) == ["hydrogen_sulfide_mg", "carbon_monoxide_mg"]
    assert list(judged["CS-22"].unconfirmed) == []


@pytest.mark.parametrize(
    ("limit", "gas", "outcome"),
    [
        (4, 0.5, Outcome.COMPLIANT),
        (4, 0.51, Outcome.NON_COMPLIANT),
        (3.9, 0.2, Outcome.COMPLIANT),
        (3.9, 0.21, Outcome.NON_COMPLIANT),
    ],
)
def test_gas_limit_follows_the_lower_explosive_limit(limit: float, gas: float, outcome: Outcome) -> None:
    answers = {"HW-08.1": {"value": limit}, "HW-08": {"value": gas}}
    judged = judge_answers(SHIPPED["hot-work"], answers, CHECKED_ON)
    assert {j.question.path: j.outcome for j in judged}["HW-08"] is outcome


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["yes", "no", "na", "valid"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
paths = st.sampled_from(
    [i.code for s in SHIPPED["confined-space"].sections for i in s.items]
    + [f"isolation/{e}/{i}" for e in ("a", "b") for i in ("ISO-01", "ISO-02", "ISO-03", "ISO-04")]
) | st.text(max_size=12)
sheets = st.dictionaries(
    paths,
    json_values
    | st.fixed_dictionaries({"value": json_values, "reason": json_values, "measured_at": json_values}),
)


@given(answers=sheets | json_values, photos=st.lists(paths, max_size=5))
@settings(max_examples=150)
def test_checking_never_raises_and_accounts_for_every_answer(answers: Any, photos: list[str]) -> None:
    checklist = SHIPPED["confined-space"]
    evidence = [EvidenceClaim(path, "image/png") for path in photos]
    found = check_answers(checklist, answers, evidence, CHECKED_ON)
    judged = {j.question.path for j in judge_answers(checklist, answers, CHECKED_ON)}
    if isinstance(answers, dict):
        named = {issue.question for issue in found}
        given = {
            path for path, raw in answers.items() if isinstance(raw, dict) and raw.get("value") is not None
        }
        known = {path for path in given if path in judged or path[:200] in named}
        undecided = {path for path in given - known if path in _paths_with_conditions(checklist)}
        assert given == known | undecided
    else:
        assert [issue.code for issue in found] == [Code.MALFORMED_ANSWERS]
        assert judged == set()


def _paths_with_conditions(checklist: Checklist) -> set[str]:
    """Questions whose visibility may be unknown: well formed, they are neither judged nor an issue."""
    codes = set()
    for part in checklist.sections:
        for one in part.items:
            if part.visible_when or one.visible_when:
                codes |= {f"{part.code}/{e}/{one.code}" for e in ("a", "b")} if part.repeat else {one.code}
    return codes
