"""Three hundred enterprises of the sample city's own making, brought in through the import, and the one the story is about."""

import io
import random
import time
from collections.abc import Callable
from importlib import resources
from typing import Any

import xlsxwriter

from app.content.reading import parse_yaml
from app.core.uscc import ALPHABET, check_character, check_uscc
from app.demo.city import DISTRICTS, City, town_code
from app.demo.console import StoryFailed

HOW_MANY = 300
SEED = 20231
IMPORT_SECONDS = 60
LATITUDE, LONGITUDE = 30_274_085, 120_155_070
"""Microdegrees, WGS-84."""

_DATA: dict[str, Any] = parse_yaml(
    resources.files("app.demo").joinpath("enterprises.yaml").read_text("utf-8")
)
_WORDS: list[str] = _DATA["words"]
_TRADES = [(one["makes"], one["division"], one["trade"]) for one in _DATA["trades"]]
_FORMS = ("有限公司", "有限公司", "有限公司", "股份有限公司", "厂")
_SIZES, _GRADES = ("大型", "中型", "小型", "小型", "微型"), ("红", "橙", "黄", "黄", "蓝", "蓝")
HEADER = (
    "统一社会信用代码", "单位名称", "区划代码", "地址", "行业代码", "监管行业", "规模",
    "年产值（元）", "从业人数", "劳动密集型", "风险等级",
)  # fmt: skip
MAIN_NAME = "安州市东风涂装有限公司"
UNITS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("1号RTO", {"kind": "rto", "chambers": 3, "air_volume_m3_per_hour": 30000, "fuel": "natural_gas", "waste_gas": "涂装废气"}),
    ("污水调节池", {"kind": "confined_space", "space": "underground", "medium": "污水", "toxic_risk": True, "isolation_points": 1}),
    ("维修车间动火点", {"kind": "hot_work_point", "is_fixed_area": False, "work": "焊接检修", "height_m": 0}),
)  # fmt: skip


def valid_uscc(region: str, number: int) -> str:
    """A code whose check characters hold (GB 32100, and GB 11714 inside), of an enterprise that does not exist."""
    eight = f"MADEMO{number:02}"[:8] if number < 100 else f"MADE{number:04}"
    eight = eight.replace("O", "0")
    for inner in ALPHABET:
        first = f"91{region}{eight}{inner}"
        code = first + check_character(first)
        if not check_uscc(code).body_digit_differs:
            return code
    raise StoryFailed(f"no code for {region} {number}")


def enterprise_rows() -> list[tuple[Any, ...]]:
    """The same three hundred at every run; the first is the one the story is about."""
    chance = random.Random(SEED)  # noqa: S311  a sample, no secret
    rows: list[tuple[Any, ...]] = []
    names = {MAIN_NAME}
    for number in range(HOW_MANY):
        code, district, _, towns = DISTRICTS[0] if number == 0 else chance.choice(DISTRICTS)
        index = 0 if number == 0 else chance.randrange(len(towns))
        word, (kind, trade_code, trade) = (
            chance.choice(_WORDS),
            _TRADES[0] if number == 0 else chance.choice(_TRADES),
        )
        name = MAIN_NAME if number == 0 else f"安州市{word}{kind}{chance.choice(_FORMS)}"
        while number and name in names:
            name = f"{district.rstrip('区县')}{chance.choice(_WORDS)}{chance.choice(_WORDS)}{kind}{chance.choice(_FORMS)}"
        names.add(name)
        employees = chance.randrange(4, 900)
        rows.append(
            (
                valid_uscc(code, number), name, town_code(code, index), f"{towns[index][0]}工业路{chance.randrange(1, 300)}号",
                trade_code, trade, chance.choice(_SIZES), employees * chance.randrange(80_000, 400_000), employees,
                "是" if employees > 300 else "否", chance.choice(_GRADES),
            )
        )  # fmt: skip
    return rows


def as_workbook(rows: list[tuple[Any, ...]]) -> bytes:
    """The rows as an XLSX file with the header the import knows."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("企业")
        for line, row in enumerate([HEADER, *rows]):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(line, column, value)
                else:
                    sheet.write_number(line, column, value)
    return buffer.getvalue()


def import_enterprises(city: City, step: Callable[[int, int], None]) -> dict[str, Any]:
    """Send the file as an administrator would, and wait until the worker is through; the finished import."""
    administrator = city.administrator
    files = {"file": ("安州市企业名录.xlsx", as_workbook(enterprise_rows()))}
    taken = administrator.send("POST", "/enterprises/imports", files=files, data={"dry_run": "false"})
    until = time.monotonic() + IMPORT_SECONDS
    while taken["status"] not in ("done", "failed"):
        if time.monotonic() > until:
            raise StoryFailed("the import did not end")
        time.sleep(0.2)
        taken = administrator.get(f"/enterprises/imports/{taken['id']}")
        step(taken["rows_done"], taken["rows_total"] or HOW_MANY)
    if taken["status"] == "failed" or taken["rows_failed"]:
        raise StoryFailed(f"the import failed: {taken}")
    finished: dict[str, Any] = taken
    return finished


def find_main_site(city: City) -> tuple[str, str]:
    """(enterprise id, site id) of the story's enterprise; its site and units are registered when they are not there yet."""
    supervisor = city.people["supervisor"]
    uscc = valid_uscc(DISTRICTS[0][0], 0)
    (enterprise,) = supervisor.get("/enterprises", uscc=uscc)["items"]
    sites = supervisor.get("/sites", enterprise_id=enterprise["id"])["items"]
    if sites:
        return enterprise["id"], sites[0]["id"]
    body = {
        "enterprise_id": enterprise["id"], "region_id": city.town, "name": "一号厂区", "address": "石桥镇工业路8号",
        "position": {"latitude": LATITUDE, "longitude": LONGITUDE, "datum": "wgs84"},
    }  # fmt: skip
    site = supervisor.post("/sites", body)
    for name, facts in UNITS:
        supervisor.post(f"/sites/{site['id']}/units", {"name": name, "facts": facts})
    return enterprise["id"], site["id"]
