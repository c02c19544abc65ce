"""Several at once: one visit, one chain of receipts, nothing twice, and no more statements than promised."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import shanghai_today
from app.core.ids import new_id
from app.services.runtime import Runtime
from tests.factories.field import Device, Field, SealedPackage, photo
from tests.factories.world import World
from tests.support.queries import recorded_queries


def sealed_for_new_visits(field: Field, phone: Device, number: int) -> list[SealedPackage]:
    template = field.publish("rto")
    officers = [phone.user_id, field.world.person("inspector").user_id]
    return [phone.seal(field.document(template, officers, visit_id=str(new_id())), []) for _ in range(number)]


def test_receipts_of_one_phone_form_a_chain_whatever_comes_at_once(world: World) -> None:
    field = Field(world)
    phone = field.phone(world.person("inspector").user_id)
    packages = sealed_for_new_visits(field, phone, 12)
    with ThreadPoolExecutor(6) as senders:
        statuses = list(senders.map(lambda package: phone.put_package(package).status_code, packages))
    assert statuses == [201] * 12
    bodies = [phone.request("GET", f"/packages/{package.id}/receipt") for package in packages]
    receipts = sorted((body.json()["receipt"] | {"body": body.content} for body in bodies), key=_number)
    assert [_number(receipt) for receipt in receipts] == list(range(1, 13))
    hashes = [None, *("sha-256:" + hashlib.sha256(receipt["body"]).hexdigest() for receipt in receipts)]
    assert [receipt["previous_receipt"] for receipt in receipts] == hashes[:-1]


def test_receipts_completed_by_photos_join_the_same_chain(world: World) -> None:
    field = Field(world)
    phone = field.phone(world.person("inspector").user_id)
    picture, template = photo(), field.publish("rto")
    with_photo = phone.seal(field.document(template, [phone.user_id]), [picture])
    without = sealed_for_new_visits(field, phone, 1)[0]
    assert phone.put_package(with_photo).status_code == 201
    assert phone.put_package(without).json()["receipt"] is True
    assert phone.put_photo(with_photo, picture).status_code == 201
    first, second = phone.receipt(without.id), phone.receipt(with_photo.id)
    assert first is not None
    assert second is not None
    assert (first["receipt"]["number"], second["receipt"]["number"]) == (1, 2)


def test_a_package_that_waits_crosswise_is_begun_again(world: World, database_address: str) -> None:
    """It holds the authority's numbers and wants the phone's receipts; somebody holds those and wants the numbers."""
    field = Field(world)
    phone = field.phone(world.person("inspector").user_id)
    assert phone.put_package(sealed_for_new_visits(field, phone, 1)[0]).status_code == 201
    picture, document = photo(), field.document(field.publish("rto"), [phone.user_id])
    package = phone.seal({**document, "answers": {"RTO-01": {"value": "no"}}}, [picture])
    assert phone.put_photo(package, picture).status_code == 201
    with psycopg.connect(database_address) as other, ThreadPoolExecutor(1) as sender:
        other.execute("SET deadlock_timeout = '10s'")  # so that it is the package that has to give way
        other.execute("SELECT FROM receipt_chains WHERE device_id = %s FOR UPDATE", (phone.device_id,))
        sent = sender.submit(phone.put_package, package)
        wait_for_waiting(other)
        other.execute(
            "INSERT INTO number_series (authority_id, word, year, last) SELECT id, document_word || '患', %s, 0 "
            "FROM authorities WHERE id = %s ON CONFLICT (authority_id, word, year) DO UPDATE SET last = number_series.last",
            (shanghai_today().year, world.authority),
        )
        other.rollback()
        answer = sent.result(20)
    assert (answer.status_code, answer.json()["status"], answer.json()["receipt"]) == (201, "processed", True)
    found = world.person("inspector").get("/api/v1/hazards", params={"site_id": str(field.site_id)}).json()
    assert [hazard["number"] for hazard in found["items"]] == [f"安应急患〔{shanghai_today().year}〕1号"]


def wait_for_waiting(connection: psycopg.Connection) -> None:
    """Until some other transaction of the database waits for a lock."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(500):
        if connection.execute(waiting).fetchone() is not None:
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_two_phones_opening_one_visit_at_once_both_join_it(world: World) -> None:
    field = Field(world)
    people = [world.person("inspector") for _ in range(2)]
    phones = [field.phone(person.user_id) for person in people]
    document = field.document(field.publish("rto"), [person.user_id for person in people])
    packages = [phone.seal(document, []) for phone in phones]
    with ThreadPoolExecutor(2) as senders:
        answers = list(
            senders.map(lambda pair: pair[0].put_package(pair[1]), zip(phones, packages, strict=True))
        )
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(201, "processed")] * 2

    async def count(session: AsyncSession) -> tuple[int, int]:
        found = text(
            "SELECT count(DISTINCT v.id), count(p.id) FROM visits v JOIN packages p ON p.visit_id = v.id WHERE v.id = :id"
        )
        row = (await session.execute(found, {"id": field.visit_id})).one()
        return row[0], row[1]

    assert world.in_database(count) == (1, 2)


def test_a_submission_is_four_statements_and_a_colleagues_package_a_few_more(
    world: World, runtime: Runtime
) -> None:
    field = Field(world)
    people = [world.person("inspector") for _ in range(2)]
    phones = [field.phone(person.user_id) for person in people]
    document = field.document(field.publish("rto"), [person.user_id for person in people])
    phones[0].put_package(sealed_for_new_visits(field, phones[0], 1)[0])
    with recorded_queries(runtime.database) as first:
        assert phones[0].put_package(phones[0].seal(document, [])).status_code == 201
    assert len(first) <= 5, (
        first
    )  # who acts, what is known, keep, mean; now and then the newest audit checkpoint
    with recorded_queries(runtime.database) as second:
        assert phones[1].put_package(phones[1].seal(document, [])).status_code == 201
    assert len(second) <= 9, second


def _number(receipt: dict[str, int]) -> int:
    return receipt["number"]
