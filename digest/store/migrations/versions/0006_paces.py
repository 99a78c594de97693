"""Rates that outlive a restart, the first wave of an issue, and what has stopped sending."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "paces",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("free", Instant),
        sa.Column("taken", sa.JSON),
        sa.Column("tail", Instant),
        sa.Column("rate", sa.Float),
        sa.Column("refused", sa.Float),
        sa.Column("cut", Instant),
        sa.Column("heard", Instant),
        sa.Column("count", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_paces")),
    )
    op.execute(
        "INSERT INTO paces (key) VALUES ('all')"
    )  # always there, for workers to hold while they reserve
    op.create_table(
        "canaries",
        sa.Column("issue_id", sa.Integer, nullable=False),
        sa.Column("began", Instant, nullable=False),
        sa.Column("opens", Instant, nullable=False),
        sa.Column("every", sa.Integer, nullable=False),
        sa.Column("seeds", sa.JSON, nullable=False),
        sa.Column("readers", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_canaries_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_canaries")),
    )
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
