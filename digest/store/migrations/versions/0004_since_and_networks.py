"""What a reader had before a letter, and the networks that votes come from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; what is null in them is as it was."""
    op.add_column("deliveries", sa.Column("since", sa.Date))
    op.add_column("variants", sa.Column("threads", sa.JSON))
    op.add_column("votes", sa.Column("network", sa.Text))
