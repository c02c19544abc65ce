"""Small checklists for tests, and good answers to any checklist."""

from copy import deepcopy
from datetime import date
from itertools import product
from typing import Any

from app.enums.checklists import Outcome
from app.schemas.checklist_content import Checklist
from app.services.checklists.answers import EvidenceClaim
from app.services.checklists.reading import Question, Reading

CHECKED_ON = date(2026, 11, 24)


def item(code: str, answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One item; `answer` as in the content files."""
    question = {"zh": f"问题 {code}？", "en": f"Question {code}?"}
    return {"code": code, "question": question, "methods": ["site"], "answer": answer, **more}


def yes_no(code: str, compliant: str | None = "yes", **more: Any) -> dict[str, Any]:
    """A yes/no/na item."""
    return item(code, {"type": "yes_no_na", "compliant": compliant}, **more)


def section(code: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One section."""
    return {"code": code, "title": {"zh": f"部分 {code}", "en": code}, "items": list(items), **more}


def body(*sections: dict[str, Any], code: str = "sample", **more: Any) -> dict[str, Any]:
    """A valid body with these sections."""
    return deepcopy(
        {
            "format": 1,
            "code": code,
            "title": {"zh": "样例检查表", "en": "Sample checklist"},
            "subject": "unit",
            "in_force_from": "2026-01-01",
            "law_as_of": "2026-11-23",
            "documents": {"AQF": {"zh": "安全生产法", "en": "Work Safety Law"}},
            "sections": list(sections) or [section("first", yes_no("Q-1"))],
            **more,
        }
    )


def good_answers(checklist: Checklist) -> tuple[dict[str, Any], list[EvidenceClaim]]:
    """Answers and photographs that leave no issue: answered in order, asking again what became visible."""
    answers: dict[str, Any] = {}
    entries = [f"{s.code}/e1/{s.items[0].code}" for s in checklist.sections if s.repeat]
    while True:
        reading = Reading(checklist, answers, CHECKED_ON, entries)
        asked = [q for q in reading.questions.values() if reading.is_visible(q) and q.path not in answers]
        if not asked:
            break
        answers[asked[0].path] = good_answer(reading, asked[0])
    photos = [
        EvidenceClaim(path, "image/jpeg")
        for path, question in reading.questions.items()
        if path in answers
        for _ in range(max((rule.photos for rule in question.item.evidence), default=0))
    ]
    return answers, photos


def good_answer(reading: Reading, question: Question) -> dict[str, Any]:
    """The first candidate that is well formed and, where something complies, complies."""
    candidates = [
        {"value": value, "measured_at": "2026-11-24T08:50:00+08:00"} for value in _candidates(question)
    ]
    for wanted in ({Outcome.COMPLIANT, Outcome.RECORDED}, {Outcome.UNDETERMINED}):
        for candidate in candidates:
            tried = Reading(
                reading.checklist,
                {**reading.answers, question.path: candidate},
                reading.checked_on,
                [question.path],
            )
            if tried.outcome(tried.questions[question.path]) in wanted:
                return candidate
    raise AssertionError(f"no good answer to {question.path}")


def _candidates(question: Question) -> list[Any]:
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
            return ["2026-11-24"]
        case "moment":
            return ["2026-11-24T09:00:00+08:00"]
        case "text":
            return ["1号"]
        case "lookup":
            return [{"number": "T123", "result": "valid", "valid_until": "2030-01-01"}]
        case _:
            return [{"count": 3, "total": 3}]


def _numbers(limits: tuple[float, float]) -> list[float]:
    low, high = limits
    return [n for n in (0, 5, 20, 0.1, 2, 15, 30, 99, 900) if low <= n <= high]
