"""Number blocks reserved for phones, and the numbers that packages have used."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_1840"
down_revision: str | Sequence[str] | None = "20261125_1835"

SERIES_FUNCTION = """
CREATE FUNCTION refuse_number_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.last < OLD.last OR
       (NEW.authority_id, NEW.word, NEW.year) IS DISTINCT FROM (OLD.authority_id, OLD.word, OLD.year) THEN
        RAISE EXCEPTION 'a number is never issued again' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
BLOCK_FUNCTION = """
CREATE FUNCTION refuse_other_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status = 'voided' OR
       (NEW.id, NEW.authority_id, NEW.region_id, NEW.device_id, NEW.user_id, NEW.word, NEW.series_word, NEW.year, NEW.first,
        NEW.last, NEW.expires_on) IS DISTINCT FROM
       (OLD.id, OLD.authority_id, OLD.region_id, OLD.device_id, OLD.user_id, OLD.word, OLD.series_word, OLD.year, OLD.first,
        OLD.last, OLD.expires_on) THEN
        RAISE EXCEPTION 'a block of numbers can only be voided' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    _blocks()
    _uses()
    op.execute(SERIES_FUNCTION)
    op.execute(BLOCK_FUNCTION)
    for table, function in (
        ("number_series", "refuse_number_again"),
        ("number_blocks", "refuse_other_block"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
    op.execute(
        "CREATE TRIGGER number_uses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON number_uses "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
    )


def _reference(column: str, table: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(column, sa.Uuid(), sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _blocks() -> None:
    op.create_table(
        "number_blocks",
        _reference("authority_id", "authorities"),
        _reference("region_id", "regions"),
        _reference("device_id", "devices"),
        _reference("user_id", "users"),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("series_word", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        _reference("voided_by", "users", nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('open', 'voided')", name=op.f("ck_number_blocks_status")),
        sa.CheckConstraint("first >= 1 AND last >= first", name=op.f("ck_number_blocks_numbers")),
        sa.CheckConstraint(
            "(status = 'voided') = (void_reason IS NOT NULL)", name=op.f("ck_number_blocks_voided")
        ),
        sa.UniqueConstraint(
            "authority_id",
            "series_word",
            "year",
            "first",
            name=op.f("uq_number_blocks_authority_id_series_word_year_first"),
        ),
    )
    op.create_index("ix_number_blocks_region_id_id", "number_blocks", ["region_id", "id"])
    op.create_index("ix_number_blocks_device_id_id", "number_blocks", ["device_id", "id"])


def _uses() -> None:
    op.create_table(
        "number_uses",
        _reference("package_id", "packages"),
        _reference("visit_id", "visits"),
        _reference("block_id", "number_blocks", nullable=True),
        _reference("authority_id", "authorities"),
        _reference("region_id", "regions"),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("series_word", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("printed_hash", sa.Text(), nullable=True),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("spoiled_reason", sa.Text(), nullable=True),
        sa.Column("evidence_id", sa.Uuid(), nullable=True),
        sa.Column("issues", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint(
            "package_id",
            "authority_id",
            "series_word",
            "year",
            "number",
            name=op.f("uq_number_uses_package_id_authority_id_series_word_year_number"),
        ),
    )
    op.create_index(
        "uq_number_uses_first",
        "number_uses",
        ["authority_id", "series_word", "year", "number"],
        unique=True,
        postgresql_where=sa.text("is_first"),
    )
    op.create_index(op.f("ix_number_uses_visit_id"), "number_uses", ["visit_id"])
    op.create_index(op.f("ix_number_uses_block_id"), "number_uses", ["block_id"])
    op.create_index("ix_number_uses_region_id_id", "number_uses", ["region_id", "id"])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
