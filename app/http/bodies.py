"""Request bodies that no model reads: files, taken in by pieces and measured; rows, each of which is judged by itself."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import orjson
from fastapi import Request
from starlette.requests import ClientDisconnect

from app.core.errors import InvalidProblem, Problem
from app.http.problems import TooLargeProblem, UnreadableProblem
from app.storage.store import PIECE_BYTES


class CutShortProblem(Problem):
    """The connection ended before the announced length."""

    code = "body_cut_short"
    retry = "now"
    zh = "文件未传完整，请重新发送"
    en = "The body ended before its announced length; send it again"


class SilentProblem(Problem):
    """Nothing came for too long; what came before counts."""

    status = 408
    code = "body_stalled"
    retry = "now"
    zh = "长时间未收到数据，请从已接收位置继续"
    en = "Nothing came for too long; go on from where the upload stands"


TICK_SECONDS = 1.0
SILENCE_SECONDS = 60.0
"""A body from which nothing comes for so long is given up: its connection holds memory that others need."""


async def body_chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes, and an empty chunk after each second in which nothing came.

    Raises CutShortProblem when the connection ends first, SilentProblem after a minute without a byte.
    """
    silent_seconds = 0.0
    while True:
        message = None
        with anyio.move_on_after(TICK_SECONDS):
            message = await request.receive()
        if message is None:
            silent_seconds += TICK_SECONDS
            if silent_seconds >= SILENCE_SECONDS:
                raise SilentProblem(headers={"Connection": "close"})
            yield b""
            continue
        if message["type"] == "http.disconnect":
            raise CutShortProblem
        silent_seconds = 0.0
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


class BatchTooLargeProblem(Problem):
    """More rows than one request may hold; none was looked at."""

    status = 413
    code = "batch_too_large"
    retry = "manual"
    zh = "一次最多提交 {limit} 行，本次 {rows} 行，均未处理"
    en = "Send at most {limit} rows at once; of these {rows} none was taken"


async def json_rows(request: Request, limit: int) -> list[Any]:
    """The JSON array in the body, its rows as they are; raises UnreadableProblem, InvalidProblem, BatchTooLargeProblem.

    Half a surrogate pair in a string is not the end of all rows: it stays what it is.
    """
    body = await request.body()
    try:
        rows = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            rows = json.loads(body.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise UnreadableProblem from error
    if not isinstance(rows, list):
        raise InvalidProblem
    if len(rows) > limit:
        raise BatchTooLargeProblem(limit=limit, rows=len(rows))
    return rows


def _refuse(constant: str) -> None:
    raise ValueError(constant)


async def body_pieces(request: Request, limit: int) -> AsyncIterator[bytearray]:
    """The body in pieces of up to 1 MiB and a network read; raises 413 beyond `limit` or Content-Length, 400 when cut short.

    What came before is given out before it raises.
    """
    announced = _announced_length(request)
    if announced is not None and announced > limit:
        raise TooLargeProblem(limit=limit)
    most = limit if announced is None else announced
    piece, received = bytearray(), 0
    refusal: Problem | None = None
    try:
        async for chunk in request.stream():
            received += len(chunk)
            if received > most:
                refusal = TooLargeProblem(limit=most)
                break
            piece += chunk
            if len(piece) >= PIECE_BYTES:
                yield piece
                piece = bytearray()
    except ClientDisconnect:
        refusal = CutShortProblem()
    if refusal is None and announced is not None and received < announced:
        refusal = CutShortProblem()
    if piece:
        yield piece
    if refusal is not None:
        raise refusal


def _announced_length(request: Request) -> int | None:
    value = request.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else None
