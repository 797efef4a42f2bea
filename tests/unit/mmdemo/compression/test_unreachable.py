"""A version without word pieces that no caption is spelled with: it answers alike, and all that was measured holds."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from mmdemo.model import MultimodalModel, encoded, packing
from mmdemo.training.continual import memory
from mmdemo.training.continual.memory import Remembered, Role
from mmdemo.values.promise import Promise, PromiseOutcome, PromiseRecord, SubsetPromise
from mmdemo.values.samples import Inputs
from mmdemo.versions import card, curves, sidecar
from mmdemo.versions.sidecar import RuntimeRecord
from tests.unit.mmdemo.compression.conftest import Original
from tests.unit.mmdemo.compression.test_compress import smaller

TABLE = "encoders.text.backbone.embeddings.word_embeddings.weight"
CAPTIONS = ("a dog", "the cat, is here.", "good dogs!")
PROMISE = PromiseRecord(Promise(0.1, 0.95), {"text": SubsetPromise(PromiseOutcome.STANDS, 99, 0.8, 90, 1)})
MEASURED = ("figures", "measured", "measured_on", "promise", "temperatures", "familiarity", "samples", "data")
BEHAVIOUR = "| negation | 7 | 1.000 |"


@pytest.fixture
def larger(original: Original, tmp_path: Path) -> Original:
    """One with a piece more that nothing is spelled with, and with all that may lie beside the weights."""
    folder = tmp_path / "larger"
    shutil.copytree(original.folder, folder)
    packed = packing.read(folder)
    row = packed[TABLE].new_ones(1, packed[TABLE].shape[1])
    packing.save({**packed, TABLE: torch.cat([row, packed[TABLE]])}, folder)
    state, config = (json.loads((folder / name).read_text()) for name in ("tokenizer.json", "config.json"))
    pieces = {piece: number + 1 for piece, number in state["model"]["vocab"].items()}
    state["model"]["vocab"] = {"##.": 0, **pieces}
    for entry in state["added_tokens"]:
        entry["id"] += 1
    for entry in (state["post_processor"].get("special_tokens") or {}).values():
        entry["ids"] = [number + 1 for number in entry["ids"]]
    for name in {"cls", "sep"} & state["post_processor"].keys():
        state["post_processor"][name][1] += 1
    if state["padding"]:
        state["padding"]["pad_id"] += 1
    config["encoders"]["text"]["config"]["vocab_size"] += 1
    for name, value in (("tokenizer.json", state), ("config.json", config)):
        (folder / name).write_text(json.dumps(value))
    loaded = MultimodalModel.load(folder)
    tokens = encoded.tokens_of(loaded, [Inputs(text=caption) for caption in CAPTIONS])
    memory.write(folder, loaded, [Remembered(one, original.task.answers[0], Role.REHEARSED) for one in tokens])
    curves.write(folder, None)
    (folder / curves.FILE).write_text("{}")
    about = sidecar.read(folder)
    runtime = RuntimeRecord(about.version, 9, 1.0, (0.0, 0.0), (0.0, 0.0))
    more = {"promise": PROMISE, "figures": {"accuracy": 0.7}, "measured": 9, "runtimes": {"abacus": runtime}}
    sidecar.write(folder, dataclasses.replace(about, **more))
    card.write(folder, original.task)
    text = (folder / card.FILE).read_text().replace("9 samples.", "9 samples, by hand.")
    begins, ends = text.split("## Train one")
    (folder / card.FILE).write_text(f"{begins}{card.BEHAVIOUR}\n{BEHAVIOUR}\n\n## Train one{ends}")
    return dataclasses.replace(original, folder=folder)


def test_it_answers_alike_and_all_that_was_measured_of_the_original_holds(
    capsys, larger: Original, tmp_path: Path
) -> None:
    out = tmp_path / "small"
    said = smaller(capsys, larger, "unreachable", out)
    before, after = (MultimodalModel.load(folder) for folder in (larger.folder, out))
    rows = [len(loaded.model.get_parameter(TABLE)) for loaded in (before, after)]
    assert said["settings"] == {"pieces": rows[1], "of": rows[0]} and rows[1] == rows[0] - 1
    for caption in CAPTIONS:
        answers = []
        for loaded in (before, after):
            with torch.inference_mode():
                answers.append(loaded.model(loaded.processor([Inputs(text=caption)]).batch).logits)
        assert torch.equal(*answers)
    old, new = sidecar.read(larger.folder), sidecar.read(out)
    assert [getattr(new, name) for name in MEASURED] == [getattr(old, name) for name in MEASURED]
    assert new.promise == PROMISE and new.measured_in("abacus") is not None
    assert (out / curves.FILE).read_bytes() == (larger.folder / curves.FILE).read_bytes()
    text = (out / card.FILE).read_text("utf-8")
    assert "9 samples, by hand." in text and BEHAVIOUR in text and f"{old.version}, by unreachable" in text


def test_what_it_remembers_is_its_own_and_the_same(capsys, larger: Original, tmp_path: Path) -> None:
    smaller(capsys, larger, "unreachable", tmp_path / "small")
    old, new = memory.load(larger.folder), memory.load(tmp_path / "small")
    assert old is not None and new is not None and old.encoders != new.encoders
    assert new.fits(MultimodalModel.load(tmp_path / "small"))
    for one, other in zip(old.samples, new.samples, strict=True):
        assert (one.label, one.role) == (other.label, other.role)
        assert torch.equal(one.tokens["text"], other.tokens["text"])
