"""What an enterprise reads: what was issued to it at its site, and nothing of what led there or concerns others."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.models.enterprises import SiteLink
from app.models.hazards import Hazard
from app.models.identity import User
from app.models.orders import OrderLine, RectificationOrder
from app.services.runtime import Runtime
from tests.factories.field import Field
from tests.factories.invited import invited_person, invited_to
from tests.factories.orders import issue, line, ordered
from tests.factories.world import LONG_AGO, Person, World
from tests.hazards.test_measures import Scene
from tests.support.queries import recorded_queries

ORDERS, MEASURES, HAZARDS = "/enterprise/v1/orders", "/enterprise/v1/onsite-measures", "/api/v1/hazards"
REQUIREMENT = "补充辨识并整改"


class Factory(Scene):
    """A site with hazards, its officers, and its own invited person."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.officer = self.officers[0]
        self.person = invited_to(world, self.field)

    def order(self, hazard: UUID | None = None, **changes: Any) -> dict[str, Any]:
        """An order for the hazard, as the console shows it there."""
        hazard = ordered(self.officers, hazard or self.hazard, **{"requirement": REQUIREMENT, **changes})
        return dict(hazard["orders"][-1])

    def change(self, hazard: UUID, **values: Any) -> None:
        async def write(session: AsyncSession) -> None:
            await session.execute(update(Hazard).where(Hazard.id == hazard).values(**values))

        self.world.in_database(write)


@pytest.fixture
def factory(world: World) -> Factory:
    return Factory(world)


def items(person: Person, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = person.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def only_lines(factory: Factory) -> list[dict[str, Any]]:
    """The lines of the only order there is."""
    (told,) = items(factory.person, ORDERS)
    return list(told["lines"])


def test_a_hazard_is_told_from_its_order_on_with_the_names_of_the_order_alone(factory: Factory) -> None:
    assert items(factory.person, ORDERS) == []
    issued = factory.order()
    (told,) = items(factory.person, ORDERS)
    (line,) = told["lines"]
    assert told == factory.person.get(f"{ORDERS}/{told['id']}").json()
    assert (told["number"], line["due_on"], line["status"]) == (issued["number"], issued["due_on"], "ordered")
    assert (line["requirement"], line["description"]) == (REQUIREMENT, "喷涂车间未设警示标志")
    assert (told["officer_name"], told["authority_name"]) == ("王小安", "安市应急管理局")
    assert told["officer_names"] == ["王小安", "王小安"]
    assert set(told) == {
        "id", "number", "authority_name", "officer_name", "officer_names", "issued_on", "lines"}  # fmt: skip
    assert set(line) == {
        "position", "days", "day_kind", "ordered_due_on", "due_on", "is_overdue", "is_replaced", "requirement", "hazard_id",
        "hazard_number", "description", "level", "clause", "status", "closed_on",
    }  # fmt: skip


def test_one_order_is_told_with_all_its_lines_in_the_order_of_the_document(factory: Factory) -> None:
    hazards = [factory.hazard, factory.docket.hazard(), factory.docket.hazard()]
    lines = [
        line(factory.officer, one, days=days, requirement=f"整改{days}")
        for one, days in zip(reversed(hazards), (30, 5, 15), strict=True)
    ]
    issued = issue(factory.officers, *lines).json()
    (told,) = items(factory.person, ORDERS)
    assert (told["id"], [one["hazard_id"] for one in told["lines"]]) == (
        issued["id"],
        [str(one) for one in reversed(hazards)],
    )
    today = shanghai_today()
    assert [(one["position"], one["requirement"], one["due_on"]) for one in told["lines"]] == [
        (place, f"整改{days}", str(today + timedelta(days=days)))
        for place, days in enumerate((30, 5, 15), start=1)
    ]
    factory.change(hazards[1], merged_into_id=hazards[0])
    (told,) = items(factory.person, ORDERS)
    assert [one["hazard_id"] for one in told["lines"]] == [str(hazards[2]), str(hazards[0])]


def test_an_order_of_which_nobody_wrote_down_who_signed_it_names_who_issued_it(factory: Factory) -> None:
    """As those are that were issued for one hazard each, before orders had lines."""
    world, field = factory.world, factory.field

    async def issue_as_before(session: AsyncSession) -> None:
        order = RectificationOrder(
            id=new_id(), authority_id=world.authority, enterprise_id=field.enterprise_id, site_id=field.site_id,
            region_id=field.region, number=f"安应急责改〔2026〕{new_id().hex}号", issued_on=shanghai_today(),
            issued_by=factory.officer.user_id,
        )  # fmt: skip
        session.add(order)
        await session.flush()
        session.add(
            OrderLine(
                order_id=order.id, hazard_id=factory.hazard, position=1, days=15, day_kind="calendar", requirement="整改"
            )
        )  # fmt: skip

    world.in_database(issue_as_before)
    (told,) = items(factory.person, ORDERS)
    assert (told["officer_name"], told["officer_names"], len(told["lines"])) == ("王小安", [], 1)


def test_the_deadline_is_told_with_what_extended_it(factory: Factory) -> None:
    issued = factory.order()
    path = f"{HAZARDS}/{factory.hazard}"
    version = factory.officer.get(path).json()["version"]
    proposed = factory.officer.post(
        f"{path}/extensions", json={"amount": 5, "reason": "设备到货延迟"}, version=version
    )
    extension = proposed.json()
    (told,) = only_lines(factory)
    assert told["due_on"] == issued["due_on"]  # proposed is not granted
    granted = factory.chief.post(
        f"/api/v1/extensions/{extension['id']}/grant",
        json={"reason": "情况属实"},
        version=extension["version"],
    )
    assert granted.status_code == 200, granted.text
    (told,) = only_lines(factory)
    assert (told["ordered_due_on"], told["due_on"]) == (issued["due_on"], granted.json()["due_after"])
    assert told["due_on"] > told["ordered_due_on"]


def test_a_later_order_counts_instead_of_the_one_before(factory: Factory) -> None:
    first, second = factory.order(), factory.order(days=30)
    told = {one["number"]: one["lines"][0] for one in items(factory.person, ORDERS)}
    assert told[first["number"]]["is_replaced"]
    assert told[first["number"]]["due_on"] == first["due_on"]
    assert (told[second["number"]]["is_replaced"], told[second["number"]]["due_on"]) == (
        False,
        second["due_on"],
    )


@pytest.mark.parametrize("source", ["tip", "transfer", "patrol"])
def test_the_words_of_whoever_told_of_it_are_not_passed_on(factory: Factory, source: str) -> None:
    factory.change(factory.hazard, source=source, description="有人反映联锁被旁路")
    factory.order()
    answer = factory.person.get(ORDERS).text
    assert "反映" not in answer
    assert source not in answer
    assert only_lines(factory)[0]["description"] == REQUIREMENT


def test_a_merged_hazard_is_told_by_the_one_that_stays(factory: Factory) -> None:
    kept, merged = factory.hazard, factory.docket.hazard()
    stays, gone = factory.order(kept), factory.order(merged)
    factory.change(merged, merged_into_id=kept)
    assert [one["id"] for one in items(factory.person, ORDERS)] == [stays["id"]]
    assert factory.person.get(f"{ORDERS}/{gone['id']}").status_code == 404
    assert str(merged) not in factory.person.get(ORDERS).text


def test_nothing_of_a_co_tenant_another_site_or_another_enterprise_is_found(factory: Factory) -> None:
    world, field = factory.world, factory.field
    landlord, neighbour = Field(world), Field(world)
    link = SiteLink(
        id=new_id(), site_id=field.site_id, enterprise_id=landlord.enterprise_id, role="landlord", valid_from=LONG_AGO
    )  # fmt: skip

    async def let(session: AsyncSession) -> None:
        session.add(link)

    world.in_database(let)
    order, measure = factory.order(), factory.written().json()
    strangers = [
        invited_person(world, landlord.enterprise_id, field.site_id),
        invited_person(world, field.enterprise_id, neighbour.site_id),
        invited_to(world, neighbour),
    ]
    for stranger in strangers:
        assert items(stranger, ORDERS) == items(stranger, MEASURES) == []
        assert stranger.get(f"{ORDERS}/{order['id']}").status_code == 404
        assert stranger.get(f"{MEASURES}/{measure['id']}").status_code == 404
    assert len(items(factory.person, ORDERS)) == len(items(factory.person, MEASURES)) == 1


def test_a_measure_is_told_with_its_kinds_and_without_the_authority_s_own_steps(factory: Factory) -> None:
    measure = factory.written().json()
    (told,) = items(factory.person, MEASURES)
    assert told == factory.person.get(f"{MEASURES}/{measure['id']}").json()
    assert (told["number"], told["place"], told["state"]) == (measure["number"], measure["place"], "in_force")
    assert [kind["code"] for kind in told["kinds"]] == measure["kinds"]
    assert (len(told["officer_names"]), told["until"] is not None) == (2, True)
    certificates = {one["certificate_number"] for one in factory.shown(measure)["officers"]}
    ids = {str(one.user_id) for one in factory.officers}
    assert not any(word in str(told) for word in certificates | ids | {str(factory.hazard)})
    factory.put(measure, "lifting_requested")
    assert items(factory.person, MEASURES)[0]["state"] == "in_force"
    for ended in ("lifted", "revoked"):
        factory.put(measure, ended)
        assert items(factory.person, MEASURES)[0]["state"] == ended


def test_pages_go_on_where_they_ended_and_a_cursor_is_its_caller_s(factory: Factory) -> None:
    issued = [factory.order(factory.docket.hazard())["id"] for _ in range(5)]
    first = factory.person.get(ORDERS, params={"limit": 3}).json()
    second = factory.person.get(ORDERS, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in first["items"] + second["items"]] == issued[::-1]
    assert second["next_cursor"] is None
    colleague = invited_to(factory.world, factory.field)
    assert colleague.get(ORDERS, params={"cursor": first["next_cursor"]}).status_code == 400


def test_a_list_sends_as_many_statements_for_many_rows_as_for_one(factory: Factory, runtime: Runtime) -> None:
    counts = []
    for more in (1, 4):
        for _ in range(more):
            factory.order(factory.docket.hazard())
            factory.written()
        for path in (ORDERS, MEASURES):
            with recorded_queries(runtime.database) as statements:
                items(factory.person, path)
            counts.append((path, len(statements)))
    assert counts[:2] == counts[2:]


def test_an_officer_s_telephone_and_id_stay_inside(factory: Factory) -> None:
    async def known(session: AsyncSession) -> None:
        await session.execute(
            update(User).where(User.id == factory.officer.user_id).values(phone="13700005678")
        )

    factory.world.in_database(known)
    factory.order()
    told = factory.person.get(ORDERS).text
    assert "13700005678" not in told
    assert str(factory.officer.user_id) not in told
