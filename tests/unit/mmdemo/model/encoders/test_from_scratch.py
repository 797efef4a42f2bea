"""Encoders that start from nothing: padding changes nothing, tokens have their places, words are learned."""

import itertools
from pathlib import Path

import pytest
import torch

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.model.encoders import ENCODERS
from mmdemo.model.frontends.text import TextFrontend
from mmdemo.tasks import load_file
from mmdemo.values.samples import Inputs
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

CAPTIONS = (
    "what colour is the circle?",
    "which colour is the square?",
    "where is the circle",
    "圆 在 哪里",
    "圆 呢",
) * 2
WORDS = ("textcnn", "bilstm")
FROM_SCRATCH = [name for name in ENCODERS if name[1] not in ("auto", "torchvision")]
CLOSE = {"atol": 1e-5, "rtol": 0}


def build(folder: Path, modality: str, kind: str) -> Built:
    """Return a fresh model of one modality whose encoder is of type `kind`."""
    path = tiny.write_task(folder, (modality,))
    path.write_text(path.read_text().replace(tiny.ENCODERS[modality], f'[encoders.{modality}]\ntype = "{kind}"\n'))
    model, processor = MultimodalModel.build(load_file(path), captions=CAPTIONS)
    return model.eval(), processor


def samples(modality: str) -> list[Inputs]:
    """Return samples of one modality that differ in length."""
    if modality == "text":
        return [Inputs(text="where is the square?"), Inputs(text="圆"), Inputs(text="what colour is the circle " * 3)]
    return [tiny.inputs(seed, (modality,), seconds) for seed, seconds in enumerate((0.5, 0.02, 1.3))]


@pytest.mark.parametrize(("modality", "kind"), FROM_SCRATCH)
def test_a_sample_gets_the_same_logits_in_any_company(modality: str, kind: str, tmp_path: Path) -> None:
    model, processor = build(tmp_path, modality, kind)
    batch = samples(modality)
    with torch.no_grad():
        together = model(processor(batch).batch).logits
        alone = torch.cat([model(processor([item]).batch).logits for item in batch])
    torch.testing.assert_close(together, alone, **CLOSE)
    assert (together[0] - together[1]).abs().max() > 1e-4


@pytest.mark.parametrize(("modality", "kind"), FROM_SCRATCH)
def test_saved_and_loaded_answers_the_same(modality: str, kind: str, tmp_path: Path) -> None:
    model, processor = build(tmp_path, modality, kind)
    model.save_pretrained(tmp_path / "saved")
    processor.save_pretrained(tmp_path / "saved")
    again, reader = MultimodalModel.load(tmp_path / "saved")
    batch = samples(modality)
    with torch.no_grad():
        assert torch.equal(model(processor(batch).batch).logits, again(reader(batch).batch).logits)


@pytest.mark.parametrize("kind", [kind for modality, kind in FROM_SCRATCH if modality == "audio"])
@pytest.mark.parametrize("length", [100, 160, 640, 641, 1_280, 1_440, 16_123])
def test_there_is_an_edge_before_each_token_of_sound_and_one_at_the_end(kind: str, length: int, tmp_path: Path) -> None:
    model, processor = build(tmp_path, "audio", kind)
    wave = tiny.inputs(seconds=2.0).audio[:length]
    _, real = model.encoders["audio"](*processor([Inputs(audio=wave)]).batch.modalities["audio"].tensors)
    edges = processor.audio_edges(length)
    assert len(edges) == int(real.sum()) + 1 and edges[-1] == length / SAMPLE_RATE_HZ
    assert all(before < after for before, after in itertools.pairwise(edges))


@pytest.mark.parametrize("kind", WORDS)
def test_one_batch_of_captions_is_learned_by_heart(kind: str, tmp_path: Path) -> None:
    model, processor = build(tmp_path, "text", kind)
    batch = processor([Inputs(text=caption) for caption in CAPTIONS[:4]]).batch
    labels = torch.tensor([0, 1, 1, 0])
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=3e-3)
    for _ in range(15):
        optimizer.zero_grad()
        model(batch, labels=labels).loss.backward()
        optimizer.step()
    with torch.no_grad():
        assert model.eval()(batch).logits.argmax(dim=1).tolist() == labels.tolist()


def test_words_are_learned_from_captions_and_keep_their_places() -> None:
    frontend = TextFrontend.learn(CAPTIONS, pieces=200, max_tokens=8)
    caption = "Where IS the 圆? Nowhere, really, 🙂"
    pieces = frontend([caption])
    (encoding,) = pieces.encodings
    covered = [caption[a:b] for a, b in encoding.offsets]
    assert covered[:7] == ["", "Where", "IS", "the", "圆", "?", "N"] and encoding.overflowing
    assert pieces.words.tolist() == [[False, *[True] * 7]] and not pieces.unknown.any()
    assert frontend(["🙂"]).unknown.all()


def test_the_same_captions_give_the_same_tokenizer_in_any_order() -> None:
    learned = {TextFrontend.learn(order, 60, 8).tokenizer.to_str() for order in (CAPTIONS, CAPTIONS[::-1], CAPTIONS)}
    assert len(learned) == 1


@pytest.mark.parametrize("captions", [(), ("", " ")])
def test_without_captions_there_is_nothing_to_learn_words_from(captions: tuple[str, ...], tmp_path: Path) -> None:
    path = tiny.write_task(tmp_path, ("text",))
    path.write_text(path.read_text().replace(tiny.ENCODERS["text"], '[encoders.text]\ntype = "textcnn"\n'))
    with pytest.raises(ManifestError, match="textcnn"):
        MultimodalModel.build(load_file(path), captions=captions)


def test_an_empty_caption_is_a_token_and_not_an_absence(tmp_path: Path) -> None:
    processor: MultimodalProcessor = build(tmp_path, "text", "bilstm")[1]
    assert processor([Inputs(text="\ue000")]).batch.modalities["text"].present.all()
