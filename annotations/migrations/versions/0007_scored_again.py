"""What a later version says of an open sample stands beside what was served, and it is known whose guess is shown."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("samples", sa.Column("scored_by", sa.String(200), nullable=False, server_default=""))
    op.add_column("samples", sa.Column("fresh_prediction", sa.JSON(), nullable=True))
    op.execute("UPDATE samples SET scored_by = model_version")
