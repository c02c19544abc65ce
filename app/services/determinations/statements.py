"""What the machine says of a visit, and how it takes its place beside what it said before. Pure.

Only what people must deal with becomes a row: suspected, undetermined, unmapped. What did not match stands in short on the
sheet (`judged`), and has a row only where it replaces something said earlier.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.enums.determinations import VerdictKind, VerdictStatus
from app.rules.evaluator import Determination, Verdict
from app.rules.explain import Condition
from app.rules.ruleset import Ruleset
from app.services.determinations.facts import Known, question_of

About = tuple[str | None, str | None, str | None]
DECIDED = frozenset({VerdictStatus.CONFIRMED, VerdictStatus.REJECTED})


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing the machine says: a clause about a subject, or (`clause_id` None) a finding no clause covers."""

    kind: VerdictKind
    clause_id: str | None
    subject_kind: str | None
    subject_id: str | None
    source: str | None
    explanation: Mapping[str, Any]
    missing: Sequence[str] = ()

    @property
    def about(self) -> About:
        """What it speaks of, whatever it says of it."""
        return about(self.clause_id, self.subject_kind, self.subject_id, self.source)

    @property
    def substance(self) -> Any:
        """What it says, leaving aside where the facts come from."""
        return substance(self.kind, self.explanation, self.missing)


@dataclass(frozen=True, slots=True)
class Standing:
    """A current verdict as it is stored."""

    id: UUID
    status: str
    kind: str
    about: About
    explanation: Mapping[str, Any]
    missing: Sequence[str]
    mapped_clause: str | None

    @property
    def is_touched(self) -> bool:
        """People have begun with it."""
        return self.status != VerdictStatus.OPEN or self.mapped_clause is not None


@dataclass(frozen=True, slots=True)
class Said:
    """Everything said of a visit: `statements` for people, `quiet` the rest, `judged` all clause verdicts in short."""

    statements: tuple[Statement, ...]
    quiet: Mapping[About, Statement]
    judged: list[list[str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """What must be written: new statements, each with the verdict it replaces, and verdicts that are no longer current."""

    new: tuple[tuple[Statement, UUID | None], ...]
    outdated: tuple[UUID, ...]


def about(
    clause_id: str | None, subject_kind: str | None, subject_id: str | None, source: str | None
) -> About:
    """The identity of a statement: clause and subject, or the finding's unit and question."""
    if clause_id is not None:
        return clause_id, subject_kind, subject_id
    question = question_of(source or "")
    return None, subject_id, question[1] if question else source


def substance(kind: str, explanation: Mapping[str, Any], missing: Iterable[str]) -> Any:
    """The kind, what is missing, and each condition with its values."""
    conditions = [
        (one["text"], one["holds"], [fact["value"] for fact in one["facts"]])
        for one in explanation.get("conditions", ())
    ]
    return str(kind), sorted(missing), conditions


def statements_of(ruleset: Ruleset | None, known: Known, judged: Determination) -> Said:
    """A determination sorted into what people must deal with and the rest."""
    loud: list[Statement] = []
    quiet: dict[About, Statement] = {}
    for verdict in judged.verdicts:
        assert ruleset is not None
        statement = clause_statement(ruleset, known.trades, verdict)
        if verdict.concerns_people:
            loud.append(statement)
        else:
            quiet[statement.about] = statement
    cited = {finding.source: list(finding.clauses) for finding in known.findings}
    loud += [_unmapped_statement(ruleset, known, source, cited[source]) for source in judged.unmapped]
    short = [[one.clause_id, one.subject.kind, one.subject.id, one.kind.value] for one in judged.verdicts]
    return Said(tuple(loud), quiet, short)


def difference(standing: Sequence[Standing], said: Said) -> Difference:
    """What changes between what stands (oldest first) and what is said now; the same said again changes nothing.

    A verdict people decided stays current whatever is said later, which then stands beside it for them to look at. One they
    have begun with gives way only to another substance; an untouched one also to other sources.
    """
    latest = {one.about: one for one in standing}
    new: list[tuple[Statement, UUID | None]] = []
    outdated: list[UUID] = []
    said_of = {statement.about: statement for statement in said.statements}
    for key, statement in said_of.items():
        old = latest.get(key)
        if old is None:
            new.append((statement, None))
        elif _replaces(old, statement):
            new.append((statement, old.id))
            outdated += [old.id] if old.status not in DECIDED else []
    for key, old in latest.items():
        if key in said_of:
            continue
        instead = said.quiet.get(key)
        if instead is not None and _replaces(old, instead):
            new.append((instead, old.id))
        if (instead is None or _replaces(old, instead)) and old.status not in DECIDED:
            outdated.append(old.id)
    return Difference(tuple(new), tuple(outdated))


def _replaces(old: Standing, statement: Statement) -> bool:
    if substance(old.kind, old.explanation, old.missing) != statement.substance:
        return True
    return not old.is_touched and dict(old.explanation) != dict(statement.explanation)


def clause_statement(ruleset: Ruleset, trades: Sequence[str], verdict: Verdict) -> Statement:
    """What a verdict says, with its reasons as they are stored."""
    explanation = {
        "ruleset": ruleset.id,
        "version": ruleset.version,
        "trades": list(trades),
        "scope": verdict.scope,
        "predicate": verdict.predicate,
        "conditions": [_condition(condition) for condition in verdict.conditions],
    }
    # Undetermined, but without anything that could make it major: nothing is asked for.
    missing = verdict.missing if verdict.is_open else ()
    return Statement(
        VerdictKind(verdict.kind.value),
        verdict.clause_id,
        verdict.subject.kind,
        verdict.subject.id,
        None,
        explanation,
        list(missing),
    )


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "part": condition.part,
        "text": condition.text,
        "holds": condition.holds,
        "facts": [
            {
                "key": fact.key,
                "value": fact.value,
                "stated": fact.stated,
                "sources": list(fact.sources),
                "problem": fact.problem,
            }
            for fact in condition.facts
        ],
    }


def _unmapped_statement(ruleset: Ruleset | None, known: Known, source: str, clauses: list[str]) -> Statement:
    question = question_of(source)
    unit = known.units.get(question[0]) if question else None
    explanation = {
        "ruleset": ruleset.id if ruleset else None,
        "version": ruleset.version if ruleset else None,
        "trades": list(known.trades),
        "item_clauses": clauses,
    }
    subject_kind, subject_id = ("unit", str(unit)) if unit else (None, None)
    return Statement(VerdictKind.UNMAPPED, None, subject_kind, subject_id, source, explanation)
