"""The legal party and its places: enterprises, contacts, sites with dated operators and landlords, risk units."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class Enterprise(Identified, Timed, Versioned, Base):
    """A legal party: by its USCC, or, unlicensed, by a substitute mark. `name_bigrams` serves the search by part of a name."""

    __tablename__ = "enterprises"
    __table_args__ = (
        CheckConstraint("(uscc IS NULL) <> (substitute_mark IS NULL)", name="identified"),
        Index("ix_enterprises_name_bigrams", "name_bigrams", postgresql_using="gin"),
        Index("ix_enterprises_region_id_id", "region_id", "id"),
        Index("ix_enterprises_trades", "regulated_trades", postgresql_using="gin"),
    )

    uscc: Mapped[str | None] = mapped_column(unique=True)
    substitute_mark: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str]
    name_bigrams: Mapped[list[str]]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("enterprises.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    address: Mapped[str | None]
    trade_code: Mapped[str | None] = mapped_column(index=True)
    regulated_trades: Mapped[list[str]]
    size: Mapped[str | None]
    annual_output_fen: Mapped[int | None]
    employees: Mapped[int | None]
    is_labour_intensive: Mapped[bool] = mapped_column(default=False)
    risk_grade: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)


class EnterpriseContact(Identified, Timed, Versioned, Base):
    """A person of an enterprise; shown masked unless unmasked with a reason."""

    __tablename__ = "enterprise_contacts"

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    name: Mapped[str]
    post: Mapped[str | None]
    phone: Mapped[str | None]
    id_number: Mapped[str | None]


class Site(Identified, Timed, Versioned, Base):
    """A place of work. Scope follows the site's region. Position in WGS-84 microdegrees, with the datum it was declared in."""

    __tablename__ = "sites"
    __table_args__ = (Index("ix_sites_region_id_id", "region_id", "id"),)

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    name: Mapped[str]
    address: Mapped[str | None]
    latitude: Mapped[int | None]
    longitude: Mapped[int | None]
    declared_datum: Mapped[str | None]
    geofence: Mapped[dict[str, Any] | None]
    is_active: Mapped[bool] = mapped_column(default=True)


class SiteLink(Identified, Timed, Base):
    """Who operates or lets a site, from when until when (both included): the factory within a factory."""

    __tablename__ = "site_links"
    __table_args__ = (
        UniqueConstraint("site_id", "enterprise_id", "role", "valid_from"),
        CheckConstraint("role IN ('operator', 'landlord')", name="role"),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    role: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]


class RiskUnit(Identified, Timed, Versioned, Base):
    """A unit of risk on a site: RTO, spray booth, confined space, hot-work point, dust, ammonia."""

    __tablename__ = "risk_units"
    __table_args__ = (UniqueConstraint("site_id", "kind", "name"),)

    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    kind: Mapped[str]
    name: Mapped[str]
    facts: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(default=True)


class EnterpriseImport(Identified, Timed, Versioned, Base):
    """One import of a spreadsheet: its progress and its errors, row by row."""

    __tablename__ = "enterprise_imports"

    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    file_name: Mapped[str]
    content: Mapped[bytes]
    is_dry_run: Mapped[bool]
    status: Mapped[str] = mapped_column(default="waiting")
    rows_total: Mapped[int | None]
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_created: Mapped[int] = mapped_column(default=0)
    rows_updated: Mapped[int] = mapped_column(default=0)
    rows_unchanged: Mapped[int] = mapped_column(default=0)
    errors: Mapped[list[Any]]
