"""kill -9 at the worst moments: what was acknowledged is there, what was kept is finished, and nothing is there twice."""

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from anshao_phone import SealedPackage
from app.core.ids import new_id
from app.services.inspections.receipt_format import receipt_verifies
from tests.factories.field import photo
from tests.factories.sending import Sending
from tests.support.postgres import cloned_database
from tests.support.served import Target

PATIENCE_SECONDS = 60
HELD_UP = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def target(database_cluster: str, tmp_path: Path) -> Iterator[Target]:
    """An installation on a database of its own."""
    with cloned_database(database_cluster) as address:
        made = Target(tmp_path, address)
        yield made
        made.client.close()


def wait_for(what: Callable[[], Any]) -> Any:
    """The first true answer; fails after a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@contextmanager
def processing_held_up(target: Target) -> Iterator[None]:
    """Nobody can write what a package means; keeping its bytes and reading go on. Done by a lock of this test's own."""
    with psycopg.connect(target.address) as connection:
        connection.execute("LOCK TABLE packages IN EXCLUSIVE MODE")
        yield
        connection.rollback()


def intake_of(target: Target, package_id: UUID) -> tuple[str, bytes] | None:
    rows = target.query("SELECT status, sealed FROM package_intakes WHERE package_id = %s", package_id)
    return (rows[0][0], bytes(rows[0][1])) if rows else None


def is_waiting(target: Target, package_id: UUID) -> bool:
    """The bytes are committed, and the one who processes them waits for our lock."""
    return intake_of(target, package_id) is not None and target.query(f"SELECT count(*) {HELD_UP}")[0][0] > 0


def end_waiting(target: Target) -> None:
    """A statement that came before its sender died would still be carried out once nothing holds it up."""
    assert target.query(f"SELECT pg_terminate_backend(pid) {HELD_UP}")


def others(target: Target) -> int:
    """How many of the killed process's connections the database still has."""
    alive = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return int(target.query(alive)[0][0])


def killed_between(target: Target, sending: Sending, package: SealedPackage) -> None:
    """Serve, take the package's bytes in, and die before a word of it is processed."""
    with target.serving() as served, ThreadPoolExecutor(1) as pool:
        with processing_held_up(target):
            answer = pool.submit(sending.phone.put_package, package)
            wait_for(lambda: is_waiting(target, package.id))
            served.kill()
            end_waiting(target)
        with pytest.raises(httpx.TransportError):
            answer.result(PATIENCE_SECONDS)
    wait_for(lambda: others(target) == 0)
    assert intake_of(target, package.id) == ("received", package.sealed)
    assert target.query("SELECT count(*) FROM packages WHERE id = %s", package.id) == [(0,)]


def prepared(target: Target) -> Sending:
    """A city with a team and its phone, made once the service has made its keys."""
    with target.serving() as served:
        sending = Sending(target.world())
        assert sending.phone.request("GET", "/assignments").status_code == 200
        served.stop()
    return sending


def published_keys(target: Target) -> list[dict[str, str]]:
    return list(target.client.get("/public/v1/keys").raise_for_status().json()["keys"])


def test_killed_between_intake_and_processing_the_phone_may_simply_repeat(target: Target) -> None:
    sending = prepared(target)
    package = sending.sealed()
    killed_between(target, sending, package)
    with target.serving():
        again = sending.phone.put_package(package)
        assert (again.status_code, again.json()["status"]) == (200, "processed")
        receipt = sending.phone.receipt(package.id)
        assert receipt is not None
        assert receipt["receipt"]["package"]["hash"] == package.hash
        assert receipt_verifies(receipt, published_keys(target))
    assert target.query("SELECT count(*) FROM packages WHERE id = %s", package.id) == [(1,)]
    assert target.query("SELECT count(*) FROM receipts WHERE package_id = %s", package.id) == [(1,)]


def test_killed_between_intake_and_processing_the_sweep_finishes_without_the_phone(target: Target) -> None:
    """A minute passes (its row is aged); the worker beside the new service queues what its schedule missed, and runs it."""
    sending = prepared(target)
    package = sending.sealed()
    killed_between(target, sending, package)
    with psycopg.connect(target.address, autocommit=True) as connection:
        connection.execute("UPDATE package_intakes SET received_at = received_at - interval '2 minutes'")
    with target.serving("--with-worker"):
        wait_for(lambda: intake_of(target, package.id) == ("processed", package.sealed))
        receipt = sending.phone.receipt(package.id)
        assert receipt is not None
        assert receipt_verifies(receipt, published_keys(target))
    assert target.query("SELECT count(*) FROM visits WHERE id = %s", sending.field.visit_id) == [(1,)]


def test_killed_after_the_acknowledgment_nothing_acknowledged_is_lost(target: Target) -> None:
    sending = prepared(target)
    pictures = [photo(), photo(b"\x00" * 300_000)]
    package = sending.sealed(pictures)
    with target.serving() as served:
        assert sending.phone.put_package(package).status_code == 201
        for picture in pictures:
            assert sending.phone.put_photo(package, picture).status_code == 201
        before = sending.phone.request("GET", f"/packages/{package.id}/receipt").content
        served.kill()
    with target.serving():
        after = sending.phone.request("GET", f"/packages/{package.id}/receipt")
        assert after.content == before
        assert receipt_verifies(after.json(), published_keys(target))
        state = sending.phone.request("GET", f"/packages/{package.id}").json()
        assert (state["status"], state["missing_evidence"], state["receipt"]) == ("processed", [], True)
        assert sending.phone.put_package(package).status_code == 200
        assert [sending.phone.put_photo(package, one).status_code for one in pictures] == [200, 200]
    assert intake_of(target, package.id) == ("processed", package.sealed)
    assert stored_hashes(target) >= {hashlib.sha256(one.content).hexdigest() for one in pictures}


def stored_hashes(target: Target) -> set[str]:
    """SHA-256 of every file in the store, read from the disk."""
    objects = target.data / "objects"
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in objects.rglob("*") if path.is_file()}


def has_receipt(sending: Sending, package: SealedPackage) -> bool:
    """Send a package and the files it misses; True when it has earned its receipt."""
    answer = sending.phone.put_package(package)
    answer.raise_for_status()
    for picture in package.photos:
        if str(picture.id) in answer.json()["missing_evidence"]:
            sending.phone.put_photo(package, picture).raise_for_status()
    return sending.phone.receipt(package.id) is not None


def test_killed_again_and_again_while_a_phone_empties_its_outbox(target: Target) -> None:
    """Every package ends with one record, one receipt and all its files; only broken connections are ever met on the way."""
    sending = prepared(target)
    dice = random.Random(20261125)
    acknowledged: set[UUID] = set()
    packages = [
        sending.sealed(
            [photo() for _ in range(number % 3)], visit_id=str(sending.field.visit_id), note=str(number)
        )
        for number in range(12)
    ]
    done, given_up = Event(), Event()

    def send_all() -> None:
        """As the simplest of phones does: try, be cut off, try again, until a receipt is held for every package."""
        while len(acknowledged) < len(packages) and not given_up.is_set():
            try:
                for one in packages:
                    if has_receipt(sending, one):
                        acknowledged.add(one.id)
            except httpx.TransportError:
                time.sleep(0.2)
        done.set()

    with ThreadPoolExecutor(1) as pool:
        emptied = pool.submit(send_all)
        for _ in range(2):
            with target.serving() as served:
                done.wait(dice.uniform(0.05, 0.6))
                served.kill()
        with target.serving():
            try:
                emptied.result(PATIENCE_SECONDS)
            finally:
                given_up.set()
            receipts = [sending.phone.receipt(package.id) for package in packages]
            keys = published_keys(target)
            assert all(receipt is not None and receipt_verifies(receipt, keys) for receipt in receipts)
    assert acknowledged == {package.id for package in packages}
    kept = target.query("SELECT package_id, sealed FROM package_intakes")
    assert {(row[0], bytes(row[1])) for row in kept} == {(one.id, one.sealed) for one in packages}
    for table in ("packages", "receipts", "evidence_manifests"):
        assert target.query(f"SELECT count(*) FROM {table}") == [(len(packages),)]
    assert target.query("SELECT count(*) FROM visits") == [(1,)]
    assert target.query("SELECT array_agg(number ORDER BY number) FROM receipts") == [
        (list(range(1, len(packages) + 1)),)
    ]
    wanted = {hashlib.sha256(one.content).hexdigest() for package in packages for one in package.photos}
    assert stored_hashes(target) >= wanted


def test_killed_between_keeping_and_processing_a_batch_the_phone_may_simply_push_it_again(
    target: Target,
) -> None:
    sending = prepared(target)
    packages = [sending.sealed(visit_id=str(new_id())) for _ in range(5)]
    rows = [sending.pushed(package) for package in packages]

    def push() -> httpx.Response:
        return sending.phone.request("POST", "/sync/packages/push", json=rows)

    with target.serving() as served, ThreadPoolExecutor(1) as pool:
        with processing_held_up(target):
            answer = pool.submit(push)
            wait_for(lambda: is_waiting(target, packages[-1].id))
            served.kill()
            end_waiting(target)
        with pytest.raises(httpx.TransportError):
            answer.result(PATIENCE_SECONDS)
    wait_for(lambda: others(target) == 0)
    assert [intake_of(target, one.id) for one in packages] == [("received", one.sealed) for one in packages]
    assert target.query("SELECT count(*) FROM packages") == [(0,)]
    with target.serving():
        again = push()
        assert [(one["status"], one["receipt"]) for one in again.json()] == [("processed", True)] * 5
        receipts = [sending.phone.receipt(package.id) for package in packages]
        keys = published_keys(target)
        assert all(receipt is not None and receipt_verifies(receipt, keys) for receipt in receipts)
    assert [receipt["receipt"]["number"] for receipt in receipts if receipt] == [1, 2, 3, 4, 5]
    assert (
        target.query("SELECT count(*) FROM packages")
        == target.query("SELECT count(*) FROM receipts")
        == [(5,)]
    )
