"""At the desks: what is suspected and why, two officers and the person in charge, orders, a case, a closed hazard."""

from datetime import datetime
from typing import Any

from anshao_phone import Phone, hazard_result
from app.core.clock import SHANGHAI
from app.demo.city import City
from app.demo.console import StoryFailed, expect
from app.demo.fieldwork import Visit, assign, begin_visit, deliver, fetch_units, fill, sign, take, take_photos
from app.demo.stage import Stage

MAJOR_DAYS, GENERAL_DAYS = 15, 10
CHECKLIST_OF = {"RTO": "rto", "CS": "confined-space", "HW": "hot-work"}
CASE_CLAUSE, CASE_PENALTY = "MEM10-13-2", "LING13-21-3"


def explain(phones: list[Phone], visit: Visit, stage: Stage) -> list[dict[str, Any]]:
    """Show what is suspected, by which clause and which facts, and what is still to be asked; the suspected ones."""
    answer = phones[0].request("GET", f"/determinations/visits/{visit.id}")
    expect(answer, "the phone reads the determination")
    verdicts = [one for one in answer.json()["verdicts"] if one["is_current"]]
    suspected = [one for one in verdicts if one["kind"] == "suspected_major"]
    for verdict in suspected:
        clause = verdict["explanation"]["clause"]
        stage.say(f"疑似重大隐患 · suspected major: {verdict['clause_id']}  {clause['text']['zh']}")
        conditions = {one["words"]["zh"]: one for one in verdict["explanation"]["conditions"]}
        for condition in conditions.values():
            known = "、".join(f"{f['label']['zh']}={_word(f['value'])}" for f in condition["facts"])
            stage.say(f"    {'√' if condition['holds'] else '×'} {condition['words']['zh']}（{known}）")
    for verdict in verdicts:
        if verdict["kind"] == "undetermined" and verdict["questions"]:
            stage.say(
                f"待查 · undetermined: {verdict['clause_id']}  现场询问 · ask: {verdict['questions'][0]['text']['zh']}"
            )
    if not suspected:
        raise StoryFailed("nothing is suspected, though the burner has no alarm")
    return suspected


def _word(value: Any) -> str:
    return (
        {True: "是", False: "否", None: "未知"}.get(value, str(value))
        if not isinstance(value, list)
        else "、".join(value)
    )


def confirm(city: City, phones: list[Phone], suspected: list[dict[str, Any]], stage: Stage) -> None:
    """Both officers verify, each in an own session; then the person in charge confirms."""
    approver = city.people["approver"]
    for verdict in suspected:
        version = verdict["version"]
        for phone in phones:
            path = f"/determinations/{verdict['id']}/verifications"
            headers = {"If-Match": f'"{version}"'}
            answer = phone.request("POST", path, json={"assessment": "major"}, headers=headers)
            expect(answer, f"{phone.name} verifies")
            version = answer.json()["version"]
        reason = {"reason": "两名执法人员现场核查属实"}
        done = approver.post(f"/determinations/{verdict['id']}/confirmation", reason, version)
        stage.say(
            f"{done['major_clause']}：两人核查、负责人确认 · verified by two, confirmed; major from {done['major_from']}"
        )


def hazards_of(city: City, visit: Visit) -> list[dict[str, Any]]:
    """The hazards of one visit, from the registry."""
    found = city.people["officer1"].get("/hazards", site_id=visit.site_id, limit=200)["items"]
    return sorted(
        (row for row in found if row["visit_id"] == visit.id),
        key=lambda row: (len(row["number"]), row["number"]),
    )


def order(city: City, visit: Visit, stage: Stage) -> list[dict[str, Any]]:
    """Order the rectification of what a visit found, by one document with a deadline for each; the hazards as they are then."""
    officer = city.people["officer1"]
    request = {
        "officer_ids": [officer.id, city.people["officer2"].id],
        "lines": [_line(hazard) for hazard in hazards_of(city, visit)],
    }
    issued = officer.post("/rectification-orders", request)
    stage.say(f"{issued['number']}  责令限期整改指令书 · one order of {len(issued['lines'])} lines")
    for line in issued["lines"]:
        hazard = line["hazard"]
        level = f"重大 major {hazard['clause']}" if hazard["level"] == "major" else "一般 general"
        stage.say(f"{hazard['number']}  {level}  期限 due {line['due_on']}  {hazard['description']}")
    return hazards_of(city, visit)


def _line(hazard: dict[str, Any]) -> dict[str, Any]:
    """What is required of a hazard, and until when."""
    is_major = hazard["level"] == "major"
    return {
        "hazard_id": hazard["id"],
        "version": hazard["version"],
        "days": MAJOR_DAYS if is_major else GENERAL_DAYS,
        "day_kind": "calendar",
        "requirement": "立即停止相关作业，限期消除隐患" if is_major else "限期整改并报告结果",
    }


def open_case(city: City, hazards: list[dict[str, Any]], stage: Stage) -> dict[str, Any]:
    """A case from the major hazard, proposed by its officer, filed by the person in charge."""
    officer, approver = city.people["caseofficer"], city.people["approver"]
    of_clause = [row for row in hazards if row["clause"] == CASE_CLAUSE]
    if not of_clause:
        raise StoryFailed(f"no hazard is major by {CASE_CLAUSE}")
    request = {
        "hazard_ids": [of_clause[0]["id"]],
        "cause": "有限空间作业未经审批案",
        "officer_ids": [officer.id, city.people["officer1"].id],
        "allegations": [
            {
                "violated": {"document": "O13", "article": "7"},
                "penalty_code": CASE_PENALTY,
                "text": "该单位在有中毒风险的污水调节池内作业，未履行作业审批手续。",
            }
        ],
    }
    case = officer.post("/cases", request)
    stage.say(f"{case['number']} 由隐患 {of_clause[0]['number']} 立案呈批 · opened from the hazard")
    steps = ((officer, "propose-filing"), (approver, "approve-filing"), (officer, "begin-investigation"))
    for person, step in steps:
        case = person.post(f"/cases/{case['id']}/{step}", {}, case["version"])
        stage.say(f"    {person.name}: {step} → {case['status']}")
    filed: dict[str, Any] = case
    return filed


def close_one(city: City, phones: list[Phone], hazards: list[dict[str, Any]], stage: Stage) -> dict[str, Any]:
    """The enterprise reports one general hazard rectified; a re-inspection with before- and after-photographs; closed."""
    officer, approver = city.people["officer1"], city.people["approver"]
    hazard = next(row for row in hazards if row["level"] == "general" and row["evidence_ids"])
    code = CHECKLIST_OF[hazard["item_code"].split("-")[0]]
    body = {"note": "企业报告：已整改", "evidence_ids": []}
    officer.post(f"/hazards/{hazard['id']}/rectification", body, hazard["version"])
    assignment = assign(
        city, hazard["site_id"], stage, kind="reinspection", hazard_ids=[hazard["id"]], codes=(code,)
    )
    visit, phone = begin_visit(assignment), phones[0]
    fetch_units(phone, visit)
    shown = phone.request("GET", f"/assignments/{assignment['id']}/hazards")
    expect(shown, "the phone reads what is to be re-inspected")
    before = shown.json()[0]["before_photos"]
    stage.say(f"复查终端显示整改前照片 {len(before)} 张 · before-photos on the phone: {len(before)}")
    after = take_photos(phone, [hazard["item_code"]], datetime.now(SHANGHAI), stage)
    result = hazard_result(
        hazard["id"], "resolved", note="现场复查，已整改到位", evidence_ids=[photo.id for photo in after]
    )
    fill(city, phone, visit, take(phone, assignment)[code], stage, results=[result], photos=after)
    deliver([phone], visit, stage)
    sign(phones, visit, stage)
    current = officer.get(f"/hazards/{hazard['id']}")
    if current["status"] != "reinspected":
        raise StoryFailed(f"the re-inspection left the hazard {current['status']}")
    closed: dict[str, Any] = approver.post(
        f"/hazards/{hazard['id']}/closure", {"note": "复查合格，同意销号"}, current["version"]
    )
    stage.say(f"{closed['number']} → {closed['status']}")
    return closed
