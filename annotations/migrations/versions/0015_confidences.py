"""How sure both versions of a run were of what they were judged on is kept too; of earlier runs it is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("champion_confidence", sa.Double(), nullable=True))
    op.add_column("snapshots", sa.Column("challenger_confidence", sa.Double(), nullable=True))
