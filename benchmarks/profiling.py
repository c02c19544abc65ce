"""Where the time goes: one API process under the same load, with its statements timed and its stack sampled.

Sampling reads the main thread's innermost frames every few milliseconds; it needs no privilege and no package. Figures of a
sampled process are shares, not speeds: the levels of load are measured without it.
"""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.config import Settings
from app.db.fixed import Fixed
from app.http.logs import configure_logs
from app.main import create_app
from benchmarks.installation import Installation

SAMPLE_SECONDS = 0.003
CONNECTIONS = 4
RESULT = "BENCHMARK_PROFILE"
EXPLANATION = (
    "One API process, 4 connections, scenario (a). The first table times each statement from sending it to having its rows "
    "(the wait for other statements and commits included). The others are samples of the process's only thread while it was busy."
)
_PARTS = (
    ("/psycopg/", "psycopg: talking to PostgreSQL"), ("/sqlalchemy/", "SQLAlchemy"), ("/pydantic", "Pydantic"),
    ("/joserfc/", "access token"), ("/cryptography/", "signatures"), ("/rfc8785", "canonical JSON"),
    ("/fastapi/", "FastAPI"), ("/starlette/", "Starlette"), ("/uvicorn/", "uvicorn"), ("/structlog/", "logging"),
    ("/prometheus_client/", "metrics"), ("/anyio/", "threads"), ("/app/", "code of ours"),
)  # fmt: skip


def profile_submissions(installed: Installation, bench: Any) -> dict[str, Any]:
    """Load a sampled server and say what it found."""
    result = installed.folder / "profile.json"
    os.environ[RESULT] = str(result)
    with installed.serving("benchmarks.profiling", "serve"):
        _, notes = bench.load("a", 3_000, CONNECTIONS, 8.0)
    found = json.loads(result.read_text())
    done = len(notes["done"])
    statements = [
        {"statement": name, "times": round(count / done, 2), "ms": round(seconds * 1000 / count, 2)}
        for name, (count, seconds) in sorted(found["statements"].items(), key=lambda kv: -kv[1][1])
        if count / done >= 0.05
    ]
    return {
        "explanation": EXPLANATION,
        "submissions": done,
        "statements": statements,
        "parts": _shares(found["parts"]),
        "code": _shares(found["code"]),
    }


def _shares(counts: dict[str, int]) -> dict[str, float]:
    whole = sum(counts.values()) or 1
    return {name: round(count / whole, 4) for name, count in Counter(counts).most_common(25)}


class Sampler(threading.Thread):
    """Counts where the main thread is while it is busy."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._main = threading.main_thread().ident or 0
        self.parts: Counter[str] = Counter()
        self.code: Counter[str] = Counter()
        self.ended = threading.Event()

    def run(self) -> None:
        """Sample until told to end."""
        while not self.ended.wait(SAMPLE_SECONDS):
            frame = sys._current_frames().get(self._main)
            if frame is not None and not _is_idle(frame):
                self.parts[_part_of(frame)] += 1
                self.code[_own_code(frame)] += 1


def _is_idle(frame: FrameType) -> bool:
    """True while the loop waits: the innermost Python frame is the one that runs the loop."""
    return frame.f_code.co_name == "run" and "asyncio" in frame.f_code.co_filename


def _part_of(frame: FrameType | None) -> str:
    while frame is not None:
        for mark, name in _PARTS:
            if mark in frame.f_code.co_filename:
                return name
        frame = frame.f_back
    return "Python's own library"


def _own_code(frame: FrameType | None) -> str:
    while frame is not None:
        path = frame.f_code.co_filename
        if "/app/" in path and "site-packages" not in path:
            return f"{path.rpartition('/app/')[2]} {frame.f_code.co_name}"
        frame = frame.f_back
    return "(below the database session, or in the framework)"


def _time_statements(timed: dict[str, list[float]]) -> None:
    """Every statement, those that go to the driver as they are included."""

    def note(statement: str, seconds: float) -> None:
        noted = timed.setdefault(_name_of(statement), [0, 0.0])
        noted[0] += 1
        noted[1] += seconds

    def began(connection: Any, *_: Any) -> None:
        connection.info.setdefault("began", []).append(time.perf_counter())

    def ended(connection: Any, _: Any, statement: str, *__: Any) -> None:
        note(statement, time.perf_counter() - connection.info["began"].pop())

    event.listen(Engine, "before_cursor_execute", began)
    event.listen(Engine, "after_cursor_execute", ended)
    send = Fixed.all

    async def timed_all(self: Fixed, *args: Any) -> Any:
        before = time.perf_counter()
        rows = await send(self, *args)
        note(self.text, time.perf_counter() - before)
        return rows

    Fixed.all = timed_all  # type: ignore[method-assign]


def _name_of(statement: str) -> str:
    words = statement.replace("\n", " ").replace("|", "/").split()
    return "`" + " ".join(words)[:90].replace("`", "") + "`"


def _leave(*_: object) -> None:
    raise SystemExit(0)


def serve_sampled() -> None:
    """What the sampled server process runs."""
    settings = Settings()
    configure_logs(settings.log_level)
    timed: dict[str, list[float]] = {}
    _time_statements(timed)
    sampler = Sampler()
    sampler.start()
    signal.signal(signal.SIGTERM, _leave)  # uvicorn raises the signal again when it has ended
    config = uvicorn.Config(
        create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False
    )
    try:
        uvicorn.Server(config).run()
    finally:
        sampler.ended.set()
        found = {"statements": timed, "parts": sampler.parts, "code": sampler.code}
        Path(os.environ[RESULT]).write_text(json.dumps(found))


if __name__ == "__main__":
    serve_sampled()
