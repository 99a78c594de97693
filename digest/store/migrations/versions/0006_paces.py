"""What has stopped sending."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import Instant

revision = "0006"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "stops",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("issue_id", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("lifted", Instant),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_stops_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
    )
    op.create_index(op.f("ix_stops_lifted"), "stops", ["lifted"])
