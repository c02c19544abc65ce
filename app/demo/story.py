"""The main job from beginning to end, through HTTP against the served application, as its users would do it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.demo.city import CAST, DISTRICTS, City
from app.demo.decisions import close_one, confirm, explain, open_case, order
from app.demo.fieldwork import (
    CHECKLISTS,
    Visit,
    assign,
    begin_visit,
    deliver,
    enrol,
    fetch_units,
    fill,
    lose_network,
    regain_network,
    sign,
    take,
)
from app.demo.others import patrol, read_as_partner
from app.demo.register import HOW_MANY, find_main_site, import_enterprises
from app.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, for the closing table."""

    imported: dict[str, Any]
    visit: Visit
    hazards: list[dict[str, Any]]
    case: dict[str, Any]
    closed: dict[str, Any]
    whistle: dict[str, Any]
    partner: dict[str, int]


def tell(city: City, folder: Path, stage: Stage) -> Outcome:
    """Run the whole story, the phones' outboxes in `folder`; raises StoryFailed or an HTTP error when anything does not hold."""
    stage.chapter("企业名录导入", "The register of enterprises is imported")
    with stage.progress("导入 · importing", HOW_MANY) as advance:
        imported = import_enterprises(city, lambda done, _: advance(done))
    stage.say(
        f"新增 {imported['rows_created']}、更新 {imported['rows_updated']}、未变 {imported['rows_unchanged']}、错误 "
        f"{imported['rows_failed']} · created, updated, unchanged, wrong"
    )
    _, site_id = find_main_site(city)

    stage.chapter("执法终端登记", "Two officers' phones and an assistant's enrol")
    phones = [enrol(city, f"officer{number}", f"执法终端 {number}", folder, stage) for number in (1, 2)]
    assistant = enrol(city, "assistant1", "安全员终端", folder, stage)

    stage.chapter("派发任务，现场检查", "An assignment, and a visit without a network")
    assignment = assign(city, site_id, stage)
    visit = begin_visit(assignment)
    templates = take(phones[0], assignment)
    fetch_units(phones[0], visit)
    network = lose_network(phones, stage)
    for code in CHECKLISTS:
        fill(city, phones[0], visit, templates[code], stage)
    regain_network(phones, network, stage)
    deliver(phones, visit, stage)
    sign(phones, visit, stage)

    stage.chapter("重大隐患判定", "What is suspected to be major, by which clause and which facts")
    suspected = explain(phones, visit, stage)
    confirm(city, phones, suspected, stage)

    stage.chapter("隐患台账，责令整改", "Hazards in the registry, by one order with a deadline for each")
    hazards = order(city, visit, stage)

    stage.chapter("立案", "A case from one of them")
    case = open_case(city, hazards, stage)

    stage.chapter("复查销号", "A re-inspection closes another")
    closed = close_one(city, phones, hazards, stage)

    stage.chapter("专职安全员巡查、吹哨", "A safety assistant patrols and whistles")
    whistle = patrol(city, assistant, visit, stage)

    stage.chapter("第三方应用读取", "A third-party application reads by cursor")
    return Outcome(imported, visit, hazards, case, closed, whistle, read_as_partner(city, stage))


def show_outcome(outcome: Outcome, stage: Stage) -> None:
    """The closing table."""
    majors = [row for row in outcome.hazards if row["level"] == "major"]
    rows = [
        ("企业 · enterprises", str(outcome.imported["rows_total"]), f"{len(DISTRICTS)} 个区县 · districts"),
        ("检查包 · packages", str(len(outcome.visit.packages)), f"{outcome.visit.photos} 张照片 · photographs"),
        ("回执 · receipts", str(len(outcome.visit.receipts)), "离线核验通过 · verified offline"),
        ("隐患 · hazards", str(len(outcome.hazards)), "、".join(row["number"] for row in outcome.hazards[:2]) + " …"),
        ("重大隐患 · major", str(len(majors)), "、".join(row["clause"] for row in majors)),
        ("案件 · case", outcome.case["number"], f"{outcome.case['status']}，立案 filed {outcome.case['filed_on']}"),
        ("销号 · closed", outcome.closed["number"], outcome.closed["status"]),
        ("吹哨 · whistle", outcome.whistle["status"], outcome.whistle["what"]),
        ("第三方 · partner", str(outcome.partner["hazards"]), "已责令整改的隐患 · hazards under order"),
    ]  # fmt: skip
    stage.table("结果 · What happened", ("", "", ""), rows)


def show_accounts(city: City, stage: Stage) -> None:
    """Logins and passwords, this once."""
    roles = {key: role for key, _, role, _ in CAST}
    people = [
        ("administrator", city.administrator),
        *((roles[key], person) for key, person in city.people.items()),
    ]
    rows = [(person.login, person.password, person.name, role) for role, person in people]
    stage.table(
        "账号（口令仅显示这一次）· Accounts (shown this once)",
        ("login", "password", "姓名 · name", "role"),
        rows,
    )
