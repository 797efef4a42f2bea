"""A move knows the browser that made it, which alone may undo it; of earlier moves nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("moves", sa.Column("browser", sa.String(64), nullable=False, server_default=""))
