"""Stored bytes by a signed address, for object stores that sign none themselves."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.http.objects import object_response
from app.http.sessions import RuntimeOf
from app.schemas.evidence import StoredObject
from app.services.evidence.links import check_link

router = APIRouter(prefix="/objects", tags=["evidence"])

Text = Annotated[str, Query(max_length=300)]


@router.get("/{key:path}", response_class=Response)
async def get_object(
    key: str,
    request: Request,
    runtime: RuntimeOf,
    hash: Text,
    size: Annotated[int, Query(ge=1, le=2**53)],
    type: Text,
    name: Text,
    expires: Text,
    signature: Text,
) -> Response:
    """The bytes an address was made for (public: the signature is the permission; giving it out was written down)."""
    stored = StoredObject(key, hash, size, type, name)
    check_link(runtime.keys, stored, expires, signature)
    return await object_response(request, runtime.storage, stored, as_attachment=True)
