"""Task files are read, checked, and say what an input may be."""

import tomllib
from pathlib import Path

import pytest

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.tasks import Task
from mmdemo.versions import SHIPPED

LIMITED = ("image_bytes", "image_pixels", "text_chars", "audio_bytes", "audio_min_s", "audio_max_s")


@pytest.mark.parametrize("task", tasks.load_all().values(), ids=lambda task: task.name)
def test_every_limit_of_a_shipped_task_stands_in_its_file(task: Task) -> None:
    assert task.path is not None
    written = tomllib.loads(task.path.read_text("utf-8"))["limits"]
    wanted = {name for name in LIMITED if name.split("_")[0] in task.modalities}
    assert wanted <= set(written)


@pytest.mark.parametrize("task", tasks.load_all().values(), ids=lambda task: task.name)
def test_the_shipped_card_says_what_stands_beside_the_task(task: Task) -> None:
    assert task.path is not None
    card = (SHIPPED / task.name / "model_card.md").read_text("utf-8")
    assert task.path.with_suffix(".md").read_text("utf-8") in card


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(ManifestError, match="cannot be read"):
        tasks.get(str(tmp_path / "folder.toml"))


def test_a_folder_of_tasks_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"MMDEMO_TASK_DIR.*no folder .*gone"):
        tasks.load_all(tmp_path / "gone")
