"""A version that falls short of what it was promoted for goes by itself, for good, and says why."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

from annotations import __main__ as command
from annotations import review_queue, rollback, status
from annotations.history import models
from annotations.nightly import gate, leftovers, night
from annotations.review_queue import retention
from annotations.schema import ConsentRow, PanelAnswerRow, RunRow, now
from annotations.store import Store, open_store, runs, samples, snapshots, tallies
from annotations.watching import martingale, probation
from mmdemo.answers import LabelAnswer
from mmdemo.errors import CheckpointError, Conflict
from mmdemo.settings import Settings
from mmdemo.tasks import Gate, Task
from mmdemo.training.continual import memory, recipe_of
from mmdemo.training.manifests import Row
from mmdemo.values.review import ID_CHARS
from mmdemo.values.samples import Inputs, Prediction
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar
from tests.unit.annotations import sentiment

FIRST, SECOND = "2026-01-01-n001", "2026-01-02-n001"
TASK = replace(sentiment.TASK, gate=Gate(minimum=6, held_out_share=1.0))  # all that is sent judges versions
SAID = TASK.label_names[-1]  # by every answer of `sentiment.prediction`
OTHER = TASK.label_names[0]
NEEDED = martingale.losses_needed(0, martingale.level(1))


@dataclass
class Before:
    """The version before: it says the other label to all that it is asked about."""

    asked: list[str]

    def __call__(self, task: Task, version: str, settings: Settings) -> Any:
        assert version == FIRST
        return self

    def answer_batch(self, batch: Sequence[Inputs]) -> list[Prediction]:
        self.asked += [inputs.text or "" for inputs in batch]
        return [replace(sentiment.prediction(inputs), answer=LabelAnswer(OTHER, {OTHER: 1.0})) for inputs in batch]


@pytest.fixture
def versions(config: Settings, store: Store) -> Versions:
    """Two versions, of which a run promoted the second."""
    registry = Versions(config)
    for name in (FIRST, SECOND):
        about = Sidecar(name, TASK.name, TASK.kind, TASK.label_names, TASK.modalities, sidecar.now())
        sidecar.write(registry.folder(TASK.name, name), replace(about, none_of_these=TASK.none_of_these))
        registry.promote(TASK.name, name)
    promotion(store)
    return registry


def promotion(store: Store, challenger: str = SECOND, **figures: float) -> int:
    with store.session() as session:
        run_id = runs.start(session, TASK.name, FIRST, None, 0)
        runs.note(session, run_id, challenger=challenger, verdict=gate.PROMOTED, figures=figures)
        runs.finish(session, run_id, runs.DONE)
        session.commit()
    return run_id


def send(store: Store, number: int, says: str, version: str = SECOND, share: float = 1.0) -> list[str]:
    """Let so many samples be sent that a version answers with SAID, and let people answer them."""
    ids = []
    with store.reading() as session:
        start = sum(tallies.count_by_state(session, TASK.name).values())
    for place in range(start, start + number):
        inputs = sentiment.inputs(f"evening {place}")
        sample_id, _ = review_queue.offer(
            store, TASK, inputs, sentiment.prediction(inputs, version=version), share=share
        )
        review_queue.correct(store, {TASK.name: TASK}, sample_id, says, "Ann")
        ids.append(sample_id)
    return ids


def run(store: Store, config: Settings, before: Before | None = None) -> probation.Probation | None:
    return probation.judge(store, config, TASK, before or Before([]))  # type: ignore[arg-type]


def test_one_that_falls_short_goes_for_good_and_says_why(store: Store, config: Settings, versions: Versions) -> None:
    send(store, NEEDED - 1, OTHER)
    watched = run(store, config)
    assert watched is not None and (watched.lost, watched.gained, watched.falls_short) == (NEEDED - 1, 0, False)
    assert versions.champion(TASK.name) == SECOND
    assert f"Once that is {NEEDED}, {FIRST} serves again" in status.of(store, config, TASK).watch.sentence()

    send(store, 1, OTHER)
    watched = run(store, config)
    assert watched is not None and watched.falls_short
    assert versions.champion(TASK.name) == FIRST == versions.pointed(TASK.name)
    assert SECOND not in versions.candidates(TASK.name) and versions.withdrawn(TASK.name) == (SECOND,)
    task_status = status.of(store, config, TASK)
    assert task_status.watch is None
    for language in ("en", "zh"):
        assert SECOND in task_status.notices[0].sentence(language)
    [card] = [one for one in models.of(store, config, TASK).versions if one.version == SECOND]
    assert not card.can_serve and card.why[-1].key == probation.OUT
    assert run(store, config) is None  # FIRST was promoted by no run


def test_it_is_never_offered_again(store: Store, config: Settings, versions: Versions) -> None:
    learned, *_ = send(store, NEEDED, OTHER)
    run(store, config)
    with store.session() as session:
        last = runs.of_challenger(session, TASK.name, SECOND)
        assert last is not None
        snapshots.keep(session, last.id, [snapshots.SnapshotEntry(learned, SAID, snapshots.TRAIN)])
        session.commit()
    third = "2026-01-03-n001"
    sidecar.write(
        versions.folder(TASK.name, third), replace(sidecar.read(versions.path(TASK.name, FIRST)), version=third)
    )
    versions.promote(TASK.name, third)
    assert rollback.to(store, config, TASK) == FIRST
    for refused in (
        lambda: rollback.to(store, config, TASK, SECOND),
        lambda: rollback.to_proven(store, config, TASK, SECOND),
        lambda: versions.promote(TASK.name, SECOND),
    ):
        with pytest.raises(Conflict):
            refused()
    with store.reading() as session:
        assert probation.learned_by_withdrawn(session, versions, TASK.name) == {SECOND: {learned: SAID}}
    leftovers.clear(store, replace(config, rejected_versions=0), TASK.name)
    assert SECOND not in {info.version for info in versions.list(TASK.name)}


SMALL = replace(TASK, gate=Gate(minimum=2, held_out_share=0.5))


@pytest.fixture
def learned(store: Store, config: Settings, versions: Versions) -> Sequence[Row]:
    """What the second version learned, of which another run would learn the same; it was taken out of service."""
    send(store, 12, OTHER, version=FIRST, share=0.0)
    learned = night.begin(store, config, SMALL).parts.train
    with store.session() as session:
        last = runs.of_challenger(session, TASK.name, SECOND)
        assert last is not None and learned
        entries = [snapshots.SnapshotEntry(row.id, row.label, snapshots.TRAIN) for row in learned]
        snapshots.keep(session, last.id, entries)
        session.commit()
    folder = versions.folder(TASK.name, SECOND)
    sidecar.write(folder, replace(sidecar.read(folder), parent=FIRST, options=recipe_of(TASK).as_options()))
    versions.withdraw(TASK.name, SECOND, FIRST)
    return learned


def test_a_run_that_would_make_it_again_waits_for_another_answer(
    store: Store, config: Settings, learned: Sequence[Row]
) -> None:
    early = night.too_early(night.begin(store, config, SMALL))
    assert early is not None and early.verdict.name == gate.WAITING
    assert f"{SECOND}, which was taken out of service, learned the very same" in early.verdict.reasons[0].sentence()
    review_queue.correct(store, {TASK.name: TASK}, learned[0].id, SAID, "Ann")
    assert night.too_early(night.begin(store, config, SMALL)) is None


def test_so_does_one_of_which_it_is_not_known_how_it_was_trained(
    store: Store, config: Settings, versions: Versions, learned: Sequence[Row]
) -> None:
    assert versions.remove(TASK.name, SECOND)
    assert night.too_early(night.begin(store, config, SMALL)) is not None


def test_with_another_base_memory_or_option_it_is_another_version(
    store: Store, config: Settings, versions: Versions, learned: Sequence[Row]
) -> None:
    at_hand = night.begin(store, config, SMALL)
    assert night.repeats(replace(at_hand, task=replace(SMALL, retrain={"lr": 1e-4}))) is None
    folder = versions.folder(TASK.name, SECOND)
    about = sidecar.read(folder)
    sidecar.write(folder, replace(about, parent="2025-01-01-base"))
    assert night.repeats(at_hand) is None
    sidecar.write(folder, about)
    assert night.repeats(at_hand) is not None
    (versions.path(TASK.name, FIRST) / memory.FILE).write_bytes(b"what it learned from")
    assert night.repeats(at_hand) is None


def test_a_stop_in_the_middle_leaves_the_version_before_serving_and_is_mended(
    store: Store, config: Settings, versions: Versions
) -> None:
    (config.versions / TASK.name / "withdrawn").write_text(f"{SECOND}\n")  # and the pointer never moved
    assert versions.champion(TASK.name) == FIRST and versions.pointed(TASK.name) == ""
    run(store, config)
    assert versions.pointed(TASK.name) == FIRST


def test_gains_keep_it_and_what_was_asked_is_not_asked_again(
    store: Store, config: Settings, versions: Versions
) -> None:
    before = Before([])
    send(store, 3, SAID)
    send(store, NEEDED, OTHER)
    watched = run(store, config, before)
    assert watched is not None and (watched.gained, watched.lost) == (3, NEEDED) and not watched.falls_short
    assert len(before.asked) == NEEDED + 3
    run(store, config, before)
    assert len(before.asked) == NEEDED + 3
    send(store, 1, SAID)
    assert (run(store, config, before) or watched).gained == 4 and len(before.asked) == NEEDED + 4


def test_what_the_version_before_answered_when_it_served_judges_nobody(
    store: Store, config: Settings, versions: Versions
) -> None:
    send(store, NEEDED + 2, OTHER, version=FIRST)
    watched = run(store, config)
    assert watched is not None and watched.answered == 0


def test_what_is_erased_takes_what_versions_said_of_it_along(
    store: Store, config: Settings, versions: Versions
) -> None:
    [sample_id] = send(store, 1, OTHER)
    run(store, config)
    with store.reading() as session:
        assert {row.version for row in session.scalars(select(PanelAnswerRow))} == {FIRST, SECOND}
        [consent] = session.scalars(select(ConsentRow.prediction_id).where(ConsentRow.sample_id == sample_id))
    retention.forget(store, consent)
    with store.reading() as session:
        assert not session.scalars(select(PanelAnswerRow)).all()


def test_the_later_promotions_of_a_month_are_watched_more_strictly(
    store: Store, config: Settings, versions: Versions
) -> None:
    assert (run(store, config) or pytest.fail("not watched")).level == martingale.level(1)
    promotion(store)
    with store.session() as session:
        rows = list(session.scalars(select(RunRow).order_by(RunRow.id)))
        rows[0].started_at = now().replace(year=2020)
        session.commit()
    assert (run(store, config) or pytest.fail("not watched")).level == martingale.level(1)
    promotion(store)
    assert (run(store, config) or pytest.fail("not watched")).level == martingale.level(2)


def test_one_that_only_forgot_what_was_taken_back_is_not_watched(
    store: Store, config: Settings, versions: Versions
) -> None:
    promotion(store, taken_back=2.0)
    assert run(store, config) is None


def test_nor_is_one_before_which_nothing_could_serve_again(store: Store, config: Settings, versions: Versions) -> None:
    (versions.folder(TASK.name, FIRST) / sidecar.FILE).unlink()
    assert run(store, config) is None


def test_by_command(store: Store, config: Settings, versions: Versions, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    with closing(open_store(config)):
        assert command.main(["watch", "--task", "sentiment", "--json"]) == 0
    [printed] = json.loads(capsys.readouterr().out)
    assert (printed["version"], printed["before"], printed["answered"], printed["out"]) == (SECOND, FIRST, 0, False)
    versions.rollback(TASK.name)
    assert command.main(["watch", "--task", "sentiment"]) == 0
    assert "is not watched" in capsys.readouterr().out


def test_of_what_is_erased_while_it_is_watched_nothing_is_written_down(
    store: Store, config: Settings, versions: Versions
) -> None:
    gone, kept = send(store, 2, OTHER)

    class Slow(Before):
        def answer_batch(self, batch: Sequence[Inputs]) -> list[Prediction]:
            retention.erase(store, gone)
            return super().answer_batch(batch)

    run(store, config, Slow([]))
    with store.reading() as session:
        assert {row.sample_id for row in session.scalars(select(PanelAnswerRow))} == {kept}


def test_what_was_kept_of_an_erased_sample_goes_when_it_is_erased_again(
    store: Store, config: Settings, versions: Versions
) -> None:
    [sample_id] = send(store, 1, OTHER)
    retention.erase(store, sample_id)
    with store.session() as session:
        session.add(PanelAnswerRow(sample_id=sample_id, version=FIRST, value=OTHER, confidence=0.5))
        session.commit()
    retention.erase(store, sample_id)
    with store.reading() as session:
        assert not session.scalars(select(PanelAnswerRow)).all()


def test_one_task_that_cannot_be_watched_keeps_no_other_from_it(
    store: Store, config: Settings, versions: Versions, monkeypatch, capsys
) -> None:
    send(store, 1, OTHER)  # about which the version before is asked, which has no weights
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    assert command.main(["watch"]) == CheckpointError.exit_code
    printed = capsys.readouterr()
    assert f"{TASK.name}: " in printed.err
    assert "spoken_digits: the version that serves is not watched" in printed.out


def test_what_cannot_be_read_is_named_and_nothing_is_loaded_for_it(
    store: Store, config: Settings, versions: Versions, monkeypatch, capsys
) -> None:
    [sample_id] = send(store, 1, OTHER)
    with store.session() as session:
        samples.get(session, sample_id).caption = " "
        session.commit()
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    assert command.main(["watch", "--task", TASK.name, "--json"]) == 0  # no weights were asked for
    [printed] = json.loads(capsys.readouterr().out)
    assert (printed["answered"], printed["not_read"]) == (0, [sample_id])
    assert command.main(["watch", "--task", TASK.name]) == 0
    assert sample_id[:ID_CHARS] in capsys.readouterr().out


def test_that_it_went_is_said_while_the_version_before_serves(
    store: Store, config: Settings, versions: Versions
) -> None:
    def told() -> bool:
        return probation.OUT in [notice.key for notice in status.of(store, config, TASK).notices]

    send(store, NEEDED, OTHER)
    run(store, config)
    assert told()
    third = "2026-01-03-n001"
    about = sidecar.read(versions.path(TASK.name, FIRST))
    sidecar.write(versions.folder(TASK.name, third), replace(about, version=third))
    promotion(store, third, taken_back=1.0)
    versions.promote(TASK.name, third)
    assert not told()
