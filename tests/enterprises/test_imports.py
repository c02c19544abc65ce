"""Imports: every row accounted for, nothing twice, nothing in a dry run, nothing lost when the worker dies, no hostile file."""

import asyncio
import csv
import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.enterprises import Enterprise, EnterpriseImport
from app.models.history import AuditEntry
from app.models.identity import RoleGrant
from app.services.enterprises import importing, spreadsheets
from app.services.runtime import Runtime
from tests.enterprises.conftest import Importing
from tests.factories.enterprises import PATH, new_uscc, register
from tests.factories.spreadsheets import HEADER, csv_file, line, xlsx
from tests.factories.world import Person, World

COUNTS = ("rows_total", "rows_done", "rows_created", "rows_updated", "rows_unchanged", "rows_failed")


@pytest.fixture
def supervisor(world: World) -> Person:
    return world.person("supervisor")


@pytest.fixture
def east(world: World) -> str:
    return f"{world.code}0101"


def counts(taken: dict[str, Any]) -> list[int]:
    return [taken[name] for name in COUNTS]


def errors(person: Person, taken: dict[str, Any]) -> list[tuple[int, str, str]]:
    page = person.get(f"{PATH}/imports/{taken['id']}/errors", params={"limit": 200}).json()
    assert all(error["zh"] and error["en"] for error in page["items"])
    return [(error["row"], error["column"], error["code"]) for error in page["items"]]


def listed(person: Person, **params: Any) -> list[dict[str, Any]]:
    return list(person.get(PATH, params={"limit": 200, **params}).json()["items"])


def test_a_file_is_imported_with_every_field(supervisor: Person, east: str, send_import: Importing) -> None:
    code, branch = new_uscc(), new_uscc()
    taken = send_import(
        supervisor,
        xlsx(
            line(uscc=branch, name="东风分公司", region_code=east, parent_uscc=code),
            line(
                uscc=code.lower(), name="安市东风涂装有限公司", region_code=east, address="石桥路1号", trade_code="3360",
                regulated_trades="机械、轻工、烟花爆竹", size="小型", annual_output_fen=12345.67, employees=85,
                is_labour_intensive="是", risk_grade="橙",
            ),
            line(substitute_mark="东镇小作坊1", name="无名喷漆点", region_code=east),
        ),
    )  # fmt: skip
    assert (taken["status"], taken["failure"], counts(taken)) == ("done", None, [3, 3, 3, 0, 0, 0])
    (head,) = listed(supervisor, uscc=code)
    expected = {
        "name": "安市东风涂装有限公司", "address": "石桥路1号", "trade_code": "C3360", "size": "small", "employees": 85,
        "regulated_trades": ["fireworks", "light_industry", "machinery"], "annual_output_fen": 1_234_567,
        "is_labour_intensive": True, "risk_grade": "orange", "is_active": True, "version": 1,
    }  # fmt: skip
    assert {name: head[name] for name in expected} == expected
    assert listed(supervisor, uscc=branch)[0]["parent_id"] == head["id"]
    assert [row["substitute_mark"] for row in listed(supervisor, name="喷漆")] == ["东镇小作坊1"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_csv_is_read_in_the_encodings_of_the_country(
    supervisor: Person, east: str, send_import: Importing, encoding: str
) -> None:
    rows = [line(uscc=new_uscc(), name="安市𠮷祥冷库", region_code=east)]
    taken = send_import(supervisor, csv_file(*rows, encoding=encoding), "a.csv")
    assert counts(taken)[2] == 1
    assert listed(supervisor, name="𠮷")[0]["name"] == "安市𠮷祥冷库"


def test_a_file_imported_again_updates_and_never_duplicates(
    supervisor: Person, world: World, east: str, send_import: Importing
) -> None:
    code, mark = new_uscc(), f"小作坊{world.code}"
    first = [
        line(uscc=code, name="甲厂", region_code=east, employees=5),
        line(substitute_mark=mark, name="乙厂", region_code=east),
    ]
    assert counts(send_import(supervisor, xlsx(*first)))[2:] == [2, 0, 0, 0]
    again = send_import(supervisor, xlsx(*first))
    assert counts(again)[2:] == [0, 0, 2, 0]
    assert {row["version"] for row in listed(supervisor)} == {1}
    changed = [line(uscc=code, name="甲新厂"), line(substitute_mark=mark, region_code=f"{world.code}0201")]
    assert counts(send_import(supervisor, xlsx(*changed)))[2:] == [0, 2, 0, 0]
    by_name = {row["name"]: row for row in listed(supervisor)}
    assert set(by_name) == {"甲新厂", "乙厂"}
    assert (by_name["甲新厂"]["employees"], by_name["甲新厂"]["version"]) == (5, 2)
    assert by_name["乙厂"]["region_id"] == str(world.other_town)
    assert [row["name"] for row in listed(supervisor, name="新")] == ["甲新厂"]


def test_the_same_form_under_the_same_key_is_one_import(
    supervisor: Person, world: World, east: str, runtime: Runtime
) -> None:
    content = xlsx(line(uscc=new_uscc(), name="安华喷涂有限公司", region_code=east))

    def send(key: str, content: bytes = content, dry_run: str = "false") -> Any:
        return supervisor.post(
            f"{PATH}/imports", files={"file": ("a.xlsx", content)}, data={"dry_run": dry_run},
            headers={"Idempotency-Key": key},
        )  # fmt: skip

    first, again, third = send("k1"), send("k1"), send("k2")
    assert (first.status_code, again.status_code, third.status_code) == (202, 202, 202)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json() == again.json()
    assert third.json()["id"] != first.json()["id"]
    imports = supervisor.get(f"{PATH}/imports").json()["items"]
    assert [one["id"] for one in imports] == [third.json()["id"], first.json()["id"]]
    for other in (
        send("k1", dry_run="true"),
        send("k1", xlsx(line(uscc=new_uscc(), name="乙", region_code=east))),
    ):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    headers = {"Authorization": f"Bearer {supervisor.token}"}
    missing = world.client.post(f"{PATH}/imports", files={"file": ("a.xlsx", content)}, headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_required")


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    supervisor: Person, world: World, east: str, send_import: Importing
) -> None:
    known = register(supervisor, world, name="甲厂")
    head = new_uscc()
    content = xlsx(
        line(uscc=known["uscc"], name="改名"),
        line(uscc=head, name="新厂", region_code=east),
        line(uscc=new_uscc(), name="新厂分公司", region_code=east, parent_uscc=head),
        line(uscc="x", name="坏行", region_code=east),
    )
    before = _history(world)
    taken = send_import(supervisor, content, dry_run=True)
    assert (taken["is_dry_run"], counts(taken)[2:]) == (True, [2, 1, 0, 1])
    assert [(row["name"], row["version"]) for row in listed(supervisor)] == [("甲厂", 1)]
    assert _history(world) == before
    assert counts(send_import(supervisor, content))[2:] == [2, 1, 0, 1]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_branch_counts_on_no_parent_that_fails(
    supervisor: Person, east: str, send_import: Importing, dry_run: bool
) -> None:
    lost, wrong = new_uscc(), new_uscc()
    rows = [
        line(uscc=lost, name="总厂", region_code="nowhere"),
        line(uscc=new_uscc(), name="分厂", region_code=east, parent_uscc=lost),
        line(uscc=wrong, name="总厂", region_code=east, size="巨型"),
        line(uscc=new_uscc(), name="分厂", region_code=east, parent_uscc=wrong),
    ]
    taken = send_import(supervisor, xlsx(*rows), dry_run=dry_run)
    assert errors(supervisor, taken) == [
        (2, "region_code", "region_unknown"), (3, "parent_uscc", "parent_unknown"),
        (4, "size", "unknown_option"), (5, "parent_uscc", "parent_unknown"),
    ]  # fmt: skip


def _history(world: World) -> int:
    async def count(session: AsyncSession) -> int:
        wanted = select(func.count()).where(
            AuditEntry.region_id.in_((world.town, world.city)), AuditEntry.kind == "enterprise"
        )
        return (await session.execute(wanted)).scalar_one()

    return int(world.in_database(count))


def test_every_wrong_cell_is_reported_with_its_row_and_column(
    supervisor: Person, world: World, east: str, send_import: Importing
) -> None:
    code = new_uscc()
    foreign = register(world.person("inspector", region=world.town), world)["uscc"]
    branch = register(supervisor, world, parent_id=register(supervisor, world)["id"])["uscc"]
    wrong = code[:17] + ("0" if code[17] != "0" else "1")
    good = {"name": "好厂", "region_code": east}
    rows = [
        (line(uscc=code, **good), []),
        (line(uscc=wrong, **good), [("uscc", "uscc_wrong_check_character")]),
        (line(**good), [("uscc", "key_missing")]),
        (line(uscc=new_uscc(), substitute_mark="x", **good), [("substitute_mark", "key_twice")]),
        (line(uscc=code, **good), [("uscc", "key_duplicate")]),
        (line(uscc=new_uscc()), [("name", "required"), ("region_code", "required")]),
        (line(uscc=new_uscc(), name="厂", region_code="nowhere"), [("region_code", "region_unknown")]),
        (line(uscc=new_uscc(), trade_code="98", **good), [("trade_code", "trade_division_unknown")]),
        (line(uscc=new_uscc(), size="巨型", **good), [("size", "unknown_option")]),
        (line(uscc=new_uscc(), regulated_trades="机械、魔法", **good), [("regulated_trades", "unknown_option")]),
        (line(uscc=new_uscc(), employees="三十", **good), [("employees", "not_a_number")]),
        (line(uscc=new_uscc(), employees=1.5, **good), [("employees", "not_a_number")]),
        (line(uscc=new_uscc(), employees=-1, **good), [("employees", "out_of_range")]),
        (line(uscc=new_uscc(), annual_output_fen="1.234", **good), [("annual_output_fen", "not_a_number")]),
        (line(uscc=new_uscc(), annual_output_fen="1e40", **good), [("annual_output_fen", "out_of_range")]),
        (line(uscc=new_uscc(), is_labour_intensive="也许", **good), [("is_labour_intensive", "unknown_option")]),
        (line(uscc=new_uscc(), address="址" * 301, **good), [("address", "too_long")]),
        (line(uscc=new_uscc(), address="a\x07b", **good), [("address", "bad_character")]),
        (line(uscc=new_uscc(), parent_uscc=new_uscc(), **good), [("parent_uscc", "parent_unknown")]),
        (line(uscc=new_uscc(), parent_uscc=branch, **good), [("parent_uscc", "parent_is_branch")]),
        (line(uscc=foreign, name="改名"), []),
        (line(uscc=new_uscc(), risk_grade="#N/A", **good), [("risk_grade", "unreadable_cell")]),
    ]  # fmt: skip
    taken = send_import(supervisor, xlsx(*(row for row, _ in rows)))
    expected = [(n, *error) for n, (_, wrongs) in enumerate(rows, start=2) for error in wrongs]
    assert errors(supervisor, taken) == expected
    failed = sum(bool(wrongs) for _, wrongs in rows)
    assert counts(taken) == [len(rows), len(rows), 1, 1, 0, failed]

    report = supervisor.get(f"{PATH}/imports/{taken['id']}/error-report", params={"format": "csv"})
    table = list(csv.reader(io.StringIO(report.content.decode("utf-8-sig"))))
    assert table[1] == ["3", "统一社会信用代码", "uscc_wrong_check_character", "统一社会信用代码校验位不正确",
                        "The check character of the credit code is wrong"]  # fmt: skip
    assert len(table) == len(expected) + 1
    workbook = supervisor.get(f"{PATH}/imports/{taken['id']}/error-report").content
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0).to_python()
    assert [[str(int(row[0])), *row[1:]] for row in sheet[1:]] == table[1:]


def test_rows_of_regions_that_the_sender_does_not_manage_are_refused(
    world: World, east: str, send_import: Importing
) -> None:
    abroad = world.person("supervisor", region=world.other_district)
    registered = register(world.person("inspector", region=world.town), world)
    rows = [
        line(uscc=new_uscc(), name="厂", region_code=east),
        line(uscc=registered["uscc"], name="夺来的厂"),
    ]
    taken = send_import(abroad, xlsx(*rows))
    assert errors(abroad, taken) == [(2, "region_code", "region_unknown"), (3, "uscc", "elsewhere")]
    assert listed(world.person("inspector"))[0]["name"] == registered["name"]


def test_rights_withdrawn_before_the_worker_comes_are_gone(
    supervisor: Person, world: World, east: str, work_off_queue: Callable[[], None]
) -> None:
    content = xlsx(line(uscc=new_uscc(), name="厂", region_code=east))
    answer = supervisor.post(f"{PATH}/imports", files={"file": ("a.xlsx", content)})

    async def withdraw(session: AsyncSession) -> None:
        grants = select(RoleGrant).where(RoleGrant.user_id == supervisor.user_id)
        for grant in (await session.execute(grants)).scalars():
            grant.role = "auditor"

    world.in_database(withdraw)
    work_off_queue()
    auditor = world.person("supervisor")
    taken = auditor.get(f"{PATH}/imports/{answer.json()['id']}").json()
    assert (taken["status"], taken["failure"], taken["rows_created"]) == ("failed", "permission_withdrawn", 0)


class Death(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


def test_a_killed_worker_loses_no_row_and_repeats_none(
    supervisor: Person,
    world: World,
    runtime: Runtime,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    east, west = f"{world.code}0101", f"{world.code}0201"
    rows = [line(uscc=new_uscc(), name=f"第{n}厂", region_code=east if n % 2 else west) for n in range(25)]
    rows[7] = line(uscc="bad", name="坏行", region_code=east)
    monkeypatch.setattr(importing, "BATCH", 4)
    answer = supervisor.post(f"{PATH}/imports", files={"file": ("a.xlsx", xlsx(*rows))})
    path = f"{PATH}/imports/{answer.json()['id']}"
    real, calls = importing.apply_batch, 0

    async def dying(*args: Any, **named: Any) -> Any:
        nonlocal calls
        outcome = await real(*args, **named)  # the batch is written, and dies before its commit
        calls += 1
        if calls == 4:
            raise Death
        return outcome

    async def run() -> bool:
        try:
            await importing.work_off(runtime.database, answer.json()["id"])
        except Death:
            return False
        return True

    assert client.portal is not None
    monkeypatch.setattr(importing, "apply_batch", dying)
    assert client.portal.call(run) is False
    halfway = supervisor.get(path).json()
    assert (halfway["status"], counts(halfway)) == ("running", [25, 12, 11, 0, 0, 1])
    assert len(listed(supervisor)) == 11

    async def two_at_once() -> list[bool]:
        return await asyncio.gather(run(), run())

    assert client.portal.call(two_at_once) == [True, True]
    done = supervisor.get(path).json()
    assert (done["status"], counts(done)) == ("done", [25, 25, 24, 0, 0, 1])
    assert sorted(row["name"] for row in listed(supervisor)) == sorted(
        f"第{n}厂" for n in range(25) if n != 7
    )
    assert errors(supervisor, done) == [(9, "uscc", "uscc_wrong_length")]
    assert client.portal.call(run) is True
    assert counts(supervisor.get(path).json()) == counts(done)


def test_the_file_is_kept_until_the_import_ends_and_its_hash_for_good(
    supervisor: Person, world: World, east: str, work_off_queue: Callable[[], None]
) -> None:
    content = xlsx(line(uscc=new_uscc(), name="甲", region_code=east))
    taken = supervisor.post(f"{PATH}/imports", files={"file": ("a.xlsx", content)}).json()

    async def kept(session: AsyncSession) -> bytes:
        wanted = select(EnterpriseImport.content).where(EnterpriseImport.id == taken["id"])
        return (await session.execute(wanted)).scalar_one()

    assert world.in_database(kept) == content
    work_off_queue()
    assert world.in_database(kept) == b""
    done = supervisor.get(f"{PATH}/imports/{taken['id']}").json()
    assert done["sha256"] == taken["sha256"] == "sha-256:" + hashlib.sha256(content).hexdigest()
    assert done["status"] == "done"


def test_each_imported_enterprise_is_audited_in_the_name_of_the_sender(
    supervisor: Person, world: World, east: str, send_import: Importing
) -> None:
    code = new_uscc()
    taken = send_import(supervisor, xlsx(line(uscc=code, name="甲", region_code=east)))
    send_import(supervisor, xlsx(line(uscc=code, name="乙")))

    async def read(session: AsyncSession) -> list[AuditEntry]:
        enterprise = select(Enterprise.id).where(Enterprise.uscc == code).scalar_subquery()
        wanted = select(AuditEntry).where(AuditEntry.object_id == enterprise).order_by(AuditEntry.id)
        return list((await session.execute(wanted)).scalars())

    created, updated = world.in_database(read)
    assert (created.action, created.user_id) == ("enterprises:import", supervisor.user_id)
    assert created.detail == {"import_id": taken["id"]}
    assert updated.before_hash == created.after_hash
    assert updated.detail["fields"] == ["name"]


def bomb(size: int) -> bytes:
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx(line(name="x")))) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in source.namelist():
            packed.writestr(name, source.read(name))
        packed.writestr("xl/media/zeros.bin", b"\0" * size)
    return target.getvalue()


def lying_bomb() -> bytes:
    """A member that says it is small and is not."""
    content = bytearray(bomb(3_000_000))
    for place in _places(bytes(content), (3_000_000).to_bytes(4, "little")):
        content[place : place + 4] = (100).to_bytes(4, "little")
    return bytes(content)


def _places(content: bytes, part: bytes) -> list[int]:
    found, place = [], content.find(part)
    while place >= 0:
        found.append(place)
        place = content.find(part, place + 1)
    return found


def far_cell(row: int, column: int) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    sheet.write_string(row, column, "x")
    book.close()
    return target.getvalue()


def with_document_type() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx(line(name="x")))) as source, zipfile.ZipFile(target, "w") as packed:
        for name in source.namelist():
            data = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data = data.replace(b"<worksheet", b'<!DOCTYPE w [<!ENTITY a "aaaa">]><worksheet', 1)
            packed.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"), (csv_file(), "empty"), (xlsx(), "empty"), (b"PK\x03\x04 not a zip", "unreadable"),
        (xlsx(line(name="x"))[:-40], "unreadable"), (bomb(200_000_000), "too_large_unpacked"), (lying_bomb(), "unreadable"),
        (far_cell(5, 16_000), "too_many_columns"), (far_cell(1_000_000, 3), "too_many_rows"), (with_document_type(), "unreadable"),
        ("统一".encode("utf-16"), "encoding"), (b"\x81", "encoding"),
        (csv_file(line(name="x"), header=["单位名称", "口令"]), "unknown_column"),
        (csv_file(line(name="x"), header=["单位名称", "地址"]), "key_column_missing"),
        (csv_file(line(name="x"), header=["统一社会信用代码", "uscc"]), "repeated_column"),
        (b"a," * 200 + b"\nb", "too_many_columns"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_are_refused_at_once(
    supervisor: Person, content: bytes, reason: str
) -> None:
    answer = supervisor.post(f"{PATH}/imports", files={"file": ("a", content)})
    assert (answer.status_code, answer.json()["code"]) == (422, "spreadsheet_refused")
    assert answer.json()["reason"] == reason
    assert supervisor.get(f"{PATH}/imports").json()["items"] == []


def test_too_many_rows_and_too_large_files_are_refused(
    supervisor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheets, "MAX_ROWS", 3)
    content = csv_file(*(line(uscc=new_uscc(), name="x") for _ in range(4)))
    answer = supervisor.post(f"{PATH}/imports", files={"file": ("a.csv", content)})
    assert answer.json()["reason"] == "too_many_rows"
    large = supervisor.post(f"{PATH}/imports", files={"file": ("a.csv", b"x" * (8 * 1024 * 1024 + 1))})
    assert large.status_code == 413


def test_formulas_are_never_evaluated_their_shown_value_is_text(
    supervisor: Person, world: World, east: str, send_import: Importing
) -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, [new_uscc(), "", "", east])
    sheet.write_formula(1, 2, '=CONCATENATE("甲","厂")', None, "甲厂")
    sheet.write_row(2, 0, [new_uscc(), "", "", east])
    sheet.write_string(2, 2, "=1+1")
    sheet.write_row(3, 0, [new_uscc(), "", "丙厂", east])
    sheet.write_formula(3, HEADER.index("从业人数"), "=1/0", None, "#DIV/0!")
    book.close()
    taken = send_import(supervisor, target.getvalue())
    assert {row["name"] for row in listed(supervisor)} == {"甲厂", "=1+1"}
    assert errors(supervisor, taken) == [(4, "employees", "unreadable_cell")]


def test_the_template_is_imported_as_it_is_filled(
    supervisor: Person, east: str, send_import: Importing
) -> None:
    for kind in ("xlsx", "csv"):
        template = supervisor.get(f"{PATH}/imports/template", params={"format": kind})
        assert f"enterprises.{kind}" in template.headers["Content-Disposition"]
    header = template.content.decode("utf-8-sig").strip().split(",")
    assert header == HEADER
    sheets = supervisor.get(f"{PATH}/imports/template").content
    book = CalamineWorkbook.from_filelike(io.BytesIO(sheets))
    assert book.get_sheet_by_index(0).to_python()[0] == HEADER
    assert [row[0] for row in book.get_sheet_by_index(1).to_python()[1:14]] == HEADER
    filled = csv_file(line(uscc=new_uscc(), name="甲", region_code=east), header=header)
    assert counts(send_import(supervisor, filled))[2] == 1


@pytest.mark.parametrize(
    "role",
    ["administrator", "inspector", "case_officer", "legal_reviewer", "approver", "supervisor", "auditor", "safety_assistant"],
)  # fmt: skip
def test_only_those_who_import_see_imports_and_only_of_their_regions(
    world: World, supervisor: Person, east: str, send_import: Importing, role: str
) -> None:
    taken = send_import(supervisor, xlsx(line(uscc=new_uscc(), region_code=east)))
    may = role in ("administrator", "supervisor")
    at_home, abroad = world.person(role), world.person(role, region=world.other_district)
    one = f"{PATH}/imports/{taken['id']}"
    for address in (
        one,
        f"{one}/errors",
        f"{one}/error-report",
        f"{PATH}/imports",
        f"{PATH}/imports/template",
    ):
        assert at_home.get(address).status_code == (200 if may else 403)
    for address in (one, f"{one}/errors", f"{one}/error-report"):
        assert abroad.get(address).status_code == (404 if may else 403)
    if may:
        assert abroad.get(f"{PATH}/imports").json()["items"] == []
    else:
        answer = at_home.post(f"{PATH}/imports", files={"file": ("a", xlsx(line(uscc=new_uscc())))})
        assert answer.status_code == 403
    assert at_home.get(f"{PATH}/imports/{new_id()}").status_code == (404 if may else 403)
