"""How the demonstration's officers answer a checklist: what is wrong on the site is scripted, the rest is found in order.

They read the checklist as any client may: its content says which questions are asked, which answers comply, which
photographs are wanted.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from app.core.clock import SHANGHAI
from app.enums.checklists import Outcome
from app.schemas.checklist_content import Checklist
from app.services.checklists.content import parse_checklist
from app.services.checklists.reading import Question, Reading

Answers = dict[str, dict[str, Any]]
NO, YES = {"value": "no"}, {"value": "yes"}

WRONG: Mapping[str, Mapping[str, dict[str, Any]]] = {
    # the gas burner has no working pressure alarm (Order 10, article 7(5) for machinery)
    "rto": {
        "RTO-10.1": {"value": "natural_gas"},
        "RTO-10": NO,
        "RTO-10.3": NO,
        "RTO-10.4": YES,
        "RTO-02": NO,
    },
    # sewage is entered without anybody's approval (Order 10, article 13(2))
    "confined-space": {
        "CS-00": {"value": "working"},
        "CS-00.1": YES,
        "CS-08": NO,
        "CS-08.1": NO,
        "CS-05": NO,
    },
    # welding without anybody in charge of the place, no extinguishers at the spot
    "hot-work": {"HW-12": NO, "HW-18": NO},
}
_NUMBERS = (0, 5, 20, 0.1, 2, 15, 30, 99, 900)


def fill_in(content: Mapping[str, Any], now: datetime, *, is_good: bool = False) -> tuple[Answers, list[str]]:
    """Answers to every question that is asked, and for each photograph that is wanted the question it belongs to.

    `is_good`: everything has been put right.
    """
    checklist = parse_checklist(content)
    scripted = {} if is_good else WRONG.get(checklist.code, {})
    entries = [f"{s.code}/no1/{s.items[0].code}" for s in checklist.sections if s.repeat]
    answers: Answers = {}
    while True:
        reading = Reading(checklist, answers, now.astimezone(SHANGHAI).date(), entries)
        asked = [q for q in reading.questions.values() if reading.is_visible(q) and q.path not in answers]
        if not asked:
            return answers, _wanted_photos(reading)
        path = asked[0].path
        answers[path] = scripted.get(path) or _find_answer(checklist, reading, asked[0], now)


def _find_answer(checklist: Checklist, reading: Reading, question: Question, now: datetime) -> dict[str, Any]:
    """The first answer that complies; failing that, one a person has to judge."""
    measured = (now - timedelta(minutes=20)).isoformat()
    stamp = {"measured_at": measured} if question.item.freshness else {}
    candidates = [{"value": value, **stamp} for value in _values(question, now)]
    for wanted in ({Outcome.COMPLIANT, Outcome.RECORDED}, {Outcome.UNDETERMINED}):
        for candidate in candidates:
            answers = {**reading.answers, question.path: candidate}
            tried = Reading(checklist, answers, reading.checked_on, [question.path])
            if tried.outcome(tried.questions[question.path]) in wanted:
                return candidate
    return candidates[0]


def _values(question: Question, now: datetime) -> list[Any]:
    answer = question.item.answer
    match answer.type:
        case "yes_no_na":
            return ["yes", "no"]
        case "enum":
            return [option.code for option in answer.options]
        case "number":
            return _numbers(answer.range)
        case "multi_number":
            names = list(answer.fields)
            choices = [_numbers(answer.fields[name].range) for name in names]
            return [dict(zip(names, values, strict=True)) for values in product(*choices)]
        case "date":
            return [now.date().isoformat()]
        case "moment":
            return [now.isoformat()]
        case "text":
            return ["1号"]
        case "lookup":
            return [{"number": "T330000201900001", "result": "valid", "valid_until": "2030-12-31"}]
        case _:
            return [{"count": 3, "total": 3}]


def _numbers(limits: tuple[float, float]) -> list[float]:
    low, high = limits
    return [number for number in _NUMBERS if low <= number <= high]


def _wanted_photos(reading: Reading) -> list[str]:
    wanted: list[str] = []
    for path, question in reading.questions.items():
        if path in reading.answers:
            outcome = reading.outcome(question)
            is_asked = {
                "answered": True,
                "applicable": outcome is not Outcome.NOT_APPLICABLE,
                "non_compliant": outcome is Outcome.NON_COMPLIANT,
            }
            wanted += [path] * max(
                (rule.photos for rule in question.item.evidence if is_asked[rule.when]), default=0
            )
    return wanted
