"""The register: who may enter and change what, by which codes, and what is written down about it."""

import json
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.uscc import check_character
from app.models.enterprises import TradeClass
from app.models.history import AuditEntry, Change
from tests.factories.enterprises import PATH, enterprise_body, new_uscc, register
from tests.factories.world import Person, World


@pytest.fixture
def officer(world: World) -> Person:
    return world.person("inspector", region=world.town)


def refused_fields(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "enterprise_invalid"
    return [(error["at"], error["code"]) for error in answer.json()["errors"]]


def test_an_enterprise_is_registered_and_read_with_its_trade(officer: Person, world: World) -> None:
    given = {
        "name": "  安市（东镇）Ａ涂装厂 ", "address": "石桥路1号", "trade_code": "3360", "size": "small",
        "regulated_trades": ["machinery", "light_industry", "machinery"], "annual_output_fen": 123_456_789_00,
        "employees": 85, "is_labour_intensive": True, "risk_grade": "orange",
    }  # fmt: skip
    made = register(officer, world, **given)
    assert made["name"] == "安市（东镇）Ａ涂装厂"
    assert (made["trade_code"], made["trade_name"]) == ("C3360", "金属制品业")
    assert made["trade_to_be_confirmed"] is True  # the division's name ships, not compared with the print
    assert made["regulated_trades"] == ["light_industry", "machinery"]
    answer = officer.get(f"{PATH}/{made['id']}")
    assert answer.json() == made
    assert answer.headers["ETag"] == '"1"'


def test_codes_are_normalized_and_wrong_ones_refused_with_the_reason(officer: Person, world: World) -> None:
    code = new_uscc()
    full_width = "".join(chr(ord(one) + 0xFEE0) for one in code.lower())
    assert register(officer, world, uscc=full_width)["uscc"] == code
    last = "0" if new_uscc()[-1] != "0" else "1"
    for wrong, reason in (
        (code[:17], "uscc_wrong_length"),
        (code[:17] + "I", "uscc_wrong_character"),
        (code[:2] + "A" + code[3:], "uscc_wrong_region"),
        (code[:17] + (last if last != code[17] else "2"), "uscc_wrong_check_character"),
    ):
        answer = officer.post(PATH, json=enterprise_body(world, uscc=wrong))
        assert refused_fields(answer) == [("uscc", reason)]


def test_a_differing_inner_digit_is_a_remark_and_no_refusal(officer: Person, world: World) -> None:
    code = new_uscc()
    inner = "1" if code[16] != "1" else "2"
    first = code[:16] + inner
    made = register(officer, world, uscc=first + check_character(first))
    assert made["uscc_body_differs"] is True
    assert register(officer, world)["uscc_body_differs"] is False


def test_a_code_is_registered_once_whatever_its_region(officer: Person, world: World) -> None:
    code = register(officer, world)["uscc"]
    abroad = world.person("inspector", region=world.other_town)
    body = enterprise_body(world, uscc=code.lower(), region_id=str(world.other_town))
    answer = abroad.post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "enterprise_exists")
    assert "id" not in answer.json()


def test_an_unlicensed_enterprise_gets_a_mark_that_a_licence_later_replaces(
    officer: Person, world: World
) -> None:
    first, second = (register(officer, world, uscc=None) for _ in range(2))
    assert first["uscc"] is None
    assert first["substitute_mark"].startswith(f"无照-{world.code}0101-")
    assert first["substitute_mark"] != second["substitute_mark"]
    code = new_uscc()
    licensed = officer.patch(f"{PATH}/{first['id']}", version=1, json={"uscc": code}).json()
    assert (licensed["uscc"], licensed["substitute_mark"], licensed["version"]) == (code, None, 2)
    cleared = officer.patch(f"{PATH}/{first['id']}", version=2, json={"uscc": None})
    assert cleared.status_code == 422


@pytest.mark.parametrize(
    ("trade", "kept", "reason"),
    [("C36", "C36", None), ("36", "C36", None), ("c3660", "C3660", None), ("０１", "A01", None), ("T97", "T97", None),
     ("98", None, "trade_division_unknown"), ("00", None, "trade_division_unknown"), ("B36", None, "trade_section_mismatch"),
     ("C", None, "trade_format"), ("C36601", None, "trade_format"), ("汽车", None, "trade_format")],
)  # fmt: skip
def test_trades_are_checked_by_format_and_division(
    officer: Person, world: World, trade: str, kept: str | None, reason: str | None
) -> None:
    answer = officer.post(PATH, json=enterprise_body(world, trade_code=trade))
    if reason:
        assert refused_fields(answer) == [("trade_code", reason)]
    else:
        assert answer.json()["trade_code"] == kept


def test_the_classification_is_read_from_the_top(officer: Person, world: World) -> None:
    sections = officer.get(f"{PATH}/trades").json()
    assert [one["code"] for one in sections] == list("ABCDEFGHIJKLMNOPQRST")
    below = [officer.get(f"{PATH}/trades", params={"under": one["code"]}).json() for one in sections]
    assert all(one["to_be_confirmed"] for one in sections + [one for rows in below for one in rows])
    digits = [one["code"][1:] for rows in below for one in rows]
    assert digits == [f"{number:02}" for number in range(1, 98)]


def test_branches_are_one_level_deep(officer: Person, world: World) -> None:
    head, other = register(officer, world), register(officer, world)
    branch = register(officer, world, parent_id=head["id"], name="安市东风涂装有限公司东镇分公司")
    assert [row["id"] for row in officer.get(PATH, params={"parent_id": head["id"]}).json()["items"]] == [
        branch["id"]
    ]
    deeper = officer.post(PATH, json=enterprise_body(world, parent_id=branch["id"]))
    assert refused_fields(deeper) == [("parent_id", "parent_is_branch")]
    itself = officer.patch(f"{PATH}/{head['id']}", version=1, json={"parent_id": head["id"]})
    assert refused_fields(itself) == [("parent_id", "parent_is_self")]
    above = officer.patch(f"{PATH}/{head['id']}", version=1, json={"parent_id": other["id"]})
    assert refused_fields(above) == [("parent_id", "has_branches")]
    abroad = world.person("inspector", region=world.other_town)
    foreign = enterprise_body(world, parent_id=head["id"], region_id=str(world.other_town))
    assert refused_fields(abroad.post(PATH, json=foreign)) == [("parent_id", "parent_unknown")]


def test_a_change_sets_what_is_given_clears_what_is_null_and_keeps_the_rest(
    officer: Person, world: World
) -> None:
    made = register(officer, world, address="旧址", employees=5)
    path = f"{PATH}/{made['id']}"
    answer = officer.patch(path, version=1, json={"name": "安市新风涂装有限公司", "address": None})
    changed = answer.json()
    assert answer.headers["ETag"] == '"2"'
    assert (changed["name"], changed["address"], changed["employees"]) == ("安市新风涂装有限公司", None, 5)
    assert [row["id"] for row in officer.get(PATH, params={"name": "新风"}).json()["items"]] == [made["id"]]
    assert officer.get(PATH, params={"name": "东风"}).json()["items"] == []
    same = officer.patch(path, version=2, json={"employees": 5})
    assert (same.json()["version"], same.headers["ETag"]) == (2, '"2"')


def test_writes_need_the_version_that_was_read(officer: Person, world: World) -> None:
    path = f"{PATH}/{register(officer, world)['id']}"
    for method, address, body in (
        ("PATCH", path, {"employees": 1}),
        ("POST", f"{path}/deactivation", {"reason": "注销"}),
        ("POST", f"{path}/reactivation", {"reason": "误注销"}),
    ):
        assert officer.request(method, address, json=body).status_code == 428
        assert officer.request(method, address, version=7, json=body).status_code == 412


def test_an_enterprise_is_deactivated_and_brought_back_with_a_reason(officer: Person, world: World) -> None:
    path = f"{PATH}/{register(officer, world)['id']}"
    gone = officer.post(f"{path}/deactivation", version=1, json={"reason": "已注销"}).json()
    assert gone["is_active"] is False
    assert officer.get(PATH, params={"is_active": True}).json()["items"] == []
    assert len(officer.get(PATH, params={"is_active": False}).json()["items"]) == 1
    again = officer.post(f"{path}/deactivation", version=2, json={"reason": "已注销"})
    assert (again.status_code, again.json()["code"]) == (409, "enterprise_activity")
    assert (
        officer.post(f"{path}/reactivation", version=2, json={"reason": "误操作"}).json()["is_active"] is True
    )
    assert officer.post(f"{path}/deactivation", version=3, json={}).status_code == 422


def test_every_change_is_audited_and_enters_the_change_feed(world: World) -> None:
    officer = world.person("inspector")
    made = register(officer, world)
    path = f"{PATH}/{made['id']}"
    officer.patch(path, version=1, json={"region_id": str(world.other_town), "employees": 9})
    officer.post(f"{path}/deactivation", version=2, json={"reason": "注销"})

    async def read(session: AsyncSession) -> tuple[list[AuditEntry], list[Change]]:
        entries = select(AuditEntry).where(AuditEntry.object_id == made["id"]).order_by(AuditEntry.id)
        changes = select(Change).where(Change.object_id == made["id"]).order_by(Change.id)
        return list((await session.execute(entries)).scalars()), list(
            (await session.execute(changes)).scalars()
        )

    entries, changes = world.in_database(read)
    assert [row.action for row in entries] == [
        "enterprises:register", "enterprises:change", "enterprises:deactivate",
    ]  # fmt: skip
    assert all(row.user_id == officer.user_id for row in entries)
    assert entries[0].before_hash is None
    assert entries[1].before_hash == entries[0].after_hash != entries[1].after_hash
    assert entries[1].detail == {"fields": ["employees", "region_id"]}
    assert entries[2].detail == {"reason": "注销", "fields": ["is_active"]}
    assert [row.version for row in changes] == [1, 2, 3]
    assert (changes[1].previous_region_id, changes[1].region_id) == (world.town, world.other_town)
    assert changes[0].previous_region_id is changes[2].previous_region_id is None


def test_an_enterprise_is_neither_registered_nor_moved_where_the_officer_does_not_manage(
    officer: Person, world: World
) -> None:
    elsewhere = enterprise_body(world, region_id=str(world.other_town))
    assert officer.post(PATH, json=elsewhere).status_code == 403
    made = register(officer, world)
    moved = officer.patch(f"{PATH}/{made['id']}", version=1, json={"region_id": str(world.other_town)})
    assert moved.status_code == 403


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": " "}, {"name": "a\x00b"}, {"name": "长" * 201}, {"employees": -1}, {"employees": 1.5},
     {"annual_output_fen": 10**15 + 1}, {"size": "huge"}, {"risk_grade": "purple"}, {"regulated_trades": ["x"]},
     {"is_labour_intensive": "maybe"}, {"colour": "red"}, {"region_id": "x"}],
)  # fmt: skip
def test_bad_input_is_refused_field_by_field(officer: Person, world: World, change: dict[str, Any]) -> None:
    answer = officer.post(PATH, json=enterprise_body(world, **change))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert any(next(iter(change)) in error["at"] for error in answer.json()["errors"])


def test_names_are_kept_composed_and_impossible_characters_refused(officer: Person, world: World) -> None:
    assert (
        register(officer, world, name=unicodedata.normalize("NFD", "Café 涂装厂🏭"))["name"]
        == "Café 涂装厂🏭"
    )
    headers = {"Content-Type": "application/json"}
    for escape in ("\\ud800", "\\u0000", "\\u0007"):
        body = json.dumps(enterprise_body(world, name="厂?")).replace("?", escape)
        assert officer.post(PATH, content=body, headers=headers).status_code in (400, 422)


def test_finer_trades_are_checked_once_classes_are_imported(officer: Person, world: World) -> None:
    async def add(session: AsyncSession) -> None:
        session.add(TradeClass(code="C3670", name="汽车零部件及配件制造", edition="GB/T 4754-2017"))

    async def remove(session: AsyncSession) -> None:
        row = await session.get(TradeClass, "C3670")
        await session.delete(row)

    world.in_database(add)
    try:
        named = register(officer, world, trade_code="3670")
        assert (named["trade_name"], named["trade_to_be_confirmed"]) == ("汽车零部件及配件制造", False)
        (entry,) = officer.get(f"{PATH}/trades", params={"under": "C3670"}).json()
        assert entry["to_be_confirmed"] is False
        answer = officer.post(PATH, json=enterprise_body(world, trade_code="3679"))
        assert refused_fields(answer) == [("trade_code", "trade_class_unknown")]
        assert register(officer, world, trade_code="36")["trade_code"] == "C36"
    finally:
        world.in_database(remove)


def test_the_same_code_sent_by_several_at_once_is_registered_once(officer: Person, world: World) -> None:
    body = enterprise_body(world)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: officer.post(PATH, json=body), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(officer.get(PATH).json()["items"]) == 1


def test_a_repeated_request_is_answered_as_the_first_time(officer: Person, world: World) -> None:
    body, headers = enterprise_body(world, uscc=None), {"Idempotency-Key": new_uscc()}
    first, second = (officer.post(PATH, json=body, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert len(officer.get(PATH).json()["items"]) == 1


READERS = {
    "inspector",
    "case_officer",
    "legal_reviewer",
    "approver",
    "supervisor",
    "auditor",
    "safety_assistant",
}
MANAGERS = {"inspector", "case_officer", "supervisor"}


@pytest.mark.parametrize("role", sorted({*READERS, "administrator"}))
def test_each_role_does_what_the_matrix_says_and_sees_no_foreign_region(world: World, role: str) -> None:
    made = register(world.person("inspector", region=world.town), world)
    path = f"{PATH}/{made['id']}"
    at_home, abroad = world.person(role, region=world.town), world.person(role, region=world.other_district)
    assert at_home.get(path).status_code == 200
    assert len(at_home.get(PATH).json()["items"]) == 1
    assert abroad.get(path).status_code == 404
    assert abroad.get(PATH).json()["items"] == []
    writes = (
        ("PATCH", path, {"employees": 3}),
        ("POST", f"{path}/deactivation", {"reason": "注销"}),
        ("POST", f"{path}/reactivation", {"reason": "误"}),
    )
    for method, address, body in writes:
        foreign = abroad.request(method, address, version=1, json=body).status_code
        assert foreign == (404 if role in MANAGERS else 403)
        if role not in MANAGERS:
            assert at_home.request(method, address, version=1, json=body).status_code == 403
    body = enterprise_body(world)
    assert at_home.post(PATH, json=body).status_code == (201 if role in MANAGERS else 403)
    assert abroad.post(PATH, json=enterprise_body(world)).status_code == 403
