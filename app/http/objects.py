"""Answering with a stored object: streamed by pieces, by range (RFC 9110, 14), with a name (RFC 6266) and nothing executable."""

import re
import unicodedata
from collections.abc import AsyncIterator
from typing import Annotated, Protocol
from urllib.parse import quote

from fastapi import Header, Request, Response
from fastapi.responses import StreamingResponse

from app.core.errors import Problem
from app.schemas.evidence import StoredObject

CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)

IfNoneMatch = Annotated[str | None, Header()]


class Readable(Protocol):
    """What bytes are read from: a store, or a file of several parts."""

    async def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """The content, or `length` bytes of it from `start`; raises FileNotFoundError."""


class RangeProblem(Problem):
    """The wanted bytes lie beyond the end."""

    status = 416
    code = "range_not_satisfiable"
    zh = "请求的字节范围超出文件大小"
    en = "The requested range lies outside the file"


class ObjectUnavailableProblem(Problem):
    """The row is here, its bytes cannot be read: a person must look into the storage."""

    status = 503
    code = "object_unavailable"
    retry = "after"
    zh = "存储暂时无法读取该文件"
    en = "The storage cannot read this file at present"


def etag_of_object(stored: StoredObject) -> str:
    """The strong ETag: the content's own hash."""
    return f'"{stored.sha256}"'


def is_unchanged(request: Request, stored: StoredObject) -> bool:
    """True when the caller holds these bytes already (If-None-Match)."""
    given = request.headers.get("if-none-match", "")
    return etag_of_object(stored) in (value.strip() for value in given.split(","))


def not_modified(stored: StoredObject) -> Response:
    """304: nothing leaves."""
    return Response(
        status_code=304, headers={"ETag": etag_of_object(stored), "Cache-Control": "private, no-cache"}
    )


async def object_response(
    request: Request, store: Readable, stored: StoredObject, *, as_attachment: bool
) -> Response:
    """200 or 206 with the bytes; raises RangeProblem, ObjectUnavailableProblem. No browser runs anything that is in them."""
    span = _span(request, stored)
    start, length = span or (0, stored.size)
    headers = {
        "ETag": etag_of_object(stored),
        "Accept-Ranges": "bytes",
        "Content-Length": str(length),
        "Content-Disposition": content_disposition(stored.name, as_attachment=as_attachment),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
    }
    if span:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{stored.size}"
    try:
        first = await store.read(stored.key, start, min(length, CHUNK_BYTES))
    except FileNotFoundError as missing:
        raise ObjectUnavailableProblem from missing
    return StreamingResponse(
        _stream(store, stored.key, start, length, first),
        206 if span else 200,
        headers,
        media_type=stored.media_type,
    )


async def _stream(store: Readable, key: str, start: int, length: int, first: bytes) -> AsyncIterator[bytes]:
    yield first
    sent = len(first)
    while sent < length:
        piece = await store.read(key, start + sent, min(CHUNK_BYTES, length - sent))
        if not piece:
            raise EOFError(key)
        yield piece
        sent += len(piece)


def _span(request: Request, stored: StoredObject) -> tuple[int, int] | None:
    """(start, length) of the one wanted range; None: everything (several ranges, other units, an outdated If-Range)."""
    found = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    condition = request.headers.get("if-range")
    if found is None or found.groups() == ("", "") or condition not in (None, etag_of_object(stored)):
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        length = min(int(last), stored.size)
        start = stored.size - length
    else:
        start = int(first)
        length = min(int(last) if last else stored.size - 1, stored.size - 1) - start + 1
    if last and first and int(last) < start:
        return None
    if length <= 0:
        raise RangeProblem(headers={"Content-Range": f"bytes */{stored.size}"})
    return start, length


def content_disposition(name: str, *, as_attachment: bool) -> str:
    """RFC 6266: the name in UTF-8 (composed, without control characters or paths), and an ASCII likeness for old clients."""
    composed = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    printable = "".join(c for c in composed if unicodedata.category(c)[0] != "C")
    plain = re.sub(r'[\\/:*?"<>|]', "_", printable).strip(" .") or "file"
    likeness = re.sub(r"[^\x20-\x7e]", "_", plain).replace("%", "_")
    kind = "attachment" if as_attachment else "inline"
    return f"{kind}; filename=\"{likeness}\"; filename*=UTF-8''{quote(plain, safe='')}"
