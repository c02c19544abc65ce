"""Exports of the registry: whole or not at all, resumed after a kill, of one's own regions, no formula in them, gone in time."""

import asyncio
import csv
import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today, utc_now
from app.jobs.app import RETRY, run_jobs
from app.models.hazards import HazardExport, HazardExportPart
from app.models.history import AuditEntry, Change
from app.models.identity import RoleGrant
from app.services.enterprises.writing import BOM
from app.services.hazards import exporting
from app.services.hazards.export_files import PartedFile, put_part, remove_strays
from app.services.hazards.export_lines import HEADER
from app.services.hazards.jobs import export_hazards
from app.services.runtime import Runtime
from app.services.task_modules import load_tasks
from tests.factories.world import Person, World
from tests.hazards.registering import Registry

PATH = "/api/v1/hazards/exports"
LAST = RETRY.max_attempts or 0
FORMULA = '=HYPERLINK("http://x","点我")'
Work = Callable[[], None]


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


@pytest.fixture
def work(client: TestClient, runtime: Runtime) -> Work:
    """Run every queued job, as the worker does."""

    def run() -> None:
        load_tasks()

        async def until_empty() -> None:
            await run_jobs(runtime.address, {"runtime": runtime}, until_empty=True)

        assert client.portal is not None
        client.portal.call(until_empty)

    return run


@pytest.fixture
def supervisor(world: World) -> Person:
    return world.person("supervisor")


@pytest.fixture
def seven(world: World) -> list[UUID]:
    """Seven hazards in the town, one in the other; every second of the seven is overdue."""
    registry = Registry(world)

    async def fill(session: AsyncSession) -> list[UUID]:
        made = []
        for region, number in ((world.town, 7), (world.other_town, 1)):
            enterprise = await registry.enterprise(session, region, name="＝东镇涂装厂")
            place = enterprise, await registry.site(session, enterprise, region), region
            for count in range(number):
                late = shanghai_today() - timedelta(days=1) if count % 2 else None
                values = {"description": FORMULA, "status": "ordered" if late else "found", "due_on": late}
                made.append(await registry.hazard(session, *place, **values))
        return made[:7]

    found: list[UUID] = world.in_database(fill)
    return found


def ask(person: Person, **params: Any) -> dict[str, Any]:
    answer = person.post(PATH, params=params)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def file_of(person: Person, export: dict[str, Any], **headers: str) -> Any:
    return person.get(f"{PATH}/{export['id']}/file", headers=headers)


def lines(content: bytes) -> list[list[str]]:
    assert content.startswith(BOM)
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "ROWS", 2)


@pytest.mark.usefixtures("seven", "pages_of_two")
def test_a_csv_holds_what_the_list_shows_under_the_same_filters(
    supervisor: Person, world: World, work: Work
) -> None:
    export = ask(supervisor, format="csv", region_id=str(world.town))
    assert (export["status"], export["rows_total"], export["rows_done"]) == ("waiting", 7, 0)
    assert file_of(supervisor, export).json()["code"] == "export_not_ready"
    late = ask(supervisor, format="csv", overdue=True)
    work()
    header, *rows = lines(file_of(supervisor, export).content)
    assert tuple(header) == HEADER
    listed = supervisor.get("/api/v1/hazards", params={"region_id": str(world.town)}).json()["items"]
    assert [row[0] for row in rows] == [one["number"] for one in listed]
    assert len(lines(file_of(supervisor, late).content)) == 1 + 3
    done = supervisor.get(f"{PATH}/{export['id']}").json()
    assert (done["status"], done["rows_done"]) == ("done", 7)
    content = file_of(supervisor, export).content
    assert (done["size"], done["sha256"]) == (len(content), "sha-256:" + hashlib.sha256(content).hexdigest())


@pytest.mark.usefixtures("seven", "pages_of_two")
def test_no_cell_is_a_formula(supervisor: Person, work: Work) -> None:
    table, book = ask(supervisor, format="csv"), ask(supervisor, format="xlsx")
    work()
    for row in lines(file_of(supervisor, table).content)[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "＝")) for cell in row)
        assert f"'{FORMULA}" in row
    answer = file_of(supervisor, book)
    assert "filename*=UTF-8''%E9%9A%90" in answer.headers["content-disposition"]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert (tuple(sheet[0]), len(sheet)) == (HEADER, 9)
    assert all(FORMULA in row for row in sheet[1:])
    assert b"<f>" not in answer.content


@pytest.mark.usefixtures("seven", "pages_of_two")
def test_a_download_goes_on_where_it_was_cut(supervisor: Person, work: Work) -> None:
    export = ask(supervisor, format="csv")
    work()
    whole = file_of(supervisor, export)
    etag, content = whole.headers["etag"], whole.content
    pieces = []
    for start in range(0, len(content), 100):
        answer = file_of(supervisor, export, Range=f"bytes={start}-{start + 99}", **{"If-Range": etag})
        assert answer.status_code == 206
        pieces.append(answer.content)
    assert b"".join(pieces) == content
    assert file_of(supervisor, export, Range=f"bytes={len(content)}-").status_code == 416


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
@pytest.mark.parametrize("dies_at", [1, 2, 3, 4])
@pytest.mark.usefixtures("pages_of_two")
def test_a_killed_worker_leaves_no_half_file_and_the_next_one_finishes_it(
    supervisor: Person, seven: list[UUID], world: World, runtime: Runtime, client: TestClient,
    monkeypatch: pytest.MonkeyPatch, file_format: str, dies_at: int,
) -> None:  # fmt: skip
    export = ask(supervisor, format=file_format, region_id=str(world.town))
    real, calls = exporting.export_page, []

    async def dying(*args: Any) -> Any:
        calls.append(1)
        page = await real(*args)
        if len(calls) == dies_at:
            raise Killed
        return page

    async def attempt() -> None:
        try:
            await exporting.work_off(runtime, UUID(export["id"]))
        except Killed:
            return

    assert client.portal is not None
    with monkeypatch.context() as patched:
        patched.setattr(exporting, "export_page", dying)
        client.portal.call(attempt)
    assert file_of(supervisor, export).status_code == 409
    calls_before = len(calls)
    assert calls_before == dies_at

    async def twice() -> None:
        await asyncio.gather(attempt(), attempt())

    client.portal.call(twice)
    content = file_of(supervisor, export).content
    if file_format == "csv":
        numbers = [row[0] for row in lines(content)[1:]]
    else:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        numbers = [str(row[0]) for row in sheet[1:]]
    assert numbers == [f"安应急患〔2026〕{one.hex}号" for one in reversed(seven)]


@pytest.mark.usefixtures("seven")
def test_a_withdrawn_right_ends_the_export(supervisor: Person, world: World, work: Work) -> None:
    export = ask(supervisor, format="csv")

    async def withdraw(session: AsyncSession) -> None:
        mine = RoleGrant.user_id == supervisor.user_id
        await session.execute(update(RoleGrant).where(mine).values(region_id=world.other_district))

    world.in_database(withdraw)
    work()
    auditor = world.person("auditor")
    shown = auditor.get(f"{PATH}/{export['id']}").json()
    assert (shown["status"], shown["failure"], shown["rows_done"]) == ("failed", "permission_withdrawn", 0)
    assert file_of(auditor, export).status_code == 409
    assert supervisor.get(f"{PATH}/{export['id']}").status_code == 404


@pytest.mark.usefixtures("seven")
def test_an_export_is_for_whoever_may_export_all_of_it(supervisor: Person, world: World, work: Work) -> None:
    export = ask(supervisor, format="csv")
    work()
    below = world.person("supervisor", region=world.district)
    for path in (f"{PATH}/{export['id']}", f"{PATH}/{export['id']}/file"):
        assert below.get(path).status_code == 404
    assert below.get(PATH).json()["items"] == []
    own = ask(below, format="csv")
    work()
    assert len(lines(file_of(below, own).content)) == 1 + 7
    listed = supervisor.get(PATH).json()["items"]
    assert [one["id"] for one in listed] == [own["id"], export["id"]]
    assert below.post(PATH, params={"region_id": str(world.other_town)}).status_code == 404
    assert world.person("inspector").post(PATH).status_code == 403


@pytest.mark.usefixtures("seven")
def test_asking_and_taking_are_written_down(supervisor: Person, world: World, work: Work) -> None:
    export = ask(supervisor, format="csv", overdue=False, level="general")
    work()
    assert file_of(supervisor, export).status_code == 200

    async def written(session: AsyncSession) -> Any:
        wanted = select(AuditEntry).where(AuditEntry.object_id == UUID(export["id"])).order_by(AuditEntry.id)
        return [(row.action, row.user_id, row.detail) for row in (await session.execute(wanted)).scalars()]

    acts = world.in_database(written)
    assert [action for action, _, _ in acts] == [
        "hazards:export", "hazards:finish_export", "hazards:download_export",
    ]  # fmt: skip
    assert {user for _, user, _ in acts} == {supervisor.user_id}
    assert acts[0][2]["filters"] == {"overdue": False, "level": "general"}


def traces(world: World, export: dict[str, Any]) -> Any:
    """The last audit row of an export, and the last change row with its version."""
    identifier = UUID(export["id"])

    async def read(session: AsyncSession) -> Any:
        audit = select(AuditEntry).where(AuditEntry.object_id == identifier).order_by(AuditEntry.id.desc())
        change = select(Change).where(Change.object_id == identifier).order_by(Change.id.desc())
        entry = (await session.execute(audit.limit(1))).scalar_one()
        version = (await session.execute(change.limit(1))).scalar_one().version
        return entry.action, entry.user_id, (entry.detail or {}).get("failure"), version

    return world.in_database(read)


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize("failure", ["storage_or_database", "worker_died", "permission_withdrawn"])
def test_that_an_export_failed_is_written_down(
    supervisor: Person, world: World, runtime: Runtime, client: TestClient, work: Work, failure: str
) -> None:
    export = ask(supervisor, format="csv")
    assert client.portal is not None
    if failure == "worker_died":
        given_up(world, export)
        sweep(client, runtime)
    elif failure == "permission_withdrawn":

        async def withdraw(session: AsyncSession) -> None:
            mine = RoleGrant.user_id == supervisor.user_id
            await session.execute(update(RoleGrant).where(mine).values(region_id=world.other_district))

        world.in_database(withdraw)
        work()
    else:
        client.portal.call(exporting.fail_export, runtime, UUID(export["id"]), failure)
    assert traces(world, export) == ("hazards:fail_export", None, failure, 2)


@pytest.mark.usefixtures("seven")
def test_a_file_is_gone_after_its_time(
    supervisor: Person, world: World, runtime: Runtime, client: TestClient, work: Work
) -> None:
    export = ask(supervisor, format="csv")
    work()

    async def age(session: AsyncSession) -> Any:
        mine = HazardExport.id == UUID(export["id"])
        past = {"expires_at": utc_now() - timedelta(seconds=1)}
        await session.execute(update(HazardExport).where(mine).values(**past))
        key = select(HazardExportPart.key).where(HazardExportPart.export_id == UUID(export["id"]))
        return (await session.execute(key)).scalar_one()

    key = world.in_database(age)
    assert file_of(supervisor, export).json()["code"] == "export_expired"
    assert client.portal is not None
    client.portal.call(exporting.expire_exports, runtime)
    assert not client.portal.call(runtime.storage.exists, key)
    assert supervisor.get(f"{PATH}/{export['id']}").json()["status"] == "expired"
    assert file_of(supervisor, export).status_code == 410
    assert traces(world, export) == ("hazards:expire_export", None, None, 3)


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize(("attempts", "status"), [(LAST - 1, "waiting"), (LAST, "failed")])
def test_an_export_fails_with_its_last_attempt_and_not_before(
    supervisor: Person, runtime: Runtime, client: TestClient, monkeypatch: pytest.MonkeyPatch, attempts: int, status: str
) -> None:  # fmt: skip
    export = ask(supervisor, format="csv")

    async def away(*_: Any) -> Any:
        raise OSError("the disk is full")

    async def attempt() -> None:
        context = SimpleNamespace(
            additional_context={"runtime": runtime}, job=SimpleNamespace(attempts=attempts)
        )
        with pytest.raises(OSError, match="disk"):
            await export_hazards.func(context, export["id"])

    assert client.portal is not None
    with monkeypatch.context() as patched:
        patched.setattr(exporting, "put_part", away)
        client.portal.call(attempt)
    shown = supervisor.get(f"{PATH}/{export['id']}").json()
    assert (shown["status"], shown["rows_done"]) == (status, 0)
    assert shown["failure"] == ("storage_or_database" if status == "failed" else None)


@pytest.mark.usefixtures("seven")
def test_one_person_does_not_fill_the_queue(supervisor: Person, world: World, work: Work) -> None:
    for _ in range(exporting.MAX_UNFINISHED):
        ask(supervisor, format="csv")
    answer = supervisor.post(PATH)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_exports")
    ask(world.person("supervisor"), format="csv")
    work()
    ask(supervisor, format="csv")


def test_parts_that_belong_to_no_export_are_swept(
    runtime: Runtime, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> tuple[bool, bool]:
        key = await put_part(runtime.storage, UUID(int=1), b"x")
        await remove_strays(runtime.storage)
        is_young_kept = await runtime.storage.exists(key)
        monkeypatch.setattr("app.services.hazards.export_files.STRAY_AFTER", timedelta(seconds=-1))
        await remove_strays(runtime.storage)
        return is_young_kept, await runtime.storage.exists(key)

    assert client.portal is not None
    assert client.portal.call(story) == (True, False)


def test_a_file_of_parts_reads_like_one(runtime: Runtime, client: TestClient) -> None:
    async def story() -> None:
        contents = [b"abc", b"d", b"efgh"]
        parts = [(await put_part(runtime.storage, UUID(int=2), one), len(one)) for one in contents]
        file, whole = PartedFile(runtime.storage, parts), b"".join(contents)
        for start in range(len(whole) + 1):
            assert await file.read("", start) == whole[start:]
            for length in range(len(whole) + 2):
                assert await file.read("", start, length) == whole[start : start + length]

    assert client.portal is not None
    client.portal.call(story)


def given_up(world: World, export: dict[str, Any]) -> None:
    """As `retry_stalled` leaves the job of an export whose worker died too often."""

    async def fail(session: AsyncSession) -> None:
        mine = "UPDATE procrastinate_jobs SET status = 'failed' WHERE args ->> 'export_id' = :id"
        await session.execute(text(mine), {"id": export["id"]})

    world.in_database(fail)


def shown(person: Person, export: dict[str, Any]) -> dict[str, Any]:
    return dict(person.get(f"{PATH}/{export['id']}").json())


def resume(person: Person, export: dict[str, Any]) -> Any:
    return person.post(f"{PATH}/{export['id']}/resumption", version=export["version"])


def half_done(
    client: TestClient, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, export: dict[str, Any]
) -> None:
    """One page was read, and written where the format can grow; then the worker was killed."""
    real, calls = exporting.export_page, []

    async def dying(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return await real(*args)

    async def attempt() -> None:
        try:
            await exporting.work_off(runtime, UUID(export["id"]))
        except Killed:
            return

    assert client.portal is not None
    with monkeypatch.context() as patched:
        patched.setattr(exporting, "export_page", dying)
        client.portal.call(attempt)


def sweep(client: TestClient, runtime: Runtime) -> None:
    assert client.portal is not None
    client.portal.call(exporting.fail_without_job, runtime, "hazards.export")


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
@pytest.mark.usefixtures("seven", "pages_of_two")
def test_an_export_given_up_ends_as_failed_and_its_owner_takes_it_on_behind_its_parts(
    supervisor: Person, world: World, runtime: Runtime, client: TestClient, monkeypatch: pytest.MonkeyPatch,
    file_format: str,
) -> None:  # fmt: skip
    export = ask(supervisor, format=file_format, region_id=str(world.town))
    half_done(client, runtime, monkeypatch, export)
    sweep(client, runtime)
    assert shown(supervisor, export)["status"] == "running", "its job waits for the next attempt"
    given_up(world, export)
    sweep(client, runtime)
    failed = shown(supervisor, export)
    assert (failed["status"], failed["failure"], failed["rows_done"]) == ("failed", "worker_died", 2)
    resumed = resume(supervisor, failed)
    assert resumed.status_code == 202, resumed.text
    assert (resumed.json()["status"], resumed.json()["failure"]) == ("waiting", None)
    assert resumed.json()["expires_at"] == failed["expires_at"]
    pages: list[Any] = []
    real = exporting.export_page

    async def counting(*args: Any) -> Any:
        pages.append(args[3])
        return await real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "export_page", counting)
        assert client.portal is not None
        client.portal.call(exporting.work_off, runtime, UUID(export["id"]))
    assert shown(supervisor, export)["status"] == "done"
    content = file_of(supervisor, export).content
    if file_format == "csv":
        assert (len(lines(content)), pages[0] is None, len(pages)) == (1 + 7, False, 3)
    else:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        assert (len(sheet), pages[0]) == (1 + 7, None)


@pytest.mark.usefixtures("seven")
def test_only_the_owner_takes_a_failed_export_on_and_only_a_failed_one(
    supervisor: Person, world: World, runtime: Runtime, client: TestClient, work: Work
) -> None:
    export = ask(supervisor, format="csv")
    assert (resume(supervisor, export).status_code, resume(supervisor, export).json()["code"]) == (
        409,
        "export_state",
    )
    given_up(world, export)
    sweep(client, runtime)
    failed = shown(supervisor, export)
    assert resume(world.person("supervisor"), failed).status_code == 403
    assert resume(world.person("supervisor", region=world.district), failed).status_code == 404
    assert resume(world.person("inspector"), failed).status_code == 403
    assert resume(supervisor, {**failed, "version": failed["version"] + 1}).status_code == 412
    others = [ask(supervisor, format="csv") for _ in range(exporting.MAX_UNFINISHED)]
    assert resume(supervisor, failed).json()["code"] == "too_many_exports"
    work()
    assert {shown(supervisor, one)["status"] for one in others} == {"done"}
    assert resume(supervisor, failed).status_code == 202
    work()
    done = shown(supervisor, export)
    assert (done["status"], resume(supervisor, done).json()["code"]) == ("done", "export_state")


def test_a_failed_export_whose_time_is_over_is_asked_for_anew(
    supervisor: Person, world: World, runtime: Runtime, client: TestClient
) -> None:
    export = ask(supervisor, format="csv")
    given_up(world, export)
    sweep(client, runtime)

    async def age(session: AsyncSession) -> None:
        past = {"expires_at": utc_now() - timedelta(seconds=1)}
        await session.execute(
            update(HazardExport).where(HazardExport.id == UUID(export["id"])).values(**past)
        )

    world.in_database(age)
    answer = resume(supervisor, shown(supervisor, export))
    assert (answer.status_code, answer.json()["code"]) == (410, "export_expired")
