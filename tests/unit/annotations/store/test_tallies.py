"""What is counted as it changes is what all rows say, whatever happened to them."""

import contextlib
import random
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import select

from annotations import golden, review_queue
from annotations.acquisition import strata
from annotations.review_queue import retention, second_look, withdrawal
from annotations.schema import CorrectionRow, SampleRow, TallyRow
from annotations.store import Session, Store, WriteConflict, labels, panel, samples, standing, tallies
from annotations.store.tallies import Counted
from mmdemo.errors import MmdemoError
from mmdemo.tasks import Gate
from mmdemo.values.review import SCRIPTS
from mmdemo.values.samples import FlagReason
from tests.unit.annotations import sentiment

NAME, TASKS = sentiment.TASK.name, sentiment.TASKS
WHO = ("Ann", "Bo", "Cleo")


def tallied(session: Session) -> dict[tuple[str, str, str], int]:
    """Return all tallies but those of changes, of which there are only ever more."""
    rows = session.scalars(select(TallyRow).where(TallyRow.about.not_in(tallies.GROWING)))
    return {(row.task, row.about, row.item): row.number for row in rows}


def check(store: Store) -> None:
    """Compare what was counted, and what was settled, with a count of all rows."""
    with store.session() as session:
        kept = tallied(session)
        counting = dict(session.execute(select(SampleRow.sample_id, SampleRow.standing_id)).all())
        standing.settle_all(session)
        tallies.recount(session)
        assert tallied(session) == kept
        session.expire_all()
        assert dict(session.execute(select(SampleRow.sample_id, SampleRow.standing_id)).all()) == counting
        by_state = Counter(session.scalars(select(SampleRow.state).where(SampleRow.forgotten_at.is_(None))))
        assert by_state == tallies.by_item(session, NAME, Counted.KEPT)
        assert 0 not in kept.values()


class Walk:
    """Does one thing after the other to a few samples, as often refused as not."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.drawn = store, random.Random(seed)
        self.ids: list[str] = []
        self.told: list[str] = []

    def step(self) -> None:
        ways = (
            self.offer,
            self.offer,
            self.correct,
            self.correct,
            self.correct,
            self.put_off,
            self.undo,
            self.withdraw,
        )
        rare = (self.forget, self.erase, self.look_again, self.pin, self.ask_the_panel)
        with contextlib.suppress(MmdemoError):
            self.drawn.choice((*ways, *rare))()

    def one(self) -> str:
        return self.drawn.choice(self.ids or [sentiment.NEVER])

    def offer(self) -> None:
        inputs = sentiment.inputs(f"caption {self.drawn.randrange(9)}")
        answer = sentiment.prediction(inputs, self.drawn.choice((0.4, 0.9)))
        if self.drawn.random() < 0.3:
            answer = replace(answer, flagged=True, reason=FlagReason.AUDIT)
        task = replace(sentiment.TASK, gate=Gate(held_out_share=1.0))
        said = "negative" if self.drawn.random() < 0.2 else None
        sample_id, prediction_id = review_queue.offer(self.store, task, inputs, answer, share=1.0, suggested=said)
        self.ids.append(sample_id)
        self.told.append(prediction_id)

    def correct(self) -> None:
        value, marked = self.drawn.choice(sentiment.TASK.label_names), self.drawn.random() < 0.2
        review_queue.correct(self.store, TASKS, self.one(), value, self.drawn.choice(WHO), wrong_reason=marked)

    def put_off(self) -> None:
        self.drawn.choice((review_queue.skip, review_queue.unsure))(self.store, self.one(), "Ann")

    def undo(self) -> None:
        review_queue.undo(self.store, self.drawn.choice(WHO))

    def withdraw(self) -> None:
        withdrawal.withdraw(self.store, self.ids[:3], self.drawn.choice(WHO), SCRIPTS)

    def forget(self) -> None:
        if self.told:
            retention.forget(self.store, self.told.pop(self.drawn.randrange(len(self.told))))

    def erase(self) -> None:
        retention.erase(self.store, self.one())

    def look_again(self) -> None:
        second_look.ask(self.store, self.ids[-2:])

    def pin(self) -> None:
        golden.pin(self.store, self.one(), "Ann")

    def ask_the_panel(self) -> None:
        with self.store.session() as session:
            row = samples.get(session, self.one())
            panel.keep(session, row.sample_id, sentiment.prediction(sentiment.inputs("x"), version="v2"))
            session.commit()


@pytest.mark.parametrize("seed", range(3))
def test_what_was_counted_on_the_way_is_what_there_is_at_the_end(store: Store, seed: int) -> None:
    walk = Walk(store, seed)
    for _ in range(4):
        for _ in range(25):
            walk.step()
        check(store)
    assert len(set(walk.ids)) > 5


def test_what_is_not_committed_is_not_counted(store: Store) -> None:
    offer(store)
    with store.reading() as session:
        before = tallied(session)
    with store.session() as session:
        session.add(sentiment.row())
        session.flush()
    with store.session() as session:
        session.add(sentiment.row())
        session.commit()
    with pytest.raises(WriteConflict), store.session() as session:
        session.add(sentiment.row("1" * 64))
        session.flush()
        session.add(sentiment.row())
        session.commit()
    with store.reading() as session:
        committed = (NAME, Counted.KEPT, "queued"), (NAME, Counted.CONTENT, "queued")
        assert tallied(session) == {name: n + (name in committed) for name, n in before.items()}


def test_what_is_set_aside_is_counted_by_percents_and_between_them_by_all(store: Store) -> None:
    for number in range(40):
        review_queue.correct(store, TASKS, offer(store, f"caption {number}"), "neutral", "Ann")
    with store.reading() as session:
        rows = labels.corrections(session, NAME)
        for share in (0.0, 0.2, 0.29, 0.57, 1.0, 0.333, rows[0].split_draw):
            aside = Counter(strata.Draw(row.stratum, row.propensity) for row in rows if strata.is_set_aside(row, share))
            assert tallies.count_set_aside(session, NAME, share) == aside


def test_a_long_value_is_counted_and_leaves_no_words_behind(store: Store) -> None:
    sample_id = offer(store)
    with store.session() as session:
        row = samples.get(session, sample_id)
        said = CorrectionRow(sample_id=sample_id, value="word " * 100, annotator="Ann", note="", wrong_reason=False)
        said.corrected_at, said.predicted_value, said.model_version, said.source = row.created_at, "", "v1", "page"
        session.add(said)
        session.commit()
        [(item, number)] = tallies.by_item(session, NAME, Counted.VALUE).items()
        assert number == 1 and item.startswith("word word ") and len(item) == 200
    retention.erase(store, sample_id)
    with store.reading() as session:
        assert {about for _, about, _ in tallied(session)} == {Counted.FORGOTTEN, Counted.STRATUM}


def test_each_change_of_the_panel_is_another_number(store: Store) -> None:
    task = replace(sentiment.TASK, gate=Gate(held_out_share=1.0))
    inputs = sentiment.inputs("of the panel")
    answer = replace(sentiment.prediction(inputs, 0.9), flagged=True, reason=FlagReason.AUDIT)

    def changes() -> int:
        with store.reading() as session:
            return tallies.panel_changes(session, NAME)

    numbers = [changes()]
    sample_id, prediction_id = review_queue.offer(store, task, inputs, answer, share=1.0)
    numbers.append(changes())
    review_queue.correct(store, TASKS, sample_id, "neutral", "Ann")
    numbers.append(changes())
    review_queue.undo(store, "Ann")
    numbers.append(changes())
    with store.session() as session:
        panel.keep(session, sample_id, sentiment.prediction(inputs, version="v2"))
        session.commit()
    numbers.append(changes())
    retention.forget(store, prediction_id)
    numbers.append(changes())
    offer(store)  # of no panel
    assert numbers == sorted(set(numbers)) and changes() == numbers[-1]


def offer(store: Store, caption: str = "quiet evening") -> str:
    inputs = sentiment.inputs(caption)
    return review_queue.offer(store, sentiment.TASK, inputs, sentiment.prediction(inputs))[0]
