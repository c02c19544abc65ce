"""Contacts of an enterprise at the console: masked, and unmasked one by one with a reason."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.http.conditions import ExpectedVersion, check_version, set_etag
from app.http.idempotency import Idempotency, IdempotentRoute
from app.http.sessions import CurrentActor, ReadSession, WriteSession, allowed
from app.schemas.contacts import ContactChange, ContactRequest, ContactView, UnmaskRequest
from app.services.enterprises.contacts import (
    add_contact,
    change_contact,
    get_contact,
    list_contacts,
    masked_view,
    remove_contact,
    unmask_contact,
)

router = APIRouter(
    prefix="/enterprises/{enterprise_id}/contacts", tags=["enterprises"], route_class=IdempotentRoute
)
READ = [Depends(allowed("enterprises:read"))]
MANAGE = [Depends(allowed("enterprises:manage"))]
UNMASK = [Depends(allowed("enterprises:unmask"))]


@router.get("", dependencies=READ)
async def get_contacts(enterprise_id: UUID, actor: CurrentActor, session: ReadSession) -> list[ContactView]:
    """The contacts, masked."""
    return [masked_view(row) for row in await list_contacts(session, actor, enterprise_id)]


@router.post("", status_code=201, dependencies=MANAGE)
async def post_contact(
    enterprise_id: UUID,
    body: ContactRequest,
    response: Response,
    actor: CurrentActor,
    session: WriteSession,
    _: Idempotency,
) -> ContactView:
    """Add a contact; the answer is masked already."""
    contact = await add_contact(session, actor, enterprise_id, body)
    set_etag(response, contact.version)
    return masked_view(contact)


@router.get("/{contact_id}", dependencies=READ)
async def get_one_contact(
    enterprise_id: UUID, contact_id: UUID, response: Response, actor: CurrentActor, session: ReadSession
) -> ContactView:
    """One contact, masked."""
    contact = await get_contact(session, actor, enterprise_id, contact_id)
    set_etag(response, contact.version)
    return masked_view(contact)


@router.patch("/{contact_id}", dependencies=MANAGE)
async def patch_contact(
    enterprise_id: UUID,
    contact_id: UUID,
    body: ContactChange,
    response: Response,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> ContactView:
    """Change the members given."""
    check_version((await get_contact(session, actor, enterprise_id, contact_id)).version, expected)
    changes = body.model_dump(exclude_unset=True)
    contact = await change_contact(session, actor, enterprise_id, contact_id, expected, changes)
    set_etag(response, contact.version)
    return masked_view(contact)


@router.delete("/{contact_id}", status_code=204, dependencies=MANAGE)
async def delete_contact(
    enterprise_id: UUID,
    contact_id: UUID,
    expected: ExpectedVersion,
    actor: CurrentActor,
    session: WriteSession,
) -> None:
    """Erase a contact."""
    check_version((await get_contact(session, actor, enterprise_id, contact_id)).version, expected)
    await remove_contact(session, actor, enterprise_id, contact_id, expected)


@router.post("/{contact_id}/unmasking", dependencies=UNMASK)
async def post_unmasking(
    enterprise_id: UUID, contact_id: UUID, body: UnmaskRequest, actor: CurrentActor, session: WriteSession
) -> ContactView:
    """The full values, for a reason that is written down first. Never stored for replay."""
    return await unmask_contact(session, actor, enterprise_id, contact_id, body.reason)
