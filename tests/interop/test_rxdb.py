"""RxDB's own replication against the running service: what was written offline is pushed, and what the server says comes back."""

import json
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.core.ids import new_id
from tests.factories.field import SealedPackage, photo
from tests.factories.sending import Sending
from tests.interop.node import HERE, NODE, installed_packages
from tests.support.postgres import cloned_database
from tests.support.served import Target

PATIENCE_SECONDS = 90


class RxPhone:
    """The running script: what it tells, and what it is told."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def tell(self, **command: Any) -> None:
        """One command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def wait_for(
        self, event: str, is_it: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The next event of that name that is the one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                told = self._lines.get(timeout=0.2)
            except queue.Empty:
                assert self._process.poll() is None, "the script has ended"
                continue
            self.seen.append(told)
            if told["event"] == event and is_it(told):
                return told
        raise AssertionError(f"{event} did not come; told were {self.seen[-5:]}")

    def settled(self) -> dict[str, dict[str, Any]]:
        """Its documents by id, once RxDB has nothing left to send."""
        self.tell(settle=True)
        return {one["id"]: one for one in self.wait_for("settled")["documents"]}

    def pushes(self) -> list[tuple[int, int]]:
        """Rows sent and documents answered of every push so far."""
        return [(one["rows"], one["answered"]) for one in self.seen if one["event"] == "pushed"]


@contextmanager
def rx_phone(
    target: Target, sending: Sending, folder: Path, packages: list[SealedPackage]
) -> Iterator[RxPhone]:
    """RxDB on the packages of this phone, from before the service can be reached."""
    modules = installed_packages()
    shutil.copy(HERE / "replicate.mjs", modules)
    config = folder / "config.json"
    config.write_text(
        json.dumps(
            {
                "address": str(target.client.base_url),
                "token": sending.phone.access_token,
                "packages": [sending.pushed(package)["newDocumentState"] for package in packages],
            }
        )
    )
    with (folder / "node.err").open("w") as errors:
        process = subprocess.Popen(
            [str(NODE), "replicate.mjs", str(config)],
            cwd=modules, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    phone = RxPhone(process)
    try:
        yield phone
        phone.tell(stop=True)
        assert process.wait(PATIENCE_SECONDS) == 0, (folder / "node.err").read_text()
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def target(database_cluster: str, tmp_path: Path) -> Iterator[Target]:
    """An installation on a database of its own."""
    with cloned_database(database_cluster) as address:
        made = Target(tmp_path, address)
        yield made
        made.client.close()


def is_receipted(document: dict[str, Any], package: SealedPackage) -> bool:
    """The phone's copy says that nothing is missing any more, and nothing else of files."""
    return (
        document["id"] == str(package.id) and bool(document["receipt"]) and "missing_evidence" not in document
    )


def test_rxdb_pushes_what_was_written_offline_and_takes_over_what_the_server_says(
    target: Target, tmp_path: Path
) -> None:
    """Offline: connections are refused, RxDB tries again. Then every package is stamped, a poison one among them refused.

    When the last photograph arrives by another way, the copy learns of the receipt from the stream.
    """
    with target.serving() as served:
        sending = Sending(target.world())
        served.stop()
    packages = [sending.sealed(visit_id=str(new_id())) for _ in range(24)]
    with_photo = sending.sealed([photo()], visit_id=str(new_id()))
    poison = sending.raw("<html>请登录</html>".encode())
    everything = [*packages[:10], poison, *packages[10:], with_photo]
    with rx_phone(target, sending, tmp_path, everything) as phone:
        phone.wait_for("error")
        with target.serving("--with-worker"):
            told = phone.wait_for("document", lambda told: told["document"].get("status") == "rejected")
            assert told["document"]["id"] == str(poison.id)
            assert told["document"]["problem"]["code"] == "package_quarantined"
            documents = phone.settled()
            assert {len(documents), len(everything)} == {26}
            for package in (*packages, with_photo):
                document = documents[str(package.id)]
                assert (document["status"], document.get("problem")) == ("processed", None)
                assert (document["hash"], document["sealed"]) == (package.hash, package.sealed.decode())
                assert document["signable"] is True
            assert [documents[str(one.id)]["receipt"] for one in packages] == [True] * 24
            assert documents[str(with_photo.id)]["receipt"] is False
            assert documents[str(poison.id)]["sealed"] == poison.sealed.decode()
            assert phone.pushes()[:2] == [(20, 20), (6, 6)]
            for package in everything:
                assert sending.kept(package.id) == [package.sealed]
            phone.tell(again=str(poison.id))
            phone.wait_for(
                "document",
                lambda told: told["document"]["id"] == str(poison.id) and "problem" not in told["document"],
            )
            phone.wait_for("document", lambda told: told["document"].get("status") == "rejected")
            assert phone.pushes()[2:] == [(1, 1)], (
                "what is written without its stamps is pushed, and stamped again"
            )
            late = sending.sealed(visit_id=str(new_id()))
            phone.tell(insert=sending.pushed(late)["newDocumentState"])
            phone.wait_for("document", lambda told: told["document"].get("hash") == late.hash)
            before = len(phone.seen)
            assert sending.phone.put_photo(with_photo, with_photo.photos[0]).status_code == 201
            phone.wait_for("document", lambda told: is_receipted(told["document"], with_photo))
            assert "streamed" in [one["event"] for one in phone.seen[before:]], (
                "nobody but the stream told it to look"
            )
            documents = phone.settled()
            assert documents[str(with_photo.id)]["sealed"] == with_photo.sealed.decode()
            told = [answered for _, answered in phone.pushes()]
            assert sum(told) == 28, "what RxDB has taken over is not told again, or it would push for ever"
    assert target.query("SELECT count(*) FROM packages") == [(26,)]
    assert target.query("SELECT count(*) FROM receipts") == [(26,)]
