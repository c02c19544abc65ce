"""Whoever changes the audit log behind its back is found out, even a superuser with every trigger disabled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

from app.core.clock import SHANGHAI
from app.models.history import AuditEntry
from app.services.audit.chain import entry_hash, seal_hash
from tests.audit.conftest import AuditLog


def test_an_untouched_log_is_sound(audit_log: AuditLog) -> None:
    audit_log.sealed(3)
    report = audit_log.verify()
    assert (report.findings, report.entries, report.seals, report.unsealed) == ([], 6, 3, 0)
    assert report.checkpoints == 1


def test_entries_not_yet_sealed_are_reported_as_such(audit_log: AuditLog) -> None:
    audit_log.sealed(1)
    audit_log.write(3)
    report = audit_log.verify()
    assert (report.is_sound, report.unsealed) == (True, 3)
    assert report.oldest_unsealed_at is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET action = 'x'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries CASCADE",
        "UPDATE audit_seals SET seal_hash = 'x'",
        "DELETE FROM audit_seals",
    ],
)
def test_the_database_itself_refuses_to_rewrite_the_log(audit_log: AuditLog, statement: str) -> None:
    audit_log.sealed(1)
    with (
        psycopg.connect(audit_log.address) as connection,
        pytest.raises(psycopg.errors.RestrictViolation),
    ):
        connection.execute(statement)  # type: ignore[arg-type]


CHANGES: dict[str, str] = {
    "id": "id + 1000",
    "at": "at + interval '1 microsecond'",
    "action": "'hazards:close'",
    "kind": "'case'",
    "object_id": "gen_random_uuid()",
    "region_id": "gen_random_uuid()",
    "actor_kind": "'user'",
    "user_id": "gen_random_uuid()",
    "client_id": "gen_random_uuid()",
    "session_id": "gen_random_uuid()",
    "device_id": "gen_random_uuid()",
    "request_id": "'r'",
    "before_hash": "NULL",
    "after_hash": "'sha-256:0'",
    "detail": """detail || '{"reason": "另一理由"}'""",
}


def test_every_column_is_tried() -> None:
    assert set(CHANGES) == {column.name for column in AuditEntry.__table__.columns}


@pytest.mark.parametrize("column", sorted(set(CHANGES) - {"id"}))
def test_an_altered_column_is_named(audit_log: AuditLog, column: str) -> None:
    audit_log.sealed(2)
    audit_log.tamper(f"UPDATE audit_entries SET {column} = {CHANGES[column]} WHERE id = 3")
    assert audit_log.found() == [("entry_altered", "entry 3")]


def test_an_entry_under_another_id_is_found_on_both_sides(audit_log: AuditLog) -> None:
    audit_log.sealed(1)
    audit_log.tamper("UPDATE audit_entries SET id = DEFAULT WHERE id = 2")
    assert audit_log.found() == [("entry_removed", "entry 2"), ("entry_inserted", "entry 3")]


def test_a_removed_entry_is_named(audit_log: AuditLog) -> None:
    audit_log.sealed(2)
    audit_log.tamper("DELETE FROM audit_entries WHERE id = 2")
    assert audit_log.found() == [("entry_removed", "entry 2")]


def test_an_entry_removed_before_its_seal_is_named(audit_log: AuditLog) -> None:
    audit_log.sealed(1)
    audit_log.write()
    audit_log.tamper("DELETE FROM audit_entries WHERE id = 3")
    assert audit_log.found() == [("entry_removed", "entry 3")]


def test_an_inserted_entry_is_named(audit_log: AuditLog) -> None:
    audit_log.sealed(2)
    audit_log.tamper(
        "INSERT INTO audit_entries (at, action, kind, object_id, actor_kind) "
        "VALUES (now() - interval '1 day', 'hazards:close', 'hazard', gen_random_uuid(), 'user')"
    )
    assert audit_log.found() == [("entry_inserted", "entry 5")]


def test_a_backdated_entry_that_went_the_ordinary_way_is_counted_as_late(audit_log: AuditLog) -> None:
    with psycopg.connect(audit_log.address) as connection:
        connection.execute(
            "INSERT INTO audit_entries (at, action, kind, object_id, actor_kind) "
            "VALUES (now() - interval '1 day', 'hazards:close', 'hazard', gen_random_uuid(), 'user')"
        )
    assert audit_log.seal() == 1
    assert audit_log.verify().late == 1


@pytest.mark.parametrize(
    "change",
    [
        "sealed_at = sealed_at + interval '1 second'",
        "entry_ids = '[3]'",
        "entry_hashes[1] = 'sha-256:00'",
        "previous_hash = 'sha-256:00'",
        "seal_hash = 'sha-256:00'",
    ],
)
def test_an_altered_seal_is_named(audit_log: AuditLog, change: str) -> None:
    audit_log.sealed(3)
    audit_log.tamper(f"UPDATE audit_seals SET {change} WHERE number = 2")
    assert ("seal_altered", "seal 2") in audit_log.found()


@pytest.mark.parametrize("change", ["signature = 'AAAA'", "key_id = 'unknown'", "signature = '%%%'"])
def test_a_wrong_signature_is_named(audit_log: AuditLog, change: str) -> None:
    audit_log.sealed(3)
    audit_log.tamper(f"UPDATE audit_seals SET {change} WHERE number = 2".replace("%", "%%"))
    assert audit_log.found() == [("signature_wrong", "seal 2")]


def test_a_removed_seal_is_named_with_its_entries(audit_log: AuditLog) -> None:
    audit_log.sealed(3)
    audit_log.tamper("DELETE FROM audit_seals WHERE number = 2")
    assert audit_log.found() == [
        ("seal_removed", "seal 2"),
        ("entry_inserted", "entry 3"),
        ("entry_inserted", "entry 4"),
    ]


def test_a_cut_tail_is_found_by_the_checkpoint_outside(audit_log: AuditLog) -> None:
    audit_log.sealed(4)
    for table, column in (("sealed_entries", "seal_number"), ("audit_seals", "number")):
        audit_log.tamper(f"DELETE FROM {table} WHERE {column} > 2")
    audit_log.tamper("DELETE FROM audit_entries WHERE id > 4")
    assert audit_log.found() == [("tail_cut", "seals 3-4")]


def test_an_emptied_log_is_found_by_the_checkpoint_outside(audit_log: AuditLog) -> None:
    audit_log.sealed(2)
    audit_log.tamper("TRUNCATE sealed_entries, audit_seals, audit_entries")
    assert audit_log.found() == [("tail_cut", "seals 1-2")]


def test_a_log_cut_and_sealed_anew_with_our_own_key_differs_from_the_checkpoint(audit_log: AuditLog) -> None:
    audit_log.sealed(2)
    audit_log.tamper("DELETE FROM sealed_entries WHERE seal_number = 2")
    audit_log.tamper("DELETE FROM audit_seals WHERE number = 2")
    audit_log.tamper("DELETE FROM audit_entries WHERE id > 2")
    audit_log.write(2)
    assert audit_log.seal() == 2
    assert audit_log.found() == [("checkpoint_differs", "seal 2")]


def test_a_seal_rewritten_with_a_right_hash_needs_the_key_and_breaks_the_chain(audit_log: AuditLog) -> None:
    audit_log.sealed(3)
    audit_log.tamper("DELETE FROM audit_entries WHERE id = 4")
    ((sealed_at, hashes, previous),) = audit_log.tamper(
        "SELECT sealed_at, entry_hashes, previous_hash FROM audit_seals WHERE number = 2"
    )
    assert isinstance(sealed_at, datetime)
    forged = seal_hash(2, sealed_at, [3], hashes[:1], previous)
    audit_log.tamper(
        "UPDATE audit_seals SET entry_ids = '[3]', entry_hashes = %s, seal_hash = %s WHERE number = 2",
        hashes[:1],
        forged,
    )
    assert audit_log.found() == [("signature_wrong", "seal 2"), ("seal_unchained", "seal 3")]


def test_a_forged_and_a_damaged_checkpoint_line_are_named(audit_log: AuditLog) -> None:
    audit_log.sealed(1)
    (path,) = audit_log.checkpoints.iterdir()
    forged = {"number": 9, "seal_hash": "sha-256:00", "signature": "AAAA", "key_id": "x"}
    path.write_bytes(path.read_bytes() + orjson.dumps(forged) + b"\nnonsense\n")
    assert audit_log.found() == [
        ("checkpoint_unreadable", f"{path.name}:3"),
        ("checkpoint_forged", "seal 9"),
    ]


def test_a_line_torn_by_a_power_cut_is_no_finding(audit_log: AuditLog) -> None:
    audit_log.sealed(1)
    (path,) = audit_log.checkpoints.iterdir()
    path.write_bytes(path.read_bytes() + b'{"number": 2, "seal_ha')
    assert audit_log.verify().is_sound
    audit_log.sealed(1)
    report = audit_log.verify()
    assert (report.findings, report.checkpoints) == ([], 2)


def test_seals_of_a_rotated_key_stay_valid(audit_log: AuditLog) -> None:
    audit_log.sealed(1)
    audit_log.keys.rotate("audit")
    audit_log.sealed(1)
    key_ids: set[Any] = {row[0] for row in audit_log.tamper("SELECT key_id FROM audit_seals")}
    assert len(key_ids) == 2
    assert audit_log.verify().is_sound


def test_a_moment_hashes_alike_in_whatever_zone_the_connection_shows_it() -> None:
    at = datetime(2026, 11, 24, 1, 2, 3, 4, tzinfo=UTC)
    assert entry_hash({"id": 1, "at": at}) == entry_hash({"id": 1, "at": at.astimezone(SHANGHAI)})
    assert entry_hash({"id": 1, "at": at}) != entry_hash({"id": 1, "at": at + timedelta(microseconds=1)})
