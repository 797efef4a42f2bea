"""How often the answers of one version are disputed is asked with every sure answer."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_samples_task_reason_model_version"), "samples", ["task", "reason", "model_version"])
