"""`anshao import …`, as an operator runs it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from app.cli import cli
from app.models.enterprises import Enterprise, TradeClass
from tests.factories.enterprises import PATH, enterprise_body, new_uscc, register
from tests.factories.spreadsheets import line, xlsx
from tests.factories.world import Person, World

Command = Callable[..., Result]

ROWS = 4_000


@pytest.fixture
def anshao(database_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("ANSHAO_DATABASE_URL", database_address)
    monkeypatch.setenv("ANSHAO_DATA_DIR", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, [str(one) for one in arguments])


def test_enterprises_are_imported_in_the_name_of_a_user(
    world: World, anshao: Command, tmp_path: Path, work_off_queue: Callable[[], None]
) -> None:
    supervisor = world.person("supervisor", region=world.district)
    file = tmp_path / "单位.xlsx"
    rows = [
        line(uscc=new_uscc(), name="甲厂", region_code=f"{world.code}0101"),
        line(uscc=new_uscc(), name="乙厂", region_code=f"{world.code}0201"),
    ]
    file.write_bytes(xlsx(*rows))
    login = f"u{supervisor.user_id.hex}"
    dry = anshao("import", "enterprises", file, "--as", login, "--dry-run")
    assert supervisor.get(PATH).json()["items"] == []
    done = anshao("import", "enterprises", file, "--as", login)
    assert dry.exit_code == done.exit_code == 1
    assert "第 3 行 / row 3  区划代码  区划不存在或无权管理" in done.output
    assert "created: 1  更新 / updated: 0  未变 / unchanged: 0  失败 / failed: 1" in done.output
    work_off_queue()
    assert [row["name"] for row in supervisor.get(PATH).json()["items"]] == ["甲厂"]
    file.write_bytes(xlsx(rows[0]))
    again = anshao("import", "enterprises", file, "--as", login)
    assert (again.exit_code, "unchanged: 1" in again.output) == (0, True)


def test_a_stranger_or_a_user_without_the_right_imports_nothing(
    world: World, anshao: Command, tmp_path: Path
) -> None:
    file = tmp_path / "a.xlsx"
    file.write_bytes(xlsx(line(uscc=new_uscc(), name="甲厂", region_code=f"{world.code}0101")))
    officer = world.person("inspector")
    for login in ("nobody", f"u{officer.user_id.hex}"):
        assert anshao("import", "enterprises", file, "--as", login).exit_code == 1
    assert officer.get(PATH).json()["items"] == []


def test_a_process_killed_in_the_middle_is_finished_by_the_worker(
    world: World, database_address: str, tmp_path: Path, work_off_queue: Callable[[], None]
) -> None:
    supervisor = world.person("supervisor")
    file = tmp_path / "单位.xlsx"
    names = {f"第{n}号厂" for n in range(ROWS)}
    file.write_bytes(
        xlsx(*(line(uscc=new_uscc(), name=name, region_code=f"{world.code}0101") for name in names))
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSHAO_")},
        "ANSHAO_DATABASE_URL": database_address,
        "ANSHAO_DATA_DIR": str(tmp_path),
    }
    command = [
        sys.executable,
        "-m",
        "app.cli",
        "import",
        "enterprises",
        str(file),
        "--as",
        f"u{supervisor.user_id.hex}",
    ]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while _progress(supervisor) < 500:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    halfway = _halfway(supervisor, world)
    assert 500 <= halfway < ROWS
    work_off_queue()
    (done,) = supervisor.get(f"{PATH}/imports").json()["items"]
    assert (done["status"], done["rows_done"], done["rows_created"], done["rows_failed"]) == (
        "done",
        ROWS,
        ROWS,
        0,
    )
    assert sorted(_names(supervisor, world)) == sorted(names)


def _progress(person: Person) -> int:
    items = person.get(f"{PATH}/imports").json()["items"]
    return int(items[0]["rows_done"]) if items else 0


def _halfway(person: Person, world: World) -> int:
    """How many rows the dead process left, each of them there; what it had asked for last may still be carried out for a moment."""
    for _ in range(200):
        if (done := _progress(person)) == len(_names(person, world)):
            return done
        time.sleep(0.05)
    raise AssertionError("what is there is not what was counted")


def _names(person: Person, world: World) -> list[str]:
    async def read(session: AsyncSession) -> list[str]:
        wanted = select(Enterprise.name).where(Enterprise.region_id == world.town)
        return list((await session.execute(wanted)).scalars())

    return list(world.in_database(read))


@pytest.fixture
def no_classes_left(world: World) -> Iterator[None]:
    async def clear(session: AsyncSession) -> None:
        await session.execute(delete(TradeClass))

    yield
    world.in_database(clear)


TABLE = (
    "代码,名称\nC,制造业\n36,汽车制造业\n361,汽车整车制造\n3611,汽柴油车整车制造\nC3612,新能源车整车制造\n"
)


@pytest.mark.usefixtures("no_classes_left")
def test_the_classification_is_imported_whole_and_again_without_a_change(
    world: World, anshao: Command, tmp_path: Path
) -> None:
    file = tmp_path / "trades.csv"
    file.write_text(TABLE, encoding="utf-8")
    edition = ("--edition", "GB/T 4754-2017")
    assert "added: 3" in anshao("import", "trades", file, *edition).output
    assert "unchanged: 3" in anshao("import", "trades", file, *edition).output
    officer = world.person("inspector")
    below = officer.get(f"{PATH}/trades", params={"under": "C36"}).json()
    assert [one["code"] for one in below] == ["C361", "C3611", "C3612"]
    assert register(officer, world, trade_code="3612")["trade_name"] == "新能源车整车制造"
    unknown = officer.post(PATH, json=enterprise_body(world, trade_code="3670"))
    assert unknown.json()["errors"][0]["code"] == "trade_class_unknown"
    file.write_text(TABLE.replace("3611", "3619").replace("C3612,新", "C3612,全新"), encoding="utf-8")
    assert (
        "added: 1  更名 / renamed: 1  移除 / removed: 1" in anshao("import", "trades", file, *edition).output
    )


@pytest.mark.parametrize(
    "table",
    [
        "代码,名称\n36,汽车\n9811,没有的\n",
        "编号,叫法\n3611,x\n",
        "代码,名称\n3611,\n",
        "代码,名称\n3611,a\n3611,b\n",
    ],
)
def test_a_table_with_a_wrong_row_is_refused_whole(
    world: World, anshao: Command, tmp_path: Path, table: str
) -> None:
    file = tmp_path / "trades.csv"
    file.write_text(table, encoding="utf-8")
    assert anshao("import", "trades", file, "--edition", "x").exit_code == 1

    async def count(session: AsyncSession) -> list[Any]:
        return list((await session.execute(select(TradeClass))).scalars())

    assert world.in_database(count) == []
