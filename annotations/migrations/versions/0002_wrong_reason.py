"""Corrections say whether the model was right for the wrong reason; earlier ones do not."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("corrections", sa.Column("wrong_reason", sa.Boolean(), nullable=False, server_default=sa.false()))
