"""Which story an article tells, and what was weighed for an issue."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; what is there already was told before stories had threads."""
    op.add_column("articles", sa.Column("thread", sa.Text))
    op.create_index("ix_articles_ingested", "articles", ["ingested"])
    op.add_column("issues", sa.Column("candidates", sa.JSON))
