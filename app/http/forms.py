"""Multipart forms with one file (RFC 7578), taken apart while they arrive: the file leaves by pieces, fields stay."""

from collections.abc import AsyncIterator

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.errors import InvalidProblem
from app.http.bodies import body_pieces
from app.http.problems import UnreadableProblem
from app.storage.store import PIECE_BYTES

MAX_FIELD_BYTES = 4096
MAX_PARTS = 20
FILE = "file"


class FormProblem(InvalidProblem):
    """The form has no file, two files, too many or too long fields."""

    code = "form_invalid"
    zh = "表单应包含一个 file 文件，且字段不得过多或过长"
    en = "A form holds one part named file, and few and short fields"


class StreamedForm:
    """One form under way: read `pieces()` to its end, then look at `fields`, `file_name` and `file_type`."""

    def __init__(self, request: Request, limit: int) -> None:
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.file_type = "application/octet-stream"
        self.has_file = False
        self._chunks = body_pieces(request, limit)
        kind, options = parse_options_header(request.headers.get("content-type"))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise UnreadableProblem
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_begin": self._begin_header,
                "on_header_field": self._header_name_part,
                "on_header_value": self._header_value_part,
                "on_header_end": self._end_header,
                "on_headers_finished": self._headers_finished,
                "on_end": self._finish,
            },
        )
        self._parts = 0
        self._headers: dict[bytes, bytes] = {}
        self._header_name, self._header_value = bytearray(), bytearray()
        self._name = ""
        self._field = bytearray()
        self._piece = bytearray()
        self._is_whole = False

    async def pieces(self) -> AsyncIterator[bytearray]:
        """The file's bytes in pieces of about 1 MiB; raises FormProblem, UnreadableProblem and what body_pieces raises."""
        async for chunk in self._chunks:
            try:
                self._parser.write(bytes(chunk))
            except FormParserError as unreadable:
                raise UnreadableProblem from unreadable
            if len(self._piece) >= PIECE_BYTES:
                yield self._take()
        if not self._is_whole:
            raise UnreadableProblem
        if not self.has_file:
            raise FormProblem
        if self._piece:
            yield self._take()

    def _take(self) -> bytearray:
        piece, self._piece = self._piece, bytearray()
        return piece

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise FormProblem
        self._headers, self._name, self._field = {}, "", bytearray()

    def _begin_header(self) -> None:
        self._header_name, self._header_value = bytearray(), bytearray()

    def _header_name_part(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_value_part(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        if len(self._header_value) > MAX_FIELD_BYTES:
            raise FormProblem

    def _end_header(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == FILE:
            if self.has_file:
                raise FormProblem
            self.has_file = True
            name = options.get(b"filename", b"").decode("utf-8", "replace")
            self.file_name = name.replace("\x00", "").replace("\\", "/").rpartition("/")[2][:255] or None
            kind = self._headers.get(b"content-type", b"").decode("ascii", "replace")
            self.file_type = kind.replace("\x00", "")[:100] or self.file_type

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE:
            self._piece += data[start:end]
            return
        self._field += data[start:end]
        if len(self._field) > MAX_FIELD_BYTES:
            raise FormProblem

    def _end(self) -> None:
        if self._name and self._name != FILE:
            self.fields[self._name] = bytes(self._field).decode("utf-8", "replace")

    def _finish(self) -> None:
        self._is_whole = True
