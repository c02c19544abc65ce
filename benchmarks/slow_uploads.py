"""(e) Hundreds of slow phones upload at once: does the memory of the service stay flat? A process of its own drives them.

`python -m benchmarks.slow_uploads PLAN RESULT HOST PORT`. Every upload sends its bytes at an even pace over a connection of its
own, by one PATCH of tus; when the service is slower, it waits for the service.
"""

import asyncio
import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvloop

from app.core.ids import new_id
from app.storage.store import original_key
from benchmarks.city import BenchmarkPhone
from benchmarks.figures import percentile
from benchmarks.installation import ROOT, Installation, Served

UPLOADS, FILE_BYTES, UPLOAD_SECONDS = 500, 5_000_000, 120
STEP_BYTES = 16 * 1024
REHASHED = 25
HANGS_AFTER_SECONDS = 900


def measure_slow_uploads(
    installed: Installation, served: Served, phones: Sequence[BenchmarkPhone], *, uploads: int, seconds: float
) -> dict[str, Any]:
    """What the API processes hold before, during and after; every file must be stored, or this raises RuntimeError."""
    _drive(installed, phones, min(20, uploads), 3)  # what is loaded at first use is no growth
    time.sleep(2)
    memory = _Watch(installed, served)
    before = memory.now()
    with memory:
        told = _drive(installed, phones, uploads, seconds)
    time.sleep(5)
    after = memory.now()
    _check(installed, told["hashes"])
    return {
        "uploads": uploads,
        "bytes each": FILE_BYTES,
        "seconds": told["seconds"],
        "memory before, MB": before,
        "least, MB": min(memory.seen),
        "most, MB": max(memory.seen),
        "memory afterwards, MB": after,
        "growth at most, MB": round(max(memory.seen) - before, 1),
        "files stored": len(told["hashes"]),
        "another request meanwhile, p50 ms": percentile(memory.milliseconds, 0.5),
        "another request meanwhile, p95 ms": percentile(memory.milliseconds, 0.95),
        "load of the machine": f"{os.getloadavg()[0]:.2f}",
    }


class _Watch:
    """Looks at the API processes' resident memory, and asks them something else, twice a second."""

    def __init__(self, installed: Installation, served: Served) -> None:
        self._base, self._served = f"http://{installed.address}", served
        self.seen: list[float] = []
        self.milliseconds: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def now(self) -> float:
        """Megabytes, of all API processes together."""
        return round(self._served.api_memory() / 1e6, 1)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with httpx.Client(base_url=self._base, timeout=60, trust_env=False) as http:
            while not self._over.wait(0.5):
                self.seen.append(self.now())
                began = time.perf_counter()
                http.get("/readyz").raise_for_status()
                self.milliseconds.append(round((time.perf_counter() - began) * 1000, 1))


def _drive(
    installed: Installation, phones: Sequence[BenchmarkPhone], uploads: int, seconds: float
) -> dict[str, Any]:
    plan, result = installed.folder / "uploads.json", installed.folder / "uploaded.json"
    tokens = [phones[number % len(phones)].token for number in range(uploads)]
    plan.write_text(json.dumps({"tokens": tokens, "seconds": seconds}))
    host, port = installed.address.split(":")
    command = [sys.executable, "-m", "benchmarks.slow_uploads", str(plan), str(result), host, port]
    subprocess.run(command, cwd=ROOT, check=True, timeout=HANGS_AFTER_SECONDS)
    told: dict[str, Any] = json.loads(result.read_text())
    if told["failures"]:
        raise RuntimeError(f"{len(told['failures'])} uploads failed: {told['failures'][0]}")
    return told


def _check(installed: Installation, hashes: list[str]) -> None:
    """Every acknowledged file has its row; of some the bytes are read and hashed again."""
    with psycopg.connect(installed.database) as connection:
        counted = "SELECT count(*) FROM evidence_files WHERE sha256 = ANY(%s) AND size = %s"
        row = connection.execute(counted, (hashes, FILE_BYTES)).fetchone()
    if row is None or row[0] != len(hashes):
        raise RuntimeError("an acknowledged upload has no row")
    for sha256 in hashes[:: max(1, len(hashes) // REHASHED)]:
        content = (installed.folder / "objects" / original_key(sha256)).read_bytes()
        if "sha-256:" + hashlib.sha256(content).hexdigest() != sha256:
            raise RuntimeError("a stored file is not the one that was sent")


async def _upload(host: str, port: int, token: str, common: memoryview, seconds: float) -> str:
    """Create and fill one upload; gives the hash of its file. Raises RuntimeError on any other answer."""
    head = new_id().bytes
    rest = common[len(head) :]
    digest = hashlib.sha256(head)
    digest.update(rest)
    told = {"evidence_id": str(new_id()), "package_id": str(new_id()), "sha256": digest.hexdigest()}
    metadata = ",".join(f"{n} {base64.b64encode(v.encode()).decode()}" for n, v in told.items())
    common_head = f"Host: bench\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n"
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"POST /mobile/v1/uploads HTTP/1.1\r\n{common_head}Content-Length: 0\r\nUpload-Length: {FILE_BYTES}\r\n"
        f"Upload-Metadata: {metadata}\r\n\r\n".encode()
    )
    location = (await _answer(reader, 201))["location"]
    writer.write(
        f"PATCH {location} HTTP/1.1\r\n{common_head}Content-Length: {FILE_BYTES}\r\nUpload-Offset: 0\r\n"
        f"Content-Type: application/offset+octet-stream\r\n\r\n".encode()
        + head
    )
    pause, due = seconds * STEP_BYTES / FILE_BYTES, time.perf_counter()
    for start in range(0, len(rest), STEP_BYTES):
        writer.write(rest[start : start + STEP_BYTES])
        await writer.drain()
        due += pause
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    answered = await _answer(reader, 204)
    writer.close()
    if answered["upload-offset"] != str(FILE_BYTES):
        raise RuntimeError(f"acknowledged {answered['upload-offset']} bytes")
    return "sha-256:" + digest.hexdigest()


async def _answer(reader: asyncio.StreamReader, status: int) -> dict[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    if int(head[0].split()[1]) != status:
        raise RuntimeError(f"{head[0]}: {body[:600]!r}")
    return headers


async def _all(tokens: list[str], seconds: float, host: str, port: int) -> dict[str, Any]:
    common = memoryview(os.urandom(FILE_BYTES))
    began = time.perf_counter()

    async def begin(number: int, token: str) -> str:
        await asyncio.sleep(number * 0.02)  # phones do not all begin in one moment
        return await _upload(host, port, token, common, seconds)

    ended = await asyncio.gather(*(begin(*one) for one in enumerate(tokens)), return_exceptions=True)
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "hashes": [one for one in ended if isinstance(one, str)],
        "failures": [repr(one) for one in ended if not isinstance(one, str)],
    }


def main() -> None:
    """Read the plan, upload, write what became of it as JSON."""
    plan_path, result_path, host, port = sys.argv[1:]
    plan = json.loads(Path(plan_path).read_text())
    Path(result_path).write_text(
        json.dumps(uvloop.run(_all(plan["tokens"], plan["seconds"], host, int(port))))
    )


if __name__ == "__main__":
    main()
