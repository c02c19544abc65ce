"""Photographs that the invited person brought himself, to look at again."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.http.objects import is_unchanged, not_modified, object_response
from app.http.sessions import CurrentActor, RuntimeOf, allowed
from app.services.evidence.reading import record_look
from app.services.hazards.answering import find_own_photograph

router = APIRouter(prefix="/photographs", tags=["orders"])


@router.get(
    "/{photograph_id}/derivatives/{pixels}",
    dependencies=[Depends(allowed("site_orders:read"))],
    response_class=Response,
)
async def get_derivative(
    photograph_id: UUID,
    pixels: Literal["1280", "320"],
    request: Request,
    actor: CurrentActor,
    runtime: RuntimeOf,
) -> Response:
    """A reduced copy of a photograph of this invitation's own, once it is made (404 until then); of nobody else's.

    Its ETag is its hash: what one holds already is a 304. Every look is written down before the bytes leave.
    """
    async with runtime.database.write() as session:
        stored, region_id = await find_own_photograph(session, actor, photograph_id, int(pixels))
        if is_unchanged(request, stored):
            return not_modified(stored)
        await record_look(session, actor, photograph_id, region_id, int(pixels), "download")
    return await object_response(request, runtime.storage, stored, as_attachment=False)
