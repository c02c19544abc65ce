"""Which furnace: a package that names a risk unit ties its hazards and facts to it, whoever sent it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.enterprises import RiskUnit
from tests.determinations.making import NO_ALARM, Visit, answers
from tests.factories.field import Field
from tests.factories.world import World


def add_unit(world: World, field: Field) -> UUID:
    unit_id = new_id()

    async def add(session: AsyncSession) -> None:
        session.add(RiskUnit(id=unit_id, site_id=field.site_id, kind="rto", name=f"RTO {unit_id}", facts={}))

    world.in_database(add)
    return unit_id


def test_hazards_of_a_package_that_names_a_risk_unit_carry_it_and_are_found_by_it(world: World) -> None:
    visit = Visit(world, "machinery")
    unit_id = add_unit(world, visit.field)
    visit.submit("rto", answers("rto", NO_ALARM), risk_unit_id=str(unit_id))
    found = visit.reader.get(f"/api/v1/hazards?risk_unit_id={unit_id}").json()["items"]
    assert {hazard["item_code"] for hazard in found} == {"RTO-10", "RTO-10.3"}
    assert {hazard["risk_unit_id"] for hazard in found} == {str(unit_id)}
    assert visit.reader.get(f"/api/v1/hazards?risk_unit_id={new_id()}").json()["items"] == []


def test_two_packages_about_one_unit_are_judged_as_one_unit(world: World) -> None:
    visit = Visit(world, "machinery")
    unit_id = add_unit(world, visit.field)
    visit.submit("rto", answers("rto", NO_ALARM), risk_unit_id=str(unit_id))
    visit.submit("rto", answers("rto", NO_ALARM), risk_unit_id=str(unit_id))
    (suspected,) = visit.verdicts("suspected_major")
    assert (suspected["clause_id"], suspected["subject_id"]) == ("MEM10-7-5", str(unit_id))


def test_a_unit_of_another_site_is_flagged_and_not_tied(world: World) -> None:
    visit, elsewhere = Visit(world, "machinery"), Field(world)
    foreign = add_unit(world, elsewhere)
    package_id = visit.submit("rto", answers("rto", NO_ALARM), risk_unit_id=str(foreign))
    issues = visit.phone.request("GET", f"/packages/{package_id}").json()["issues"]
    assert "risk_unit_other_site" in {issue["code"] for issue in issues}
    found = visit.reader.get(f"/api/v1/hazards?site_id={visit.field.site_id}").json()["items"]
    assert found
    assert {hazard["risk_unit_id"] for hazard in found} == {None}
