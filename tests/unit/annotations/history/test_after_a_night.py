"""A real night leaves all that its version is asked about later."""

from dataclasses import replace
from pathlib import Path

import pytest

from annotations import retrain
from annotations.history import lineage, models, nights
from annotations.store import open_store
from annotations.store.snapshots import HELD_OUT, TRAIN
from mmdemo import tasks
from mmdemo.tasks import Gate
from mmdemo.values.review import MeasuredOn
from tests import tiny_training
from tests.unit.annotations.test_retrain import answer


@pytest.mark.slow
def test_a_night_keeps_what_it_read_and_what_both_versions_answered(tmp_path: Path) -> None:
    task = replace(tasks.load_file(tiny_training.write_task(tmp_path)), gate=Gate(minimum=6, held_out_share=0.3))
    config = tiny_training.home(tmp_path, task)
    ids = answer(config, task, tiny_training.drawn(tmp_path))
    run = retrain.retrain(config, task)
    store = open_store(config)
    version = lineage.of_version(store, config, task.name, run.challenger or "")
    assert version.snapshot is not None
    assert {entry.sample_id for entry in version.snapshot} == set(ids)
    sides = {side: [one for one in version.snapshot if one.split == side] for side in (TRAIN, HELD_OUT)}
    assert [len(sides[TRAIN]), len(sides[HELD_OUT])] == [run.figures["trained_on"], run.figures["held_out"]]
    for answers, name in (
        ([one.champion for one in sides[HELD_OUT]], "champion"),
        ([one.challenger for one in sides[HELD_OUT]], "challenger"),
    ):
        right = sum(said == one.value for said, one in zip(answers, sides[HELD_OUT], strict=True))
        assert right / len(answers) == pytest.approx(run.figures[f"{name}_accuracy"])
    assert {one.champion for one in sides[TRAIN]} == {None}
    [night] = nights.of_task(store, task.name, 5)
    assert (night.corrections, night.snapshot_kept, night.challenger) == (len(ids), True, run.challenger)
    newest = next(one for one in models.of(store, config, task).versions if one.version == run.challenger)
    assert newest.pairs is not None and newest.pairs.count == len(sides[HELD_OUT])
    assert newest.figures[0].name == "accuracy"
    for drawn, name in zip(newest.curves, ("champion", "challenger"), strict=True):
        assert sum(point.count for point in drawn.reliability) == len(sides[HELD_OUT])
        assert drawn.risk[-1].x == 1.0  # all that goes out: its risk is what is wrong
        assert 1 - drawn.risk[-1].y == pytest.approx(run.figures[f"{name}_accuracy"])
    measured = models.curves_of(store, config, task, run.challenger or "")
    assert measured is not None and (measured.curves, measured.measured_on) == (newest.curves[1], MeasuredOn.HELD_OUT)
    assert measured.count == len(sides[HELD_OUT])
    store.close()
