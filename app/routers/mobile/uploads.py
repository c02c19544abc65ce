"""Files from phones over bad networks: resumable uploads, by tus 1.0 or by the IETF's draft.

Who may not upload is refused before the first byte is read. No database connection is held while bytes arrive.
"""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from app.core.actor import Actor
from app.http.bodies import body_chunks
from app.http.problems import MethodNotAllowedProblem
from app.http.sessions import CurrentActor, RuntimeOf, allowed
from app.http.uploads import (
    CHECKSUMS,
    DRAFT_CHUNK,
    EXTENSIONS,
    TUS_CHUNK,
    UPLOADS,
    VERSION,
    SpokenAs,
    UploadRoute,
    described_headers,
    limits,
    state_headers,
)
from app.schemas.evidence import EvidenceStored, UploadView
from app.services.evidence.errors import InconsistentLengthProblem, UploadBusyProblem, UploadTooLongProblem
from app.services.evidence.upload_rows import Upload
from app.services.evidence.uploads import append_to_upload, create_upload, end_upload, find_upload
from app.services.identity.errors import DeviceRequiredProblem
from app.services.runtime import Runtime

router = APIRouter(prefix="/uploads", tags=["uploads"], route_class=UploadRoute)
UPLOAD = [Depends(allowed("evidence:upload"))]


async def _phone(actor: CurrentActor) -> Actor:
    """The acting officer's phone; a browser's session is refused."""
    if actor.device_id is None:
        raise DeviceRequiredProblem
    return actor


Phone = Annotated[Actor, Depends(_phone)]


@router.options("", include_in_schema=False, response_class=Response)
async def options_of_uploads(runtime: RuntimeOf) -> Response:
    """What is spoken here, and how large a file may be."""
    largest = runtime.settings.max_upload_bytes
    headers = {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(largest),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        "Upload-Limit": limits(largest),
        "Accept-Patch": f"{TUS_CHUNK}, {DRAFT_CHUNK}",
        "Allow": "OPTIONS, POST",
    }
    return Response(status_code=204, headers=headers)


@router.post(
    "",
    status_code=201,
    response_model=UploadView,
    dependencies=UPLOAD,
    openapi_extra=described_headers(
        "Upload-Length", "Upload-Metadata", "Upload-Checksum", "Upload-Complete", "Content-Digest", "Repr-Digest",
        "Anshao-Evidence", "Anshao-Package", content=(TUS_CHUNK, "application/octet-stream"),
    ),
)  # fmt: skip
async def post_upload(request: Request, actor: Phone, runtime: RuntimeOf, spoken: SpokenAs) -> Response:
    """Begin an upload, with its first bytes if they come along; the same again gives the one that is under way.

    Repeating is harmless: the same evidence of the same phone, package and hash goes on where it stands (Upload-Offset), and
    bytes that come along with a repetition are not read.
    """
    is_last = not spoken.is_tus and spoken.is_last
    upload = await create_upload(runtime, actor, spoken.wanted())
    if spoken.has_content and upload.received == 0:
        if spoken.is_tus:
            spoken.check_chunk_type()
        with suppress(
            UploadBusyProblem
        ):  # an earlier try that was cut off: it ends by itself, its bytes count
            upload = await _append(request, runtime, actor, spoken, upload, 0)
    headers = _headers(spoken, runtime, upload) | {"Location": f"{UPLOADS}/{upload.id}"}
    if is_last and upload.is_complete:
        return _final(upload, 201, headers)
    return _view(upload, 201, headers)


@router.head("/{upload_id}", dependencies=UPLOAD, include_in_schema=False, response_class=Response)
async def head_upload(upload_id: UUID, actor: Phone, runtime: RuntimeOf, spoken: SpokenAs) -> Response:
    """Where an upload stands. To the draft's question a request that still appends is cut off first, as the draft asks."""
    upload = await find_upload(runtime, actor, upload_id, is_exclusive=not spoken.is_tus)
    headers = _headers(spoken, runtime, upload) | {"Upload-Length": str(upload.size)}
    if spoken.is_tus and upload.announced:
        headers["Upload-Metadata"] = upload.announced
    return Response(status_code=200 if spoken.is_tus else 204, headers=headers)


@router.get("/{upload_id}", dependencies=UPLOAD, response_model=UploadView)
async def get_upload(upload_id: UUID, actor: Phone, runtime: RuntimeOf, spoken: SpokenAs) -> Response:
    """Where an upload stands, as a document; an appending request is not disturbed."""
    upload = await find_upload(runtime, actor, upload_id, is_exclusive=False)
    return _view(upload, 200, _headers(spoken, runtime, upload) | {"Upload-Length": str(upload.size)})


@router.patch(
    "/{upload_id}",
    status_code=204,
    dependencies=UPLOAD,
    responses={200: {"model": EvidenceStored, "description": "Draft: the file is stored"}},
    openapi_extra=described_headers(
        "Upload-Offset", "Upload-Checksum", "Upload-Complete", "Content-Digest", "Upload-Length", content=(TUS_CHUNK, DRAFT_CHUNK)
    ),
)  # fmt: skip
async def patch_upload(
    upload_id: UUID, request: Request, actor: Phone, runtime: RuntimeOf, spoken: SpokenAs
) -> Response:
    """Append bytes at Upload-Offset; the last ones complete the file, and every byte that came before a cut counts."""
    upload = await find_upload(runtime, actor, upload_id, is_exclusive=False)
    spoken.check_chunk_type()
    offset, is_last = spoken.offset, not spoken.is_tus and spoken.is_last
    upload = await _append(request, runtime, actor, spoken, upload, offset)
    headers = _headers(spoken, runtime, upload)
    if is_last and upload.is_complete:
        return _final(upload, 200, headers)
    if not spoken.is_tus:
        headers["Upload-Complete"] = (
            "?0"  # this answer is about the upload; the one to the last request about the file
        )
    return Response(status_code=204, headers=headers)


@router.delete("/{upload_id}", status_code=204, dependencies=UPLOAD, openapi_extra=described_headers())
async def delete_upload(upload_id: UUID, actor: Phone, runtime: RuntimeOf) -> Response:
    """End an upload and forget its bytes; a file that was stored stays."""
    await end_upload(runtime, actor, upload_id)
    return Response(status_code=204)


@router.post("/{upload_id}", status_code=204, dependencies=UPLOAD, include_in_schema=False)
async def post_to_upload(
    upload_id: UUID,
    request: Request,
    actor: Phone,
    runtime: RuntimeOf,
    spoken: SpokenAs,
    x_http_method_override: Annotated[str, Header()] = "",
) -> Response:
    """tus: PATCH and DELETE for clients whose network lets neither through; as harmless to repeat as those are."""
    match x_http_method_override.upper():
        case "PATCH":
            return await patch_upload(upload_id, request, actor, runtime, spoken)
        case "DELETE":
            return await delete_upload(upload_id, actor, runtime)
        case _:
            await find_upload(runtime, actor, upload_id, is_exclusive=False)
            raise MethodNotAllowedProblem


async def _append(
    request: Request, runtime: Runtime, actor: Actor, spoken: SpokenAs, upload: Upload, offset: int
) -> Upload:
    """Take the request's bytes in, after what can be told without reading them.

    The draft has an upload end when it gets too long. Its last request brings all the rest: with less, what came counts, and
    the length it told is not the announced one.
    """
    length, left = spoken.length(offset), max(0, upload.size - offset)
    if length is not None and length != upload.size:
        raise InconsistentLengthProblem
    if (spoken.content_length or 0) > left and offset == upload.received:
        raise UploadTooLongProblem(limit=left)
    chunks, digest, is_draft = body_chunks(request), spoken.digest(), not spoken.is_tus
    upload = await append_to_upload(
        runtime, actor, upload.id, offset, chunks, digest, ends_when_too_long=is_draft
    )
    if is_draft and spoken.is_last and not upload.is_complete:
        raise InconsistentLengthProblem
    return upload


def _headers(spoken: SpokenAs, runtime: Runtime, upload: Upload) -> dict[str, str]:
    return state_headers(upload, is_tus=spoken.is_tus, limit=runtime.settings.max_upload_bytes)


def _view(upload: Upload, status: int, headers: dict[str, str]) -> Response:
    known = {
        "id": upload.id, "evidence_id": upload.evidence_id, "offset": upload.received, "size": upload.size,
        "status": upload.status, "expires_at": upload.expires_at,
    }  # fmt: skip
    view = UploadView.model_validate(known)
    return Response(view.model_dump_json(), status, headers, media_type="application/json")


def _final(upload: Upload, status: int, headers: dict[str, str]) -> Response:
    """The answer of a single PUT."""
    known = {"id": upload.evidence_id, "status": upload.status, "hash": upload.sha256, "size": upload.size}
    stored = EvidenceStored.model_validate(known)
    return Response(stored.model_dump_json(), status, headers, media_type="application/json")
