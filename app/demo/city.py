"""The sample city, entered by its administrator through the console API: districts, towns, people. A second run finds it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from app.core.clock import shanghai_today
from app.demo.console import Person, StoryFailed

CITY_CODE, CITY_NAME = "339900", "安州市"
AUTHORITY_NAME = "安州市应急管理局"
ADMINISTRATOR = "demo.admin"
DISTRICTS: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("339902", "东湖区", "Donghu District", (("石桥镇", "Shiqiao"), ("柳林街道", "Liulin"), ("白塔镇", "Baita"))),
    ("339903", "临江区", "Linjiang District", (("江口镇", "Jiangkou"), ("望潮街道", "Wangchao"), ("渡头镇", "Dutou"))),
    ("339904", "滨海新区", "Binhai New Area", (("盐仓街道", "Yancang"), ("海门镇", "Haimen"), ("沙湾镇", "Shawan"))),
    ("339921", "青山县", "Qingshan County", (("云溪镇", "Yunxi"), ("竹岭乡", "Zhuling"), ("松源镇", "Songyuan"))),
)  # fmt: skip
"""Made up: no such city exists."""

CAST: tuple[tuple[str, str, str, str], ...] = (
    ("supervisor", "孙督查", "supervisor", "13900000001"),
    ("approver", "李局长", "approver", "13900000002"),
    ("officer1", "赵执法", "inspector", "13900000003"),
    ("officer2", "钱执法", "inspector", "13900000004"),
    ("caseofficer", "周承办", "case_officer", "13900000005"),
    ("assistant1", "吴安全", "safety_assistant", "13900000006"),
    ("assistant2", "郑安全", "safety_assistant", "13900000007"),
    ("reviewer", "王法制", "legal_reviewer", "13900000008"),
    ("auditor", "冯监督", "auditor", "13900000009"),
)
"""Key, name, role, a number that is nobody's."""
CERTIFIED = frozenset({"officer1", "officer2", "caseofficer"})


@dataclass(frozen=True, slots=True)
class City:
    """Who and where: what the rest of the story stands on."""

    http: httpx.Client
    administrator: Person
    people: dict[str, Person]
    city_id: str
    authority_id: str
    regions: dict[str, str]
    """Region ids by code."""

    @property
    def town(self) -> str:
        """The town in which the story happens."""
        return self.regions[town_code(DISTRICTS[0][0], 0)]


def town_code(district: str, index: int) -> str:
    """The code of a district's town: nine digits."""
    return f"{district}{index + 1:03}"


def make_city(http: httpx.Client, administrator: Person, step: Callable[[str], None]) -> City:
    """Enter what is missing; raises StoryFailed."""
    administrator.log_in()
    (city,) = administrator.get("/regions", level="city")["items"]
    if city["code"] != CITY_CODE:
        raise StoryFailed("this installation is another city's")
    regions = _make_regions(administrator, city, step)
    (authority,) = administrator.get("/authorities")["items"]
    made = City(http, administrator, {}, city["id"], authority["id"], regions)
    for key, name, role, phone in CAST:
        made.people[key] = _make_person(made, key, name, role, phone)
        step(f"{name} {made.people[key].login}")
    return made


def _make_regions(administrator: Person, city: dict[str, Any], step: Callable[[str], None]) -> dict[str, str]:
    found = {city["code"]: city["id"]}
    waiting = list(administrator.get(f"/regions/{city['id']}/tree")["children"])
    while waiting:
        node = waiting.pop()
        found[node["code"]] = node["id"]
        waiting += node["children"]
    for code, name, english, towns in DISTRICTS:
        _make_region(administrator, found, city, code, "district", CITY_CODE, name, english)
        for index, (town, town_english) in enumerate(towns):
            _make_region(administrator, found, city, town_code(code, index), "town", code, town, town_english)
        step(name)
    return found


def _make_region(
    administrator: Person, found: dict[str, str], city: dict[str, Any], code: str, level: str, parent: str,
    name: str, english: str,
) -> None:  # fmt: skip
    if code in found:
        return
    body = {
        "code": code, "name": name, "name_en": english, "level": level, "parent_id": found[parent],
        "valid_from": city["valid_from"],
    }  # fmt: skip
    found[code] = administrator.post("/regions", body)["id"]


def _make_person(city: City, key: str, name: str, role: str, phone: str) -> Person:
    """Open the account with its role and certificate, or give a known one another initial password; then log in."""
    login = f"demo.{key}"
    administrator, today = city.administrator, shanghai_today()
    known = [row for row in administrator.get("/users", prefix=login)["items"] if row["login"] == login]
    if known:
        body = {"reason": "演示重新开始"}
        opened = administrator.post(f"/users/{known[0]['id']}/password-reset", body, known[0]["version"])
    else:
        body = {
            "login": login, "name": name, "phone": phone, "authority_id": city.authority_id, "region_id": city.city_id,
        }  # fmt: skip
        opened = administrator.post("/users", body)
        user = opened["user"]
        grant = {"role": role, "region_id": city.city_id, "starts_on": today.isoformat()}
        administrator.post(f"/users/{user['id']}/grants", grant, user["version"])
        if key in CERTIFIED:
            _certify(administrator, user["id"], key)
    person = Person(city.http, login, name, opened["initial_password"])
    person.log_in()
    person.choose_password()
    return person


def _certify(administrator: Person, user_id: str, key: str) -> None:
    today = shanghai_today()
    body = {
        "user_id": user_id,
        "number": f"浙AZ-{user_id[-6:].upper()}",
        "valid_from": (today - timedelta(days=200)).isoformat(),
        "valid_until": (today + timedelta(days=900)).isoformat(),
    }
    administrator.post("/certificates", body)
