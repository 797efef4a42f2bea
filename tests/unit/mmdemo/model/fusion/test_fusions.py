"""What holds for every fusion: any subset, nothing from padding, learns, comes back from a file as it was."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmdemo import explain
from mmdemo.errors import CheckpointError, ManifestError, UnknownName
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.model import MultimodalConfig, MultimodalModel
from mmdemo.model.fusion import FUSIONS
from mmdemo.model.heads import ClassificationHead
from mmdemo.settings import ROOT
from mmdemo.tasks import Task
from mmdemo.values.samples import MODALITIES
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

CLOSE = {"atol": 1e-5, "rtol": 0}
SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(MODALITIES, size)]
MIXED = [tiny.inputs(seed, subset, seconds=0.1 + seed / 20) for seed, subset in enumerate(SUBSETS)]
WHOLE = tiny.inputs(0, seconds=0.2)
LABELS = torch.tensor([0, 1] * 3 + [0])
LATE = ("late_average", "late_vote")
HEAD = ClassificationHead(1, 3, 0.0)


def of_fusion(task: Task, name: str, **settings: object) -> Task:
    return replace(task, fusion={**task.fusion, "type": name, **settings})


def trained(task: Task, starts: dict[str, Path], steps: int = 2) -> Built:
    torch.manual_seed(0)
    model, processor = MultimodalModel.build(task, starts)
    batch, optimizer = processor(MIXED).batch, torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        model(batch, labels=LABELS).loss.backward()
        optimizer.step()
    return model.eval(), processor


def logits(built: Built, batch: list, return_attention: bool = False) -> Tensor:
    model, processor = built
    with torch.no_grad():
        return model(processor(batch).batch, return_attention=return_attention).logits


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    task = tiny.task(tmp_path_factory.mktemp("task"))
    return replace(task, encoders={**task.encoders, "image": {"type": "small_cnn", "size": 16}})


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {"text": tiny.starts(tmp_path_factory.mktemp("starts"))["text"]}


@pytest.fixture(scope="module", params=list(FUSIONS))
def fused(request: pytest.FixtureRequest, task: Task, starts: dict[str, Path]) -> Built:
    """A model of each fusion behind two steps of training."""
    return trained(of_fusion(task, request.param), starts)


def test_saved_and_loaded_it_answers_exactly_the_same(fused: Built, tmp_path: Path) -> None:
    model, processor = fused
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    loaded = MultimodalModel.load(tmp_path)
    assert loaded[0].config.fusion == model.config.fusion
    assert torch.equal(logits(loaded, MIXED), logits(fused, MIXED))


def test_a_batch_of_all_subsets_answers_as_each_alone(fused: Built) -> None:
    together = logits(fused, MIXED)
    torch.testing.assert_close(together, torch.cat([logits(fused, [inputs]) for inputs in MIXED]), **CLOSE)
    assert together.dtype == torch.float32 and together.isfinite().all()


def test_what_stands_in_the_place_of_padding_does_not_matter(fused: Built) -> None:
    model, processor = fused
    with torch.no_grad():
        tokens = model.encode(processor(MIXED).batch)
        noise = torch.where(tokens.mask[..., None], tokens.values, torch.randn_like(tokens.values))
        plain, noisy = model.fuse(tokens).logits, model.fuse(replace(tokens, values=noise)).logits
    torch.testing.assert_close(plain, noisy, **CLOSE)


def test_masked_tokens_are_as_if_they_had_not_been_given(fused: Built) -> None:
    model, processor = fused
    with torch.no_grad():
        tokens = model.encode(processor([WHOLE]).batch)
        mask, (first, last) = tokens.mask.clone(), tokens.spans["text"]
        mask[:, first:last] = False
        masked = model.fuse(replace(tokens, mask=mask)).logits
        of_nothing = model.fuse(replace(tokens, mask=torch.zeros_like(mask))).logits
    torch.testing.assert_close(masked, logits(fused, [tiny.inputs(0, ("image", "audio"), 0.2)]), **CLOSE)
    assert of_nothing.isfinite().all()


def test_copies_of_one_sample_in_one_place_of_memory_answer_as_copies_of_their_own(fused: Built) -> None:
    model, processor = fused
    with torch.inference_mode():
        tokens = model.encode(processor([tiny.inputs(5)]).batch)
        masks = torch.rand(3, tokens.mask.shape[1]) < 0.7
        shared = tokens.masked(masks)
        own = replace(shared, values=shared.values.contiguous())
        assert shared.values.stride(0) == 0 != own.values.stride(0)
        torch.testing.assert_close(model.fuse(shared).logits, model.fuse(own).logits)


def test_every_modality_counts(fused: Built) -> None:
    whole = logits(fused, [WHOLE])
    for left_out in MODALITIES:
        kept = tuple(name for name in MODALITIES if name != left_out)
        assert not torch.allclose(whole, logits(fused, [tiny.inputs(0, kept, 0.2)]), atol=1e-6)


def test_asking_for_attention_changes_no_answer(fused: Built) -> None:
    torch.testing.assert_close(logits(fused, MIXED, True), logits(fused, MIXED), **CLOSE)


def test_attention_is_returned_where_there_is_some_and_never_spent_on_padding(fused: Built) -> None:
    model, processor = fused
    with torch.no_grad():
        output = model(processor(MIXED).batch, return_attention=True)
    assert (output.attention is not None) == model.fusion.attends
    padding = ~nn.functional.pad(output.tokens.mask, (1, 0), value=True)
    for layer in output.attention or ():
        torch.testing.assert_close(layer.sum(dim=-1), torch.ones(layer.shape[:3]), **CLOSE)
        assert layer.masked_select(padding[:, None, None, :]).max() == 0


def test_gradients_reach_the_tokens_and_every_weight(fused: Built) -> None:
    model, processor = fused
    tokens = model.encode(processor(MIXED).batch)
    values = tokens.values.detach().requires_grad_()
    wanted = [value for name, value in model.named_parameters() if name.startswith(("fusion.", "head."))]
    loss = model.fuse(replace(tokens, values=values), labels=LABELS).loss
    grads = torch.autograd.grad(loss, [values, *wanted])
    assert all(grad.isfinite().all() for grad in grads) and all(grad.any() for grad in grads)
    assert not grads[0][~tokens.mask].any()


def test_every_fusion_is_explained_by_the_methods_that_it_allows(fused: Built) -> None:
    model, _ = fused
    known = tuple(explain.METHODS) if model.fusion.attends else ("masking", "integrated_gradients", "occlusion")
    assert explain.methods_of(model) == known and explain.resolve("default", model) == known[0]
    aimed = tiny.passed(fused, WHOLE, "good")
    assert set(explain.every(aimed, [ExplanationTarget("good")])) == set(known) - set(explain.SLOW)
    for method in known:
        explanation = explain.explain(method, aimed)
        assert explanation.image and explanation.text and explanation.audio


def test_a_fusion_without_attention_says_so(fused: Built) -> None:
    model, _ = fused
    for method in explain.OF_ATTENTION if not model.fusion.attends else ():
        with pytest.raises(UnknownName, match="no attention") as caught:
            explain.resolve(method, model)
        assert model.config.fusion in caught.value.sentence("zh")


def test_an_unknown_fusion_names_those_there_are(task: Task, starts: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        MultimodalModel.build(of_fusion(task, "guess"), starts)
    assert all(name in caught.value.sentence("zh") for name in ("guess", *FUSIONS))
    folder = tiny.version(tmp_path / "version", tiny.task(tmp_path, ("audio",)))
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"fusion": "transformer"', '"fusion": "of_tomorrow"'))
    with pytest.raises(CheckpointError, match="of_tomorrow"):
        MultimodalModel.load(folder)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"layer": 3}, "there is no layer"),
        ({"layers": "two"}, "expected int"),
        ({"heads": 5}, "no multiple of heads 5"),
    ],
)
def test_settings_of_a_fusion_that_make_no_sense_are_refused(
    settings: dict[str, object], said: str, task: Task, starts: dict[str, Path]
) -> None:
    with pytest.raises(ManifestError, match=said):
        MultimodalModel.build(of_fusion(task, "transformer", **settings), starts)


def test_the_mean_of_probabilities_counts_those_who_are_there() -> None:
    said = torch.randn(1, 3, 4)
    voices = torch.tensor([[True, False, True]])
    expected = said[:, [0, 2]].softmax(-1).mean(dim=1)
    torch.testing.assert_close(HEAD.average(said, voices).exp(), expected)


def test_most_votes_win_and_where_they_are_even_the_mean_of_probabilities() -> None:
    shares = torch.tensor(
        [[[0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0.0, 0.99, 0.01]], [[0.6, 0.4, 0], [0.1, 0.9, 0], [0, 0, 1]]]
    )
    winners = HEAD.vote(shares.log(), torch.tensor([[True] * 3, [True, True, False]])).exp()
    torch.testing.assert_close(winners.sum(dim=1), torch.ones(2))
    assert winners.argmax(dim=1).tolist() == [0, 1]
    assert HEAD.average(shares.log(), torch.ones(2, 3).bool()).argmax(dim=1)[0] == 1


def test_the_pages_table_of_fusions_is_the_registry() -> None:
    page = (ROOT / "docs" / "model-builder.md").read_text("utf-8")
    table = re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \|$", page, re.M)
    fusions = {name: kind(MultimodalConfig(modalities=["text"], dim=8, heads=2)) for name, kind in FUSIONS.items()}
    assert table == [(name, "yes" if fusion.attends else "no") for name, fusion in fusions.items()]


@pytest.mark.parametrize("name", LATE)
def test_late_fusion_of_one_modality_ranks_as_that_modality_alone(
    name: str, task: Task, starts: dict[str, Path]
) -> None:
    model, processor = trained(of_fusion(task, name), starts)
    tokens = model.encode(processor(MIXED[:1]).batch)
    fused = model.fusion(tokens.values, tokens.mask, tokens.modality(model.config.modalities))
    assert fused.voices.tolist() == [[True, False, False]]
    alone = model.head(fused.opinions[:, 0])
    assert model.fusion.logits(model.head, fused).argmax() == alone.argmax()
    if name == "late_average":
        torch.testing.assert_close(model.fusion.logits(model.head, fused), alone.log_softmax(-1))
