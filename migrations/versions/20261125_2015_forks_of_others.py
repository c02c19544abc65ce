"""A correction by somebody whose record it is not is a fork; what keeps failing is swept more seldom."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261125_2015"
down_revision: str | Sequence[str] | None = "20261125_1940"


def upgrade() -> None:
    op.add_column("package_intakes", sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("ck_packages_fork"), "packages", type_="check")
    op.create_check_constraint(
        op.f("ck_packages_fork"), "packages", "fork IN ('base_superseded', 'base_differs', 'base_of_others')"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
