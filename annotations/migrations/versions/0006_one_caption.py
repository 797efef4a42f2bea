"""One caption in several spellings is one sample, and who is held out is kept with the row.

Rows keep their ids. A caption alone gets an alias, what it is hashed to from now on; beside a picture or sound its
digest waits for them to come again. Of copies of one sample, all go to the side of the one that was trained on.
Annotators who were two by their spelling become one.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from annotations.acquisition import strata
from annotations.store.samples import caption_digest
from mmdemo import characters, decode
from mmdemo.values.samples import Inputs

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SAMPLES = sa.table(
    "samples",
    *map(sa.column, ("sample_id", "task", "caption", "image", "audio", "created_at")),
    *map(sa.column, ("split_draw", "caption_digest")),
)
_ALIASES = sa.table("sample_aliases", sa.column("alias"), sa.column("sample_id"))


def upgrade() -> None:
    op.create_table(
        "sample_aliases",
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("sample_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.sample_id"], name=op.f("fk_sample_aliases_sample_id")),
        sa.PrimaryKeyConstraint("alias", name=op.f("pk_sample_aliases")),
    )
    op.create_index(op.f("ix_sample_aliases_sample_id"), "sample_aliases", ["sample_id"])
    op.add_column("samples", sa.Column("split_draw", sa.Double(), nullable=False, server_default="0"))
    for name in ("original_digest", "caption_digest"):
        op.add_column("samples", sa.Column(name, sa.String(64), nullable=True))
        op.create_index(op.f(f"ix_samples_{name}"), "samples", [name])
    connection = op.get_bind()
    rows = connection.execute(sa.select(_SAMPLES).order_by(_SAMPLES.c.created_at, _SAMPLES.c.sample_id)).all()
    _update(connection, _SAMPLES, "sample_id", ["split_draw", "caption_digest"], list(_changes(rows)))
    ids = {row.sample_id for row in rows}
    aliases: dict[str, str] = {}
    for row in rows:
        if row.caption is not None and row.image is None and row.audio is None:
            aliases.setdefault(decode.sample_id(Inputs(text=row.caption), row.task), row.sample_id)
    new = [{"alias": alias, "sample_id": name} for alias, name in aliases.items() if alias not in ids]
    if new:
        connection.execute(sa.insert(_ALIASES), new)
    for table, column in (("corrections", "annotator"), ("moves", "who")):
        _spell(connection, table, column)


def _changes(rows: Any) -> Iterator[dict[str, Any]]:
    """Yield for each row its draw, and the digest of a caption that stands in another form."""
    draws: dict[tuple[Any, ...], float] = {}
    for row in rows:
        draws[_likeness(row)] = max(draws.get(_likeness(row), 0.0), strata.held_out_draw(row.sample_id))
    for row in rows:
        odd = row.caption is not None and characters.canonical(row.caption) != row.caption
        digest = caption_digest(row.caption) if odd else None
        yield {"sample_id": row.sample_id, "split_draw": draws[_likeness(row)], "caption_digest": digest}


def _likeness(row: Any) -> tuple[Any, ...]:
    if row.caption is None:
        return (row.sample_id,)
    return (row.task, characters.canonical(row.caption), row.image, row.audio)


def _update(connection: sa.Connection, table: Any, key: str, columns: list[str], rows: list[dict[str, Any]]) -> None:
    if rows:
        values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in columns}
        statement = sa.update(table).where(table.c[key] == sa.bindparam("row_key")).values(values)
        parameters = [{"row_key": row[key], **{f"new_{name}": row[name] for name in columns}} for row in rows]
        connection.execute(statement, parameters)


def _spell(connection: sa.Connection, name: str, column: str) -> None:
    table = sa.table(name, sa.column(column))
    for (who,) in connection.execute(sa.select(table.c[column]).distinct()).all():
        form = characters.canonical_name(who)
        if form and form != who:
            connection.execute(sa.update(table).where(table.c[column] == who).values({column: form}))
