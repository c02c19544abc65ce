"""What was known, what the machine said of it, and what people made of that: fact sheets, verdicts, verifications.

`visit_id` and `package_id` point upward to inspections, so they are plain columns.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class FactSheetRecord(Identified, Timed, Base):
    """What one package, or one officer's answers at the desk (`package_id` None), adds to what is known of a visit.

    Written once; only `is_superseded` is set later, when a corrected package comes. `unit_id` names the checked unit: the
    risk unit, or else the first package of a line of corrections. `judged` says in short what the machine made of all that
    was known of the visit by then, the clauses that did not match included; `for_a_person` are the answers no limit judges.
    """

    __tablename__ = "fact_sheets"

    package_id: Mapped[UUID | None] = mapped_column(unique=True)
    unit_id: Mapped[UUID | None]
    is_superseded: Mapped[bool] = mapped_column(default=False)
    visit_id: Mapped[UUID] = mapped_column(index=True)
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), index=True)
    legal_on: Mapped[date]
    trades: Mapped[list[str]]
    ruleset: Mapped[str | None]
    facts: Mapped[list[Any]]
    findings: Mapped[list[Any]]
    judged: Mapped[list[Any]]
    for_a_person: Mapped[list[str]]
    authority_id: Mapped[UUID | None] = mapped_column(ForeignKey("authorities.id"))
    officer_ids: Mapped[list[UUID]]
    stated_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None]


class VerdictRecord(Identified, Timed, Versioned, Base):
    """One clause about one subject (or an unmapped finding: then `clause_id` is None and `source` its question).

    What the machine said is never rewritten: new facts make a new row that `replaces_id` the old one, which is then no
    longer current unless people had decided it. What did not match has a row only where it replaces something else.
    """

    __tablename__ = "verdicts"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('suspected_major', 'undetermined', 'not_matched', 'unmapped')", name="kind"
        ),
        CheckConstraint(
            "status IN ('open', 'verified_once', 'verified', 'confirmed', 'rejected', 'general')",
            name="status",
        ),
        CheckConstraint("(status = 'confirmed') = (major_from IS NOT NULL)", name="major_from"),
        CheckConstraint("(kind = 'unmapped') = (clause_id IS NULL)", name="clause"),
        CheckConstraint("status <> 'confirmed' OR major_clause IS NOT NULL", name="major_clause"),
        CheckConstraint(
            "kind = 'unmapped' OR (mapped_clause IS NULL AND status <> 'general')", name="mapped"
        ),
        Index("ix_verdicts_region_id_id", "region_id", "id"),
        Index("ix_verdicts_clause_id_id", "clause_id", "id"),
        Index(
            "ix_verdicts_undecided",
            "region_id",
            "id",
            postgresql_where=text("is_current AND status IN ('open', 'verified_once', 'verified')"),
        ),
    )

    fact_sheet_id: Mapped[UUID] = mapped_column(ForeignKey("fact_sheets.id"), index=True)
    package_id: Mapped[UUID | None] = mapped_column(index=True)
    visit_id: Mapped[UUID] = mapped_column(index=True)
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    kind: Mapped[str]
    clause_id: Mapped[str | None]
    subject_kind: Mapped[str | None]
    subject_id: Mapped[str | None]
    source: Mapped[str | None]
    explanation: Mapped[dict[str, Any]]
    missing: Mapped[list[str]]
    is_current: Mapped[bool] = mapped_column(default=True)
    replaces_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(default="open")
    mapped_clause: Mapped[str | None]
    major_clause: Mapped[str | None]
    major_from: Mapped[date | None]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    confirmed_at: Mapped[datetime | None]
    confirmation_reason: Mapped[str | None]


class Verification(Identified, Timed, Base):
    """What one officer found on site, in one login session. Two officers and two sessions, by constraint."""

    __tablename__ = "verifications"
    __table_args__ = (
        UniqueConstraint("verdict_id", "user_id"),
        UniqueConstraint("verdict_id", "session_id"),
        CheckConstraint("assessment IN ('major', 'not_major')", name="assessment"),
    )

    verdict_id: Mapped[UUID] = mapped_column(ForeignKey("verdicts.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    session_id: Mapped[UUID] = mapped_column(ForeignKey("login_sessions.id"))
    assessment: Mapped[str]
    clause_id: Mapped[str | None]
    reason: Mapped[str | None]


class VerdictStep(Identified, Timed, Base):
    """One step people took with a verdict: from which state to which, by whom, by which clause, and why. Append-only."""

    __tablename__ = "verdict_steps"

    verdict_id: Mapped[UUID] = mapped_column(ForeignKey("verdicts.id"), index=True)
    action: Mapped[str]
    from_status: Mapped[str]
    to_status: Mapped[str]
    on_date: Mapped[date]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    session_id: Mapped[UUID | None]
    clause: Mapped[str | None]
    reason: Mapped[str | None]
