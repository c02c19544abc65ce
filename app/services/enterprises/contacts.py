"""Contacts of enterprises: personal data. Shown masked; the full value needs a permission, a reason and its audit row first."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.clock import shanghai_today
from app.core.errors import ConflictProblem, NotFoundProblem
from app.core.ids import new_id
from app.core.masking import masked_id_number, masked_name, masked_phone
from app.db.versions import compare_and_set, different
from app.models.enterprises import Enterprise, EnterpriseContact
from app.schemas.contacts import ContactRequest, ContactView
from app.services.audit.service import note_change, record_access, record_act
from app.services.enterprises.errors import ContactNamedProblem
from app.services.enterprises.people import checked_id_number, checked_phone
from app.services.enterprises.repository import get_enterprise


async def list_contacts(session: AsyncSession, actor: Actor, enterprise_id: UUID) -> list[EnterpriseContact]:
    """The contacts of an enterprise the actor sees, oldest first (at most 200)."""
    await get_enterprise(session, actor, enterprise_id)
    return (await contacts_of(session, [enterprise_id]))[:200]


async def contacts_of(session: AsyncSession, enterprise_ids: Sequence[UUID]) -> list[EnterpriseContact]:
    """The contacts of several enterprises, oldest first; the caller has settled who may see them, and masks them."""
    wanted = (
        select(EnterpriseContact)
        .where(EnterpriseContact.enterprise_id.in_(enterprise_ids))
        .order_by(EnterpriseContact.id)
    )
    return list((await session.execute(wanted)).scalars())


async def add_contact(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, request: ContactRequest
) -> EnterpriseContact:
    """A new contact; raises IdNumberProblem and PhoneProblem."""
    enterprise = await get_enterprise(session, actor, enterprise_id)
    actor.require("enterprises:manage", enterprise.region_id)
    values = _checked(request.model_dump())
    contact = EnterpriseContact(id=new_id(), version=1, enterprise_id=enterprise_id, **values)
    session.add(contact)
    await session.flush()
    await _record(session, actor, enterprise, contact, "enterprises:add_contact", None, _masked(contact))
    return contact


async def change_contact(
    session: AsyncSession,
    actor: Actor,
    enterprise_id: UUID,
    contact_id: UUID,
    expected: int,
    changes: dict[str, Any],
) -> EnterpriseContact:
    """Set the given members. No difference: no new version."""
    enterprise, contact = await _managed(session, actor, enterprise_id, contact_id)
    new = different(contact, _checked(changes))
    if not new:
        return contact
    before = _masked(contact)
    await compare_and_set(session, contact, expected, **new)
    action = "enterprises:change_contact"
    await _record(session, actor, enterprise, contact, action, before, _masked(contact), sorted(new))
    return contact


async def remove_contact(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, contact_id: UUID, expected: int
) -> None:
    """Erase a contact: personal data without a purpose is not kept. The audit log keeps that it was erased, not what it was.

    Raises ContactNamedProblem where acts of other areas name it as the one who answers.
    """
    enterprise, contact = await _managed(session, actor, enterprise_id, contact_id)
    before = _masked(contact)
    gone = delete(EnterpriseContact).where(
        EnterpriseContact.id == contact_id, EnterpriseContact.version == expected
    )
    try:
        async with session.begin_nested():
            removed = await session.execute(gone.returning(EnterpriseContact.id))
    except IntegrityError as error:
        raise ContactNamedProblem from error
    if removed.scalar_one_or_none() is None:
        raise ConflictProblem
    contact.version = expected + 1
    session.expunge(contact)
    await _record(session, actor, enterprise, contact, "enterprises:remove_contact", before, None)


async def get_contact(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, contact_id: UUID
) -> EnterpriseContact:
    """One contact of an enterprise the actor sees; raises NotFoundProblem."""
    await get_enterprise(session, actor, enterprise_id)
    wanted = select(EnterpriseContact).where(
        EnterpriseContact.id == contact_id, EnterpriseContact.enterprise_id == enterprise_id
    )
    contact = (await session.execute(wanted)).scalar_one_or_none()
    if contact is None:
        raise NotFoundProblem
    return contact


async def hold_contact(session: AsyncSession, enterprise_id: UUID, contact_id: UUID) -> bool:
    """Whether it is a contact of the enterprise; one that is cannot be erased before this unit of work ends."""
    wanted = select(EnterpriseContact.id).where(
        EnterpriseContact.id == contact_id, EnterpriseContact.enterprise_id == enterprise_id
    )
    held = wanted.with_for_update(read=True, key_share=True)
    return (await session.execute(held)).scalar_one_or_none() is not None


async def unmask_contact(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, contact_id: UUID, reason: str
) -> ContactView:
    """The full values. The audit row is in this unit of work, which commits before the answer leaves: no row, no value."""
    enterprise = await get_enterprise(session, actor, enterprise_id)
    actor.require("enterprises:unmask", enterprise.region_id)
    contact = await get_contact(session, actor, enterprise_id, contact_id)
    await record_access(
        session,
        actor,
        action="enterprises:unmask",
        kind="enterprise_contact",
        object_id=contact.id,
        region_id=enterprise.region_id,
        detail={"reason": reason, "enterprise_id": str(enterprise_id)},
    )
    return ContactView.model_validate(contact).model_copy(update={"is_masked": False})


def masked_view(contact: EnterpriseContact) -> ContactView:
    """A contact as it travels by default."""
    return ContactView(
        id=contact.id, version=contact.version, enterprise_id=contact.enterprise_id, **_masked(contact)
    )


def _masked(contact: EnterpriseContact) -> dict[str, Any]:
    """The state as shown, which is also what the audit's hashes are of: a hash of a bare telephone number could be guessed."""
    return {
        "name": masked_name(contact.name),
        "post": contact.post,
        "phone": masked_phone(contact.phone) if contact.phone else None,
        "id_number": masked_id_number(contact.id_number) if contact.id_number else None,
    }


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    if values.get("phone") is not None:
        values["phone"] = checked_phone(values["phone"])
    if values.get("id_number") is not None:
        values["id_number"] = checked_id_number(values["id_number"], shanghai_today())
    return values


async def _managed(
    session: AsyncSession, actor: Actor, enterprise_id: UUID, contact_id: UUID
) -> tuple[Enterprise, EnterpriseContact]:
    enterprise = await get_enterprise(session, actor, enterprise_id)
    actor.require("enterprises:manage", enterprise.region_id)
    return enterprise, await get_contact(session, actor, enterprise_id, contact_id)


async def _record(
    session: AsyncSession,
    actor: Actor,
    enterprise: Enterprise,
    contact: EnterpriseContact,
    action: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    fields: list[str] | None = None,
) -> None:
    await record_act(
        session,
        actor,
        action=action,
        kind="enterprise_contact",
        object_id=contact.id,
        version=contact.version,
        region_id=enterprise.region_id,
        before=before,
        after=after,
        detail={"enterprise_id": str(enterprise.id), **({"fields": fields} if fields else {})},
    )
    # its people belong to what a phone holds of an enterprise, and an erased one can no longer be asked whose it was
    await note_change(
        session,
        kind="enterprise",
        object_id=enterprise.id,
        version=enterprise.version,
        region_id=enterprise.region_id,
    )
