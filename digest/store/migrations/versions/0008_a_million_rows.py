"""The ledger for a million rows: claims in the order of an index, small indexes, no foreign keys (docs/adr/0023).

And alarms of which a notice says more than words.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make both indexes anew, and the table where a database can drop no constraint."""
    with op.batch_alter_table("deliveries") as table:
        for column in ("issue_id", "subscriber_id"):
            table.drop_constraint(op.f(f"fk_deliveries_{column}"), type_="foreignkey")
    if op.get_bind().dialect.name == "postgresql":  # else the rows end at two billion
        op.execute("ALTER TABLE deliveries ALTER COLUMN id TYPE BIGINT")
        op.execute("ALTER SEQUENCE deliveries_id_seq AS BIGINT")
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
    _forget_worded_alarms()


def _forget_worded_alarms() -> None:
    """Take out what notices said as words and now say as values; `digest deliveries stops` still tells of each stop."""
    op.execute("DELETE FROM notices WHERE kind = 'alarm'")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("UPDATE notices SET said = CAST(CAST(said AS jsonb) - 'alarm' AS json)")
    else:
        op.execute("UPDATE notices SET said = json_remove(said, '$.alarm')")
