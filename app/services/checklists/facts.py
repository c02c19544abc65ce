"""Answers turned into facts for determination. Pure. What was not answered, or is N/A, gives no fact: unknown stays unknown."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from app.enums.checklists import Outcome, Subject
from app.schemas.checklist_content import FactRule, Number
from app.services.checklists.reading import Question, Reading

_COMPLIANT = {Outcome.COMPLIANT: True, Outcome.NON_COMPLIANT: False}


class AnswerFact(NamedTuple):
    """One fact: about what, which key, its value, and the question it comes from.

    `entry` names the entry of a repeated section (a worker, an isolation point); None: the checked unit, site or
    enterprise itself. `supplementary`: the key belongs to no clause of the determination standard.
    """

    subject: Subject
    entry: str | None
    key: str
    value: bool | Number | str
    question: str
    supplementary: bool


def facts_of(reading: Reading) -> list[AnswerFact]:
    """The facts of every visible, well-formed answer, in reading order."""
    return [
        fact
        for question in reading.questions.values()
        if question.item.facts and reading.is_visible(question)
        for fact in _question_facts(reading, question)
    ]


def contradictions(facts: Sequence[AnswerFact]) -> Iterator[tuple[str, str]]:
    """(question, key) of each fact that says otherwise than an earlier one about the same subject."""
    first: dict[tuple[Subject, str | None, str], AnswerFact] = {}
    for fact in facts:
        earlier = first.setdefault((fact.subject, fact.entry, fact.key), fact)
        if (type(earlier.value), earlier.value) != (type(fact.value), fact.value):
            yield fact.question, fact.key


def _question_facts(reading: Reading, question: Question) -> Iterator[AnswerFact]:
    item, section = question.item, question.section
    outcome = reading.outcome(question)
    if outcome is None:
        return
    answer = reading.value(question)
    subject = item.subject or section.subject or reading.checklist.subject
    for rule in item.facts:
        value = _fact_value(rule, answer, outcome)
        if value is not None:
            yield AnswerFact(subject, question.entry, rule.key, value, question.path, rule.supplementary)


def _fact_value(rule: FactRule, answer: Any, outcome: Outcome) -> bool | Number | str | None:
    if rule.map is not None:
        return rule.map.get(answer) if isinstance(answer, str) else None
    if rule.take == "compliant":
        return _COMPLIANT.get(outcome)
    scalar = isinstance(answer, bool | int | float | str) and outcome is not Outcome.NOT_APPLICABLE
    return answer if scalar else None
