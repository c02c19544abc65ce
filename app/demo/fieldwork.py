"""On site: phones enrol, an assignment is taken, checklists are filled in without a network, packages earn their receipts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from anshao_phone import Acknowledged, File, Item, NoNetwork, Phone, Stopped, sha256_of
from app.core.clock import SHANGHAI, shanghai_today
from app.core.ids import new_id
from app.demo.city import City
from app.demo.console import StoryFailed, expect
from app.demo.filling import fill_in
from app.demo.photos import make_photo
from app.demo.register import LATITUDE, LONGITUDE
from app.demo.stage import Stage

UNIT_OF = {"rto": "rto", "confined-space": "confined_space", "hot-work": "hot_work_point"}
"""Which kind of unit each checklist is about."""
CHECKLISTS = tuple(UNIT_OF)
SHOWN_TEXT = sha256_of("现场检查记录：以上内容属实。".encode())
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there: the phones' network on the site."""


@dataclass(slots=True)
class Visit:
    """One visit as its phones know it."""

    id: str
    enterprise_id: str
    site_id: str
    assignment: dict[str, Any]
    units: dict[str, str] = field(default_factory=dict)
    """The site's units of risk: ids by kind, as the phone fetched them."""
    packages: list[Item] = field(default_factory=list)
    photos: int = 0
    receipts: list[dict[str, Any]] = field(default_factory=list)


def enrol(city: City, key: str, name: str, folder: Path, stage: Stage) -> Phone:
    """A new phone of that person, its outbox in a folder of its own, its fingerprint confirmed by the administrator."""
    phone = Phone(folder / key, city.http, name)
    person = city.people[key]
    code = city.administrator.post("/devices/codes", {"user_id": person.id})
    try:
        fingerprint = phone.enroll(code["code"])
    except (NoNetwork, Stopped) as refusal:
        raise StoryFailed(f"{name} cannot enrol: {refusal}") from refusal
    path = f"/devices/{phone.device.device_id}/confirmation"
    city.administrator.post(path, {"fingerprint": fingerprint}, version=1)
    stage.say(f"{name}（{person.name}）已登记，指纹核对一致 · enrolled, fingerprint {fingerprint[:12]}…")
    return phone


def assign(city: City, site_id: str, stage: Stage, **more: Any) -> dict[str, Any]:
    """Send both officers to the site."""
    supervisor = city.people["supervisor"]
    published = supervisor.get("/checklists", status="published", limit=200)["items"]
    today = shanghai_today()
    codes = more.pop("codes", CHECKLISTS)
    body = {
        "site_id": site_id,
        "authority_id": city.authority_id,
        "planned_from": today.isoformat(),
        "planned_until": (today + timedelta(days=7)).isoformat(),
        "officers": [city.people[key].id for key in ("officer1", "officer2")],
        "template_version_ids": [_current(published, code) for code in codes],
        **more,
    }
    made: dict[str, Any] = supervisor.post("/inspections/assignments", body)
    stage.say(f"任务已派发 · assigned: {made['enterprise_name']} {made['site_name']}")
    return made


def _current(published: list[dict[str, Any]], code: str) -> str:
    found = max(
        (row for row in published if row["code"] == code), key=lambda row: row["number"], default=None
    )
    if found is None:
        raise StoryFailed(f"the checklist {code} is not published")
    identifier: str = found["id"]
    return identifier


def take(phone: Phone, assignment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the phone fetches before it leaves: the assignment, the checklists by hash. Gives their contents by code."""
    own = phone.request("GET", "/assignments")
    expect(own, "the phone reads its assignments")
    if assignment["id"] not in [row["id"] for row in own.json()]:
        raise StoryFailed("the assignment did not reach the phone")
    listed = phone.request("GET", "/templates").json()["templates"]
    fetched = {}
    for row in listed:
        content = phone.request("GET", f"/templates/{row['content_hash']}")
        expect(content, "the phone fetches a checklist")
        if sha256_of(content.content) != row["content_hash"]:
            raise StoryFailed("a checklist's bytes are not its hash's")
        fetched[row["code"]] = {**row, "content": content.json()}
    return fetched


def fetch_units(phone: Phone, visit: Visit) -> None:
    """What the phone takes along of the site: its units of risk, each of which a checklist is about."""
    site = phone.request("GET", f"/sites/{visit.site_id}")
    expect(site, "the phone reads the site")
    visit.units = {unit["kind"]: unit["id"] for unit in site.json()["units"]}


def fill(
    city: City,
    phone: Phone,
    visit: Visit,
    template: dict[str, Any],
    stage: Stage,
    *,
    results: Sequence[dict[str, Any]] = (),
    photos: Sequence[File] = (),
) -> Item:
    """Answer one checklist, photograph what it asks for, seal it; nothing is sent. With `results` it is a re-inspection."""
    now = datetime.now(SHANGHAI)
    answers, wanted = fill_in(template["content"], now, is_good=bool(results))
    document = {
        **site_document(visit, city),
        "kind": "reinspection" if results else "inspection",
        "assignment_id": visit.assignment["id"],
        "risk_unit_id": visit.units.get(UNIT_OF[template["code"]]),
        "officers": [city.people[key].id for key in ("officer1", "officer2")],
        "template": {
            "code": template["code"],
            "version": template["number"],
            "hash": template["content_hash"],
        },
        "answers": answers,
        "hazards": list(results),
        "party": {"outcome": "signed", "name": "李建国", "text_hash": SHOWN_TEXT},
    }
    taken = [*take_photos(phone, wanted, now, stage), *photos]
    package = phone.seal(document, taken)
    visit.packages.append(package)
    visit.photos += len(taken)
    stage.say(
        f"{template['code']}: {len(answers)} 项作答、{len(taken)} 张照片 · sealed {package.sha256[:23]}…"
    )
    return package


def site_document(visit: Visit, city: City) -> dict[str, Any]:
    """What every package of a visit says."""
    now = datetime.now(SHANGHAI)
    return {
        "visit_id": visit.id,
        "authority_id": city.authority_id,
        "enterprise_id": visit.enterprise_id,
        "site_id": visit.site_id,
        "legal_date": now.date().isoformat(),
        "times": {"started_at": (now - timedelta(minutes=30)).isoformat(), "sealed_at": now.isoformat()},
        "position": {"latitude": LATITUDE, "longitude": LONGITUDE, "datum": "wgs84", "accuracy_m": 8},
    }


def take_photos(phone: Phone, questions: list[str], now: datetime, stage: Stage) -> list[File]:
    """One photograph for each question named; each is durable on the phone once it is taken."""
    photos = []
    with stage.progress("拍照 · taking photographs", len(questions)) as advance:
        for number, question in enumerate(questions, start=1):
            taken = now - timedelta(seconds=30 * (len(questions) - number))
            picture = make_photo(question, taken, LATITUDE / 1e6, LONGITUDE / 1e6)
            photos.append(phone.capture(picture, question=question))
            advance(number)
    return photos


def lose_network(phones: list[Phone], stage: Stage) -> httpx.Client:
    """From here on the phones reach nobody; gives the network to come back to."""
    network = phones[0].http
    for phone in phones:
        phone.http = httpx.Client(base_url=NOWHERE, timeout=2, trust_env=False)
    stage.say("进入厂区，信号中断 · on the site, without a network")
    return network


def regain_network(phones: list[Phone], network: httpx.Client, stage: Stage) -> None:
    """Try once in vain, to show that nothing leaves the outbox; then the network is back."""
    for phone in phones:
        waiting = phone.outbox.count_unfinished()
        report = phone.synchronize()
        if report.unfinished != waiting or (waiting and not report.trouble):
            raise StoryFailed("a package left the outbox without a receipt")
        phone.http.close()
        phone.http = network
        phone.hurry()
    stage.say("恢复联网 · the network is back; nothing was lost")


def deliver(phones: list[Phone], visit: Visit, stage: Stage) -> None:
    """Empty the outboxes. A phone lets a package go only for a receipt it has checked itself, with the keys it pinned."""
    waiting = [
        file
        for phone in phones
        for item in phone.outbox.items("waiting")
        for file in phone.outbox.files(item.id)
    ]
    with stage.progress("上传照片 · sending photographs", len(waiting)) as advance:
        sent: list[Acknowledged] = []

        def count(told: Acknowledged) -> None:
            if told.what == "file":
                sent.append(told)
                advance(len(sent))

        for phone in phones:
            phone.listener = count
            report = phone.synchronize()
            if report.unfinished or report.aside:
                raise StoryFailed(f"{phone.name}: a package earned no receipt: {report.trouble}")
            visit.receipts += [receipt.document for receipt in report.released]
    for receipt in visit.receipts:
        told = receipt["receipt"]
        stage.say(
            f"回执离线核验通过 · receipt verifies offline: {told['package']['hash'][:23]}… ({len(told['evidence'])} files)"
        )


def sign(phones: list[Phone], visit: Visit, stage: Stage) -> None:
    """Each officer signs each package with the key of an own phone."""
    for package in visit.packages:
        for phone in phones:
            expect(phone.sign_package(package.id, package.sha256, SHOWN_TEXT), f"{phone.name} signs")
    stage.say("两名执法人员各用本人终端签名 · both officers signed with phones of their own")


def begin_visit(assignment: dict[str, Any]) -> Visit:
    """A visit to the assignment's site."""
    return Visit(str(new_id()), assignment["enterprise_id"], assignment["site_id"], assignment)
