"""Officer certificates on a day."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.identity import OfficerCertificate, RoleGrant, User
from app.services.identity.policy import PERMISSIONS

Day = date | SQLColumnExpression[date]


async def list_certified(
    session: AsyncSession, user_ids: Collection[UUID], first: date, last: date | None = None
) -> set[UUID]:
    """Those with an open account who are officers with one certificate valid on every day from `first` to `last`.

    For acts that are to come or are done now; what was done on a past day is judged by certified_officers() alone.
    """
    wanted = certified_officers(User.id.in_(user_ids), first, last or first).where(User.is_active)
    return set((await session.execute(wanted)).scalars())


def certified_officers(who: ColumnElement[bool], first: Day, until: Day) -> Select[UUID]:
    """The same as a query, of the users `who` holds for; the days may be bound later.

    A safety assistant never counts, whatever his papers: only roles that may submit inspections do.
    """
    return (
        select(User.id)
        .join(OfficerCertificate, OfficerCertificate.user_id == User.id)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .where(
            who,
            *certificate_valid(first, until),
            RoleGrant.role.in_(PERMISSIONS["inspections:submit"]),
            RoleGrant.starts_on <= first,
            or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on >= until),
        )
    )


def certificate_valid(first: Day, until: Day) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a certificate is valid on every day of a period, both ends included."""
    return (
        OfficerCertificate.valid_from <= first,
        OfficerCertificate.valid_until >= until,
        or_(OfficerCertificate.revoked_on.is_(None), OfficerCertificate.revoked_on > until),
    )
