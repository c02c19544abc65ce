"""What was said of a visit is said for ever: recorded visits judged again, and shipped rules as they were when recorded."""

import copy
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.rules.ruleset import Ruleset
from app.services.determinations.content import shipped_documents, shipped_rulesets
from app.services.determinations.ruleset_content import build_content, hash_of
from tests.determinations.making import NO_ALARM, Visit, answers
from tests.determinations.recording import (
    RECORDED,
    VERSIONS,
    NotAsItWas,
    collect,
    differences,
    name_of,
    pinned_hashes,
    read_record,
    records,
    shipped_hashes,
    write_records,
)
from tests.factories.world import World

each_record = pytest.mark.parametrize("path", records(), ids=lambda path: path.name)
NEW_VERSION = (
    "the rules of {name} were changed in place, and verdicts name them. Put the change into a new version instead: a folder "
    "of its own in app/content/law (RULESET_FOLDERS) with another version and its day (docs/determination.md)"
)


def shipped(name: str) -> Ruleset:
    found = {one.name: one for one in shipped_rulesets()}
    assert name in found, f"{name} ships no more, but visits were judged by it: every version stays"
    return found[name]


@pytest.mark.parametrize("name", sorted({*shipped_hashes(), *pinned_hashes()}))
def test_a_version_that_ships_is_never_changed_in_place(name: str) -> None:
    pinned = pinned_hashes()
    assert name in pinned, f"{name} is new: python -m tests.determinations.recording writes its hash down"
    assert shipped(name)
    assert shipped_hashes()[name] == pinned[name], NEW_VERSION.format(name=name)


def test_the_demonstrations_visits_are_recorded() -> None:
    visits = [visit for path in records() for visit in read_record(path)["visits"]]
    kinds = {kind for visit in visits for _, kind, _ in visit["said"]["statements"]}
    assert len(visits) >= 2
    assert {"suspected_major", "unmapped"} <= kinds


@each_record
def test_a_recorded_visit_is_judged_the_same_by_the_rules_of_its_day(path: Path) -> None:
    record = read_record(path)
    assert record["content_hash"] == pinned_hashes()[record["ruleset"]]
    assert differences(record, shipped(record["ruleset"])) == []


@each_record
def test_a_record_is_as_it_was_made(path: Path) -> None:
    assert path.name == name_of(read_record(path)), "a record is never edited; make a new one beside it"


def test_other_rules_under_the_same_name_are_found_by_the_records() -> None:
    """Without the pressure alarm in it, article 7(5) no longer says what it said of the demonstration's burner."""
    changed: Any = copy.deepcopy(shipped_documents()[0])
    clauses = (clause for article in changed["articles"] for clause in article["clauses"])
    clause = next(one for one in clauses if one["id"] == "MEM10-7-5")
    clause["major_when"] = "gas_fuel and (not interlock_esd or not (flame_monitor and flameout_protection))"
    del clause["facts"]["main_pressure_alarm"]
    ruleset = build_content(changed)
    assert hash_of(changed, ()) != pinned_hashes()[ruleset.name]
    assert any(differences(read_record(path), ruleset) for path in records())


def test_a_visit_is_recorded_once_and_nothing_is_written_over(world: World, tmp_path: Path) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    own = visit.field.visit_id

    async def gather(session: AsyncSession) -> Any:
        return await collect(session, [own])

    made = world.in_database(gather)
    (path,) = write_records(made, tmp_path)
    assert differences(read_record(path), shipped(made[0]["ruleset"])) == []
    assert [one["visit_id"] for one in read_record(path)["visits"]] == [str(own)]
    pins = tmp_path / VERSIONS
    assert json.loads(pins.read_text()) == shipped_hashes()
    pins.write_text(json.dumps(dict.fromkeys(shipped_hashes(), "as it was")))
    path.write_text("as it was")
    assert write_records(made, tmp_path) == []
    assert path.read_text() == "as it was"
    assert set(pinned_hashes(tmp_path).values()) == {"as it was"}


def test_a_visit_of_which_something_else_is_kept_than_is_said_is_not_recorded(world: World) -> None:
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM))
    own: UUID = visit.field.visit_id

    async def forge(session: AsyncSession) -> bool:
        forged = text(
            "UPDATE verdicts SET missing = '{x.y}' WHERE visit_id = :id AND kind = 'suspected_major'"
        )
        await session.execute(forged, {"id": own})
        try:
            await collect(session, [own])
        except NotAsItWas:
            await session.rollback()
            return True
        return False

    assert world.in_database(forge)


def test_the_folder_holds_records_and_nothing_else() -> None:
    assert {path.name for path in RECORDED.iterdir()} == {VERSIONS, *(path.name for path in records())}
