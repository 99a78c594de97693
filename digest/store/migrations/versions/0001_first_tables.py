"""The first tables."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "articles",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("ingested", Instant, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
    )
    op.create_index("ix_articles_source_ingested", "articles", ["source", "ingested"])
    op.create_table(
        "sources",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("not_before", Instant),
    )
    op.create_table(
        "issues",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("closed", Instant, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.UniqueConstraint("list", "date", name="uq_issues_list_date"),
        sa.UniqueConstraint("list", "number", name="uq_issues_list_number"),
    )
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("address_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("language", sa.Text),
        sa.UniqueConstraint("list", "address_key", name="uq_subscribers_list_address_key"),
    )
    op.create_table(
        "suppressions",
        sa.Column("address_key", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", Instant, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("issue_id", sa.Integer, _reference("issue_id", "issues.id"), nullable=False),
        sa.Column("subscriber_id", sa.Integer, _reference("subscriber_id", "subscribers.id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due", Instant, nullable=False),
        sa.Column("expires", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.Text),
        sa.Column("leased_until", Instant),
        sa.Column("changed", Instant, nullable=False),
        sa.Column("code", sa.Integer),
        sa.Column("enhanced", sa.Text),
        sa.Column("reply", sa.Text),
        sa.UniqueConstraint("issue_id", "subscriber_id", name="uq_deliveries_issue_id_subscriber_id"),
    )
    op.create_index("ix_deliveries_state_due", "deliveries", ["state", "due"])
    op.create_index("ix_deliveries_subscriber_id", "deliveries", ["subscriber_id"])


def _reference(column: str, target: str) -> sa.ForeignKey:
    return sa.ForeignKey(target, name=f"fk_deliveries_{column}")
