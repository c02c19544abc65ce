"""One object of every kind in the home city, made when a test first asks for it.

An endpoint that takes an id in its path needs a maker of that name here: `@maker("case_id")`. The access tests then ask for
the object from a sibling district, from another city and from the neighbouring town, and expect 404. Ids that belong to no region
go into NOT_REGIONAL.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.enterprises import EnterpriseContact, EnterpriseImport, RiskUnit, SiteLink
from app.models.hazards import Hazard, HazardDuplicate, HazardProposal
from app.models.numbers import NumberBlock
from app.models.placards import PlacardProgress
from app.services.clocks.repository import raise_reminders
from app.services.clocks.responsibility import Subject
from app.services.clocks.service import start_clock
from app.services.hazards.exporting import work_off
from app.services.hazards.proposing import propose_for_overdue
from tests.evidence.files import camera_jpeg
from tests.evidence.test_examination import examine_all
from tests.evidence.test_judging import judge_all
from tests.evidence.uploading import Tus
from tests.factories.cases import Docket
from tests.factories.cases import person as a_person
from tests.factories.checklists import body as checklist_body
from tests.factories.checklists import section, yes_no
from tests.factories.field import Device, Field, Photo, SealedPackage
from tests.factories.invited import invited_person
from tests.factories.orders import ordered
from tests.factories.patrols import Assistant
from tests.factories.world import LONG_AGO, Person, World

Maker = Callable[["Home"], Any]
MAKERS: dict[str, Maker] = {}

NOT_REGIONAL = {
    "version_id": "checklists and rules are the same everywhere; drafts are kept from readers by their own tests",
    "content_hash": "published checklists are given to every phone",
    "pixels": "the size of a reduced copy",
    "clause_id": "clauses are the law's",
    "standard": "standards are the law's",
    "collection": "the name of a kind of documents; whose they are is told by tests/sync",
}


def maker(*parameters: str) -> Callable[[Maker], Maker]:
    """Register a function that makes the object behind these path parameters, in home.town, and returns its id."""

    def register(make: Maker) -> Maker:
        for parameter in parameters:
            MAKERS[parameter] = make
        return make

    return register


class Home:
    """The objects of one city. `town` lies in `district`, beside `neighbour_town`; a sibling is in `other_district`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._made: dict[Any, Any] = {}

    def id_of(self, parameter: str) -> str:
        """The id of the object that a path parameter names."""
        make = MAKERS.get(parameter)
        if make is None:
            pytest.fail(f"no maker for path parameter {parameter!r}: add one in tests/contracts/objects.py")
        return str(self.once(make))

    def once(self, make: Maker) -> Any:
        """What `make` gives, made once; makers call each other through here."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]

    def administrator(self) -> Any:
        """Somebody of this city who may manage."""
        return self.once(an_administrator)

    def marks(self) -> set[str]:
        """What would show that an answer speaks of this town: ids of its objects, and what exports write instead of ids."""
        ids = {self.id_of(parameter) for parameter in MAKERS}
        return ids | {f"M{self.once(enterprise).hex}", f"{self.world.code}0101"}


def an_administrator(home: Home) -> Any:
    return home.world.person("administrator")


@maker("region_id", "parent_id", "within")
def region(home: Home) -> Any:
    return home.world.town


@maker("authority_id", "entrusted_by")
def authority(home: Home) -> Any:
    body = {
        "code": new_id().hex[-20:],
        "name": "东镇人民政府",
        "document_word": f"东镇{new_id().hex[-12:]}",
        "region_id": str(home.world.town),
        "valid_from": "2020-01-01",
    }
    return _created(home, "/api/v1/authorities", body)["id"]


def covered_authority(home: Home) -> Any:
    path, day = f"/api/v1/authorities/{home.once(authority)}", "2020-01-01"
    covered = {"region_id": str(home.world.town), "valid_from": day}
    entrusted = {"entrusted_by": str(home.world.authority), "basis": "委托书", "valid_from": day}
    version = home.administrator().get(path).json()["version"]
    version = _created(home, f"{path}/jurisdictions", covered, version)["version"]
    return _created(home, f"{path}/entrustments", entrusted, version)


@maker("jurisdiction_id")
def jurisdiction(home: Home) -> Any:
    return home.once(covered_authority)["jurisdictions"][0]["id"]


@maker("entrustment_id")
def entrustment(home: Home) -> Any:
    return home.once(covered_authority)["entrustments"][0]["id"]


@maker("brigade_id")
def brigade(home: Home) -> Any:
    return _created(home, f"/api/v1/authorities/{home.once(authority)}/brigades", {"name": "一大队"})["id"]


def field(home: Home) -> Field:
    return Field(home.world, position=(30_250_000, 120_150_000))


def officers(home: Home) -> Any:
    return [home.world.person("inspector", region=home.world.town) for _ in range(2)]


@maker("user_id", "officer_id")
def user(home: Home) -> Any:
    return home.once(officers)[0].user_id


@maker("enterprise_id")
def enterprise(home: Home) -> Any:
    return home.once(field).enterprise_id


@maker("site_id")
def site(home: Home) -> Any:
    return home.once(field).site_id


def phone(home: Home) -> Device:
    return home.once(field).phone(home.once(user))


def team_phone(home: Home) -> Person:
    """The session of an officer's phone to whom the assignment belongs."""
    return home.world.logged_in(home.once(user), home.once(phone).device_id)


@maker("device_id")
def device(home: Home) -> Any:
    return home.once(phone).device_id


@maker("assignment_id")
def assignment(home: Home) -> Any:
    today = shanghai_today().isoformat()
    body = {
        "site_id": str(home.once(site)),
        "authority_id": str(home.world.authority),
        "planned_from": today,
        "planned_until": today,
        "officers": [str(one.user_id) for one in home.once(officers)],
        "template_version_ids": [str(home.once(field).version_id("rto"))],
    }
    answer = home.world.person("supervisor").post("/api/v1/inspections/assignments", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@maker("campaign_id")
def campaign(home: Home) -> Any:
    """A campaign of the town with an assignment."""
    today = shanghai_today().isoformat()
    body = {
        "name_zh": "涂装企业专项行动",
        "authority_id": str(home.world.authority),
        "region_id": str(home.world.town),
        "starts_on": today,
        "ends_on": today,
        "purpose": "整治",
    }
    planner = home.world.person("supervisor")
    answer = planner.post("/api/v1/campaigns", json=body)
    assert answer.status_code == 201, answer.text
    members = {"assignment_ids": [str(home.once(assignment))]}
    path = f"/api/v1/campaigns/{answer.json()['id']}"
    assert planner.post(f"{path}/assignments", json=members).json()["changed"] == 1
    return answer.json()["id"]


def submitted(home: Home) -> SealedPackage:
    """A processed package with a photograph, two findings and a document that was printed on site."""
    place, sender, picture = home.once(field), home.once(phone), Photo(camera_jpeg(), "RTO-01")
    team = [one.user_id for one in home.once(officers)]
    answers = {"RTO-01": {"value": "no"}, "RTO-02": {"value": "no"}}
    printed = {"word": "检记", "year": 2026, "number": 1, "printed_hash": f"sha-256:{0:064}"}
    document = place.document(place.publish("rto"), team, answers=answers, documents=[printed])
    package = sender.seal(document, [picture])
    assert sender.put_package(package).status_code == 201
    assert sender.put_photo(package, picture).status_code == 201
    examine_all(home.world, home.world.runtime)
    judge_all(home.world, home.world.runtime)
    return package


@maker("package_id")
def package(home: Home) -> Any:
    return home.once(submitted).id


@maker("conflict_id")
def conflict(home: Home) -> Any:
    """Other bytes under the id of a package of its own."""
    home.once(fork)
    place, sender = home.once(field), home.once(phone)
    team = [one.user_id for one in home.once(officers)]
    first = sender.seal(place.document(place.publish("rto"), team), [])
    assert sender.put_package(first).status_code == 201
    other = SealedPackage(first.id, first.sealed + b" ", ())
    assert sender.put_package(other).status_code == 409
    listed = home.world.person("supervisor").get("/api/v1/packages/conflicts").json()["items"]
    return listed[0]["id"]


def fork(home: Home) -> Any:
    """Two corrections of one package: the second waits for a person."""
    place, sender = home.once(field), home.once(phone)
    team = [one.user_id for one in home.once(officers)]
    document = place.document(place.publish("rto"), team)
    first = sender.seal(document, [])
    corrected = {"supersedes": {"id": str(first.id), "hash": first.hash, "reason": "更正"}}
    forked = sender.seal({**document, **corrected}, [])
    for one in (first, sender.seal({**document, **corrected}, []), forked):
        assert sender.put_package(one).status_code == 201
    return forked.id


@maker("evidence_id")
def evidence(home: Home) -> Any:
    return home.once(submitted).photos[0].id


@maker("upload_id")
def upload(home: Home) -> Any:
    """Begun for a package that waits for it."""
    place, sender = home.once(field), home.once(phone)
    team = [one.user_id for one in home.once(officers)]
    document = place.document(place.publish("rto"), team, visit_id=str(new_id()))
    package = sender.seal(document, [Photo(camera_jpeg(), None)])
    assert sender.put_package(package).status_code == 201
    return Tus(sender).begin(package.photos[0], package.id).rpartition("/")[2]


@maker("visit_id")
def visit(home: Home) -> Any:
    home.once(submitted)
    return home.once(field).visit_id


@maker("hazard_id")
def hazard(home: Home) -> Any:
    """The one that the package found, however many were registered since."""
    home.once(submitted)
    team, at_home = home.once(officers), {"site_id": str(home.once(site))}
    listed = team[0].get("/api/v1/hazards", params=at_home).json()["items"]
    found = next(one for one in listed if one["item_code"] == "RTO-02")
    return ordered(team, found)["id"]


@maker("order_id")
def order(home: Home) -> Any:
    shown = home.once(officers)[0].get(f"/api/v1/hazards/{home.once(hazard)}").json()
    return shown["orders"][0]["id"]


def an_invited(home: Home) -> Person:
    """Who brought the photograph: it is shown to nobody else of the enterprise."""
    return invited_person(home.world, home.once(enterprise), home.once(site))


@maker("photograph_id")
def brought_photograph(home: Home) -> Any:
    files = {"file": ("整改后.jpg", camera_jpeg(), "image/jpeg")}
    line = f"/enterprise/v1/orders/{home.once(order)}/hazards/{home.once(hazard)}"
    answer = home.once(an_invited).post(f"{line}/photographs", files=files)
    assert answer.status_code == 201, answer.text
    examine_all(home.world, home.world.runtime)
    return answer.json()["id"]


@maker("report_id")
def self_report(home: Home) -> Any:
    person = invited_person(home.world, home.once(enterprise), home.once(site))
    answer = person.post("/enterprise/v1/reports", json={"description": "自查发现联锁失效"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@maker("extension_id")
def extension(home: Home) -> Any:
    officer, path = home.once(officers)[0], f"/api/v1/hazards/{home.once(hazard)}"
    body = {"amount": 5, "reason": "设备到货延迟"}
    answer = officer.post(f"{path}/extensions", json=body, version=officer.get(path).json()["version"])
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@maker("measure_id")
def measure(home: Home) -> Any:
    team = home.once(officers)
    body = {
        "site_id": str(home.once(site)),
        "authority_id": str(home.world.authority),
        "officer_ids": [str(one.user_id) for one in team],
        "kinds": ["stop_use"],
        "place": "RTO装置",
        "ground": "排除前无法保证安全",
        "hazard_ids": [str(home.once(hazard))],
    }
    answer = team[0].post("/api/v1/onsite-measures", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@maker("duplicate_id")
def duplicate(home: Home) -> Any:
    pair = sorted(home.once(two_hazards), reverse=True)

    async def propose(session: AsyncSession) -> Any:
        row = HazardDuplicate(hazard_id=pair[0], other_id=pair[1], region_id=home.world.town, reasons=[])
        session.add(row)
        await session.flush()
        return row.id

    return home.world.in_database(propose)


@maker("proposal_id")
def proposal(home: Home) -> Any:
    async def overdue(session: AsyncSession) -> Any:
        hazard = await session.get_one(Hazard, overdue_hazard)
        hazard.status, hazard.due_on = "ordered", shanghai_today() - timedelta(days=20)
        subject = Subject("hazard", overdue_hazard, home.world.authority, home.world.town)
        began = shanghai_today() - timedelta(days=30)
        await start_clock(session, SYSTEM, subject, "rectification", began, amount=10)
        await propose_for_overdue(session)
        wanted = select(HazardProposal.id).where(HazardProposal.hazard_id == overdue_hazard)
        return (await session.execute(wanted)).scalars().first()

    overdue_hazard = home.once(a_docket).hazard(field=home.once(field))
    return home.world.in_database(overdue)


@maker("placard_id")
def placard(home: Home) -> Any:
    officer = home.once(officers)[0]
    listed = home.once(a_docket).hazard(field=home.once(field))

    async def make_major(session: AsyncSession) -> None:
        hazard = await session.get_one(Hazard, listed)
        hazard.level, hazard.clause, hazard.major_since = "major", "MEM10-7-5", shanghai_today()

    home.world.in_database(make_major)
    body = {
        "kind": "supervised_listing",
        "days": 30,
        "requirement": "按方案治理",
        "text_zh": "该单位存在重大事故隐患。",
        "text_en": "A major hazard was found here.",
        "contact_id": str(home.once(contact)),
        "supervisor_id": str(officer.user_id),
    }
    version = officer.get(f"/api/v1/hazards/{listed}").json()["version"]
    answer = officer.post(f"/api/v1/hazards/{listed}/placards", json=body, version=version)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@maker("progress_id")
def placard_progress(home: Home) -> Any:
    listed, officer = home.once(placard), home.once(officers)[0]
    entry = PlacardProgress(
        placard_id=UUID(str(listed)),
        month=shanghai_today().replace(day=1),
        text="设备已到货",
        recorded_by=officer.user_id,
    )

    async def write(session: AsyncSession) -> UUID:
        session.add(entry)
        await session.flush()
        return entry.id

    return home.world.in_database(write)


def two_hazards(home: Home) -> Any:
    docket = home.once(a_docket)
    return [docket.hazard(field=home.once(field)) for _ in range(2)]


def opened_case(home: Home) -> dict[str, Any]:
    docket = home.once(a_docket)
    case: dict[str, Any] = docket.open(persons=[a_person()])
    return case


def a_docket(home: Home) -> Docket:
    return Docket(home.world)


@maker("case_id")
def case(home: Home) -> Any:
    return home.once(opened_case)["id"]


@maker("clock_id")
def clock(home: Home) -> Any:
    async def overdue(session: AsyncSession) -> Any:
        subject = Subject("case", home.once(opened_case)["id"], home.world.authority, home.world.town)
        began = shanghai_today() - timedelta(days=30)
        running = await start_clock(session, SYSTEM, subject, "urgent_filing", began)
        await raise_reminders(session)
        return running.id

    home.once(opened_case)
    return home.world.in_database(overdue)


@maker("party_id")
def party(home: Home) -> Any:
    shown = home.once(a_docket).officers[0].get(f"/api/v1/cases/{home.once(case)}").json()
    return next(one["id"] for one in shown["parties"] if one["label"] == "principal")


def an_assistant(home: Home) -> Assistant:
    return Assistant(home.world)


@maker("block_id")
def number_block(home: Home) -> Any:
    """Of an authority of the town itself: numbers are read where their authority is."""
    town = home.world.town
    row = NumberBlock(
        authority_id=home.once(authority), region_id=town, device_id=home.once(device), user_id=home.once(user),
        word="责改", series_word="东镇责改", year=2026, first=1, last=9, expires_on=shanghai_today(),
    )  # fmt: skip
    return _inserted(home, row)


@maker("patrol_id")
def patrol(home: Home) -> Any:
    walker = home.once(an_assistant)
    return walker.send(walker.patrol_document()).id


@maker("whistle_id")
def whistle(home: Home) -> Any:
    walker = home.once(an_assistant)
    return walker.send(walker.whistle_document()).id


@maker("item_id")
def waiting_package(home: Home) -> Any:
    """A package set aside: no server knows its schema."""
    sender = home.once(phone)
    package = sender.seal({"schema": "anshao.package/0"}, [])
    assert sender.put_package(package).status_code == 422
    return package.id


def _created(home: Home, path: str, body: dict[str, Any], version: int | None = None) -> Any:
    answer = home.administrator().post(path, json=body, version=version)
    assert answer.status_code == 201, answer.text
    return answer.json()


@maker("grant_id")
def grant(home: Home) -> Any:
    return home.administrator().get(f"/api/v1/users/{home.once(user)}/grants").json()["grants"][0]["id"]


@maker("certificate_id")
def certificate(home: Home) -> Any:
    params = {"user_id": str(home.once(user))}
    return home.administrator().get("/api/v1/certificates", params=params).json()["items"][0]["id"]


def _inserted(home: Home, row: Any) -> Any:
    async def insert(session: Any) -> Any:
        session.add(row)
        await session.flush()
        return row.id

    return home.world.in_database(insert)


@maker("contact_id")
def contact(home: Home) -> Any:
    return _inserted(home, EnterpriseContact(enterprise_id=home.once(enterprise), name="赵小四"))


@maker("invitation_id")
def invitation(home: Home) -> Any:
    body = {"site_id": str(home.once(site)), "name": "孙安全"}
    answer = home.once(officers)[0].post("/api/v1/invitations", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["invitation"]["id"]


@maker("link_id")
def site_link(home: Home) -> Any:
    link = SiteLink(enterprise_id=home.once(enterprise), role="landlord", valid_from=LONG_AGO)
    link.site_id = home.once(site)
    return _inserted(home, link)


@maker("unit_id")
def risk_unit(home: Home) -> Any:
    return _inserted(home, RiskUnit(site_id=home.once(site), kind="rto", name="1号炉", facts={}))


@maker("client_id")
def client(home: Home) -> Any:
    body = {"name": new_id().hex, "scopes": ["hazards:read"], "region_id": str(home.world.town)}
    return _created(home, "/api/v1/clients", body)["client"]["id"]


@maker("verdict_id")
def verdict(home: Home) -> Any:
    home.once(submitted)
    rows = home.once(officers)[0].get("/api/v1/determinations").json()["items"]
    return rows[0]["id"]


@maker("export_id")
def hazard_export(home: Home) -> Any:
    """A finished one of the whole city."""
    home.once(hazard)
    answer = home.world.person("supervisor").post("/api/v1/hazards/exports", params={"format": "csv"})
    assert answer.status_code == 202, answer.text
    assert home.world.client.portal is not None
    home.world.client.portal.call(work_off, home.world.runtime, UUID(answer.json()["id"]))
    return answer.json()["id"]


@maker("import_id")
def enterprise_import(home: Home) -> Any:
    row = EnterpriseImport(
        region_id=home.world.town, created_by=home.administrator().user_id, file_name="一季度.csv", content=b"x",
        is_dry_run=True, status="done", rows_total=1, rows_done=1,
    )  # fmt: skip
    return _inserted(home, row)


def checklist_draft(home: Home) -> Any:
    """Its administrator's; `version_id` of the doors of checklists."""
    content = checklist_body(section("s", yes_no("Q-1")), code=f"t{new_id().hex}")
    return _created(home, "/api/v1/checklists", {"body": content})["id"]


def ruleset_draft(home: Home) -> Any:
    """A legal reviewer's; `version_id` of the doors of rules."""
    wanted = {
        "ruleset": "MEM10",
        "version": f"t{new_id().hex[-10:]}",
        "in_force_from": "2099-01-01",
        "source": {"zh": "安应急〔2026〕12号", "en": "Notice 2026-12"},
    }
    answer = home.world.person("legal_reviewer").post("/api/v1/rulesets", json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]
