"""Evidence at the console: lists, originals and reduced copies (each look is written down first), files from a desk."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.errors import InvalidProblem
from app.http.filing import file_once
from app.http.forms import StreamedForm
from app.http.idempotency import RequiredKey
from app.http.objects import is_unchanged, not_modified, object_response
from app.http.paging import PageOf, PagingOf
from app.http.sessions import CurrentActor, ReadSession, RuntimeOf, allowed
from app.schemas.evidence import EvidenceView, LinkRequest, LinkView
from app.services.evidence.desk import DeskFile, region_of_package, register_desk_file
from app.services.evidence.errors import ContextRequiredProblem, WrongBytesProblem
from app.services.evidence.links import make_link
from app.services.evidence.reading import (
    EvidenceFilter,
    find_bytes,
    list_evidence,
    record_look,
    show_evidence,
)
from app.services.hazards.registry import list_steps
from app.services.hazards.service import get_hazard
from app.services.inspections.visits import get_visit
from app.services.runtime import Runtime
from app.storage.store import Kept

router = APIRouter(prefix="/evidence", tags=["evidence"])
READ = [Depends(allowed("evidence:read"))]
ORIGINAL = [Depends(allowed("evidence:read_original"))]
UPLOAD = [Depends(allowed("evidence:upload"))]

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "package_id": {"type": "string", "format": "uuid"},
                        "hazard_id": {"type": "string", "format": "uuid"},
                        "hash": {"type": "string", "pattern": "^sha-256:[0-9a-f]{64}$"},
                    },
                }
            }
        },
    }
}


class _Fields(BaseModel):
    """The fields of the form beside its file."""

    package_id: UUID | None = None
    hazard_id: UUID | None = None
    hash: str | None = None


async def _narrowed(
    actor: CurrentActor,
    session: ReadSession,
    package_id: UUID | None = None,
    visit_id: UUID | None = None,
    hazard_id: UUID | None = None,
) -> EvidenceFilter:
    packages = [package_id] if package_id else None
    if visit_id:
        visit = await get_visit(session, actor, visit_id)
        of_visit = [package.id for package in visit.packages]
        packages = [one for one in of_visit if packages is None or one in packages]
    ids: list[UUID] = []
    if hazard_id:
        hazard = await get_hazard(session, actor, hazard_id)
        steps = await list_steps(session, hazard_id)
        ids = [*hazard.evidence_ids, *(one for step in steps for one in step.evidence_ids)]
    return EvidenceFilter(packages, hazard_id, ids)


@router.get("", dependencies=READ)
async def get_evidence_list(
    actor: CurrentActor,
    session: ReadSession,
    paging: PagingOf,
    narrowed: Annotated[EvidenceFilter, Depends(_narrowed)],
) -> PageOf[EvidenceView]:
    """Files of the caller's regions, newest first: of a package, a visit, a hazard (found, rectified, re-inspected), or all."""
    return paging.page(await list_evidence(session, actor, paging.request, narrowed), lambda view: view)


@router.get("/{evidence_id}", dependencies=READ)
async def get_one_evidence(evidence_id: UUID, actor: CurrentActor, session: ReadSession) -> EvidenceView:
    """One file: what was declared, what arrived, what its examination found."""
    return await show_evidence(session, actor, evidence_id)


@router.get("/{evidence_id}/original", dependencies=ORIGINAL, response_class=Response)
async def get_original(
    evidence_id: UUID, request: Request, actor: CurrentActor, runtime: RuntimeOf
) -> Response:
    """The bytes as they came; by ranges if wanted. Written down before they leave."""
    return await _give(request, runtime, actor, evidence_id, None)


@router.get("/{evidence_id}/derivatives/{pixels}", dependencies=READ, response_class=Response)
async def get_derivative(
    evidence_id: UUID,
    pixels: Literal["1280", "320"],
    request: Request,
    actor: CurrentActor,
    runtime: RuntimeOf,
) -> Response:
    """A reduced copy (JPEG, upright, without metadata). Written down before it leaves."""
    return await _give(request, runtime, actor, evidence_id, int(pixels))


async def _give(
    request: Request, runtime: Runtime, actor: Actor, evidence_id: UUID, pixels: int | None
) -> Response:
    async with runtime.database.write() as session:
        stored, region_id = await find_bytes(session, actor, evidence_id, pixels)
        if is_unchanged(request, stored):
            return not_modified(stored)
        await record_look(session, actor, evidence_id, region_id, pixels, "download")
    return await object_response(request, runtime.storage, stored, as_attachment=pixels is None)


@router.post("/{evidence_id}/links", status_code=201, dependencies=READ)
async def post_link(
    evidence_id: UUID, body: LinkRequest, actor: CurrentActor, runtime: RuntimeOf
) -> LinkView:
    """An address without login for five minutes and these bytes only. Giving it out is the look that is written down.

    Asking again is harmless: another address, another row in the audit log.
    """
    pixels = None if body.size == "original" else int(body.size)
    async with runtime.database.write() as session:
        stored, region_id = await find_bytes(session, actor, evidence_id, pixels)
        await record_look(session, actor, evidence_id, region_id, pixels, "link")
    return LinkView.model_validate(await make_link(runtime, stored))


@router.post("", status_code=201, dependencies=UPLOAD, openapi_extra=_FORM, response_model=EvidenceView)
async def post_evidence(
    request: Request, actor: CurrentActor, key: RequiredKey, runtime: RuntimeOf
) -> Response:
    """Store a file from a desk, streamed while it is hashed; for a package, a hazard, or both. A given hash must be its own."""

    async def register(session: AsyncSession, form: StreamedForm, kept: Kept) -> EvidenceView:
        fields = _read(form, kept)
        return await show_evidence(session, actor, await _register(session, actor, kept, fields, form))

    return await file_once(request, runtime, actor, key, register)


def _read(form: StreamedForm, kept: Kept) -> _Fields:
    try:
        fields = _Fields.model_validate(form.fields)
    except ValidationError as invalid:
        raise InvalidProblem(members=sorted(str(e["loc"][0]) for e in invalid.errors())) from invalid
    if fields.hash is not None and fields.hash != kept.sha256:
        raise WrongBytesProblem
    if fields.package_id is None and fields.hazard_id is None:
        raise ContextRequiredProblem
    return fields


async def _register(
    session: AsyncSession, actor: Actor, kept: Kept, fields: _Fields, form: StreamedForm
) -> UUID:
    regions = set()
    if fields.hazard_id is not None:
        regions.add((await get_hazard(session, actor, fields.hazard_id)).region_id)
    if fields.package_id is not None:
        regions.add(await region_of_package(session, actor, fields.package_id))
    if len(regions) != 1:
        raise ContextRequiredProblem
    said = DeskFile(fields.package_id, fields.hazard_id, form.file_type, form.file_name)
    return await register_desk_file(session, actor, kept, said, regions.pop())
