"""What the Status tab is told where something is missing."""

from dataclasses import replace
from pathlib import Path

import pytest

from annotations.loop import Loop
from mmdemo.errors import CheckpointError
from mmdemo.settings import Settings
from mmdemo.values.review import Backlog
from mmdemo.values.samples import Inputs


def test_status_is_told_of_a_task_whose_model_cannot_be_loaded(config: Settings, tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    weather = "name = 'weather'\ntitle = 'Weather'\nlabels = ['dry', 'wet']\nmodalities = ['text']\nthreshold = 0.6\n"
    (tmp_path / "tasks" / "weather.toml").write_text(weather, "utf-8")
    loop = Loop(replace(config, task_dir=tmp_path / "tasks"))
    with pytest.raises(CheckpointError):
        loop.predict("weather", Inputs(text="who knows"), "none", False)
    assert loop.status("weather").notices == ()
    loop.close()


def test_the_backlog_counts_what_waits_and_what_was_skipped_by_task_and_the_answers_of_today(loop: Loop) -> None:
    ids = [
        loop.predict("sentiment", Inputs(text=f"who knows {number}"), "none", True)[0].sample_id for number in "1234"
    ]
    loop.skip(ids[0], "Ann")
    loop.correct(ids[1], "neutral", "Ann", "")
    nobody, backlog = dict.fromkeys(loop.tasks, 0), loop.backlog()
    assert backlog == Backlog({**nobody, "sentiment": 2}, {**nobody, "sentiment": 1}, 1)
