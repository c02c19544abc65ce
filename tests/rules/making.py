"""Short ways to state facts about one subject."""

from typing import Any

from app.rules.evaluator import Verdict, determine
from app.rules.facts import Fact, Subject
from app.rules.ruleset import Clause, Ruleset
from app.services.determinations.content import shipped_rulesets

ORDER10: Ruleset = shipped_rulesets()[0]
UNIT = Subject("unit", "1")


def trade_of(clause: Clause) -> str:
    """A trade in which the clause applies."""
    return next(iter(clause.trades)) if clause.trades else "commerce"


def stated(clause: Clause, facts: dict[str, Any], subject: Subject = UNIT) -> list[Fact]:
    """Facts by the clause's own names."""
    return [Fact(subject, clause.facts[name].key, value, f"q:{name}") for name, value in facts.items()]


def judge(clause: Clause, facts: dict[str, Any]) -> Verdict | None:
    """The clause's verdict on one unit of an enterprise of the right trade; None when nothing was observed."""
    result = determine(ORDER10, [trade_of(clause)], stated(clause, facts))
    return next((verdict for verdict in result.verdicts if verdict.clause_id == clause.id), None)
