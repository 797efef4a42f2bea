"""The same samples, as they are and made worse; what can't be judged any more is counted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdemo import tasks
from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.errors import ManifestError
from mmdemo.evaluation import robustness
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Limits
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Sample
from tests import tiny


@pytest.mark.slow
def test_each_modality_is_damaged_alone_on_the_samples_that_have_it(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("text", "audio"))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    sound = tiny.inputs(0).audio, SAMPLE_RATE_HZ
    rows = [
        Row("1", Sample(text="a dog", audio=sound), "good"),
        Row("2", Sample(text="a cat"), "bad"),
        Row("3", Sample(audio=b"no sound"), "bad"),
    ]
    damage = robustness.measure(predictor, rows)
    assert {name: part.n for name, part in damage.clean.items()} == {"text": 2, "audio": 1}
    cells = [(cell.modality, cell.name, cell.grade, cell.n, cell.refused) for cell in damage.corrupted]
    assert cells[0] == ("text", "typos", 1, 2, 0) and cells[-1] == ("audio", "telephone band", 3, 1, 0)
    assert len(cells) == 9 + 9
    assert damage.corrupted[0].strength == "3 % of the letters"
    assert damage == robustness.measure(predictor, rows)
    with pytest.raises(ManifestError, match="None of the 1"):
        robustness.measure(predictor, rows[2:])


@pytest.mark.slow
def test_a_voice_that_drowns_is_counted_as_refused(tmp_path: Path) -> None:
    task = replace(tiny.task(tmp_path, ("audio",)), limits=Limits(speech=True))
    predictor = Predictor(task, tiny.version(tmp_path / "v", task))
    quiet = next(example.audio for example in tasks.get("speech_emotion").examples if example.expected == "calm")
    damage = robustness.measure(predictor, [Row("1", Sample(audio=quiet), "good")])
    assert all(cell.n + cell.refused == 1 for cell in damage.corrupted)


def test_of_many_samples_the_same_ones_are_taken() -> None:
    rows = [Row(str(number), Sample(text="a dog"), "good") for number in range(1_000)]
    first, second = robustness.drawn(rows), robustness.drawn(rows)
    assert first == second and len({row.id for row in first}) == robustness.MOST_SAMPLES
    assert robustness.drawn(rows[:5]) == rows[:5]
    assert np.mean([int(row.id) for row in first]) == pytest.approx(500, abs=60)
