"""A stored verdict in words: its clause, every condition with its facts, what to ask. Pure.

A verdict keeps values and sources; the words come from the version of the standard it was judged by, which is never rewritten.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from app.core.errors import NotFoundProblem
from app.rules.evaluator import TRADE_KEY
from app.rules.facts import FactDefinition, FactProblem, Text
from app.rules.interview import interview
from app.rules.ruleset import Clause, Ruleset
from app.schemas.determinations import (
    Bilingual,
    ClauseCoverageView,
    ClauseView,
    ClauseWithQuestions,
    ConditionView,
    CoverageView,
    ExplanationView,
    FactCoverage,
    FactView,
    FewestQuestions,
    PenaltyView,
    QuestionView,
    StandardView,
    TopicView,
)
from app.services.determinations.content import (
    OTHER_TRADE,
    find_ruleset,
    questions_of,
    ruleset_on,
    standards_on,
    topics,
)
from app.services.determinations.coverage import Coverage

_PROBLEMS: Mapping[str, Text] = {
    FactProblem.WRONG_TYPE: Text("类型不符", "of the wrong type"),
    FactProblem.UNLISTED_VALUE: Text("不在列举之内", "not a listed value"),
    FactProblem.CONTRADICTORY: Text("陈述相互矛盾", "the statements contradict one another"),
    FactProblem.EFFECT_NOT_CHECKED: Text(
        "已安装但未查是否有效（第14条）", "installed, effect not checked (Article 14)"
    ),
}
_TRUTHS: Mapping[bool | None, Text] = {
    True: Text("是", "yes"),
    False: Text("否", "no"),
    None: Text("不明", "unknown"),
}
_SUMMARIES: Mapping[str, Text] = {
    "suspected_major": Text(
        "疑似重大：适用且条件成立，须两名执法人员现场核查", "Suspected major: to be verified by two officers"
    ),
    "undetermined": Text("待查明：{missing}", "Undetermined; to be asked: {missing}"),
    "not_matched": Text("未命中该条款，不等于没有重大隐患", "This clause does not match; others may"),
    "unmapped": Text("没有适用条款覆盖该发现，须人工研判", "No applicable clause covers this; for a person"),
}


def describe_explanation(kind: str, stored: Mapping[str, Any], clause_id: str | None) -> ExplanationView:
    """A stored explanation in words."""
    ruleset = find_ruleset(stored.get("ruleset") or "", stored.get("version") or "")
    clause = ruleset.clauses.get(clause_id) if ruleset and clause_id else None
    conditions = [
        _condition(ruleset, clause, one) for one in stored.get("conditions", ()) if ruleset and clause
    ]
    return ExplanationView(
        ruleset=stored.get("ruleset"),
        version=stored.get("version"),
        source=_both(ruleset.source) if ruleset else None,
        trades=stored.get("trades", []),
        clause=describe_clause(ruleset, clause) if ruleset and clause else None,
        item_clauses=stored.get("item_clauses", []),
        scope=stored.get("scope"),
        predicate=stored.get("predicate"),
        conditions=conditions,
        summary=_summary(kind, conditions),
    )


def describe_clause(ruleset: Ruleset, clause: Clause) -> ClauseView:
    """A clause as people read it."""
    return ClauseView(
        id=clause.id,
        article=clause.article,
        paragraph=clause.paragraph,
        subject=clause.subject,
        text=_both(clause.text),
        scope=_both(clause.scope_text) if clause.scope_text else None,
        caution=_both(clause.caution) if clause.caution else None,
        to_be_confirmed=_both(clause.to_be_confirmed) if clause.to_be_confirmed else None,
        penalties=[
            PenaltyView(
                document=one.document,
                title=_both(ruleset.documents[one.document]) if one.document in ruleset.documents else None,
                article=one.article,
            )
            for one in clause.penalties
        ],
    )


def describe_clauses(ruleset: Ruleset) -> list[ClauseWithQuestions]:
    """Every clause with its question set, in the order of the law."""
    return [
        ClauseWithQuestions(
            **describe_clause(ruleset, clause).model_dump(),
            ruleset=ruleset.id,
            version=ruleset.version,
            source=_both(ruleset.source),
            questions=describe_questions(ruleset, clause.id, clause.keys),
        )
        for clause in ruleset.clauses.values()
    ]


def describe_interview(
    ruleset: Ruleset, clause_id: str, explanation: Mapping[str, Any], keys: Iterable[str]
) -> tuple[list[QuestionView], FewestQuestions]:
    """The questions of an undetermined verdict, those that settle it soonest first, and which are the fewest that do."""
    clause, wanted = ruleset.clauses[clause_id], list(keys)
    values = {
        fact["key"]: fact["value"] for one in explanation.get("conditions", ()) for fact in one["facts"]
    }
    known = {name: values.get(one.key) for name, one in clause.facts.items()}
    asked = interview(ruleset, clause, known, None if TRADE_KEY in wanted else True)
    place = {key: number for number, key in enumerate(asked.order)}
    questions = sorted(
        describe_questions(ruleset, clause_id, wanted), key=lambda one: place.get(one.key, len(place))
    )
    return questions, FewestQuestions(to_suspect=list(asked.to_suspect), to_clear=list(asked.to_clear))


def describe_standards(trades: Sequence[str], on: date) -> list[StandardView]:
    """The standards that may be in force on a day, as they are for an enterprise of these trades."""
    judged_by = ruleset_on(on)
    return [
        StandardView(
            code=one.code,
            field=_both(one.field),
            title=_both(one.title),
            source=_both(one.source),
            route=one.route,
            refer_to=_both(one.refer_to) if one.refer_to else None,
            applies=one.applies_to(trades),
            topics=len(topics().get(one.code, ())),
            version=judged_by.version if judged_by and judged_by.id == one.ruleset else None,
            in_force_from=one.in_force_from,
            in_force_until=one.in_force_until,
            is_judged=one.ruleset is not None,
            to_be_confirmed=one.to_be_confirmed,
        )
        for one in standards_on(on)
    ]


def describe_topics(standard: str) -> list[TopicView]:
    """The items of a standard whose conditions are not held; raises NotFoundProblem where none are."""
    if standard not in topics():
        raise NotFoundProblem
    return [TopicView(clause=f"{standard}-{one.item}", text=_both(one.text)) for one in topics()[standard]]


def describe_coverage(ruleset: Ruleset, coverage: Coverage, on: date) -> CoverageView:
    """A coverage in words."""
    clauses = [
        ClauseCoverageView(
            clause_id=one.clause_id,
            text=_both(ruleset.clauses[one.clause_id].text),
            is_fed=one.is_fed,
            is_complete=one.is_complete,
            to_be_confirmed=ruleset.clauses[one.clause_id].to_be_confirmed is not None,
            facts=[
                FactCoverage(
                    key=fact.key, label=_both(fact.label), items=list(one.items_by_fact.get(fact.key, ()))
                )
                for fact in ruleset.clauses[one.clause_id].facts.values()
                if not fact.is_reference
            ],
        )
        for one in coverage.clauses
    ]
    return CoverageView(on=on, ruleset=ruleset.name, clauses=clauses, idle_items=list(coverage.idle_items))


def describe_questions(ruleset: Ruleset, clause_id: str, keys: Iterable[str]) -> list[QuestionView]:
    """What to ask for the given keys of a clause, the trade first."""
    wanted = list(keys)
    asked = [_question(one.definition, one.text) for one in questions_of(ruleset, clause_id)]
    trade = [_trade_question(ruleset)] if TRADE_KEY in wanted else []
    return trade + [one for one in asked if one.key in wanted]


def _question(definition: FactDefinition, text: Text) -> QuestionView:
    return QuestionView(
        key=definition.key,
        text=_both(text),
        label=_both(definition.label),
        type=definition.type.value,
        unit=definition.unit,
        values=[value for value, _ in definition.values],
        is_device=definition.is_device,
    )


def _trade_question(ruleset: Ruleset) -> QuestionView:
    return QuestionView(
        key=TRADE_KEY,
        text=Bilingual(
            zh="企业属于哪个监管行业？（并请更正企业登记）",
            en="Which regulated trade is it? (Correct the register, too)",
        ),
        label=Bilingual(zh="监管行业", en="Regulated trade"),
        type="enum",
        unit=None,
        values=[*ruleset.trades, OTHER_TRADE],
        is_device=False,
    )


def _condition(ruleset: Ruleset, clause: Clause, stored: Mapping[str, Any]) -> ConditionView:
    facts = [_fact(ruleset, clause, one) for one in stored["facts"]]
    return ConditionView(
        part=stored["part"],
        text=stored["text"],
        words=_words(clause, stored["text"], facts),
        holds=stored["holds"],
        facts=facts,
    )


def _fact(ruleset: Ruleset, clause: Clause, stored: Mapping[str, Any]) -> FactView:
    definition = next((one for one in clause.facts.values() if one.key == stored["key"]), None)
    setting = None if definition else ruleset.settings[stored["key"].rpartition(".")[2]]
    label = definition.label if definition else setting.label  # type: ignore[union-attr]
    problem = stored["problem"]
    return FactView(
        key=stored["key"],
        label=_both(label),
        value=stored["value"],
        stated=stored["stated"],
        unit=definition.unit if definition else setting.unit,  # type: ignore[union-attr]
        sources=stored["sources"],
        problem=problem,
        problem_text=_both(_PROBLEMS[problem]) if problem else None,
        to_be_confirmed=setting.to_be_confirmed if setting else False,
    )


def _words(clause: Clause, text: str, facts: list[FactView]) -> Bilingual:
    """ "燃气总管压力监测报警：否", "作业间内人数 > 9：12 人", with the labels for the names."""
    zh, en = text, text
    for fact in facts:
        name = fact.key.rpartition(".")[2]
        zh, en = zh.replace(name, fact.label.zh, 1), en.replace(name, fact.label.en, 1)
    first = facts[0]
    return Bilingual(
        zh=f"{zh}：{_value(clause, first, 'zh')}",
        en=f"{en}: {_value(clause, first, 'en')}",
    )


def _value(clause: Clause, fact: FactView, language: str) -> str:
    if fact.value is None or isinstance(fact.value, bool):
        word = str(getattr(_TRUTHS[fact.value], language))
        return f"{word}（{getattr(fact.problem_text, language)}）" if fact.problem_text else word
    names = {
        value: english
        for one in clause.facts.values()
        if one.key == fact.key
        for value, english in one.values
    }
    shown = names.get(fact.value, fact.value) if language == "en" else fact.value
    return f"{shown} {fact.unit}" if fact.unit else str(shown)


def _summary(kind: str, conditions: list[ConditionView]) -> Bilingual:
    template = _SUMMARIES[kind]
    unknown = {fact.key: fact.label for one in conditions for fact in one.facts if fact.value is None}
    return Bilingual(
        zh=template.zh.format(
            missing="、".join(label.zh for label in unknown.values()) or "企业所属监管行业"
        ),
        en=template.en.format(
            missing=", ".join(label.en for label in unknown.values()) or "the enterprise's trade"
        ),
    )


def _both(text: Text) -> Bilingual:
    return Bilingual(zh=text.zh, en=text.en)
