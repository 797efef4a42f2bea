"""How a sample came to people, and with which chance: by that the gate weighs what its correction says.

Of random checks before this, the share that was drawn was not written down. A verdict's sentence about a lower macro-F1
is said as that about any other figure.
"""

from collections.abc import Iterator
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
_REASONS = (_AUDIT, "low_confidence", "unfamiliar")
_AT_ONCE = 500  # answers in memory
_LOWER_F1, _LOWER = "night_worse_macro_f1", "status.night_worse"


def upgrade() -> None:
    op.add_column("samples", sa.Column("stratum", sa.String(20), nullable=True))
    op.add_column("samples", sa.Column("propensity", sa.Double(), nullable=True))
    connection = op.get_bind()
    for reason in _REASONS:
        _write(connection, _SAMPLES.c.reason == reason, _stratum(reason, True))
    for row in _disputed(connection):
        served = row.prediction or {}
        stratum = _stratum(served.get("reason"), bool(served.get("flagged")))
        _write(connection, _SAMPLES.c.sample_id == row.sample_id, stratum)
    for row in connection.execute(sa.select(_RUNS)).all():
        reasons = [_said_otherwise(reason) for reason in row.reasons or ()]
        if reasons != list(row.reasons or ()):
            connection.execute(sa.update(_RUNS).where(_RUNS.c.id == row.id).values(reasons=reasons))


def _disputed(connection: sa.Connection) -> Iterator[Any]:
    """Yield what was disputed: the reason for which it was asked about stands in the answer as served.

    Some at once, for with their maps answers are large.
    """
    query = sa.select(_SAMPLES.c.sample_id, _SAMPLES.c.prediction).where(_SAMPLES.c.reason == _DISPUTED)
    query, after = query.order_by(_SAMPLES.c.sample_id).limit(_AT_ONCE), ""
    while rows := connection.execute(query.where(_SAMPLES.c.sample_id > after)).all():
        yield from rows
        after = rows[-1].sample_id


def _stratum(reason: str | None, flagged: bool) -> str | None:
    if reason == _AUDIT:
        return "audited"
    return "flagged" if flagged and reason in _REASONS else None


def _write(connection: sa.Connection, which: sa.ColumnElement[bool], stratum: str | None) -> None:
    if stratum:
        values = {"stratum": stratum, "propensity": 1.0 if stratum == "flagged" else None}
        connection.execute(sa.update(_SAMPLES).where(which).values(values))


def _said_otherwise(reason: dict[str, Any]) -> dict[str, Any]:
    if not reason.get("key", "").endswith(_LOWER_F1):
        return reason
    return {"key": _LOWER, "values": {"figure": "macro f1", **reason["values"]}}
