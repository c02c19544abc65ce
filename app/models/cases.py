"""Cases: what is alleged against whom, and every step of the procedure.

What a case took over when it was opened (names, codes, addresses, descriptions) is written here and never read live.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class Case(Identified, Timed, Versioned, Base):
    """A case. Its states are those of services/cases/workflow.py: no list here, so that a later state is a row there only."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("(filed_on IS NULL) = (filing_number IS NULL)", name="filing"),
        UniqueConstraint("authority_id", "number"),
        UniqueConstraint("authority_id", "filing_number"),
        Index("ix_cases_region_id_id", "region_id", "id"),
        Index("ix_cases_region_id_status_id", "region_id", "status", "id"),
        Index("ix_cases_region_id_filed_on", "region_id", "filed_on"),
    )

    number: Mapped[str] = mapped_column(index=True)
    filing_number: Mapped[str | None] = mapped_column(index=True)
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"))
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    source: Mapped[str]
    cause: Mapped[str]
    status: Mapped[str]
    found_on: Mapped[date]
    filed_on: Mapped[date | None]
    opened_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


class CaseHazard(Timed, Base):
    """A hazard the case was opened from, with its site, as both were on the day."""

    __tablename__ = "case_hazards"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), primary_key=True, index=True)
    number: Mapped[str]
    level: Mapped[str]
    description: Mapped[str]
    found_on: Mapped[date]
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    site_name: Mapped[str]
    site_address: Mapped[str | None]


class CaseOfficer(Timed, Base):
    """An officer who handles the case, with the certificate that was valid on the day; one of them leads and answers for it."""

    __tablename__ = "case_officers"
    __table_args__ = (
        Index("uq_case_officers_leading", "case_id", unique=True, postgresql_where=text("is_leading")),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    name: Mapped[str]
    certificate_number: Mapped[str]
    is_leading: Mapped[bool]


class CaseParty(Identified, Timed, Base):
    """A party: the entity, or one person. `label` names it within the case; a person is shown masked."""

    __tablename__ = "case_parties"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'entity')", name="kind"),
        CheckConstraint("(kind = 'entity') = (enterprise_id IS NOT NULL)", name="entity"),
        CheckConstraint("(kind = 'person') = (capacity IS NOT NULL)", name="person"),
        UniqueConstraint("case_id", "label"),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    label: Mapped[str]
    kind: Mapped[str]
    enterprise_id: Mapped[UUID | None] = mapped_column(ForeignKey("enterprises.id"))
    capacity: Mapped[str | None]
    name: Mapped[str]
    id_kind: Mapped[str | None]
    id_number: Mapped[str | None]
    address: Mapped[str | None]
    post: Mapped[str | None]


class CaseAllegation(Identified, Timed, Base):
    """What one party is said to have done: the article violated and the article that makes liable, both as of the facts."""

    __tablename__ = "case_allegations"
    __table_args__ = (
        CheckConstraint("stage IN ('first', 'overdue')", name="stage"),
        UniqueConstraint("case_id", "position"),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    party_id: Mapped[UUID] = mapped_column(ForeignKey("case_parties.id"), index=True)
    position: Mapped[int]
    facts_on: Mapped[date]
    text: Mapped[str]
    violated_document: Mapped[str | None]
    violated_version: Mapped[str | None]
    violated_title: Mapped[str]
    violated_article: Mapped[str]
    penalty_code: Mapped[str]
    penalty_document: Mapped[str]
    penalty_version: Mapped[str]
    penalty_article: Mapped[str]
    stage: Mapped[str]
    to_be_confirmed: Mapped[bool]
    hazard_ids: Mapped[list[UUID]]


class CaseClaim(Timed, Base):
    """A hazard is taken by one case for one article at one stage, until a step lets it go: no act is pursued twice."""

    __tablename__ = "case_claims"

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), primary_key=True)
    penalty_code: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)


class CaseCircumstances(Timed, Base):
    """What aggravated when the case was filed, as it was shown then, and its hash. Written once."""

    __tablename__ = "case_circumstances"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    kept_on: Mapped[date]
    facts: Mapped[list[Any]]
    sha256: Mapped[str]


class CaseStep(Identified, Timed, Base):
    """One step of a case: from which state to which, by whom, on which legal date, with what reason."""

    __tablename__ = "case_steps"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    action: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    on_date: Mapped[date]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None]
