"""Which correction of a sample counts stands with it, and what pages count is kept counted; indexes hold few rows.

Whose say counts before the majority's no migration knows: the store settles that when it is opened.
"""

import hashlib
import json
from bisect import bisect_right
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_CONTENT = "caption IS NOT NULL OR image IS NOT NULL OR audio IS NOT NULL"
_INDEXES: tuple[tuple[str, str, tuple[str, ...], str | None], ...] = (
    ("ix_samples_task_state_doubt", "samples", ("task", "state", "doubt"), _CONTENT),
    (
        "ix_samples_asked",
        "samples",
        (
            "task",
            "state",
            "forgotten_at",
            "created_at",
            "doubt",
            "sample_id",
            "stratum",
            "propensity",
            "in_panel",
            "split_draw",
            "updated_at",
            "claim_session",
            "claimed_until",
        ),
        "state IN ('queued', 'sent', 'skipped')",
    ),
    (
        "ix_samples_task_stratum_state_model_version_created_at",
        "samples",
        ("task", "stratum", "state", "model_version", "created_at"),
        "stratum IS NOT NULL",
    ),
    ("ix_samples_task_reason_model_version", "samples", ("task", "reason", "model_version"), "reason IS NOT NULL"),
    (
        "ix_samples_task_in_panel_created_at_sample_id",
        "samples",
        ("task", "in_panel", "created_at", "sample_id"),
        "in_panel",
    ),
    ("ix_samples_task_standing_id", "samples", ("task", "standing_id"), "standing_id IS NOT NULL"),
    ("ix_samples_agreed_at_sample_id", "samples", ("agreed_at", "sample_id"), f"({_CONTENT}) AND standing_id IS NULL"),
    ("ix_corrections_corrected_at", "corrections", ("corrected_at",), None),
    (
        "ix_corrections_withdrawn_at_sample_id",
        "corrections",
        ("withdrawn_at", "sample_id"),
        "withdrawn_at IS NOT NULL",
    ),
    ("ix_moves_who_browser_id", "moves", ("who", "browser", "id"), None),
    ("ix_snapshots_run_id_sample_id", "snapshots", ("run_id", "sample_id"), "champion_value IS NOT NULL"),
)
_BORDERS = [percent / 100 for percent in range(1, 101)]
_KEY = 200  # characters of an item
_DIGEST = 16

# Of each person the latest say; of these what most say, and of that the latest
_STANDING = """
WITH say AS (
  SELECT id, sample_id, value, corrected_at,
         row_number() OVER (PARTITION BY sample_id, annotator ORDER BY corrected_at DESC, id DESC) AS nth
  FROM corrections WHERE withdrawn_at IS NULL
), counted AS (
  SELECT id, sample_id, corrected_at, count(*) OVER (PARTITION BY sample_id, value) AS voices FROM say WHERE nth = 1
), ranked AS (
  SELECT id, sample_id,
         row_number() OVER (PARTITION BY sample_id ORDER BY voices DESC, corrected_at DESC, id DESC) AS place
  FROM counted
)
UPDATE samples SET standing_id = ranked.id FROM ranked
WHERE ranked.place = 1 AND ranked.sample_id = samples.sample_id
"""
_COUNTS = (
    "SELECT task, CASE WHEN forgotten_at IS NULL THEN 'kept' ELSE 'forgotten' END, state, count(*) FROM samples "
    "GROUP BY 1, 2, 3",
    f"SELECT task, 'content', state, count(*) FROM samples WHERE {_CONTENT} GROUP BY 1, 2, 3",
    "SELECT task, 'stratum', stratum, count(*) FROM samples WHERE stratum IS NOT NULL GROUP BY 1, 2, 3",
)
_LABELLED = (
    f"SELECT s.task, s.stratum, s.propensity, s.in_panel, s.split_draw, ({_CONTENT}) AS content, c.value, "
    "c.annotator, c.wrong_reason FROM samples s JOIN corrections c ON c.id = s.standing_id"
)


def upgrade() -> None:
    for name, table in (
        ("ix_samples_task_state_doubt", "samples"),
        ("ix_samples_task_stratum_state", "samples"),
        ("ix_samples_task_reason_model_version", "samples"),
    ):
        op.drop_index(name, table)
    op.add_column("samples", sa.Column("standing_id", sa.Integer(), nullable=True))
    tallies = op.create_table(
        "tallies",
        sa.Column("task", sa.String(100), nullable=False),
        sa.Column("about", sa.String(20), nullable=False),
        sa.Column("item", sa.String(_KEY), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("task", "about", "item", name=op.f("pk_tallies")),
    )
    op.execute(_STANDING)
    for name, table, columns, where in _INDEXES:
        condition = None if where is None else sa.text(where)
        sqlite = sa.text("in_panel = 1") if where == "in_panel" else condition
        op.create_index(op.f(name), table, list(columns), sqlite_where=sqlite, postgresql_where=condition)
    connection, counts = op.get_bind(), Counter[tuple[str, str, str]]()
    for statement in _COUNTS:
        for task, about, item, number in connection.execute(sa.text(statement)):
            counts[task, about, item] = number
    for row in connection.execute(sa.text(_LABELLED), execution_options={"yield_per": 1_000}):
        counts[row.task, "value", _item(row.value)] += 1
        counts[row.task, "annotator", _item(row.annotator)] += 1
        if row.wrong_reason:
            counts[row.task, "wrong_reason", ""] += 1
        if row.content:
            percent = bisect_right(_BORDERS, row.split_draw)
            way = [row.stratum, row.propensity, bool(row.in_panel), percent]
            counts[row.task, "usable", json.dumps(way)] += 1
    names = ("task", "about", "item", "number")
    op.bulk_insert(tallies, [dict(zip(names, (*key, number), strict=True)) for key, number in counts.items()])


def _item(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return text if len(text) <= _KEY else f"{text[: _KEY - _DIGEST - 2]}… {digest}"
