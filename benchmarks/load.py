"""The load generator, a process of its own: sends prepared bytes over kept-alive connections and notes when answers came.

As lean as Python allows, since it shares the cores with what it measures. `python -m benchmarks.load PLAN RESULT HOST PORT
CONNECTIONS SECONDS`; each connection sends its next request when the answer before has come (a closed loop).
"""

import asyncio
import gc
import json
import pickle
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

Plan = list[list[tuple[tuple[bytes, ...], int]]]


class Run:
    """What all connections share: the next submission, the end, and the notes."""

    def __init__(self, plan: Plan, seconds: float) -> None:
        self._remaining: Iterator[tuple[int, list[tuple[tuple[bytes, ...], int]]]] = iter(enumerate(plan))
        self.until = time.perf_counter() + seconds
        self.started = time.perf_counter()
        self.milliseconds: list[float] = []
        self.finished_at: list[float] = []
        self.done: list[int] = []
        self.failures: list[str] = []
        self.is_exhausted = False

    def next(self) -> tuple[int, list[tuple[tuple[bytes, ...], int]]] | None:
        """The next submission to make; None when the time is over or nothing is left."""
        if time.perf_counter() >= self.until or self.failures:
            return None
        found = next(self._remaining, None)
        self.is_exhausted = self.is_exhausted or found is None
        return found


class Connection(asyncio.Protocol):
    """One kept-alive connection making one submission after the other."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._received = b""
        self._expected = -1
        self._began = 0.0
        self._exchanges: Iterator[tuple[tuple[bytes, ...], int]] = iter(())
        self._status = 0
        self._index = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._submit_next()

    def data_received(self, data: bytes) -> None:
        """Collect one answer; go on when it is whole."""
        self._received += data
        if self._expected < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._expected = end + 4 + _content_length(self._received[:end].lower())
        if len(self._received) < self._expected:
            return
        status = int(self._received[9:12])
        if status != self._status:
            self._fail(f"{status} instead of {self._status}: {self._received[-600:]!r}")
            return
        self._received, self._expected = self._received[self._expected :], -1
        self._send_next()

    def connection_lost(self, error: Exception | None) -> None:
        """The server closed: a failure unless we are done."""
        if not self.ended.done():
            self._fail(f"connection lost: {error!r}")

    def _submit_next(self) -> None:
        found = self._run.next()
        if found is None:
            self.ended.set_result(None)
            self._transport.close()
            return
        self._index, exchanges = found
        self._exchanges = iter(exchanges)
        self._began = time.perf_counter()
        self._send_next()

    def _send_next(self) -> None:
        exchange = next(self._exchanges, None)
        if exchange is None:
            now = time.perf_counter()
            self._run.milliseconds.append(round((now - self._began) * 1000, 3))
            self._run.finished_at.append(round(now - self._run.started, 4))
            self._run.done.append(self._index)
            self._submit_next()
            return
        pieces, self._status = exchange
        self._transport.writelines(pieces)

    def _fail(self, reason: str) -> None:
        self._run.failures.append(reason)
        if not self.ended.done():
            self.ended.set_result(None)
        self._transport.close()


def _content_length(head: bytes) -> int:
    start = head.index(b"content-length:") + 15
    end = head.find(b"\r\n", start)
    return int(head[start : end if end > 0 else None])


async def _drive(plan: Plan, host: str, port: int, connections: int, seconds: float) -> Run:
    loop, run = asyncio.get_running_loop(), Run(plan, seconds)
    made = [await loop.create_connection(lambda: Connection(run), host, port) for _ in range(connections)]
    await asyncio.gather(*(protocol.ended for _, protocol in made))
    return run


def main() -> None:
    """Read the plan, drive the load, write what was noted as JSON."""
    plan_path, result_path, host, port, connections, seconds = sys.argv[1:]
    plan: Plan = pickle.loads(Path(plan_path).read_bytes())
    gc.freeze()
    gc.disable()
    run = uvloop.run(_drive(plan, host, int(port), int(connections), float(seconds)))
    notes = {
        "milliseconds": run.milliseconds,
        "finished_at": run.finished_at,
        "done": run.done,
        "failures": run.failures,
        "is_exhausted": run.is_exhausted,
        "cpu_seconds": time.process_time(),
    }
    Path(result_path).write_text(json.dumps(notes))


if __name__ == "__main__":
    main()
