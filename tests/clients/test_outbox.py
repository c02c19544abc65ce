"""What is in the outbox survives the phone's death at any moment."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from anshao_phone import SealedPackage, sha256_of
from anshao_phone.outbox import Outbox
from anshao_phone.protocol import new_id

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "phone")


def test_every_commit_is_on_the_disk(outbox: Outbox) -> None:
    assert outbox._one("PRAGMA journal_mode") == ("wal",)
    assert outbox._one("PRAGMA synchronous") == (2,)  # FULL


def test_a_large_file_is_taken_in_from_its_place_with_the_hash_of_its_bytes(
    outbox: Outbox, tmp_path: Path
) -> None:
    content = os.urandom(700_000)
    (tmp_path / "视频.mp4").write_bytes(content)
    file = outbox.capture(tmp_path / "视频.mp4", "video/mp4", None, "camera", NOW)
    assert (file.sha256, file.size) == (sha256_of(content), len(content))
    assert outbox.path(file.id).read_bytes() == content
    assert outbox.captured() == [file]


def test_a_file_goes_into_one_package_only(outbox: Outbox) -> None:
    file = outbox.capture(b"x", "image/jpeg", None, "camera", NOW)
    outbox.add(SealedPackage(new_id(), b"{}"), "signature", [file])
    with pytest.raises(ValueError, match="another package"):
        outbox.add(SealedPackage(new_id(), b"{}"), "signature", [file])
    assert len(outbox.items("waiting")) == 1


def test_a_package_without_a_receipt_is_never_released(outbox: Outbox) -> None:
    package = SealedPackage(new_id(), b"{}")
    file = outbox.capture(b"x", "image/jpeg", None, "camera", NOW)
    outbox.add(package, "signature", [file])
    with pytest.raises(ValueError, match="never released"):
        outbox.release(package.id)
    assert outbox.path(file.id).exists()


def test_a_changed_file_is_noticed(outbox: Outbox) -> None:
    file = outbox.capture(b"x", "image/jpeg", None, "camera", NOW)
    assert outbox.is_intact(file)
    outbox.path(file.id).write_bytes(b"y")
    assert not outbox.is_intact(file)


FILLING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from anshao_phone import SealedPackage
from anshao_phone.outbox import Outbox
from anshao_phone.protocol import new_id
outbox = Outbox(Path(sys.argv[1]))
while True:
    files = [outbox.capture(new_id().bytes * 999, "image/jpeg", None, "camera", datetime.now(UTC)) for _ in range(3)]
    package = SealedPackage(new_id(), new_id().bytes)
    outbox.add(package, "signature", files)
    print(package.id, package.hash, *(f"{file.id}={file.sha256}" for file in files), flush=True)
"""


def test_what_was_said_to_be_kept_survives_a_kill(tmp_path: Path) -> None:
    """A process seals packages until it is killed; every one it reported is whole in the next process."""
    command = [sys.executable, "-c", FILLING, str(tmp_path / "phone")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reported = [process.stdout.readline().split() for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        reported += [line.split() for line in process.stdout.read().splitlines() if line.count("=") == 3]
    outbox = Outbox(tmp_path / "phone")
    for identifier, digest, *files in reported:
        assert sha256_of(outbox.item(UUID(identifier)).sealed) == digest
        held = {str(file.id): file for file in outbox.files(UUID(identifier))}
        assert {f"{one}={file.sha256}" for one, file in held.items()} == set(files)
        assert all(outbox.is_intact(file) for file in held.values())
    rows = {str(file.id) for item in outbox.items("waiting") for file in outbox.files(item.id)}
    rows |= {str(file.id) for file in outbox.captured()}
    assert {path.name for path in (tmp_path / "phone" / "files").iterdir()} <= rows


def test_left_overs_of_a_death_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "phone")
    file = outbox.capture(b"x", "image/jpeg", None, "camera", NOW)
    (tmp_path / "phone" / "files" / "half.new").write_bytes(b"half")
    outbox.close()
    again = Outbox(tmp_path / "phone")
    assert [path.name for path in (tmp_path / "phone" / "files").iterdir()] == [str(file.id)]
    assert again.captured() == [file]
