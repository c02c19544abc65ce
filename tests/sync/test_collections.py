"""Every collection: what it holds, in the shape that is documented, and every act that changes it comes through."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import TypeAdapter
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import SYSTEM
from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.enums.identity import Role
from app.enums.sync import SyncCollection
from app.models.hazards import Hazard
from app.schemas.mobile.sync import DOCUMENTS, Tombstone
from app.services.audit.service import note_change
from app.services.checklists.content import shipped_bodies
from app.services.hazards.service import record_step
from app.services.runtime import Runtime
from tests.evidence.files import camera_jpeg
from tests.evidence.test_examination import examine_all
from tests.factories.cases import Docket
from tests.factories.field import Field, Photo, SealedPackage
from tests.factories.orders import order
from tests.factories.patrols import Assistant
from tests.factories.replica import Replica
from tests.factories.world import Person, World
from tests.support.notices import NOTICE, forget_notices
from tests.support.queries import recorded_queries
from tests.sync.test_pull import Team, registered


@pytest.fixture
def team(world: World) -> Team:
    return Team(world)


def submitted(team: Team, *photos: Photo, **changes: Any) -> SealedPackage:
    """An inspection of the team's home with one finding, sent without its photographs."""
    members = {"answers": {"RTO-01": {"value": "no"}}, **changes}
    ids = [one.user_id for one in team.officers]
    document = team.home.document(team.home.publish("rto"), ids, **members)
    package = team.phone.seal(document, list(photos))
    answer = team.phone.put_package(package)
    assert answer.status_code == 201, answer.text
    return package


def test_every_document_has_its_documented_shape(team: Team, world: World) -> None:
    foreign, picture = Field(world, region=world.other_town), Photo(camera_jpeg(), "RTO-01")
    package = submitted(team, picture)
    team.phone.put_photo(package, picture)
    examine_all(world, world.runtime)
    manager = world.person("case_officer")
    unit = {"name": "1号炉", "facts": {"kind": "rto", "chambers": 3}}
    manager.post(f"/api/v1/sites/{foreign.site_id}/units", json=unit)
    manager.post(f"/api/v1/enterprises/{foreign.enterprise_id}/contacts", json={"name": "赵小四"})
    team.assign(foreign)
    administrator = world.person("administrator")
    brigades = f"/api/v1/authorities/{world.authority}/brigades"
    assert administrator.post(brigades, json={"name": "一大队"}).status_code == 201
    for name in SyncCollection:
        team.replica.limit = 50
        documents = team.replica.pull(name)
        assert documents, name
        shape = TypeAdapter(TypeUnion[name])
        for one in documents:
            shape.validate_python(one)


TypeUnion: dict[str, Any] = {}
for _name, _models in DOCUMENTS.items():
    _union: Any = Tombstone
    for _model in _models:
        _union = _union | _model
    TypeUnion[_name] = _union


def test_a_hazard_comes_with_its_photographs_as_links_by_hash_once_they_are_examined(
    team: Team, world: World
) -> None:
    picture = Photo(camera_jpeg(), "RTO-01")
    team.replica.pull("hazards")
    package = submitted(team, picture)
    (found,) = team.replica.pull("hazards")
    assert (found["status"], found["before_photos"]) == ("found", [])
    assert team.phone.put_photo(package, picture).status_code == 201
    examine_all(world, world.runtime)
    (told,) = team.replica.pull("hazards")
    (photo,) = told["before_photos"]
    assert (photo["id"], photo["hash"]) == (str(picture.id), picture.declaration()["hash"])
    copy = photo["copies"]["320"]
    fetched = team.phone.request("GET", copy["path"].removeprefix("/mobile/v1"))
    assert fetched.status_code == 200
    assert fetched.headers["etag"] == f'"{copy["hash"]}"'
    assert len(fetched.content) == copy["size"]


def test_a_photograph_of_a_merged_hazard_comes_with_the_one_that_stays_when_it_is_examined(
    team: Team, world: World
) -> None:
    picture = Photo(camera_jpeg(), "RTO-01")
    package = submitted(team, picture)
    (found,) = team.replica.pull("hazards")
    kept = Docket(world).hazard(field=team.home)

    async def merge(session: AsyncSession) -> None:
        merged = update(Hazard).where(Hazard.id == UUID(found["id"]))
        await session.execute(merged.values(merged_into_id=kept))
        await record_step(session, SYSTEM, await session.get_one(Hazard, UUID(found["id"])), "merge", "found")
        for one in (UUID(found["id"]), kept):
            await note_change(session, kind="hazard", object_id=one, version=2, region_id=team.home.region)

    world.in_database(merge)
    told = {one["id"]: one for one in team.replica.pull("hazards")}
    assert told[found["id"]]["_deleted"] is True
    assert told[str(kept)]["before_photos"] == []
    assert team.phone.put_photo(package, picture).status_code == 201
    examine_all(world, world.runtime)
    (now,) = (one for one in team.replica.pull("hazards") if not one["_deleted"])
    assert (now["id"], [one["id"] for one in now["before_photos"]]) == (str(kept), [str(picture.id)])


def test_every_step_of_a_hazard_comes_through_and_closing_takes_it_out(team: Team, world: World) -> None:
    submitted(team)
    (hazard,) = team.replica.pull("hazards")
    path, officer = f"/api/v1/hazards/{hazard['id']}", team.officers[0]
    assert order(team.officers, hazard, requirement="补充辨识并整改").status_code == 201
    (told,) = team.replica.pull("hazards")
    assert (told["status"], told["requirement"]) == ("ordered", "补充辨识并整改")
    report = {"note": "已整改", "evidence_ids": []}
    answer = officer.post(f"{path}/rectification", json=report, version=told["version"])
    assert answer.status_code < 300, answer.text
    (told,) = team.replica.pull("hazards")
    assert told["status"] == "rectified"
    submitted(
        team,
        kind="reinspection",
        visit_id=str(new_id()),
        hazards=[{"hazard_id": hazard["id"], "is_rectified": True}],
        answers={"RTO-01": {"value": "yes"}},
    )
    (told,) = team.replica.pull("hazards")
    assert told["status"] == "reinspected"
    approver = world.person("approver")
    answer = approver.post(f"{path}/closure", json={}, version=told["version"])
    assert answer.status_code < 300, answer.text
    assert team.replica.pull("hazards") == [{"id": hazard["id"], "_deleted": True}]


def test_an_own_package_comes_back_with_what_the_server_stamps_on_it(team: Team) -> None:
    picture = Photo(camera_jpeg(), "RTO-01")
    team.replica.limit = 50
    assert team.replica.pull("packages") == []
    package = submitted(team, picture)
    (told,) = team.replica.pull("packages")
    assert (told["id"], told["sealed"], told["hash"]) == (
        str(package.id), package.sealed.decode(), package.hash,
    )  # fmt: skip
    assert (told["status"], told["visit_id"], told["receipt"], told["receipt_hash"]) == (
        "processed", str(team.home.visit_id), False, None,
    )  # fmt: skip
    team.phone.put_photo(package, picture)
    (told,) = team.replica.pull("packages")
    assert told["receipt"] is True
    assert told["receipt_hash"].startswith("sha-256:")
    colleague = Replica(team.world, team.home.phone(team.officers[1].user_id), limit=50)
    assert colleague.pull("packages") == []


def test_a_file_that_arrives_makes_no_copy_of_a_package_untrue(team: Team) -> None:
    """It changes no document, so the phone is told nothing, and what it holds is still what a new phone would get."""
    team.replica.limit = 50
    first, second = Photo(camera_jpeg(), "RTO-01"), Photo(camera_jpeg(), "RTO-01")
    package = submitted(team, first, second)
    (held,) = team.replica.pull("packages")
    assert team.phone.put_photo(package, first).json()["status"] == "verified"
    assert team.replica.pull("packages") == []
    (now,) = Replica(team.world, team.phone, limit=50).pull("packages")
    assert held == now
    states = team.phone.check_files([first.id, second.id]).json()
    assert [one["status"] for one in states] == ["verified", "missing"]


def test_a_package_set_aside_is_told_to_its_phone_with_the_reason(team: Team) -> None:
    team.replica.limit = 50
    team.replica.pull("packages")
    nowhere = team.phone.seal({"kind": "inspection"}, [])
    assert team.phone.put_package(nowhere).status_code == 422
    (told,) = team.replica.pull("packages")
    assert (told["id"], told["status"]) == (str(nowhere.id), "quarantined")
    assert told["reason"]
    unknown = {"code": "rto", "version": 99, "hash": f"sha-256:{'0' * 64}"}
    ids = [one.user_id for one in team.officers]
    later = team.phone.seal(team.home.document(unknown, ids), [])
    assert team.phone.put_package(later).status_code == 422
    (told,) = team.replica.pull("packages")
    assert (told["id"], told["status"], told["reason"]) == (str(later.id), "quarantined", "unknown_template")


def test_a_page_of_packages_is_small_since_each_may_be_big(team: Team) -> None:
    answer = team.phone.request("GET", "/sync/packages/pull", params={"limit": 51})
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (
        422, "sync_page_too_large", 50,
    )  # fmt: skip


def test_a_visit_closes_its_assignment_on_every_phone_of_the_team(team: Team) -> None:
    made = team.assign(team.home)
    colleague = Replica(team.world, team.home.phone(team.officers[1].user_id))
    assert [one["status"] for one in colleague.pull("assignments")] == ["assigned"]
    submitted(team, assignment_id=made["id"])
    assert [(one["id"], one["status"]) for one in colleague.pull("assignments")] == [(made["id"], "visited")]


def test_a_checklist_comes_when_published_and_stays_by_name_when_withdrawn(team: Team, world: World) -> None:
    team.replica.pull("checklists")
    administrator = world.person("administrator")
    body = shipped_bodies()["hot-work"] | {"code": f"t-{uuid4().hex[:12]}"}
    draft = administrator.post("/api/v1/checklists", json={"body": body})
    assert draft.status_code == 201, draft.text
    version = draft.json()
    assert team.replica.pull("checklists") == []
    path = f"/api/v1/checklists/{version['id']}"
    published = administrator.post(f"{path}/publish", version=version["version"])
    assert published.status_code < 300, published.text
    (told,) = team.replica.pull("checklists")
    assert (told["id"], told["status"], told["body"]["code"]) == (version["id"], "published", body["code"])
    fetched = team.phone.request("GET", told["content"].removeprefix("/mobile/v1"))
    assert fetched.json() == told["body"]
    withdrawn = administrator.post(
        f"{path}/withdraw", json={"reason": "有误"}, version=published.json()["version"]
    )
    assert withdrawn.status_code < 300, withdrawn.text
    (told,) = team.replica.pull("checklists")
    assert (told["status"], told["body"], told["withdrawn_reason"]) == ("withdrawn", None, "有误")


def test_the_roster_holds_the_authoritys_people_with_their_certificates(team: Team, world: World) -> None:
    administrator = world.person("administrator")
    held = {one["id"]: one for one in team.replica.pull("rosters")}
    (paper,) = held[str(team.officers[1].user_id)]["certificates"]
    assert (paper["valid_until"], paper["revoked_on"]) == ("2099-12-31", None)
    other_city = World(world.client, world.runtime, world.in_database)
    stranger = other_city.person("inspector")
    assert str(stranger.user_id) not in held
    made = administrator.post(
        f"/api/v1/authorities/{world.authority}/brigades", json={"name": "一大队"}
    ).json()
    assert [one["name"] for one in team.replica.pull("brigades")] == ["一大队"]
    user = f"/api/v1/users/{team.officers[1].user_id}"
    moved = administrator.patch(user, json={"brigade_id": made["id"]}, version=1)
    assert moved.status_code < 300, moved.text
    (told,) = team.replica.pull("rosters")
    assert (told["id"], told["brigade_id"]) == (str(team.officers[1].user_id), made["id"])
    papers = administrator.get("/api/v1/certificates", params={"user_id": str(team.officers[1].user_id)})
    certificate = papers.json()["items"][0]
    revoked = administrator.post(
        f"/api/v1/certificates/{certificate['id']}/revocation",
        json={"revoked_on": shanghai_today().isoformat(), "reason": "注销"},
        version=certificate["version"],
    )
    assert revoked.status_code < 300, revoked.text
    (told,) = team.replica.pull("rosters")
    assert told["certificates"][0]["revoked_on"] == shanghai_today().isoformat()
    closed = administrator.post(f"{user}/deactivation", json={"reason": "调离"}, version=2)
    assert closed.status_code < 300, closed.text
    assert team.replica.pull("rosters") == [{"id": str(team.officers[1].user_id), "_deleted": True}]


def test_an_erased_contact_is_erased_from_the_phones_that_hold_it(team: Team, world: World) -> None:
    manager = world.person("case_officer")
    path = f"/api/v1/enterprises/{team.home.enterprise_id}/contacts"
    contact = manager.post(path, json={"name": "赵小四", "phone": "13812345678"}).json()
    team.assign(team.home)
    (told,) = team.replica.pull("enterprises")
    assert [one["name"] for one in told["contacts"]] == ["赵*"]
    gone = manager.delete(f"{path}/{contact['id']}", version=contact["version"])
    assert gone.status_code < 300, gone.text
    (told,) = team.replica.pull("enterprises")
    assert told["contacts"] == []


def test_a_new_operator_of_an_assigned_site_comes_in_full(team: Team, world: World) -> None:
    manager = world.person("case_officer")
    operator = registered(manager, world, "承租经营者", world.other_town)
    team.assign(team.home)
    for name in ("sites", "enterprises"):
        team.replica.pull(name)
    link = {"enterprise_id": operator["id"], "role": "operator", "valid_from": shanghai_today().isoformat()}
    linked = manager.post(f"/api/v1/sites/{team.home.site_id}/links", json=link, version=1)
    assert linked.status_code == 201, linked.text
    (site,) = team.replica.pull("sites")
    assert [one["enterprise_id"] for one in site["links"]] == [operator["id"]]
    (told,) = team.replica.pull("enterprises")
    assert (told["id"], told["detail"]) == (operator["id"], "full")


def test_law_and_holidays_come_whole_and_then_no_more(team: Team) -> None:
    team.replica.limit = 60
    law = team.replica.pull("law")
    kinds = {one["kind"] for one in law}
    assert kinds == {"law", "clause", "article"}
    assert sum(one["kind"] == "clause" for one in law) == 64
    assert any(one["questions"] for one in law if one["kind"] == "clause")
    years = {one["year"]: one for one in team.replica.pull("holidays")}
    assert "2026-10-10" in years[2026]["make_up_workdays"]
    assert date(2026, 10, 1).isoformat() in years[2026]["holidays"]
    assert team.replica.pull("law") == team.replica.pull("holidays") == []


@pytest.fixture
def administrator(world: World) -> Iterator[Person]:
    """Whoever imports notices; other tests live without them."""
    yield world.person("administrator")
    world.in_database(forget_notices)


def pulled_anew(team: Team) -> dict[int, dict[str, Any]]:
    """The calendar, after the answer that there is another one by now."""
    answer = team.replica.page("holidays")
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (
        410,
        "resync_required",
        "now",
    )
    del team.replica.cursors["holidays"]
    return {one["year"]: one for one in team.replica.pull("holidays")}


def test_an_imported_notice_reaches_the_phone_at_its_next_pull_and_an_amended_one_too(
    team: Team, administrator: Person
) -> None:
    years = {one["year"]: one for one in team.replica.pull("holidays")}
    assert (2027 in years, years[2026]["document_number"]) == (False, "国办发明电〔2025〕7号")
    assert administrator.post("/api/v1/calendar/notices", json=NOTICE).status_code == 201
    with_next = pulled_anew(team)
    told = ("holidays", "make_up_workdays", "title", "document_number", "source", "to_be_confirmed")
    assert {name: with_next[2027][name] for name in told} == {name: NOTICE.get(name, False) for name in told}
    assert {year: one for year, one in with_next.items() if year != 2027} == years
    assert team.replica.pull("holidays") == []
    shorter = [day for day in years[2026]["holidays"] if day != "2026-10-07"]
    amended = {
        "year": 2026, "holidays": shorter, "make_up_workdays": years[2026]["make_up_workdays"],
        "title": "关于调整2026年国庆节放假安排的通知", "source": "中国政府网",
    }  # fmt: skip
    assert administrator.post("/api/v1/calendar/notices", json=amended).status_code == 201
    changed = pulled_anew(team)
    assert (changed[2026]["holidays"], changed[2026]["title"]) == (shorter, amended["title"])
    assert changed[2027] == with_next[2027]
    assert team.replica.pull("holidays") == []


def test_the_law_and_the_calendar_ask_one_statement_each(team: Team, runtime: Runtime) -> None:
    sent = {}
    for name in ("law", "holidays"):
        team.replica.pull(name)
        with recorded_queries(runtime.database) as queries:
            assert team.replica.page(name).json()["documents"] == []
        sent[name] = [one for one in queries if one.lstrip().upper().startswith("SELECT")]
    assert len(sent["holidays"]) == len(sent["law"])
    assert sum("ruleset_versions" in one for one in sent["law"]) == 1


def test_an_assistant_gets_what_a_patrol_needs_and_no_hazards(world: World) -> None:
    walker = Assistant(world)
    replica = Replica(world, walker.phone, limit=50)
    names = ("sites", "enterprises", "hazards", "assignments", "checklists", "rosters", "law")
    held = {name: replica.pull(name) for name in names}
    assert held["sites"]
    assert held["enterprises"]
    assert held["law"]
    assert held["hazards"] == held["assignments"] == []


@pytest.mark.parametrize("role", [role for role in Role if role not in ("inspector", "safety_assistant")])
def test_who_does_not_go_out_pulls_nothing(world: World, role: str) -> None:
    answer = world.person(role).get("/mobile/v1/sync/enterprises/pull")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_an_unknown_collection_is_refused(team: Team) -> None:
    assert team.phone.request("GET", "/sync/secrets/pull").status_code == 422
