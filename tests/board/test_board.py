"""What is still on phones is seen by whoever supervises there, from indexes of what waits, and by nobody else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import Device
from app.core.clock import utc_now
from app.core.ids import new_id
from app.services.board.reading import _DEVICES, _PACKAGES, _SHOWN, _SILENT_SINCE, _SORTINGS, _TOTALS
from app.services.evidence.arrivals import WAITS
from app.services.runtime import Runtime
from tests.evidence.conftest import Team
from tests.evidence.test_examination import run
from tests.evidence.test_judging import rows
from tests.evidence.uploading import Tus, large_file
from tests.factories.field import Field, photo
from tests.factories.world import Person
from tests.support.queries import recorded_queries

BOARD = "/api/v1/board"
OUTBOX = "/devices/me/outbox"


@pytest.fixture
def supervisor(team: Team) -> Person:
    return team.world.person("supervisor", region=team.world.town)


def items(person: Person, part: str, **params: Any) -> list[dict[str, Any]]:
    answer = person.get(f"{BOARD}/{part}", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def standing(person: Person, device_id: UUID | None, **params: Any) -> dict[str, Any]:
    (found,) = items(person, "devices", device_id=str(device_id), **params)
    return found


def at(written: str) -> datetime:
    return datetime.fromisoformat(written)


def other_team(team: Team) -> Team:
    """Two officers with a phone and a site in the other district."""
    world = team.world
    officers = (
        world.person("inspector", region=world.other_town),
        world.person("inspector", region=world.other_town),
    )
    field = Field(world, region=world.other_town)
    return Team(world, field, officers, field.phone(officers[0].user_id))


def test_a_package_stands_on_the_board_until_its_last_file_is_here_or_withdrawn(
    team: Team, supervisor: Person
) -> None:
    files = [photo() for _ in range(3)]
    package = team.sent(*files)
    (waiting,) = items(supervisor, "packages")
    assert (waiting["package_id"], waiting["missing_files"]) == (str(package.id), 3)
    assert waiting["missing_bytes"] == sum(len(one.content) for one in files)
    assert (waiting["device_id"], waiting["user_id"], waiting["region_id"], waiting["authority_id"]) == (
        str(team.phone.device_id), str(team.officers[0].user_id), str(team.world.town), str(team.world.authority),
    )  # fmt: skip
    assert at(waiting["declared_at"]) <= utc_now()
    assert at(waiting["oldest_capture_at"]) <= at(waiting["declared_at"])
    assert team.phone.put_photo(package, files[0]).status_code == 201
    (waiting,) = items(supervisor, "packages")
    assert (waiting["missing_files"], waiting["missing_bytes"]) == (2, sum(len(f.content) for f in files[1:]))
    team.phone.put_photo(package, files[1])
    team.phone.withdraw(package, files[2], "手机损坏")
    assert items(supervisor, "packages") == []


def test_a_package_without_files_never_stands_there(team: Team, supervisor: Person) -> None:
    team.sent()
    assert items(supervisor, "packages") == []
    assert standing(supervisor, team.phone.device_id)["missing"]["packages"] == 0


def test_packages_are_filtered_by_place_people_phone_and_age_and_sorted_both_ways(
    team: Team, runtime: Runtime
) -> None:
    elsewhere = other_team(team)
    packages = [str(team.sent(photo()).id) for _ in range(3)]
    theirs = str(elsewhere.sent(photo()).id)
    rows(
        team.world,
        "UPDATE evidence_manifests SET declared_at = now() - interval '5 hours' WHERE package_id = :id RETURNING 1",
        id=packages[2],
    )
    city, world = team.world.person("supervisor"), team.world

    def listed(**params: Any) -> list[str]:
        seen: list[str] = []
        while True:
            with recorded_queries(runtime.database) as statements:
                page = city.get(f"{BOARD}/packages", params={"limit": 2, **params}).json()
            assert len(statements) <= 2, statements  # who is acting, and the page
            seen += [item["package_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return seen
            params["cursor"] = page["next_cursor"]

    oldest_first = [packages[2], packages[0], packages[1], theirs]
    assert listed() == oldest_first
    assert listed(order="newest") == oldest_first[::-1]
    assert listed(older_than_hours=4) == [packages[2]]
    assert listed(older_than_hours=6) == []
    assert listed(region_id=str(world.district)) == oldest_first[:3]
    assert listed(region_id=str(world.other_district)) == [theirs]
    assert listed(device_id=str(elsewhere.phone.device_id)) == [theirs]
    assert listed(user_id=str(team.officers[0].user_id)) == oldest_first[:3]
    assert listed(authority_id=str(world.authority)) == oldest_first
    assert listed(authority_id=str(new_id())) == []


def test_a_phone_shows_all_that_is_known_to_wait_on_it(team: Team, supervisor: Person) -> None:
    missing, early = [photo(), photo()], photo()
    team.sent(*missing)
    unsent = team.seal(early)
    assert team.phone.put_photo(unsent, early).status_code == 201  # its package has not come
    Tus(team.phone).begin(large_file(5_000_000), new_id())
    broken = team.phone.seal({"kind": "inspection"}, [])
    assert team.phone.put_package(broken).status_code == 422
    found = standing(supervisor, team.phone.device_id)
    assert (found["missing"]["packages"], found["missing"]["count"]) == (1, 2)
    assert found["missing"]["bytes"] == sum(len(one.content) for one in missing)
    assert (found["unclaimed"]["count"], found["unclaimed"]["bytes"]) == (1, len(early.content))
    assert (found["uploads"]["count"], found["uploads"]["bytes"]) == (1, 5_000_000)
    assert (found["quarantined"], found["unfinished"], found["outbox"]) == (1, 0, None)
    for part in ("missing", "unclaimed", "uploads"):
        assert at(found[part]["oldest_at"]) <= utc_now()
    (total,) = items(supervisor, "totals")
    assert {
        name: total[name] for name in ("missing", "unclaimed", "uploads", "quarantined", "unfinished")
    } == {name: found[name] for name in ("missing", "unclaimed", "uploads", "quarantined", "unfinished")}


def test_a_phone_is_silent_from_its_last_contact_on_and_too_long_after_the_set_time(
    team: Team, runtime: Runtime, supervisor: Person
) -> None:
    limit = timedelta(hours=runtime.settings.device_silent_hours)

    def seen(ago: timedelta | None) -> dict[str, Any]:
        moment = None if ago is None else utc_now() - ago
        rows(
            team.world, "UPDATE devices SET last_seen_at = :at, created_at = now() - interval '1 year' "
            "WHERE id = :id RETURNING 1", at=moment, id=team.phone.device_id,
        )  # fmt: skip
        return standing(supervisor, team.phone.device_id)

    assert seen(limit - timedelta(minutes=1))["is_silent_too_long"] is False
    assert len(items(supervisor, "devices", is_silent=False)) == 1
    assert items(supervisor, "devices", is_silent=True) == []
    assert seen(limit + timedelta(minutes=1))["is_silent_too_long"] is True
    assert len(items(supervisor, "devices", is_silent=True)) == 1
    never = seen(None)
    assert (never["last_seen_at"], never["is_silent_too_long"]) == (None, True)
    assert at(never["silent_since"]) < utc_now() - timedelta(days=300)
    (total,) = items(supervisor, "totals")
    assert (total["devices"], total["silent_devices"]) == (1, 1)


def test_fetching_tokens_and_stating_the_outbox_are_signs_of_life_and_other_requests_write_nothing(
    team: Team, supervisor: Person
) -> None:
    def last_seen() -> Any:
        return standing(supervisor, team.phone.device_id)["last_seen_at"]

    team.sent(photo())
    assert last_seen() is None
    assert team.phone.request("POST", OUTBOX, json=stated()).status_code == 200
    assert utc_now() - at(last_seen()) < timedelta(minutes=1)
    administrator = team.world.person("administrator")
    body = {"user_id": str(team.officers[0].user_id)}
    phone = Device(team.world.client, "another phone")  # type: ignore[arg-type]  the test client speaks the same language
    phone.enroll(administrator.post("/api/v1/devices/codes", json=body).json()["code"])
    path = f"/api/v1/devices/{phone.device_id}/confirmation"
    confirmed = administrator.post(path, json={"fingerprint": phone.fingerprint()}, version=1)
    assert confirmed.status_code == 200, confirmed.text
    assert standing(supervisor, phone.device_id)["last_seen_at"] is None
    phone.refresh()
    assert utc_now() - at(standing(supervisor, phone.device_id)["last_seen_at"]) < timedelta(minutes=1)


def stated(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"packages": 2, "files": 9, "bytes": 7_000_000, "oldest_at": now, "stated_at": now, **changes}


def test_a_phones_own_word_is_shown_as_its_own_and_the_newest_counts(team: Team, supervisor: Person) -> None:
    first = team.phone.request("POST", OUTBOX, json=stated())
    assert first.status_code == 200, first.text
    shown = standing(supervisor, team.phone.device_id)["outbox"]
    assert (shown["packages"], shown["files"], shown["bytes"]) == (2, 9, 7_000_000)
    assert shown == first.json()
    assert len(items(supervisor, "devices", is_holding=True)) == 1
    empty = stated(packages=0, files=0, bytes=0, oldest_at=None)
    assert team.phone.request("POST", OUTBOX, json=empty).status_code == 200
    shown = standing(supervisor, team.phone.device_id)["outbox"]
    assert (shown["packages"], shown["files"], shown["oldest_at"]) == (0, 0, None)
    assert items(supervisor, "devices", is_holding=True) == []
    assert len(items(supervisor, "devices", is_holding=False)) == 1


def test_the_same_word_again_leaves_no_second_audit_row(team: Team) -> None:
    said = stated()
    for _ in range(3):
        assert team.phone.request("POST", OUTBOX, json=said).status_code == 200
    assert team.phone.request("POST", OUTBOX, json=stated(files=3)).status_code == 200
    (count,) = rows(
        team.world, "SELECT count(*) AS n FROM audit_entries WHERE action = 'board:state_outbox' AND object_id = :id",
        id=team.phone.device_id,
    )  # fmt: skip
    assert count["n"] == 2


@pytest.mark.parametrize(
    "changes",
    [{"files": -1}, {"bytes": 2**53}, {"stated_at": None}, {"stated_at": "2026-11-25T08:00:00"},
     {"oldest_at": "9999-12-31T23:59:59Z"}, {"packages": "many"}, {"unknown": 1}],
)  # fmt: skip
def test_a_word_that_makes_no_sense_is_refused(team: Team, changes: dict[str, Any]) -> None:
    assert team.phone.request("POST", OUTBOX, json=stated(**changes)).status_code == 422


def test_a_browser_states_nothing_for_a_phone(team: Team) -> None:
    answer = team.officers[0].post(f"/mobile/v1{OUTBOX}", json=stated())
    assert (answer.status_code, answer.json()["code"]) == (403, "device_required")


def test_phones_are_sorted_by_silence_and_by_what_waits_longest_and_paged(
    team: Team, runtime: Runtime, supervisor: Person
) -> None:
    phones = [team.phone, *(team.field.phone(officer.user_id) for officer in team.officers)]
    for hours, phone in zip((3, 1, 2), phones, strict=True):
        rows(
            team.world, "UPDATE devices SET last_seen_at = now() - make_interval(hours => :hours) WHERE id = :id RETURNING 1",
            hours=hours, id=phone.device_id,
        )  # fmt: skip
    by_silence = [str(phones[n].device_id) for n in (0, 2, 1)]

    def listed(**params: Any) -> list[str]:
        seen: list[str] = []
        while True:
            with recorded_queries(runtime.database) as statements:
                page = supervisor.get(f"{BOARD}/devices", params={"limit": 1, **params}).json()
            assert len(statements) <= 2, statements
            seen += [item["device_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return seen
            params["cursor"] = page["next_cursor"]

    assert listed() == by_silence
    assert listed(sorting="seen_last") == by_silence[::-1]
    assert listed(sorting="waiting_longest") == []
    team.sent(photo())
    assert listed(sorting="waiting_longest") == [str(team.phone.device_id)]
    assert listed(is_holding=True) == [str(team.phone.device_id)]
    assert listed(is_holding=False) == by_silence[1:]
    assert listed(user_id=str(team.officers[1].user_id)) == [str(phones[2].device_id)]
    rows(
        team.world, "UPDATE devices SET status = 'revoked' WHERE id = :id RETURNING 1", id=phones[2].device_id
    )
    assert listed() == [by_silence[0], by_silence[2]]


def revoke(team: Team, phone: Device) -> None:
    """An administrator stops the phone."""
    path = f"/api/v1/devices/{phone.device_id}/revocation"
    answer = team.world.person("administrator").post(path, version=1, json={"reason": "遗失"})
    assert answer.status_code == 200, answer.text


def test_a_revoked_phone_stays_on_the_board_as_long_as_something_waits_for_it(
    team: Team, supervisor: Person
) -> None:
    file = photo()
    package = team.sent(file)
    spare = team.field.phone(team.officers[1].user_id)
    working = team.field.phone(team.officers[1].user_id)

    def listed(**params: Any) -> dict[str, str]:
        return {one["device_id"]: one["status"] for one in items(supervisor, "devices", **params)}

    lost, gone, busy = (str(one.device_id) for one in (team.phone, spare, working))
    revoke(team, team.phone)
    revoke(team, spare)
    assert listed() == {lost: "revoked", busy: "active"}
    assert listed(status="active") == {busy: "active"}
    assert listed(status="revoked") == {lost: "revoked", gone: "revoked"}
    assert listed(status="revoked", is_holding=False) == {gone: "revoked"}
    assert listed(sorting="waiting_longest") == {lost: "revoked"}
    assert standing(supervisor, team.phone.device_id)["missing"]["count"] == 1
    assert supervisor.get(f"{BOARD}/devices", params={"status": "pending"}).status_code == 422
    rows(
        team.world,
        "UPDATE evidence_manifests SET missing = 0 WHERE package_id = :id RETURNING 1",
        id=package.id,
    )
    assert listed() == {busy: "active"}


def test_what_a_revoked_phone_handed_in_is_counted_until_somebody_has_decided(
    team: Team, supervisor: Person
) -> None:
    phone, package = team.phone, team.seal(photo())
    revoke(team, phone)
    assert items(supervisor, "devices") == []
    assert phone.hand_in(package, package.id).status_code == 201
    found = standing(supervisor, phone.device_id)
    assert (found["status"], found["custody"]["count"]) == ("revoked", 1)
    assert found["custody"]["bytes"] == len(package.sealed)
    assert at(found["custody"]["oldest_at"]) <= utc_now()
    assert (found["missing"]["packages"], found["quarantined"]) == (0, 0)
    (total,) = items(supervisor, "totals")
    assert (total["devices"], total["custody"]) == (0, found["custody"])
    rows(
        team.world, "UPDATE intake_deliveries SET status = 'rejected', decided_at = now(), decided_by = :user "
        "WHERE object_id = :id RETURNING 1", user=supervisor.user_id, id=package.id,
    )  # fmt: skip
    assert items(supervisor, "devices") == []
    assert items(supervisor, "totals")[0]["custody"] == {"count": 0, "bytes": 0, "oldest_at": None}


def test_what_a_processed_package_left_behind_waits_for_nothing(team: Team, supervisor: Person) -> None:
    undeclared = photo()
    package = team.seal()
    assert team.phone.put_photo(replace(package, photos=(undeclared,)), undeclared).status_code == 201
    waiting = {"count": 1, "bytes": len(undeclared.content)}
    for part in ("devices", "totals"):
        assert waiting.items() <= items(supervisor, part)[0]["unclaimed"].items()
    assert len(items(supervisor, "devices", is_holding=True)) == 1
    assert team.phone.put_package(package).status_code == 201
    for part in ("devices", "totals"):
        assert items(supervisor, part)[0]["unclaimed"] == {"count": 0, "bytes": 0, "oldest_at": None}
    assert items(supervisor, "devices", is_holding=True) == []


@pytest.mark.parametrize("status", ["quarantined", "received"])
def test_a_revoked_phone_stays_on_the_board_while_a_package_of_it_is_not_processed(
    team: Team, supervisor: Person, status: str
) -> None:
    assert team.phone.put_package(team.phone.seal({"kind": "inspection"}, [])).status_code == 422
    rows(team.world, "UPDATE package_intakes SET status = :status RETURNING 1", status=status)
    revoke(team, team.phone)
    found = standing(supervisor, team.phone.device_id, is_holding=True)
    assert (found["quarantined"], found["unfinished"]) == ((1, 0) if status == "quarantined" else (0, 1))
    rows(team.world, "UPDATE package_intakes SET status = 'rejected', decided_at = now() RETURNING 1")
    assert items(supervisor, "devices") == []


def test_totals_are_grouped_by_region_authority_and_person(team: Team, runtime: Runtime) -> None:
    elsewhere = other_team(team)
    team.sent(photo(), photo())
    elsewhere.sent(photo())
    city, world = team.world.person("supervisor"), team.world

    def counted(**params: Any) -> dict[str, int]:
        with recorded_queries(runtime.database) as statements:
            found = items(city, "totals", **params)
        assert len(statements) <= 2
        return {item["id"]: item["missing"]["count"] for item in found}

    assert counted() == {str(world.town): 2, str(world.other_town): 1}
    assert counted(by="authority") == {str(world.authority): 3}
    assert counted(by="user") == {
        str(team.officers[0].user_id): 2,
        str(elsewhere.officers[0].user_id): 1,
    }
    assert counted(region_id=str(world.other_district)) == {str(world.other_town): 1}
    assert [item["name"] for item in items(city, "totals")] == ["东镇", "西镇"]
    first = city.get(f"{BOARD}/totals", params={"limit": 1}).json()
    second = city.get(f"{BOARD}/totals", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [page["items"][0]["id"] for page in (first, second)] == [str(world.town), str(world.other_town)]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("part", ["packages", "devices", "totals"])
def test_supervisors_see_their_own_regions_and_others_nothing(team: Team, part: str) -> None:
    elsewhere = other_team(team)
    team.sent(photo())
    elsewhere.sent(photo())
    world = team.world
    for role in ("supervisor", "approver", "auditor"):
        assert len(items(world.person(role, region=world.town), part)) == 1
        assert len(items(world.person(role), part)) == 2
    foreign = world.person("supervisor", region=world.other_town)
    marks = {str(team.phone.device_id), str(team.officers[0].user_id), str(world.town)}
    for params in ({}, {"region_id": str(world.town)}, {"device_id": str(team.phone.device_id)}):
        answer = foreign.get(f"{BOARD}/{part}", params=params)
        assert answer.status_code == 200
        assert not any(mark in answer.text for mark in marks)
    for role in ("inspector", "case_officer", "legal_reviewer", "safety_assistant", "administrator"):
        assert world.person(role, region=world.town).get(f"{BOARD}/{part}").status_code == 403
    assert world.client.get(f"{BOARD}/{part}").status_code == 401


ARRIVED = 100_000


@pytest.mark.parametrize("part", ["packages", "devices", "totals"])
def test_a_hundred_thousand_packages_that_arrived_cost_the_board_nothing(
    team: Team, runtime: Runtime, part: str
) -> None:
    """The plans are PostgreSQL's own; the rows are rolled back."""
    silent = {"silent_since": _SILENT_SINCE, "conditions": ""}
    key, order, _ = _SORTINGS["silent_longest"]
    query = {
        "packages": _PACKAGES.format(conditions="", order="ASC"),
        "devices": _DEVICES.format(shown=_SHOWN[None], key=key, order=order, conditions=""),
        "totals": _TOTALS.format(waits=WAITS, key="u.region_id", table="regions", **silent),
    }[part]

    async def explain() -> str:
        async with runtime.database.engine.connect() as connection:
            values = {
                "regions": [team.world.town], "region": team.world.town, "device": team.phone.device_id, "limit": 51,
                "count": ARRIVED, "after_name": None, "after_id": None, "silent_before": utc_now(),
            }  # fmt: skip
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for made in (
                "CREATE TEMP TABLE made ON COMMIT DROP AS SELECT gen_random_uuid() AS id, n FROM generate_series(1, :count) n",
                "INSERT INTO evidence_manifests (package_id, region_id, device_id, missing, declared_at) "
                "SELECT id, :region, :device, CASE WHEN n <= 20 THEN 1 ELSE 0 END, now() FROM made",
                "INSERT INTO evidence_declarations (package_id, id, region_id, device_id, sha256, size, media_type, source, "
                "status, declared_at) SELECT id, gen_random_uuid(), :region, :device, 'sha-256:', 7, 'image/jpeg', 'camera', "
                "CASE WHEN n <= 20 THEN 'missing' ELSE 'verified' END, now() FROM made",
                "INSERT INTO intake_deliveries (id, version, updated_at, kind, object_id, package_id, device_id, user_id, key_id, "
                "sha256, size, storage_key, note, received_at, status, decided_at) SELECT gen_random_uuid(), 1, now(), 'evidence', "
                "id, id, :device, :device, 'k', 'sha-256:', 7, 'k', '', now(), "
                "CASE WHEN n <= 20 THEN 'waiting' ELSE 'rejected' END, CASE WHEN n <= 20 THEN NULL ELSE now() END FROM made",
                "ANALYZE evidence_manifests", "ANALYZE evidence_declarations", "ANALYZE intake_deliveries",
            ):  # fmt: skip
                names = {name: value for name, value in values.items() if f":{name}" in made}
                await connection.execute(text(made), names)
            names = {name: value for name, value in values.items() if f":{name}" in query}
            plan = await connection.execute(
                text("EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF) " + query), names
            )
            found = "\n".join(str(line) for line in plan.scalars())
            await connection.rollback()
            return found

    plan = run(team.world, explain)
    for table in ("evidence_manifests", "evidence_declarations", "intake_deliveries"):
        assert f"Seq Scan on {table}" not in plan, plan
    assert "ix_evidence_manifests_" in plan
    assert "ix_evidence_declarations_missing" in plan


def test_counting_files_down_touches_no_index_until_the_last_one(team: Team) -> None:
    """Or else the board would slow down every arrival: the row is updated within its page (HOT)."""

    async def count_down(session: AsyncSession) -> list[int]:
        made = "CREATE TEMP TABLE counted (LIKE evidence_manifests INCLUDING ALL) ON COMMIT DROP"
        await session.execute(text(made))
        row = "INSERT INTO counted (package_id, region_id, device_id, missing, declared_at) VALUES (:id, :id, :id, 3, now())"
        await session.execute(text(row), {"id": new_id()})
        within_page = []
        for _ in range(3):
            await session.execute(text("UPDATE counted SET missing = missing - 1"))
            seen = "SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'counted'"
            within_page.append(await session.scalar(text(seen)))
        return within_page

    assert team.world.in_database(count_down) == [1, 2, 2]
