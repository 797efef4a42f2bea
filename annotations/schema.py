"""The tables. Every sample keeps the version that predicted it; rows change state and are never deleted.

Content is what a visitor sent: caption, media, and the caption's words inside the stored explanation. It hangs on the
consents in `holdings` and goes when the last of them goes. `migrations/` builds what stands here.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import JSON, DateTime, ForeignKey, Index, MetaData, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from annotations.acquisition import strata
from annotations.acquisition.strata import AUDITED
from mmdemo import characters

HEAD = "0016"  # the newest migration; a test compares it with the folder


# Partial indexes hold few of many rows. SQLite uses one where the question repeats these very words.
CONTENT = "caption IS NOT NULL OR image IS NOT NULL OR audio IS NOT NULL"
ASKED = "state IN ('queued', 'sent', 'skipped')"  # people are asked about it, or were and put it off
_TURN = ("created_at", "doubt", "sample_id", "stratum", "propensity", "in_panel", "split_draw", "updated_at")
_CLAIM = ("claim_session", "claimed_until")


def _of_some(*columns: str, where: str, sqlite: str = "", name: str | None = None) -> Index:
    """Return an index of the rows that are `where`; `sqlite`: how that is said there, where it is said otherwise."""
    conditions = sqlalchemy.text(sqlite or where), sqlalchemy.text(where)
    return Index(name, *columns, sqlite_where=conditions[0], postgresql_where=conditions[1])


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class String(TypeDecorator[str]):
    """A text of limited length, with U+FFFD for what no database stores: also where a row is looked for by it."""

    impl = sqlalchemy.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else characters.storable(value)


class Text(String):
    """The same without a limit."""

    impl = sqlalchemy.Text
    cache_ok = True


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcTime, dict[str, Any]: JSON(none_as_null=True), list[str]: JSON}  # noqa: RUF012 - as SQLAlchemy wants


def _drawn(context: Any) -> float:
    return strata.held_out_draw(context.get_current_parameters()["sample_id"])


def _answered_by(context: Any) -> str:
    return context.get_current_parameters()["model_version"]


class SampleRow(Base):
    """One input to one task; `sample_id` is the hash of both, as the release that made the row hashed them."""

    __tablename__ = "samples"
    __table_args__ = (
        _of_some("task", "state", "doubt", where=CONTENT),
        # All that decides whose turn it is: rows themselves, with their maps, are large
        _of_some("task", "state", "forgotten_at", *_TURN, *_CLAIM, where=ASKED, name="ix_samples_asked"),
        _of_some("task", "stratum", "state", "model_version", "created_at", where="stratum IS NOT NULL"),
        _of_some("task", "reason", "model_version", where="reason IS NOT NULL"),
        _of_some("task", "in_panel", "created_at", "sample_id", where="in_panel", sqlite="in_panel = 1"),
        _of_some("task", "standing_id", where="standing_id IS NOT NULL"),
        _of_some("agreed_at", "sample_id", where=f"({CONTENT}) AND standing_id IS NULL"),
    )

    sample_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    task: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(20))  # one of mmdemo.values.review.SampleState
    modalities: Mapped[list[str]]
    caption: Mapped[str | None] = mapped_column(Text)
    image: Mapped[str | None] = mapped_column(String(80), index=True)  # name under the media folder
    audio: Mapped[str | None] = mapped_column(String(80), index=True)
    prediction: Mapped[dict[str, Any] | None]  # as served; None where nobody predicted (an import)
    predicted_value: Mapped[str] = mapped_column(Text)  # as served; "" where nobody predicted
    confidence: Mapped[float]
    model_version: Mapped[str] = mapped_column(String(200))
    # What another version, which serves since, says of it: shown to whoever answers, and forgotten with the content
    fresh_prediction: Mapped[dict[str, Any] | None]
    scored_by: Mapped[str] = mapped_column(String(200), default=_answered_by)  # whose guess is shown: see `predictions`
    doubt: Mapped[float]  # of that guess; bigger: ask first
    reason: Mapped[str | None] = mapped_column(String(20))
    suggested: Mapped[str | None] = mapped_column(Text)  # what a visitor said it should be
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    agreed_at: Mapped[datetime]  # the latest consent to keep the inputs: retention counts from here
    forgotten_at: Mapped[datetime | None]  # content was erased then
    claimed_by: Mapped[str | None] = mapped_column(String(200))  # who is answering it; "" before a name was given
    claim_session: Mapped[str | None] = mapped_column(String(64), index=True)  # … in which browser
    claimed_until: Mapped[datetime | None]  # a claim that is not renewed ends then by itself
    stratum: Mapped[str | None] = mapped_column(
        String(20)
    )  # how it came to people, None: drawn by nobody; see `strata`
    propensity: Mapped[float | None]  # with which chance; None: it was not written down
    in_panel: Mapped[bool] = mapped_column(default=False)  # it judges every version: see `strata`
    split_draw: Mapped[float] = mapped_column(default=_drawn)  # in [0, 1): under the task's share it is held out
    pinned_at: Mapped[datetime | None] = mapped_column(index=True)  # as golden: see `annotations.golden`
    original_digest: Mapped[str | None] = mapped_column(String(64), index=True)  # Inputs.original, with the content
    # Of the canonical caption, where the id was made of another form of it: an earlier release's row
    caption_digest: Mapped[str | None] = mapped_column(String(64), index=True)

    # Its correction that counts, None: none stands. `store.standing` keeps it; a row in memory may be behind.
    standing_id: Mapped[int | None]

    @property
    def is_check(self) -> bool:
        """Whether it was drawn at random to judge versions, whatever was said of it since: people answer it blind.

        Beside the guess of one version the answer would favour that one over those it is compared with.
        """
        return self.stratum == AUDITED or self.in_panel

    def release(self) -> None:
        """End a claim, whoever holds it."""
        self.claimed_by = self.claim_session = self.claimed_until = None

    @property
    def has_content(self) -> bool:
        """Whether there is anything left to look at or to train on."""
        return self.caption is not None or self.image is not None or self.audio is not None


class PanelAnswerRow(Base):
    """What one version answered to one sample of the panel: as it was served, or once it served itself."""

    __tablename__ = "panel_answers"

    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True)
    version: Mapped[str] = mapped_column(String(200), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    confidence: Mapped[float]  # mmdemo.values.promise.NEVER: people are asked whatever the threshold


class SampleAliasRow(Base):
    """Another id of a sample: what it is hashed to today, where its row was made when that was otherwise."""

    __tablename__ = "sample_aliases"

    alias: Mapped[str] = mapped_column(String(64), primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), index=True)


class ConsentRow(Base):
    """One consent to keep one sample. The id is told to its sender alone."""

    __tablename__ = "holdings"

    prediction_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), index=True)
    content: Mapped[bool]  # the inputs too, not only the row: the answer was flagged or disputed
    holder: Mapped[str] = mapped_column(String(20))  # one of review_queue.content.Holder
    agreed_at: Mapped[datetime]


class CorrectionRow(Base):
    """What a person said a sample is; which of those that stand counts, `store.labels` says."""

    __tablename__ = "corrections"
    __table_args__ = (
        Index(None, "source", "external_id"),
        Index(None, "corrected_at"),
        _of_some("withdrawn_at", "sample_id", where="withdrawn_at IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), index=True)
    value: Mapped[str] = mapped_column(Text)
    annotator: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text)
    wrong_reason: Mapped[bool]  # the guess was right, but the model looked at the wrong thing
    corrected_at: Mapped[datetime]
    predicted_value: Mapped[str] = mapped_column(Text)
    model_version: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(20))  # one of mmdemo.values.review.CorrectionSource
    external_id: Mapped[str | None] = mapped_column(String(100))  # the annotation's id where it came from
    withdrawn_at: Mapped[datetime | None]  # undone here, or deleted where it came from


class MoveRow(Base):
    """The log of moves: who took which sample from which state to which; undo reads it backwards."""

    __tablename__ = "moves"
    __table_args__ = (Index(None, "who", "id"), Index(None, "who", "browser", "id"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), index=True)
    move: Mapped[str] = mapped_column(String(20))  # a key of review_queue.MOVES, or forget, expire
    before: Mapped[str | None] = mapped_column(String(20))
    after: Mapped[str] = mapped_column(String(20))
    who: Mapped[str] = mapped_column(String(200))  # annotator, or "" for a visitor
    browser: Mapped[str] = mapped_column(
        String(64)
    )  # that may undo it: its mark, or mmdemo.values.review.SCRIPTS, or ""
    at: Mapped[datetime]
    correction_id: Mapped[int | None] = mapped_column(ForeignKey("corrections.id"))
    undone_at: Mapped[datetime | None]

    correction: Mapped[CorrectionRow | None] = relationship()  # written together, without a look at its id in between


class RunRow(Base):
    """One night of one task."""

    __tablename__ = "runs"
    __table_args__ = (Index(None, "task", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    task: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(20))  # one of mmdemo.values.review.RunState
    verdict: Mapped[str | None] = mapped_column(String(20))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # review.Reason: any language can say it
    figures: Mapped[dict[str, Any]]
    champion: Mapped[str | None] = mapped_column(String(200))
    challenger: Mapped[str | None] = mapped_column(String(200))
    snapshot: Mapped[str | None] = mapped_column(String(64))  # hash of the rows that it read
    corrections: Mapped[int | None]  # rows of that snapshot; None: an earlier release did not write it down
    last_correction: Mapped[int]  # id of the newest correction it saw: later ones are new
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class SnapshotRow(Base):
    """One correction as a run that trained read it, and what both of its versions answered where it was held out."""

    __tablename__ = "snapshots"
    __table_args__ = (_of_some("run_id", "sample_id", where="champion_value IS NOT NULL"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True, index=True)
    value: Mapped[str] = mapped_column(Text)
    split: Mapped[str] = mapped_column(String(20))  # train | held_out | golden | suspect | copy
    champion_value: Mapped[str | None] = mapped_column(Text)  # None: not asked, or it could not be judged
    challenger_value: Mapped[str | None] = mapped_column(Text)
    champion_confidence: Mapped[float | None]  # None: as with the value, or an earlier release did not write it down
    challenger_confidence: Mapped[float | None]


class SyncRow(Base):
    """One round with an outside annotation server."""

    __tablename__ = "syncs"
    __table_args__ = (Index(None, "task", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    task: Mapped[str] = mapped_column(String(100))
    system: Mapped[str] = mapped_column(String(20))
    pushed: Mapped[int]
    pulled: Mapped[int]
    at: Mapped[datetime]


class TallyRow(Base):
    """How many samples of a task are so: kept beside them, in the same transactions. See `store.tallies`."""

    __tablename__ = "tallies"

    task: Mapped[str] = mapped_column(String(100), primary_key=True)
    about: Mapped[str] = mapped_column(String(20), primary_key=True)  # one of store.tallies.Counted
    item: Mapped[str] = mapped_column(String(200), primary_key=True)
    number: Mapped[int]


class FactRow(Base):
    """What the store knows of itself, by name: see `store.facts`."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSON)


class RemoteProjectRow(Base):
    """Where a task lives on an outside server."""

    __tablename__ = "outside_projects"

    system: Mapped[str] = mapped_column(String(20), primary_key=True)
    server: Mapped[str] = mapped_column(String(300), primary_key=True)  # the random id in the project's description
    name: Mapped[str] = mapped_column(String(100), primary_key=True)  # the task's name, or "media"
    project: Mapped[str] = mapped_column(String(100))
    extra: Mapped[dict[str, Any]]


class RemoteLinkRow(Base):
    """Where a sample lives on an outside server."""

    __tablename__ = "outside"

    system: Mapped[str] = mapped_column(String(20), primary_key=True)
    server: Mapped[str] = mapped_column(String(300), primary_key=True)
    sample_id: Mapped[str] = mapped_column(ForeignKey("samples.sample_id"), primary_key=True)
    project: Mapped[str] = mapped_column(String(100))
    external_id: Mapped[str] = mapped_column(String(100), index=True)  # the task's id there
    model_version: Mapped[str] = mapped_column(String(200))  # `scored_by` of the sample when its guess lay there last
    pushed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]  # taken back there after it was forgotten here
    extra: Mapped[dict[str, Any]]  # such as the ids of the uploaded files


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)
