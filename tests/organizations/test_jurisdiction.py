"""Which authority may act where, on the day before, the first, the last and the day after."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.organizations import Authority, Entrustment, Jurisdiction
from app.services.organizations.jurisdiction import authority_covers
from tests.factories.world import LONG_AGO, World

FIRST, LAST = date(2026, 3, 1), date(2026, 6, 30)
DAY = timedelta(days=1)
BOUNDARIES = [(FIRST - DAY, False), (FIRST, True), (LAST, True), (LAST + DAY, False)]


def office(world: World, *rows: Callable[[UUID], Any], **changes: Any) -> UUID:
    """An authority, of the town unless told, with further rows made from its id."""
    identifier = new_id()

    async def make(session: AsyncSession) -> None:
        town = {"region_id": world.town, "name": "东镇人民政府", "document_word": "东镇"}
        values = {**town, "valid_from": LONG_AGO, **changes}
        session.add(Authority(id=identifier, code=identifier.hex, **values))
        await session.flush()
        session.add_all(row(identifier) for row in rows)

    world.in_database(make)
    return identifier


def over(region: UUID, first: date = LONG_AGO, last: date | None = None) -> Callable[[UUID], Jurisdiction]:
    return lambda own: Jurisdiction(authority_id=own, region_id=region, valid_from=first, valid_until=last)


def entrusted(by: UUID, first: date = FIRST, last: date | None = LAST) -> Callable[[UUID], Entrustment]:
    return lambda own: Entrustment(
        authority_id=own, entrusted_by=by, basis="委托书", valid_from=first, valid_until=last
    )


def covers(world: World, authority: UUID, on: date, region: UUID | None = None) -> bool:
    return bool(
        world.in_database(lambda session: authority_covers(session, authority, region or world.town, on))
    )


@pytest.mark.parametrize(("on", "expected"), BOUNDARIES)
def test_an_entrusted_authority_acts_only_while_it_is_entrusted(
    world: World, on: date, expected: bool
) -> None:
    town = office(world, over(world.town), entrusted(world.authority))
    assert covers(world, town, on) is expected


@pytest.mark.parametrize(("on", "expected"), BOUNDARIES)
def test_a_jurisdiction_holds_on_its_first_and_its_last_day(world: World, on: date, expected: bool) -> None:
    assert covers(world, office(world, over(world.town, FIRST, LAST)), on) is expected


@pytest.mark.parametrize(("on", "expected"), BOUNDARIES)
def test_an_authority_acts_only_while_it_exists(world: World, on: date, expected: bool) -> None:
    town = office(world, over(world.town), valid_from=FIRST, valid_until=LAST)
    assert covers(world, town, on) is expected


@pytest.mark.parametrize(("on", "expected"), BOUNDARIES)
def test_nobody_acts_in_the_name_of_an_authority_that_is_no_more(
    world: World, on: date, expected: bool
) -> None:
    gone = office(world, over(world.city), valid_from=FIRST, valid_until=LAST)
    town = office(world, over(world.town), entrusted(gone, LONG_AGO, None))
    assert covers(world, town, on) is expected


def test_a_renewed_entrustment_leaves_a_gap_only_where_there_is_one(world: World) -> None:
    again = entrusted(world.authority, LAST + 3 * DAY, None)
    town = office(world, over(world.town), entrusted(world.authority), again)
    assert [covers(world, town, LAST + n * DAY) for n in range(5)] == [True, False, False, True, True]


def test_nobody_entrusts_what_he_does_not_cover_himself(world: World) -> None:
    elsewhere = office(world, over(world.other_district))
    town = office(world, over(world.town), entrusted(elsewhere))
    assert not covers(world, town, FIRST)


def test_a_jurisdiction_reaches_down_and_neither_up_nor_sideways(world: World) -> None:
    district = office(world, over(world.district))
    assert covers(world, district, FIRST, world.district)
    assert covers(world, district, FIRST, world.town)
    assert not covers(world, district, FIRST, world.city)
    assert not covers(world, district, FIRST, world.other_town)
