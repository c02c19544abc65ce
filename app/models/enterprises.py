"""The legal party and its places: enterprises, contacts, sites with dated operators and landlords, risk units."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.text import folded, name_pieces
from app.db.base import Base, Identified, Timed, Versioned


def _from_name(make: Callable[[str], Any]) -> Callable[[Any], Any]:
    """A column's value at insertion, made from the name of the same row."""
    return lambda context: make(context.get_current_parameters()["name"])


class Enterprise(Identified, Timed, Versioned, Base):
    """A legal party: by its USCC, or, unlicensed, by a substitute mark.

    `name_bigrams` (characters and pairs) and `name_folded` serve the search by part of a name; whoever changes the name
    changes them with it. They are read by the index alone, never loaded with a row.
    """

    __tablename__ = "enterprises"
    __table_args__ = (
        CheckConstraint("(uscc IS NULL) <> (substitute_mark IS NULL)", name="identified"),
        Index(
            "ix_enterprises_name_bigrams",
            "name_bigrams",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},  # a search never waits behind a list of pending entries
        ),
        Index("ix_enterprises_region_id_id", "region_id", "id"),
        Index("ix_enterprises_trades", "regulated_trades", postgresql_using="gin"),
        Index("ix_enterprises_uscc_prefix", "uscc", postgresql_ops={"uscc": "text_pattern_ops"}),
        Index("ix_enterprises_trade_code", "trade_code", postgresql_ops={"trade_code": "text_pattern_ops"}),
        Index("ix_enterprises_risk_grade_id", "risk_grade", "id"),
    )

    uscc: Mapped[str | None] = mapped_column(unique=True)
    substitute_mark: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(default=_from_name(folded), deferred=True)
    name_bigrams: Mapped[list[str]] = mapped_column(default=_from_name(name_pieces), deferred=True)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("enterprises.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    address: Mapped[str | None]
    trade_code: Mapped[str | None]
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
    __table_args__ = (
        Index("ix_sites_region_id_id", "region_id", "id"),
        Index("ix_sites_latitude_longitude", "latitude", "longitude"),
    )

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


class SiteInvitation(Identified, Timed, Versioned, Base):
    """A person of the enterprise whose site it is, invited to see its orders and to answer them, until `expires_at`.

    The code is good once, until `code_expires_at`; only its hash is kept. Revoked for good. Some time after its end the person is
    erased (`erased_at`); `person_hash`, keyed with the installation's secret, still tells whether it was a certain one.
    """

    __tablename__ = "site_invitations"
    __table_args__ = (
        CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked"),
        CheckConstraint("(erased_at IS NULL) = (person_hash IS NULL)", name="erased"),
        CheckConstraint(
            "erased_at IS NULL OR (name = '' AND phone IS NULL AND email IS NULL)", name="nothing_left"
        ),
        Index("ix_site_invitations_site_id_id", "site_id", "id"),
    )

    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    code_hash: Mapped[str] = mapped_column(unique=True)
    code_expires_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]
    erased_at: Mapped[datetime | None]
    person_hash: Mapped[str | None]


class RiskUnit(Identified, Timed, Versioned, Base):
    """A unit of risk on a site: RTO, spray booth, confined space, hot-work point, dust, ammonia."""

    __tablename__ = "risk_units"
    __table_args__ = (UniqueConstraint("site_id", "kind", "name"),)

    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    kind: Mapped[str]
    name: Mapped[str]
    facts: Mapped[dict[str, Any]]
    is_active: Mapped[bool] = mapped_column(default=True)


class TradeClass(Base):
    """A group or class of GB/T 4754 finer than the divisions, as imported; `code` with its section letter: C3360."""

    __tablename__ = "trade_classes"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    edition: Mapped[str]


class EnterpriseImport(Identified, Timed, Versioned, Base):
    """One import of a spreadsheet and its progress: `rows_done` rows are finished for good, in their order of processing.

    `content` is the file until the import ends, then empty.
    """

    __tablename__ = "enterprise_imports"
    __table_args__ = (Index("ix_enterprise_imports_region_id_id", "region_id", "id"),)

    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    file_name: Mapped[str]
    sha256: Mapped[str | None]
    content: Mapped[bytes]
    is_dry_run: Mapped[bool]
    status: Mapped[str] = mapped_column(default="waiting")
    failure: Mapped[str | None]
    rows_total: Mapped[int | None]
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_created: Mapped[int] = mapped_column(default=0)
    rows_updated: Mapped[int] = mapped_column(default=0)
    rows_unchanged: Mapped[int] = mapped_column(default=0)
    rows_failed: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]


class EnterpriseImportError(Identified, Base):
    """One thing wrong in one cell of an import; the value itself is not kept. `row` counts as the spreadsheet does, from 1."""

    __tablename__ = "enterprise_import_errors"
    __table_args__ = (Index("ix_enterprise_import_errors_import_id_row_id", "import_id", "row", "id"),)

    import_id: Mapped[UUID] = mapped_column(ForeignKey("enterprise_imports.id"))
    row: Mapped[int]
    column: Mapped[str | None]
    code: Mapped[str]
