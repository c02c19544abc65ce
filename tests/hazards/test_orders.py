"""One rectification order: several hazards of a site, each with its deadline, by two certified officers, all or none."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.core.ids import new_id
from app.enums.identity import Role
from app.models.hazards import Hazard
from app.models.history import AuditEntry, Change
from app.models.orders import RectificationOrder
from app.models.organizations import Authority, Entrustment
from app.services.hazards.errors import ORDER_REFUSALS
from app.services.identity.policy import PERMISSIONS
from app.services.runtime import Runtime
from tests.factories.cases import Docket
from tests.factories.field import Field
from tests.factories.orders import HAZARDS, ORDERS, issue, line, order, ordered
from tests.factories.world import LONG_AGO, Person, World
from tests.support.queries import recorded_queries


class Scene:
    """A site with three hazards, two inspectors and the person in charge."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.docket = Docket(world)
        self.officers = [world.person("inspector", region=world.town) for _ in range(2)]
        self.hazards = [self.docket.hazard() for _ in range(3)]

    def lines(self, *days: int) -> list[dict[str, Any]]:
        """A line for each hazard, with its days."""
        return [line(self.officers[0], one, days=n) for one, n in zip(self.hazards, days, strict=True)]

    def shown(self, hazard: UUID) -> dict[str, Any]:
        return dict(self.officers[0].get(f"{HAZARDS}/{hazard}").json())

    def set(self, hazard: UUID, **values: Any) -> None:
        async def change(session: AsyncSession) -> None:
            await session.execute(update(Hazard).where(Hazard.id == hazard).values(version=1, **values))

        self.world.in_database(change)

    def running(self, hazard: UUID) -> list[tuple[str, str | None]]:
        rows = self.officers[0].get("/api/v1/clocks", params={"subject_id": str(hazard)}).json()["items"]
        return [(row["code"], row["due_on"]) for row in rows]


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def listed(person: Person, **params: Any) -> list[str]:
    answer = person.get(ORDERS, params=params)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["items"]]


def test_a_visit_s_hazards_are_ordered_by_one_number_each_with_its_deadline_and_clock(scene: Scene) -> None:
    answer = issue(scene.officers, *scene.lines(30, 5, 15))
    assert answer.status_code == 201, answer.text
    told, today = answer.json(), shanghai_today()
    due = [str(today + timedelta(days=days)) for days in (30, 5, 15)]
    assert told["number"].startswith(f"安应急责改〔{today.year}〕")
    assert [(one["position"], one["hazard"]["id"], one["due_on"]) for one in told["lines"]] == [
        (place, str(hazard), day)
        for place, (hazard, day) in enumerate(zip(scene.hazards, due, strict=True), start=1)
    ]
    assert {one["user_id"] for one in told["officers"]} == {str(one.user_id) for one in scene.officers}
    assert all(one["certificate_number"] for one in told["officers"])
    assert (told["issued_by"], told["issued_on"]) == (str(scene.officers[0].user_id), str(today))
    assert told["site_id"] == str(scene.docket.field.site_id)
    for hazard, day in zip(scene.hazards, due, strict=True):
        shown = scene.shown(hazard)
        assert (shown["status"], shown["due_on"]) == ("ordered", day)
        assert [one["number"] for one in shown["orders"]] == [told["number"]]
        assert scene.running(hazard) == [("rectification", day)]
    assert scene.officers[0].get(f"{ORDERS}/{told['id']}").json() == told


def test_a_later_order_replaces_the_deadline_of_the_hazards_it_names_alone(scene: Scene) -> None:
    first = issue(scene.officers, *scene.lines(15, 15, 15)).json()
    later = order(scene.officers, scene.hazards[1], days=40).json()
    assert later["number"] != first["number"]
    first = scene.officers[0].get(f"{ORDERS}/{first['id']}").json()
    assert [one["is_replaced"] for one in first["lines"]] == [False, True, False]
    in_force = first["lines"][1]["hazard"]["due_on"]
    assert first["lines"][1]["due_on"] < in_force == later["lines"][0]["due_on"]
    assert scene.running(scene.hazards[1]) == [("rectification", in_force)]
    assert len(scene.running(scene.hazards[0])) == 1


def test_periods_of_working_and_calendar_days_stand_in_one_order(scene: Scene) -> None:
    with standing_at(datetime(2026, 9, 24, 12, tzinfo=SHANGHAI)):
        person = scene.world.logged_in(scene.officers[0].user_id)
        lines = [
            line(person, hazard, days=days, day_kind=kind)
            for hazard, (days, kind) in zip(
                scene.hazards, ((5, "working"), (5, "calendar"), (90, "working")), strict=True
            )
        ]
        told = issue([person, scene.officers[1]], *lines).json()
    assert [one["due_on"] for one in told["lines"]] == ["2026-10-09", "2026-09-29", None]


REFUSED: dict[str, Any] = {
    "unknown": lambda scene, _: new_id(),
    "repeated": lambda scene, first: first,
    "other_authority": lambda scene, _: another_authority_s(scene),
    "other_enterprise": lambda scene, _: tenant_s(scene),
    "other_site": lambda scene, _: put(scene, site_id=Field(scene.world).site_id),
    "merged": lambda scene, first: put(scene, merged_into_id=first),
    "state": lambda scene, _: put(scene, status="closed", closed_on=shanghai_today()),
    "version": lambda scene, _: put(scene),
}
"""What makes the second hazard of an order one that cannot be in it."""


def put(scene: Scene, **values: Any) -> UUID:
    scene.set(scene.hazards[1], **values)
    return scene.hazards[1]


def another_authority_s(scene: Scene) -> UUID:
    authority = new_id()

    async def found(session: AsyncSession) -> None:
        session.add(
            Authority(
                id=authority, code=authority.hex, name="东镇人民政府", document_word=authority.hex[-8:],
                region_id=scene.world.town, valid_from=LONG_AGO,
            )
        )  # fmt: skip

    scene.world.in_database(found)
    return put(scene, authority_id=authority)


def tenant_s(scene: Scene) -> UUID:
    return put(scene, enterprise_id=Field(scene.world).enterprise_id)


@pytest.mark.parametrize("reason", sorted(ORDER_REFUSALS))
def test_an_order_is_issued_whole_or_not_at_all_and_says_which_line_is_refused(
    scene: Scene, reason: str
) -> None:
    first, _, third = scene.hazards
    second = REFUSED[reason](scene, first)
    lines = [line(scene.officers[0], first), {**line(scene.officers[0], first), "hazard_id": str(second)}]
    lines[1]["version"] = 7 if reason == "version" else 1
    answer = issue(scene.officers, *lines, line(scene.officers[0], third))
    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "order_lines")
    (refused,) = told["lines"]
    assert (refused["line"], refused["hazard_id"], refused["reason"]) == (2, str(second), reason)
    assert (refused["zh"], refused["en"]) == ORDER_REFUSALS[reason]  # type: ignore[index]
    assert "第 2 项" in told["title"]
    for hazard in (first, third):
        assert (scene.shown(hazard)["status"], scene.running(hazard)) == ("found", [])
    assert listed(scene.officers[0]) == []


def test_every_refused_line_is_named_at_once(scene: Scene) -> None:
    lines = scene.lines(5, 5, 5)
    lines[1]["hazard_id"], lines[2]["version"] = str(new_id()), 4
    told = issue(scene.officers, *lines).json()
    assert [(one["line"], one["reason"]) for one in told["lines"]] == [(2, "unknown"), (3, "version")]
    assert set(REFUSED) == set(ORDER_REFUSALS)


def test_a_refused_order_uses_up_no_number(scene: Scene) -> None:
    nowhere = {"id": str(new_id()), "version": 1}
    assert order(scene.officers, scene.hazards[0], nowhere).status_code == 409
    (first, second) = (order(scene.officers, one).json()["number"] for one in scene.hazards[:2])
    assert [first[-3:], second[-3:]] == ["〕1号", "〕2号"]


@pytest.mark.parametrize(
    "flaw",
    ["alone", "without the writer", "an assistant", "another authority", "expired", "a case officer"],
)
def test_two_certified_officers_of_the_authority_sign(scene: Scene, flaw: str) -> None:
    world = scene.world
    first, second = scene.officers
    long_past = (shanghai_today() - timedelta(days=9), shanghai_today() - timedelta(days=1))
    elsewhere = World(world.client, world.runtime, world.in_database)
    ids = {
        "alone": lambda: [first.user_id, first.user_id],
        "without the writer": lambda: [second.user_id, world.person("inspector").user_id],
        "an assistant": lambda: [first.user_id, world.person("safety_assistant", certificate=True).user_id],
        "another authority": lambda: [first.user_id, elsewhere.person("inspector").user_id],
        "expired": lambda: [first.user_id, world.person("inspector", certificate=long_past).user_id],
        "a case officer": lambda: [first.user_id, scene.docket.officers[0].user_id],
    }[flaw]()
    answer = issue(scene.officers, *scene.lines(5, 5, 5), officer_ids=[str(one) for one in ids])
    assert (answer.status_code, answer.json()["code"]) == (422, "order_officers")
    assert scene.shown(scene.hazards[0])["status"] == "found"


@pytest.mark.parametrize(("until", "status"), [(None, 201), (LONG_AGO, 422)])
def test_officers_of_an_authority_that_is_entrusted_sign_in_the_other_s_name(
    scene: Scene, until: date | None, status: int
) -> None:
    """行政处罚法 20: while the entrustment lasts, by the number of the authority that entrusted them."""
    town = new_id()
    team = [scene.world.person("inspector", region=scene.world.town) for _ in range(2)]

    async def entrust(session: AsyncSession) -> None:
        session.add(
            Authority(
                id=town, code=town.hex, name="东镇人民政府", document_word=town.hex[-8:], region_id=scene.world.town,
                valid_from=LONG_AGO,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            Entrustment(
                authority_id=town, entrusted_by=scene.world.authority, basis="委托书", valid_from=LONG_AGO,
                valid_until=until,
            )
        )  # fmt: skip
        for officer in team:
            await session.execute(
                text("UPDATE users SET authority_id = :town WHERE id = :id"),
                {"town": town, "id": officer.user_id},
            )

    scene.world.in_database(entrust)
    answer = issue(team, *scene.lines(5, 5, 5))
    assert answer.status_code == status, answer.text
    if status == 201:
        assert answer.json()["number"].startswith("安应急责改")


def test_an_order_names_its_hazards_once_and_at_most_fifty(scene: Scene) -> None:
    one = scene.lines(5, 5, 5)[0]
    assert issue(scene.officers).status_code == issue(scene.officers, *[one] * 51).status_code == 422
    for days in (0, 366):
        assert issue(scene.officers, {**one, "days": days}).status_code == 422


@pytest.mark.parametrize("role", sorted(Role))
def test_who_orders_and_who_reads(scene: Scene, role: str) -> None:
    told = order(scene.officers, *scene.hazards[:2]).json()
    person = scene.world.person(role, region=scene.world.town, certificate=True)
    answer = order([person, scene.officers[1]], {"id": str(scene.hazards[2]), "version": 1})
    assert answer.status_code == (201 if role in PERMISSIONS["hazards:order"] else 403)
    reads = role in PERMISSIONS["hazards:read"]
    assert person.get(f"{ORDERS}/{told['id']}").status_code == (200 if reads else 403)


def test_in_another_region_nothing_is_found_and_nothing_ordered(scene: Scene) -> None:
    told = order(scene.officers, *scene.hazards[:2]).json()
    abroad = [scene.world.person("inspector", region=scene.world.other_town) for _ in range(2)]
    assert listed(abroad[0]) == listed(abroad[0], site_id=told["site_id"]) == []
    assert abroad[0].get(f"{ORDERS}/{told['id']}").status_code == 404
    answer = order(abroad, {"id": str(scene.hazards[2]), "version": 1})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    own = Docket(scene.world, region=scene.world.other_town).hazard()
    mixed = order(abroad, {"id": str(own), "version": 1}, {"id": str(scene.hazards[2]), "version": 1})
    assert [one["reason"] for one in mixed.json()["lines"]] == ["unknown"], "no more than of an id made up"


def test_who_reads_here_and_orders_elsewhere_orders_nothing_here(scene: Scene) -> None:
    """Roles are held in regions of their own."""
    reader = scene.world.person("supervisor", region=scene.world.town)
    scene.world.in_database(_also_inspector(reader.user_id, scene.world.other_town))
    person = scene.world.logged_in(reader.user_id)
    answer = order([person, scene.officers[1]], scene.hazards[0])
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def _also_inspector(user_id: UUID, region_id: UUID) -> Any:
    async def grant(session: AsyncSession) -> None:
        await session.execute(
            text(
                "INSERT INTO role_grants (id, user_id, role, region_id, starts_on, created_at) "
                "VALUES (:id, :user, 'inspector', :region, '2020-01-01', now())"
            ),
            {"id": new_id(), "user": user_id, "region": region_id},
        )

    return grant


def test_the_list_is_narrowed_and_costs_the_same_whatever_its_length(scene: Scene, runtime: Runtime) -> None:
    first = order(scene.officers, *scene.hazards[:2]).json()
    second = order(scene.officers, scene.hazards[2]).json()
    other = Docket(scene.world)
    third = order(scene.officers, other.hazard()).json()
    reader, today = scene.world.person("supervisor"), shanghai_today()
    assert listed(reader) == [third["id"], second["id"], first["id"]]
    assert listed(reader, site_id=first["site_id"]) == [second["id"], first["id"]]
    assert listed(reader, enterprise_id=third["enterprise_id"]) == [third["id"]]
    assert listed(reader, hazard_id=str(scene.hazards[1])) == [first["id"]]
    assert listed(reader, region_id=str(scene.world.district)) == listed(reader)
    assert listed(reader, region_id=str(scene.world.other_district)) == []
    assert listed(reader, issued_from=str(today), issued_until=str(today)) == listed(reader)
    assert listed(reader, issued_from=str(today + timedelta(days=1))) == []
    assert listed(reader, issued_until=str(today - timedelta(days=1))) == []
    with recorded_queries(runtime.database) as few:
        page = reader.get(ORDERS, params={"limit": 1}).json()
    with recorded_queries(runtime.database) as many:
        reader.get(ORDERS)
    assert len(few) == len(many) <= 4
    assert listed(reader, cursor=page["next_cursor"]) == [second["id"], first["id"]]
    with recorded_queries(runtime.database) as of_one:
        reader.get(f"{ORDERS}/{second['id']}")
    with recorded_queries(runtime.database) as of_two:
        reader.get(f"{ORDERS}/{first['id']}")
    assert len(of_one) == len(of_two)


def test_the_order_is_in_the_audit_log_and_the_feed_beside_each_hazard_s_step(scene: Scene) -> None:
    told = order(scene.officers, *scene.hazards[:2]).json()

    async def written(session: AsyncSession) -> tuple[list[str], int, list[str]]:
        of_order = select(AuditEntry.action).where(AuditEntry.object_id == UUID(told["id"]))
        changes = select(func.count()).where(Change.kind == "rectification_order")
        of_hazard = select(AuditEntry.action).where(AuditEntry.object_id == scene.hazards[1])
        return (
            list((await session.execute(of_order)).scalars()),
            await session.scalar(changes.where(Change.object_id == UUID(told["id"]))) or 0,
            list((await session.execute(of_hazard)).scalars()),
        )

    assert scene.world.in_database(written) == (["hazards:issue_order"], 1, ["hazards:order"])
    steps = scene.shown(scene.hazards[0])["steps"]
    assert [(one["action"], one["from_status"], one["to_status"]) for one in steps] == [
        ("order", "found", "ordered")
    ]


def test_a_repeated_request_is_answered_again_and_ordered_once(scene: Scene) -> None:
    body = {
        "officer_ids": [str(one.user_id) for one in scene.officers],
        "lines": scene.lines(5, 5, 5),
    }
    first, again = (
        scene.officers[0].post(ORDERS, json=body, headers={"Idempotency-Key": "one"}) for _ in range(2)
    )
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert len(scene.shown(scene.hazards[0])["orders"]) == 1


def test_of_two_orders_at_once_one_is_issued(scene: Scene) -> None:
    lines = scene.lines(5, 5, 5)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda chosen: issue(scene.officers, *chosen), (lines, lines[::-1])))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    (refused,) = [answer.json() for answer in answers if answer.status_code == 409]
    assert {one["reason"] for one in refused["lines"]} == {"version"}


def test_what_was_issued_never_changes(scene: Scene) -> None:
    order(scene.officers, scene.hazards[0])
    for table in ("rectification_orders", "rectification_order_lines", "rectification_order_officers"):
        refused = scene.world.in_database(_refusal_of(f"UPDATE {table} SET created_at = now()"))
        assert "append-only" in refused, table


def _refusal_of(statement: str) -> Any:
    async def attempt(session: AsyncSession) -> str:
        try:
            async with session.begin_nested():
                await session.execute(text(statement))
        except DBAPIError as refused:
            return str(refused)
        return ""

    return attempt


@settings(max_examples=12)
@given(
    flaws=st.lists(st.sampled_from(["none", "none", "version", "unknown", "state"]), min_size=1, max_size=5)
)
def test_either_every_hazard_is_ordered_or_none_is(world: World, flaws: list[str]) -> None:
    scene = Scene(world)
    lines = []
    for flaw in flaws:
        hazard = scene.docket.hazard()
        if flaw == "state":
            scene.set(hazard, status="rectified", due_on=shanghai_today())
        chosen = line(scene.officers[0], hazard)
        chosen |= {"version": {"version": 9}, "unknown": {"hazard_id": str(new_id())}}.get(flaw, {})
        lines.append((hazard, chosen))
    before = [scene.shown(hazard) for hazard, _ in lines]
    answer = issue(scene.officers, *[chosen for _, chosen in lines])
    after = [scene.shown(hazard) for hazard, _ in lines]
    if set(flaws) == {"none"}:
        assert answer.status_code == 201
        assert {one["status"] for one in after} == {"ordered"}
    elif set(flaws) == {"unknown"}:
        assert (answer.status_code, after) == (404, before)
    else:
        wanted = [place for place, flaw in enumerate(flaws, start=1) if flaw != "none"]
        assert [one["line"] for one in answer.json()["lines"]] == wanted
        assert after == before


def test_an_earlier_order_without_known_officers_shows_none(scene: Scene) -> None:
    field, identifier = scene.docket.field, new_id()

    async def issue_as_before(session: AsyncSession) -> None:
        session.add(
            RectificationOrder(
                id=identifier, authority_id=scene.world.authority, enterprise_id=field.enterprise_id,
                site_id=field.site_id, region_id=field.region, number=f"安应急责改〔2026〕{identifier.hex}号",
                issued_on=shanghai_today(), issued_by=scene.officers[0].user_id,
            )
        )  # fmt: skip

    scene.world.in_database(issue_as_before)
    told = scene.officers[0].get(f"{ORDERS}/{identifier}").json()
    assert (told["officers"], told["issued_by"]) == ([], str(scene.officers[0].user_id))


def test_an_extension_lengthens_the_period_of_its_own_line_alone(scene: Scene) -> None:
    told = issue(scene.officers, *scene.lines(15, 15, 15)).json()
    hazard = scene.hazards[1]
    proposed = (
        scene.officers[0]
        .post(
            f"{HAZARDS}/{hazard}/extensions",
            json={"amount": 10, "reason": "设备到货延迟"},
            version=scene.shown(hazard)["version"],
        )
        .json()
    )
    assert proposed["order_id"] == told["id"]
    granted = scene.docket.chief.post(
        f"/api/v1/extensions/{proposed['id']}/grant", json={"reason": "情况属实"}, version=1
    )
    assert granted.status_code == 200, granted.text
    lines = scene.officers[0].get(f"{ORDERS}/{told['id']}").json()["lines"]
    moved = [one["hazard"]["due_on"] != one["due_on"] for one in lines]
    assert moved == [False, True, False]


def test_a_hazard_ordered_alone_is_an_order_of_one_line(scene: Scene) -> None:
    shown = ordered(scene.officers, scene.hazards[0], requirement="立即整改")
    (of_hazard,) = shown["orders"]
    told = scene.officers[0].get(f"{ORDERS}/{of_hazard['id']}").json()
    assert [(one["requirement"], one["hazard"]["id"]) for one in told["lines"]] == [("立即整改", shown["id"])]
