"""The store knows facts of itself; notes about samples that were forgotten before go with them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "facts",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
    op.execute(
        "UPDATE corrections SET note = '' WHERE sample_id IN "
        "(SELECT sample_id FROM samples WHERE forgotten_at IS NOT NULL)"
    )
