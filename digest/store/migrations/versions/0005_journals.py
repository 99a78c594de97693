"""What is on the wire is no state of a row any more: the journal of its process knows."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Settle what an older version left in the middle: its journal cannot be asked, since it kept none."""
    nobody = "claim = NULL, leased_until = NULL"
    op.execute(f"UPDATE deliveries SET state = 'in-doubt', {nobody} WHERE state = 'transmitting'")  # noqa: S608
    op.execute(f"UPDATE deliveries SET state = 'queued', {nobody} WHERE state = 'claimed'")  # noqa: S608
