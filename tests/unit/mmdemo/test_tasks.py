"""Task files are read, checked, and say what an input may be."""

import dataclasses
import tomllib
from pathlib import Path

import pytest

from mmdemo import locale, tasks
from mmdemo.errors import ManifestError
from mmdemo.settings import ROOT
from mmdemo.tasks import Task
from mmdemo.versions.registry import SHIPPED

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


EXAMPLES = (ROOT / "examples" / "sentiment_heads.toml", ROOT / "examples" / "scenes" / "scenes.toml")


@pytest.mark.parametrize("language", locale.LANGUAGES)
def test_every_task_that_ships_words_its_question(language: str) -> None:
    for task in (*tasks.load_all().values(), *map(tasks.load_file, EXAMPLES)):
        assert task.display_question(language) == task.question[language]
        assert task.question[language].rstrip("？?") != task.question[language]


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("sentiment", "Sentiment: negative, neutral or positive?", "情感：消极、中性还是积极？"),
        ("spoken_digits", "Spoken digits: which of 10 answers is it?", "口述数字：是 10 个答案中的哪一个？"),
    ],
)
def test_a_task_without_words_of_its_own_asks_by_title_and_labels(name: str, english: str, chinese: str) -> None:
    bare = dataclasses.replace(tasks.get(name), question={})
    assert (bare.display_question("en"), bare.display_question("zh")) == (english, chinese)


def test_a_question_that_is_no_text_is_refused(tmp_path: Path) -> None:
    written = (tasks.SHIPPED / "spoken_digits.toml").read_text("utf-8").partition("[[examples]]")[0]
    (tmp_path / "t.toml").write_text(written.replace('en = "Which digit is said?"', "en = 1"), "utf-8")
    with pytest.raises(ManifestError, match="is not a line for each language"):
        tasks.load_file(tmp_path / "t.toml")


WRITTEN = "name = '{name}'\ntitle = 'Weather'\nlabels = ['dry', 'wet']\nmodalities = ['text']\nthreshold = 0.6\n"


def test_what_an_editor_or_a_system_leaves_beside_a_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "weather.toml").write_text(WRITTEN.format(name="weather"), encoding="utf-8")
    (tmp_path / "._weather.toml").write_bytes(b"\x00\x05\x16\x07")  # macOS, on a disk of another system
    (tmp_path / ".#weather.toml").symlink_to("somebody@machine.1")  # Emacs, while the file is edited
    assert "weather" in tasks.load_all(tmp_path)


def test_a_mark_before_the_text_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "weather.toml"
    path.write_text(WRITTEN.format(name="weather"), encoding="utf-8-sig")
    assert tasks.load_file(path).name == "weather"


def test_a_file_in_another_encoding_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "weather.toml"
    path.write_text(WRITTEN.format(name="Wärme"), encoding="latin-1")
    with pytest.raises(ManifestError, match=r"weather\.toml"):
        tasks.load_file(path)


@pytest.mark.parametrize("name", ["../weather", "a/b", "a\\b", "..", ".hidden", "", " ", "a\0b", "a."])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "weather.toml"
    path.write_text(WRITTEN.format(name=name).replace("\0", "\\u0000").replace("'", '"'), encoding="utf-8")
    with pytest.raises(ManifestError):
        tasks.load_file(path)


@pytest.mark.parametrize("name", ["weather", "my task 2", "v1.2-weather_de", "天气"])
def test_names_in_any_letters_are_taken(tmp_path: Path, name: str) -> None:
    path = tmp_path / "weather.toml"
    path.write_text(WRITTEN.format(name=name), encoding="utf-8")
    assert tasks.load_file(path).name == name


@pytest.mark.parametrize(
    "line",
    ["audits = 3", "audits = { share = 2.0 }", "audits = { until = -1 }", "audits = { up = 1 }", "audit_share = 1.5"],
)
def test_how_much_is_checked_at_random_is_a_share_and_a_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "weather.toml"
    path.write_text(f"{line}\n" + WRITTEN.format(name="weather"), "utf-8")
    with pytest.raises(ManifestError, match="audit"):
        tasks.load_file(path)
