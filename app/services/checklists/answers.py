"""Checking a sealed package's answers against the checklist they were given to. Pure.

Nothing here refuses: a record signed on site is kept, and what is wrong with it stands beside it as issues. There are no
default answers: what was not answered is unanswered.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from app.enums.checklists import AnswerIssueCode, Handling, Outcome
from app.schemas.checklist_content import Checklist, EvidenceRule, Freshness, Section
from app.services.checklists.answer_types import parse_moment
from app.services.checklists.content import unconfirmed_settings
from app.services.checklists.facts import AnswerFact, contradictions, facts_of
from app.services.checklists.reading import Question, Reading


@dataclass(frozen=True, slots=True)
class EvidenceClaim:
    """One line of the evidence manifest: which question it belongs to (a path) and its media type."""

    question: str | None
    media_type: str


@dataclass(frozen=True, slots=True)
class AnswerIssue:
    """One thing that is wrong, where, and the figures a person needs (JSON values, never the answer itself)."""

    code: AnswerIssueCode
    question: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class Judgement(NamedTuple):
    """What one answer means against the item's limits; the items that do not comply become findings.

    `handling` is what a finding here may lead to.
    """

    question: Question
    outcome: Outcome
    handling: Handling
    checklist: Checklist

    @property
    def unconfirmed(self) -> Sequence[str]:
        """The settings it rests on that are to be confirmed."""
        return unconfirmed_settings(self.checklist, self.question.item)


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything the answers are worth, read once."""

    issues: Sequence[AnswerIssue]
    judgements: Sequence[Judgement]
    facts: Sequence[AnswerFact]


def assess_answers(
    checklist: Checklist, answers: Any, evidence: Sequence[EvidenceClaim], checked_on: date
) -> Assessment:
    """Issues, outcomes and facts of a package's answers, each in reading order; never raises.

    `answers` is what the package holds, of any shape at all; `checked_on` is the Shanghai date declared for the check.
    """
    if not isinstance(answers, Mapping):
        return Assessment([AnswerIssue(AnswerIssueCode.MALFORMED_ANSWERS, "")], [], [])
    reading = read_answers(checklist, answers, evidence, checked_on)
    facts = facts_of(reading)
    return Assessment([*_issues(reading, evidence, facts)], [*_judgements(reading)], facts)


def check_answers(
    checklist: Checklist, answers: Any, evidence: Sequence[EvidenceClaim], checked_on: date
) -> Sequence[AnswerIssue]:
    """Every issue of the answers; empty when there is none."""
    return assess_answers(checklist, answers, evidence, checked_on).issues


def judge_answers(checklist: Checklist, answers: Any, checked_on: date) -> Sequence[Judgement]:
    """The outcome of every visible, well-formed answer."""
    return assess_answers(checklist, answers, (), checked_on).judgements


def facts_from_answers(checklist: Checklist, answers: Any, checked_on: date) -> Sequence[AnswerFact]:
    """The facts of every visible, well-formed answer."""
    return assess_answers(checklist, answers, (), checked_on).facts


def read_answers(
    checklist: Checklist, answers: Any, evidence: Sequence[EvidenceClaim], checked_on: date
) -> Reading:
    """The answers read against the checklist; what is not an object by path counts as nothing answered."""
    given = answers if isinstance(answers, Mapping) else {}
    return Reading(checklist, given, checked_on, [claim.question for claim in evidence if claim.question])


def _issues(
    reading: Reading, evidence: Sequence[EvidenceClaim], facts: Sequence[AnswerFact]
) -> Iterator[AnswerIssue]:
    for section in reading.checklist.sections:
        yield from _entry_issues(reading, section)
    photos = _count_photos(evidence)
    for question in reading.questions.values():
        yield from _question_issues(reading, question, photos)
    yield from _unknown_questions(reading, evidence)
    for path, key in contradictions(facts):
        yield AnswerIssue(AnswerIssueCode.CONTRADICTORY_FACTS, path, {"fact": key})


def _judgements(reading: Reading) -> Iterator[Judgement]:
    for question in reading.questions.values():
        outcome = reading.outcome(question)
        if outcome is not None and reading.is_visible(question):
            yield Judgement(question, outcome, reading.handling(question), reading.checklist)


def _entry_issues(reading: Reading, section: Section) -> Iterator[AnswerIssue]:
    if section.repeat is None:
        return
    count = len(reading.entries[section.code])
    detail = {"entries": count, "min": section.repeat.min_entries, "max": section.repeat.max_entries}
    if reading.is_section_visible(section) and count < section.repeat.min_entries:
        yield AnswerIssue(AnswerIssueCode.TOO_FEW_ENTRIES, section.code, detail)
    if count > section.repeat.max_entries:
        yield AnswerIssue(AnswerIssueCode.TOO_MANY_ENTRIES, section.code, detail)


def _question_issues(
    reading: Reading, question: Question, photos: Mapping[str, int]
) -> Iterable[AnswerIssue]:
    visible = reading.is_visible(question)
    answered = reading.is_answered(question)
    if visible is False:
        return [AnswerIssue(AnswerIssueCode.HIDDEN_ANSWERED, question.path)] if answered else ()
    if not answered:
        return [AnswerIssue(AnswerIssueCode.UNANSWERED, question.path)] if visible else ()
    malformed = reading.issue(question)
    if malformed is not None:
        return [AnswerIssue(malformed, question.path, {"type": question.item.answer.type})]
    issues = []
    if reading.says_not_applicable(question) and not _has_reason(reading.answers[question.path]):
        issues.append(AnswerIssue(AnswerIssueCode.REASON_MISSING, question.path))
    if question.item.evidence:
        issues += _evidence_issues(reading, question, photos.get(question.path, 0))
    if question.item.freshness is not None:
        issues += _freshness_issues(reading, question, question.item.freshness)
    return issues


def _has_reason(answer: Mapping[str, Any]) -> bool:
    reason = answer.get("reason")
    return isinstance(reason, str) and bool(reason.strip())


def _evidence_issues(reading: Reading, question: Question, photos: int) -> Iterator[AnswerIssue]:
    outcome = reading.outcome(question)
    asked = [rule.photos for rule in question.item.evidence if _asks(rule, outcome)]
    if asked and photos < max(asked):
        yield AnswerIssue(
            AnswerIssueCode.MISSING_EVIDENCE, question.path, {"photos": photos, "required": max(asked)}
        )


def _asks(rule: EvidenceRule, outcome: Outcome | None) -> bool:
    if rule.when == "non_compliant":
        return outcome is Outcome.NON_COMPLIANT
    return rule.when == "answered" or outcome is not Outcome.NOT_APPLICABLE


def _freshness_issues(reading: Reading, question: Question, rule: Freshness) -> Iterator[AnswerIssue]:
    """The age of a measurement at the moment it had to be valid for."""
    if reading.says_not_applicable(question):
        return
    measured_at = parse_moment(reading.answers[question.path].get("measured_at"))
    if measured_at is None:
        yield AnswerIssue(AnswerIssueCode.MEASURED_AT_MISSING, question.path)
        return
    start = reading.question_of(rule.before, question.entry)
    started_at = parse_moment(reading.value(start)) if start else None
    if started_at is None:
        return
    allowed = reading.scale(question.entry).bound(rule.max_minutes)
    detail = {"minutes": int((started_at - measured_at).total_seconds() // 60), "max_minutes": allowed}
    if measured_at > started_at:
        yield AnswerIssue(AnswerIssueCode.MEASURED_AFTER_START, question.path, detail)
    elif started_at - measured_at > timedelta(minutes=allowed):
        yield AnswerIssue(AnswerIssueCode.STALE_MEASUREMENT, question.path, detail)


def _count_photos(evidence: Sequence[EvidenceClaim]) -> Counter[str]:
    photos = [claim for claim in evidence if claim.question and claim.media_type.startswith("image/")]
    return Counter(claim.question or "" for claim in photos)


def _unknown_questions(reading: Reading, evidence: Sequence[EvidenceClaim]) -> Iterator[AnswerIssue]:
    named = [*reading.answers, *(claim.question for claim in evidence if claim.question)]
    unknown = dict.fromkeys(path for path in named if path not in reading.questions)
    yield from (AnswerIssue(AnswerIssueCode.UNKNOWN_QUESTION, str(path)[:200]) for path in unknown)
