"""Photographs judged from the database: in any order, again and again with one result, duplicates by index within one authority."""

import asyncio
import dataclasses
import io
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Photo, SealedPackage
from app.core.ids import new_id
from app.services.evidence import duplicates, judging
from app.services.evidence.duplicates import LIKE_THIS
from app.services.evidence.judging import judge_waiting, let_older_be_judged
from app.services.evidence.likeness import Turn, as_signed, probes_of
from app.services.evidence.provenance import Check, Facts, judge
from app.services.evidence.standards import Standards
from app.services.runtime import Runtime
from tests.evidence.conftest import Team
from tests.evidence.files import camera_exif, camera_jpeg, encoded
from tests.evidence.test_examination import examine_all, run
from tests.factories.field import Field
from tests.factories.world import World
from tests.support.queries import recorded_queries

HERE = {"latitude": 30_274_085, "longitude": 120_155_070, "datum": "wgs84", "accuracy_m": 10, "mock": False}
BEIJING = {**HERE, "latitude": 39_904_200, "longitude": 116_407_400}


class Shot(Photo):
    """A photograph with whatever its phone declares of it."""

    said: dict[str, Any]

    def declaration(self) -> dict[str, Any]:
        return {**Photo.declaration(self), **self.said}


def unlike_any_other() -> bytes:
    """A camera's JPEG of a picture of its own."""
    colours = Image.frombytes("L", (8, 8), os.urandom(64)).resize((640, 480), Image.Resampling.BICUBIC)
    return encoded(colours.convert("RGB"), "JPEG", exif=camera_exif())


def shot(content: bytes | None = None, **said: Any) -> Shot:
    """With no time of capture unless it is said."""
    made = Shot(unlike_any_other() if content is None else content, None)
    object.__setattr__(made, "said", {"captured_at": None, **said})
    return made


def judge_all(world: World, runtime: Runtime) -> int:
    """Judge until nothing waits; other tests' photographs too."""

    async def work() -> int:
        taken = 0
        while found := await judge_waiting(runtime):
            taken += found
        return taken

    return run(world, work)  # type: ignore[no-any-return]


def work_off(world: World, runtime: Runtime) -> None:
    """Nothing that another test sent is left to be examined or judged."""
    examine_all(world, runtime)
    judge_all(world, runtime)


def take_in(team: Team, runtime: Runtime, *photos: Photo) -> SealedPackage:
    """A package of a visit of its own with these files, arrived and examined."""
    officers = [officer.user_id for officer in team.officers]
    document = team.field.document(team.field.publish("rto"), officers, visit_id=str(new_id()))
    package = team.phone.seal(document, list(photos))
    assert team.phone.put_package(package).status_code == 201
    for one in photos:
        assert team.phone.put_photo(package, one).status_code == 201
    examine_all(team.world, runtime)
    return package


def rows(world: World, query: str, **values: Any) -> list[dict[str, Any]]:
    async def find(session: AsyncSession) -> list[dict[str, Any]]:
        return [dict(row) for row in (await session.execute(text(query), values)).mappings()]

    return world.in_database(find)  # type: ignore[no-any-return]


def judged(world: World, evidence_id: UUID) -> dict[str, Any]:
    (row,) = rows(world, "SELECT * FROM evidence_provenance WHERE evidence_id = :id", id=evidence_id)
    return row


def flags_of(world: World, evidence_id: UUID) -> set[str]:
    return {check["code"] for check in judged(world, evidence_id)["checks"] if check["outcome"] == "flagged"}


def duplicates_of(world: World, evidence_id: UUID) -> dict[UUID, dict[str, Any]]:
    found = rows(world, "SELECT * FROM evidence_duplicates WHERE evidence_id = :id", id=evidence_id)
    return {row["other_id"]: row for row in found}


def edited(content: bytes, edit: Any, quality: int = 80) -> bytes:
    picture = edit(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture
def real(shared_folder: Path) -> dict[str, bytes]:
    """The real photographs by name."""
    return {path.name: path.read_bytes() for path in (shared_folder / "photos").glob("*.[jJH]*")}


def test_a_photograph_is_judged_by_what_was_declared_examined_and_received(
    team: Team, runtime: Runtime
) -> None:
    async def fence(session: AsyncSession) -> None:
        ring = [[30_274_000, 120_155_000], [30_274_000, 120_156_000], [30_275_000, 120_156_000]]
        await session.execute(
            text(
                "UPDATE sites SET geofence = jsonb_build_object('ring', CAST(:ring AS jsonb)) WHERE id = :id"
            ),
            {"ring": str(ring), "id": team.field.site_id},
        )

    team.world.in_database(fence)
    told = "2026-11-25T09:30:00+08:00"  # what camera_jpeg says; its position is HERE
    fine = shot(captured_at=told, position=HERE)
    odd = shot(captured_at="2026-11-25T09:32:01+08:00", position={**BEIJING, "mock": True}, source="gallery")
    package = take_in(team, runtime, fine, odd)
    assert judge_all(team.world, runtime) >= 2
    assert flags_of(team.world, fine.id) <= {"late_receipt"}  # depends on the day the tests run
    assert flags_of(team.world, odd.id) - {"late_receipt", "capture_ahead_of_receipt"} == {
        "source", "exif_time", "exif_position", "mock_position", "geofence", "speed",
    }  # fmt: skip
    row = judged(team.world, odd.id)
    assert (row["authority_id"], row["region_id"], row["version"]) == (
        team.world.authority,
        team.world.town,
        1,
    )
    assert team.phone.receipt(package.id) is not None


def test_what_is_no_picture_is_judged_by_what_is_known(team: Team, runtime: Runtime) -> None:
    document = Photo(b"%PDF-1.7 " + new_id().bytes, None, "application/pdf")
    take_in(team, runtime, document)
    judge_all(team.world, runtime)
    unknown = {
        check["code"] for check in judged(team.world, document.id)["checks"] if check["outcome"] == "unknown"
    }
    assert {"exif_missing", "exif_time", "software", "mock_position", "speed"} <= unknown
    assert flags_of(team.world, document.id) == set()


def test_unclaimed_files_wait_and_are_judged_once_their_package_is_here(team: Team, runtime: Runtime) -> None:
    early = shot()
    package = team.seal(early)
    team.phone.put_photo(package, early)
    examine_all(team.world, runtime)
    judge_all(team.world, runtime)
    assert rows(team.world, "SELECT FROM evidence_provenance WHERE evidence_id = :id", id=early.id) == []
    assert team.phone.put_package(package).status_code == 201
    judge_all(team.world, runtime)
    assert judged(team.world, early.id)["version"] == 1


EDITS: dict[str, Any] = {
    "recompressed": lambda picture: picture,
    "resized": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "turned": lambda picture: picture.rotate(90, expand=True),
    "mirrored": ImageOps.mirror,
    "cropped": lambda picture: picture.crop((8, 8, picture.width - 8, picture.height - 8)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_of_an_earlier_real_photograph_is_found_and_unrelated_ones_are_not(
    team: Team, runtime: Runtime, real: dict[str, bytes], edit: str
) -> None:
    earlier = [
        shot(real[name]) for name in ("DSCN0010.jpg", "DSCN0012.jpg", "landscape_1.jpg", "no_exif.jpg")
    ]
    take_in(team, runtime, *earlier)
    copy = shot(edited(real["DSCN0010.jpg"], EDITS[edit]))
    take_in(team, runtime, copy)
    judge_all(team.world, runtime)
    found = duplicates_of(team.world, copy.id)
    assert set(found) == {earlier[0].id}
    one = found[earlier[0].id]
    assert (one["is_exact"], one["is_same_visit"], one["weight"]) == (False, False, 50)
    assert one["bits"] <= 10
    assert (Turn(one["turn"]) is Turn.UPRIGHT) == (edit not in ("turned", "mirrored"))
    for before in earlier:
        assert duplicates_of(team.world, before.id) == {}


def test_photographs_of_one_scene_held_differently_are_found(
    team: Team, runtime: Runtime, real: dict[str, bytes]
) -> None:
    names = ("landscape_1.jpg", "landscape_6.jpg", "portrait_3.jpg", "portrait_8.jpg")
    one, other, standing, lying = (shot(real[name]) for name in names)
    take_in(team, runtime, one, other, standing, lying)
    judge_all(team.world, runtime)
    assert set(duplicates_of(team.world, other.id)) == {one.id}
    assert set(duplicates_of(team.world, lying.id)) == {standing.id}
    assert duplicates_of(team.world, other.id)[one.id]["is_same_visit"] is True


def test_the_same_bytes_under_another_id_are_exact_whatever_they_are(team: Team, runtime: Runtime) -> None:
    content = b"%PDF-1.7 " + new_id().bytes
    first, again = shot(content), shot(content)
    take_in(team, runtime, first)
    take_in(team, runtime, again)
    judge_all(team.world, runtime)
    assert duplicates_of(team.world, first.id) == {}
    (found,) = duplicates_of(team.world, again.id).values()
    assert (found["other_id"], found["is_exact"], found["bits"], found["weight"]) == (first.id, True, 0, 60)
    assert judged(team.world, again.id)["has_duplicates"] is True


def test_another_authoritys_photographs_are_not_looked_at(team: Team, runtime: Runtime) -> None:
    elsewhere = World(team.world.client, runtime, team.world.in_database)
    officers = (elsewhere.person("inspector", region=elsewhere.town), elsewhere.person("inspector"))
    field = Field(elsewhere)
    foreign = Team(elsewhere, field, officers, field.phone(officers[0].user_id))
    content = camera_jpeg(size=(640, 480))
    take_in(team, runtime, shot(content))
    theirs = shot(content)
    take_in(foreign, runtime, theirs)
    judge_all(team.world, runtime)
    assert duplicates_of(team.world, theirs.id) == {}


def test_an_earlier_photograph_that_is_judged_later_is_found_all_the_same(
    team: Team, runtime: Runtime, real: dict[str, bytes]
) -> None:
    earlier, copy = shot(real["jolla.jpg"]), shot(edited(real["jolla.jpg"], EDITS["resized"]))
    take_in(team, runtime, earlier)
    take_in(team, runtime, copy)
    hold = "UPDATE evidence_files SET examined_at = {} WHERE id = :id RETURNING id"
    rows(team.world, hold.format("NULL"), id=earlier.id)
    judge_all(team.world, runtime)
    assert duplicates_of(team.world, copy.id) == {}
    rows(team.world, hold.format("now()"), id=earlier.id)
    judge_all(team.world, runtime)
    assert set(duplicates_of(team.world, copy.id)) == {earlier.id}
    assert judged(team.world, copy.id)["version"] == 2
    assert duplicates_of(team.world, earlier.id) == {}


def test_the_speed_is_counted_from_the_capture_before_whichever_arrives_first(
    team: Team, runtime: Runtime
) -> None:
    began = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)

    def at(minutes: int, position: dict[str, Any] | None) -> Shot:
        return shot(captured_at=(began + timedelta(minutes=minutes)).isoformat(), position=position)

    first, unplaced, last = at(0, HERE), at(20, None), at(60, HERE)
    take_in(team, runtime, first, unplaced, last)
    judge_all(team.world, runtime)
    assert "speed" not in flags_of(team.world, last.id)
    between = at(30, BEIJING)  # there and back in an hour
    take_in(team, runtime, between)
    judge_all(team.world, runtime)
    assert "speed" in flags_of(team.world, between.id)
    assert "speed" in flags_of(team.world, last.id)
    assert judged(team.world, last.id)["version"] == 2
    assert "speed" not in flags_of(team.world, first.id)
    (found,) = [c for c in judged(team.world, last.id)["checks"] if c["code"] == "speed"]
    assert found["compared"]["elapsed_s"] == 1_800


def test_what_is_declared_and_never_comes_is_no_capture_to_count_from(team: Team, runtime: Runtime) -> None:
    began = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    lost, last = (
        shot(captured_at=(began + timedelta(minutes=minutes)).isoformat(), position=position)
        for minutes, position in ((0, BEIJING), (1, HERE))
    )
    package = team.sent(lost, last)
    assert team.phone.put_photo(package, last).status_code == 201
    examine_all(team.world, runtime)
    judge_all(team.world, runtime)
    assert "speed" not in flags_of(team.world, last.id)
    assert team.phone.put_photo(package, lost).status_code == 201
    examine_all(team.world, runtime)
    judge_all(team.world, runtime)
    assert "speed" in flags_of(team.world, last.id)


LAST = 6
"""Captures a minute apart, here and in Beijing by turns; every one has a package to itself but the last two."""
STEPS = [("package", number) for number in range(LAST)] + [("file", number) for number in range(LAST + 1)]
JUDGED = ("judge", 0)
ARRIVALS = st.permutations([*STEPS, *[JUDGED] * 4])


def speeds_after(team: Team, runtime: Runtime, steps: Sequence[tuple[str, int]]) -> list[Any]:
    """What is said of the speed of each capture that arrived, on a phone of its own, when it came in these steps."""
    phone = team.field.phone(team.officers[0].user_id)
    began = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    shots = [
        shot(
            b"%PDF-1.7 " + new_id().bytes,
            captured_at=(began + timedelta(minutes=number)).isoformat(),
            position=(None if number == 2 else BEIJING if number % 2 else HERE),
        )
        for number in range(LAST + 1)
    ]
    officers = [officer.user_id for officer in team.officers]
    packages = []
    for number in range(LAST):
        document = team.field.document(team.field.publish("rto"), officers, visit_id=str(new_id()))
        packages.append(phone.seal(document, shots[number : number + (2 if number == LAST - 1 else 1)]))
    for what, number in (*steps, JUDGED):
        if what == "judge":
            examine_all(team.world, runtime)
            judge_all(team.world, runtime)
        elif what == "package":
            assert phone.put_package(packages[number]).status_code == 201
        else:
            assert phone.put_photo(packages[min(number, LAST - 1)], shots[number]).status_code == 201
    told = rows(
        team.world,
        "SELECT evidence_id AS id, c FROM evidence_provenance, jsonb_array_elements(checks) c "
        "WHERE evidence_id = ANY(:ids) AND c->>'code' = 'speed'",
        ids=[one.id for one in shots],
    )
    by_id = {row["id"]: (row["c"]["outcome"], row["c"]["compared"]) for row in told}
    return [by_id.get(one.id) for one in shots]


@settings(max_examples=12)
@given(steps=ARRIVALS, lost=st.sets(st.integers(0, LAST), max_size=3))
def test_what_is_said_of_a_speed_does_not_depend_on_the_order_in_which_all_arrived(
    team: Team, runtime: Runtime, steps: list[tuple[str, int]], lost: set[int]
) -> None:
    came = [step for step in steps if step[0] != "file" or step[1] not in lost]
    in_order = sorted((step for step in came if step != JUDGED), key=STEPS.index)
    found = speeds_after(team, runtime, came)
    assert found == speeds_after(team, runtime, in_order)
    assert [number for number, one in enumerate(found) if one is None] == sorted(lost)


def test_judging_again_changes_nothing_and_asks_for_nothing(team: Team, runtime: Runtime) -> None:
    content = camera_jpeg(size=(640, 480))
    one, other = shot(content, position=HERE), shot(content, position=BEIJING)
    take_in(team, runtime, one, other)
    judge_all(team.world, runtime)
    before = [(judged(team.world, i), duplicates_of(team.world, i)) for i in (one.id, other.id)]
    rows(
        team.world, "UPDATE evidence_files SET judged_at = NULL WHERE id = ANY(:ids) RETURNING id", ids=[one.id, other.id]
    )  # fmt: skip
    assert judge_all(team.world, runtime) == 2
    assert [(judged(team.world, i), duplicates_of(team.world, i)) for i in (one.id, other.id)] == before
    assert judge_all(team.world, runtime) == 0


def test_what_older_standards_judged_is_judged_again_and_keeps_its_verdict(
    team: Team, runtime: Runtime
) -> None:
    one = shot(position=HERE)
    take_in(team, runtime, one)
    judge_all(team.world, runtime)
    rows(
        team.world,
        "UPDATE evidence_provenance SET standards_version = 0, verdict = 'doubted', score = 99, checks = '[]' "
        "WHERE evidence_id = :id RETURNING evidence_id",
        id=one.id,
    )
    run(team.world, lambda: let_older_be_judged(runtime))
    judge_all(team.world, runtime)
    row = judged(team.world, one.id)
    assert (row["standards_version"], row["verdict"], row["version"]) == (1, "doubted", 2)
    assert len(row["checks"]) == 14
    assert row["score"] < 99


def test_one_judge_works_at_a_time_and_all_is_judged_once(team: Team, runtime: Runtime) -> None:
    photos = [shot() for _ in range(6)]
    take_in(team, runtime, *photos)

    async def work() -> None:
        while any(await asyncio.gather(*(judge_waiting(runtime, batch=2) for _ in range(3)))):
            pass

    run(team.world, work)
    judge_all(team.world, runtime)
    assert {judged(team.world, photo.id)["version"] for photo in photos} <= {1, 2}
    assert judge_all(team.world, runtime) == 0


def test_one_that_cannot_be_judged_keeps_nobody_waiting(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, sound = shot(source="file"), shot()
    take_in(team, runtime, poison, sound)

    def fail_for_poison(facts: Facts, standards: Standards) -> list[Check]:
        if facts.source == "file":
            raise ArithmeticError
        return judge(facts, standards)

    monkeypatch.setattr("app.services.evidence.judging.judge", fail_for_poison)
    judge_all(team.world, runtime)
    assert judged(team.world, sound.id)["version"] == 1
    assert rows(team.world, "SELECT FROM evidence_provenance WHERE evidence_id = :id", id=poison.id) == []


def test_a_batch_takes_one_statement_a_photograph_and_a_fixed_number_beside(
    team: Team, runtime: Runtime
) -> None:
    work_off(team.world, runtime)

    def statements(count: int) -> int:
        take_in(team, runtime, *(shot(position=HERE) for _ in range(count)))
        with recorded_queries(runtime.database) as sent:
            assert judge_all(team.world, runtime) == count
        return len(sent)

    few, many = statements(2), statements(7)
    assert many - few == 5


def test_a_picture_sent_many_times_is_listed_by_its_first_ones_and_read_no_further(
    team: Team, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the last of a thousand costs what the fifth did."""
    standards = judging.standards_with(runtime.settings.evidence_impossible_kmh)
    few = dataclasses.replace(standards, likeness={**standards.likeness, "most_shown": 3})
    monkeypatch.setattr(judging, "standards_with", lambda _: few)
    content = camera_jpeg(size=(640, 480))
    copies = [shot(content, position=HERE) for _ in range(8)]
    work_off(team.world, runtime)
    take_in(team, runtime, *copies[:2], *copies[3:])
    held = "UPDATE evidence_files SET examined_at = {} WHERE id = :id RETURNING id"
    rows(team.world, held.format("NULL"), id=copies[1].id)
    asked: list[UUID] = []
    weighed: list[int] = []
    find_like, in_order = duplicates._find_like, duplicates.in_order

    async def note_asked(session: AsyncSession, row: Any, given: Any) -> Any:
        asked.append(row.id)
        return await find_like(session, row, given)

    def note_weighed(due: Any, found: Any, given: Any) -> Any:
        weighed.extend(len(others) for others in found.values())
        return in_order(due, found, given)

    monkeypatch.setattr(duplicates, "_find_like", note_asked)
    monkeypatch.setattr(judging, "in_order", note_weighed)
    judge_all(team.world, runtime)
    first = [copies[0].id, *(one.id for one in copies[3:])]
    assert {one: set(duplicates_of(team.world, one)) for one in first} == {
        one: set(first[: min(place, 3)]) for place, one in enumerate(first)
    }
    assert set(asked) == set(first[:3])
    assert max(weighed[3:]) <= 6

    rows(team.world, held.format("now()"), id=copies[1].id)
    judge_all(team.world, runtime)
    expected = [copies[0].id, copies[1].id, copies[3].id]
    for one in copies[4:6]:
        assert set(duplicates_of(team.world, one.id)) == set(expected)

    asked.clear()
    take_in(team, runtime, copies[2])
    assert judge_all(team.world, runtime) == 1
    assert (set(duplicates_of(team.world, copies[2].id)), asked) == (set(expected), [])


def test_the_same_bytes_are_read_in_the_order_of_their_index_as_far_as_they_are_kept(
    team: Team, runtime: Runtime
) -> None:
    """The plan is PostgreSQL's own; the rows are rolled back."""
    mine = shot()
    take_in(team, runtime, mine)
    judge_all(team.world, runtime)

    async def explain() -> str:
        async with runtime.database.engine.connect() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys
            values = {"id": mine.id}
            for statement in (
                "CREATE TEMPORARY TABLE copies ON COMMIT DROP AS "
                "SELECT gen_random_uuid() AS id, n FROM generate_series(-3000, 3000) n WHERE n <> 0",
                "INSERT INTO evidence_files (id, package_id, user_id, region_id, is_claimed, sha256, size, media_type, "
                "storage_key, received_at, attempts, flags) SELECT copies.id, package_id, user_id, region_id, true, sha256, size, "
                "media_type, storage_key, received_at + n * interval '1 second', 0, '{}' FROM evidence_files f, copies "
                "WHERE f.id = :id",
                "INSERT INTO evidence_provenance (evidence_id, region_id, authority_id, version, checks, score, has_duplicates, "
                "standards_version, first_judged_at, changed_at) SELECT copies.id, region_id, authority_id, 1, '[]', 0, false, 1, "
                "now(), now() FROM evidence_provenance p, copies WHERE p.evidence_id = :id",
            ):
                await connection.execute(text(statement), values)
            await connection.execute(text("ANALYZE evidence_files, evidence_provenance"))
            search = {"ids": [mine.id], "most": 20}
            found = (await connection.execute(text(duplicates.SAME_BYTES), search)).all()
            assert sorted(row.is_earlier for row in found) == [False] * 20 + [True] * 20
            plan = await connection.execute(
                text("EXPLAIN (ANALYZE, TIMING OFF) " + duplicates.SAME_BYTES), search
            )
            lines = "\n".join(str(line) for line in plan.scalars())
            await connection.rollback()
            return lines

    plan = run(team.world, explain)
    assert max(float(one) for one in re.findall(r"actual rows=([\d.]+)", plan)) <= 40, plan


def test_a_file_from_a_desk_is_judged_by_what_it_says_itself(team: Team, runtime: Runtime) -> None:
    package = team.sent(shot())
    sent = team.officers[0].post(
        "/api/v1/evidence",
        files={"file": ("a.jpg", unlike_any_other(), "image/jpeg")},
        data={"package_id": str(package.id)},
    )
    assert sent.status_code == 201, sent.text
    examine_all(team.world, runtime)
    judge_all(team.world, runtime)
    row = judged(team.world, UUID(sent.json()["id"]))
    outcomes = {check["code"]: check["outcome"] for check in row["checks"]}
    assert (outcomes["source"], outcomes["exif_time"], outcomes["exif_missing"]) == (
        "unknown",
        "unknown",
        "fine",
    )
    assert row["authority_id"] == team.world.authority


def test_a_phone_that_says_nothing_of_mocking_is_not_taken_to_deny_it(team: Team, runtime: Runtime) -> None:
    silent = shot(position={name: value for name, value in HERE.items() if name != "mock"})
    take_in(team, runtime, silent)
    judge_all(team.world, runtime)
    (check,) = [c for c in judged(team.world, silent.id)["checks"] if c["code"] == "mock_position"]
    assert check["outcome"] == "unknown"


INDEXED = 100_000


def test_near_duplicates_come_from_the_index_among_a_hundred_thousand(team: Team, runtime: Runtime) -> None:
    """The plan is PostgreSQL's own; the rows are rolled back."""

    async def explain() -> list[str]:
        async with runtime.database.engine.connect() as connection:
            await connection.execute(
                text("SET LOCAL session_replication_role = replica")
            )  # no foreign keys here
            values = {"authority_id": team.world.authority, "count": INDEXED}
            await connection.execute(
                text(
                    "INSERT INTO evidence_likenesses (evidence_id, slot, authority_id, perceptual_hash) "
                    "SELECT id, (band << 16) | ((hash >> (band * 16)) & 65535)::int, :authority_id, hash FROM "
                    "(SELECT gen_random_uuid() AS id, hashint8extended(n, 7) AS hash FROM generate_series(1, :count) n) made "
                    "CROSS JOIN generate_series(0, 3) band"
                ),
                values,
            )
            await connection.execute(text("ANALYZE evidence_likenesses"))
            known = await connection.scalar(
                text(
                    "SELECT perceptual_hash FROM evidence_likenesses WHERE authority_id = :authority_id LIMIT 1"
                ),
                values,
            )
            turned = [(known ^ 0b11 << 40) & (1 << 64) - 1] + [
                n * 0x9E3779B97F4A7C15 % 2**64 for n in range(1, 8)
            ]
            search = {
                "authority_id": team.world.authority, "id": new_id(), "slots": probes_of(turned), "largest": 10, "most": 400,
                **{f"hash_{turn}": as_signed(turned[turn]) for turn in Turn},
            }  # fmt: skip
            plan = await connection.execute(text("EXPLAIN (ANALYZE, TIMING OFF) " + LIKE_THIS), search)
            lines = [str(line) for line in plan.scalars()]
            await connection.rollback()
            return lines

    lines = run(team.world, explain)
    plan = "\n".join(lines)
    assert "Seq Scan" not in plan
    assert "Index Only Scan using ix_evidence_likenesses_authority_id_slot" in plan
    rows_of = [float(one) for one in re.findall(r"actual rows=([\d.]+)", plan)]
    assert rows_of[0] == 1  # the one that is alike
    assert max(rows_of) < INDEXED * 4 / 20, plan  # whatever the index gave to find it
