"""The ledger's claims cost half: no index knows of them, and a lease stands once for all its rows (docs/adr/0025)."""

import sqlalchemy as sa
from alembic import op

from digest.store.tables import Instant

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table of leases, of the claims that there are, and let nothing be due that has ended for good."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "leases",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("claim", sa.Text, nullable=False),
        sa.Column("until", Instant, nullable=False),
        sa.Column("rows", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
    )
    all_of = "json_agg" if on_postgresql else "json_group_array"
    op.execute(
        f"""
        INSERT INTO leases (claim, until, rows)
        SELECT claim, coalesce(max(leased_until), max(changed)), {all_of}(id)
        FROM deliveries WHERE claim IS NOT NULL GROUP BY claim
        """  # noqa: S608 - of our own words alone
    )
    for name in ("ix_deliveries_state_due_id", "ix_deliveries_subscriber_id"):
        op.drop_index(op.f(name), "deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("leased_until")
        table.alter_column("due", existing_type=Instant(), nullable=True)
    if on_postgresql:
        op.execute("ALTER TABLE deliveries SET (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.02)")
    op.execute("UPDATE deliveries SET due = NULL WHERE state IN ('sent', 'failed', 'skipped')")
    some = sa.text("due IS NOT NULL")
    op.create_index(
        op.f("ix_deliveries_due_id"), "deliveries", ["due", "id"], sqlite_where=some, postgresql_where=some
    )
