"""A process that decodes, so that a file that crashes, hangs or swells takes nothing but that process with it.

It reads one request after the other from its standard input and answers on its standard output; nobody else talks to it.
It is given little memory and the lowest priority: photographs wait for officers, never the other way round.
"""

import asyncio
import base64
import os
import resource
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import orjson

DECODE_SECONDS = 20.0
START_SECONDS = 60.0
MEMORY_BYTES = 2 * 1024**3
_LENGTHS = struct.Struct(">II")


class DecoderFailed(Exception):
    """The file ended the decoder, or kept it busy for too long; the next file gets a new one."""


class Decoder:
    """One decoding process, started when it is needed."""

    def __init__(self, seconds: float = DECODE_SECONDS) -> None:
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None

    async def examine(self, content: bytes, claims: Sequence[str | None]) -> dict[str, Any]:
        """What decoding.examine finds, as plain data (`reduced` with `content` as bytes); raises DecoderFailed."""
        try:
            process = self._process or await self._start()
            async with asyncio.timeout(self._seconds):
                answer = await _exchange(process, content, claims)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as failure:
            await self.close()
            raise DecoderFailed from failure
        found: dict[str, Any] = orjson.loads(answer)
        for copy in found["reduced"]:
            copy["content"] = base64.b64decode(copy["content"])
        return found

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            # wait() alone would wait for ever for an answer that was being read: it ends only with the pipes
            await process.communicate()

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._process = process
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            await process.stdout.readexactly(1)  # it says when it is ready
        return process


async def _exchange(
    process: asyncio.subprocess.Process, content: bytes, claims: Sequence[str | None]
) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    said = orjson.dumps(list(claims))
    process.stdin.write(_LENGTHS.pack(len(said), len(content)) + said)
    process.stdin.write(content)
    await process.stdin.drain()
    length, _ = _LENGTHS.unpack(await process.stdout.readexactly(_LENGTHS.size))
    return await process.stdout.readexactly(length)


def _serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the source ends."""
    from app.services.evidence.decoding import examine

    answers.write(b"!")
    answers.flush()
    while len(head := source.read(_LENGTHS.size)) == _LENGTHS.size:
        said_length, length = _LENGTHS.unpack(head)
        claims = orjson.loads(source.read(said_length))
        found = examine(source.read(length), claims)
        answer = orjson.dumps(
            {
                "detected_type": found.detected_type,
                "flags": found.flags,
                "facts": found.facts,
                "hashes": found.hashes,
                "reduced": [
                    {
                        "pixels": copy.pixels,
                        "width": copy.width,
                        "height": copy.height,
                        "content": base64.b64encode(copy.content).decode(),
                    }
                    for copy in found.reduced
                ],
            }
        )
        answers.write(_LENGTHS.pack(len(answer), 0) + answer)
        answers.flush()


def main() -> None:
    """The process's life."""
    os.nice(19)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not disturb the answers
    _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
