"""The example task `scenes`: its drawings show what its labels say, its voices are parted, and it can be trained."""

import random
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import scenes as benchmark
from examples import voices
from examples.scenes import drawing, make, questions
from examples.scenes.make import AskedScene, samples
from mmdemo import __main__, tasks
from mmdemo.decode import SAMPLE_RATE_HZ, decode_audio
from mmdemo.evaluation import evaluate
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import ROOT
from mmdemo.tasks import Limits
from mmdemo.training import manifests

TASK = ROOT / "examples" / "scenes" / "scenes.toml"
FEW = 60
EXAMPLES, EXAMPLES_SEED = 90, 1  # what the task's examples were taken from

speaking = pytest.mark.skipif(not shutil.which(voices.PROGRAM), reason=f"{voices.PROGRAM} is not installed")


@pytest.fixture(scope="module")
def dev() -> list[AskedScene]:
    return list(samples("dev", FEW, seed=0))


def nearest(picture: np.ndarray, place: str) -> str:
    """Return what colour most of a corner is that is not paper, "" where it is all paper."""
    column, row = drawing.PLACES[place]
    half = drawing.SIDE_PX // 2
    corner = picture[row * half : (row + 1) * half, column * half : (column + 1) * half].reshape(-1, 3).astype(int)
    ink = corner[corner.max(axis=1) - corner.min(axis=1) > 60]
    distance = {name: np.abs(ink - np.array(colour)).sum() for name, colour in drawing.COLOURS.items()}
    return min(distance, key=lambda name: distance[name]) if len(ink) else ""


def test_the_same_seed_makes_the_same_samples(dev: list[AskedScene]) -> None:
    again, other = list(samples("dev", FEW, seed=0)), list(samples("dev", FEW, seed=1))
    assert [asked.row for asked in again] == [asked.row for asked in dev] != [asked.row for asked in other]
    assert all(a.picture.tobytes() == b.picture.tobytes() for a, b in zip(again, dev, strict=True))
    assert samples("train", 1, seed=0).__next__().things != dev[0].things


def test_each_corner_shows_its_thing_or_nothing(dev: list[AskedScene]) -> None:
    for asked in dev:
        shown = {place: nearest(np.asarray(asked.picture), place) for place in drawing.PLACES}
        assert shown == {**dict.fromkeys(drawing.PLACES, ""), **{thing.place: thing.colour for thing in asked.things}}


def test_shapes_look_unlike_each_other_and_stay_in_their_corner() -> None:
    drawn = {}
    for shape in drawing.SHAPES:
        thing = drawing.Thing(shape, "blue", "top-left")
        picture = np.asarray(drawing.draw((thing,), random.Random(0))).astype(int)  # one size and tilt for all
        drawn[shape] = picture.max(axis=2) - picture.min(axis=2) > 60
    half = drawing.SIDE_PX // 2
    assert all(ink[:half, :half].sum() == ink.sum() > 50 for ink in drawn.values())
    pairs = [(one, other) for one in drawn for other in drawn if one < other]
    assert min((drawn[one] ^ drawn[other]).sum() for one, other in pairs) > 30


def test_the_label_answers_the_question(dev: list[AskedScene]) -> None:
    for asked in dev:
        row, thing = asked.row, asked.question.thing
        assert row["label"] == (thing.colour if row["extra"]["asks"] == questions.COLOUR else thing.place)
        assert [other.shape for other in asked.things].count(row["extra"]["shape"]) == 1
        assert drawing.FEWEST <= len({other.place for other in asked.things}) == len(asked.things) <= drawing.MOST


def test_a_kind_has_what_it_needs_and_what_is_missing_cannot_be_told_from_the_rest(dev: list[AskedScene]) -> None:
    assert Counter(asked.question.kind for asked in dev) == dict.fromkeys(questions.KINDS, FEW // 3)
    for row in (asked.row for asked in dev):
        modalities = tuple(name for name in ("image", "text", "audio") if name in row)
        assert modalities == questions.NEEDS[row["group"]]
        named = [shape for shape in drawing.SHAPES if shape in row.get("text", "")]
        assert named == ([row["extra"]["shape"]] if row["group"] == questions.TYPED else [])
        assert row.get("audio", "").startswith(f"words/{row['extra']['shape']}-") == ("audio" in row)


@pytest.mark.slow
def test_whoever_speaks_in_dev_is_never_heard_in_train() -> None:
    heard = {side: {asked.row["extra"].get("speaker") for asked in samples(side, 300, 0)} for side in voices.SPEAKERS}
    assert heard["train"] & heard["dev"] == {None}
    assert len(heard["train"]) > 20 and len(heard["dev"]) > 10


def test_the_task_answers_with_what_can_be_drawn() -> None:
    task = tasks.load_file(TASK)
    assert task.label_names == (*drawing.COLOURS, *drawing.PLACES)
    assert all(label.display["zh"] != label.display["en"] for label in task.labels)
    assert task.training["mirror"] is False  # left and right are answers


def test_its_examples_are_samples_of_dev_and_show_every_label() -> None:
    task = tasks.load_file(TASK)
    by_id = {asked.id: asked for asked in samples("dev", EXAMPLES, EXAMPLES_SEED)}
    assert {example.expected for example in task.examples} == set(task.label_names)
    assert {by_id[example.image.stem].question.kind for example in task.examples} == set(questions.KINDS)
    for example in task.examples:
        asked = by_id[example.image.stem]
        assert np.array_equal(np.asarray(Image.open(example.image)), np.asarray(asked.picture))
        assert (example.text, example.expected) == (asked.question.text, asked.row["label"])
        assert bool(example.audio) == bool(asked.recording) and (not example.audio or example.audio.is_file())


def test_without_the_program_there_is_one_sentence(capsys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert make.main([str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "needs the program espeak-ng" in said and "apt-get install espeak-ng" in said
    assert not (tmp_path / "out").exists()


@speaking
def test_the_program_knows_everybody_who_is_to_speak() -> None:
    listed = subprocess.run([voices.PROGRAM, "--voices=variant"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"!v/(\S+)", listed))  # an unknown one would speak as somebody else
    assert {name for names in voices.SPEAKERS.values() for name in names} <= known


@speaking
def test_a_word_is_said_the_same_way_again_and_otherwise_by_others(tmp_path: Path) -> None:
    one, other = (voices.Recording("star", voice, 0) for voice in ("en-us+m7", "en-gb+f5"))
    for recording in (one, other):
        voices.write(tmp_path, recording)
    first, second = ((tmp_path / recording.file).read_bytes() for recording in (one, other))
    (tmp_path / one.file).unlink()
    voices.write(tmp_path, one)
    assert (tmp_path / one.file).read_bytes() == first != second
    assert 0.2 < len(decode_audio(first, Limits())) / SAMPLE_RATE_HZ < 1.2


@speaking
@pytest.mark.slow
def test_it_is_made_trained_and_measured(capsys, tmp_path: Path) -> None:
    data, version = tmp_path / "data", tmp_path / "first"
    assert make.main([str(data), "--count", "40"]) == 0
    assert "40 samples (14 typed, 13 spoken, 13 both)" in capsys.readouterr().out
    assert make.main([str(data)]) == 2 and "train.jsonl exists" in capsys.readouterr().err
    words = ("--task", TASK, "--train", data / "train.jsonl", "--dev", data / "dev.jsonl", "--out", version)
    assert __main__.main(["train", *map(str, words), "--batch", "20", "--epochs", "1"]) == 0
    task = tasks.load_file(TASK)
    result = evaluate(Predictor(task, version), manifests.read(data / "dev.jsonl", task))
    assert result.n == 3 and set(result.by_group) == set(questions.KINDS)
    head, line, *rows = benchmark.table(result)
    assert [row.split(" | ")[0] for row in rows] == [f"| {kind}" for kind in questions.KINDS]
    assert all(row.count("|") == head.count("|") == line.count("|") for row in rows)
    assert [row.count("points") for row in rows] == [2, 2, 3]
