"""Corrected samples are pinned as golden."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("samples", sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_samples_pinned_at"), "samples", ["pinned_at"])
