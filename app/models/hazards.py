"""The hazard registry: hazards, the extensions of their periods, every step they took."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Identified, Timed, Versioned


class Hazard(Identified, Timed, Versioned, Base):
    """A hazard. It is major only by a clause, and only from the day the person in charge confirmed it. Overdue is computed."""

    __tablename__ = "hazards"
    __table_args__ = (
        CheckConstraint(
            "status IN ('found', 'ordered', 'rectified', 'reinspected', 'closed')", name="status"
        ),
        CheckConstraint("(level = 'major') = (clause IS NOT NULL AND major_since IS NOT NULL)", name="major"),
        CheckConstraint("level IN ('general', 'major')", name="level"),
        CheckConstraint(
            "source IN ('inspection', 'patrol', 'self_report', 'tip', 'transfer')", name="source"
        ),
        UniqueConstraint("authority_id", "number"),
        UniqueConstraint("package_id", "finding_key"),
        Index("ix_hazards_region_id_id", "region_id", "id"),
        CheckConstraint("(status = 'closed') = (closed_on IS NOT NULL)", name="closed"),
        Index(
            "ix_hazards_settled_item",
            "enterprise_id",
            "item_code",
            postgresql_where=text("closed_on IS NOT NULL OR merged_into_id IS NOT NULL"),
        ),
        Index("ix_hazards_closed_on", "region_id", "closed_on", postgresql_where=text("status = 'closed'")),
        CheckConstraint("merged_into_id <> id", name="merged_into"),
        Index(
            "ix_hazards_merged_into_id", "merged_into_id", postgresql_where=text("merged_into_id IS NOT NULL")
        ),
        Index("ix_hazards_open_due_on", "region_id", "due_on", postgresql_where=text("status <> 'closed'")),
    )

    number: Mapped[str]
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("authorities.id"), index=True)
    enterprise_id: Mapped[UUID] = mapped_column(ForeignKey("enterprises.id"), index=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    risk_unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("risk_units.id"), index=True)
    level: Mapped[str] = mapped_column(default="general")
    clause: Mapped[str | None] = mapped_column(index=True)
    major_since: Mapped[date | None]
    source: Mapped[str]
    visit_id: Mapped[UUID | None] = mapped_column(index=True)
    package_id: Mapped[UUID | None]
    finding_key: Mapped[str | None]
    item_code: Mapped[str | None]
    subject: Mapped[str | None]
    description: Mapped[str]
    found_on: Mapped[date]
    evidence_ids: Mapped[list[UUID]]
    status: Mapped[str] = mapped_column(default="found")
    due_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("hazards.id"))


class HazardDuplicate(Identified, Timed, Versioned, Base):
    """That two hazards may be one, with the reasons (services/hazards/duplicate_rule.py); what a person made of it.

    `hazard_id` is the later of the two, `other_id` the earlier; `kept_id` the one that stays while they are merged.
    """

    __tablename__ = "hazard_duplicates"
    __table_args__ = (
        CheckConstraint("status IN ('proposed', 'merged', 'dismissed')", name="status"),
        CheckConstraint("(status = 'merged') = (kept_id IS NOT NULL)", name="kept"),
        UniqueConstraint("hazard_id", "other_id"),
        Index("ix_hazard_duplicates_region_id_id", "region_id", "id"),
    )

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"))
    other_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), index=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    reasons: Mapped[list[Any]]
    status: Mapped[str] = mapped_column(default="proposed")
    kept_id: Mapped[UUID | None] = mapped_column(ForeignKey("hazards.id"))
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    decided_reason: Mapped[str | None]


class HazardComparing(Base):
    """The one row that says how far the change feed was looked through for hazards that may be one."""

    __tablename__ = "hazard_comparing"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    position: Mapped[int]


class HazardReport(Timed, Base):
    """What a hazard that no visit found was registered from. Written once.

    `suspected_clauses`: by which it may be major, as the machine says of the `facts`, or else as a person suspects.
    """

    __tablename__ = "hazard_reports"
    __table_args__ = (
        CheckConstraint("source IN ('patrol', 'self_report', 'tip', 'transfer')", name="source"),
        CheckConstraint("(source = 'patrol') = (whistle_id IS NOT NULL)", name="whistle"),
        CheckConstraint("suspected_by IN ('machine', 'person')", name="suspected_by"),
        CheckConstraint("(suspected_by IS NULL) = (suspected_clauses = '{}')", name="suspicion"),
        UniqueConstraint("whistle_id"),
        Index("ix_hazard_reports_suspected", "hazard_id", postgresql_where=text("suspected_by IS NOT NULL")),
    )

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), primary_key=True)
    source: Mapped[str]
    reference: Mapped[str | None]
    from_authority: Mapped[str | None]
    whistle_id: Mapped[UUID | None]
    received_at: Mapped[datetime]
    reported_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    suspected_clauses: Mapped[list[str]]
    suspected_by: Mapped[str | None]
    facts: Mapped[list[Any]]


class HazardInformant(Timed, Base):
    """Who gave the tip of a hazard, encrypted; read by services/hazards/informants.py alone, and joined to nothing."""

    __tablename__ = "hazard_informants"

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazard_reports.hazard_id"), primary_key=True)
    sealed: Mapped[bytes]


class HazardClause(Timed, Base):
    """A clause that was confirmed of a hazard, and from which day; hazards.clause is the first of them. Append-only."""

    __tablename__ = "hazard_clauses"

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), primary_key=True)
    clause: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[date]


class HazardRecurrence(Timed, Base):
    """A hazard that came back: its like was closed `days` before it was found. Append-only.

    On the ground of clauses it may be the return of several. Both stay those that they were when it was noticed, whatever is merged
    or parted afterwards; who reads looks through mergings (services/hazards/recurrences.py).
    """

    __tablename__ = "hazard_recurrences"
    __table_args__ = (CheckConstraint("ground IN ('item', 'clause')", name="ground"),)

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), primary_key=True)
    ground: Mapped[str] = mapped_column(primary_key=True)
    earlier_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), primary_key=True, index=True)
    closed_on: Mapped[date]
    days: Mapped[int]


class OrderExtension(Identified, Timed, Versioned, Base):
    """That the period of an order or of a placard be longer: proposed by one, granted or refused by another.

    The period itself is the clock's: `due_before`, `due_proposed` and `due_after` are its end as it was, as it would have been when
    it was proposed, and as it became. A proposal whose clock has ended has lapsed; that is computed.
    """

    __tablename__ = "order_extensions"
    __table_args__ = (
        CheckConstraint("status IN ('proposed', 'granted', 'refused', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'proposed') = (settled_at IS NULL)", name="settled"),
        CheckConstraint("num_nonnulls(order_id, placard_id) = 1", name="of_one"),
        Index(
            "uq_order_extensions_proposed", "clock_id", unique=True, postgresql_where=text("status = 'proposed'")
        ),
        Index("ix_order_extensions_region_id_id", "region_id", "id"),
        ForeignKeyConstraint(
            ["order_id", "hazard_id"],
            ["rectification_order_lines.order_id", "rectification_order_lines.hazard_id"],
        ),
    )  # fmt: skip

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), index=True)
    order_id: Mapped[UUID | None]
    placard_id: Mapped[UUID | None] = mapped_column(ForeignKey("placards.id"), index=True)
    clock_id: Mapped[UUID] = mapped_column(ForeignKey("clocks.id"))
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    amount: Mapped[int]
    unit: Mapped[str]
    reason: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    due_before: Mapped[date | None]
    due_proposed: Mapped[date | None]
    status: Mapped[str] = mapped_column(default="proposed")
    settled_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    settled_at: Mapped[datetime | None]
    settled_reason: Mapped[str | None]
    due_after: Mapped[date | None]


class HazardProposal(Identified, Timed, Versioned, Base):
    """What the registry proposes for a hazard whose deadline has passed, with its ground: the clock, the day, the article.

    One for each hazard, kind (content/law/overdue_proposals.yaml) and deadline. `object_id`: what people made of it.
    """

    __tablename__ = "hazard_proposals"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'taken_up', 'dismissed', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'open') = (settled_at IS NULL)", name="settled"),
        CheckConstraint("(status = 'taken_up') = (object_id IS NOT NULL)", name="object"),
        CheckConstraint("(status = 'dismissed') = (settled_reason IS NOT NULL)", name="reason"),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_because IS NOT NULL)", name="because"),
        UniqueConstraint("hazard_id", "kind", "due_on"),
        Index("ix_hazard_proposals_region_id_id", "region_id", "id"),
    )

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"))
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    kind: Mapped[str]
    due_on: Mapped[date]
    clock_id: Mapped[UUID] = mapped_column(ForeignKey("clocks.id"))
    clock_title: Mapped[str]
    basis_zh: Mapped[str]
    basis_en: Mapped[str]
    to_be_confirmed: Mapped[bool]
    status: Mapped[str] = mapped_column(default="open")
    object_kind: Mapped[str | None]
    object_id: Mapped[UUID | None]
    withdrawn_because: Mapped[str | None]
    settled_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    settled_at: Mapped[datetime | None]
    settled_reason: Mapped[str | None]


class HazardStep(Identified, Timed, Base):
    """One step of a hazard: from which state to which, by whom, with what evidence."""

    __tablename__ = "hazard_steps"

    hazard_id: Mapped[UUID] = mapped_column(ForeignKey("hazards.id"), index=True)
    action: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    on_date: Mapped[date]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    visit_id: Mapped[UUID | None]
    note: Mapped[str | None]
    evidence_ids: Mapped[list[UUID]]
    detail: Mapped[dict[str, Any] | None]

    @property
    def invitation_id(self) -> str | None:
        """Of the enterprise's person who took the step."""
        return (self.detail or {}).get("invitation_id")

    @property
    def outcome(self) -> str | None:
        """Of a re-inspection, what it found (ReinspectionOutcome); steps from before this was kept say resolved or unchanged."""
        implied = {"reinspect": "resolved", "reject_rectification": "unchanged"}.get(self.action)
        return (self.detail or {}).get("outcome", implied)


class CountedHazard(Base):
    """A hazard as it is counted in hazard_tallies at this moment; written by services/hazards/folding.py alone.

    No foreign key: its check would lock the hazard, and a fold waits for nobody. Hazards are never deleted.
    """

    __tablename__ = "counted_hazards"
    __table_args__ = (
        Index("ix_counted_hazards_due_on", "due_on", postgresql_where=text("status = 'ordered'")),
    )

    hazard_id: Mapped[UUID] = mapped_column(primary_key=True)
    enterprise_id: Mapped[UUID] = mapped_column(index=True)
    site_id: Mapped[UUID]
    region_id: Mapped[UUID]
    trades: Mapped[list[str]]
    level: Mapped[str]
    clause: Mapped[str | None]
    status: Mapped[str]
    due_on: Mapped[date | None]


class HazardTally(Base):
    """How many counted hazards are of one kind, and how many of them were overdue on hazard_counting.counted_on."""

    __tablename__ = "hazard_tallies"

    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), primary_key=True)
    trades: Mapped[list[str]] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    clause: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    overdue: Mapped[int]


class HazardSiteTally(Base):
    """The same of the open ones at a site, for the map. No foreign key to the site: its check would wait for whoever holds it."""

    __tablename__ = "hazard_site_tallies"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"), primary_key=True)
    trades: Mapped[list[str]] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    overdue: Mapped[int]


class HazardCounting(Base):
    """The one row that says how far the change feed is folded into the tallies, and for which day they count what is overdue."""

    __tablename__ = "hazard_counting"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    position: Mapped[int]
    counted_on: Mapped[date]


class HazardExport(Identified, Timed, Versioned, Base):
    """An export and its progress: rows down to `last_id` lie in its parts. The file is offered when it is done, never before."""

    __tablename__ = "hazard_exports"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'done', 'failed', 'expired')", name="status"),
        CheckConstraint("format IN ('csv', 'xlsx')", name="format"),
        CheckConstraint("(sha256 IS NOT NULL) OR status <> 'done'", name="done"),
        Index("ix_hazard_exports_expires_at", "expires_at", postgresql_where=text("status <> 'expired'")),
    )

    region_id: Mapped[UUID] = mapped_column(ForeignKey("regions.id"))
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    region_ids: Mapped[list[UUID]]
    filters: Mapped[dict[str, Any]]
    format: Mapped[str]
    status: Mapped[str] = mapped_column(default="waiting")
    failure: Mapped[str | None]
    rows_total: Mapped[int]
    rows_done: Mapped[int] = mapped_column(default=0)
    last_id: Mapped[UUID | None]
    size: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str | None]
    expires_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class HazardExportPart(Base):
    """Some bytes of an export's file, in the order of `number`."""

    __tablename__ = "hazard_export_parts"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("hazard_exports.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str]
    size: Mapped[int]
