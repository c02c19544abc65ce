"""Multipart forms (RFC 7578), taken apart while they arrive: nothing but short fields is ever held whole."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.errors import InvalidProblem, Problem
from app.http.bodies import body_pieces
from app.http.problems import UnreadableProblem
from app.storage.store import PIECE_BYTES

MAX_FIELD_BYTES = 4096
MAX_PARTS = 20
MAX_HEADERS = 20
FILE = "file"


class FormProblem(InvalidProblem):
    """The parts are not those the door takes: one missing or given twice, too many, or too long."""

    code = "form_invalid"
    zh = "表单的各部分不符合要求：缺少、重复、过多或过长"
    en = "The parts of the form are not what is taken here: one is missing or given twice, or they are too many or too long"


@dataclass(frozen=True, slots=True)
class _Begin:
    headers: dict[bytes, bytes]


class _End:
    """The end of one part."""


class Part:
    """One part under way: what its headers say, and its bytes, to be read once and before the next part."""

    def __init__(self, headers: dict[bytes, bytes], parts: "StreamedParts") -> None:
        _, options = parse_options_header(headers.get(b"content-disposition"))
        self.name = _text(options.get(b"name", b""))
        self.file_name = (
            _text(options.get(b"filename", b"")).replace("\\", "/").rpartition("/")[2][:255] or None
        )
        self.media_type = (
            headers.get(b"content-type", b"").decode("ascii", "replace").replace("\x00", "")[:100] or None
        )
        self._parts = parts

    async def pieces(self) -> AsyncIterator[bytearray]:
        """The bytes in pieces of about 1 MiB; raises what StreamedParts raises."""
        piece = bytearray()
        while (data := await self._parts.next_data()) is not None:
            piece += data
            if len(piece) >= PIECE_BYTES:
                yield piece
                piece = bytearray()
        if piece:
            yield piece


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\x00", "")


class StreamedParts:
    """The parts of one form, one after the other; what is not read of a part is passed over.

    Raises UnreadableProblem (no such form, or none to its end), FormProblem (too many parts or headers), and what body_pieces
    raises; always after what came before.
    """

    def __init__(self, request: Request, limit: int, max_parts: int) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise UnreadableProblem
        self._chunks = body_pieces(request, limit)
        self._max_parts = max_parts
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": lambda: self._events.append(_End()),
                "on_header_begin": self._begin_header,
                "on_header_field": self._header_name_part,
                "on_header_value": self._header_value_part,
                "on_header_end": self._end_header,
                "on_headers_finished": lambda: self._events.append(_Begin(self._headers)),
                "on_end": self._finish,
            },
        )
        self._events: deque[_Begin | _End | memoryview] = deque()
        self._refusal: Problem | None = None
        self._number = 0
        self._headers: dict[bytes, bytes] = {}
        self._header_name, self._header_value = bytearray(), bytearray()
        self._is_whole = False

    def __aiter__(self) -> "StreamedParts":
        return self

    async def __anext__(self) -> Part:
        while (event := await self._next_event()) is not None:
            if isinstance(event, _Begin):
                return Part(event.headers, self)
        raise StopAsyncIteration

    async def next_data(self) -> memoryview | None:
        """More of the part under way; None at its end."""
        event = await self._next_event()
        return event if isinstance(event, memoryview) else None

    async def _next_event(self) -> _Begin | _End | memoryview | None:
        while not self._events:
            if self._refusal is not None:
                raise self._refusal
            chunk = await anext(self._chunks, None)
            if chunk is None:
                if not self._is_whole:
                    raise UnreadableProblem
                return None
            try:
                self._parser.write(bytes(chunk))
            except FormParserError:
                self._refusal = UnreadableProblem()
            except FormProblem as refusal:
                self._refusal = refusal
        return self._events.popleft()

    def _begin(self) -> None:
        self._number += 1
        if self._number > self._max_parts:
            raise FormProblem
        self._headers = {}

    def _begin_header(self) -> None:
        self._header_name, self._header_value = bytearray(), bytearray()

    def _header_name_part(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        if len(self._header_name) > MAX_FIELD_BYTES or len(self._headers) >= MAX_HEADERS:
            raise FormProblem

    def _header_value_part(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        if len(self._header_value) > MAX_FIELD_BYTES:
            raise FormProblem

    def _end_header(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(memoryview(data)[start:end])

    def _finish(self) -> None:
        self._is_whole = True


async def read_first(parts: StreamedParts, name: str) -> bytes:
    """The whole first part, which must have that name; raises FormProblem."""
    part = await anext(parts, None)
    if part is None or part.name != name:
        raise FormProblem
    return b"".join([bytes(piece) async for piece in part.pieces()])


class StreamedForm:
    """A form with one file under way: read `pieces()` to its end, then look at `fields`, `file_name` and `file_type`."""

    def __init__(self, request: Request, limit: int) -> None:
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.file_type = "application/octet-stream"
        self.has_file = False
        self._parts = StreamedParts(request, limit, MAX_PARTS)

    async def pieces(self) -> AsyncIterator[bytearray]:
        """The file's bytes in pieces of about 1 MiB; raises FormProblem and what StreamedParts raises."""
        async for part in self._parts:
            if part.name != FILE:
                await self._read_field(part)
                continue
            if self.has_file:
                raise FormProblem
            self.has_file = True
            self.file_name, self.file_type = part.file_name, part.media_type or self.file_type
            async for piece in part.pieces():
                yield piece
        if not self.has_file:
            raise FormProblem

    async def _read_field(self, part: Part) -> None:
        value = bytearray()
        async for piece in part.pieces():
            value += piece
            if len(value) > MAX_FIELD_BYTES:
                raise FormProblem
        if part.name:
            self.fields[part.name] = value.decode("utf-8", "replace")
