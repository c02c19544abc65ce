"""The officers in whose names something is ordered: two at least, certified on the day, whoever writes it down one of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.models.identity import OfficerCertificate, User
from app.services.identity.certificates import certificate_valid, list_certified

OFFICERS_AT_LEAST = 2
"""行政处罚法 42, 安全生产法 67."""


@dataclass(frozen=True, slots=True)
class CertifiedOfficer:
    """An officer as a document names him: the certificate is the one that was valid on the day."""

    user_id: UUID
    name: str
    certificate_number: str


async def certified_team(
    session: AsyncSession, actor: Actor, who: ColumnElement[bool], user_ids: Collection[UUID], on: date
) -> list[CertifiedOfficer]:
    """The officers, in order of their ids; empty unless there are two, each certified on the day and one of the users `who` holds
    for, and the actor is one of them."""
    wanted = set(user_ids)
    certified = await list_certified(session, wanted, on)
    named = (
        select(User.id, User.name, func.min(OfficerCertificate.number))
        .join(OfficerCertificate, OfficerCertificate.user_id == User.id)
        .where(User.id.in_(certified), who, *certificate_valid(on, on))
        .group_by(User.id, User.name)
        .order_by(User.id)
    )
    found = [CertifiedOfficer(*row) for row in await session.execute(named)]
    is_whole = len(found) == len(wanted) >= OFFICERS_AT_LEAST and actor.user_id in wanted
    return found if is_whole else []
