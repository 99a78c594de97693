"""Placeholder: which story an article tells, from day to day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("articles", sa.Column("thread", sa.Text))
    op.create_index("ix_articles_thread", "articles", ["thread"])
