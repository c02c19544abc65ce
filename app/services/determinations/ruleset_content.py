"""What a draft must be before it is kept: rules that can be built, questions for every fact, cases that speak of them. Pure."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import rfc8785

from app.rules.facts import FactProblem, FactType, read_value
from app.rules.interview import effort
from app.rules.ruleset import Ruleset, RulesetError, build_ruleset
from app.services.determinations.errors import RulesetInvalidProblem

EFFORT_AT_MOST = 5000
"""Answers tried to find the fewest questions of a clause; Order 10 needs 2187 at most."""

CLAUSES_AT_MOST = 400
"""In one version; Order 10 has 64."""
EFFORT_IN_ALL = 60_000
"""The sum over all clauses; that of Order 10 is 13 617."""
OWN_NAME = re.compile("[A-Za-z]")
"""How the name of a version that is written here begins; those of versions that ship begin with a digit."""

Content = Mapping[str, Any]
Cases = Sequence[Mapping[str, Any]]


def build_content(content: Content) -> Ruleset:
    """The rule set of a content that was checked."""
    return build_ruleset(content["head"], content["articles"])


def hash_of(content: Content, cases: Cases) -> str:
    """ "sha-256:…" over the canonical JSON (RFC 8785) of content and cases."""
    return "sha-256:" + hashlib.sha256(rfc8785.dumps([dict(content), list(cases)])).hexdigest()


def check_content(content: Content, cases: Cases) -> Ruleset:
    """The rule set, or RulesetInvalidProblem with everything that is wrong: clause, part, message, names. It takes seconds."""
    many = sum(len(article["clauses"]) for article in content["articles"])
    if many > CLAUSES_AT_MOST:
        raise RulesetInvalidProblem(
            [error_at(None, "articles", f"{many} clauses; at most {CLAUSES_AT_MOST}")]
        )
    errors = [*_head_errors(content["head"]), *_clause_errors(content)]
    if not errors:
        ruleset = build_content(content)
        errors = [*_question_errors(ruleset, content["questions"]), *_case_errors(ruleset, cases)]
        if not errors:
            return ruleset
    raise RulesetInvalidProblem(errors)


def error_at(clause: str | None, at: str, message: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """One entry of RulesetInvalidProblem."""
    return {"clause": clause, "at": at, "message": message, "names": list(names)}


def _head_errors(head: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if OWN_NAME.match(head["version"]) is None:
        yield error_at(None, "head/version", "begins with a letter; with a digit begin versions that ship")
    until = head.get("in_force_until")
    if until is not None and until < head["in_force_from"]:
        yield error_at(None, "head/in_force_until", "ends before it begins")
    if not head["trades"]:
        yield error_at(None, "head/trades", "no trade is named")


def _clause_errors(content: Content) -> Iterator[dict[str, Any]]:
    """Each clause alone, so that all that is wrong is told at once."""
    head = content["head"]
    used = Counter(clause["id"] for article in content["articles"] for clause in article["clauses"])
    for identifier, times in used.items():
        if times > 1:
            yield error_at(identifier, "id", "used twice")
    in_all = 0
    for article in content["articles"]:
        beginning = f"{head['id']}-{article['article']}-"
        for clause in article["clauses"]:
            if not clause["id"].startswith(beginning):
                yield error_at(clause["id"], "id", f"begins with {beginning}")
            yield from _fact_errors(clause["id"], {**article["shared_facts"], **clause["facts"]})
            documents = {one["document"] for one in clause["penalties"]} - head["documents"].keys()
            if documents:
                yield error_at(
                    clause["id"], "penalties", "documents the head does not name", sorted(documents)
                )
            try:
                built = build_ruleset(head, [{**article, "clauses": [clause]}])
            except RulesetError as error:
                yield error_at(error.clause, error.part, error.message, error.names)
            else:
                tried = effort(built, built.clauses[clause["id"]])
                in_all += tried
                if tried > EFFORT_AT_MOST:
                    yield error_at(
                        clause["id"], "facts", "too many facts in one clause to be asked for; divide it"
                    )
    if in_all > EFFORT_IN_ALL:
        yield error_at(None, "articles", f"{in_all} answers to try in all clauses; at most {EFFORT_IN_ALL}")


def _fact_errors(clause: str, facts: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    lists = [name for name, fact in facts.items() if (fact["type"] == FactType.ENUM) != bool(fact["values"])]
    if lists:
        yield error_at(clause, "facts", "values are listed for an enum, and only for one", lists)
    devices = [name for name, fact in facts.items() if fact["device"] and fact["type"] != FactType.BOOL]
    if devices:
        yield error_at(clause, "facts", "a device is of type bool", devices)


def _question_errors(ruleset: Ruleset, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for clause in ruleset.clauses.values():
        keys = [one["key"] for one in asked.get(clause.id, ())]
        if missing := [key for key in clause.keys if key not in keys]:
            yield error_at(clause.id, "questions", "facts without a question", missing)
        if idle := [key for key, times in Counter(keys).items() if key not in clause.keys or times > 1]:
            yield error_at(clause.id, "questions", "questions for no fact of the clause, or twice", idle)
    for clause_id in asked.keys() - ruleset.clauses.keys():
        yield error_at(clause_id, "questions", "no such clause")


def _case_errors(ruleset: Ruleset, cases: Cases) -> Iterator[dict[str, Any]]:
    for number, case in enumerate(cases, start=1):
        clause = ruleset.clauses.get(case["clause"])
        if clause is None:
            yield error_at(case["clause"], f"cases/{number}", "no such clause")
            continue
        if unknown := sorted(case["facts"].keys() - clause.facts.keys()):
            yield error_at(clause.id, f"cases/{number}", "unknown facts", unknown)
        wrong = [
            name
            for name, value in case["facts"].items()
            if name in clause.facts
            and read_value(clause.facts[name], value)[1] not in (None, FactProblem.EFFECT_NOT_CHECKED)
        ]
        if wrong:
            yield error_at(clause.id, f"cases/{number}", "values that are not of the fact's type", wrong)
