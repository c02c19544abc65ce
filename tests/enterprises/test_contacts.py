"""Contacts: masked by default, unmasked by permission and reason with its audit row first, checked, erased."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.cn import ric

from app.core.errors import ConflictProblem
from app.core.ids import new_id
from app.models.enterprises import EnterpriseContact
from app.models.history import AuditEntry, IdempotentAnswer
from app.services.audit import service as audit
from tests.factories.enterprises import PATH, register
from tests.factories.world import Person, World

FULL = {"name": "张三丰", "post": "安全总监", "phone": "13812341234", "id_number": "11010519491231002X"}
MASKED = {"name": "张*", "post": "安全总监", "phone": "138****1234", "id_number": "110105********002X"}


@pytest.fixture
def officer(world: World) -> Person:
    return world.person("inspector", region=world.town)


@pytest.fixture
def contacts(officer: Person, world: World) -> str:
    return f"{PATH}/{register(officer, world)['id']}/contacts"


def parts(view: dict[str, Any]) -> dict[str, Any]:
    return {name: view[name] for name in FULL}


def entries_of(world: World, object_id: str) -> list[AuditEntry]:
    async def read(session: AsyncSession) -> list[AuditEntry]:
        wanted = select(AuditEntry).where(AuditEntry.object_id == object_id).order_by(AuditEntry.id)
        return list((await session.execute(wanted)).scalars())

    return list(world.in_database(read))


def test_contacts_are_masked_wherever_they_appear(officer: Person, contacts: str) -> None:
    made = officer.post(contacts, json=FULL)
    assert made.status_code == 201
    address = f"{contacts}/{made.json()['id']}"
    changed = officer.patch(address, version=1, json={"post": "厂长"})
    shown = [made.json(), officer.get(address).json(), *officer.get(contacts).json()]
    assert all(parts(view) in (MASKED, {**MASKED, "post": "厂长"}) for view in shown)
    assert all(view["is_masked"] for view in shown)
    assert "13812341234" not in changed.text + made.text


def test_unmasking_gives_the_full_values_and_its_reason_is_on_record(
    officer: Person, world: World, contacts: str
) -> None:
    made = officer.post(contacts, json=FULL).json()
    answer = officer.post(f"{contacts}/{made['id']}/unmasking", json={"reason": "通知复查"})
    assert parts(answer.json()) == FULL
    assert answer.json()["is_masked"] is False
    (_, entry) = entries_of(world, made["id"])
    assert (entry.action, entry.user_id) == ("enterprises:unmask", officer.user_id)
    assert entry.detail is not None
    assert entry.detail["reason"] == "通知复查"
    for body in ({}, {"reason": ""}, {"reason": "  "}):
        assert officer.post(f"{contacts}/{made['id']}/unmasking", json=body).status_code == 422

    async def stored(session: AsyncSession) -> list[bytes]:
        return list((await session.execute(select(IdempotentAnswer.body))).scalars())

    assert not any(b"13812341234" in body for body in world.in_database(stored))


def test_a_repeated_request_makes_no_second_contact(officer: Person, contacts: str) -> None:
    for _ in range(2):
        assert officer.post(contacts, json=FULL, headers={"Idempotency-Key": "contact"}).status_code == 201
    assert len(officer.get(contacts).json()) == 1


def test_without_its_audit_row_nothing_is_unmasked(
    officer: Person, contacts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = officer.post(contacts, json=FULL).json()

    def broken(*_: Any) -> Any:
        raise ConflictProblem

    monkeypatch.setattr(audit, "_entry", broken)
    answer = officer.post(f"{contacts}/{made['id']}/unmasking", json={"reason": "通知复查"})
    assert answer.status_code == 409
    assert "13812341234" not in answer.text


def test_the_audit_log_holds_no_personal_data(officer: Person, world: World, contacts: str) -> None:
    made = officer.post(contacts, json=FULL).json()
    officer.patch(f"{contacts}/{made['id']}", version=1, json={"phone": "13912340000"})
    added, changed = entries_of(world, made["id"])
    assert changed.detail is not None
    assert changed.detail["fields"] == ["phone"]
    assert changed.before_hash == added.after_hash == audit.state_hash(MASKED)


def with_check(first_seventeen: str) -> str:
    return first_seventeen + str(ric.calc_check_digit(f"{first_seventeen}0"))


ABOLISHED, PERMIT = with_check("99010519491231002"), with_check("81000019940823002")


@pytest.mark.parametrize(
    ("number", "kept"),
    [("11010519491231002x", "11010519491231002X"), ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
     (ABOLISHED, ABOLISHED), (PERMIT, PERMIT), ("110105194912310021", None),
     ("11010519491331002X", None), ("11010529991231002X", None), ("1101051949123100", None), ("A1010519491231002X", None)],
)  # fmt: skip
def test_identity_numbers_are_checked_but_not_their_place(
    officer: Person, world: World, contacts: str, number: str, kept: str | None
) -> None:
    answer = officer.post(contacts, json={"name": "李四", "id_number": number})
    if kept is None:
        assert (answer.status_code, answer.json()["code"]) == (422, "id_number_invalid")
        return

    async def read(session: AsyncSession) -> str | None:
        row = await session.get(EnterpriseContact, answer.json()["id"])
        assert row is not None
        return row.id_number

    assert world.in_database(read) == kept


@pytest.mark.parametrize(("phone", "good"), [("0571-88881234", True), ("138 1234 1234", True), ("+8613812341234", True),
                                              ("88881234", True), ("call me", False), ("1", False)])  # fmt: skip
def test_telephone_numbers_are_checked(officer: Person, contacts: str, phone: str, good: bool) -> None:
    answer = officer.post(contacts, json={"name": "李四", "phone": phone})
    assert (answer.status_code == 201) is good
    if not good:
        assert answer.json()["code"] == "phone_invalid"


def test_a_contact_is_erased_and_only_that_is_remembered(
    officer: Person, world: World, contacts: str
) -> None:
    made = officer.post(contacts, json=FULL).json()
    address = f"{contacts}/{made['id']}"
    assert officer.delete(address).status_code == 428
    assert officer.delete(address, version=5).status_code == 412
    assert officer.delete(address, version=1).status_code == 204
    assert officer.get(address).status_code == 404
    assert officer.get(contacts).json() == []
    last = entries_of(world, made["id"])[-1]
    assert (last.action, last.after_hash) == ("enterprises:remove_contact", None)


@pytest.mark.parametrize(
    "role",
    ["administrator", "inspector", "case_officer", "legal_reviewer", "approver", "supervisor", "auditor", "safety_assistant"],
)  # fmt: skip
def test_each_role_does_what_the_matrix_says_and_sees_no_foreign_contact(
    world: World, officer: Person, contacts: str, role: str
) -> None:
    made = officer.post(contacts, json=FULL).json()
    address = f"{contacts}/{made['id']}"
    at_home, abroad = world.person(role, region=world.town), world.person(role, region=world.other_district)
    assert at_home.get(contacts).json()[0]["phone"] == "138****1234"
    assert abroad.get(contacts).status_code == abroad.get(address).status_code == 404
    may_unmask = role in ("inspector", "case_officer", "approver")
    may_manage = role in ("inspector", "case_officer", "supervisor")
    unmasking = f"{address}/unmasking"
    assert at_home.post(unmasking, json={"reason": "核实"}).status_code == (200 if may_unmask else 403)
    assert abroad.post(unmasking, json={"reason": "核实"}).status_code == (404 if may_unmask else 403)
    for method, place, body in (
        ("POST", contacts, FULL),
        ("PATCH", address, {"post": "x"}),
        ("DELETE", address, None),
    ):
        assert abroad.request(method, place, version=1, json=body).status_code == (404 if may_manage else 403)
        if not may_manage:
            assert at_home.request(method, place, version=1, json=body).status_code == 403
    other = f"{contacts.rsplit('/', 2)[0]}/{new_id()}/contacts/{made['id']}"
    assert officer.get(other).status_code == 404
