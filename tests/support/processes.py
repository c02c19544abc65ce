"""Real `anshao` processes on a data folder of their own, as an operator would start them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.postgres import copy_migrated

START_SECONDS = 150


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


class Installation:
    """One data folder and the commands run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSHAO_")},
            "ANSHAO_DATA_DIR": str(folder / "data"),
            "ANSHAO_PORT": str(self.port),
            "ANSHAO_EVIDENCE_PATIENCE_SECONDS": "0",  # the tests themselves keep the machine busy
        }

    @classmethod
    def migrated(cls, folder: Path) -> "Installation":
        """One whose database has the newest schema and no rows yet, at a tenth of the cost of `anshao migrate`."""
        copy_migrated(folder / "data")
        return cls(folder)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "app.cli", *arguments]

    def run(
        self, *arguments: str, given: str = "", seconds: float = START_SECONDS, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, which must come within `seconds`."""
        return subprocess.run(
            self._command(*arguments),
            cwd=self._somewhere(),
            env=self.environment | environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def _somewhere(self) -> Path:
        """A working directory without an .env file."""
        place = self.folder / "cwd"
        place.mkdir(exist_ok=True)
        return place

    @contextmanager
    def demonstrating(self, accounts: Path, seconds: float) -> Iterator["Served"]:
        """A running `anshao demo` that has told its story and serves on; stopped at the end if the test did not."""
        log = self.folder / "demo.out"
        with log.open("w") as output:
            process = subprocess.Popen(
                self._command("demo", "--accounts", str(accounts)),
                cwd=self._somewhere(),
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        served = Served(process, f"http://127.0.0.1:{self.port}", log)
        try:
            deadline = time.monotonic() + seconds
            while "Ctrl+C" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.5)
            yield served
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(START_SECONDS)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator["Served"]:
        """A running `anshao serve`; killed at the end if the test did not stop it."""
        log = self.folder / "serve.log"
        with log.open("a") as output:
            process = subprocess.Popen(
                self._command("serve", *arguments),
                cwd=self._somewhere(),
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        served = Served(process, f"http://127.0.0.1:{self.port}", log)
        try:
            served.wait_until_ready()
            yield served
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(START_SECONDS)

    def postgres_processes(self) -> list[psutil.Process]:
        """The living servers on this data folder."""
        own = str(self.folder / "data")
        found = []
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "postgres" and own in " ".join(process.info["cmdline"] or ()):
                found.append(process)
        return found

    def stop_postgres(self) -> None:
        """What a test must do that left the database running on purpose."""
        for process in self.postgres_processes():
            process.send_signal(signal.SIGINT)
            process.wait(START_SECONDS)


class Served:
    """A running service."""

    def __init__(self, process: "subprocess.Popen[Any]", address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.log = log

    def wait_until_ready(self) -> None:
        """Return when /readyz says ok; fail with the log when the process ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        ended = False
        while not ended and time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.address}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            try:
                self.process.wait(0.1)
                ended = True
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError(f"the service did not start:\n{self.log.read_text()}")

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(START_SECONDS)
