"""Writes the pages of PAGES from the code; --check tells whether they are current."""

import sys
from collections.abc import Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import yaml

import app
from anshao_phone.answers import step_of
from app.config import Settings
from app.core.errors import Problem
from app.db.base import Base
from app.enums.cases import CaseStatus
from app.enums.checklists import TemplateStatus
from app.enums.determinations import RulesetStatus, VerdictStatus
from app.enums.enterprises import RegulatedTrade
from app.enums.hazards import DuplicateStatus, ExtensionStatus, MeasureStatus, PlacardStatus, ProposalStatus
from app.enums.identity import Role
from app.enums.labels import LabelledEnum
from app.main import create_app
from app.routers.endpoints import list_endpoints
from app.rules.expression import Both, Comparison, Either, Expression, Name, Not, Value
from app.rules.facts import FactDefinition
from app.rules.ruleset import Clause, Ruleset
from app.services.checklists.content import parse_checklist, shipped_bodies
from app.services.clocks.content import TimeLimit, time_limits
from app.services.determinations.content import (
    Standard,
    all_standards,
    question_sets,
    shipped_documents,
    shipped_rulesets,
)
from app.services.determinations.coverage import cover
from app.services.determinations.ruleset_content import hash_of
from app.services.identity.policy import CLIENT_SCOPES, INVITED_ACTIONS, PERMISSIONS

HERE = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py; run `make docs` after a change. -->\n\n"


def problems() -> list[type[Problem]]:
    """Every kind of refusal in the program, by code."""
    for module in walk_packages(app.__path__, "app."):
        import_module(module.name)
    found: list[type[Problem]] = []
    waiting = [Problem]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found.append(kind)
    return sorted(
        {kind for kind in found if kind is not Problem}, key=lambda kind: (kind.code, kind.__name__)
    )


def errors_page() -> str:
    """The catalogue of errors."""
    rows = [f"| `{p.code}` | {p.status} | {p.retry} | {p.zh} | {p.en} |" for p in problems()]
    head = "# Errors\n\nEvery refusal is application/problem+json (RFC 9457) with these members.\n\n"
    return (
        NOTE
        + head
        + "| code | status | retry | 中文 | English |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def settings_page() -> str:
    """The table of settings."""
    rows = []
    for name, field in Settings.model_fields.items():
        rows.append(f"| `ANSHAO_{name.upper()}` | `{field.default}` | {field.description} |")
    return NOTE + "# Settings\n\n| variable | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def permissions_page() -> str:
    """The permission matrix; the region comes from the grant."""
    roles = list(Role)
    rows = [
        f"| `{action}` | " + " | ".join("●" if role in allowed else "" for role in roles) + " |"
        for action, allowed in sorted(PERMISSIONS.items())
    ]
    head = "| action | " + " | ".join(role.zh for role in roles) + " |\n|---"
    matrix = head + "|---" * len(roles) + "|\n" + "\n".join(rows) + "\n"
    scopes = ", ".join(f"`{scope}`" for scope in sorted(CLIENT_SCOPES))
    clients = f"A third-party client holds scopes within its region, at most: {scopes}.\n"
    invited = ", ".join(f"`{action}`" for action in sorted(INVITED_ACTIONS))
    people = f"An enterprise's person, invited to its enterprise's site, may there alone: {invited}. No role holds these.\n"
    return f"{NOTE}# Permissions\n\n{matrix}\n{clients}\n{people}\n## Endpoints\n\n{endpoints_table()}"


def endpoints_table() -> str:
    """Every endpoint with the action it asks for; a foreign region's object is 404, a missing action 403."""
    rows = []
    for one in list_endpoints(create_app(Settings(_env_file=None))):
        each = (" or ".join(f"`{action}`" for action in alternatives) for alternatives in one.needs)
        needs = ", ".join(each) or "any login"
        rows.append(
            f"| {one.audience} | {one.method} | `{one.path}` | {needs if one.is_authenticated else 'public'} |"
        )
    return "| audience | method | path | action |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


LABELS: dict[str, type[LabelledEnum]] = {
    "cases": CaseStatus,
    "checklists": TemplateStatus,
    "determinations": VerdictStatus,
    "determinations: rulesets": RulesetStatus,
    "hazards: duplicates": DuplicateStatus,
    "hazards: extensions": ExtensionStatus,
    "hazards: measures": MeasureStatus,
    "hazards: placards": PlacardStatus,
    "hazards: proposals": ProposalStatus,
}
"""Areas whose states have Chinese labels."""
BEGINS_AT = {"determinations": "open"}
"""Where an area's table begins when steps lead back to its first state."""


def workflows_page() -> str:
    """A diagram and a table of all states that are a table in services/<area>/workflow.py or <what>_workflow.py."""
    tables = Path(app.__path__[0], "services").glob("*/*workflow.py")
    parts = [_workflow(*names) for names in sorted((path.parent.name, path.stem) for path in tables)]
    head = "# Workflows\n\nStates and steps as the program has them. A step outside the table is answered with 409."
    return NOTE + "\n\n".join([head, *parts]) + "\n"


def _workflow(area: str, table: str) -> str:
    module = import_module(f"app.services.{area}.{table}")
    what = table.removesuffix("workflow").strip("_")
    area = f"{area}: {what}s" if what else area
    steps = [_step(action, one) for action, one in module.TRANSITIONS.items()]
    known = getattr(module, "STATES", ())
    open_ended = {state for state in known if isinstance(known, dict) and not known[state].is_final}
    states = list(dict.fromkeys(state for sources, _, target, *_ in steps for state in (*sources, target)))
    names = {state: LABELS[area](state).zh if area in LABELS else state for state in states}
    declared = [f'    state "{name}" as {state}' for state, name in names.items()]
    arrows = [
        f"    {source} --> {target}: {label}" for sources, label, target, *_ in steps for source in sources
    ]
    targets = {target for _, _, target, *_ in steps}
    first = getattr(module, "INITIAL", BEGINS_AT.get(area))
    firsts = first if isinstance(first, tuple) else (first,)
    starts = [f"    [*] --> {state}" for state in states if state in firsts or state not in targets]
    left = {source for sources, *_ in steps for source in sources} | open_ended
    ends = [f"    {state} --> [*]" for state in states if state not in left]
    diagram = "\n".join(["```mermaid", "stateDiagram-v2", *declared, *starts, *arrows, *ends, "```"])
    rows = [
        f"| {label} | {', '.join(sources)} | {target} | {permission} | {article} |"
        for sources, label, target, permission, article in steps
    ]
    rule = "| step | from | to | action it asks for | article |\n|---|---|---|---|---|"
    return "\n".join([f"## {area}\n", diagram, "", rule, *rows])


def _step(action: str, one: Any) -> tuple[list[str], str, str, str, str]:
    """(from, label, to, permission, article) of one row, whichever of the two shapes it has."""
    if isinstance(one, tuple):
        return [one[0]], action, one[1], "—", "—"
    label = f"{getattr(one, 'zh', '')} {action}".strip()
    return (
        sorted(one.sources),
        label,
        one.target,
        f"`{one.permission}`" if one.permission else "—",
        getattr(one, "article", None) or "—",
    )


def map_page() -> str:
    """Every area: what it is, where its parts lie, what it stores."""
    root = Path(app.__path__[0])
    import_module("app.models")
    parts = []
    for folder in sorted(path.parent for path in (root / "services").glob("*/__init__.py")):
        area = folder.name
        about = (import_module(f"app.services.{area}").__doc__ or "").strip().split("\n")[0]
        doors = sorted(path.parent.name for path in (root / "routers").glob(f"*/{area}.py"))
        files = ", ".join(f"`{path.stem}`" for path in sorted(folder.glob("*.py")) if path.stem != "__init__")
        tables = sorted(
            f"`{mapper.local_table.name}`"  # type: ignore[attr-defined]
            for mapper in Base.registry.mappers
            if mapper.class_.__module__ == f"app.models.{area}"
        )
        rows = [("doors", ", ".join(doors)), ("services", files), ("tables", ", ".join(tables))]
        lines = [f"- {name}: {value}" for name, value in rows if value]
        parts.append("\n".join([f"## {area}\n", about, "", *lines]))
    shelves = "\n".join(
        f"| `app/{path.parent.name}/` | {(import_module(f'app.{path.parent.name}').__doc__ or '').strip().splitlines()[0]} |"
        for path in sorted(root.glob("*/__init__.py"))
    )
    head = (
        "# Map\n\nAn area has the same plural noun in every folder: routers, schemas, services, models, tests.\n\n"
        f"| folder | holds |\n|---|---|\n{shelves}"
    )
    return NOTE + "\n\n".join([head, *parts]) + "\n"


CLOCKS = """# Statutory clocks

A clock is a legal period that runs for a case, a hazard or an on-site measure. Nobody writes a due date: a clock is
started, suspended, resumed, extended and ended, each a row of its ledger, and its end is projected from the period, the
ledger and the working calendar. The day of the start is never counted; what is suspended does not count; months and
years end on the corresponding day, or the month's last (Civil Code 202). Whose last day on a day of rest moves to the
next workday is an authority's dated decision; without one it is the party's.

A clock that was ended by what did not hold is reopened, and runs on to the end it had: an order's period ends with the report
that the hazard is rectified, and is reopened by the re-inspection that finds it undone, for whoever has come to answer for the
hazard meanwhile. So does the period of its placard, for whoever watches that by then.

A limit stands still on the grounds below and no others, each with its rule (`GET /api/v1/clocks/time-limits`). A review (行政复议)
stops nothing by itself (行政复议法 42); where it stops the execution of an order or a fine, the party's time to rectify or to
pay may be suspended on it, to be confirmed, because no rule that is held says so in words. Legal review (法制审核) and collective
discussion (集体讨论) suspend nothing: no rule that is held says that they do. What a late fine grows by stands still during a
review or a suit (行政处罚法 73(3)): a sum, not a clock.

What must not happen before its time (`meaning` earliest: cutting the power, taking an announcement for service) is never overdue:
`is_reached` says whether its hours, or the whole of its last day, have passed.

The years that ship name their notice of the State Council (title, number, date, source) as those imported do:
`GET /api/v1/calendar/years`, the `calendar` of each running clock (the notices that its end rests on), and what phones pull.
A period that reaches beyond the imported notices of holidays is *unknown until the notice is imported*. Importing one
(`POST /api/v1/calendar/notices`) projects what it moves again, and the ledger of each clock names the notice; phones get it at
their next pull. That is done page by page ([ADR 0032](adr/0032-clocks-are-projected-by-pages.md)): until its turn comes, a clock
that the notice may move shows the day it had, and `awaits_calendar`. `GET /api/v1/calendar/notices` tells how many clocks each
notice has moved, and since when that is all (`projected_at`).

Each clock names who answers for it, and the brigade he serves in: the officer who issued the order (and of the order, whoever is
told that the rectification is done, the re-inspection's), who ordered or decided the measure, the placard's supervisor, the case's
leading officer (the first of its team). When another officer leads, or somebody moves to another brigade, the running clocks go
along: a row of the ledger, and no other end; to a unit of another authority only those of an authority in whose name it may act. So
they do when the person in charge hands one over, with a reason (`POST /api/v1/clocks/{id}/hand-over`), to somebody in service of
the authority or of one it has entrusted. Those of a case go together: one of them alone is refused (`clock_of_team`), and another
team is named at the case (`POST /api/v1/cases/{id}/team`). That of a placard goes with whoever watches it: alone it is refused
(`clock_of_supervisor`), and another is named at the placard (`POST /api/v1/placards/{id}/supervisor`).

`GET /api/v1/clocks` lists by person, brigade (with its squads), region, what is overdue and what is due within so many
working days; reminders are raised three working days before, on the day, and after it, and listed by the same. Where the imported
calendar ends before those working days do, what is certainly within them is told (each day beyond it may be a workday), and that
the horizon is cut (`is_cut`).
⚑ to be confirmed against the text of the law.

| limit | 期限 | begins | 起算 | period | whose | basis | |
|---|---|---|---|---|---|---|---|
"""


def clocks_page() -> str:
    """The limits of the law, as the engine knows them."""
    rows = [
        f"| `{one.code}` {one.title.en} | {one.title.zh} | {one.starts.en} | {one.starts.zh} | {_period(one)} | {one.whose} | "
        f"{one.basis.zh} | {'⚑' if one.to_be_confirmed else ''} |"
        for one in time_limits()
    ]
    return NOTE + CLOCKS + "\n".join(rows) + "\n"


def _period(limit: TimeLimit) -> str:
    if limit.amount is None or limit.unit is None:
        words = [f"set by the {limit.set_by}"]
    else:
        words = [f"{limit.amount} {limit.unit.replace('_', ' ')}{'s' if limit.amount > 1 else ''}"]
    if limit.backwards:
        words.append(f"before it{', clear' if limit.clear else ''}")
    if limit.meaning == "earliest":
        words.append("not before it has passed")
    if limit.is_longest:
        words.append("at most, as the document states")
    if limit.set_by == "authority" and limit.amount is not None:
        words.append("unless the authority sets another")
    if limit.extension:
        words.append(f"up to {limit.extension} more if approved")
    if limit.suspended_by:
        grounds = [f"{one.ground}{' ⚑' if one.to_be_confirmed else ''}" for one in limit.suspended_by]
        words.append(f"not counting: {', '.join(grounds)}")
    return "; ".join(words)


def coverage_page() -> str:
    """Which clauses the shipped checklists speak of, and which items say nothing to any clause."""
    (ruleset,) = shipped_rulesets()
    coverage = cover(ruleset, [parse_checklist(body) for body in shipped_bodies().values()])
    rows = []
    for one in coverage.clauses:
        stated = [fact for fact, items in one.items_by_fact.items() if items]
        items = sorted({item for found in one.items_by_fact.values() for item in found})
        text = ruleset.clauses[one.clause_id].text
        rows.append(
            f"| `{one.clause_id}` | {text.zh} | {len(stated)}/{len(one.items_by_fact)} | {', '.join(items) or '—'} |"
        )
    fed = sum(one.is_fed for one in coverage.clauses)
    head = (
        f"# Coverage\n\n{ruleset.title.zh}: the shipped checklists speak of {fed} of {len(coverage.clauses)} clauses; the others "
        "are asked by their question sets.\n`GET /api/v1/determinations/coverage` tells the same of the checklists in force.\n\n"
        "| clause | 条款 | facts stated | by items |\n|---|---|---|---|\n"
    )
    idle = ", ".join(f"`{item}`" for item in coverage.idle_items)
    return f"{NOTE}{head}" + "\n".join(rows) + f"\n\n## Items that state no fact of any clause\n\n{idle}\n"


RULES = """# Determination rules

What makes a hazard suspected to be major, as the program ships it: in our own words, the official text prevails. The machine
suspects and people decide ([determination.md](determination.md)). Versions that the bureau has published since are read at
`GET /api/v1/rulesets/held`. A device counts only where it works (Order 10, article 14). ⚑ 待确认 · to be confirmed.

| standard | 标准 | for · 适用 | leads to · 路由 | in force · 施行 | source · 依据 | |
|---|---|---|---|---|---|---|
"""
JOINTS = {"zh": ("且", "或", "非", "「{}」"), "en": ("and", "or", "not", "“{}”")}
SIGNS = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}
SUBJECTS = {"unit": "单元", "place": "部位", "worker": "人员", "site": "场所", "enterprise": "企业"}


def rules_page() -> str:
    """Every standard, and of those the machine judges by every clause: when it holds, what it asks, what may follow."""
    rows = [
        f"| `{one.code}` {one.title.en} | {one.title.zh} | {_whose(one)} | {_route(one)} | "
        f"{_days(one.in_force_from, one.in_force_until)} | {one.source.zh} · {one.source.en} | {_mark(one.to_be_confirmed)} |"
        for one in all_standards()
    ]
    versions = [
        _version(rules, written)
        for rules, written in zip(shipped_rulesets(), shipped_documents(), strict=True)
    ]
    return NOTE + RULES + "\n".join(rows) + "\n\n" + "\n\n".join(versions) + "\n"


def _whose(standard: Standard) -> str:
    if standard.trades is None:
        return "the matter · 按事项"
    return "、".join(one.zh for one in RegulatedTrade if one in standard.trades)


def _route(standard: Standard) -> str:
    refer = f"refer · 移送 {standard.refer_to.zh}" if standard.refer_to else ""
    return {"judged": "judged · 系统判定", "person": "person · 人工判定", "refer": refer}[standard.route]


def _days(first: date | None, last: date | None) -> str:
    if first is None:
        return "not known · 待核"
    return f"{first} – {last}" if last else f"{first} 起 on"


def _mark(to_be_confirmed: object) -> str:
    return "⚑" if to_be_confirmed else ""


def _version(rules: Ruleset, written: Mapping[str, Any]) -> str:
    settings = [
        f"- {one.label.zh} · {one.label.en}: {one.value} {one.unit}（{one.source}）{_mark(one.to_be_confirmed)}"
        for one in rules.settings.values()
    ]
    head = [
        f"## {rules.name} {rules.title.zh}",
        "",
        f"- source · 依据: {rules.source.zh} · {rules.source.en}",
        f"- in force · 施行: {_days(rules.in_force_from, rules.in_force_until)}",
        f"- content · 内容: `{hash_of(written, ())}`",
        f"- trades · 行业: {'、'.join(f'{one.zh} {one.en}' for one in rules.trades.values())}",
        f"- documents · 罚则文件: {'；'.join(f'`{code}` {one.zh}' for code, one in rules.documents.items())}",
        *settings,
    ]
    articles = [
        f"### 第{one['article']}条 {one['title']['zh']} · Article {one['article']}: {one['title']['en']}\n\n"
        + "\n\n".join(_clause(rules, rules.clauses[clause["id"]]) for clause in one["clauses"])
        for one in written["articles"]
    ]
    return "\n\n".join(["\n".join(head), *articles])


def _clause(rules: Ruleset, clause: Clause) -> str:
    trades = "、".join(
        one.zh for code, one in rules.trades.items() if clause.trades and code in clause.trades
    )
    scope = f"；{clause.scope_text.zh} · {clause.scope_text.en}" if clause.scope_text else ""
    lines = [
        f"#### {clause.id} {_mark(clause.to_be_confirmed)}".rstrip(),
        "",
        f"{clause.text.zh}。{clause.text.en}.",
        "",
        f"- scope · 适用: {trades or '各行业 any trade'}；{SUBJECTS[clause.subject]} {clause.subject}{scope}",
    ]
    if clause.scope is not None:
        lines.append(f"- applies when · 适用条件: {_told(rules, clause, clause.scope)}")
    lines.append(f"- major when · 构成条件: {_told(rules, clause, clause.major_when)}")
    lines.append("- asks · 查明:")
    lines += [
        f"  - `{one.definition.key.rpartition('.')[2]}` {one.text.zh} {one.text.en}{_answers(one.definition)}"
        for one in question_sets()[clause.id]
    ]
    if clause.caution:
        lines.append(f"- caution · 注意（例外）: {clause.caution.zh} · {clause.caution.en}")
    if clause.penalties:
        cited = "、".join(f"`{one.document}` {one.article or ''}".strip() for one in clause.penalties)
        lines.append(f"- penalties · 罚则: {cited}")
    if clause.to_be_confirmed:
        lines.append(f"- ⚑ {clause.to_be_confirmed.zh} · {clause.to_be_confirmed.en}")
    return "\n".join(lines)


def _answers(fact: FactDefinition) -> str:
    """What may be answered, where it is no plain yes or no."""
    listed = "、".join(f"{zh} {en}" for zh, en in fact.values)
    parts = [
        listed,
        fact.unit,
        "art. 14" if fact.is_device else "",
        "参考 reference" if fact.is_reference else "",
    ]
    told = "；".join(part for part in parts if part)
    return f"（{told}）" if told else ""


def _told(rules: Ruleset, clause: Clause, expression: Expression) -> str:
    return " · ".join(_in_words(rules, clause, expression, language) for language in JOINTS)


def _in_words(rules: Ruleset, clause: Clause, expression: Expression, language: str, within: int = 0) -> str:
    """A condition by the words of its facts; `within`: what it stands in (0: nothing, 1: or, 2: and, 3: not)."""
    both, either, negated, quoted = JOINTS[language]
    match expression:
        case Name(name):
            return quoted.format(_word(rules, clause, name, language))
        case Comparison(left, operator, right):
            told = quoted.format(_word(rules, clause, left, language))
            return f"{told} {SIGNS.get(operator, operator)} {_operand(rules, clause, left, right, language)}"
        case Not(operand):
            return f"{negated} {_in_words(rules, clause, operand, language, 3)}"
        case Both(left, right) | Either(left, right):
            binds, joint = (2, both) if isinstance(expression, Both) else (1, either)
            parts = [_in_words(rules, clause, one, language, binds) for one in (left, right)]
            told = f" {joint} ".join(parts)
            return told if within in (0, binds) else f"({told})"


def _operand(rules: Ruleset, clause: Clause, left: str, right: Value | Name, language: str) -> str:
    if isinstance(right, Name):
        return JOINTS[language][3].format(_word(rules, clause, right.name, language))
    named = dict(clause.facts[left].values) if left in clause.facts else {}
    return str(named.get(str(right), right)) if language == "en" else str(right)


def _word(rules: Ruleset, clause: Clause, name: str, language: str) -> str:
    if name in clause.facts:
        return str(getattr(clause.facts[name].label, language))
    setting = rules.settings[name]
    return f"{getattr(setting.label, language)} {setting.value} {setting.unit}"


ANSWERS = yaml.safe_load((HERE / "field-answers.yaml").read_text(encoding="utf-8"))
"""What the refusals mean to a phone, and which of them none meets."""
BEGINS, ENDS = "<!-- answers: written by docs/generate.py from field-answers.yaml -->", "<!-- answers end -->"


def field_client_page() -> str:
    """The guide for writers of phones as it is, its table of refusals written anew: what the reference phone does about each."""
    guide = (HERE / "field-client.md").read_text(encoding="utf-8")
    before, _, rest = guide.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}\n\n{answers_tables()}\n\n{ENDS}{after}"


def answers_tables() -> str:
    """The refusals that a phone may meet, by where it meets them; raises ValueError where one has not been thought of."""
    known = {(one.code, one.status, one.retry): area_of(one) for one in problems() if not is_a_base(one)}
    told = [code for codes in ANSWERS["phone"].values() for code in codes] + ANSWERS["desk"]["codes"]
    desk = {code for (code, _, _), area in known.items() if area in ANSWERS["desk"]["areas"]}
    missing = {code for code, _, _ in known} - desk - set(told)
    stale = set(told) - ({code for code, _, _ in known} - desk)
    if missing or stale or len(told) != len(set(told)):
        raise ValueError(f"field-answers.yaml: missing {sorted(missing)}, stale or twice {sorted(stale)}")
    parts = []
    for where, codes in ANSWERS["phone"].items():
        rows = [
            f"| `{code}` | {status} | {retry} | **{step_of(status, code, retry)}** | {because.strip()} |"
            for code, because in codes.items()
            for same, status, retry in sorted(known)
            if same == code
        ]
        head = f"### {where.capitalize()}\n\n| code | status | retry | the phone | because |\n|---|---|---|---|---|\n"
        parts.append(head + "\n".join(rows))
    return "\n\n".join(parts)


def area_of(problem: type[Problem]) -> str:
    """The area whose errors it is among; empty for what every area may answer."""
    where = problem.__module__.split(".")
    return where[2] if where[1] == "services" else ""


def is_a_base(problem: type[Problem]) -> bool:
    """It has no code of its own and stands for others: nobody is answered with it."""
    return "code" not in vars(problem) and bool(problem.__subclasses__())


PAGES = {
    "field-client.md": field_client_page,
    "coverage.md": coverage_page,
    "map.md": map_page,
    "clocks.md": clocks_page,
    "rules.md": rules_page,
    "errors.md": errors_page,
    "settings.md": settings_page,
    "permissions.md": permissions_page,
    "workflows.md": workflows_page,
}


def main() -> int:
    """Write the pages, or with --check name those that are out of date."""
    stale = []
    for name, write in PAGES.items():
        path, content = HERE / name, write()
        if "--check" not in sys.argv:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            stale.append(name)
    if stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run make docs\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
