"""What readers wish and ask for, what they are told, what they agreed to, and their votes."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables, and give the readers that are there the list's own wishes."""
    _wishes()
    _variants()
    _requests()
    _notices()
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("content", sa.Text),
        sa.Column("salt", sa.Text),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consents_subject", "consents", ["subject"])
    op.create_table(
        "handled",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", Instant, nullable=False),
    )
    op.create_index("ix_handled_at", "handled", ["at"])
    op.create_table(
        "votes",
        sa.Column(
            "subscriber_id",
            sa.Integer,
            sa.ForeignKey("subscribers.id", name="fk_votes_subscriber_id"),
            primary_key=True,
        ),
        sa.Column("article_id", sa.Text, primary_key=True),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
    op.create_index("ix_votes_article_id", "votes", ["article_id"])
    op.create_index("ix_votes_list_at", "votes", ["list", "at"])


def _wishes() -> None:
    for column in (
        sa.Column("frequency", sa.Text, nullable=False, server_default="daily"),
        sa.Column("hour", sa.Text),
        sa.Column("zone", sa.Text),
        sa.Column("topics", sa.JSON),
        sa.Column("minutes", sa.Integer),
        sa.Column("format", sa.Text, nullable=False, server_default="html"),
        sa.Column("paused_until", Instant),
    ):
        op.add_column("subscribers", column)
    op.create_index("ix_subscribers_address_key", "subscribers", ["address_key"])


def _variants() -> None:
    op.create_table(
        "variants",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "issue_id",
            sa.Integer,
            sa.ForeignKey("issues.id", name="fk_variants_issue_id"),
            nullable=False,
        ),
        sa.Column("wishes", sa.Text, nullable=False),
        sa.Column("stories", sa.JSON, nullable=False),
        sa.UniqueConstraint("issue_id", "wishes", name="uq_variants_issue_id_wishes"),
    )
    op.add_column("deliveries", sa.Column("variant_id", sa.Integer))


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("address_key", sa.Text, nullable=False),
        sa.Column("commands", sa.JSON, nullable=False),
        sa.Column("door", sa.Text, nullable=False),
        sa.Column("wording", sa.Text, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("made", Instant, nullable=False),
        sa.Column("expires", Instant, nullable=False),
        sa.Column("confirmed", Instant),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_requests_address_key", "requests", ["address_key"])


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("said", sa.JSON, nullable=False),
        sa.Column("subscriber_id", sa.Integer),
        sa.Column("request_id", sa.Integer),
        sa.Column("thread", sa.JSON),
        sa.Column("mailbox", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("network", sa.Text),
        sa.Column("made", Instant, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.Text),
        sa.Column("leased_until", Instant),
        sa.Column("code", sa.Integer),
        sa.Column("reply", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notices_state_due", "notices", ["state", "due"])
    for column in ("mailbox", "domain", "network"):
        op.create_index(f"ix_notices_{column}_made", "notices", [column, "made"])
    op.create_index("ix_notices_made", "notices", ["made"])
