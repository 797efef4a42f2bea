"""What a run learned from and was judged on is kept with it, and no longer its digest alone.

Of earlier runs it is not known.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("corrections", sa.Integer(), nullable=True))
    op.create_table(
        "snapshots",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("sample_id", sa.String(64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("split", sa.String(20), nullable=False),
        sa.Column("champion_value", sa.Text(), nullable=True),
        sa.Column("challenger_value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_snapshots_run_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_snapshots_sample_id")),
        sa.PrimaryKeyConstraint("run_id", "sample_id", name=op.f("pk_snapshots")),
    )
    op.create_index(op.f("ix_snapshots_sample_id"), "snapshots", ["sample_id"])
