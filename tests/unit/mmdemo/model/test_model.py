"""The whole model: any subset, padding that changes nothing, attention that is what was computed, save and load."""

from itertools import combinations
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model import MultimodalModel, MultimodalOutput
from mmdemo.model.batch import Batch
from mmdemo.tasks import Task
from mmdemo.tasks import load_file as load_task
from mmdemo.values.samples import MODALITIES, Inputs
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

CLOSE = {"atol": 1e-5, "rtol": 0}
SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(MODALITIES, size)]
MIXED = [tiny.inputs(seed, subset, seconds=0.5 + seed / 7) for seed, subset in enumerate(SUBSETS)]


def run(built: Built, batch: list[Inputs], return_attention: bool = False) -> MultimodalOutput:
    model, processor = built
    with torch.no_grad():
        return model(processor(batch).batch, return_attention=return_attention)


def compared(built: Built, batch: list[Inputs]) -> dict[str, torch.Tensor]:
    model, processor = built
    with torch.no_grad():
        return model.alike(model.encode(processor(batch).batch))


def encoded(model: MultimodalModel, batch: Batch) -> torch.Tensor:
    """Return which modalities of each sample got as far as the fusion, (b, modalities) bool."""
    with torch.no_grad():
        return torch.stack(list(model.encode(batch).present.values()), dim=1)


@pytest.mark.parametrize("subset", SUBSETS)
def test_any_subset_goes_in_and_counts(built: Built, subset: tuple[str, ...]) -> None:
    one, other = (run(built, [tiny.inputs(seed, subset)]) for seed in (1, 2))
    assert one.logits is not None and one.logits.shape == (1, 2) and one.logits.dtype == torch.float32
    assert one.features is not None and one.features.shape == (1, 32)
    assert set(one.pooled or {}) == set(subset)
    assert not torch.allclose(one.logits, other.logits, atol=1e-4)


def test_a_batch_of_all_subsets_and_lengths_answers_as_each_alone(built: Built) -> None:
    together = run(built, MIXED)
    alone = [run(built, [inputs]) for inputs in MIXED]
    torch.testing.assert_close(together.logits, torch.cat([one.logits for one in alone]), **CLOSE)
    for name, pooled in (together.pooled or {}).items():
        rows = [row for row, inputs in enumerate(MIXED) if name in inputs.modalities]
        torch.testing.assert_close(pooled[rows], torch.cat([alone[row].pooled[name] for row in rows]), **CLOSE)


def test_features_to_compare_have_unit_length_and_padding_changes_nothing(built: Built) -> None:
    together, *alone = (compared(built, batch) for batch in (MIXED, *([inputs] for inputs in MIXED)))
    assert set(together) == set(MODALITIES)
    for name, alike in together.items():
        rows = [row for row, inputs in enumerate(MIXED) if name in inputs.modalities]
        torch.testing.assert_close(alike[rows], torch.cat([alone[row][name] for row in rows]), **CLOSE)
        torch.testing.assert_close(alike[rows].norm(dim=-1), torch.ones(len(rows)), **CLOSE)


def test_features_to_compare_say_nothing_of_kind_and_place(built: Built) -> None:
    model, _ = built
    before = compared(built, MIXED)
    with torch.no_grad():
        model.modality_embedding.weight.add_(3.0)
        after = compared(built, MIXED)
        model.modality_embedding.weight.sub_(3.0)
    for name in MODALITIES:
        rows = [row for row, inputs in enumerate(MIXED) if name in inputs.modalities]
        torch.testing.assert_close(before[name][rows], after[name][rows], atol=1e-4, rtol=0)


def test_asking_for_attention_changes_no_answer(built: Built) -> None:
    plain, looked = run(built, MIXED), run(built, MIXED, return_attention=True)
    assert plain.attention is None and looked.attention is not None
    torch.testing.assert_close(plain.logits, looked.logits, **CLOSE)


def test_attention_rows_sum_to_one_over_real_tokens(built: Built) -> None:
    output = run(built, MIXED, return_attention=True)
    assert output.attention is not None and output.tokens is not None and len(output.attention) == 2
    mask = nn.functional.pad(output.tokens.mask, (1, 0), value=True)  # the answer token in front
    for layer in output.attention:
        assert layer.shape == (len(MIXED), 4, mask.shape[1], mask.shape[1])
        torch.testing.assert_close(layer.sum(dim=-1), torch.ones(layer.shape[:3]), **CLOSE)
        assert layer.masked_select(~mask[:, None, None, :]).max() == 0


def test_the_tokens_stand_in_the_order_of_the_modalities(built: Built) -> None:
    tokens = run(built, [tiny.inputs(seconds=1.0)]).tokens
    assert tokens is not None and tokens.grid == (2, 2) and tokens.values.shape[:2] == tokens.mask.shape
    assert list(tokens.spans) == list(MODALITIES)
    edges = [edge for span in tokens.spans.values() for edge in span]
    assert edges[0] == 0 and edges[1:-1:2] == edges[2::2] and edges[-1] == tokens.mask.shape[1]


def test_text_tokens_are_those_of_the_text_model(built: Built) -> None:
    model, processor = built
    ids, attention, words = processor([Inputs(text="the dog is smiling")]).batch.modalities["text"].tensors
    direct = model.encoders["text"].backbone(ids, attention).last_hidden_state
    tokens, mask = model.encoders["text"](ids, attention, words)
    torch.testing.assert_close(tokens, direct)
    assert mask.tolist() == [[False, *[True] * 5, False]]  # the dog is smil ##ing, between two marks


def test_regions_are_those_of_the_picture_model_in_reading_order(built: Built) -> None:
    model, processor = built
    pixels = processor([tiny.inputs(modalities=("image",))]).batch.modalities["image"].tensors[0]
    direct = model.encoders["image"].backbone(pixels).last_hidden_state  # (1, d, rows, columns)
    regions, _ = model.encoders["image"](pixels)
    torch.testing.assert_close(regions[0, 1], direct[0, :, 0, 1])
    torch.testing.assert_close(regions[0, 2], direct[0, :, 1, 0])


@pytest.mark.slow
def test_saved_and_loaded_answers_the_same(built: Built, tmp_path: Path) -> None:
    model, processor = built
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    torch.testing.assert_close(run(MultimodalModel.load(tmp_path), MIXED).logits, run(built, MIXED).logits)


def test_stored_as_half_it_computes_in_full(tmp_path: Path) -> None:
    task = tiny.task(tmp_path)
    model, processor = MultimodalModel.build(task, tiny.starts(tmp_path))
    model.eval().half().save_pretrained(tmp_path / "half")
    processor.save_pretrained(tmp_path / "half")
    loaded, _ = MultimodalModel.load(tmp_path / "half")
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(run((loaded, processor), MIXED).logits, run((model.float(), processor), MIXED).logits)


def test_a_checkpoint_needs_nothing_that_it_was_started_from(tmp_path: Path) -> None:
    task = tiny.task(tmp_path)
    folder = tiny.version(tmp_path / "version", task)
    text = "".join(path.read_text("utf-8") for path in folder.glob("*.json"))
    assert "/tmp" not in text and str(tmp_path) not in text  # where it was started from, which is gone by now
    model, _ = MultimodalModel.load(folder)
    assert model.config.labels == ["bad", "good"] and not model.training


def test_weights_that_do_not_fit_are_refused_and_not_made_up(tmp_path: Path) -> None:
    folder = tiny.version(tmp_path / "version", tiny.task(tmp_path))
    weights = load_file(folder / "model.safetensors")
    del weights["head.out.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"head\.out\.weight"):
        MultimodalModel.load(folder)


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json", "processor.json"])
def test_a_broken_checkpoint_is_refused_in_a_sentence(missing: str, tmp_path: Path) -> None:
    folder = tiny.version(tmp_path / "version", tiny.task(tmp_path))
    (folder / missing).write_text("{")
    with pytest.raises(CheckpointError) as caught:
        MultimodalModel.load(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.slow
def test_one_batch_is_learned_by_heart(tmp_path: Path) -> None:
    model, processor = MultimodalModel.build(tiny.task(tmp_path), tiny.starts(tmp_path))
    batch = processor([tiny.inputs(seed, seconds=0.2) for seed in range(4)]).batch
    labels = torch.tensor([0, 1, 1, 0])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(20):
        optimizer.zero_grad()
        model(batch, labels=labels).loss.backward()
        optimizer.step()
    with torch.no_grad():
        answer = model.eval()(batch, labels=labels)
    assert answer.loss < 0.1 and answer.logits.argmax(dim=1).tolist() == labels.tolist()


def test_the_loss_takes_shares_as_well_as_labels(built: Built) -> None:
    model, processor = built
    batch = processor(MIXED[:3]).batch
    hard = model(batch, labels=torch.tensor([0, 1, 1])).loss
    soft = model(batch, labels=torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])).loss
    torch.testing.assert_close(hard, soft)


def test_training_hides_modalities_but_never_all_and_serving_none(built: Built) -> None:
    model, processor = built
    batch = processor([tiny.inputs(0, seconds=0.1), tiny.inputs(1, ("text",))] * 100).batch
    present = torch.tensor([[True, True, True], [False, True, False]] * 100)
    assert torch.equal(encoded(model, batch), present)
    model.train()
    try:
        kept = encoded(model, batch)
    finally:
        model.eval()
    assert kept.any(dim=1).all() and not (kept & ~present).any()
    assert torch.equal(kept[1::2], present[1::2])
    hidden = 1 - kept[::2].float().mean().item()
    assert 0.5 * model.config.modality_dropout < hidden < 1.5 * model.config.modality_dropout


def test_batch_norms_of_a_trained_picture_model_stay_as_they_are(built: Built) -> None:
    model, processor = built
    norms = [module for module in model.encoders["image"].modules() if isinstance(module, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms]
    model.train()
    try:
        model(processor([tiny.inputs()]).batch)
    finally:
        model.eval()
    assert norms and all(torch.equal(a, norm.running_mean) for a, norm in zip(before, norms, strict=True))


def with_encoder(task: Task, modality: str, line: str) -> Task:
    assert task.path is not None
    wrong = task.path.with_name("changed.toml")
    wrong.write_text(task.path.read_text().replace(tiny.ENCODERS[modality], f"[encoders.{modality}]\n{line}\n"))
    return load_task(wrong)


def test_patch_tokens_of_a_vision_transformer_are_regions(tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8
    )
    ViTModel(config).save_pretrained(tmp_path / "vit")
    ViTImageProcessor().save_pretrained(tmp_path / "vit")
    task = with_encoder(tiny.task(tmp_path, ("image",)), "image", 'type = "auto"\nstart = "none"\nsize = 32')
    model, processor = MultimodalModel.build(task, {"image": tmp_path / "vit"})
    assert model.grid == (4, 4)
    assert run((model.eval(), processor), [tiny.inputs(modalities=("image",))]).logits is not None


def test_a_picture_encoder_from_scratch_needs_no_start(tmp_path: Path) -> None:
    task = with_encoder(tiny.task(tmp_path, ("image",)), "image", 'type = "small_cnn"\nsize = 32')
    model, processor = MultimodalModel.build(task)
    assert model.grid == (4, 4)
    assert run((model.eval(), processor), [tiny.inputs(modalities=("image",))]).logits is not None


@pytest.mark.parametrize(
    ("modality", "slim", "dim", "wrong", "said"),
    [
        ("audio", 'type = "logmel_cnn"\nmels = 16\nchannels = [4, 8, 8, 12]', 24, ("[4, 8, 8]", "4"), "4 numbers"),
        ("image", 'type = "small_cnn"\nsize = 32\nchannels = [4, 8, 8, 12]', 12, ("[]", "4"), "some numbers"),
    ],
    ids=["audio", "image"],
)
def test_an_encoder_is_as_wide_as_the_task_says(
    modality: str, slim: str, dim: int, wrong: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    model, processor = MultimodalModel.build(with_encoder(tiny.task(tmp_path, (modality,)), modality, slim))
    model.save_pretrained(tmp_path / "slim")
    processor.save_pretrained(tmp_path / "slim")
    loaded, _ = MultimodalModel.load(tmp_path / "slim")
    assert loaded.encoders[modality].dim == model.encoders[modality].dim == dim
    assert loaded.grid == model.grid == {"audio": None, "image": (2, 2)}[modality]  # four halvings of 32 pixels
    for channels in wrong:
        other = slim.replace("[4, 8, 8, 12]", channels)
        with pytest.raises(ManifestError, match=rf"\.toml cannot be used: .* channels must be {said}"):
            MultimodalModel.build(with_encoder(tiny.task(tmp_path, (modality,)), modality, other))


@pytest.mark.parametrize("kind", ["auto", "small_cnn"])
def test_an_encoder_can_be_taken_from_another_version(kind: str, tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("image", "text"))
    if kind == "small_cnn":
        task = with_encoder(task, "image", 'type = "small_cnn"\nsize = 32')
    elder, theirs = MultimodalModel.build(task, tiny.starts(tmp_path))
    elder.save_pretrained(tmp_path / "elder")
    theirs.save_pretrained(tmp_path / "elder")
    alone = tiny.task(tmp_path / "other", ("image",))
    model, processor = MultimodalModel.build(alone, {"image": tmp_path / "elder"})
    pixels = theirs([tiny.inputs(modalities=("image",))]).batch.modalities["image"].tensors[0]
    assert torch.equal(processor([tiny.inputs(modalities=("image",))]).batch.modalities["image"].tensors[0], pixels)
    for ours, other in zip(model.encoders["image"].eval()(pixels), elder.encoders["image"].eval()(pixels), strict=True):
        assert torch.equal(ours, other)
    assert model.grid == elder.grid


def test_a_version_that_lacks_the_modality_is_no_start_for_it(tmp_path: Path) -> None:
    elder, theirs = MultimodalModel.build(tiny.task(tmp_path, ("image",)), tiny.starts(tmp_path))
    elder.save_pretrained(tmp_path / "elder")
    theirs.save_pretrained(tmp_path / "elder")
    with pytest.raises(CheckpointError, match="this version takes image"):
        MultimodalModel.build(tiny.task(tmp_path / "other", ("text",)), {"text": tmp_path / "elder"})


def test_an_unknown_encoder_names_those_there_are(tmp_path: Path) -> None:
    task = with_encoder(tiny.task(tmp_path, ("audio",)), "audio", 'type = "nothing"')
    with pytest.raises(ManifestError, match="logmel_cnn"):
        MultimodalModel.build(task)


def test_a_start_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere.*no such folder.*--start text=FOLDER"):
        MultimodalModel.build(tiny.task(tmp_path, ("text",)), {"text": tmp_path / "nowhere"})


def test_a_name_on_the_hub_without_a_network_is_refused_at_once_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"somebody/something.*cached.*Name a folder"):
        MultimodalModel.build(tiny.task(tmp_path, ("text",)), {"text": "somebody/something"})


def test_an_encoder_that_must_start_somewhere_says_so(tmp_path: Path) -> None:
    task = with_encoder(tiny.task(tmp_path, ("audio",)), "audio", 'type = "auto"')
    with pytest.raises(ManifestError, match=r"\[encoders\.audio\]"):
        MultimodalModel.build(task)
