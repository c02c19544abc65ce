"""What no visit found is registered with its source; suspected is not major, and who gave a tip is told to nobody."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.core.ids import new_id
from app.enums.identity import Role
from app.models.enterprises import RiskUnit
from app.models.history import AuditEntry
from app.models.identity import User
from app.services.hazards.informants import Informant, opened_identity, sealed_identity
from app.services.hazards.reporting import Report, report_hazard
from app.services.identity.policy import PERMISSIONS
from app.services.runtime import Runtime
from tests.contracts.callers import api_client
from tests.determinations.test_what_if import BAD_BURNER
from tests.factories.field import Field
from tests.factories.orders import order
from tests.factories.patrols import Assistant
from tests.factories.replica import Replica
from tests.factories.world import LONG_AGO, Person, World
from tests.organizations.test_jurisdiction import entrusted, office, over

HAZARDS, REPORTS = "/api/v1/hazards", "/api/v1/hazards/reports"
WHO = {"name": "赵举报", "phone": "13912345678", "note": "厂内喷漆工"}


class Counter:
    """A desk in a town that hears of a site there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.field = Field(world, trades=["machinery"])
        self.officer = world.person("case_officer", region=world.town)
        self.chief = world.person("approver", region=world.town)

    def request(self, source: str = "tip", **changes: Any) -> dict[str, Any]:
        more: dict[str, Any] = {"self_report": {}, "tip": {"reference": "安举〔2026〕7号"}}.get(
            source, {"reference": "市监函〔2026〕3号", "from_authority": "安市市场监督管理局"}
        )
        return {
            "source": source,
            "site_id": str(self.field.site_id),
            "authority_id": str(self.world.authority),
            "description": "RTO装置报警联锁被旁路",
            **more,
            **changes,
        }

    def report(self, source: str = "tip", who: Person | None = None, **changes: Any) -> Any:
        return (who or self.officer).post(REPORTS, json=self.request(source, **changes))

    def shown(self, hazard: dict[str, Any], who: Person | None = None) -> dict[str, Any]:
        return dict((who or self.officer).get(f"{HAZARDS}/{hazard['id']}").json())

    def unmask(self, who: Person, hazard: dict[str, Any]) -> Any:
        path = f"{HAZARDS}/{hazard['id']}/informant/unmasking"
        return who.post(path, json={"reason": "核查需要联系举报人"})


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


@pytest.mark.parametrize("source", ["tip", "transfer", "self_report"])
def test_a_desk_registers_with_the_source_and_its_reference(counter: Counter, source: str) -> None:
    answer = counter.report(source)
    assert answer.status_code == 201, answer.text
    hazard = counter.shown(answer.json())
    assert (hazard["source"], hazard["level"], hazard["status"]) == (source, "general", "found")
    assert hazard["number"].startswith(f"安应急患〔{shanghai_today().year}〕")
    assert hazard["report"]["reference"] == counter.request(source).get("reference")
    assert hazard["report"]["reported_by"] == str(counter.officer.user_id)
    assert [step["action"] for step in hazard["steps"]] == ["register"]
    listed = counter.officer.get(HAZARDS, params={"source": source}).json()["items"]
    assert [row["id"] for row in listed] == [hazard["id"]]
    other = counter.officer.get(HAZARDS, params={"source": "inspection"}).json()["items"]
    assert other == []


@pytest.mark.parametrize("own", ["none", "entrusted", "entrusted until yesterday", "entrusting"])
def test_a_desk_registers_in_the_name_of_its_own_authority_or_of_one_that_has_entrusted_it(
    counter: Counter, own: str
) -> None:
    """The bureau covers the town in every case; whose officer registers makes the difference."""
    today, bureau = shanghai_today(), counter.world.authority
    rows: list[Any] = [over(counter.world.town)]
    if own.startswith("entrusted"):
        until = today - timedelta(days=1) if own.endswith("yesterday") else None
        rows.append(entrusted(bureau, LONG_AGO, until))
    town = office(counter.world, *rows)

    async def move(session: AsyncSession) -> None:
        mine = update(User).where(User.id == counter.officer.user_id)
        await session.execute(mine.values(authority_id=town))
        if own == "entrusting":
            session.add(entrusted(town, LONG_AGO, None)(bureau))

    counter.world.in_database(move)
    answer = counter.report()
    if own == "entrusted":
        assert answer.status_code == 201, answer.text
        assert counter.shown(answer.json())["authority_id"] == str(bureau)
    else:
        assert (answer.status_code, answer.json()["code"]) == (422, "report_authority")
    if own != "entrusted until yesterday":
        assert counter.report(authority_id=str(town)).status_code == 201


def test_an_own_authority_that_does_not_cover_the_site_registers_nothing(counter: Counter) -> None:
    far = office(counter.world, over(counter.world.other_town))

    async def move(session: AsyncSession) -> None:
        mine = update(User).where(User.id == counter.officer.user_id)
        await session.execute(mine.values(authority_id=far))

    counter.world.in_database(move)
    assert counter.report(authority_id=str(far)).status_code == 404


@pytest.mark.parametrize(
    ("source", "missing"), [("tip", "reference"), ("transfer", "reference"), ("transfer", "from_authority")]
)
def test_a_source_brings_what_it_is_known_by(counter: Counter, source: str, missing: str) -> None:
    answer = counter.report(source, **{missing: None})
    assert (answer.status_code, answer.json()["code"]) == (422, "report_source")


@pytest.mark.parametrize(("days", "status"), [(-30, 201), (0, 201), (1, 422)])
def test_what_is_reported_was_found_by_today(counter: Counter, days: int, status: int) -> None:
    found_on = str(shanghai_today() + timedelta(days=days))
    answer = counter.report(found_on=found_on)
    assert answer.status_code == status, answer.text
    if status == 201:
        assert answer.json()["found_on"] == found_on
    else:
        assert answer.json()["code"] == "found_on"


@pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01"])
def test_a_self_report_counts_from_the_server_s_day_whatever_it_says(counter: Counter, day: str) -> None:
    night = datetime(2026, 11, 30, 0, 5, tzinfo=SHANGHAI)  # the day before in UTC
    with standing_at(night):
        counter.officer = counter.world.logged_in(counter.officer.user_id)
        assert counter.report("self_report", found_on=day).json()["found_on"] == "2026-11-30"


def test_the_enterprise_s_own_door_registers_through_the_same_function(counter: Counter) -> None:
    async def enter(session: AsyncSession) -> Any:
        report = Report(
            source="self_report", site_id=counter.field.site_id, authority_id=counter.world.authority,
            description="自查发现：RTO联锁失效", found_on=date(2020, 1, 1),
        )  # fmt: skip
        return (await report_hazard(session, SYSTEM, report)).id

    shown = counter.shown({"id": counter.world.in_database(enter)})
    assert (shown["source"], shown["found_on"]) == ("self_report", str(shanghai_today()))


def test_the_machine_suspects_by_the_facts_and_a_person_where_they_say_nothing(counter: Counter) -> None:
    facts = [{"key": key, "value": value} for key, value in BAD_BURNER.items()]
    by_machine = counter.shown(counter.report(facts=facts, suspected_clause="MEM10-7-1").json())
    assert (by_machine["report"]["suspected_clauses"], by_machine["report"]["suspected_by"]) == (
        ["MEM10-7-5"],
        "machine",
    )
    silent = [{"key": "MEM10-7-5.gas_fuel", "value": False}]
    by_person = counter.shown(counter.report(facts=silent, suspected_clause="MEM10-7-5").json())
    assert by_person["report"]["suspected_by"] == "person"
    plain = counter.shown(counter.report(facts=silent).json())
    assert (plain["report"]["suspected_clauses"], plain["report"]["suspected_by"]) == ([], None)
    assert {one["level"] for one in (by_machine, by_person, plain)} == {"general"}
    assert {one["clause"] for one in (by_machine, by_person, plain)} == {None}
    listed = counter.officer.get(HAZARDS, params={"suspected": True}).json()["items"]
    assert {row["id"] for row in listed} == {by_machine["id"], by_person["id"]}
    rest = counter.officer.get(HAZARDS, params={"suspected": False}).json()["items"]
    assert [row["id"] for row in rest] == [plain["id"]]
    unknown = counter.report(suspected_clause="MEM10-99-1")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "clause_not_in_force")


def test_a_risk_unit_is_one_of_the_site_s(counter: Counter) -> None:
    units = {}
    for name, site in (("own", counter.field.site_id), ("foreign", Field(counter.world).site_id)):
        unit = RiskUnit(id=new_id(), site_id=site, kind="rto", name="1号炉", facts={})
        units[name] = str(unit.id)
        counter.world.in_database(_adding(unit))
    assert counter.report(risk_unit_id=units["own"]).json()["risk_unit_id"] == units["own"]
    answer = counter.report(risk_unit_id=units["foreign"])
    assert (answer.status_code, answer.json()["code"]) == (422, "unit_not_of_site")


def test_who_gave_a_tip_is_shown_to_the_person_in_charge_for_a_reason_that_is_kept(
    counter: Counter, runtime: Runtime
) -> None:
    hazard = counter.report(informant=WHO).json()
    assert counter.unmask(counter.chief, hazard).json() == WHO
    for role in Role:
        if role not in PERMISSIONS["hazards:unmask_informant"]:
            person = counter.world.person(role, region=counter.world.town)
            assert counter.unmask(person, hazard).status_code == 403
    neighbour = counter.world.person("approver", region=counter.world.other_town)
    assert counter.unmask(neighbour, hazard).status_code == 404
    without = counter.report().json()
    assert counter.unmask(counter.chief, without).status_code == 404

    async def audited(session: AsyncSession) -> list[Any]:
        wanted = select(AuditEntry.user_id, AuditEntry.detail).where(
            AuditEntry.action == "hazards:unmask_informant"
        )
        return list((await session.execute(wanted.where(AuditEntry.object_id == hazard["id"]))).all())

    assert [tuple(row) for row in counter.world.in_database(audited)] == [
        (counter.chief.user_id, {"reason": "核查需要联系举报人"})
    ]


def test_no_row_no_answer_and_no_partner_holds_an_identity_in_the_clear(counter: Counter) -> None:
    hazard = counter.report(informant=WHO).json()
    inspector, colleague = (counter.world.person("inspector", region=counter.world.town) for _ in range(2))
    assert order([inspector, colleague], hazard["id"]).status_code == 201
    readers = [
        counter.world.person(role, region=counter.world.town) for role in sorted(PERMISSIONS["hazards:read"])
    ]
    answers = [str(counter.shown(hazard, one)) + one.get(HAZARDS).text for one in readers]
    phone = counter.field.phone(inspector.user_id)
    answers.append(str(Replica(counter.world, phone).pull("hazards")))
    client = api_client(counter.world, counter.world.town, ("hazards:read",))
    published = client.get("/partner/v1/hazards").json()["items"]
    assert hazard["id"] not in {row["id"] for row in published}

    async def rows(session: AsyncSession) -> str:
        tables = (await session.execute(text(TABLES))).scalars().all()
        found = [(await session.execute(text(f'SELECT t::text FROM "{one}" t'))).scalars() for one in tables]
        return "\n".join(row for table in found for row in table)

    answers.append(counter.world.in_database(rows))
    for answer in answers:
        for secret in WHO.values():
            assert secret not in answer


TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'procrastinate%'"


def test_an_identity_opens_for_its_own_hazard_alone_and_unaltered(runtime: Runtime) -> None:
    own, who = new_id(), Informant("赵举报", "13912345678")
    sealed = sealed_identity(runtime.keys, own, who)
    assert opened_identity(runtime.keys, own, sealed) == who
    assert sealed_identity(runtime.keys, own, who) != sealed
    with pytest.raises(InvalidTag):
        opened_identity(runtime.keys, new_id(), sealed)
    with pytest.raises(InvalidTag):
        opened_identity(runtime.keys, own, sealed[:-1] + bytes([sealed[-1] ^ 1]))


@pytest.mark.parametrize("source", ["transfer", "self_report"])
def test_only_a_tip_has_an_informant(counter: Counter, source: str) -> None:
    answer = counter.report(source, informant=WHO)
    assert (answer.status_code, answer.json()["code"]) == (422, "informant_not_allowed")


@pytest.mark.parametrize("role", list(Role))
def test_who_may_report_does_so_in_his_own_region(counter: Counter, role: Role) -> None:
    at_home = counter.world.person(role, region=counter.world.town)
    abroad = counter.world.person(role, region=counter.world.other_town)
    may = role in PERMISSIONS["hazards:report"]
    assert counter.report(who=at_home).status_code == (201 if may else 403)
    assert counter.report(who=abroad).status_code == (404 if may else 403)


def test_a_source_is_never_rewritten(counter: Counter) -> None:
    counter.report()

    async def rewrite(session: AsyncSession) -> None:
        await session.execute(text("UPDATE hazard_reports SET reference = 'x'"))

    with pytest.raises(DBAPIError, match="append-only"):
        counter.world.in_database(rewrite)


class Watch:
    """A whistle that was heard."""

    def __init__(self, world: World, role: str = "inspector", **changes: Any) -> None:
        self.world = world
        self.walker = Assistant(world)
        self.officer = world.person(role, region=world.town)
        sent = self.walker.send(self.walker.whistle_document(**changes))
        self.path = f"/api/v1/whistles/{sent.id}"
        assert self.officer.post(f"{self.path}/acknowledgment", json={}, version=1).status_code == 200

    def handle(self, **changes: Any) -> Any:
        body = {"note": "现场核实属实", **changes}
        return self.officer.post(f"{self.path}/handling", json=body, version=2)


def test_a_whistle_becomes_a_hazard_by_its_handling(world: World) -> None:
    watch = Watch(world)
    words = {"description": "车间内动火未办理作业票", "suspected_clause": "MEM10-7-5"}
    assert watch.handle(hazard=words).json()["status"] == "handled"
    whistle = watch.officer.get(watch.path).json()
    hazard = watch.officer.get(f"{HAZARDS}/{whistle['hazard_id']}").json()
    assert (hazard["source"], hazard["report"]["whistle_id"]) == ("patrol", whistle["id"])
    assert (hazard["site_id"], hazard["found_on"]) == (whistle["site_id"], whistle["raised_on"])
    assert (hazard["description"], hazard["level"]) == (words["description"], "general")
    assert hazard["report"]["suspected_clauses"] == ["MEM10-7-5"]


def test_a_whistle_of_a_phone_whose_clock_runs_ahead_becomes_a_hazard_found_today(world: World) -> None:
    tomorrow = shanghai_today() + timedelta(days=1)
    watch = Watch(world, legal_date=tomorrow.isoformat())
    assert watch.officer.get(watch.path).json()["raised_on"] == tomorrow.isoformat()
    assert watch.handle(hazard={"description": "车间内动火未办理作业票"}).status_code == 200
    (hazard,) = watch.officer.get(HAZARDS).json()["items"]
    assert hazard["found_on"] == shanghai_today().isoformat()


def test_a_whistle_handled_without_one_leaves_none_and_a_refused_one_leaves_it_unhandled(
    world: World,
) -> None:
    watch = Watch(world)
    refused = watch.handle(hazard={"description": "动火", "suspected_clause": "MEM10-99-9"})
    assert refused.status_code == 422
    assert watch.officer.get(watch.path).json()["status"] == "acknowledged"
    assert watch.handle().status_code == 200
    assert watch.officer.get(watch.path).json()["hazard_id"] is None
    assert watch.officer.get(HAZARDS).json()["items"] == []


def _adding(row: Any) -> Any:
    async def add(session: AsyncSession) -> None:
        session.add(row)

    return add
