"""Each answer type at its boundaries: what is well formed, and what it means."""

from datetime import date
from typing import Any

import pytest

from app.enums.checklists import AnswerIssueCode as Code
from app.enums.checklists import Outcome
from app.services.checklists.answer_types import months_before
from app.services.checklists.content import parse_checklist
from app.services.checklists.reading import Reading
from tests.factories.checklists import CHECKED_ON, body, item, section

NUMBER = {"type": "number", "unit": "m", "range": [0, 100], "limits": [{"at_least": 5, "at_most": 10}]}
STRICT = {"type": "number", "unit": "%LEL", "range": [0, 100], "limits": [{"above": 1, "below": 25}]}
WHOLE = {"type": "number", "unit": "个", "range": [0, 10], "whole": True}
SEVERAL = {
    "type": "multi_number",
    "fields": {
        "oxygen": {
            "label": {"zh": "氧", "en": "O2"},
            "unit": "%VOL",
            "range": [0, 100],
            "limits": [{"at_least": 19.5, "at_most": 23.5}],
        },
        "combustible": {
            "label": {"zh": "可燃", "en": "LEL"},
            "unit": "%LEL",
            "range": [0, 100],
            "limits": [{"at_most": 10}],
        },
    },
}
TRAINING = {"type": "date", "past": True, "limits": [{"max_age_months": 12}]}
EXPIRY = {"type": "date", "past": False, "limits": [{"not_expired": True}]}
CHOICE = {
    "type": "enum",
    "options": [{"code": "a", "zh": "甲", "en": "A"}, {"code": "b", "zh": "乙", "en": "B"}],
    "compliant": ["a"],
}
ADVERSE = {"type": "yes_no_na", "compliant": "no"}
LOOKUP = {"type": "lookup", "register_name": {"zh": "平台", "en": "Register"}}
RATIO = {
    "type": "ratio",
    "count": {"zh": "好", "en": "ok"},
    "total": {"zh": "测", "en": "all"},
    "at_least": 0.9,
}
TEXT = {"type": "text", "max_length": 5}
MOMENT = {"type": "moment"}

JUDGED = [
    (NUMBER, 4.999, Outcome.NON_COMPLIANT),
    (NUMBER, 5, Outcome.COMPLIANT),
    (NUMBER, 10, Outcome.COMPLIANT),
    (NUMBER, 10.001, Outcome.NON_COMPLIANT),
    (NUMBER, 0, Outcome.NON_COMPLIANT),
    (NUMBER, 100, Outcome.NON_COMPLIANT),
    (STRICT, 24.999, Outcome.COMPLIANT),
    (STRICT, 25, Outcome.NON_COMPLIANT),
    (STRICT, 1, Outcome.NON_COMPLIANT),
    (STRICT, 1.001, Outcome.COMPLIANT),
    (WHOLE, 3, Outcome.RECORDED),
    (WHOLE, 3.0, Outcome.RECORDED),
    (SEVERAL, {"oxygen": 19.5, "combustible": 10}, Outcome.COMPLIANT),
    (SEVERAL, {"oxygen": 23.5, "combustible": 0}, Outcome.COMPLIANT),
    (SEVERAL, {"oxygen": 19.4, "combustible": 0}, Outcome.NON_COMPLIANT),
    (SEVERAL, {"oxygen": 20.9, "combustible": 10.1}, Outcome.NON_COMPLIANT),
    (TRAINING, "2025-11-24", Outcome.COMPLIANT),
    (TRAINING, "2025-11-23", Outcome.NON_COMPLIANT),
    (TRAINING, "2026-11-24", Outcome.COMPLIANT),
    (EXPIRY, "2026-11-24", Outcome.COMPLIANT),
    (EXPIRY, "2026-11-23", Outcome.NON_COMPLIANT),
    (EXPIRY, "2031-01-01", Outcome.COMPLIANT),
    (CHOICE, "a", Outcome.COMPLIANT),
    (CHOICE, "b", Outcome.NON_COMPLIANT),
    (ADVERSE, "no", Outcome.COMPLIANT),
    (ADVERSE, "yes", Outcome.NON_COMPLIANT),
    (LOOKUP, {"number": "T1", "result": "valid", "valid_until": "2026-11-24"}, Outcome.COMPLIANT),
    (LOOKUP, {"number": "T1", "result": "valid"}, Outcome.COMPLIANT),
    (LOOKUP, {"number": "T1", "result": "valid", "valid_until": "2026-11-23"}, Outcome.NON_COMPLIANT),
    (LOOKUP, {"number": "T1", "result": "expired"}, Outcome.NON_COMPLIANT),
    (LOOKUP, {"number": "T1", "result": "mismatch"}, Outcome.NON_COMPLIANT),
    (LOOKUP, {"result": "not_found"}, Outcome.NON_COMPLIANT),
    (LOOKUP, {"number": "T1", "result": "not_checked"}, Outcome.UNDETERMINED),
    (RATIO, {"count": 9, "total": 10}, Outcome.COMPLIANT),
    (RATIO, {"count": 8, "total": 10}, Outcome.NON_COMPLIANT),
    (RATIO, {"count": 0, "total": 1}, Outcome.NON_COMPLIANT),
    (TEXT, "12345", Outcome.RECORDED),
    (TEXT, "na", Outcome.RECORDED),
    (MOMENT, "2026-11-24T09:00:00+08:00", Outcome.RECORDED),
    (NUMBER, "na", Outcome.NOT_APPLICABLE),
    (ADVERSE, "na", Outcome.NOT_APPLICABLE),
]

MALFORMED = [
    (NUMBER, True, Code.WRONG_TYPE),
    (NUMBER, "5", Code.WRONG_TYPE),
    (NUMBER, float("nan"), Code.WRONG_TYPE),
    (NUMBER, float("inf"), Code.WRONG_TYPE),
    (NUMBER, -0.001, Code.OUT_OF_RANGE),
    (NUMBER, 100.001, Code.OUT_OF_RANGE),
    (NUMBER, 10**400, Code.OUT_OF_RANGE),
    (NUMBER, [], Code.WRONG_TYPE),
    (WHOLE, 3.5, Code.WRONG_TYPE),
    (WHOLE, 11, Code.OUT_OF_RANGE),
    (SEVERAL, {"oxygen": 20}, Code.WRONG_TYPE),
    (SEVERAL, {"oxygen": 20, "combustible": 0, "more": 1}, Code.WRONG_TYPE),
    (SEVERAL, {"oxygen": 20, "combustible": None}, Code.WRONG_TYPE),
    (SEVERAL, {"oxygen": 101, "combustible": 0}, Code.OUT_OF_RANGE),
    (SEVERAL, 20, Code.WRONG_TYPE),
    (TRAINING, "2026-11-25", Code.OUT_OF_RANGE),
    (TRAINING, "1949-09-30", Code.OUT_OF_RANGE),
    (TRAINING, "2026-02-30", Code.WRONG_TYPE),
    (TRAINING, "20261101", Code.WRONG_TYPE),
    (TRAINING, "２０２６-11-01", Code.WRONG_TYPE),
    (TRAINING, 20261101, Code.WRONG_TYPE),
    (CHOICE, "c", Code.UNKNOWN_OPTION),
    (CHOICE, 1, Code.WRONG_TYPE),
    (ADVERSE, True, Code.WRONG_TYPE),
    (ADVERSE, "Yes", Code.WRONG_TYPE),
    (ADVERSE, "", Code.WRONG_TYPE),
    (LOOKUP, {"number": "T1", "result": "fine"}, Code.UNKNOWN_OPTION),
    (LOOKUP, {"number": " ", "result": "valid"}, Code.WRONG_TYPE),
    (LOOKUP, {"number": "T1", "result": "valid", "valid_until": "soon"}, Code.WRONG_TYPE),
    (LOOKUP, {"number": "T" * 61, "result": "valid"}, Code.OUT_OF_RANGE),
    (LOOKUP, {"number": 1, "result": "valid"}, Code.WRONG_TYPE),
    (LOOKUP, "T1", Code.WRONG_TYPE),
    (RATIO, {"count": 0, "total": 0}, Code.OUT_OF_RANGE),
    (RATIO, {"count": 2, "total": 1}, Code.OUT_OF_RANGE),
    (RATIO, {"count": -1, "total": 1}, Code.OUT_OF_RANGE),
    (RATIO, {"count": 1.0, "total": 1}, Code.WRONG_TYPE),
    (RATIO, {"count": True, "total": 1}, Code.WRONG_TYPE),
    (RATIO, {"count": 1}, Code.WRONG_TYPE),
    (TEXT, "123456", Code.OUT_OF_RANGE),
    (TEXT, "  ", Code.WRONG_TYPE),
    (TEXT, 5, Code.WRONG_TYPE),
    (MOMENT, "2026-11-24T09:00:00", Code.WRONG_TYPE),
    (MOMENT, "2026-11-24", Code.WRONG_TYPE),
    (MOMENT, "0001-01-01T00:00:00+00:00", Code.WRONG_TYPE),
    (MOMENT, 5, Code.WRONG_TYPE),
]


def read(answer: dict[str, Any], value: Any) -> Reading:
    checklist = parse_checklist(body(section("s", item("Q", answer))))
    return Reading(checklist, {"Q": {"value": value}}, CHECKED_ON)


@pytest.mark.parametrize(("answer", "value", "outcome"), JUDGED)
def test_well_formed_answer_means_what_its_limits_say(
    answer: dict[str, Any], value: Any, outcome: Outcome
) -> None:
    reading = read(answer, value)
    question = reading.questions["Q"]
    assert reading.issue(question) is None
    assert reading.outcome(question) is outcome


@pytest.mark.parametrize(("answer", "value", "code"), MALFORMED)
def test_malformed_answer_is_named_and_never_judged(answer: dict[str, Any], value: Any, code: Code) -> None:
    reading = read(answer, value)
    question = reading.questions["Q"]
    assert reading.issue(question) is code
    assert reading.outcome(question) is None


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 24), 12, date(2025, 11, 24)),
        (date(2026, 8, 31), 6, date(2026, 2, 28)),
        (date(2028, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2028, 2, 29), 12, date(2027, 2, 28)),
        (date(2026, 5, 31), 1, date(2026, 4, 30)),
    ],
)
def test_months_are_counted_by_the_calendar(day: date, months: int, expected: date) -> None:
    assert months_before(day, months) == expected


def test_number_without_an_applying_limit_is_left_to_a_person() -> None:
    grade = {"type": "enum", "options": CHOICE["options"]}
    hours = {
        "type": "number",
        "unit": "h",
        "range": [0, 100],
        "limits": [{"when": {"item": "G", "one_of": ["a"]}, "at_most": 8}],
    }
    checklist = parse_checklist(body(section("s", item("G", grade), item("H", hours))))
    for given, outcome in (
        ("a", Outcome.NON_COMPLIANT),
        ("b", Outcome.UNDETERMINED),
        (None, Outcome.UNDETERMINED),
    ):
        reading = Reading(checklist, {"G": {"value": given}, "H": {"value": 9}}, CHECKED_ON)
        assert reading.outcome(reading.questions["H"]) is outcome
