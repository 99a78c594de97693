"""The tables. A change here needs a migration; a test holds the two against each other."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(sa.TypeDecorator[datetime]):
    """An aware moment, kept in UTC; SQLite has no zones, so it is made aware again on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Refuse a moment without a zone: which one was meant cannot be known later."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        """Give it back aware."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


articles = sa.Table(
    "articles",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("ingested", Instant, nullable=False),  # the first time; never changed
    sa.Column("content", sa.JSON, nullable=False),
    sa.Index(None, "source", "ingested"),
)

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("not_before", Instant),  # its server asked not to be asked again sooner
)

issues = sa.Table(
    "issues",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("list", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("date", sa.Date, nullable=False),
    sa.Column("closed", Instant, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.UniqueConstraint("list", "date"),
    sa.UniqueConstraint("list", "number"),
)

subscribers = sa.Table(
    "subscribers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("list", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),  # as given
    sa.Column("address_key", sa.Text, nullable=False),  # for finding it, however it is written
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.Column("consent", sa.Text, nullable=False),
    sa.Column("language", sa.Text),
    sa.UniqueConstraint("list", "address_key"),
)

suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("address_key", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.ForeignKey("issues.id"), nullable=False),
    sa.Column("subscriber_id", sa.ForeignKey("subscribers.id"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due", Instant, nullable=False),
    sa.Column("expires", Instant, nullable=False),  # a temporary refusal after this is final
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("claim", sa.Text),
    sa.Column("leased_until", Instant),
    sa.Column("changed", Instant, nullable=False),
    sa.Column("code", sa.Integer),
    sa.Column("enhanced", sa.Text),
    sa.Column("reply", sa.Text),
    sa.UniqueConstraint("issue_id", "subscriber_id"),
    sa.Index(None, "state", "due"),
    sa.Index(None, "subscriber_id"),
)
