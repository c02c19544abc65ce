"""Clocks of cases and hazards in one table with a ledger; imported notices; what authorities decide on last days."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_1910"
down_revision: str | Sequence[str] | None = "20261125_1900"

# What ran before runs on as it was: its number, its end, its basis. A clock that had no end because its calendar was not imported
# is projected again with the next notice.
CASE_CLOCKS = """
INSERT INTO clocks (id, version, created_at, updated_at, code, subject_kind, subject_id, authority_id, region_id, brigade_id,
    responsible_id, started_at, amount, extended_by, unit, rolls_over, backwards, clear, meaning, basis, to_be_confirmed,
    due_on, due_at, unknown, missing_year, ended_on)
SELECT k.id, 1, k.created_at, k.created_at, k.code, 'case', k.case_id, c.authority_id, c.region_id, NULL, c.opened_by,
    k.started_on::timestamp AT TIME ZONE 'Asia/Shanghai', k.days, 0, coalesce(k.day_kind, 'calendar') || '_day', false,
    k.code = 'hearing_notice', k.code = 'hearing_notice', 'deadline', k.basis, k.to_be_confirmed, k.due_on, NULL,
    CASE WHEN k.due_on IS NOT NULL THEN NULL WHEN k.days IS NULL THEN 'no_number_set' ELSE 'calendar_not_imported' END,
    CASE WHEN k.due_on IS NULL AND k.days IS NOT NULL THEN extract(year FROM k.started_on)::bigint END, k.ended_on
  FROM case_clocks k JOIN cases c ON c.id = k.case_id
"""
# A UUIDv7 of a moment: the ledger is read in the order of its ids.
ORDERED_ID = """(lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
    || '8' || substr(md5(random()::text), 1, 15))::uuid"""
CASE_EVENTS = f"""
INSERT INTO clock_events (id, created_at, clock_id, action, on_date, due_after)
SELECT {ORDERED_ID.format(at="created_at")}, created_at, id, 'start', started_on, due_on FROM case_clocks
UNION ALL SELECT {ORDERED_ID.format(at="created_at + interval '1 millisecond'")}, created_at, id, 'end', ended_on, due_on
  FROM case_clocks WHERE ended_on IS NOT NULL
"""
HAZARD_CLOCKS = """
INSERT INTO clocks (id, version, created_at, updated_at, code, subject_kind, subject_id, authority_id, region_id, brigade_id,
    responsible_id, started_at, amount, extended_by, unit, rolls_over, backwards, clear, meaning, basis, to_be_confirmed,
    due_on, due_at, unknown, missing_year, ended_on)
SELECT DISTINCT ON (h.id) o.id, 1, o.created_at, o.created_at, 'rectification', 'hazard', h.id, h.authority_id, h.region_id, NULL,
    o.issued_by, o.issued_on::timestamp AT TIME ZONE 'Asia/Shanghai', o.days, 0, o.day_kind || '_day', false, false, false,
    'deadline', '安全生产事故隐患排查治理暂行规定（总局令第16号）；期限由文书载明', false, o.due_on, NULL, NULL, NULL, NULL
  FROM hazards h JOIN rectification_orders o ON o.hazard_id = h.id
 WHERE h.status IN ('ordered', 'rectified') ORDER BY h.id, o.id DESC
"""
HAZARD_EVENTS = f"""
INSERT INTO clock_events (id, created_at, clock_id, action, on_date, due_after, user_id)
SELECT {ORDERED_ID.format(at="c.created_at")}, c.created_at, c.id, 'start', (c.started_at AT TIME ZONE 'Asia/Shanghai')::date, c.due_on, c.responsible_id
  FROM clocks c WHERE c.subject_kind = 'hazard'
"""


def upgrade() -> None:
    op.create_table(
        "calendar_notices",
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("holidays", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("make_up_workdays", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("imported_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["imported_by"], ["users.id"], name=op.f("fk_calendar_notices_imported_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_notices")),
        sa.UniqueConstraint("year", "number", name=op.f("uq_calendar_notices_year_number")),
    )
    op.create_table(
        "clocks",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("brigade_id", sa.Uuid(), nullable=True),
        sa.Column("responsible_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("extended_by", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("rolls_over", sa.Boolean(), nullable=False),
        sa.Column("backwards", sa.Boolean(), nullable=False),
        sa.Column("clear", sa.Boolean(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("to_be_confirmed", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unknown", sa.Text(), nullable=True),
        sa.Column("missing_year", sa.BigInteger(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("meaning IN ('deadline', 'earliest')", name=op.f("ck_clocks_meaning")),
        sa.CheckConstraint(
            "unit IN ('working_day', 'calendar_day', 'hour', 'month', 'year')", name=op.f("ck_clocks_unit")
        ),
        sa.CheckConstraint("(due_on IS NULL) = (unknown IS NOT NULL)", name=op.f("ck_clocks_known_or_not")),
        sa.ForeignKeyConstraint(["authority_id"], ["authorities.id"], name=op.f("fk_clocks_authority_id")),
        sa.ForeignKeyConstraint(["brigade_id"], ["brigades.id"], name=op.f("fk_clocks_brigade_id")),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name=op.f("fk_clocks_region_id")),
        sa.ForeignKeyConstraint(["responsible_id"], ["users.id"], name=op.f("fk_clocks_responsible_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clocks")),
    )
    op.create_index(
        "ix_clocks_running_due",
        "clocks",
        ["region_id", "due_on", "id"],
        unique=False,
        postgresql_where=sa.text("ended_on IS NULL"),
    )
    op.create_index(
        "ix_clocks_running_responsible",
        "clocks",
        ["responsible_id", "due_on", "id"],
        unique=False,
        postgresql_where=sa.text("ended_on IS NULL"),
    )
    op.create_index(
        "ix_clocks_running_unknown",
        "clocks",
        ["missing_year"],
        unique=False,
        postgresql_where=sa.text("ended_on IS NULL AND missing_year IS NOT NULL"),
    )
    op.create_index("ix_clocks_subject_id", "clocks", ["subject_id"], unique=False)
    op.create_index(
        "uq_clocks_running",
        "clocks",
        ["subject_id", "code"],
        unique=True,
        postgresql_where=sa.text("ended_on IS NULL"),
    )
    op.create_table(
        "roll_over_rules",
        sa.Column("authority_id", sa.Uuid(), nullable=False),
        sa.Column("applies_to", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "applies_to IN ('nobody', 'party', 'everybody')", name=op.f("ck_roll_over_rules_applies_to")
        ),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_roll_over_rules_authority_id")
        ),
        sa.ForeignKeyConstraint(["set_by"], ["users.id"], name=op.f("fk_roll_over_rules_set_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roll_over_rules")),
        sa.UniqueConstraint(
            "authority_id", "in_force_from", name=op.f("uq_roll_over_rules_authority_id_in_force_from")
        ),
    )
    op.create_table(
        "clock_events",
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.Column("due_before", sa.Date(), nullable=True),
        sa.Column("due_after", sa.Date(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action IN ('start', 'suspend', 'resume', 'extend', 'end', 'reproject')",
            name=op.f("ck_clock_events_action"),
        ),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_clock_events_clock_id")),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["calendar_notices.id"], name=op.f("fk_clock_events_notice_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_clock_events_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_events")),
    )
    op.create_index(op.f("ix_clock_events_clock_id"), "clock_events", ["clock_id"], unique=False)
    op.create_table(
        "clock_reminders",
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('before', 'due', 'overdue')", name=op.f("ck_clock_reminders_kind")),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_clock_reminders_clock_id")),
        sa.PrimaryKeyConstraint("clock_id", "kind", "due_on", name=op.f("pk_clock_reminders")),
    )
    op.create_index("ix_clock_reminders_created_at", "clock_reminders", ["created_at"], unique=False)
    for statement in (CASE_CLOCKS, CASE_EVENTS, HAZARD_CLOCKS, HAZARD_EVENTS):
        op.execute(statement)
    op.drop_table("case_clocks")
    op.execute("ALTER TABLE authority_limits DROP CONSTRAINT ck_authority_limits_day_kind")
    op.execute("ALTER TABLE authority_limits RENAME COLUMN days TO amount")
    op.execute("ALTER TABLE authority_limits RENAME COLUMN day_kind TO unit")
    op.execute("ALTER TABLE authority_limits ALTER COLUMN unit TYPE text USING unit || '_day'")
    op.alter_column("rectification_orders", "due_on", existing_type=sa.DATE(), nullable=True)
    for table in ("calendar_notices", "clock_events", "roll_over_rules"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
