"""The machine the service runs on: API, worker and embedded PostgreSQL, killed and started again; its power, its disk space."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import httpx
import psutil

from app.config import Settings
from tests.faults.power import DATA, FORGET, PLATTER, Platter
from tests.support.processes import Installation

ROOT = Path(__file__).resolve().parents[2]
GONE_SECONDS = 60
START_SECONDS = 600
"""On a machine with ten times the work it can do."""


class Machine(Installation):
    """One data folder on a disk that can lose power and fill up."""

    def __init__(
        self, folder: Path, *, database: str | None = None, api_processes: int = 2, forget: str = ""
    ) -> None:
        """`database`: the address of one that is not ours to kill; without it, the embedded one in the data folder."""
        super().__init__(folder)
        self._database = database
        self.data = folder / "data"
        self.data.mkdir()
        self.platter = Platter(self.data, folder / "platter")
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it is started often
        self.environment |= {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'clients' / 'python'}",
            "ANSHAO_WORKERS": str(api_processes),
            "ANSHAO_ACCESS_TOKEN_MINUTES": "1",  # so that tokens end in the middle of things
            DATA: str(self.data),
            PLATTER: str(folder / "platter"),
            FORGET: forget,
        }
        if database is not None:
            self.environment["ANSHAO_DATABASE_URL"] = database
        self._api: subprocess.Popen[Any] | None = None
        self._worker: subprocess.Popen[Any] | None = None

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tests.faults.launch", *arguments]

    @property
    def settings(self) -> Settings:
        """For what is done on this installation by the run itself, before and after the faults."""
        return Settings(_env_file=None, data_dir=self.data, database_url=self._database)  # type: ignore[call-arg, arg-type]

    # Running.

    def start(self) -> None:
        """Start what does not run, and return when the service is ready."""
        if self._api is None:
            self._api = self._begin("serve")
        if self._worker is None:
            self._worker = self._begin("worker")
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/readyz", timeout=5, trust_env=False).status_code == 200:
                    return
            if self._api.poll() is not None:  # as an init system would
                self._api = self._begin("serve")
            time.sleep(0.1)
        raise AssertionError(f"the service did not start:\n{(self.folder / 'serve.log').read_text()[-4000:]}")

    def look_after(self) -> None:
        """What an init system does: start again what ended by itself."""
        for name in ("_api", "_worker"):
            process = getattr(self, name)
            if process is not None and process.poll() is not None:
                setattr(self, name, None)
        self.start()

    def stop(self) -> None:
        """End everything, orderly where possible."""
        _end(self._worker, self._api)
        self._api = self._worker = None
        self.stop_postgres()

    def stop_worker(self) -> None:
        """End the worker, orderly; the API serves on."""
        _end(self._worker)
        self._worker = None

    def _begin(self, what: str) -> "subprocess.Popen[Any]":
        log: IO[bytes]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                self._command(what), cwd=self._somewhere(), env=self.environment, stdout=log, stderr=log
            )

    # Dying.

    def kill_api(self) -> None:
        """kill -9 of every API process at once."""
        _kill(self._tree(self._api))
        self._api = self._reaped(self._api)

    def kill_api_process(self, dice: random.Random) -> None:
        """kill -9 of one of the processes that answer; their parent starts another."""
        children = [one for one in self._tree(self._api) if self._api and one.pid != self._api.pid]
        serving = [one for one in children if _mentions(one, "spawn_main")]
        if serving:
            _kill([dice.choice(serving)])

    def kill_worker(self) -> None:
        """kill -9 of the worker and the processes that decode for it."""
        _kill(self._tree(self._worker))
        self._worker = self._reaped(self._worker)

    def kill_backend(self, dice: random.Random) -> None:
        """kill -9 of one connection's server process: PostgreSQL takes all of them down and recovers from its log."""
        backends = [one for one in self._postgres() if _mentions(one, "postgres: ")]
        if backends:
            _kill([dice.choice(backends)], wait=False)

    def kill_postgres(self) -> None:
        """kill -9 of the whole database server; those who use it start it again."""
        _kill(self._postgres())

    def lose_power(self) -> dict[str, int]:
        """Everything dies at once, and the disk is what was synced; counts what that dropped."""
        _kill([*self._tree(self._api), *self._tree(self._worker), *self._postgres()])
        self._api, self._worker = self._reaped(self._api), self._reaped(self._worker)
        _kill(self._postgres())
        return self.platter.cut()

    def fill_disk(self, seconds: float) -> None:
        """No space for so long: on a file system of its own for nobody, PostgreSQL included; else for the store's files."""
        ballast = self.folder / "ballast"
        if self.folder.is_mount():
            _fill(ballast)
        else:
            self.platter.marker.touch()
        try:
            time.sleep(seconds)
        finally:
            ballast.unlink(missing_ok=True)
            self.platter.marker.unlink(missing_ok=True)

    def _tree(self, process: "subprocess.Popen[Any] | None") -> list[psutil.Process]:
        """A process and its descendants, PostgreSQL's apart."""
        if process is None:
            return []
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(process.pid)
            return [parent, *(one for one in parent.children(recursive=True) if not _is_postgres(one))]
        return []

    def _postgres(self) -> list[psutil.Process]:
        """The database server's processes: those that work in its folder."""
        own = str(self.data / "postgres")
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if _is_postgres(process) and process.cwd() == own:
                    found.append(process)
        return found

    def _reaped(self, process: "subprocess.Popen[Any] | None") -> None:
        if process is not None:
            process.wait(GONE_SECONDS)


def _end(*processes: "subprocess.Popen[Any] | None") -> None:
    for process in processes:
        if process is not None and process.poll() is None:
            process.terminate()
    for process in processes:
        if process is not None:
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _fill(ballast: Path) -> None:
    """Take every byte that is left."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 9):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def _kill(processes: list[psutil.Process], *, wait: bool = True) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    until = time.monotonic() + GONE_SECONDS
    while wait and any(_is_alive(one) for one in processes):
        assert time.monotonic() < until, "a killed process does not end"
        time.sleep(0.02)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_postgres(process: psutil.Process) -> bool:
    try:
        return "postgres" in process.name()
    except psutil.Error:
        return False


def _mentions(process: psutil.Process, word: str) -> bool:
    try:
        return word in " ".join(process.cmdline())
    except psutil.Error:
        return False
