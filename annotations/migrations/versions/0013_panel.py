"""Samples that came to people by one chance, whether the model was sure or not, judge every version.

Of those before this it is not known with which chance the doubted ones would have been checked: they judge none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("samples", sa.Column("in_panel", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(op.f("ix_samples_task_stratum_state"), "samples", ["task", "stratum", "state"])
    op.create_table(
        "panel_answers",
        sa.Column("sample_id", sa.String(64), nullable=False),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_panel_answers_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", "version", name=op.f("pk_panel_answers")),
    )
