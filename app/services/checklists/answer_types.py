"""One answer against its type: is it well formed, and what does it mean? Pure; never raises, whatever it is given."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.enums.checklists import AnswerIssueCode, LookupResult, Outcome
from app.schemas.checklist_content import (
    Answer,
    Bound,
    Condition,
    DateAnswer,
    EnumAnswer,
    Limit,
    LookupAnswer,
    MomentAnswer,
    MultiNumberAnswer,
    Number,
    NumberAnswer,
    NumberField,
    RatioAnswer,
    Setting,
    TextAnswer,
    YesNoAnswer,
)

Holds = Callable[[Condition], bool | None]
"""Whether a condition holds for this answer sheet; None while what it looks at is not known."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EARLIEST = date(1949, 10, 1)


@dataclass(frozen=True, slots=True)
class Scale:
    """What an answer is measured against: the checklist's settings, the day of the check, the other answers."""

    settings: Mapping[str, Setting]
    checked_on: date
    holds: Holds

    def bound(self, bound: Bound) -> Number:
        """The number a bound stands for."""
        return self.settings[bound].value if isinstance(bound, str) else bound


def form_issue(answer: Answer, value: Any, checked_on: date) -> AnswerIssueCode | None:
    """What is wrong with the value's form (wrong type, unknown option, impossible), None when nothing is."""
    match answer:
        case YesNoAnswer():
            return None if value in ("yes", "no") and isinstance(value, str) else AnswerIssueCode.WRONG_TYPE
        case EnumAnswer():
            return _enum_issue(answer, value)
        case NumberAnswer():
            return _number_issue(answer, value)
        case MultiNumberAnswer():
            return _numbers_issue(answer, value)
        case DateAnswer():
            return _date_issue(answer, value, checked_on)
        case MomentAnswer():
            return None if parse_moment(value) else AnswerIssueCode.WRONG_TYPE
        case TextAnswer():
            return _text_issue(answer, value)
        case LookupAnswer():
            return _lookup_issue(value)
        case RatioAnswer():
            return _ratio_issue(value)


def outcome_of(answer: Answer, value: Any, scale: Scale) -> Outcome:
    """What a well-formed value means against the item's limits."""
    match answer:
        case YesNoAnswer():
            return _by_choice(answer.compliant and (answer.compliant,), value)
        case EnumAnswer():
            return _by_choice(answer.compliant, value)
        case NumberAnswer():
            return _number_outcome(answer, value, scale)
        case MultiNumberAnswer():
            return worst([_number_outcome(f, value[name], scale) for name, f in answer.fields.items()])
        case DateAnswer():
            return _date_outcome(answer, date.fromisoformat(value), scale)
        case LookupAnswer():
            return _lookup_outcome(value, scale.checked_on)
        case RatioAnswer():
            if answer.at_least is None:
                return Outcome.RECORDED
            complies = value["count"] >= scale.bound(answer.at_least) * value["total"]
            return Outcome.COMPLIANT if complies else Outcome.NON_COMPLIANT
        case MomentAnswer() | TextAnswer():
            return Outcome.RECORDED


def worst(outcomes: list[Outcome]) -> Outcome:
    """One outcome for several: a failure outweighs what is unknown, what is unknown outweighs a pass."""
    for outcome in (Outcome.NON_COMPLIANT, Outcome.UNDETERMINED, Outcome.COMPLIANT):
        if outcome in outcomes:
            return outcome
    return Outcome.RECORDED


def parse_moment(value: Any) -> datetime | None:
    """An RFC 3339 moment with its offset, None for anything else."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None or not 1949 <= moment.year < 9000:
        return None
    return moment


def months_before(day: date, months: Number) -> date:
    """The day `months` whole months before `day`; the last of the month where it has no such day."""
    count = day.year * 12 + day.month - 1 - int(months)
    year, month = divmod(count, 12)
    for candidate in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(candidate, day.day))
        except ValueError:
            continue
    return _EARLIEST


def is_number(value: Any) -> bool:
    """A finite number; true and false are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _enum_issue(answer: EnumAnswer, value: Any) -> AnswerIssueCode | None:
    if not isinstance(value, str):
        return AnswerIssueCode.WRONG_TYPE
    known = any(option.code == value for option in answer.options)
    return None if known else AnswerIssueCode.UNKNOWN_OPTION


def _number_issue(field: NumberField, value: Any) -> AnswerIssueCode | None:
    if not is_number(value) or (field.whole and value != int(value)):
        return AnswerIssueCode.WRONG_TYPE
    low, high = field.range
    return None if low <= value <= high else AnswerIssueCode.OUT_OF_RANGE


def _numbers_issue(answer: MultiNumberAnswer, value: Any) -> AnswerIssueCode | None:
    if not isinstance(value, Mapping) or set(value) != set(answer.fields):
        return AnswerIssueCode.WRONG_TYPE
    issues = [_number_issue(field, value[name]) for name, field in answer.fields.items()]
    for code in (AnswerIssueCode.WRONG_TYPE, AnswerIssueCode.OUT_OF_RANGE):
        if code in issues:
            return code
    return None


def _parse_date(value: Any) -> date | None:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _date_issue(answer: DateAnswer, value: Any, checked_on: date) -> AnswerIssueCode | None:
    day = _parse_date(value)
    if day is None:
        return AnswerIssueCode.WRONG_TYPE
    if day < _EARLIEST or (answer.past and day > checked_on):
        return AnswerIssueCode.OUT_OF_RANGE
    return None


def _text_issue(answer: TextAnswer, value: Any) -> AnswerIssueCode | None:
    if not isinstance(value, str) or not value.strip():
        return AnswerIssueCode.WRONG_TYPE
    return None if len(value) <= answer.max_length else AnswerIssueCode.OUT_OF_RANGE


def _lookup_issue(value: Any) -> AnswerIssueCode | None:
    """A certificate number is needed to say what the register showed; without one only `not_found` can be said."""
    if not isinstance(value, Mapping) or not set(value) <= {"number", "result", "valid_until"}:
        return AnswerIssueCode.WRONG_TYPE
    number, result, until = value.get("number"), value.get("result"), value.get("valid_until")
    if not isinstance(result, str) or (number is not None and not isinstance(number, str)):
        return AnswerIssueCode.WRONG_TYPE
    if result not in list(LookupResult):
        return AnswerIssueCode.UNKNOWN_OPTION
    if not (number or "").strip() and result != LookupResult.NOT_FOUND:
        return AnswerIssueCode.WRONG_TYPE
    if until is not None and _parse_date(until) is None:
        return AnswerIssueCode.WRONG_TYPE
    return None if number is None or len(number) <= 60 else AnswerIssueCode.OUT_OF_RANGE


def _ratio_issue(value: Any) -> AnswerIssueCode | None:
    if not isinstance(value, Mapping) or set(value) != {"count", "total"}:
        return AnswerIssueCode.WRONG_TYPE
    count, total = value["count"], value["total"]
    if any(isinstance(part, bool) or not isinstance(part, int) for part in (count, total)):
        return AnswerIssueCode.WRONG_TYPE
    return None if 0 <= count <= total <= 1_000_000 and total > 0 else AnswerIssueCode.OUT_OF_RANGE


def _by_choice(compliant: tuple[str, ...] | None, value: str) -> Outcome:
    if compliant is None:
        return Outcome.RECORDED
    return Outcome.COMPLIANT if value in compliant else Outcome.NON_COMPLIANT


def _number_outcome(field: NumberField, value: Number, scale: Scale) -> Outcome:
    if not field.limits:
        return Outcome.RECORDED
    limit = _applying(field.limits, scale.holds)
    if limit is None:
        return Outcome.UNDETERMINED
    return Outcome.COMPLIANT if all(_kept(limit, value, scale)) else Outcome.NON_COMPLIANT


def _kept(limit: Limit, value: Number, scale: Scale) -> Iterator[bool]:
    if limit.at_least is not None:
        yield value >= scale.bound(limit.at_least)
    if limit.above is not None:
        yield value > scale.bound(limit.above)
    if limit.at_most is not None:
        yield value <= scale.bound(limit.at_most)
    if limit.below is not None:
        yield value < scale.bound(limit.below)


def _applying(limits: tuple[Any, ...], holds: Holds) -> Any:
    """The first limit whose condition holds; none while an earlier one's condition is not known."""
    for limit in limits:
        held = True if limit.when is None else holds(limit.when)
        if held is None:
            return None
        if held:
            return limit
    return None


def _date_outcome(answer: DateAnswer, day: date, scale: Scale) -> Outcome:
    if not answer.limits:
        return Outcome.RECORDED
    limit = _applying(answer.limits, scale.holds)
    if limit is None:
        return Outcome.UNDETERMINED
    too_old = limit.max_age_months is not None and day < months_before(
        scale.checked_on, scale.bound(limit.max_age_months)
    )
    expired = limit.not_expired and day < scale.checked_on
    return Outcome.NON_COMPLIANT if too_old or expired else Outcome.COMPLIANT


def _lookup_outcome(value: Mapping[str, Any], checked_on: date) -> Outcome:
    result = LookupResult(value["result"])
    if result is LookupResult.NOT_CHECKED:
        return Outcome.UNDETERMINED
    until = _parse_date(value.get("valid_until"))
    if result is LookupResult.VALID and (until is None or until >= checked_on):
        return Outcome.COMPLIANT
    return Outcome.NON_COMPLIANT
