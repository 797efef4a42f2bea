"""The command line: exit codes, one JSON value, one sentence."""

import json
from pathlib import Path

import pytest

from annotations import __main__ as command_line
from annotations import review_queue
from annotations.store import open_store
from mmdemo import settings
from mmdemo.settings import Settings
from tests.unit.annotations import sentiment


@pytest.fixture
def config() -> Settings:
    """The settings that the command line reads, too."""
    return settings.load()


@pytest.fixture
def ids(config: Settings) -> list[tuple[str, str]]:
    """Two doubtful samples in the queue, the second more doubtful: their ids and those of their senders."""
    store = open_store(config)
    offered = []
    for text, confidence in (("first", 0.5), ("second", 0.4)):
        sample = sentiment.inputs(text)
        offered.append(review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample, confidence)))
    review_queue.correct(store, sentiment.TASKS, offered[0][0], "negative", "Ann")
    review_queue.undo(store, "Ann")
    store.close()
    return offered


def answered(config: Settings, sample_id: str) -> None:
    store = open_store(config)
    review_queue.correct(store, sentiment.TASKS, sample_id, "negative", "Ann")
    store.close()


def test_queue_prints_the_fields_of_the_contract_most_doubtful_first(ids, capsys) -> None:
    assert command_line.main(["queue", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["sample_id"] for entry in entries] == [ids[1][0], ids[0][0]]
    fields = {"sample_id", "task", "label", "confidence", "reason", "state", "created_at", "suggested", "capped"}
    assert set(entries[0]) == fields
    assert command_line.main(["queue", "--task", "speech_emotion", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.slow
def test_every_command_prints_one_json_value_and_nothing_else(ids, config: Settings, tmp_path: Path, capsys) -> None:
    answered(config, ids[0][0])
    out = str(tmp_path / "out")
    for words in (
        ["queue"],
        ["status"],
        ["promise"],
        ["status", "--task", "sentiment"],
        ["export", "--out", out],
        ["import", f"{out}/sentiment.jsonl", "--task", "sentiment"],
        ["expire", "--days", "1"],
        ["forget", ids[1][1]],
    ):
        assert command_line.main([*words, "--json"]) == 0, words
        said = capsys.readouterr()
        json.loads(said.out)
        assert (said.out.count("\n"), said.err) == (1, "")


def test_people_read_lines(ids, config: Settings, tmp_path: Path, capsys) -> None:
    answered(config, ids[0][0])
    for words, said in (
        (["queue"], "low_confidence"),
        (["status", "--task", "sentiment"], "negative: 1"),
        (["export", "--out", str(tmp_path)], "sentiment.jsonl: 1 corrections"),
        (["import", str(tmp_path / "sentiment.jsonl"), "--task", "sentiment"], "0 corrections stored, 1 were known"),
        (["expire"], "0 samples"),
        (["expire", "--days", "99999999999999"], "0 samples"),
    ):
        assert command_line.main(words) == 0
        assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["queue", "--task", "nosuch"], 2, "sentiment, speech_emotion"),
        (["forget", "guess"], 2, "Nothing is kept"),
        (["import", "nosuch.jsonl", "--task", "sentiment"], 2, "nosuch.jsonl"),
        (["rollback", "--task", "sentiment", "--to", "nosuch"], 2, "nosuch"),
        (["export", "--out", "/proc/nowhere"], 1, "/proc/nowhere"),
    ],
)
def test_a_refusal_is_one_sentence_on_standard_error(
    ids, config: Settings, words, code: int, said: str, capsys
) -> None:
    answered(config, ids[0][0])
    assert command_line.main(words) == code
    output = capsys.readouterr()
    assert output.out == "" and said in output.err and output.err.count("\n") == 1


WATCH = [["sync", "--watch", wrong] for wrong in ("-1", "0", "nan", "inf", "often")]


@pytest.mark.parametrize("words", [[], ["nosuch"], ["export"], ["import", "x"], ["expire", "--days", "-5"], *WATCH])
def test_wrong_use_ends_with_two(words: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(words)
    assert ended.value.code == 2 and capsys.readouterr().out == ""


def test_help_names_every_command(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--help"])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert ended.value.code == 0
    assert {*command_line.COMMANDS, command_line.RETRAIN} <= set(listed)


def test_a_home_that_cannot_be_used_ends_with_one(command, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    done = command("-m", "annotations", "queue", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Set MMDEMO_HOME" in done.stderr and "Traceback" not in done.stderr
