"""The core promise: acknowledged means every declared byte is hashed, stored and durable; and what is kept is kept for ever."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from anshao_phone import sha256_of
from app.core.ids import new_id
from app.services.inspections.receipt_format import receipt_verifies
from app.services.runtime import Runtime
from tests.factories.field import SHOWN_TEXT, Field, photo
from tests.factories.world import Person, World


@pytest.fixture
def team(world: World) -> tuple[Person, Person]:
    return world.person("inspector", region=world.town), world.person("inspector", region=world.town)


def ids(team: tuple[Person, Person]) -> list:  # type: ignore[type-arg]
    return [officer.user_id for officer in team]


def test_a_package_with_its_photos_earns_a_receipt_that_verifies_offline(
    world: World, team: tuple[Person, Person], runtime: Runtime
) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    photos = [photo(), photo()]
    package = phone.seal(field.document(field.publish("rto"), ids(team)), photos)
    answer = phone.put_package(package)
    assert answer.status_code == 201, answer.text
    assert sorted(answer.json()["missing_evidence"]) == sorted(str(p.id) for p in photos)
    assert phone.put_photo(package, photos[0]).json()["status"] == "verified"
    pending = phone.request("GET", f"/packages/{package.id}/receipt")
    assert (pending.status_code, pending.json()["code"], pending.json()["missing"]) == (
        404,
        "receipt_pending",
        1,
    )
    assert phone.put_photo(package, photos[1]).status_code == 201
    receipt = phone.receipt(package.id)
    assert receipt is not None
    published = [key.public_jwk for key in runtime.keys.all("receipts")]
    assert receipt_verifies(receipt, published)
    assert receipt["receipt"]["package"]["hash"] == package.hash
    assert {row["hash"] for row in receipt["receipt"]["evidence"]} == {
        p.declaration()["hash"] for p in photos
    }
    receipt["receipt"]["evidence"][0]["size"] += 1
    assert not receipt_verifies(receipt, published)


def test_photos_may_come_before_their_package(world: World, team: tuple[Person, Person]) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    early = photo()
    package = phone.seal(field.document(field.publish("rto"), ids(team)), [early])
    assert phone.put_photo(package, early).json()["status"] == "stored"
    answer = phone.put_package(package).json()
    assert (answer["missing_evidence"], answer["receipt"]) == ([], True)


def test_the_same_bytes_again_are_harmless_and_other_bytes_are_kept_beside(
    world: World, team: tuple[Person, Person]
) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    document = field.document(field.publish("rto"), ids(team))
    package = phone.seal(document, [])
    first = phone.put_package(package)
    again = phone.put_package(package)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    forged = type(package)(package.id, package.sealed.replace("李工".encode(), "王工".encode()), ())
    assert (phone.put_package(forged).status_code, phone.put_package(forged).status_code) == (409, 409)

    async def count(session: AsyncSession) -> int:
        found = text("SELECT count(*) FROM package_conflicts WHERE package_id = :id")
        return int((await session.execute(found, {"id": package.id})).scalar_one())

    assert world.in_database(count) == 1


def test_parallel_identical_packages_make_one_record(world: World, team: tuple[Person, Person]) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    package = phone.seal(field.document(field.publish("rto"), ids(team)), [])
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda _: phone.put_package(package).status_code, range(4)))
    assert statuses == [200, 200, 200, 201]


def test_parallel_last_photos_make_exactly_one_receipt(world: World, team: tuple[Person, Person]) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    photos = [photo() for _ in range(4)]
    package = phone.seal(field.document(field.publish("rto"), ids(team)), photos)
    phone.put_package(package)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda p: phone.put_photo(package, p).status_code, photos)) == {201}
    assert phone.receipt(package.id) is not None


@pytest.mark.parametrize(
    ("bend", "reason"),
    [
        (lambda d: {**d, "schema": "anshao.package/9"}, "unknown_schema"),
        (lambda d: {**d, "id": str(new_id())}, "other_id"),
        (lambda d: {**d, "user_id": str(new_id())}, "other_author"),
        (lambda d: {**d, "template": {**d["template"], "hash": "sha-256:" + "0" * 64}}, "unknown_template"),
        (lambda d: {k: v for k, v in d.items() if k != "party"}, "party: missing"),
    ],
)
def test_what_cannot_be_processed_is_kept_aside_with_its_reason(
    world: World,
    team: tuple[Person, Person],
    bend,
    reason: str,  # type: ignore[no-untyped-def]
) -> None:
    import json

    field = Field(world)
    phone = field.phone(team[0].user_id)
    package = phone.seal(field.document(field.publish("rto"), ids(team)), [])
    bent = type(package)(package.id, json.dumps(bend(json.loads(package.sealed))).encode(), ())
    answer = phone.put_package(bent)
    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (
        422,
        "package_quarantined",
        reason,
    )

    async def kept(session: AsyncSession) -> bytes:
        found = text("SELECT sealed FROM package_intakes WHERE package_id = :id")
        return bytes((await session.execute(found, {"id": package.id})).scalar_one())

    assert world.in_database(kept) == bent.sealed


def test_a_package_signed_by_another_key_is_kept_aside(world: World, team: tuple[Person, Person]) -> None:
    field = Field(world)
    phone, other = field.phone(team[0].user_id), field.phone(team[0].user_id)
    package = phone.seal(field.document(field.publish("rto"), ids(team)), [])
    phone.key = other.key
    assert phone.put_package(package).json()["reason"] == "wrong_signature"


def test_a_site_in_a_foreign_region_is_not_found_and_nothing_is_kept(world: World) -> None:
    field = Field(world, region=world.other_town)
    stranger = world.person("inspector", region=world.town)
    phone = field.phone(stranger.user_id)
    package = phone.seal(field.document(field.publish("rto"), [stranger.user_id]), [])
    assert phone.put_package(package).status_code == 404

    async def count(session: AsyncSession) -> int:
        found = text("SELECT count(*) FROM package_intakes WHERE package_id = :id")
        return int((await session.execute(found, {"id": package.id})).scalar_one())

    assert world.in_database(count) == 0


def test_a_safety_assistant_cannot_submit_an_inspection(world: World) -> None:
    field = Field(world)
    assistant = world.person("safety_assistant", region=world.town)
    phone = field.phone(assistant.user_id)
    package = phone.seal(field.document(field.publish("rto"), [assistant.user_id]), [])
    assert phone.put_package(package).status_code == 403


def test_an_expired_certificate_is_kept_and_flagged_not_signable(world: World) -> None:
    from datetime import date

    field = Field(world)
    valid = world.person("inspector", region=world.town)
    expired = world.person("inspector", region=world.town, certificate=(date(2020, 1, 1), date(2020, 12, 31)))
    phone = field.phone(valid.user_id)
    answer = phone.put_package(
        phone.seal(field.document(field.publish("rto"), [valid.user_id, expired.user_id]), [])
    )
    assert answer.status_code == 201
    assert answer.json()["signable"] is False
    assert "certificate_not_valid" in {issue["code"] for issue in answer.json()["issues"]}


def test_officers_are_claimed_until_each_signs_with_an_own_phone(
    world: World, team: tuple[Person, Person]
) -> None:
    field = Field(world)
    phones = [field.phone(officer.user_id) for officer in team]
    package = phones[0].seal(field.document(field.publish("rto"), ids(team)), [])
    assert phones[0].put_package(package).json()["signable"] is True
    first = phones[0].sign_package(package.id, package.hash, SHOWN_TEXT).json()
    assert sorted(view["status"] for view in first) == ["claimed", "signed"]
    wrong = phones[1].sign_package(package.id, "sha-256:" + "0" * 64, SHOWN_TEXT)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_package_signature")
    both = phones[1].sign_package(package.id, package.hash, SHOWN_TEXT).json()
    assert [view["status"] for view in both] == ["signed", "signed"]


def visited(person: Person, field: Field) -> dict[str, Any]:
    """The only package of the visit as the console shows it."""
    answer = person.get(f"/api/v1/inspections/visits/{field.visit_id}")
    assert answer.status_code == 200, answer.text
    (package,) = answer.json()["packages"]
    return dict(package)


def test_every_signature_and_refusal_is_read_with_the_hash_of_the_text_that_was_shown(
    world: World, team: tuple[Person, Person]
) -> None:
    field = Field(world)
    phones = [field.phone(officer.user_id) for officer in team]
    refused = {
        "outcome": "refused",
        "name": "李工",
        "reason": "对第三条有异议",
        "text_hash": sha256_of("甲".encode()),
    }
    package = phones[0].seal({**field.document(field.publish("rto"), ids(team)), "party": refused}, [])
    answer = phones[0].put_package(package)
    assert answer.status_code == 201, answer.text
    assert "refusal_reason_missing" not in {issue["code"] for issue in answer.json()["issues"]}
    officers_text = sha256_of("乙".encode())
    assert phones[1].sign_package(package.id, package.hash, officers_text).status_code == 200
    other = phones[0].sign(f"anshao.package-signature/1\n{package.hash}\n{SHOWN_TEXT}".encode())
    body = {"text_hash": officers_text, "signature": other}
    lying = phones[0].request("POST", f"/packages/{package.id}/signatures", json=body)
    assert (lying.status_code, lying.json()["code"]) == (422, "wrong_package_signature")
    shown = visited(team[0], field)
    assert shown["party"] == {
        "outcome": "refused", "reason": "对第三条有异议", "text_hash": refused["text_hash"], "evidence_id": None,
    }  # fmt: skip
    assert {row["user_id"]: (row["status"], row["text_hash"]) for row in shown["signatures"]} == {
        str(team[0].user_id): ("claimed", None),
        str(team[1].user_id): ("signed", officers_text),
    }


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_refusal_without_its_reason_is_kept_and_flagged(
    world: World, team: tuple[Person, Person], reason: str | None
) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    party = {"outcome": "refused", "reason": reason, "text_hash": SHOWN_TEXT}
    package = phone.seal({**field.document(field.publish("rto"), ids(team)), "party": party}, [])
    answer = phone.put_package(package)
    assert answer.status_code == 201, answer.text
    assert "refusal_reason_missing" in {issue["code"] for issue in answer.json()["issues"]}


@pytest.mark.parametrize("outcome", ["signed", "refused"])
def test_neither_signature_nor_refusal_counts_without_the_hash_of_the_shown_text(
    world: World, team: tuple[Person, Person], outcome: str
) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    party = {"outcome": outcome, "name": "李工", "reason": "有异议"}
    package = phone.seal({**field.document(field.publish("rto"), ids(team)), "party": party}, [])
    answer = phone.put_package(package)
    assert (answer.status_code, answer.json()["reason"]) == (422, "party/text_hash: missing")


def test_someone_else_cannot_sign(world: World, team: tuple[Person, Person]) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    package = phone.seal(field.document(field.publish("rto"), ids(team)), [])
    phone.put_package(package)
    colleague = field.phone(world.person("inspector", region=world.town).user_id)
    assert colleague.sign_package(package.id, package.hash, SHOWN_TEXT).status_code == 403
    foreigner = field.phone(world.person("inspector", region=world.other_town).user_id)
    assert foreigner.sign_package(package.id, package.hash, SHOWN_TEXT).status_code == 404
    assert foreigner.request("GET", f"/packages/{package.id}").status_code == 404


def test_the_sealed_bytes_cannot_be_altered_even_in_the_database(
    world: World, team: tuple[Person, Person]
) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    package = phone.seal(field.document(field.publish("rto"), ids(team)), [])
    phone.put_package(package)

    async def alter(session: AsyncSession) -> None:
        await session.execute(
            text("UPDATE package_intakes SET sealed = '' WHERE package_id = :id"), {"id": package.id}
        )

    with pytest.raises(DBAPIError, match="never altered"):
        world.in_database(alter)


def test_no_default_answers_an_unanswered_checklist_says_so(
    world: World, team: tuple[Person, Person]
) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    answer = phone.put_package(phone.seal(field.document(field.publish("rto"), ids(team)), [])).json()
    assert [i["code"] for i in answer["issues"]].count("unanswered") >= 25


def test_who_may_no_longer_submit_still_learns_that_his_package_is_here(
    world: World, team: tuple[Person, Person]
) -> None:
    field = Field(world)
    phone = field.phone(team[0].user_id)
    package = phone.seal(field.document(field.publish("rto"), ids(team)), [])
    assert phone.put_package(package).status_code == 201

    async def move_site(session: AsyncSession) -> None:
        moved = text("UPDATE sites SET region_id = :region WHERE id = :id")
        await session.execute(moved, {"region": world.other_town, "id": field.site_id})

    world.in_database(move_site)
    again = phone.put_package(package)
    assert (again.status_code, again.json()["status"]) == (200, "processed")
    new = phone.seal(field.document(field.publish("rto"), ids(team), visit_id=str(new_id())), [])
    assert phone.put_package(new).status_code == 404
