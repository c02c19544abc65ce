"""Names folded for the search, prefixes of codes, imported trade classes, imports with their errors row by row."""

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_1526"
down_revision: str | Sequence[str] | None = "20261125_1520"


def upgrade() -> None:
    _fold_names()
    op.drop_index("ix_enterprises_name_bigrams", table_name="enterprises")
    op.create_index(
        "ix_enterprises_name_bigrams",
        "enterprises",
        ["name_bigrams"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index(
        "ix_enterprises_uscc_prefix",
        "enterprises",
        ["uscc"],
        unique=False,
        postgresql_ops={"uscc": "text_pattern_ops"},
    )
    op.drop_index("ix_enterprises_trade_code", table_name="enterprises")
    op.create_index(
        "ix_enterprises_trade_code",
        "enterprises",
        ["trade_code"],
        unique=False,
        postgresql_ops={"trade_code": "text_pattern_ops"},
    )
    op.create_index("ix_enterprises_risk_grade_id", "enterprises", ["risk_grade", "id"], unique=False)
    op.create_table(
        "trade_classes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_trade_classes")),
    )
    _widen_imports()


def _fold_names() -> None:
    """Give every enterprise its folded name and the pieces of the new search."""
    op.add_column("enterprises", sa.Column("name_folded", sa.Text(), nullable=True))
    connection = op.get_bind()
    enterprises = sa.table(
        "enterprises",
        sa.column("id", sa.Uuid()),
        sa.column("name", sa.Text()),
        sa.column("name_folded", sa.Text()),
        sa.column("name_bigrams", postgresql.ARRAY(sa.Text())),
    )
    rows = connection.execute(sa.select(enterprises.c.id, enterprises.c.name)).all()
    for identifier, name in rows:
        folded = "".join(unicodedata.normalize("NFKC", name).split()).casefold()
        pairs = {folded[place : place + 2] for place in range(len(folded) - 1)}
        connection.execute(
            enterprises.update()
            .where(enterprises.c.id == identifier)
            .values(name_folded=folded, name_bigrams=sorted({*folded, *pairs}))
        )
    op.alter_column("enterprises", "name_folded", existing_type=sa.Text(), nullable=False)


def _widen_imports() -> None:
    op.add_column("enterprise_imports", sa.Column("sha256", sa.Text(), nullable=True))
    op.add_column("enterprise_imports", sa.Column("failure", sa.Text(), nullable=True))
    op.add_column("enterprise_imports", sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("enterprise_imports", sa.Column("rows_failed", sa.BigInteger(), nullable=True))
    op.execute("UPDATE enterprise_imports SET rows_failed = 0")
    op.alter_column("enterprise_imports", "rows_failed", existing_type=sa.BigInteger(), nullable=False)
    op.drop_column("enterprise_imports", "errors")
    op.drop_index("ix_enterprise_imports_region_id", table_name="enterprise_imports")
    op.create_index(
        "ix_enterprise_imports_region_id_id", "enterprise_imports", ["region_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_enterprise_imports_created_by"), "enterprise_imports", ["created_by"], unique=False
    )
    op.create_table(
        "enterprise_import_errors",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("column", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["enterprise_imports.id"], name=op.f("fk_enterprise_import_errors_import_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise_import_errors")),
    )
    op.create_index(
        "ix_enterprise_import_errors_import_id_row_id",
        "enterprise_import_errors",
        ["import_id", "row", "id"],
        unique=False,
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
