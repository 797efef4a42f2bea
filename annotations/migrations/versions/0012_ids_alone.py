"""Of what was erased before this release its id alone stays, as of what is erased since; reasons name no files.

Their old words still stand in the tables' files then: the next round wipes them, as after any erasure.
"""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ERASED = (
    "(SELECT sample_id FROM samples WHERE forgotten_at IS NOT NULL "
    "AND caption IS NULL AND image IS NULL AND audio IS NULL)"
)
_FILE = re.compile(r" [0-9a-f]{2}/[0-9a-f]{62}\.\w+")  # a name under the media folder, behind a sample's id


def upgrade() -> None:
    op.execute(
        "UPDATE corrections SET value = '', predicted_value = '', note = '', "
        f"withdrawn_at = coalesce(withdrawn_at, corrected_at) WHERE sample_id IN {_ERASED}"
    )
    op.execute(
        "UPDATE samples SET prediction = NULL, fresh_prediction = NULL, predicted_value = '', "
        f"confidence = 0, doubt = 0 WHERE sample_id IN {_ERASED}"
    )
    facts = sa.table("facts", sa.column("name", sa.String), sa.column("value", sa.JSON))
    op.execute(sa.delete(facts).where(facts.c.name == "erased"))
    op.bulk_insert(facts, [{"name": "erased", "value": {"due": True}}])
    runs = sa.table("runs", sa.column("id", sa.Integer), sa.column("reasons", sa.JSON))
    connection = op.get_bind()
    for number, reasons in connection.execute(sa.select(runs.c.id, runs.c.reasons)).all():
        written = json.dumps(reasons)
        if (ids_alone := _FILE.sub("", written)) != written:
            connection.execute(sa.update(runs).where(runs.c.id == number).values(reasons=json.loads(ids_alone)))
