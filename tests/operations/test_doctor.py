"""`anshao doctor` tells what is wrong with a machine and how to mend it."""

from collections.abc import Iterator
from pathlib import Path
from resource import RLIM_INFINITY
from typing import Any

import pytest

from app.config import Settings
from app.doctor import machine
from app.doctor.examination import examine
from app.doctor.finding import Finding
from app.services.identity.keys import KeyRing
from tests.support.processes import Installation


def settings_in(folder: Path, **changes: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **changes)


def found(findings: list[Finding], en: str) -> Finding:
    return next(one for one in findings if one.en == en)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("healthy"))
    yield made
    assert made.postgres_processes() == []


def test_a_good_machine_is_told_so_and_the_missing_schema_is_named(healthy: Installation) -> None:
    before = healthy.run("doctor")
    assert before.returncode == 0, before.stdout + before.stderr
    assert "anshao migrate" in before.stdout
    assert healthy.run("migrate").returncode == 0
    after = healthy.run("doctor")
    assert after.returncode == 0
    assert "anshao migrate" not in after.stdout
    assert "ready to run" in after.stdout
    assert "fsync" in after.stdout
    assert "every published version can be held" in after.stdout


def test_a_database_that_does_not_answer_is_wrong_and_its_password_stays_unsaid(
    healthy: Installation,
) -> None:
    address = "postgresql://anshao:hunter2@127.0.0.1:1/anshao"
    examined = healthy.run("doctor", ANSHAO_DATABASE_URL=address)
    assert examined.returncode == 1
    assert "ANSHAO_DATABASE_URL" in examined.stdout
    assert "hunter2" not in examined.stdout + examined.stderr
    assert "Traceback" not in examined.stderr


def test_examining_leaves_nothing_behind(database_address: str, tmp_path: Path) -> None:
    examine(settings_in(tmp_path / "new" / "data", database_url=database_address))
    assert list(tmp_path.iterdir()) == []


def test_a_served_database_is_asked_for_its_settings_schema_and_room(
    database_address: str, tmp_path: Path
) -> None:
    findings = examine(settings_in(tmp_path, database_url=database_address))
    assert found(findings, "Schema").state == "good"
    assert found(findings, "Clocks agree").state == "good"
    greedy = settings_in(tmp_path, database_url=database_address, workers=100, pool_size=50)
    assert found(examine(greedy), "Connections").state == "wrong"


def test_a_path_with_a_space_is_wrong(tmp_path: Path) -> None:
    findings = examine(settings_in(tmp_path / "with space"))
    assert found(findings, "Data folder").state == "wrong"
    assert not [one for one in findings if one.en == "PostgreSQL"]


def test_a_folder_that_cannot_be_made_is_wrong_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    finding = machine.check_data_folder(settings_in(tmp_path / "file" / "data"))
    assert finding.state == "wrong"
    assert "ANSHAO_DATA_DIR" in finding.mend


@pytest.mark.parametrize(
    ("kind", "state"), [("ext4", "good"), ("tmpfs", "wrong"), ("nfs4", "doubtful"), ("overlay", "good")]
)
def test_a_file_system_that_forgets_or_lies_far_away_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, state: str
) -> None:
    monkeypatch.setattr(machine, "_file_system_of", lambda _: kind)
    assert machine.check_file_system(settings_in(tmp_path)).state == state


@pytest.mark.parametrize(("free", "state"), [(100, "wrong"), (2 << 30, "doubtful"), (50 << 30, "good")])
def test_little_room_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage)
    assert machine.check_room(settings_in(tmp_path)).state == state


def test_keys_that_others_may_read_are_wrong(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    KeyRing(settings.resolved_keys_dir)
    assert machine.check_keys(settings).state == "good"
    secret = settings.resolved_keys_dir / "secret"
    secret.chmod(0o644)
    finding = machine.check_keys(settings)
    assert (finding.state, str(secret) in finding.detail) == ("wrong", True)
    assert finding.mend.startswith("chmod")


def test_checkpoints_beside_the_database_are_doubtful(tmp_path: Path) -> None:
    assert machine.check_checkpoints(settings_in(tmp_path)).state == "doubtful"


@pytest.mark.parametrize(
    ("limit", "state"), [(1024, "doubtful"), (2023, "doubtful"), (2024, "good"), (RLIM_INFINITY, "good")]
)
def test_a_machine_that_allows_fewer_open_files_than_streams_and_requests_need_is_doubtful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, state: str
) -> None:
    """The hard limit counts: `anshao serve` raises the soft one to it."""
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (256, limit))
    finding = machine.check_open_files(settings_in(tmp_path))
    assert finding.state == state
    assert "2024" in finding.mend
    fewer = settings_in(tmp_path, sync_streams=100)
    assert machine.check_open_files(fewer).state == ("doubtful" if limit == 1024 else "good")


def test_a_storage_that_takes_nothing_is_wrong(database_address: str, tmp_path: Path) -> None:
    s3 = {"s3_endpoint": "http://127.0.0.1:1", "s3_access_key": "key", "s3_secret_key": "hunter2"}
    nowhere = settings_in(tmp_path, database_url=database_address, storage_url="s3://bucket", **s3)
    finding = found(examine(nowhere), "Storage")
    assert finding.state == "wrong"
    assert "hunter2" not in finding.detail
    mistyped = settings_in(tmp_path, database_url=database_address, storage_url="ftp://bucket")
    assert "s3://" in found(examine(mistyped), "Storage").detail


def test_a_folder_for_storage_is_good(database_address: str, tmp_path: Path) -> None:
    assert found(examine(settings_in(tmp_path, database_url=database_address)), "Storage").state == "good"
