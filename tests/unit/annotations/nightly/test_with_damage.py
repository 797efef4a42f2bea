"""A night among whose stored files some are damaged: it goes on without them, and names them."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotations import retrain, status
from annotations.store import open_store
from mmdemo import tasks
from mmdemo.tasks import Gate
from mmdemo.ui.status import status_view
from tests import tiny_training
from tests.unit.annotations.test_retrain import answer


@pytest.mark.slow
def test_the_night_goes_on_without_a_damaged_file_and_names_it(tmp_path: Path) -> None:
    loaded = tasks.load_file(tiny_training.write_task(tmp_path))
    task = replace(loaded, gate=Gate(minimum=4, held_out_share=0.3))
    config = tiny_training.home(tmp_path, task)
    generator = np.random.default_rng(0)
    pictures = [(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8), label) for label in tiny_training.LABELS * 15]
    ids = answer(config, task, pictures)
    files = sorted(path for path in config.media.glob("*/*"))
    files[0].write_bytes(files[0].read_bytes()[:-40])
    files[1].unlink()
    run = retrain.retrain(config, task)
    assert run.state == "done" and run.challenger  # it was trained, and judged
    assert run.figures["held_out"] + run.figures["trained_on"] == len(ids) - 2
    told = run.why[-1]
    assert told.key == "status.night_left_out" and told.values["count"] == 2
    for language in ("en", "zh"):
        with closing(open_store(config)) as store:
            shown = status_view.view(status.of(store, config, task), task, True, language)
        for path in files[:2]:
            assert f"{path.parent.name}/{path.name}" in shown.reasons[-1]
    assert retrain.retrain(config, task).why[-1].values["count"] == 2  # nothing new, and they are still named
