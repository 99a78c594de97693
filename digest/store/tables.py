"""The tables. A change here needs a migration; a test holds the two against each other."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
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
    """An aware moment, in UTC on the way out too, though SQLite keeps no zone and PostgreSQL gives its own."""

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
        """Give it back aware, and in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """Read the same moment once: the rows of an issue share theirs."""
        read = super().result_processor(dialect, coltype)
        return read and lru_cache(maxsize=16)(read)


def _only_where(condition: str) -> dict[str, Any]:
    """Keep an index small: only rows are in it of which the condition is true."""
    return {f"{dialect}_where": sa.text(condition) for dialect in ("sqlite", "postgresql")}


articles = sa.Table(
    "articles",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("ingested", Instant, nullable=False),  # the first time; never changed
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("thread", sa.Text),  # which story it tells; none until it has been compared with the others
    sa.Index(None, "source", "ingested"),
    sa.Index(None, "ingested"),
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
    sa.Column("candidates", sa.JSON),  # every story that was weighed for it, best first
    sa.UniqueConstraint("list", "date"),
    sa.UniqueConstraint("list", "number"),
)

variants = sa.Table(
    "variants",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.ForeignKey("issues.id"), nullable=False),
    sa.Column(
        "wishes", sa.Text, nullable=False
    ),  # and what they had before: JSON, the same for all who get it
    sa.Column("stories", sa.JSON, nullable=False),  # the articles that lead its stories, in its order
    sa.Column("threads", sa.JSON),  # what each story is called from day to day; null: as the article
    sa.UniqueConstraint("issue_id", "wishes"),
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
    sa.Column("frequency", sa.Text, nullable=False, server_default="daily"),
    sa.Column("hour", sa.Text),  # 07:00, local to the zone
    sa.Column("zone", sa.Text),
    sa.Column("topics", sa.JSON),
    sa.Column("minutes", sa.Integer),
    sa.Column("format", sa.Text, nullable=False, server_default="html"),
    sa.Column("paused_until", Instant),
    sa.UniqueConstraint("list", "address_key"),
    sa.Index(None, "address_key"),
)

suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("address_key", sa.Text, primary_key=True),  # of one who is forgotten: its keyed hash
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("issue_id", sa.Integer, nullable=False),  # no foreign keys: see docs/adr/0023
    sa.Column("subscriber_id", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due", Instant),  # it does not leave before; null: it has ended for good
    sa.Column("expires", Instant, nullable=False),  # a temporary refusal after this is final
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("claim", sa.Text),
    sa.Column("changed", Instant, nullable=False),
    sa.Column("code", sa.Integer),
    sa.Column("enhanced", sa.Text),
    sa.Column("reply", sa.Text),
    sa.Column("variant_id", sa.Integer),  # the letter that it was
    sa.Column(
        "since", sa.Date
    ),  # of the last issue that the reader's earlier letters hold; null: no letter yet
    sa.Column("feedback", sa.Text),  # what came back of it; null: nothing
    sa.Column("feedback_reason", sa.Text),
    sa.Column("feedback_at", Instant),
    sa.UniqueConstraint("issue_id", "subscriber_id"),
    sa.Index(None, "due", "id", **_only_where("due IS NOT NULL")),
    sa.Index(None, "feedback_at", **_only_where("feedback_at IS NOT NULL")),
    # A claim changes what no index knows: it finds room on the same page. And its index is soon rid of what has left.
    postgresql_with={"fillfactor": 45, "autovacuum_vacuum_scale_factor": 0.02},
)


def put_row(table: sa.Table, *, first_stays: bool = False) -> sa.TextClause:
    """Give the statement, the same for both databases, that writes a row in place of the one that has its key.

    With `first_stays`, that one stays as it is. Neither looks before it writes: of two transactions that write one key
    at once, the second waits for the first.
    """
    (key,) = table.primary_key.columns.keys()
    names = table.columns.keys()
    others = ", ".join(f"{name} = excluded.{name}" for name in names if name != key)
    then = "NOTHING" if first_stays else f"UPDATE SET {others}"
    return sa.text(
        f"""
        INSERT INTO {table.name} ({", ".join(names)}) VALUES ({", ".join(f":{name}" for name in names)})
        ON CONFLICT ({key}) DO {then}
        """  # noqa: S608 - of our own words alone
    ).bindparams(*(sa.bindparam(column.name, type_=column.type) for column in table.columns))


def of_readers(ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """Tell which deliveries are for some readers: asked issue by issue, since so their index begins."""
    return deliveries.c.issue_id.in_(sa.select(issues.c.id)) & deliveries.c.subscriber_id.in_(ids)


leases = sa.Table(
    "leases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("claim", sa.Text, nullable=False),
    sa.Column("until", Instant, nullable=False),
    sa.Column("rows", sa.JSON, nullable=False),  # ids of deliveries, as they were claimed
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # never used again: old links name it
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
    sa.Index(None, "address_key"),
    sqlite_autoincrement=True,
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("list", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("language", sa.Text),
    sa.Column("said", sa.JSON, nullable=False),
    sa.Column("subscriber_id", sa.Integer),
    sa.Column("request_id", sa.Integer),
    sa.Column("thread", sa.JSON),
    sa.Column("mailbox", sa.Text, nullable=False),  # the address as caps count it
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("network", sa.Text),  # a keyed hash of where the wish came from
    sa.Column("made", Instant, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due", Instant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("claim", sa.Text),
    sa.Column("leased_until", Instant),
    sa.Column("code", sa.Integer),
    sa.Column("reply", sa.Text),
    sa.Index(None, "state", "due"),
    sa.Index(None, "mailbox", "made"),
    sa.Index(None, "domain", "made"),
    sa.Index(None, "network", "made"),
    sa.Index(None, "made"),
    sqlite_autoincrement=True,
)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("subject", sa.Text),  # a keyed hash of the address; none once it is forgotten
    sa.Column("content", sa.Text),  # JSON; none once it is forgotten
    sa.Column("salt", sa.Text),  # so that the hash of what is forgotten cannot be guessed
    sa.Column("hash", sa.Text, nullable=False),  # of salt and content
    sa.Column("link", sa.Text, nullable=False),  # of the link before, the moment and the hash
    sa.Index(None, "subject"),
    sqlite_autoincrement=True,
)

handled = sa.Table(
    "handled",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # of a mail or a form: a hash
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "at"),
)

votes = sa.Table(
    "votes",
    metadata,
    sa.Column("subscriber_id", sa.ForeignKey("subscribers.id"), primary_key=True),
    sa.Column("article_id", sa.Text, primary_key=True),  # that leads the story
    sa.Column("list", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("network", sa.Text),  # a keyed hash of where it came from; not kept for long
    sa.Index(None, "article_id"),
    sa.Index(None, "list", "at"),
)

paces = sa.Table(
    "paces",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # all, relay, @ and a domain, warm-up: and ours
    sa.Column("free", Instant),  # nothing more leaves before it
    sa.Column("taken", sa.JSON),  # slots beyond it: microseconds since 1970
    sa.Column("tail", Instant),  # until when those are spread out that found no slot
    sa.Column("rate", sa.Float),  # learnt, mails a second; null: none but the settings'
    sa.Column("refused", sa.Float),  # the speed that was refused last
    sa.Column("cut", Instant),  # when the rate was last made lower
    sa.Column("heard", Instant),  # when it was last refused
    sa.Column(
        "count", sa.Integer, nullable=False, server_default="0"
    ),  # taken since; relay: failures in a row
)

canaries = sa.Table(
    "canaries",
    metadata,
    sa.Column("issue_id", sa.ForeignKey("issues.id"), primary_key=True),
    sa.Column("began", Instant, nullable=False),
    sa.Column("opens", Instant, nullable=False),  # when the other readers are due
    sa.Column(
        "every", sa.Integer, nullable=False
    ),  # subscribers in the wave, by the remainder; 0: none but the seeds
    sa.Column("seeds", sa.JSON, nullable=False),  # ids of subscribers
    sa.Column("readers", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("verdict", sa.Text),  # null: it is being watched
)

stops = sa.Table(
    "stops",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.ForeignKey("issues.id")),  # null: everything
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("lifted", Instant),  # null: it holds
    sa.Index(None, "lifted"),
)

scores = sa.Table(
    "scores",
    metadata,
    sa.Column("address_key", sa.Text, primary_key=True),
    sa.Column("score", sa.Float, nullable=False),  # as it was then; it fades
    sa.Column("at", Instant, nullable=False),
    sa.Column("warnings", sa.Integer, nullable=False),  # letters that warn, since they began to come back
    sa.Column("warned", Instant),  # when the last one was written
    sa.Column("notice_id", sa.Integer),  # that letter
    sa.Column("returned", sa.Boolean, nullable=False),  # whether it came back
    sa.Index(None, "at"),
)
