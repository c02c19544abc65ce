"""A sheet of answers read against one checklist: which questions are asked, which are answered, what each answer means. Pure.

Answers are an object by path. A path is the item's code, or SECTION/ENTRY/CODE inside a repeated section. An answer is
`{"value": …, "reason"?: text, "measured_at"?: moment}`; the value "na" says not applicable, with its reason.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from app.enums.checklists import AnswerIssueCode, Handling, Outcome
from app.schemas.checklist_content import Checklist, Condition, Item, Section, TextAnswer
from app.services.checklists.answer_types import Scale, form_issue, is_number, outcome_of
from app.services.checklists.content import NOT_APPLICABLE

_NOTHING: tuple[AnswerIssueCode | None, Any] = (None, None)
_ENTRY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Question(NamedTuple):
    """An item as it is asked: once, or once per entry of its repeated section."""

    path: str
    item: Item
    section: Section
    entry: str | None


class Reading:
    """Answers and evidence paths read against a checklist, on the day of the check. Computes on demand, remembers."""

    def __init__(
        self,
        checklist: Checklist,
        answers: Mapping[str, Any],
        checked_on: date,
        evidence_paths: Iterable[str] = (),
    ) -> None:
        self.checklist = checklist
        self.answers = answers
        self.checked_on = checked_on
        self.entries = self._find_entries([*answers, *evidence_paths])
        self.questions = {question.path: question for question in self._ask()}
        self._placed = {item.code: (item, s) for s in checklist.sections for item in s.items}
        self._reads: dict[str, tuple[AnswerIssueCode | None, Any]] = {}
        self._visible: dict[str, bool | None] = {}
        self._outcomes: dict[str, Outcome | None] = {}

    def is_visible(self, question: Question) -> bool | None:
        """True when the question is asked, False when it must not be, None while that is not known."""
        if question.section.visible_when is None and question.item.visible_when is None:
            return True
        if question.path not in self._visible:
            section = self.is_section_visible(question.section)
            own = self._holds(question.item.visible_when, question.entry)
            self._visible[question.path] = _both(section, own)
        return self._visible[question.path]

    def is_section_visible(self, section: Section) -> bool | None:
        """The same for a whole section."""
        return self._holds(section.visible_when, None)

    def is_answered(self, question: Question) -> bool:
        """Something other than null was given."""
        return self._read(question) is not _NOTHING

    def value(self, question: Question) -> Any:
        """The value when it is well formed (also "na"), else None."""
        issue, value = self._read(question)
        return value if issue is None else None

    def issue(self, question: Question) -> AnswerIssueCode | None:
        """What is wrong with the form of the answer; None for a good or a missing one."""
        return self._read(question)[0]

    def says_not_applicable(self, question: Question) -> bool:
        """The answer is "na", and well formed (in a free text "na" is only a text)."""
        return self.outcome(question) is Outcome.NOT_APPLICABLE

    def outcome(self, question: Question) -> Outcome | None:
        """What the answer means; None when it is missing or malformed."""
        if question.path not in self._outcomes:
            self._outcomes[question.path] = self._judge(question)
        return self._outcomes[question.path]

    def handling(self, question: Question) -> Handling:
        """What a finding here may lead to; where the standard is only guidance, or may be, never a penalty by itself."""
        item = question.item
        if item.guidance_when is not None and self._holds(item.guidance_when, question.entry) is not False:
            return Handling.NO_PENALTY
        return item.handling

    def scale(self, entry: str | None) -> Scale:
        """What answers of this entry are measured against."""
        return Scale(
            self.checklist.settings, self.checked_on, lambda condition: self._holds(condition, entry)
        )

    def question_of(self, code: str, entry: str | None) -> Question | None:
        """The question of an item as seen from an entry."""
        _, section = self._placed[code]
        return self.questions.get(path_of(section, entry, code))

    def _judge(self, question: Question) -> Outcome | None:
        value = self.value(question)
        if value is None:
            return None
        if _is_not_applicable(question.item, value):
            return Outcome.NOT_APPLICABLE
        return outcome_of(question.item.answer, value, self.scale(question.entry))

    def _read(self, question: Question) -> tuple[AnswerIssueCode | None, Any]:
        """The issue of the answer's form, and what was given."""
        known = self._reads.get(question.path)
        if known is None:
            known = self._reads[question.path] = self._read_answer(question)
        return known

    def _read_answer(self, question: Question) -> tuple[AnswerIssueCode | None, Any]:
        raw = self.answers.get(question.path)
        if raw is None:
            return _NOTHING
        if not isinstance(raw, dict):
            return AnswerIssueCode.WRONG_TYPE, raw
        given = raw.get("value")
        if given is None:
            return _NOTHING
        if _is_not_applicable(question.item, given):
            refused = None if question.item.allows_not_applicable else AnswerIssueCode.NOT_APPLICABLE_REFUSED
            return refused, given
        return form_issue(question.item.answer, given, self.checked_on), given

    def _ask(self) -> Iterable[Question]:
        for section in self.checklist.sections:
            for entry in self.entries[section.code] if section.repeat else [None]:
                for item in section.items:
                    yield Question(path_of(section, entry, item.code), item, section, entry)

    def _find_entries(self, paths: Iterable[str]) -> dict[str, list[str]]:
        """The entries of each repeated section, in the order in which they are first named."""
        found: dict[str, dict[str, None]] = {s.code: {} for s in self.checklist.sections if s.repeat}
        for path in paths:
            parts = path.split("/") if isinstance(path, str) and "/" in path else []
            if len(parts) == 3 and parts[0] in found and _ENTRY.fullmatch(parts[1]):
                found[parts[0]][parts[1]] = None
        return {code: list(entries) for code, entries in found.items()}

    def _holds(self, condition: Condition | None, entry: str | None) -> bool | None:
        """Three-valued: what looks at an unanswered question is not known; at a hidden one, false."""
        if condition is None:
            return True
        if condition.all_of is not None:
            return _all([self._holds(part, entry) for part in condition.all_of])
        if condition.any_of is not None:
            parts = [self._holds(part, entry) for part in condition.any_of]
            return True if True in parts else None if None in parts else False
        question = self.question_of(condition.item or "", entry)
        if question is None:
            return None
        visible = self.is_visible(question)
        if visible is not True:
            return visible
        return self._test(condition, question)

    def _test(self, condition: Condition, question: Question) -> bool | None:
        value = self.value(question)
        if value is None:
            return None
        if condition.outcome is not None:
            return self.outcome(question) in condition.outcome
        if condition.one_of is not None:
            return value in condition.one_of
        if not is_number(value):
            return False
        if condition.at_least is not None:
            return bool(value >= condition.at_least)
        return condition.below is not None and bool(value < condition.below)


def path_of(section: Section, entry: str | None, code: str) -> str:
    """Where the answer to an item stands."""
    return f"{section.code}/{entry}/{code}" if section.repeat else code


def _is_not_applicable(item: Item, value: Any) -> bool:
    is_mark = isinstance(value, str) and value == NOT_APPLICABLE
    return is_mark and not isinstance(item.answer, TextAnswer)


def _both(first: bool | None, second: bool | None) -> bool | None:
    return _all([first, second])


def _all(parts: list[bool | None]) -> bool | None:
    return False if False in parts else None if None in parts else True
