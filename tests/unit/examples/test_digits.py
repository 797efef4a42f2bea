"""More voices for the task `spoken_digits` stand in one manifest with those that were there."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from examples import voices
from examples.digits import make, outliers, sounds
from examples.digits.cast import DIGITS, LANGUAGES, LEARNERS, SIDES, Cast, words
from mmdemo import tasks
from mmdemo.answers import NONE_OF_THESE
from mmdemo.decode import decode_audio, encode_audio
from mmdemo.tasks import Limits
from mmdemo.training import manifests

speaking = pytest.mark.skipif(not shutil.which(voices.PROGRAM), reason=f"{voices.PROGRAM} is not installed")


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A manifest with one clip."""
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / "seven.flac").write_bytes(encode_audio(np.sin(np.arange(8000, dtype=np.float32)) / 4))
    path = folder / "train.jsonl"
    row = {"id": "real-7", "audio": "seven.flac", "label": "7", "group": "ann", "extra": {"speaker": "ann"}}
    path.write_text(json.dumps(row) + "\n", "utf-8")
    return path


def test_every_voice_says_every_digit() -> None:
    recordings = make.recordings(takes=2)
    assert len(recordings) == len({recording.file for recording in recordings}) == 10 * (72 + 72) * 2
    greek = [recording for recording in recordings if recording.voice == "el+m1" and recording.take == 0]
    assert [recording.word for recording in greek] == list(DIGITS)
    assert greek[7].spelled == "σέβεν" and not recordings[7].spelled


def test_each_language_spells_all_the_digits() -> None:
    assert {language: len(spelled.split()) for language, spelled in LEARNERS.items()} == dict.fromkeys(LEARNERS, 10)


FEW = Cast(  # hardly any of each kind, in two voices a side
    speakers={"train": ("m1", "m2", "m3"), "dev": ("f5",)},
    accents=("en-us",),
    learners={"el": LEARNERS["el"]},
    languages={"train": ("de",), "dev": ("fi",)},
    words=lambda side: {"train": ["window", "river"], "dev": ["maybe", "stone"]}[side],
    counts={
        side: dict.fromkeys(("sentences", "several", "noise", "recorded", "talk"), 3) | {"half": 10} for side in SIDES
    },
)


@speaking
def test_all_kinds_stand_in_two_manifests_that_share_no_voice(
    tmp_path: Path, beside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made"
    arguments = [str(out), "--beside", str(beside), "--dev", str(beside), "--talk", str(beside), str(beside)]
    assert make.main(arguments, FEW) == 0
    assert "1 samples" in capsys.readouterr().out
    task = tasks.get("spoken_digits")
    train, test = (manifests.read(out / name, task) for name in ("train.jsonl", "behaviour.jsonl"))
    digits = [row for row in train if row.label != NONE_OF_THESE]
    assert len(digits) == 41 and {row.extra["speaker"] for row in digits} == {
        *("ann", "en-us+m1", "en-us+m2", "en-us+m3", "el+m1")
    }
    kinds = {"other_words", "sentences", "several_digits", "half_a_digit", "another_language", "noise", "people"}
    assert {row.group for row in train if row.label == NONE_OF_THESE} == kinds | {"broken_words"}
    assert {row.extra["capability"] for row in test} == kinds | {"digits"}
    assert {row.label for row in test if row.extra["capability"] == "digits"} == {str(digit) for digit in range(10)}
    learned, tested = ({row.extra["speaker"] for row in rows} - {"ann", *sounds.MADE} for rows in (train, test))
    assert learned and tested and learned.isdisjoint(tested)
    for row in (*train, *test):
        heard = decode_audio(row.sample.audio, Limits(audio_min_s=0.1))
        assert len(heard) > 1000 and np.abs(heard).max() <= 1
    assert make.main([str(out), "--beside", str(beside)], FEW) == 2  # it is there already


def test_no_word_is_on_both_sides_and_none_is_a_digit() -> None:
    train, test = (set(words(side)) for side in SIDES)
    assert train.isdisjoint(test) and min(len(train), len(test)) > 400
    alike = {*DIGITS, "won", "to", "too", "for", "fore", "ate", "tree", "free", "oh", "nought", "once", "none"}
    assert not alike & (train | test)
    assert not set(LANGUAGES["train"]) & set(LANGUAGES["dev"])


def test_the_same_clip_always_sounds_the_same() -> None:
    clips = [clip for clip in outliers.spoken("train") if clip.capability == "noise"][:6]
    for clip in clips:
        first, again = clip.sound(), clip.sound()
        np.testing.assert_array_equal(first, again)
        assert 0.05 < np.sqrt(np.mean(first**2)) <= 0.11 and first.dtype == np.float32
    tone = np.sin(np.arange(16000, dtype=np.float32) * 2.5)  # 6.4 kHz
    assert np.abs(sounds.telephone(tone)[100:-100]).max() < 0.1


def test_a_manifest_that_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(voices.PROGRAM):
        assert make.main([str(tmp_path), "--beside", str(tmp_path / "none.jsonl")]) == 2
        assert "none.jsonl" in capsys.readouterr().err
