"""Checklist templates and their versions. A published version never changes again (a trigger refuses it)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class Template(Identified, Timed, Base):
    """A checklist as such, known by its code; what it asks stands in its versions. Not region-owned: the law is the same."""

    __tablename__ = "templates"

    code: Mapped[str] = mapped_column(unique=True)


class TemplateVersion(Identified, Timed, Versioned, Base):
    """One version of a template: a draft, then published once, then perhaps withdrawn (and still accepted, flagged).

    `body` is the content as written, `content_hash` "sha-256:…" over its canonical JSON, titles and date copied out of it for
    lists. `origin`: shipped with the program, or written in the console.
    """

    __tablename__ = "template_versions"
    __table_args__ = (
        UniqueConstraint("template_id", "number"),
        CheckConstraint("status IN ('draft', 'published', 'withdrawn')", name="status"),
        CheckConstraint("origin IN ('shipped', 'console')", name="origin"),
        CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published"),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
        Index(
            "uq_template_versions_content_hash",
            "content_hash",
            unique=True,
            postgresql_where=text("status <> 'draft'"),
        ),
        Index("ix_template_versions_status_id", "status", "id"),
    )

    template_id: Mapped[UUID] = mapped_column(ForeignKey("templates.id"))
    number: Mapped[int]
    status: Mapped[str] = mapped_column(default="draft")
    origin: Mapped[str] = mapped_column(default="console")
    title_zh: Mapped[str]
    title_en: Mapped[str]
    in_force_from: Mapped[date]
    body: Mapped[dict[str, Any]]
    content_hash: Mapped[str]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    published_at: Mapped[datetime | None]
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    withdrawn_reason: Mapped[str | None]
