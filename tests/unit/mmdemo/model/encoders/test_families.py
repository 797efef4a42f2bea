"""Every family of pretrained encoders, proven on a tiny random checkpoint of the real class.

What is expected is computed by transformers itself: its own tokenizer, image processor or feature extractor, and its
own model, one sample at a time.
"""

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from torch import Tensor
from torchaudio.compliance.kaldi import fbank

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.model.encoders.families import FAMILIES
from mmdemo.tasks import Task, load_file
from mmdemo.values.samples import Inputs
from tests import tiny, tiny_checkpoints
from tests.tiny_checkpoints import CHECKPOINTS, POSITIONS, SIZE_PX

CLOSE = {"atol": 1e-5, "rtol": 0}
AUDIO_S = 1.0  # longest clip: two of the families hear little more
CAPTIONS = ("the dog is smiling", "cat", "The cat runs, " * 20)
SECONDS = (0.4, 1.0, 0.21)


@dataclass(frozen=True)
class Made:
    """A model that was built from a checkpoint, and where that lies."""

    modality: str
    family: str
    start: Path
    model: MultimodalModel
    processor: MultimodalProcessor

    def tokens(self, batch: list[Inputs]) -> tuple[Tensor, Tensor]:
        """Return the encoder's tokens in double precision: in single, batches of other sizes are added up otherwise."""
        tensors = self.processor(batch).batch.modalities[self.modality].tensors
        with torch.no_grad():
            return copy.deepcopy(self.model.encoders[self.modality]).double()(*map(double, tensors))


def double(tensor: Tensor) -> Tensor:
    """Return the tensor, one of floats in double precision."""
    return tensor.double() if tensor.is_floating_point() else tensor


def task_of(folder: Path, modality: str, start: Path, more: str = "") -> Task:
    """Return a task of one modality that starts from `start`."""
    path = tiny.write_task(folder, (modality,))
    entry = f'[encoders.{modality}]\ntype = "auto"\nstart = "{start}"\n{more}\n[limits]\naudio_max_s = {AUDIO_S}\n'
    path.write_text(path.read_text().replace(tiny.ENCODERS[modality], entry))
    return load_file(path)


@pytest.fixture(scope="module", params=CHECKPOINTS, ids="-".join)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    modality, family = request.param
    folder = tmp_path_factory.mktemp(family)
    start = tiny_checkpoints.write(folder / "start", CHECKPOINTS[request.param])
    model, processor = MultimodalModel.build(task_of(folder, modality, start))
    yield Made(modality, family, start, model.eval(), processor)


def samples(modality: str) -> list[Inputs]:
    if modality == "text":
        return [Inputs(text=caption) for caption in CAPTIONS]
    return [tiny.inputs(seed, (modality,), seconds) for seed, seconds in enumerate(SECONDS)]


def theirs(case: Made) -> Callable[[Inputs], Tensor]:
    """Return what transformers makes of a sample: (1, tokens, d), or a feature map (1, d, rows, columns)."""
    checkpoint = CHECKPOINTS[case.modality, case.family]
    model: Any = checkpoint.part(checkpoint.load.from_pretrained(case.start).eval()).double()
    prepare = PREPARE[case.modality](case)

    def run(sample: Inputs) -> Tensor:
        with torch.no_grad():
            return model(**{name: double(value) for name, value in prepare(sample).items()}).last_hidden_state

    return run


def words(case: Made) -> Callable[[Inputs], Any]:
    tokenizer = hf.PreTrainedTokenizerFast.from_pretrained(case.start)
    padding = "max_length" if case.family.startswith("siglip") else False
    settings = {"return_tensors": "pt", "truncation": True, "max_length": POSITIONS, "padding": padding}
    return lambda sample: {"input_ids": tokenizer(sample.text, **settings)["input_ids"]}


def pixels(case: Made) -> Callable[[Inputs], Any]:
    theirs = hf.AutoImageProcessor.from_pretrained(case.start)
    squash = case.processor.image.squash
    settings = {"return_tensors": "pt", "do_resize": False, "do_center_crop": False}
    return lambda sample: theirs(squash(sample.image).copy(), **settings)


def sound(case: Made) -> Callable[[Inputs], Any]:
    theirs = hf.AutoFeatureExtractor.from_pretrained(case.start)
    return lambda sample: theirs(sample.audio, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")


PREPARE = {"text": words, "image": pixels, "audio": sound}


def arranged(case: Made, hidden: Tensor) -> Tensor:
    """Return (tokens, d) in our order: regions without class and register tokens, one token a time step."""
    if case.family == "audio-spectrogram-transformer":  # two marks, then bands × times
        return hidden[0, 2:].reshape(2, -1, hidden.shape[2]).mean(dim=0)
    if hidden.dim() == 4:
        return hidden[0].flatten(1).T
    return hidden[0, -((SIZE_PX // 8) ** 2) :] if case.modality == "image" else hidden[0]


def test_every_row_has_a_checkpoint_that_proves_it() -> None:
    assert set(CHECKPOINTS) == {(modality, name) for modality, rows in FAMILIES.items() for name in rows}


@pytest.mark.slow
def test_tokens_are_those_of_transformers_in_any_company(case: Made) -> None:
    batch = samples(case.modality)
    tokens, real = case.tokens(batch)
    direct = theirs(case)
    for row, mask, sample in zip(tokens, real, batch, strict=True):
        expected = arranged(case, direct(sample))
        kept = expected[: int(mask.sum())] if case.modality == "audio" else expected
        torch.testing.assert_close(row[: len(kept)], kept, **CLOSE)
    assert (tokens[0, 0] - tokens[1, 0]).abs().max() > 1e-4 or case.modality == "text"  # [CLS] may look alike


def test_the_mask_covers_what_was_given_and_nothing_else(case: Made) -> None:
    tokens, real = case.tokens(samples(case.modality))
    assert tokens.shape[:2] == real.shape and tokens.shape[2] == case.model.encoders[case.modality].dim
    if case.modality == "image":
        rows, columns = case.model.grid
        assert real.all() and rows * columns == real.shape[1]
    if case.modality == "text":
        pieces = [len(case.processor.text.tokenizer.encode(caption).offsets) for caption in CAPTIONS]
        assert real.sum(dim=1).tolist() == [5, 1, POSITIONS - 2] and max(pieces) == POSITIONS
        assert not real[:, 0].any()  # the mark that stands first


def test_saved_and_loaded_it_answers_the_same_without_its_start(case: Made, tmp_path: Path) -> None:
    case.model.save_pretrained(tmp_path)
    case.processor.save_pretrained(tmp_path)
    assert str(case.start) not in "".join(path.read_text("utf-8") for path in tmp_path.glob("*.json"))
    model, processor = MultimodalModel.load(tmp_path)
    batch = samples(case.modality)
    with torch.no_grad():
        before, after = case.model(case.processor(batch).batch), model(processor(batch).batch)
    assert torch.equal(before.logits, after.logits)


def test_it_can_be_trained_and_attends_in_one_kernel(case: Made) -> None:
    encoder = case.model.encoders[case.modality]
    if encoder.backbone._supports_sdpa:
        assert encoder.backbone.config._attn_implementation == "sdpa"
    case.model.train()
    try:
        case.model(case.processor(samples(case.modality)[:2]).batch, labels=torch.tensor([0, 1])).loss.backward()
    finally:
        case.model.eval().requires_grad_(True)
    silent = [name for name, value in encoder.named_parameters() if value.grad is None]
    case.model.zero_grad()
    assert [name for name in silent if "mask_token" not in name] == []


SOUND = [name for name in CHECKPOINTS if name[0] == "audio"]


@pytest.mark.parametrize("case", SOUND, ids="-".join, indirect=True)
def test_each_token_of_sound_stands_for_its_seconds(case: Made) -> None:
    wave = tiny.inputs(seconds=2.0).audio
    for length in (40, 400, 2_800, 3_041, 8_000, 15_999, 16_000, 19_000):
        _, real = case.tokens([Inputs(audio=wave[:length]), Inputs(audio=wave[:16_000])])
        edges = case.processor.audio_edges(length)
        heard = min(length, case.processor.audio.longest or length)
        assert len(edges) - 1 == real[0].sum() == max(1, expected_tokens(case, wave[:heard]))
        assert edges[0] == 0 and edges[-1] == heard / SAMPLE_RATE_HZ
        assert all(before < after for before, after in itertools.pairwise(edges))
    seconds = {"whisper": 0.02, "audio-spectrogram-transformer": 0.04}.get(case.family, 0.02)
    assert case.processor.audio_edges(16_000)[1] == seconds


def expected_tokens(case: Made, wave: Any) -> int:
    """Return how many tokens transformers makes of a clip, silence behind it left out."""
    if case.family == "whisper":
        return -(-(len(wave) // 160) // 2)
    if case.family == "audio-spectrogram-transformer":
        frames = len(fbank(torch.from_numpy(wave)[None], sample_frequency=SAMPLE_RATE_HZ)) if len(wave) >= 400 else 0
        return (min(frames, 120) - 8) // 4 + 1
    return int(case.model.encoders["audio"].backbone._get_feat_extract_output_lengths(torch.tensor(len(wave))))


@pytest.fixture
def two_layers(tmp_path: Path) -> Path:
    """A Whisper of two layers."""
    tall = partial(tiny_checkpoints.whisper, encoder_layers=2)
    return tiny_checkpoints.write(
        tmp_path / "start", tiny_checkpoints.Checkpoint(tall, CHECKPOINTS["audio", "whisper"].prepare)
    )


def short_whisper(folder: Path, start: Path, more: str = "") -> Made:
    task = task_of(folder, "audio", start, f"layers = 1\npadded = false\npool = 4\n{more}")
    task = replace(task, limits=replace(task.limits, audio_max_s=0.8))  # leaves room for margins
    model, processor = MultimodalModel.build(task)
    return Made("audio", "whisper", start, model.eval(), processor)


@pytest.mark.parametrize("margin", [0, 5])  # tokens of 20 ms
def test_unpadded_clips_are_heard_as_if_the_window_were_as_long_as_they_are(
    tmp_path: Path, two_layers: Path, margin: int
) -> None:
    case = short_whisper(tmp_path, two_layers, f"margin_s = {margin / 50}")
    batch = [tiny.inputs(seed, ("audio",), seconds) for seed, seconds in enumerate((0.4, 0.8, 0.22))]
    tokens, real = case.tokens(batch)
    theirs = hf.AutoFeatureExtractor.from_pretrained(two_layers)
    for row, mask, sample in zip(tokens, real, batch, strict=True):
        heard = np.pad(sample.audio, margin * SAMPLE_RATE_HZ // 50)
        features = theirs(heard, sampling_rate=SAMPLE_RATE_HZ, padding="longest", return_tensors="pt")
        expected = alone(two_layers, features["input_features"].double())
        expected = expected[margin : len(expected) - margin]
        means = [run.mean(dim=0) for run in expected.split(4)]
        assert int(mask.sum()) == len(means) == len(case.processor.audio_edges(len(sample.audio))) - 1
        torch.testing.assert_close(row[mask], torch.stack(means), **CLOSE)


def alone(start: Path, features: Tensor) -> Tensor:
    """Return what transformers' Whisper (tokens, d) of one layer makes of features (1, bands, frames), its window."""
    encoder = hf.WhisperModel.from_pretrained(start).double().get_encoder().eval()
    encoder.layers = encoder.layers[:1]
    window = features.shape[2] // 2
    encoder.config.max_source_positions = window
    encoder.embed_positions = torch.nn.Embedding.from_pretrained(encoder.embed_positions.weight[:window])
    with torch.no_grad():
        return encoder(features).last_hidden_state[0]


def test_unpadded_clips_may_be_shorter_than_a_frame(tmp_path: Path, two_layers: Path) -> None:
    case = short_whisper(tmp_path, two_layers)
    wave = tiny.inputs(seconds=2.0).audio
    for length in (40, 160, 390, 2_800, 16_000):
        tokens, real = case.tokens([Inputs(audio=wave[:length]), Inputs(audio=wave[:16_000])])
        assert tokens.isfinite().all()
        assert len(case.processor.audio_edges(length)) - 1 == real[0].sum()
    assert case.processor.audio_edges(16_000)[1] == 0.08


def test_an_encoder_without_its_last_layers_is_saved_and_loaded_so(tmp_path: Path, two_layers: Path) -> None:
    case = short_whisper(tmp_path, two_layers)
    case.model.save_pretrained(tmp_path / "saved")
    case.processor.save_pretrained(tmp_path / "saved")
    model, processor = MultimodalModel.load(tmp_path / "saved")
    assert len(model.encoders["audio"].backbone.layers) == 1
    batch = samples("audio")
    with torch.no_grad():
        before, after = case.model(case.processor(batch).batch), model(processor(batch).batch)
    assert torch.equal(before.logits, after.logits)


@pytest.mark.parametrize("wanted", [1, 3])
@pytest.mark.parametrize("family", ["bert", "electra", "mpnet", "roberta", "xlm-roberta"])
def test_a_text_encoder_is_built_without_its_last_layers(tmp_path: Path, family: str, wanted: int) -> None:
    shallow = CHECKPOINTS["text", family]
    deep = replace(shallow, model=partial(shallow.model, num_hidden_layers=2))
    start = tiny_checkpoints.write(tmp_path / "start", deep)
    model, processor = MultimodalModel.build(task_of(tmp_path, "text", start, f"layers = {wanted}"))
    tokens, _ = Made("text", family, start, model.eval(), processor).tokens(samples("text"))
    theirs = shallow.load.from_pretrained(start, num_hidden_layers=min(wanted, 2)).double().eval()
    ids, attention, _ = processor(samples("text")).batch.modalities["text"].tensors
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=attention).last_hidden_state
    there = attention.bool()
    torch.testing.assert_close(tokens[there], expected[there], **CLOSE)


@pytest.mark.parametrize(
    ("family", "setting", "said"),
    [
        ("whisper", "layers = 0", "layers must be 1 or more, not 0"),
        ("wavlm", "layers = 1", "its layers cannot be left out"),
        ("wavlm", "padded = false", "cannot hear clips that are not padded"),
        ("whisper", "padded = false\nmargin_s = -0.3", "margin_s must be 0 or more"),
        ("whisper", "margin_s = 0.3", "margin_s is for clips that are not padded"),
    ],
)
def test_what_a_family_cannot_do_is_refused(tmp_path: Path, family: str, setting: str, said: str) -> None:
    start = tiny_checkpoints.write(tmp_path / "start", CHECKPOINTS["audio", family])
    with pytest.raises(CheckpointError, match=said):
        MultimodalModel.build(task_of(tmp_path, "audio", start, setting))


def test_a_model_that_hears_less_than_the_task_takes_is_refused(tmp_path: Path) -> None:
    start = tiny_checkpoints.write(tmp_path / "start", CHECKPOINTS["audio", "whisper"])
    path = task_of(tmp_path, "audio", start).path
    path.write_text(path.read_text().replace(f"audio_max_s = {AUDIO_S}", "audio_max_s = 1.5"))
    with pytest.raises(ManifestError, match=r"first 1 s .* up to 1\.5 s"):
        MultimodalModel.build(load_file(path))


def test_a_family_without_a_row_is_refused_with_those_there_are(tmp_path: Path) -> None:
    start = tiny_checkpoints.write(tmp_path / "start", CHECKPOINTS["audio", "hubert"])
    with pytest.raises(ManifestError, match=r"hubert.*siglip"):
        MultimodalModel.build(task_of(tmp_path, "image", start))


def test_a_checkpoint_without_all_weights_is_refused_and_not_made_up(tmp_path: Path) -> None:
    start = tiny_checkpoints.write(tmp_path / "start", CHECKPOINTS["text", "electra"])
    config = hf.ElectraConfig.from_pretrained(start)
    config.num_hidden_layers = 2
    config.save_pretrained(start)
    with pytest.raises(CheckpointError, match=r"missing: encoder\.layer\.1"):
        MultimodalModel.build(task_of(tmp_path, "text", start))


def test_a_picture_model_sees_other_sizes_than_it_was_trained_on(tmp_path: Path) -> None:
    start = tiny_checkpoints.write(tmp_path / "start", CHECKPOINTS["image", "siglip"])
    model, _ = MultimodalModel.build(task_of(tmp_path, "image", start, "size = 48"))
    assert model.grid == (6, 6)


def test_pictures_are_scaled_and_smoothed_as_the_checkpoint_asks(tmp_path: Path) -> None:
    start = tiny_checkpoints.write(tmp_path / "start", CHECKPOINTS["image", "vit"])
    odd = hf.ViTImageProcessor(
        size={"height": 40, "width": 40}, rescale_factor=1 / 127.5, do_normalize=False, resample=3
    )
    odd.save_pretrained(start)
    _, processor = MultimodalModel.build(task_of(tmp_path, "image", start))
    sample = tiny.inputs(modalities=("image",))
    pixels = processor([sample]).batch.modalities["image"].tensors[0]
    assert processor.image.resample == 3
    torch.testing.assert_close(
        pixels, odd(processor.image.squash(sample.image).copy(), do_resize=False, return_tensors="pt")["pixel_values"]
    )
