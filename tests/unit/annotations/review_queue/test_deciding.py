"""Reviewers whom the settings name decide before the majority: in the page, over Label Studio and in imports alike."""

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from annotations import export, review_queue
from annotations.loop import Loop
from annotations.store import Store, labels, open_store, tallies
from annotations.store.tallies import Counted
from mmdemo.settings import Settings
from tests.unit.annotations import sentiment
from tests.unit.annotations.sentiment import RulePredictor

ZOE, ZOE_APART = "Zo\u00eb", "Zoe\u0308"  # one name in both normal forms
BEN = "ben@example.org"


@pytest.fixture
def config(config: Settings, empty_home: Path) -> Settings:
    shutil.copytree(empty_home, config.home)
    return replace(config, deciding_reviewers=f" {ZOE_APART} ,, {BEN}")


@pytest.fixture
def sample_id(store: Store) -> str:
    sample = sentiment.inputs()
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))[0]


def say(store: Store, sample_id: str, annotator: str, label: str) -> bool:
    return review_queue.correct(store, sentiment.TASKS, sample_id, label, annotator).counts


def counts(store: Store) -> tuple[str, str]:
    with store.reading() as session:
        [one] = labels.corrections(session, sentiment.TASK.name)
        assert labels.counting(session, one.correction.sample_id).id == one.correction_id
        assert tallies.by_item(session, sentiment.TASK.name, Counted.ANNOTATOR) == {one.correction.annotator: 1}
    return one.correction.label, one.correction.annotator


def test_who_decides_outdoes_any_number_of_others(store: Store, sample_id: str) -> None:
    assert [say(store, sample_id, who, "negative") for who in ("Ann", "Zoe", "Cleo")] == [True] * 3
    assert counts(store) == ("negative", "Cleo")
    assert say(store, sample_id, ZOE, "neutral")
    assert counts(store) == ("neutral", ZOE)
    assert not say(store, sample_id, "Dora", "negative")
    assert say(store, sample_id, ZOE_APART, "negative")  # each person's latest is their say
    assert counts(store) == ("negative", ZOE)


def test_of_several_who_decide_the_majority_counts_and_then_the_latest(store: Store, sample_id: str) -> None:
    say(store, sample_id, ZOE, "neutral")
    assert say(store, sample_id, BEN, "positive")
    assert counts(store) == ("positive", BEN)
    review_queue.undo(store, BEN)
    assert counts(store) == ("neutral", ZOE)
    review_queue.undo(store, ZOE)
    assert say(store, sample_id, "Ann", "negative")  # nobody who decides has a say any more
    assert counts(store) == ("negative", "Ann")


def test_an_import_and_an_export_go_by_it_too(store: Store, sample_id: str, tmp_path: Path) -> None:
    for who in ("Ann", "Cleo"):
        say(store, sample_id, who, "negative")
    manifest = tmp_path / "answers.jsonl"
    line = {
        "id": "1",
        "text": sentiment.inputs().text,
        "label": "neutral",
        "annotator": BEN,
        "corrected_at": "2020-01-01",
    }
    manifest.write_text(json.dumps(line) + "\n")
    assert [export.read_manifest(store, sentiment.TASK, manifest).added for _ in range(2)] == [1, 0]
    assert counts(store) == ("neutral", BEN)
    assert export.write_folder(store, [sentiment.TASK.name], tmp_path / "out") == {sentiment.TASK.name: 1}
    [written] = map(json.loads, (tmp_path / "out" / "sentiment.jsonl").read_text().splitlines())
    assert (written["label"], written["annotator"]) == ("neutral", BEN)


def test_the_page_and_scripts_are_told(config: Settings, store: Store, sample_id: str) -> None:
    say(store, sample_id, ZOE, "neutral")
    with closing(Loop(config, RulePredictor)) as loop:
        assert not loop.correct(sample_id, "negative", "Ann", "").counts
        [answered] = loop.answered("Ann", 9)
        assert answered.standing is not None and answered.standing.annotator == ZOE
        assert loop.status("sentiment").by_label["neutral"] == 1


def test_without_the_setting_nobody_decides(config: Settings, store: Store, sample_id: str) -> None:
    say(store, sample_id, ZOE, "neutral")
    for who in ("Ann", "Cleo"):
        say(store, sample_id, who, "negative")
    assert counts(store) == ("neutral", ZOE)
    with closing(open_store(replace(config, deciding_reviewers=""))) as plain:
        assert counts(plain) == ("negative", "Cleo")


def test_whoever_opens_a_sample_is_told_which_answers_count(config: Settings, store: Store, sample_id: str) -> None:
    for who, label in ((ZOE, "neutral"), ("Ann", "negative"), ("Cleo", "neutral")):
        say(store, sample_id, who, label)
    with closing(Loop(config, RulePredictor)) as loop:
        said = loop.item(sample_id).corrections
    assert [(one.annotator, one.counts) for one in said] == [(ZOE, True), ("Ann", False), ("Cleo", True)]
