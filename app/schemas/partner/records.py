"""Enterprises, inspections and hazards as partners read them."""

from datetime import date, datetime
from uuid import UUID

from app.schemas.common import View


class PartnerParty(View):
    """Whom a record concerns. `uscc` is null for an unlicensed entity."""

    id: UUID
    uscc: str | None
    name: str


class PartnerSite(View):
    """Where."""

    id: UUID
    name: str
    region_code: str


class PartnerEnterprise(PartnerParty):
    """An enterprise of the register, without contacts, sites, grades or figures."""

    region_code: str
    trade_code: str | None
    regulated_trades: list[str]
    size: str | None
    is_active: bool
    updated_at: datetime


class PartnerInspection(View):
    """A visit of which a valid record exists. Who went, what was answered and what is suspected is not told."""

    id: UUID
    kind: str
    visited_on: date
    authority_code: str
    enterprise: PartnerParty
    site: PartnerSite


class PartnerOrder(View):
    """The rectification order in force."""

    number: str
    issued_on: date
    due_on: date | None


class PartnerHazard(View):
    """A hazard for which rectification was ordered. `level` is major only by a confirmed clause.

    `description`: of the hazard, where officers found it on a visit or the enterprise reported it; else the order's requirement.
    `due_on`: the last day as it stands, what extended the order's period included.
    """

    id: UUID
    number: str
    level: str
    clause: str | None
    major_since: date | None
    status: str
    due_on: date | None
    is_overdue: bool | None
    found_on: date
    description: str
    order: PartnerOrder | None
    enterprise: PartnerParty
    site: PartnerSite
    updated_at: datetime
