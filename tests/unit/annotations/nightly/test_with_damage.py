"""A night among whose stored files some are damaged: it goes on without them, and names them."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotations import retrain, status
from annotations.store import open_store, samples
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
    with closing(open_store(config)) as store, store.reading() as session:
        rows = [samples.get(session, sample_id) for sample_id in ids]
    names = [path.relative_to(config.media).as_posix() for path in files[:2]]
    damaged = [row.sample_id for row in rows if row.image in names]
    files[0].write_bytes(files[0].read_bytes()[:-40])
    files[1].unlink()
    run = retrain.retrain(config, task)
    assert run.state == "done" and run.challenger  # it was trained, and judged
    assert run.figures["held_out"] + run.figures["trained_on"] == len(ids) - 2
    sentence = run.why[-1]
    assert sentence.key == "status.night_left_out" and sentence.values["count"] == 2
    for language in ("en", "zh"):
        with closing(open_store(config)) as store:
            shown = status_view.view(status.of(store, config, task), task, True, language)
        assert all(sample_id[:12] in shown.reasons[-1] for sample_id in damaged)
        assert files[0].name not in shown.reasons[-1]  # kept for good, and a file's name is a digest of what was sent
    assert retrain.retrain(config, task).why[-1].values["count"] == 2  # nothing new, and they are still named
