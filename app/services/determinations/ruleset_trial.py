"""Trying a version by its test cases, with the evaluator that judges visits; and what differs from the version before. Pure.

Each clause that is new or differs needs a case for each verdict it can come to. What "differs": its words, conditions, facts,
trades, penalties or marks, or the value of a setting that its conditions name.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from app.rules.evaluator import VerdictKind, judge_clause
from app.rules.expression import names
from app.rules.facts import Fact, Subject
from app.rules.interview import possible_verdicts
from app.rules.ruleset import Clause, Ruleset
from app.schemas.rulesets import CaseOutcome, ClauseChange, ClauseLacking, TrialView
from app.services.determinations.ruleset_content import Cases

_IN_ORDER = (VerdictKind.SUSPECTED_MAJOR, VerdictKind.NOT_MATCHED, VerdictKind.UNDETERMINED)


def list_changes(before: Ruleset, after: Ruleset) -> list[ClauseChange]:
    """The clauses that are not as they were, in the order of the law, removed ones last."""
    found: list[ClauseChange] = []
    for clause in after.clauses.values():
        old = before.clauses.get(clause.id)
        if old is None or old != clause or _settings(before, old) != _settings(after, clause):
            change: Literal["new", "changed"] = "changed" if old else "new"
            found.append(ClauseChange(clause=clause.id, change=change))
    gone = [one for one in before.clauses if one not in after.clauses]
    return [*found, *(ClauseChange(clause=one, change="removed") for one in gone)]


def try_cases(before: Ruleset, after: Ruleset, cases: Cases) -> TrialView:
    """Judge every case, and find the verdicts of new and changed clauses that no case tries."""
    outcomes = [_try(after, number, case) for number, case in enumerate(cases, start=1)]
    changes = list_changes(before, after)
    tried = {(case["clause"], case["expected"]) for case in cases}
    lacking = [
        ClauseLacking(clause=one.clause, kinds=kinds)
        for one in changes
        if one.change != "removed" and (kinds := _untried(after, after.clauses[one.clause], tried))
    ]
    is_complete = not lacking and all(one.passes for one in outcomes)
    return TrialView(is_complete=is_complete, cases=outcomes, lacking=lacking, changes=changes)


def _try(ruleset: Ruleset, number: int, case: Mapping[str, Any]) -> CaseOutcome:
    clause = ruleset.clauses[case["clause"]]
    subject = Subject(clause.subject, "case")
    facts = [
        Fact(subject, clause.facts[name].key, value, f"case:{number}")
        for name, value in case["facts"].items()
    ]
    verdict = judge_clause(ruleset, clause, facts, subject)
    said = verdict.kind.value
    return CaseOutcome(
        number=number, clause=clause.id, expected=case["expected"], said=said, passes=said == case["expected"],
        missing=list(verdict.missing),
    )  # fmt: skip


def _untried(ruleset: Ruleset, clause: Clause, tried: Iterable[tuple[str, str]]) -> list[Any]:
    possible = possible_verdicts(ruleset, clause)
    return [kind.value for kind in _IN_ORDER if kind in possible and (clause.id, kind.value) not in tried]


def _settings(ruleset: Ruleset, clause: Clause) -> dict[str, Any]:
    """The settings a clause's conditions name."""
    parts = [clause.major_when, *([clause.scope] if clause.scope else [])]
    return {
        name: ruleset.settings[name] for part in parts for name in names(part) if name in ruleset.settings
    }
