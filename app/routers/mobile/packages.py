"""Sealed packages from phones: put, look, sign, receipt."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from app.core.actor import Actor
from app.http.forms import StreamedParts, read_first
from app.http.openapi import raw_body
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.mobile.packages import (
    Envelope,
    PackageAnswer,
    SignatureRequest,
    SignatureView,
    SubmissionAnswer,
)
from app.schemas.packages import RevisionLine
from app.services.identity.errors import DeviceRequiredProblem
from app.services.inspections.delivering import deliver_submission
from app.services.inspections.intake import Delivery
from app.services.inspections.policy import SUBMIT_ACTIONS
from app.services.inspections.revision_reading import show_own_revisions
from app.services.inspections.service import get_package, get_receipt, sign_package, submit_package

router = APIRouter(prefix="/packages", tags=["packages"])
SUBMIT = [Depends(allowed(*SUBMIT_ACTIONS))]
SIGN = [Depends(allowed("inspections:submit"))]


async def phone(actor: CurrentActor) -> Actor:
    """The acting user's phone; a browser's session is refused."""
    if actor.device_id is None:
        raise DeviceRequiredProblem
    return actor


Phone = Annotated[Actor, Depends(phone)]

MAX_PARTS = 100
"""Of one submission, the package included."""
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["sealed"],
                    "properties": {"sealed": {"type": "string", "format": "binary"}},
                    "additionalProperties": {"type": "string", "format": "binary"},
                }
            }
        },
    }
}


@router.put(
    "/{package_id}",
    status_code=201,
    dependencies=SUBMIT,
    openapi_extra=raw_body("application/json", model=Envelope),
)
async def put_package(
    package_id: UUID,
    request: Request,
    response: Response,
    actor: Phone,
    runtime: RuntimeOf,
    anshao_key_id: Annotated[str, Header(max_length=100)],
    anshao_signature: Annotated[str, Header(max_length=200)],
) -> PackageAnswer:
    """Keep and process a sealed package: 201 new, 200 the same bytes again, 409 other bytes (both kept), 422 kept aside."""
    sealed = await request.body()
    submitted = await submit_package(
        runtime, actor, Delivery(package_id, sealed, anshao_key_id, anshao_signature)
    )
    response.status_code = 201 if submitted.is_new else 200
    return submitted.answer


@router.put(
    "/{package_id}/submission",
    status_code=201,
    dependencies=[*SUBMIT, Depends(allowed("evidence:upload"))],
    openapi_extra=_FORM,
)
async def put_submission(
    package_id: UUID,
    request: Request,
    response: Response,
    actor: Phone,
    runtime: RuntimeOf,
    anshao_key_id: Annotated[str, Header(max_length=100)],
    anshao_signature: Annotated[str, Header(max_length=200)],
) -> SubmissionAnswer:
    """Keep and process a sealed package with its files in one request: what PUT of the package, of each file and GET of the
    receipt do together, for a phone with a good network.

    `multipart/form-data`: first the part `sealed`, the package's bytes as they were signed; then for each declared file a part
    whose name is its id, with its Content-Type. The hash each file must have is the one the package declares. A request takes 100
    parts and 8 MiB in all (max_body_bytes); what does not fit goes through PUT /evidence/{id}, before or afterwards.

    201 new, 200 the same bytes again; `files` says of each part what became of it, and `signed_receipt` is the receipt when no
    file is missing. 409 and 422 as PUT of the package, with `files` as well. Whatever came whole before a request was cut off is
    kept: sending the request again, or only what is missing by PUT /evidence/{id}, is harmless.
    """
    parts = StreamedParts(request, runtime.settings.max_body_bytes, MAX_PARTS)
    sealed = await read_first(parts, "sealed")
    delivery = Delivery(package_id, sealed, anshao_key_id, anshao_signature)
    answer, is_new = await deliver_submission(runtime, actor, delivery, parts)
    response.status_code = 201 if is_new else 200
    return answer


@router.get("/{package_id}", dependencies=SUBMIT)
async def get_package_state(package_id: UUID, actor: CurrentActor, session: ReadSession) -> PackageAnswer:
    """What the server made of a package, and which files are missing."""
    return await get_package(session, actor, package_id)


@router.post("/{package_id}/signatures", dependencies=SIGN)
async def post_signature(
    package_id: UUID, body: SignatureRequest, actor: Phone, session: WriteSession
) -> list[SignatureView]:
    """Sign a package as one of its officers; repeating is harmless."""
    return await sign_package(session, actor, package_id, body)


@router.get("/{package_id}/revisions", dependencies=SUBMIT)
async def get_package_revisions(package_id: UUID, actor: CurrentActor, session: ReadSession) -> RevisionLine:
    """A record and its corrections side by side: what stands, what waits for a person, what each one changes."""
    return await show_own_revisions(session, actor, package_id)


@router.get("/{package_id}/receipt", dependencies=SUBMIT)
async def get_package_receipt(package_id: UUID, actor: CurrentActor, session: ReadSession) -> Response:
    """The signed receipt, byte for byte as it was stored; 404 while there is none, 422 when a person rejected the package."""
    return Response(await get_receipt(session, actor, package_id), media_type="application/json")
