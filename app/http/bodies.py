"""Request bodies that are files: taken in by pieces, never held whole, measured against what was announced."""

from collections.abc import AsyncIterator

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.core.errors import Problem
from app.http.problems import TooLargeProblem
from app.storage.store import PIECE_BYTES


class CutShortProblem(Problem):
    """The connection ended before the announced length."""

    code = "body_cut_short"
    retry = "now"
    zh = "文件未传完整，请重新发送"
    en = "The body ended before its announced length; send it again"


async def body_pieces(request: Request, limit: int) -> AsyncIterator[bytearray]:
    """The body in pieces of up to 1 MiB and a network read; raises 413 beyond `limit` or Content-Length, 400 when cut short."""
    announced = _announced_length(request)
    if announced is not None and announced > limit:
        raise TooLargeProblem(limit=limit)
    piece, received = bytearray(), 0
    try:
        async for chunk in request.stream():
            received += len(chunk)
            if received > (limit if announced is None else announced):
                raise TooLargeProblem(limit=limit if announced is None else announced)
            piece += chunk
            if len(piece) >= PIECE_BYTES:
                yield piece
                piece = bytearray()
    except ClientDisconnect as gone:
        raise CutShortProblem from gone
    if announced is not None and received < announced:
        raise CutShortProblem
    if piece:
        yield piece


def _announced_length(request: Request) -> int | None:
    value = request.headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else None
