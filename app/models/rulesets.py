"""Versions of the rules that the bureau writes itself, and what people did with each. What is published never changes."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class RulesetVersion(Identified, Timed, Versioned, Base):
    """One version of a standard's rules: a draft, then published once, or given up. A trigger freezes what is no draft.

    `name` is the version as verdicts name it ("2026-1"), `base` the one it follows; `content` is what app/rules/ruleset.py
    builds, with the questions, kept as JSON text: the order of facts and of listed values is the one people read.
    `source` is the content's, for lists. `content_hash`: "sha-256:…" over the canonical JSON of content and cases.
    Revoked is a step, not a state of the row.
    """

    __tablename__ = "ruleset_versions"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'published', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'published') = (published_at IS NOT NULL)", name="published"),
        CheckConstraint("(published_at IS NULL) = (published_by IS NULL)", name="published_by"),
        Index(
            "uq_ruleset_versions_published",
            "ruleset",
            "name",
            unique=True,
            postgresql_where=text("status = 'published'"),
        ),
        Index("ix_ruleset_versions_ruleset_id", "ruleset", "id"),
    )

    ruleset: Mapped[str]
    name: Mapped[str]
    base: Mapped[str]
    status: Mapped[str] = mapped_column(default="draft")
    in_force_from: Mapped[date]
    source: Mapped[dict[str, str]] = mapped_column(JSON)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    cases: Mapped[list[Any]] = mapped_column(JSON)
    content_hash: Mapped[str]
    published_at: Mapped[datetime | None]
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class RulesetStep(Identified, Timed, Base):
    """One step people took with a version: who, when, why, and the content it was then. Append-only; revoked at most once."""

    __tablename__ = "ruleset_steps"
    __table_args__ = (
        CheckConstraint(
            "action IN ('start', 'change', 'withdraw', 'publish', 'revoke')",
            name="action",
        ),
        CheckConstraint("action NOT IN ('withdraw', 'revoke') OR reason IS NOT NULL", name="reason"),
        Index(
            "uq_ruleset_steps_revoked",
            "version_id",
            unique=True,
            postgresql_where=text("action = 'revoke'"),
        ),
    )

    version_id: Mapped[UUID] = mapped_column(ForeignKey("ruleset_versions.id"), index=True)
    action: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    on_date: Mapped[date]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None]
    content_hash: Mapped[str]
