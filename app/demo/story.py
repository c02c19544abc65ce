"""The main job, told through HTTP by two reference phones: enrol, take the assignment, fill in offline, submit, verify."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx

from app.core.clock import SHANGHAI, shanghai_today
from app.core.ids import new_id
from app.demo.city import City
from app.demo.phone import Phone, Photo, sha256_of
from app.demo.photos import make_photo
from app.services.inspections.receipt_format import receipt_verifies

CHECKLISTS = ("rto", "confined-space", "hot-work")
SHOWN_TEXT = sha256_of("现场检查记录：以上内容属实。".encode())

Report = Callable[[str], None]


class StoryFailed(RuntimeError):
    """The chain did not hold; the message says where."""


def tell(http: httpx.Client, city: City, report: Report) -> None:
    """Run the whole story against a served application; raises StoryFailed or an HTTP error when anything is amiss."""
    phones = [_enrol(http, city, index, report) for index in (0, 1)]
    assignment = _assign(http, city, report)
    own = phones[0].request("GET", "/assignments").json()
    if assignment["id"] not in [row["id"] for row in own]:
        raise StoryFailed("the assignment did not reach the phone")
    templates = {row["code"]: row for row in phones[0].request("GET", "/templates").json()["templates"]}
    visit_id = str(new_id())
    packages = [
        _fill_in(phones[0], city, assignment, templates[code], visit_id, report) for code in CHECKLISTS
    ]
    report("离线完成三份检查表，恢复联网 · three checklists were filled in offline; the network is back")
    receipts = phones[0].synchronize(report)
    if len(receipts) != len(packages) or phones[0].outbox:
        raise StoryFailed("a package earned no receipt")
    for package in packages:
        for phone in phones:
            phone.sign_package(package.id, package.hash, SHOWN_TEXT).raise_for_status()
    report("两名执法人员各用本人终端签名 · both officers signed with phones of their own")
    published = http.get("/public/v1/keys").raise_for_status().json()["keys"]
    for receipt in receipts:
        if not receipt_verifies(receipt, published):
            raise StoryFailed("a receipt does not verify")
        report(
            f"回执离线核验通过 · receipt verifies offline: {receipt['receipt']['package']['hash'][:24]}… "
            f"({len(receipt['receipt']['evidence'])} files)"
        )
    _show_visit(http, city, visit_id, report)


def _enrol(http: httpx.Client, city: City, index: int, report: Report) -> Phone:
    phone = Phone(http, f"执法终端 {index + 1}")
    code = _console(
        http, city.administrator_token, "POST", "/devices/codes", json={"user_id": str(city.officers[index])}
    )
    fingerprint = phone.enroll(code["code"])
    body = {"fingerprint": fingerprint}
    path = f"/devices/{phone.device_id}/confirmation"
    _console(http, city.administrator_token, "POST", path, json=body, headers={"If-Match": '"1"'})
    phone.refresh()
    report(f"{phone.name} 已登记并核对指纹 · enrolled, fingerprint {fingerprint[:12]}…")
    return phone


def _assign(http: httpx.Client, city: City, report: Report) -> dict[str, Any]:
    listed = _console(
        http, city.supervisor_token, "GET", "/checklists", params={"status": "published", "limit": 200}
    )
    versions = [row["id"] for row in listed["items"] if row["code"] in CHECKLISTS]
    today = shanghai_today()
    body = {
        "site_id": str(city.site_id),
        "authority_id": str(city.authority_id),
        "planned_from": today.isoformat(),
        "planned_until": (today + timedelta(days=7)).isoformat(),
        "officers": [str(officer) for officer in city.officers],
        "template_version_ids": versions,
    }
    made: dict[str, Any] = _console(
        http, city.supervisor_token, "POST", "/inspections/assignments", json=body
    )
    report(f"已派发检查任务 · assigned: {made['enterprise_name']} {made['site_name']}")
    return made


def _fill_in(
    phone: Phone,
    city: City,
    assignment: dict[str, Any],
    template: dict[str, Any],
    visit_id: str,
    report: Report,
) -> Any:
    """Answer the yes/no questions, three of them badly and with photographs; what stays unanswered is flagged."""
    content = phone.request("GET", f"/templates/{template['content_hash']}").raise_for_status().json()
    answers, photos, now = {}, [], datetime.now(SHANGHAI)
    asked = [
        item
        for section in content["sections"]
        if not section.get("repeat") and not section.get("visible_when")
        for item in section["items"]
        if item["answer"]["type"] == "yes_no_na" and not item.get("visible_when")
    ]
    for index, item in enumerate(asked):
        good = item["answer"].get("compliant") or "yes"
        is_wanting = index < 3
        answers[item["code"]] = {"value": {"yes": "no", "no": "yes"}[good] if is_wanting else good}
        for number in range(2 if is_wanting else 0):
            content_bytes = make_photo(f"{item['code']} #{number + 1}", now + timedelta(seconds=number))
            photos.append(Photo(content_bytes, item["code"]))
    document = {
        "kind": "inspection",
        "visit_id": visit_id,
        "assignment_id": assignment["id"],
        "supersedes": None,
        "authority_id": str(city.authority_id),
        "enterprise_id": str(city.enterprise_id),
        "site_id": str(city.site_id),
        "officers": [str(officer) for officer in city.officers],
        "legal_date": shanghai_today().isoformat(),
        "template": {
            "code": template["code"],
            "version": template["number"],
            "hash": template["content_hash"],
        },
        "times": {"started_at": now.isoformat(), "sealed_at": now.isoformat()},
        "position": {"latitude": 30274085, "longitude": 120155070, "datum": "gcj02", "accuracy_m": 8},
        "answers": answers,
        "party": {"outcome": "signed", "name": "李工", "text_hash": SHOWN_TEXT},
    }
    package = phone.seal(document, photos)
    report(f"{template['code']}: {len(answers)} 项作答、{len(photos)} 张照片 · sealed {package.hash[:20]}…")
    return package


def _show_visit(http: httpx.Client, city: City, visit_id: str, report: Report) -> None:
    visit = _console(http, city.supervisor_token, "GET", f"/inspections/visits/{visit_id}")
    report(f"发现问题 {len(visit['findings'])} 项 · findings of the visit:")
    for finding in visit["findings"]:
        report(f"  {finding['item_code']}  {finding['description']}")


def _console(http: httpx.Client, token: str, method: str, path: str, **options: Any) -> Any:
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": secrets.token_hex(8),
        **options.pop("headers", {}),
    }
    answer = http.request(method, f"/api/v1{path}", headers=headers, **options)
    if answer.status_code >= 400:
        raise StoryFailed(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json()
