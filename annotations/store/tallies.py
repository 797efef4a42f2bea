"""How many samples are so: counted as they change, in the same transaction, so that nobody goes through all of them.

Whatever changes a sample, its corrections or its answers in a `TallyingSession` is counted when that commits: what a
sample counted for before is taken away, what it counts for since is added. A transaction that does not come to its end
leaves rows and tallies as they were. Statements that pass the session by say so with `touch`.
"""

import hashlib
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, event, func, select, text
from sqlalchemy.orm import Session

from annotations.acquisition.strata import AUDITED, Draw, is_set_aside
from annotations.schema import CorrectionRow, PanelAnswerRow, SampleRow, TallyRow
from annotations.store import order, standing
from annotations.store.samples import AT_ONCE, HAS_CONTENT, parts
from mmdemo.values.review import WAITING, SampleState

Tally = tuple[str, str, str]  # task, about, item
FORGOTTEN = "forgotten"  # how samples without content are counted, whatever their state was
_BEFORE, _UNSETTLED, _CHANGES = "tallied_before", "unsettled", "changes"  # what a session knows of its transaction
_BORDERS = [percent / 100 for percent in range(1, 101)]  # of draws: see `count_set_aside`
_ITEM = 200  # characters of an item
_DIGEST = 16  # … of which so many tell long ones apart
_ADD = text(
    "INSERT INTO tallies (task, about, item, number) VALUES (:task, :about, :item, :number) "
    "ON CONFLICT (task, about, item) DO UPDATE SET number = tallies.number + excluded.number"
)
# What counts nothing says nothing: a value may be somebody's words
_CLEAR = text("DELETE FROM tallies WHERE task = :task AND about = :about AND item = :item AND number = 0")


class Counted(StrEnum):
    """What is counted, and by which item."""

    KEPT = "kept"  # samples that were not erased, by state
    FORGOTTEN = "forgotten"  # those that were, by state
    CONTENT = "content"  # those with content, by state
    STRATUM = "stratum"  # samples, by stratum
    VALUE = "value"  # samples that are answered, by the value that counts
    ANNOTATOR = "annotator"  # … by whose correction counts
    WRONG_REASON = "wrong_reason"  # … of which that says: right for the wrong reason
    USABLE = "usable"  # samples that are answered and have their content, by all that sets them aside
    PANEL = "panel"  # changes of the panel and of random checks: of samples, of their answers, of what people say
    SNAPSHOTS = "snapshots"  # changes of what runs read, by run


GROWING = (Counted.PANEL, Counted.SNAPSHOTS)  # numbers of changes: another number says that something is otherwise


class TallyingSession(Session):
    """A session that keeps the tallies, and which correction of a sample counts."""


@event.listens_for(TallyingSession, "before_flush")
def _before_flush(session: TallyingSession, *_: object) -> None:
    rows = [*session.new, *(row for row in session.dirty if session.is_modified(row))]
    touch(session, {row.sample_id for row in rows if isinstance(row, SampleRow | CorrectionRow | PanelAnswerRow)})
    corrected = {row.sample_id for row in rows if isinstance(row, CorrectionRow)}
    session.info.setdefault(_UNSETTLED, set()).update(corrected)


@event.listens_for(TallyingSession, "after_flush")
def _after_flush(session: TallyingSession, *_: object) -> None:
    standing.settle(session, session.info.pop(_UNSETTLED, set()))


@event.listens_for(TallyingSession, "before_commit")
def _before_commit(session: TallyingSession) -> None:
    session.flush()
    before: dict[str, set[Tally]] = session.info.pop(_BEFORE, {})
    after = _counted(session, before)
    changes: Counter[Tally] = session.info.pop(_CHANGES, Counter())
    for sample_id, earlier in before.items():
        current = after.get(sample_id, set())
        in_panel = {tally for tally in {*earlier, *current} if tally[1] in GROWING}
        changes.update(tally for tally in current if tally not in in_panel)
        changes.subtract(tally for tally in earlier if tally not in in_panel)
        changes.update(in_panel)  # this number only grows
    _add(session, changes)


@event.listens_for(TallyingSession, "after_soft_rollback")
def _after_rollback(session: TallyingSession, _: object) -> None:
    for name in (_BEFORE, _UNSETTLED, _CHANGES):
        session.info.pop(name, None)


def touch(session: Session, sample_ids: Collection[str]) -> None:
    """Take note of what samples count for, before they are changed."""
    before: dict[str, set[Tally]] = session.info.setdefault(_BEFORE, {})
    unknown = set(sample_ids) - before.keys()
    before.update({**{name: set() for name in unknown}, **_counted(session, unknown)})


def note_snapshots(session: Session, run_ids: Collection[int]) -> None:
    """Take note that what these runs read is otherwise from now on."""
    session.info.setdefault(_CHANGES, Counter()).update(("", Counted.SNAPSHOTS, str(number)) for number in set(run_ids))


def recount(session: Session) -> None:
    """Count all samples anew."""
    session.execute(delete(TallyRow).where(TallyRow.about.not_in(GROWING)))
    numbers, after = Counter[Tally](), ""
    names = select(SampleRow.sample_id).order_by(SampleRow.sample_id).limit(AT_ONCE)
    while some := session.scalars(names.where(SampleRow.sample_id > after)).all():
        for one in _counted(session, some).values():
            numbers.update(one)
        after = some[-1]
    _add(session, numbers)


def by_item(session: Session, task: str, about: Counted) -> dict[str, int]:
    """Return item → how many there are of a task, most first."""
    query = select(TallyRow.item, TallyRow.number).where(TallyRow.task == task, TallyRow.about == about)
    return dict(session.execute(query.order_by(TallyRow.number.desc(), TallyRow.item)).all())


def by_task(session: Session, tasks: Collection[str], about: Counted, *items: str) -> dict[str, int]:
    """Return task → how many there are of these items, of each of these tasks."""
    query = select(TallyRow.task, func.sum(TallyRow.number)).where(TallyRow.about == about, TallyRow.item.in_(items))
    counts = dict(session.execute(query.where(TallyRow.task.in_(tasks)).group_by(TallyRow.task)).all())
    return {task: int(counts.get(task, 0)) for task in tasks}


def count_by_state(session: Session, task: str) -> dict[str, int]:
    """Return state → samples of a task; those whose content was erased after the fact count as FORGOTTEN."""
    gone = sum(by_item(session, task, Counted.FORGOTTEN).values())
    return by_item(session, task, Counted.KEPT) | ({FORGOTTEN: gone} if gone else {})


def count_sure(session: Session, task: str, checked: str) -> tuple[int, int]:
    """Return how many samples are of the stratum `checked`, and how many sure answers there are with them."""
    checks = by_item(session, task, Counted.STRATUM).get(checked, 0)
    states = (by_item(session, task, about) for about in (Counted.KEPT, Counted.FORGOTTEN))
    return checks, checks + sum(numbers.get(SampleState.UNFLAGGED, 0) for numbers in states)


def count_with_content(session: Session) -> int:
    """Return how many samples have anything left to look at."""
    return session.scalar(select(func.sum(TallyRow.number)).where(TallyRow.about == Counted.CONTENT)) or 0


def waiting_elsewhere(session: Session, tasks: Collection[str]) -> dict[str, int]:
    """Return task → samples that wait, of all but these tasks, in the order of the alphabet."""
    query = select(TallyRow.task, func.sum(TallyRow.number)).where(TallyRow.about == Counted.CONTENT)
    query = query.where(TallyRow.item.in_(WAITING), TallyRow.task.not_in(tasks))
    return dict(session.execute(query.group_by(TallyRow.task).order_by(TallyRow.task)).all())


def task_names(session: Session) -> list[str]:
    """Return the tasks that have samples, in the order of the alphabet."""
    query = select(TallyRow.task).where(TallyRow.about.in_((Counted.KEPT, Counted.FORGOTTEN))).distinct()
    return list(session.scalars(query.order_by(TallyRow.task)))


def count_set_aside(session: Session, task: str, share: float) -> dict[Draw, int]:
    """Return how answered samples with content were drawn that are set aside, where a `share` is, → how many.

    They are counted by percents of their draws; a share between two percents takes a look at all of them.
    """
    counts = Counter[Draw]()
    if share in (0.0, *_BORDERS):
        for item, number in by_item(session, task, Counted.USABLE).items():
            stratum, propensity, in_panel, percent = json.loads(item)
            if is_set_aside(_CountedDraw(stratum, propensity, in_panel, percent / 100), share):
                counts[Draw(stratum, propensity)] += number
        return dict(counts)
    way = (SampleRow.stratum, SampleRow.propensity)
    query = select(*way, func.count()).where(SampleRow.task == task, SampleRow.standing_id.is_not(None), HAS_CONTENT)
    query = query.where(order.sets_aside(share)).group_by(*way)
    return {Draw(stratum, chance): count for stratum, chance, count in session.execute(query)}


def panel_changes(session: Session, task: str) -> int:
    """Return how often the panel of a task changed so far, or what is said of it: another number, another panel."""
    return by_item(session, task, Counted.PANEL).get("", 0)


def snapshot_changes(session: Session, run_id: int) -> int:
    """Return how often anything changed of what a run read."""
    return by_item(session, "", Counted.SNAPSHOTS).get(str(run_id), 0)


@dataclass(frozen=True)
class _CountedDraw:
    stratum: str | None
    propensity: float | None
    in_panel: bool
    split_draw: float


def _counted(session: Session, sample_ids: Collection[str]) -> dict[str, set[Tally]]:
    """Return sample → what it counts for, of those of these samples that are there."""
    row, counts = SampleRow, CorrectionRow
    query = select(
        row.sample_id,
        row.task,
        row.state,
        row.forgotten_at,
        row.stratum,
        row.propensity,
        row.in_panel,
        row.split_draw,
        HAS_CONTENT.label("content"),
        counts.id,
        counts.value.label("label"),
        counts.annotator,
        counts.wrong_reason,
    ).outerjoin(counts, counts.id == row.standing_id)
    counted: dict[str, set[Tally]] = {}
    for part in parts(sample_ids):
        standing.lock(session, part)
        for sample in session.execute(query.where(row.sample_id.in_(part))):
            counted[sample.sample_id] = {(sample.task, about, item) for about, item in _of(sample)}
    return counted


def _of(sample: Any) -> Iterable[tuple[str, str]]:
    yield (Counted.KEPT if sample.forgotten_at is None else Counted.FORGOTTEN), sample.state
    if sample.content:
        yield Counted.CONTENT, sample.state
    if sample.stratum is not None:
        yield Counted.STRATUM, sample.stratum
    if sample.in_panel or sample.stratum == AUDITED:
        yield Counted.PANEL, ""
    if sample.id is None:
        return
    yield Counted.VALUE, _item(sample.label)
    yield Counted.ANNOTATOR, _item(sample.annotator)
    if sample.wrong_reason:
        yield Counted.WRONG_REASON, ""
    if sample.content:
        percent = bisect_right(_BORDERS, sample.split_draw)
        yield Counted.USABLE, json.dumps([sample.stratum, sample.propensity, sample.in_panel, percent])


def _item(words: str) -> str:
    """Return words as an item: of long ones the beginning, and what tells them from others that begin so."""
    digest = hashlib.sha256(words.encode()).hexdigest()[:_DIGEST]
    return words if len(words) <= _ITEM else f"{words[: _ITEM - _DIGEST - 2]}… {digest}"


def _add(session: Session, changes: Mapping[Tally, int]) -> None:
    # In order, and last of all: of two transactions none waits for the other while that waits for it.
    rows = [(*tally, number) for tally, number in sorted(changes.items()) if number]
    if not rows:
        return
    connection = session.connection()
    names = ("task", "about", "item", "number")
    connection.execute(_ADD, [dict(zip(names, row, strict=True)) for row in rows])
    if fewer := [dict(zip(names, row, strict=True)) for row in rows if row[-1] < 0]:
        connection.execute(_CLEAR, fewer)
