"""How a sample came to people, and with which chance: by that the gate weighs what its correction says.

Of random checks before this, the share that was drawn was not written down. A verdict's sentence about a lower macro-F1
is said as that about any other figure.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SAMPLES = sa.table(
    "samples",
    sa.column("sample_id"),
    sa.column("reason"),
    sa.column("prediction", sa.JSON()),
    sa.column("stratum"),
    sa.column("propensity"),
)
_RUNS = sa.table("runs", sa.column("id"), sa.column("reasons", sa.JSON()))
_DISPUTED, _AUDIT = "disputed", "audit"
_LOWER_F1, _LOWER = "night_worse_macro_f1", "status.night_worse"


def upgrade() -> None:
    op.add_column("samples", sa.Column("stratum", sa.String(20), nullable=True))
    op.add_column("samples", sa.Column("propensity", sa.Double(), nullable=True))
    connection = op.get_bind()
    rows = connection.execute(sa.select(_SAMPLES).where(_SAMPLES.c.reason.is_not(None))).all()
    for row in rows:
        stratum = _stratum(row)
        if stratum:
            values = {"stratum": stratum, "propensity": 1.0 if stratum == "flagged" else None}
            connection.execute(sa.update(_SAMPLES).where(_SAMPLES.c.sample_id == row.sample_id).values(values))
    for row in connection.execute(sa.select(_RUNS)).all():
        reasons = [_said_otherwise(reason) for reason in row.reasons or ()]
        if reasons != list(row.reasons or ()):
            connection.execute(sa.update(_RUNS).where(_RUNS.c.id == row.id).values(reasons=reasons))


def _stratum(row: Any) -> str | None:
    """Return it; of what was disputed since, the reason for which it was asked about stands in the answer as served."""
    served = row.prediction or {}
    reason = served.get("reason") if row.reason == _DISPUTED else row.reason
    if reason == _AUDIT:
        return "audited"
    doubted = row.reason != _DISPUTED or served.get("flagged")
    return "flagged" if doubted and reason in ("low_confidence", "unfamiliar") else None


def _said_otherwise(reason: dict[str, Any]) -> dict[str, Any]:
    if not reason.get("key", "").endswith(_LOWER_F1):
        return reason
    return {"key": _LOWER, "values": {"figure": "macro f1", **reason["values"]}}
