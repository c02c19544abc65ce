"""Resumable uploads on the wire: tus 1.0 and the IETF's draft (draft-ietf-httpbis-resumable-upload, June 2026), on one resource.

A request with Tus-Resumable speaks tus; any other speaks the draft. No interim responses are sent, so a client of the draft
creates the upload first (Upload-Complete: ?0 and no content) or repeats the creation, which gives the same upload again.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from app.core.clock import utc_now
from app.core.errors import InvalidProblem, Problem
from app.http.problems import MediaTypeProblem
from app.services.evidence.errors import InconsistentLengthProblem
from app.services.evidence.service import announced_digest
from app.services.evidence.upload_rows import Upload
from app.services.evidence.uploads import Digest, Wanted

UPLOADS = "/mobile/v1/uploads"
"""Where they lie: what Location tells, whatever host the request named."""
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
CHECKSUMS: Mapping[str, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
}
TUS_CHUNK = "application/offset+octet-stream"
DRAFT_CHUNK = "application/partial-upload"
_TYPES = {
    "upload_offset": "https://iana.org/assignments/http-problem-types#mismatching-upload-offset",
    "inconsistent_upload_length": "https://iana.org/assignments/http-problem-types#inconsistent-upload-length",
}
_LONGEST = 1000
"""Digits of a length in tus, which knows no bound: a file too large is to be told so, however absurd its length."""
_OF_THE_FILE = {"wrong_evidence", "evidence_undeclared", "evidence_conflict"}
"""Refusals of the file, not of the upload: for the draft, the answer of the resource that was sent to in the first place."""


class TusVersionProblem(Problem):
    """Only tus 1.0.0 is spoken here."""

    status = 412
    code = "tus_version"
    zh = "仅支持 tus 1.0.0（Tus-Resumable）"
    en = "Only tus 1.0.0 is spoken here (Tus-Resumable)"


class UploadHeaderProblem(Problem):
    """A header that an upload needs is missing or cannot be read."""

    code = "upload_header"
    zh = "请求头 {header} 缺失或无效"
    en = "The header {header} is missing or not valid"


class UploadMetadataProblem(InvalidProblem):
    """tus: what kind of file this is travels in Upload-Metadata."""

    code = "upload_metadata"
    zh = "Upload-Metadata 须含有效的 evidence_id、package_id 和 sha256"
    en = "Upload-Metadata must hold evidence_id, package_id and sha256, each valid"


@dataclass(frozen=True, slots=True)
class Speech:
    """How one request speaks, and what it says of the upload. None where it says nothing."""

    request: Request
    is_tus: bool

    @property
    def offset(self) -> int:
        """Upload-Offset; raises UploadHeaderProblem."""
        found = self._number("Upload-Offset")
        if found is None:
            raise UploadHeaderProblem(header="Upload-Offset")
        return found

    @property
    def is_last(self) -> bool:
        """Upload-Complete of the draft; raises UploadHeaderProblem when it is missing."""
        value = self._item("Upload-Complete")
        if value not in ("?0", "?1"):
            raise UploadHeaderProblem(header="Upload-Complete")
        return value == "?1"

    @property
    def content_length(self) -> int | None:
        """What the request says of its own content."""
        return self._number("Content-Length")

    @property
    def has_content(self) -> bool:
        """Whether bytes come with the request."""
        return bool(self.content_length) or "transfer-encoding" in self.request.headers

    def length(self, offset: int) -> int | None:
        """The whole length, from Upload-Length or from the last request's own; raises InconsistentLengthProblem."""
        told = self._number("Upload-Length", digits=_LONGEST if self.is_tus else 15)
        if self.is_tus or not self.is_last or self.content_length is None:
            return told
        last = offset + self.content_length
        if told is not None and told != last:
            raise InconsistentLengthProblem
        return last

    def wanted(self) -> Wanted:
        """What is to be uploaded; raises UploadHeaderProblem, UploadMetadataProblem, DigestRequiredProblem."""
        length = self.length(0)
        if length is None:
            raise UploadHeaderProblem(header="Upload-Length")
        headers = self.request.headers
        if self.is_tus:
            return _wanted_of_metadata(headers.get("upload-metadata", ""), length)
        media_type = headers.get("content-type", "application/octet-stream")[:100]
        evidence_id, package_id = self._id("Anshao-Evidence"), self._id("Anshao-Package")
        return Wanted(
            evidence_id, package_id, announced_digest(headers.get("repr-digest")), length, media_type
        )

    def digest(self) -> Digest | None:
        """The checksum of this request's content; raises UploadHeaderProblem."""
        return self._tus_checksum() if self.is_tus else self._content_digest()

    def _tus_checksum(self) -> Digest | None:
        given = self.request.headers.get("upload-checksum")
        if given is None:
            return None
        name, _, encoded = given.partition(" ")
        return _digest(name.lower(), encoded, "Upload-Checksum")

    def _content_digest(self) -> Digest | None:
        given = self.request.headers.get("content-digest")
        if given is None:
            return None
        for part in given.split(","):
            name, _, value = part.strip().partition("=")
            if name.lower() in ("sha-256", "sha-512") and len(value) > 2 and value[0] == value[-1] == ":":
                return _digest(name.lower().replace("-", ""), value[1:-1], "Content-Digest")
        return None

    def check_chunk_type(self) -> None:
        """Raise MediaTypeProblem unless the content is labelled as a part of an upload."""
        expected = TUS_CHUNK if self.is_tus else DRAFT_CHUNK
        sent = self.request.headers.get("content-type", "").split(";")[0].strip().lower()
        if sent != expected:
            raise MediaTypeProblem(expected=expected)

    def _number(self, name: str, digits: int = 15) -> int | None:
        value = self._item(name)
        if value is None or re.fullmatch(rf"[0-9]{{1,{digits}}}", value):
            return None if value is None else int(value)
        raise UploadHeaderProblem(header=name)

    def _id(self, name: str) -> UUID:
        try:
            return UUID(self.request.headers.get(name, ""))
        except ValueError as wrong:
            raise UploadHeaderProblem(header=name) from wrong

    def _item(self, name: str) -> str | None:
        value = self.request.headers.get(name)
        return None if value is None else value.split(";")[0].strip()


async def speech(request: Request) -> Speech:
    """Which of the two protocols a request speaks; raises TusVersionProblem. Nothing of the body is read."""
    version = request.headers.get("tus-resumable")
    if version not in (None, VERSION):
        raise TusVersionProblem(headers={"Tus-Version": VERSION})
    return Speech(request, version is not None)


SpokenAs = Annotated[Speech, Depends(speech)]


def state_headers(upload: Upload, *, is_tus: bool, limit: int) -> dict[str, str]:
    """How an upload stands, as the protocol spoken says it."""
    headers = {"Upload-Offset": str(upload.received)}
    if upload.status is not None:
        headers["Anshao-Evidence-Status"] = upload.status
    if not is_tus:
        left = int((upload.expires_at - utc_now()).total_seconds())
        headers["Upload-Complete"] = "?1" if upload.is_complete else "?0"
        headers["Upload-Limit"] = f"{limits(limit)}, max-age={max(0, left)}"
    elif not upload.is_complete:
        headers["Upload-Expires"] = format_datetime(upload.expires_at, usegmt=True)
    return headers


def limits(largest: int) -> str:
    """The bounds of the draft's Upload-Limit."""
    return f"max-size={largest}, min-size=1"


class UploadRoute(APIRoute):
    """Puts on every answer, refusals included, what the protocol that was spoken wants there."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route."""
        serve = super().get_route_handler()

        async def serve_upload(request: Request) -> Response:
            is_tus = "tus-resumable" in request.headers
            try:
                response = await serve(request)
            except Problem as problem:
                problem.headers.update(_refusal_headers(problem, is_tus=is_tus))
                raise
            if is_tus:
                response.headers["Tus-Resumable"] = VERSION
            return response

        return serve_upload


def _refusal_headers(problem: Problem, *, is_tus: bool) -> dict[str, str]:
    headers = {"Tus-Resumable": VERSION} if is_tus else {}
    if not is_tus:
        headers["Upload-Complete"] = "?1" if problem.code in _OF_THE_FILE else "?0"
    if problem.code == "upload_offset":
        headers["Upload-Offset"] = str(problem.params["offset"])
        problem.params["expected-offset"] = problem.params["offset"]
    if problem.code == "upload_too_large":
        headers["Upload-Limit"] = limits(problem.params["limit"])
    if problem.code in _TYPES:
        problem.params["type"] = _TYPES[problem.code]
    return headers


def _wanted_of_metadata(header: str, length: int) -> Wanted:
    if len(header) > 4096:
        raise UploadMetadataProblem
    told = {}
    for pair in header.split(","):
        name, _, encoded = pair.strip().partition(" ")
        try:
            told[name] = base64.b64decode(encoded, validate=True).decode()
        except ValueError as unreadable:
            raise UploadMetadataProblem from unreadable
    sha256 = told.get("sha256", "").removeprefix("sha-256:").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise UploadMetadataProblem
    try:
        ids = UUID(told["evidence_id"]), UUID(told["package_id"])
    except (KeyError, ValueError) as wrong:
        raise UploadMetadataProblem from wrong
    media_type = told.get("filetype") or "application/octet-stream"
    if not media_type.isascii() or not media_type.isprintable():
        raise UploadMetadataProblem
    return Wanted(*ids, f"sha-256:{sha256}", length, media_type[:100], header)


def _digest(name: str, encoded: str, header: str) -> Digest:
    maker = CHECKSUMS.get(name)
    try:
        expected = base64.b64decode(encoded, validate=True)
    except ValueError as wrong:
        raise UploadHeaderProblem(header=header) from wrong
    if maker is None or len(expected) != maker().digest_size:
        raise UploadHeaderProblem(header=header)
    return Digest(maker(), expected)


_HEADERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "Tus-Resumable": ("tus: 1.0.0. Without it the IETF draft is spoken", {"const": VERSION}),
    "Upload-Length": ("The length of the whole file", {"type": "integer", "minimum": 1}),
    "Upload-Offset": ("Where the bytes of this request begin", {"type": "integer", "minimum": 0}),
    "Upload-Metadata": ("tus: evidence_id, package_id, sha256, filetype, each in Base64", {"type": "string"}),
    "Upload-Checksum": ("tus: sha256, sha512 or sha1 of this request's bytes", {"type": "string"}),
    "Upload-Complete": ("Draft: ?1 when this request brings the last bytes, else ?0", {"enum": ["?0", "?1"]}),
    "Content-Digest": ("Draft: sha-256 or sha-512 of this request's bytes (RFC 9530)", {"type": "string"}),
    "Repr-Digest": ("Draft: sha-256 of the whole file (RFC 9530)", {"type": "string"}),
    "Anshao-Evidence": ("Draft: the id of the evidence", {"type": "string", "format": "uuid"}),
    "Anshao-Package": ("Draft: the id of its package", {"type": "string", "format": "uuid"}),
}


def described_headers(*names: str, content: tuple[str, ...] = ()) -> dict[str, Any]:
    """`openapi_extra` of a route that reads these headers itself, and of its body when there is one."""
    described: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "header", "description": _HEADERS[name][0], "schema": _HEADERS[name][1]}
            for name in ("Tus-Resumable", *names)
        ]
    }
    if content:
        described["requestBody"] = {"content": {kind: {"schema": {}} for kind in content}}
    return described
