"""What came back of a delivery, and how often an address could not take mail."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("deliveries", sa.Column("feedback", sa.Text))
    op.add_column("deliveries", sa.Column("feedback_reason", sa.Text))
    op.add_column("deliveries", sa.Column("feedback_at", Instant))
    op.create_index(op.f("ix_deliveries_feedback_at"), "deliveries", ["feedback_at"])
    op.create_table(
        "scores",
        sa.Column("address_key", sa.Text, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("warnings", sa.Integer, nullable=False),
        sa.Column("warned", Instant),
        sa.Column("notice_id", sa.Integer),
        sa.Column("returned", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("address_key", name=op.f("pk_scores")),
    )
    op.create_index(op.f("ix_scores_at"), "scores", ["at"])
