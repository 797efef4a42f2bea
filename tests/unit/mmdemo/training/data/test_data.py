"""Manifests are read once, and what is at fault in either is said before anything is decoded."""

import json
from pathlib import Path

import pytest

from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalProcessor
from mmdemo.training.data import Decoded, Manifests
from tests import tiny

PROCESSOR = MultimodalProcessor()
GOOD = {"id": "1", "text": "the dog", "label": "good"}
NO_PICTURE = {"id": "2", "image": "bad.png", "label": "bad"}
UNKNOWN = {"id": "3", "text": "the cat", "label": "neither"}


def write(path: Path, *lines: object) -> Path:
    path.with_name("bad.png").write_text("no picture")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def test_a_fault_of_either_is_said_before_anything_is_decoded(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("image", "text"))
    train, dev = write(tmp_path / "train.jsonl", GOOD), write(tmp_path / "dev.jsonl", GOOD, UNKNOWN)
    for sources in (Manifests(train, dev), Manifests(dev, train)):
        with pytest.raises(ManifestError, match=r"dev\.jsonl has 1 line.*line 2"):
            sources.read(task)
    with pytest.raises(ManifestError, match="gone"):
        Manifests(train, tmp_path / "gone.jsonl", skip_bad=True).read(task)


def test_what_was_read_is_decoded_though_the_file_is_gone(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("image", "text"))
    sources = Manifests(write(tmp_path / "train.jsonl", GOOD))
    train, dev = sources.read(task)
    sources.train.unlink()
    decoded = sources.decode(train, task, PROCESSOR)
    assert [item.inputs.text for item in decoded.of(decoded.rows)] == ["the dog"]
    assert dev is None and sources.decode(dev, task, PROCESSOR) == Decoded()


def test_all_lines_at_fault_are_named_in_their_order_where_they_are_left_out(tmp_path: Path, capsys) -> None:
    task = tiny.task(tmp_path, ("image", "text"))
    sources = Manifests(write(tmp_path / "train.jsonl", NO_PICTURE, UNKNOWN, GOOD), skip_bad=True)
    decoded = sources.decode(sources.read(task)[0], task, PROCESSOR)
    assert [row.id for row in decoded.rows] == ["1"] and list(decoded.items) == ["1"]
    said = capsys.readouterr().err
    assert "2 line(s)" in said and said.index("line 1: ") < said.index("line 2: ")


def test_a_picture_that_cannot_be_read_is_a_fault_too(tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("image", "text"))
    sources = Manifests(write(tmp_path / "train.jsonl", GOOD, NO_PICTURE))
    with pytest.raises(ManifestError, match='line 2: "2" cannot be judged'):
        sources.decode(sources.read(task)[0], task, PROCESSOR)
    sources = Manifests(write(tmp_path / "train.jsonl", NO_PICTURE), skip_bad=True)
    with pytest.raises(ManifestError, match="has no samples"):
        sources.decode(sources.read(task)[0], task, PROCESSOR)
