"""What a hazard is counted as refers to it by its id alone: the check of a foreign key would lock the hazard while it is folded."""

from collections.abc import Sequence

from alembic import op

revision: str = "20261125_2318"
down_revision: str | Sequence[str] | None = "20261125_2310"


def upgrade() -> None:
    op.drop_constraint("fk_counted_hazards_hazard_id", "counted_hazards", type_="foreignkey")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
