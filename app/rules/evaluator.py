"""Facts and a rule set in, verdicts out: per clause and subject, in three-valued logic, with the reasons.

A clause is looked at only where the enterprise's trade makes it apply and something was observed about it. Its predicate
decides only once its scope is certain: out of scope is not matched, an unknown scope is undetermined. The machine
suspects; it never determines.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from app.rules.explain import Condition, explain
from app.rules.expression import Truth, Value, conjunction, evaluate, undecided
from app.rules.facts import Fact, FactSheet, Subject
from app.rules.ruleset import Clause, Ruleset

TRADE_KEY = "enterprise.regulated_trades"
"""The pseudo key named as missing where the enterprise's trade is not known."""


class VerdictKind(StrEnum):
    """What the machine says about one clause and one subject."""

    SUSPECTED_MAJOR = "suspected_major"
    UNDETERMINED = "undetermined"
    NOT_MATCHED = "not_matched"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One clause about one subject. `missing`: the keys to ask for when undetermined; `scope` None: scope unknown."""

    clause_id: str
    subject: Subject
    kind: VerdictKind
    scope: Truth
    predicate: Truth
    conditions: tuple[Condition, ...]
    missing: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Undetermined, and what is missing could still make it major; a predicate that fails cannot, whatever its scope."""
        return self.kind is VerdictKind.UNDETERMINED and self.predicate is not False

    @property
    def concerns_people(self) -> bool:
        """Suspected, or open: somebody must look."""
        return self.kind is VerdictKind.SUSPECTED_MAJOR or self.is_open


@dataclass(frozen=True, slots=True)
class Finding:
    """A non-conformity that was answered: its question, and the clauses its checklist item points to."""

    source: str
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Determination:
    """All verdicts, and the sources of the findings that no applicable clause covers: those are for a person."""

    verdicts: tuple[Verdict, ...]
    unmapped: tuple[str, ...]


def determine(
    ruleset: Ruleset | None,
    trades: Collection[str],
    facts: Iterable[Fact],
    findings: Iterable[Finding] = (),
    *,
    explain_all: bool = True,
) -> Determination:
    """Judge facts by the version in force on their date (`ruleset.in_force`; None: no version is held for that date).

    `trades` empty means the trade is not known. "No clause matched" never means "no major hazard". Only clauses whose facts
    were observed are looked at, so the work grows with what was seen, not with the standard. Without `explain_all` the
    verdicts that ask nothing of people come without their conditions.
    """
    if ruleset is None:
        return Determination((), tuple(dict.fromkeys(finding.source for finding in findings)))
    stated = list(facts)
    sheet = FactSheet(stated)
    verdicts: list[Verdict] = []
    for clause in ruleset.clauses_of(fact.key for fact in stated):
        applies = clause_applies(ruleset, clause, trades)
        if applies is not False:
            verdicts += _judge_subjects(ruleset, clause, sheet, applies, explain_all)
    return Determination(tuple(verdicts), _unmapped(ruleset, verdicts, stated, findings))


def judge_clause(ruleset: Ruleset, clause: Clause, facts: Iterable[Fact], subject: Subject) -> Verdict:
    """One clause about one subject whose trade makes it apply, also where nothing was observed: then all is unknown."""
    return _judge(ruleset, clause, FactSheet(facts), subject, True, True)


def clause_applies(ruleset: Ruleset, clause: Clause, trades: Collection[str]) -> Truth:
    """Applicability by trade; None when the trade is not known. Outside the standard's trades nothing applies.

    Where only the field is known, the clauses of all its trades apply, and those of one trade may.
    """
    if not trades:
        return None
    covered = ruleset.trades.keys() & set(trades)
    if covered:
        return clause.trades is None or bool(clause.trades & covered)
    if ruleset.field_trade in trades:
        return True if clause.trades is None else None
    return False


def _unmapped(
    ruleset: Ruleset, verdicts: Iterable[Verdict], stated: Iterable[Fact], findings: Iterable[Finding]
) -> tuple[str, ...]:
    judged = {verdict.clause_id for verdict in verdicts}
    keys = {key for clause_id in judged for key in ruleset.clauses[clause_id].keys}
    covered = {fact.source for fact in stated if fact.key in keys}
    return tuple(
        dict.fromkeys(
            finding.source
            for finding in findings
            if finding.source not in covered and judged.isdisjoint(finding.clauses)
        )
    )


def _judge_subjects(
    ruleset: Ruleset, clause: Clause, sheet: FactSheet, applies: Truth, explain_all: bool
) -> list[Verdict]:
    subjects = sheet.subjects(clause.keys)
    verdicts = [_judge(ruleset, clause, sheet, subject, applies, explain_all) for subject in subjects]
    outer = {parent for subject in subjects for parent in subject.chain()[1:]}
    # What an outer subject lacks was asked further in: its own "undetermined" would only repeat the question.
    return [v for v in verdicts if not (v.kind is VerdictKind.UNDETERMINED and v.subject in outer)]


def _judge(
    ruleset: Ruleset, clause: Clause, sheet: FactSheet, subject: Subject, applies: Truth, explain_all: bool
) -> Verdict:
    known = {name: sheet.know(definition, subject) for name, definition in clause.facts.items()}
    constants = ruleset.constants

    def lookup(name: str) -> Value | None:
        return known[name].value if name in known else constants.get(name)

    scope = applies if clause.scope is None else conjunction(applies, evaluate(clause.scope, lookup))
    predicate = evaluate(clause.major_when, lookup)
    kind = kind_of(scope, predicate)
    missing: list[str] = []
    if kind is VerdictKind.UNDETERMINED:
        open_parts = [clause.scope, clause.major_when] if clause.scope else [clause.major_when]
        missing = [TRADE_KEY] if applies is None else []
        missing += [clause.facts[name].key for part in open_parts for name in undecided(part, lookup)]
    quiet = Verdict(clause.id, subject, kind, scope, predicate, (), tuple(dict.fromkeys(missing)))
    if not explain_all and not quiet.concerns_people:
        return quiet
    return replace(quiet, conditions=explain(ruleset, clause, known, lookup))


def kind_of(scope: Truth, major: Truth) -> VerdictKind:
    """The verdict of a scope and a predicate: out of scope is not matched, an unknown scope is undetermined."""
    if scope is False:
        return VerdictKind.NOT_MATCHED
    if scope is None or major is None:
        return VerdictKind.UNDETERMINED
    return VerdictKind.SUSPECTED_MAJOR if major else VerdictKind.NOT_MATCHED
