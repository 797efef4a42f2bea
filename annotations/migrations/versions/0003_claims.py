"""A sample can be claimed by who is answering it; what waited before is free."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("samples", sa.Column("claimed_by", sa.String(200), nullable=True))
    op.add_column("samples", sa.Column("claim_session", sa.String(64), nullable=True))
    op.add_column("samples", sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_samples_claim_session", "samples", ["claim_session"])
