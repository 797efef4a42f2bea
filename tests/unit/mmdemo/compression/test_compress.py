"""compress: a version like any other, what it differs in, and what is refused. Nothing here asserts a time."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmdemo import tasks
from mmdemo.__main__ import main
from mmdemo.commands.compress import METHODS as named
from mmdemo.compression import METHODS
from mmdemo.compression.vocabulary import captions_of
from mmdemo.explain.perturbation.trust import ORDERS
from mmdemo.model import MultimodalModel, packing
from mmdemo.settings import Settings
from mmdemo.training.manifests import corpus
from mmdemo.values.samples import Inputs
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from tests import tiny
from tests.unit.mmdemo.compression.conftest import write_manifest

ROUND = {"fp16", "int8", "vocabulary"}  # methods that only round, or not even that


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def smaller(capsys: pytest.CaptureFixture[str], original, method: str, out: Path, *more: object) -> dict:
    """Return what the command says of a version that it made."""
    words = ("--version", original.folder, "--manifest", original.manifest, "--cpu", *more)
    code, printed, err = run(
        capsys, "compress", "--task", original.task.path, "--method", method, *words, "--out", out, "--json"
    )
    assert code == 0, err
    return json.loads(printed)


@pytest.mark.parametrize("method", sorted(ROUND))
def test_it_is_a_version_like_any_other(capsys, original, tmp_path: Path, method: str) -> None:
    said = smaller(capsys, original, method, tmp_path / "small")
    about = sidecar.read(tmp_path / "small")
    assert (about.version, about.parent, about.promise) == ("small", "tiny-v1", None)
    record = about.compression
    assert record is not None and (record.method, record.samples, record.manifest) == (method, 10, "calib.jsonl")
    assert said["agreement"] == record.agreement == 1
    assert record.bytes.before == sum(
        path.stat().st_size for path in original.folder.iterdir() if path.name != sidecar.FILE
    )
    assert record.bytes.after < record.bytes.before and record.accuracy.before == record.accuracy.after
    assert record.maps is not None and all(0 <= count <= ORDERS for count in (record.maps.before, record.maps.after))
    assert 0 < record.latency[1] <= record.latency[0] <= record.latency[2]
    card = (tmp_path / "small" / "model_card.md").read_text("utf-8")
    assert f"tiny-v1, by {method}" in card and "of 10 samples of calib.jsonl" in card
    words = ("--task", original.task.path, "--version", tmp_path / "small")
    code, printed, _ = run(capsys, "predict", *words, "--text", "a dog runs", "--json")
    assert code == 0 and json.loads(printed)["model_version"] == "small"
    code, printed, _ = run(capsys, "evaluate", *words, "--manifest", original.manifest, "--json")
    assert code == 0 and json.loads(printed)["accuracy"] == pytest.approx(record.accuracy.after)


def test_other_samples_may_be_compared_on(capsys, original, tmp_path: Path) -> None:
    few = write_manifest(tmp_path, 4).rename(tmp_path / "few.jsonl")
    said = smaller(capsys, original, "fp16", tmp_path / "small", "--dev", few)
    assert (said["samples"], said["manifest"]) == (4, "few.jsonl")


def test_nobody_is_served_by_it(capsys, original, tmp_path: Path) -> None:
    versions, task = Versions(Settings(home=tmp_path)), original.task.name
    shutil.copytree(original.folder, versions.folder(task, "tiny-v1"))
    versions.promote(task, "tiny-v1")
    smaller(capsys, original, "fp16", versions.folder(task, "small"))
    assert versions.champion(task) == "tiny-v1" and versions.path(task, "small").is_dir()


def test_bits_of_files(capsys, original, tmp_path: Path) -> None:
    for method in ("fp16", "int8"):
        smaller(capsys, original, method, tmp_path / method)
    whole, half, eighth = (packing.load(folder) for folder in (original.folder, tmp_path / "fp16", tmp_path / "int8"))
    for name, value in whole.items():
        assert torch.equal(half[name], value.half().float() if value.is_floating_point() else value)
        if value.dim() > 1 and value.numel() >= packing.FEWEST:
            step = value.flatten(1).abs().amax(dim=1) / packing.LARGEST
            off = (eighth[name] - value).flatten(1).abs().amax(dim=1)
            assert bool((off <= step * 0.501).all())
    again = replace(original, folder=tmp_path / "int8")
    smaller(capsys, again, "int8", tmp_path / "twice")
    assert (tmp_path / "twice" / packing.FILE).read_bytes() == (tmp_path / "int8" / packing.FILE).read_bytes()


@pytest.mark.parametrize("stored", ["fp16", "int8"])
def test_a_caption_whose_pieces_stay_has_the_same_tokens(capsys, original, tmp_path: Path, stored: str) -> None:
    smaller(capsys, original, stored, tmp_path / "whole")
    said = smaller(capsys, replace(original, folder=tmp_path / "whole"), "vocabulary", tmp_path / "small")
    before, after = (MultimodalModel.load(tmp_path / name) for name in ("whole", "small"))
    rows = [len(each.model.get_parameter(_TABLE)) for each in (before, after)]
    assert said["settings"] == {"pieces": rows[1], "of": rows[0]} and rows[1] < rows[0]
    assert said["more"] == {"captions": 10, "spelled_as_before": 1}
    for text in ("the dog is good", "a cat", "good cats"):
        tokens = []
        for loaded in (before, after):
            with torch.inference_mode():
                tokens.append(loaded.model.encode(loaded.processor([Inputs(text=text)]).batch).values)
        assert torch.equal(*tokens)


_TABLE = "encoders.text.backbone.embeddings.word_embeddings.weight"


def test_pieces_that_no_caption_uses_go_but_for_single_characters(capsys, original, tmp_path: Path) -> None:
    smaller(capsys, original, "vocabulary", tmp_path / "small")
    before, after = _pieces(original.folder), _pieces(tmp_path / "small")
    assert before - after == {"run", "smil", "##ing"}


def test_captions_of_templates_and_examples_count() -> None:
    task = tasks.get("sentiment")
    captions = set(captions_of(task, []))
    assert {example.text for example in task.examples} < captions
    assert any(each.sample.text in captions for each in corpus.rehearsal(task))


def _pieces(folder: Path) -> set[str]:
    return set(json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"])


def test_help_names_every_method() -> None:
    assert named.replace(" or ", ", ").split(", ") == list(METHODS)


def test_what_is_refused_is_said_in_a_sentence(capsys, original, tmp_path: Path) -> None:
    words = ["compress", "--task", original.task.path, "--version", original.folder, "--out", tmp_path / "new"]
    manifest = ["--manifest", original.manifest]
    code, _, err = run(capsys, *words, *manifest, "--method", "magic")
    assert code == 2 and all(name in err for name in ("magic", *METHODS))
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    code, _, err = run(capsys, *words, "--manifest", empty, "--method", "fp16")
    assert code == 2 and "empty.jsonl" in err
    unreadable = tmp_path / "broken.jsonl"
    (tmp_path / "broken.png").write_bytes(b"no picture")
    unreadable.write_text('{"id": "a", "image": "broken.png", "label": "good"}\n')
    code, _, err = run(capsys, *words, "--manifest", unreadable, "--method", "fp16")
    assert code == 2 and "None of the 1 samples" in err
    code, _, err = run(capsys, *words, "--manifest", unreadable, "--method", "vocabulary")
    assert code == 2 and "has a caption" in err
    assert not (tmp_path / "new").exists()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    code, _, err = run(capsys, *words[:-1], tmp_path / "taken", *manifest, "--method", "fp16")
    assert code == 2 and "not empty" in err


def test_a_task_without_captions_has_no_vocabulary(capsys, tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("audio",))
    version = tiny.version(tmp_path / "v1", task)
    (tmp_path / "a.wav").write_bytes(b"")
    manifest = tmp_path / "m.jsonl"
    manifest.write_text('{"id": "a", "audio": "a.wav", "label": "good"}\n')
    words = ("--task", task.path, "--version", version, "--manifest", manifest, "--out", tmp_path / "new")
    code, _, err = run(capsys, "compress", *words, "--method", "vocabulary")
    assert code == 2 and "takes no captions" in err
