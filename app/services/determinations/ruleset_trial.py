"""Trying a version by its test cases, with the evaluator that judges visits; and what differs from the version before. Pure.

Each clause that is new or differs needs a case for each verdict it can come to. What "differs": its words, conditions, facts,
trades, penalties or marks, or the value of a setting that its conditions name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.rules.evaluator import VerdictKind, judge_clause
from app.rules.expression import names
from app.rules.facts import Fact, Subject
from app.rules.interview import possible_verdicts
from app.rules.ruleset import Clause, Ruleset
from app.schemas.rulesets import CaseOutcome, ClauseChange, ClauseLacking, TrialView
from app.services.determinations.ruleset_content import Cases, Content, build_content

_OWN = {"version", "source", "in_force_from"}
_IN_ORDER = (VerdictKind.SUSPECTED_MAJOR, VerdictKind.NOT_MATCHED, VerdictKind.UNDETERMINED)


def list_changes(before: Content, after: Content) -> list[ClauseChange]:
    """The clauses that are not as they were, in the order of the law, removed ones last."""
    old_rules, rules = build_content(before), build_content(after)
    found: list[ClauseChange] = []
    for clause in rules.clauses.values():
        old = old_rules.clauses.get(clause.id)
        if old is None:
            found.append(ClauseChange(clause=clause.id, change="new"))
        elif old != clause or _settings(old_rules, old) != _settings(rules, clause):
            found.append(ClauseChange(clause=clause.id, change="changed"))
        elif before["questions"][clause.id] != after["questions"][clause.id]:
            found.append(ClauseChange(clause=clause.id, change="questions"))
    gone = [one for one in old_rules.clauses if one not in rules.clauses]
    return [*found, *(ClauseChange(clause=one, change="removed") for one in gone)]


def list_head_changes(before: Content, after: Content) -> list[str]:
    """The members of the head that are not as they were, its name, day and source aside: those are always its own."""
    old, new = ({name: one for name, one in x["head"].items() if one} for x in (before, after))
    return sorted(name for name in (old.keys() | new.keys()) - _OWN if old.get(name) != new.get(name))


def try_cases(before: Content, content: Content, cases: Cases) -> TrialView:
    """Judge every case, and find the verdicts of new and changed clauses that no case tries."""
    after = build_content(content)
    outcomes = [_try(after, number, case) for number, case in enumerate(cases, start=1)]
    changes = list_changes(before, content)
    tried = {(case["clause"], case["expected"]) for case in cases}
    lacking = [
        ClauseLacking(clause=one.clause, kinds=kinds)
        for one in changes
        if one.change in ("new", "changed") and (kinds := _untried(after, after.clauses[one.clause], tried))
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
