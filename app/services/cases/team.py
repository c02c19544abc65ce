"""The officers of a case: certified on the day, of the authority or of one it entrusted, with a role where the case lies."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.cases import CaseOfficer
from app.models.identity import OfficerCertificate, RoleGrant, User
from app.models.organizations import Entrustment, Region
from app.services.cases.errors import CaseTeamProblem
from app.services.identity.certificates import certificate_valid
from app.services.identity.policy import PERMISSIONS
from app.services.organizations.periods import in_force

SMALLEST_TEAM = 2
ROLES = PERMISSIONS["inspections:submit"] | PERMISSIONS["cases:open"]
"""Enforcement officers and case officers; a safety assistant never counts, whatever the papers."""


async def qualified_officers(
    session: AsyncSession, user_ids: Collection[UUID], authority_id: UUID, region_id: UUID, on: date
) -> dict[UUID, tuple[str, str]]:
    """(name, certificate number) of those who may handle a case of the authority in the region on the day."""
    place, granted = aliased(Region), aliased(Region)
    entrusted = exists().where(
        Entrustment.authority_id == User.authority_id,
        Entrustment.entrusted_by == authority_id,
        in_force(Entrustment, on),
    )
    wanted = (
        select(User.id, User.name, func.min(OfficerCertificate.number))
        .join(OfficerCertificate, OfficerCertificate.user_id == User.id)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .join(granted, granted.id == RoleGrant.region_id)
        .join(place, func.starts_with(place.path, granted.path))
        .where(
            User.id.in_(user_ids),
            User.is_active,
            or_(User.authority_id == authority_id, entrusted),
            place.id == region_id,
            *certificate_valid(on, on),
            RoleGrant.role.in_(ROLES),
            RoleGrant.starts_on <= on,
            or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on >= on),
        )
        .group_by(User.id, User.name)
    )
    return {user: (name, number) for user, name, number in await session.execute(wanted)}


async def check_team(
    session: AsyncSession, user_ids: Collection[UUID], authority_id: UUID, region_id: UUID, on: date
) -> dict[UUID, tuple[str, str]]:
    """The same; raises CaseTeamProblem unless every one of them qualifies and they are two at least."""
    found = await qualified_officers(session, user_ids, authority_id, region_id, on)
    if len(found) < SMALLEST_TEAM or len(found) < len(set(user_ids)):
        raise CaseTeamProblem
    return found


async def officer_ids_of(session: AsyncSession, case_id: UUID) -> list[UUID]:
    """Who handles a case; the one who leads it first."""
    wanted = select(CaseOfficer.user_id).where(CaseOfficer.case_id == case_id)
    return list(await session.scalars(wanted.order_by(CaseOfficer.is_leading.desc(), CaseOfficer.user_id)))
