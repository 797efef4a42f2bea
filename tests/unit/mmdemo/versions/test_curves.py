"""Curves beside the weights: as they were measured, none where there are none, one sentence where they are broken."""

from pathlib import Path

import pytest

from mmdemo import curves as of_answers
from mmdemo import tasks
from mmdemo.errors import CheckpointError
from mmdemo.values.history import WHOLE, MeasuredCurves
from mmdemo.values.review import MeasuredOn
from mmdemo.versions import curves, sidecar
from mmdemo.versions.registry import SHIPPED


def measured() -> MeasuredCurves:
    drawn = of_answers.of([0.5, 0.75] * 20, [True, False, True, True] * 10)
    assert drawn is not None
    return MeasuredCurves(drawn, 40, MeasuredOn.DEV, "dev.jsonl")


def test_what_is_written_is_read_to_four_digits(tmp_path: Path) -> None:
    curves.write(tmp_path, measured())
    read, before = curves.read(tmp_path), measured()
    assert read is not None and (read.count, read.manifest, read.subset) == (40, "dev.jsonl", WHOLE)
    for one, other in zip(read.curves.risk, before.curves.risk, strict=True):
        assert vars(one) == pytest.approx(vars(other), abs=1e-4)
    curves.write(tmp_path, None)
    assert curves.read(tmp_path) is None and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"curves": {}}', '{"curves": {"risk": [1], "reliability": []}}'])
def test_what_is_no_curve_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / curves.FILE).write_text(text, "utf-8")
    with pytest.raises(CheckpointError, match=r"curves\.json"):
        curves.read(tmp_path)


@pytest.mark.parametrize("task", list(tasks.load_all()))
def test_each_shipped_version_has_those_of_its_figures(task: str) -> None:
    folder = SHIPPED / task
    shipped, about = curves.read(folder), sidecar.read(folder)
    assert shipped is not None and shipped.measured_on == about.measured_on
    everything = shipped.curves.risk[-1]
    assert everything.x == 1.0 and everything.low <= 1 - about.figures["accuracy"] <= everything.high
    if shipped.count == about.measured:  # a part of a large manifest may do
        assert 1 - everything.y == pytest.approx(about.figures["accuracy"], abs=2e-4)
    assert sum(point.count for point in shipped.curves.reliability) == shipped.count
    assert (folder / curves.FILE).stat().st_size < 8_192
