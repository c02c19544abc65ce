"""A served installation of its own: data folder, embedded PostgreSQL, `anshao serve --with-worker` with several API processes."""

import os
import shutil
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

from app.config import Settings
from app.db.migrate import upgrade
from app.serving import database_address

READY_WITHIN_SECONDS = 180
ROOT = Path(__file__).resolve().parents[1]


class Installation:
    """One data folder with its database held; servers are started on it as needed."""

    def __init__(self, folder: Path, api_processes: int, address: str) -> None:
        self.folder = folder
        self.port = _free_port()
        self.api_processes = api_processes
        self.database = address
        self.settings = Settings(
            _env_file=None, data_dir=folder, port=self.port, workers=api_processes, log_level="info"
        )  # type: ignore[call-arg]

    @property
    def address(self) -> str:
        """host:port of the served API."""
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def serving(self, module: str = "app.cli", *arguments: str) -> Iterator["Served"]:
        """A running service; by default `anshao serve --with-worker`, as an operator of one machine would start it."""
        given = arguments or ("serve", "--with-worker")
        environment = {n: v for n, v in os.environ.items() if not n.startswith("ANSHAO_")} | {
            "ANSHAO_DATA_DIR": str(self.folder),
            "ANSHAO_PORT": str(self.port),
            "ANSHAO_WORKERS": str(self.api_processes),
        }
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *given], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        try:
            _wait_until_ready(f"http://{self.address}", process, self.folder / "serve.log")
            yield Served(process)
        finally:
            process.terminate()
            process.wait(READY_WITHIN_SECONDS)


class Served:
    """The processes of a running service, and the processor time each kind of them has used."""

    def __init__(self, process: "subprocess.Popen[Any]") -> None:
        self._root = psutil.Process(process.pid)

    def cpu_seconds(self) -> dict[str, float]:
        """Seconds of processor time so far: API processes, worker, PostgreSQL (the one embedded server on the folder)."""
        used = {"api": 0.0, "worker": 0.0, "decoders": 0.0, "postgresql": 0.0}
        for process in [self._root, *self._root.children(recursive=True)]:
            used[_kind_of(process)] += _busy(process)
        used["postgresql"] = sum(_busy(process) + _ended(process) for process in self._postgres())
        return used

    def api_memory(self) -> int:
        """Bytes of resident memory of the API processes."""
        processes = [self._root, *self._root.children(recursive=True)]
        return sum(_resident(process) for process in processes if _kind_of(process) == "api")

    def _postgres(self) -> list[psutil.Process]:
        folder = str(Path(self._root.environ()["ANSHAO_DATA_DIR"]) / "postgres")
        servers = [p for p in psutil.process_iter(["name", "cmdline"]) if p.info["name"] == "postgres"]
        own = [p for p in servers if folder in (p.info["cmdline"] or ())]
        return [one for server in own for one in (server, *server.children(recursive=True))]


def _kind_of(process: psutil.Process) -> str:
    try:
        command = process.cmdline()
    except psutil.NoSuchProcess:
        return "api"
    if "app.services.evidence.decoder" in command:
        return "decoders"
    return "worker" if "worker" in command[-3:] else "api"


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _ended(process: psutil.Process) -> float:
    """Time of children that have ended: PostgreSQL's connections come and go."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.children_user + times.children_system)


def _busy(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def installation(folder: Path, api_processes: int) -> Iterator[Installation]:
    """A new, migrated installation in `folder`, which is emptied first and removed afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        settings = Settings(_env_file=None, data_dir=folder)  # type: ignore[call-arg]
        with database_address(settings) as address:
            upgrade(address)
            yield Installation(folder, api_processes, address)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(base: str, process: "subprocess.Popen[Any]", log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_SECONDS
    with httpx.Client(base_url=base, timeout=5, trust_env=False) as http:
        while time.monotonic() < until and process.poll() is None:
            try:
                if http.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    raise RuntimeError(f"the service did not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
