"""Trying a version by its test cases, with the evaluator that judges visits; and what differs from the version before. Pure.

Each clause that is new or differs needs a case for each verdict it can come to. What "differs": its words, conditions, facts,
trades, penalties or marks, or the value of a setting that its conditions name. Where what decides differs, a case must be decided
otherwise than before, or a new case of the clause says in its note why none can be: cases that were there already prove nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.rules.evaluator import Verdict, VerdictKind, judge_clause
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
    """The members of the head that are not as they were, its name, day and source aside: those are always its own.

    Of the articles what no clause shows: `article_titles`, and `clause_order` (in which article and order the clauses stand).
    """
    old, new = ({name: one for name, one in x["head"].items() if one} for x in (before, after))
    changed = {name for name in (old.keys() | new.keys()) - _OWN if old.get(name) != new.get(name)}
    if _titles(before) != _titles(after):
        changed.add("article_titles")
    places, others = _places(before), _places(after)
    kept = places.keys() & others.keys()
    if [one for one in places if one in kept] != [one for one in others if one in kept] or any(
        places[one] != others[one] for one in kept
    ):
        changed.add("clause_order")
    return sorted(changed)


def try_cases(before: Content, inherited: Cases, content: Content, cases: Cases) -> TrialView:
    """Judge every case, and find what no case tries: verdicts of new and changed clauses, and the change itself.

    `inherited`: the cases of the version before.
    """
    after = build_content(content)
    outcomes = [_try(after, number, case) for number, case in enumerate(cases, start=1)]
    changes = list_changes(before, content)
    tried = {(case["clause"], case["expected"]) for case in cases}
    lacking = [
        ClauseLacking(clause=one.clause, kinds=kinds)
        for one in changes
        if one.change in ("new", "changed") and (kinds := _untried(after, after.clauses[one.clause], tried))
    ]
    old, own = build_content(before), [case for case in cases if case not in inherited]
    alike = [
        one.clause
        for one in changes
        if one.change == "changed"
        and _decides_otherwise(old, after, one.clause)
        and not any(case["clause"] == one.clause and case.get("note") for case in own)
        and not any(case["clause"] == one.clause and _differs(old, case) for case in cases)
    ]
    differs = bool(changes or list_head_changes(before, content))
    is_complete = differs and not lacking and not alike and all(one.passes for one in outcomes)
    return TrialView(
        is_complete=is_complete, differs=differs, cases=outcomes, lacking=lacking, alike=alike, changes=changes
    )  # fmt: skip


def _decides_otherwise(old: Ruleset, new: Ruleset, clause_id: str) -> bool:
    """Whether anything differs by which the clause is decided, not only its words, trades, penalties or marks."""
    return bool(_deciding(old, old.clauses[clause_id]) != _deciding(new, new.clauses[clause_id]))


def _deciding(ruleset: Ruleset, clause: Clause) -> Any:
    facts = {
        name: (fact.type, [value for value, _ in fact.values], fact.is_device)
        for name, fact in clause.facts.items()
        if not fact.is_reference
    }
    values = {name: one.value for name, one in _settings(ruleset, clause).items()}
    return clause.scope, clause.major_when, facts, values


def _differs(old: Ruleset, case: Mapping[str, Any]) -> bool:
    """Whether the version before, of the facts it knows, said something else than the case expects now."""
    clause = old.clauses[case["clause"]]
    known = {name: value for name, value in case["facts"].items() if name in clause.facts}
    said = _verdict(old, clause, known, "before").kind.value
    return bool(said != case["expected"])


def _try(ruleset: Ruleset, number: int, case: Mapping[str, Any]) -> CaseOutcome:
    clause = ruleset.clauses[case["clause"]]
    verdict = _verdict(ruleset, clause, case["facts"], f"case:{number}")
    said = verdict.kind.value
    return CaseOutcome(
        number=number, clause=clause.id, expected=case["expected"], said=said, passes=said == case["expected"],
        missing=list(verdict.missing),
    )  # fmt: skip


def _verdict(ruleset: Ruleset, clause: Clause, stated: Mapping[str, Any], source: str) -> Verdict:
    subject = Subject(clause.subject, "case")
    facts = [Fact(subject, clause.facts[name].key, value, source) for name, value in stated.items()]
    return judge_clause(ruleset, clause, facts, subject)


def _titles(content: Content) -> dict[int, Any]:
    return {one["article"]: one["title"] for one in content["articles"]}


def _places(content: Content) -> dict[str, int]:
    return {clause["id"]: one["article"] for one in content["articles"] for clause in one["clauses"]}


def _untried(ruleset: Ruleset, clause: Clause, tried: Iterable[tuple[str, str]]) -> list[Any]:
    possible = possible_verdicts(ruleset, clause)
    return [kind.value for kind in _IN_ORDER if kind in possible and (clause.id, kind.value) not in tried]


def _settings(ruleset: Ruleset, clause: Clause) -> dict[str, Any]:
    """The settings a clause's conditions name."""
    parts = [clause.major_when, *([clause.scope] if clause.scope else [])]
    return {
        name: ruleset.settings[name] for part in parts for name in names(part) if name in ruleset.settings
    }
