"""Versions through time, each with its run, its paired figures and the answers that turned."""

import shutil

import pytest

from annotations import rollback
from annotations.history import models
from annotations.loop import Loop
from annotations.review_queue import retention
from annotations.store import samples
from annotations.store.snapshots import HELD_OUT, SnapshotEntry
from mmdemo.errors import CheckpointError, Conflict, UnknownName
from mmdemo.values.history import FigurePair
from mmdemo.versions.registry import Versions
from tests.statements import statements
from tests.tiny_training import FIRST
from tests.unit.annotations.history.conftest import SECOND, Past


def test_each_version_stands_with_the_run_that_judged_it(past: Past) -> None:
    store = past.store()
    past.run(store, "promoted", past.entries())
    second, first = models.of(store, past.config, past.task).versions
    assert (second.version, second.parent, second.verdict, second.trained_on) == (SECOND, FIRST, "promoted", 2)
    assert second.compared_with == FIRST
    assert second.figures == (FigurePair("accuracy", 0.5, 1.0),)
    assert second.pairs is not None
    pairs = second.pairs
    assert (pairs.both, pairs.turned_right, pairs.turned_wrong, pairs.neither, pairs.count) == (1, 1, 0, 0, 2)
    assert 0 < pairs.before[0] < 0.5 < pairs.before[1] < 1 and pairs.after[1] == pytest.approx(1.0)
    assert (first.version, first.served, first.verdict, first.can_serve) == (FIRST, True, None, False)
    assert second.can_serve
    store.close()


def test_a_run_of_an_earlier_release_has_figures_and_no_single_answers(past: Past) -> None:
    store = past.store()
    past.run(store, "promoted", [])
    second = models.of(store, past.config, past.task).versions[0]
    assert second.pairs is None and second.figures
    assert models.turned(store, past.task, SECOND, 5) == ([], 0)
    store.close()


def test_a_version_whose_folder_was_removed_stays_in_the_history(past: Past) -> None:
    store = past.store()
    past.run(store, "rejected", past.entries())
    shutil.rmtree(Versions(past.config).folder(past.task.name, SECOND))
    gone = next(one for one in models.of(store, past.config, past.task).versions if one.version == SECOND)
    assert (gone.info, gone.verdict, gone.can_serve, gone.parent) == (None, "rejected", False, None)
    store.close()


def test_runs_without_a_version_are_none_of_the_versions(past: Past) -> None:
    store = past.store()
    past.run(store, "waiting", [], challenger=None)
    assert {one.version for one in models.of(store, past.config, past.task).versions} == {FIRST, SECOND}
    store.close()


def test_turned_answers_come_with_their_samples_and_the_rest_is_counted(past: Past) -> None:
    store = past.store()
    entries = [SnapshotEntry(name, "left", HELD_OUT, "right", "left") for name in past.ids[:3]]
    past.run(store, "promoted", [*entries, SnapshotEntry(past.ids[3], "left", HELD_OUT, "left", "right")])
    with statements(store) as sent:
        shown, more = models.turned(store, past.task, SECOND, 2)
    assert sum("FROM samples" in one.words for one in sent) == 1  # however many they are
    assert [one.is_right for one in shown] == [True, True, False] and more == 1
    assert all(one.sample.image is not None and one.sample.image.is_file() for one in shown)
    assert (shown[-1].before, shown[-1].after, shown[-1].value) == ("left", "right", "left")
    with store.reading() as session:
        [consent] = samples.ids_of_holders(session, past.ids[3], "visitor")
    retention.forget(store, consent)
    shown, _ = models.turned(store, past.task, SECOND, 2)
    assert [one.is_right for one in shown] == [True, True]
    with pytest.raises(UnknownName, match=SECOND):
        models.turned(store, past.task, "nosuch", 2)
    store.close()


def test_a_proven_version_is_served_from_the_page(past: Past) -> None:
    store = past.store()
    past.run(store, "promoted", [])
    rollback.to_proven(store, past.config, past.task, SECOND)
    assert Versions(past.config).champion(past.task.name) == SECOND
    rollback.to_proven(store, past.config, past.task, FIRST)
    assert Versions(past.config).champion(past.task.name) == FIRST
    store.close()


def test_no_other_version_is(past: Past) -> None:
    store = past.store()
    past.run(store, "rejected", [])
    for version, error, said in (
        (SECOND, Conflict, "never put into service"),
        (FIRST, Conflict, "serves already"),
        ("nosuch", UnknownName, "There is no version"),
    ):
        with pytest.raises(error, match=said):
            rollback.to_proven(store, past.config, past.task, version)
    past.run(store, "promoted", [])
    about = Versions(past.config).folder(past.task.name, SECOND) / "version.json"
    about.write_text(about.read_text("utf-8").replace('"right"', '"up"'), "utf-8")
    with pytest.raises(CheckpointError):
        rollback.to_proven(store, past.config, past.task, SECOND)
    assert not models.of(store, past.config, past.task).versions[0].can_serve
    assert Versions(past.config).champion(past.task.name) == FIRST
    store.close()


def test_the_page_is_told_the_same_and_refused_the_same(loop: Loop) -> None:
    [shipped] = loop.models("sentiment").versions
    beside_its_weights = loop.curves("sentiment", shipped.version)
    assert beside_its_weights is not None and beside_its_weights.manifest == "dev.jsonl"
    assert loop.curves("sentiment", "nosuch") is None
    assert shipped.served and not shipped.can_serve
    with pytest.raises(Conflict, match="serves already"):
        loop.roll_back("sentiment", shipped.version)
    for call in (lambda: loop.models("nosuch"), lambda: loop.turned("sentiment", shipped.version, 3)):
        with pytest.raises(UnknownName):
            call()
