"""More voices for the task `spoken_digits` stand in one manifest with those that were there."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from examples import voices
from examples.digits import make
from mmdemo import tasks
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
    found = make.recordings(takes=2)
    assert len(found) == len({recording.file for recording in found}) == 10 * (96 + 96) * 2
    greek = [recording for recording in found if recording.voice == "el+m1" and recording.take == 0]
    assert [recording.word for recording in greek] == list(make.DIGITS)
    assert greek[7].spelled == "σέβεν" and not found[7].spelled


def test_each_language_spells_all_the_digits() -> None:
    assert {language: len(spelled.split()) for language, spelled in make.LEARNERS.items()} == dict.fromkeys(
        make.LEARNERS, 10
    )


@speaking
def test_both_kinds_stand_in_one_manifest(
    tmp_path: Path, beside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make, "SPEAKERS", {"train": ("m1",), "dev": ("f5",)})
    monkeypatch.setattr(make, "ACCENTS", ("en-us",))
    monkeypatch.setattr(make, "LEARNERS", {"el": make.LEARNERS["el"]})
    out = tmp_path / "made"
    assert make.main([str(out), "--beside", str(beside), "--takes", "1"]) == 0
    assert "1 samples" in capsys.readouterr().out
    rows = manifests.read(out / "train.jsonl", tasks.get("spoken_digits"))
    assert len(rows) == 31 and {row.extra["speaker"] for row in rows} == {"ann", "en-us+m1", "en-us+f5", "el+m1"}
    heard = [decode_audio(row.sample.audio, Limits(audio_min_s=0.1)) for row in rows]
    assert len(heard[0]) == 8000 and all(len(clip) > 2000 for clip in heard)
    assert make.main([str(out), "--beside", str(beside)]) == 2  # it is there already


def test_a_manifest_that_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(voices.PROGRAM):
        assert make.main([str(tmp_path), "--beside", str(tmp_path / "none.jsonl")]) == 2
        assert "none.jsonl" in capsys.readouterr().err
