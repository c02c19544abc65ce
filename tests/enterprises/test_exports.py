"""Exports: what the list shows, masked, as text, written down first, and importable again."""

import csv
import io
from typing import Any

import pytest
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook
from sqlalchemy import QueuePool, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.enums.enterprises import RegulatedTrade
from app.models.history import AuditEntry
from app.services.enterprises import exporting, writing
from app.services.enterprises.repository import EnterpriseFilter
from app.services.identity.acting import find_actor_of_user
from app.services.runtime import Runtime
from tests.enterprises.conftest import Importing
from tests.factories.enterprises import PATH, new_uscc, register
from tests.factories.world import Person, World


@pytest.fixture
def officer(world: World) -> Person:
    return world.person("inspector")


@pytest.fixture
def supervisor(world: World) -> Person:
    return world.person("supervisor")


def exported(person: Person, **params: Any) -> list[dict[str, str]]:
    """The rows of an export as CSV, which are those of the XLSX too."""
    as_csv = person.get(f"{PATH}/export", params={**params, "format": "csv"})
    as_xlsx = person.get(f"{PATH}/export", params={**params, "format": "xlsx"})
    assert (as_csv.status_code, as_xlsx.status_code) == (200, 200)
    assert as_csv.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(as_csv.content.decode("utf-8-sig"))))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx.content)).get_sheet_by_index(0).to_python()
    names = [row[2] for row in sheet[1:]]
    assert names == [row["单位名称"].removeprefix("'") for row in rows]
    return rows


def test_an_export_holds_the_listed_rows_with_masked_contacts(
    officer: Person, supervisor: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 2)
    made = [register(officer, world, name=f"第{n}厂", annual_output_fen=1_234_05) for n in range(5)]
    contact = {"name": "张三丰", "phone": "13812341234", "id_number": "11010519491231002X"}
    officer.post(f"{PATH}/{made[0]['id']}/contacts", json=contact)
    register(officer, world, name="西厂", region_id=str(world.other_town))
    rows = exported(supervisor, region_id=str(world.district))
    assert [row["统一社会信用代码"] for row in rows] == [one["uscc"] for one in made[::-1]]
    assert (rows[-1]["联系人"], rows[-1]["联系电话"]) == ("张*", "138****1234")
    assert (rows[0]["年产值（元）"], rows[0]["区划代码"], rows[0]["状态"]) == (
        "1234.05",
        f"{world.code}0101",
        "正常",
    )
    assert len(exported(supervisor, name="西")) == 1
    assert exported(supervisor, name="南") == []
    answer = supervisor.get(f"{PATH}/export", params={"format": "csv"})
    assert b"13812341234" not in answer.content
    assert b"11010519491231002X" not in answer.content


@pytest.mark.parametrize("name", ["=1+1", "+86厂", "-厂", "@厂", '=HYPERLINK("http://x")'])
def test_no_cell_is_read_as_a_formula_and_the_name_survives_the_round_trip(
    officer: Person, supervisor: Person, world: World, send_import: Importing, name: str
) -> None:
    register(officer, world, name=name)
    (row,) = exported(supervisor)
    assert row["单位名称"] == f"'{name}"
    content = supervisor.get(f"{PATH}/export", params={"format": "csv"}).content
    taken = send_import(supervisor, content, "export.csv")
    assert (taken["rows_unchanged"], taken["rows_failed"]) == (1, 0)


def test_an_export_is_imported_again_without_a_change(
    officer: Person, supervisor: Person, world: World, send_import: Importing
) -> None:
    head = register(
        officer, world, trade_code="C36", regulated_trades=[one.value for one in RegulatedTrade], size="large", risk_grade="red",
        employees=7, annual_output_fen=10**15, is_labour_intensive=True, address="石桥路1号",
    )  # fmt: skip
    register(officer, world, uscc=None, name="无照")
    register(officer, world, parent_id=head["id"], name="分公司")
    for kind in ("csv", "xlsx"):
        content = supervisor.get(f"{PATH}/export", params={"format": kind}).content
        taken = send_import(supervisor, content, f"export.{kind}")
        assert (taken["rows_unchanged"], taken["rows_failed"], taken["rows_updated"]) == (3, 0, 0)


def test_a_long_export_goes_on_in_a_further_sheet(
    officer: Person, supervisor: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_SHEET_ROWS", 2)
    for number in range(5):
        register(officer, world, name=f"第{number}厂")
    content = supervisor.get(f"{PATH}/export").content
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    assert book.sheet_names == ["单位", "单位 2", "单位 3"]
    assert [row[2] for sheet in sheets for row in sheet[1:]] == [
        f"第{number}厂" for number in range(4, -1, -1)
    ]
    assert {tuple(sheet[0]) for sheet in sheets} == {exporting.HEADER}


def test_no_transaction_is_open_while_the_reader_of_an_export_is_slow(
    officer: Person,
    supervisor: Person,
    world: World,
    runtime: Runtime,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 2)
    for number in range(5):
        register(officer, world, name=f"第{number}厂")

    async def read_slowly() -> list[int]:
        async with runtime.database.read() as session:
            actor = await find_actor_of_user(session, supervisor.user_id)
        assert actor is not None
        pool = runtime.database.engine.pool
        assert isinstance(pool, QueuePool)
        return [
            pool.checkedout() async for _ in exporting.export_csv(runtime.database, actor, EnterpriseFilter())
        ]

    assert client.portal is not None
    assert client.portal.call(read_slowly) == [0, 0, 0, 0]


def test_an_export_is_written_down_before_it_leaves(supervisor: Person, world: World) -> None:
    params = {"name": "张三面馆", "risk_grade": "red", "format": "csv"}
    assert supervisor.get(f"{PATH}/export", params=params).status_code == 200

    async def read(session: AsyncSession) -> list[AuditEntry]:
        wanted = select(AuditEntry).where(AuditEntry.user_id == supervisor.user_id)
        return list((await session.execute(wanted)).scalars())

    (entry,) = world.in_database(read)
    assert (entry.action, entry.region_id) == ("enterprises:export", world.city)
    assert entry.detail == {"format": "csv", "filters": {"name": "…", "risk_grade": "red"}}


@pytest.mark.parametrize(
    "role",
    ["administrator", "inspector", "case_officer", "legal_reviewer", "approver", "supervisor", "auditor", "safety_assistant"],
)  # fmt: skip
def test_only_those_who_export_do_and_only_their_regions(world: World, officer: Person, role: str) -> None:
    register(officer, world, uscc=new_uscc())
    at_home, abroad = world.person(role, region=world.town), world.person(role, region=world.other_district)
    if role in ("supervisor", "auditor"):
        assert len(exported(at_home)) == 1
        assert exported(abroad) == exported(abroad, region_id=str(world.town)) == []
    else:
        assert at_home.get(f"{PATH}/export").status_code == 403
