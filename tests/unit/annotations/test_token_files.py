"""Files of tokens go with their samples."""

from pathlib import Path

import pytest

from annotations import media
from mmdemo.training.data.token_cache import OF_THE_TASK


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for task, name in (("one", "a"), ("one", "b"), ("other", "a")):
        path = tmp_path / task / "encoders" / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(f"{path.parts[-3]} {path.stem}" for path in folder.rglob("*.safetensors"))


def test_of_a_sample_that_is_forgotten_none_is_left_in_any_task(folder: Path) -> None:
    media.forget_tokens(folder, ["a", "unknown"])
    assert names(folder) == ["one b"]


def test_what_comes_with_the_task_stays_when_samples_go(folder: Path) -> None:
    path = folder / "one" / "encoders" / OF_THE_TASK
    path.touch()
    media.keep_tokens_of(folder / "one", set())
    media.forget_tokens(folder, ["a", path.stem])
    assert names(folder) == [] and path.is_file()


def test_of_a_task_those_of_standing_corrections_stay(folder: Path) -> None:
    media.keep_tokens_of(folder / "one", {"b"})
    media.keep_tokens_of(folder / "third", set())
    assert names(folder) == ["one b", "other a"]
