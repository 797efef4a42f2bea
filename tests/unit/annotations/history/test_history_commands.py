"""The commands about the past: one JSON value, lines for people, one sentence on bad input."""

import json
import shutil

import pytest

from annotations import __main__ as command_line
from tests.tiny_training import FIRST
from tests.unit.annotations.history.conftest import SECOND, Past


@pytest.fixture
def night(past: Past) -> Past:
    store = past.store()
    past.run(store, "promoted", past.entries())
    past.run(store, "waiting", [], challenger=None)
    store.close()
    return past


def test_nights_are_listed_newest_first(night: Past, capsys) -> None:
    assert command_line.main(["nights", "--task", night.task.name, "--json"]) == 0
    waited, promoted = json.loads(capsys.readouterr().out)
    assert (waited["verdict"], waited["challenger"], waited["snapshot_kept"]) == ("waiting", None, False)
    assert (promoted["challenger"], promoted["corrections"], promoted["snapshot_kept"]) == (SECOND, 4, True)
    assert promoted["figures"]["challenger_accuracy"] == 1.0 and promoted["sentences"]
    assert command_line.main(["nights", "--limit", "1"]) == 0
    lines = capsys.readouterr().out
    assert "waiting, of 4 corrections" in lines and SECOND not in lines


def test_lineage_of_both_is_told(night: Past, capsys) -> None:
    assert command_line.main(["lineage", "--version", SECOND, "--json"]) == 0
    version = json.loads(capsys.readouterr().out)
    assert version["ancestors"] == [FIRST] and len(version["snapshot"]) == 4
    assert command_line.main(["lineage", "--version", SECOND]) == 0
    assert "2 learned from, 2 held out" in capsys.readouterr().out
    assert command_line.main(["lineage", "--version", FIRST]) == 0
    assert "was not kept" in capsys.readouterr().out
    assert command_line.main(["lineage", "--sample", night.ids[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["learned"] == [SECOND]
    assert command_line.main(["lineage", "--sample", night.ids[2]]) == 0
    said = capsys.readouterr().out
    assert "was judged on it" in said and "No version is known to have learned from it" in said


def test_two_real_versions_are_compared(night: Past, capsys) -> None:
    assert command_line.main(["diff", FIRST, SECOND, "--json"]) == 0
    out, err = capsys.readouterr()
    outcome = json.loads(out)
    assert outcome["samples"] == 4 and f"{FIRST}: 4 of 4 samples answered" in err
    right = outcome["second_right"] - outcome["first_right"]
    sides = [(one["first_right"], one["second_right"]) for one in outcome["differences"]]
    assert right == sides.count((False, True)) - sides.count((True, False))
    assert command_line.main(["diff", FIRST, SECOND, "--task", night.task.name]) == 0
    assert capsys.readouterr().out.startswith(f"sides: of 4 corrected samples, {FIRST} answers")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nights", "--task", "nosuch"], "sides"),
        (["lineage", "--sample", "nosuch"], "There is no sample nosuch"),
        (["lineage", "--version", "nosuch"], "No task has the version(s) nosuch"),
        (["lineage", "--version", FIRST, "--task", "sentiment"], "There is no version"),
        (["diff", FIRST, "nosuch"], "No task has the version(s)"),
        (["diff", FIRST, FIRST], "two different versions"),
    ],
)
def test_bad_input_gets_one_sentence(night: Past, words: list[str], said: str, capsys) -> None:
    assert command_line.main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1


@pytest.mark.parametrize("words", [["lineage"], ["lineage", "--sample", "a", "--version", "b"], ["diff", "a"]])
def test_wrong_use_ends_with_two(words: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(words)
    assert ended.value.code == 2 and capsys.readouterr().out == ""


def test_a_version_of_several_tasks_asks_which(night: Past, capsys) -> None:
    other = night.config.versions / "sentiment"
    shutil.copytree(night.config.versions / night.task.name / FIRST, other / FIRST)
    assert command_line.main(["lineage", "--version", FIRST]) == 2
    assert "Say which one with --task" in capsys.readouterr().err
