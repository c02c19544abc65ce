"""Sealing takes every entry once, in batches, however late its transaction commits."""

import psycopg

from tests.audit.conftest import AuditLog


def test_nothing_waiting_makes_no_seal(audit_log: AuditLog) -> None:
    assert audit_log.seal() == 0
    assert audit_log.verify().seals == 0


def test_batches_follow_one_another_until_nothing_waits(audit_log: AuditLog) -> None:
    audit_log.write(5)
    assert [audit_log.seal(2) for _ in range(4)] == [2, 2, 1, 0]
    report = audit_log.verify()
    assert (report.is_sound, report.seals, report.entries) == (True, 3, 5)


def test_an_entry_that_commits_late_is_sealed_later_and_never_missed(audit_log: AuditLog) -> None:
    insert = (
        "INSERT INTO audit_entries (at, action, kind, object_id, actor_kind) "
        "VALUES (now(), 'hazards:close', 'hazard', gen_random_uuid(), 'user') RETURNING id"
    )
    with psycopg.connect(audit_log.address) as slow:
        late = slow.execute(insert).fetchone()
        audit_log.write(2)
        assert audit_log.seal() == 2
        slow.commit()
    assert audit_log.seal() == 1
    assert late is not None
    assert audit_log.tamper("SELECT seal_number FROM sealed_entries WHERE entry_id = %s", late[0]) == [(2,)]
    assert audit_log.verify().is_sound


def test_one_process_seals_at_a_time(audit_log: AuditLog) -> None:
    audit_log.write()
    with psycopg.connect(audit_log.address) as other:
        other.execute("SELECT pg_advisory_xact_lock(7241004)")
        assert audit_log.seal() == 0
    assert audit_log.seal() == 1
