"""What a sample is said to be is a value of its task's kind of answer, as long as it may be, and no longer a label.

Nobody reads until when a project was pulled.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_RENAMED = {
    "samples": {"label": "predicted_value"},
    "corrections": {"label": "value", "predicted_label": "predicted_value"},
}


def upgrade() -> None:
    for table, names in _RENAMED.items():
        with op.batch_alter_table(table) as columns:
            for before, after in names.items():
                columns.alter_column(
                    before,
                    new_column_name=after,
                    existing_type=sa.String(200),
                    type_=sa.Text(),
                    existing_nullable=False,
                )
            if table == "samples":
                columns.alter_column("suggested", existing_type=sa.String(200), type_=sa.Text(), existing_nullable=True)
    with op.batch_alter_table("outside_projects") as columns:
        columns.drop_column("pulled_until")
