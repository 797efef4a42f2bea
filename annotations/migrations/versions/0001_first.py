"""The first tables."""

import sqlalchemy as sa
from alembic import op

from annotations.schema import UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _samples()
    _labels()
    _runs()
    _outside()


def _samples() -> None:
    op.create_table(
        "samples",
        sa.Column("sample_id", sa.String(length=64), nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("modalities", sa.JSON(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=True),
        sa.Column("image", sa.String(length=80), nullable=True),
        sa.Column("audio", sa.String(length=80), nullable=True),
        sa.Column("prediction", sa.JSON(), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("model_version", sa.String(length=200), nullable=False),
        sa.Column("doubt", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("suggested", sa.String(length=200), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("agreed_at", UtcTime(), nullable=False),
        sa.Column("forgotten_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_samples")),
    )
    op.create_index(op.f("ix_samples_audio"), "samples", ["audio"], unique=False)
    op.create_index(op.f("ix_samples_image"), "samples", ["image"], unique=False)
    op.create_index(op.f("ix_samples_task_state_doubt"), "samples", ["task", "state", "doubt"], unique=False)
    op.create_table(
        "holdings",
        sa.Column("prediction_id", sa.String(length=64), nullable=False),
        sa.Column("sample_id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Boolean(), nullable=False),
        sa.Column("holder", sa.String(length=20), nullable=False),
        sa.Column("agreed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_holdings_sample_id")),
        sa.PrimaryKeyConstraint("prediction_id", name=op.f("pk_holdings")),
    )
    op.create_index(op.f("ix_holdings_sample_id"), "holdings", ["sample_id"], unique=False)


def _labels() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("sample_id", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("annotator", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("corrected_at", UtcTime(), nullable=False),
        sa.Column("predicted_label", sa.String(length=200), nullable=False),
        sa.Column("model_version", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("external_id", sa.String(length=100), nullable=True),
        sa.Column("withdrawn_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_corrections_sample_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_sample_id"), "corrections", ["sample_id"], unique=False)
    op.create_index(op.f("ix_corrections_source_external_id"), "corrections", ["source", "external_id"], unique=False)
    op.create_table(
        "moves",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("sample_id", sa.String(length=64), nullable=False),
        sa.Column("move", sa.String(length=20), nullable=False),
        sa.Column("before", sa.String(length=20), nullable=True),
        sa.Column("after", sa.String(length=20), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("correction_id", sa.Integer(), nullable=True),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["correction_id"], ["corrections.id"], name=op.f("fk_moves_correction_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_moves_sample_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moves")),
    )
    op.create_index(op.f("ix_moves_sample_id"), "moves", ["sample_id"], unique=False)
    op.create_index(op.f("ix_moves_who_id"), "moves", ["who", "id"], unique=False)


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("champion", sa.String(length=200), nullable=True),
        sa.Column("challenger", sa.String(length=200), nullable=True),
        sa.Column("snapshot", sa.String(length=64), nullable=True),
        sa.Column("last_correction", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_task_id"), "runs", ["task", "id"], unique=False)
    op.create_table(
        "syncs",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("task", sa.String(length=100), nullable=False),
        sa.Column("system", sa.String(length=20), nullable=False),
        sa.Column("pushed", sa.Integer(), nullable=False),
        sa.Column("pulled", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_syncs")),
    )
    op.create_index(op.f("ix_syncs_task_id"), "syncs", ["task", "id"], unique=False)


def _outside() -> None:
    op.create_table(
        "outside_projects",
        sa.Column("system", sa.String(length=20), nullable=False),
        sa.Column("server", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("pulled_until", UtcTime(), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("system", "server", "name", name=op.f("pk_outside_projects")),
    )
    op.create_table(
        "outside",
        sa.Column("system", sa.String(length=20), nullable=False),
        sa.Column("server", sa.String(length=300), nullable=False),
        sa.Column("sample_id", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("external_id", sa.String(length=100), nullable=False),
        sa.Column("model_version", sa.String(length=200), nullable=False),
        sa.Column("pushed_at", UtcTime(), nullable=False),
        sa.Column("removed_at", UtcTime(), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_outside_sample_id")),
        sa.PrimaryKeyConstraint("system", "server", "sample_id", name=op.f("pk_outside")),
    )
    op.create_index(op.f("ix_outside_external_id"), "outside", ["external_id"], unique=False)
