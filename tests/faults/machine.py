"""The machine the service runs on: API, worker and embedded PostgreSQL, killed and started again; its power, its disk space."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
import psycopg

from app.config import Settings
from tests.faults.power import DATA, FORGET, PLATTER, Platter
from tests.faults.skew import SECONDS
from tests.support.processes import Installation

ROOT = Path(__file__).resolve().parents[2]
GONE_SECONDS = 60
START_SECONDS = 600
"""On a machine with ten times the work it can do."""
CLOCK_SECONDS = 600
"""How far the clocks of API and worker are off at most, each otherwise at each start."""
LOG_BYTES = 200 * 1_000_000
"""More than PostgreSQL has put by for its log: writing on, it needs room."""


class Machine(Installation):
    """One data folder on a disk that can lose power and fill up. What is beside it (logs, the platter) has always room."""

    def __init__(
        self,
        folder: Path,
        *,
        data: Path | None = None,
        database: str | None = None,
        api_processes: int = 2,
        forget: str = "",
        seed: int = 0,
    ) -> None:
        """`data`: the data folder; where it is a file system of its own, that one is really filled up.

        `database`: the address of one that is not ours to kill; without it, the embedded one in the data folder. `seed`: of
        how far the clock is off at each start.
        """
        super().__init__(folder)
        self._database = database
        self._clock = random.Random(f"{seed}/clock")
        self.data = data or folder / "data"
        self.data.mkdir(exist_ok=True)
        self.is_small_disk = self.data.is_mount()
        self.ended: Counter[str] = Counter()
        """Processes that ended by themselves, and were started again as an init system would."""
        self.found_full: Counter[str] = Counter()
        """What PostgreSQL said when it found no space for its log."""
        self.platter = Platter(self.data, folder / "platter")
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it is started often
        self.environment |= {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'clients' / 'python'}",
            "ANSHAO_DATA_DIR": str(self.data),
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
                self.ended["serve"] += 1
                self._api = self._begin("serve")
            time.sleep(0.1)
        raise AssertionError(f"the service did not start:\n{(self.folder / 'serve.log').read_text()[-4000:]}")

    def look_after(self) -> None:
        """What an init system does: start again what ended by itself."""
        for name, what in (("_api", "serve"), ("_worker", "worker")):
            process = getattr(self, name)
            if process is not None and process.poll() is not None:
                self.ended[what] += 1
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
        clock = {SECONDS: str(self._clock.uniform(-CLOCK_SECONDS, CLOCK_SECONDS))}
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                self._command(what),
                cwd=self._somewhere(),
                env=self.environment | clock,
                stdout=log,
                stderr=log,
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

    def fill_disk(self, seconds: float, *, uses_up_log: bool = False) -> None:
        """No space for so long: on a file system of its own for nobody, PostgreSQL included; else for the store's files.

        `uses_up_log`: PostgreSQL's log, for which space has been put by, is written on until that is used up too.
        """
        if not self.is_small_disk:
            self.platter.marker.touch()
            try:
                time.sleep(seconds)
            finally:
                self.platter.marker.unlink()
            return
        ballast, until = self.data / "ballast", time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                _fill(ballast)  # what somebody has given back meanwhile, too
                if uses_up_log:
                    uses_up_log = not self._use_up_log()
                time.sleep(0.1)
        finally:
            ballast.unlink()

    def _use_up_log(self) -> bool:
        """True when PostgreSQL has died of it, or is away already."""
        try:
            socket_folder = (self.data / "postgres" / "postmaster.pid").read_text().split("\n")[4]
            address = f"postgresql://postgres@/postgres?host={socket_folder}"
            with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
                write = "SELECT count(pg_logical_emit_message(false, 'faults', repeat('x', 1000000))) FROM generate_series(1, %s)"
                connection.execute(write, (LOG_BYTES // 1_000_000,))
        except (psycopg.Error, OSError, IndexError) as error:
            self.found_full[str(error).partition("\n")[0]] += 1
            return True
        return False

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
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
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
