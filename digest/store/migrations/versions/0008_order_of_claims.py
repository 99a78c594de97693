"""Claims are read in the order of an index, and of what came back only rows that have some are in theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make both indexes anew."""
    op.drop_index(op.f("ix_deliveries_state_due"), "deliveries")
    op.create_index(op.f("ix_deliveries_state_due_id"), "deliveries", ["state", "due", "id"])
    op.drop_index(op.f("ix_deliveries_feedback_at"), "deliveries")
    some = sa.text("feedback_at IS NOT NULL")
    op.create_index(
        op.f("ix_deliveries_feedback_at"),
        "deliveries",
        ["feedback_at"],
        sqlite_where=some,
        postgresql_where=some,
    )
