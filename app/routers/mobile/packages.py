"""Sealed packages from phones: put, look, sign, receipt."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from app.core.actor import Actor
from app.http.openapi import raw_body
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, WriteSession, allowed
from app.schemas.mobile.packages import Envelope, PackageAnswer, SignatureRequest, SignatureView
from app.schemas.packages import RevisionLine
from app.services.identity.errors import DeviceRequiredProblem
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
    """The signed receipt, byte for byte as it was stored."""
    return Response(await get_receipt(session, actor, package_id), media_type="application/json")
