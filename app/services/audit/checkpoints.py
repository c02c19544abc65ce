"""Checkpoints outside the database: the signed head of the audit chain, in append-only files, one line each.

checkpoints/<UTC date>.jsonl, best on another disk or a write-once share. Whoever cuts the chain's tail or rewrites it inside
the database leaves a checkpoint behind that the chain no longer answers to. Receipts carry the newest one as well.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.db.session import Database
from app.services.audit.chain import Checkpoint
from app.services.audit.sealing import find_newest_checkpoint
from app.services.runtime import Runtime

REMEMBERED_SECONDS = 1.0
TORN = b"#torn"
"""Ends a line that a power cut tore in two; such a line says nothing."""


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Append one checkpoint to the day's file; it is on the disk when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    now = utc_now()
    path = folder / f"{now:%Y-%m-%d}.jsonl"
    is_new = not path.exists()
    line = orjson.dumps(checkpoint.members | {"written_at": now}, option=orjson.OPT_UTC_Z) + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        if not is_new and not _ends_with_newline(path):
            line = TORN + b"\n" + line  # a power cut tore the line before, which nobody was told of yet
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        _sync_folder(folder)
    return path


def read_checkpoints(folder: Path) -> tuple[list[Checkpoint], list[str]]:
    """Every checkpoint ever written, in order, and the places ("2026-11-24.jsonl:3") of lines that cannot be read.

    A line torn by a power cut, at a file's end or marked by the next writer, counts as never written.
    """
    found: list[Checkpoint] = []
    unreadable: list[str] = []
    for path in sorted(folder.glob("*.jsonl")):
        *lines, _torn_or_empty = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            try:
                value = orjson.loads(line)
                found.append(
                    Checkpoint(value["number"], value["seal_hash"], value["signature"], value["key_id"])
                )
            except (ValueError, KeyError, TypeError):
                if not line.endswith(TORN):
                    unreadable.append(f"{path.name}:{number}")
    return found, unreadable


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Remembered:
    checkpoint: Checkpoint | None
    until: float


_remembered: WeakKeyDictionary[Database, _Remembered] = WeakKeyDictionary()


async def latest_checkpoint(session: AsyncSession, runtime: Runtime) -> Checkpoint | None:
    """The chain's signed head, at most a second old, for a receipt; None before the first seal. Asks the database rarely.

    It asks on the caller's own connection: whoever waits for a second one while he holds locks can stall the whole pool.
    """
    known = _remembered.get(runtime.database)
    if known is None or known.until < time.monotonic():
        newest = await find_newest_checkpoint(session)
        known = _Remembered(newest, time.monotonic() + REMEMBERED_SECONDS)
        _remembered[runtime.database] = known
    return known.checkpoint
