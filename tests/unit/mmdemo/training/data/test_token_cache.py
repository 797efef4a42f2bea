"""Encoders that do not learn are asked once about a sample, also by a run that goes on where another was killed."""

from pathlib import Path

import pytest
import torch

from mmdemo.model import Loaded, MultimodalModel
from mmdemo.training.data.datasets import Item
from mmdemo.training.data.token_cache import OF_THE_TASK, TokenCache
from mmdemo.training.fitting.inference import logits
from tests import tiny

IDS = ["a", "b", "c"]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    model, processor = MultimodalModel.build(tiny.task(tmp_path, ("image", "text")), tiny.starts(tmp_path))
    return Loaded(model.eval(), processor)


@pytest.fixture
def asked(loaded: Loaded) -> list[str]:
    """The modalities that encoders were asked for, as they are."""
    calls: list[str] = []
    for name, encoder in loaded.model.encoders.items():
        encoder.register_forward_pre_hook(lambda *_, name=name: calls.append(name))
    return calls


def items(count: int = 3) -> list[Item]:
    return [Item(tiny.inputs(seed, ("image", "text")), target=seed % 2) for seed in range(count)]


def same(one: list[Item], other: list[Item]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a.tokens[name], b.tokens[name]) for a, b in pairs for name in ("image", "text"))


def test_what_is_known_is_not_encoded_again_and_an_answer_is_the_same(loaded: Loaded, asked: list[str]) -> None:
    cache, expected = TokenCache(), logits(loaded, items())
    asked.clear()
    kept = cache.encode(loaded, items())
    assert sorted(asked) == ["image"] * 3 + ["text"] * len({item.inputs.text for item in items()})
    asked.clear()
    assert same(cache.encode(loaded, items()), kept) and not asked
    assert abs(logits(loaded, kept) - expected).max() < 5e-3
    assert [item.modalities for item in kept] == [("image", "text")] * 3 and not kept[0].inputs.modalities


def test_files_stand_in_for_the_encoders_to_the_last_bit(loaded: Loaded, asked: list[str], tmp_path: Path) -> None:
    first = TokenCache(tmp_path / "t").encode(loaded, items(2), ids=IDS[:2])
    asked.clear()
    second = TokenCache(tmp_path / "t").encode(loaded, items(3), ids=IDS)
    assert same(second[:2], first) and asked.count("image") == 1
    assert sorted(path.stem for path in (tmp_path / "t").glob("*/*")) == IDS


def test_what_comes_with_the_task_lies_in_one_file_and_in_none_of_a_sample(
    loaded: Loaded, asked: list[str], tmp_path: Path
) -> None:
    brought = [item.inputs for item in items(2)]
    TokenCache(tmp_path / "t").bring(loaded, brought[:1])
    TokenCache(tmp_path / "t").bring(loaded, brought)
    [path] = (tmp_path / "t").glob("*/*")
    assert path.name == OF_THE_TASK
    asked.clear()
    again = TokenCache(tmp_path / "t")
    again.bring(loaded, brought)
    assert same(again.encode(loaded, items(2)), TokenCache().encode(loaded, items(2)))
    assert asked.count("image") == 2, "those of the cache that has no file"
    path.write_bytes(b"broken")
    TokenCache(tmp_path / "t").bring(loaded, brought)
    assert path.stat().st_size > len(b"broken")


def test_a_damaged_file_and_one_that_is_gone_cost_time_alone(loaded: Loaded, tmp_path: Path) -> None:
    first = TokenCache(tmp_path / "t").encode(loaded, items(), ids=IDS)
    for path in (tmp_path / "t").glob("*/*"):
        path.unlink() if path.stem == "a" else path.write_bytes(path.read_bytes()[:99])
    assert same(TokenCache(tmp_path / "t").encode(loaded, items(), ids=IDS), first)


def test_files_stop_where_there_is_no_more_room(loaded: Loaded, tmp_path: Path) -> None:
    TokenCache(tmp_path / "t").encode(loaded, items(1), ids=IDS[:1])
    [path] = (tmp_path / "t").glob("*/*")
    TokenCache(tmp_path / "t", most_bytes=int(path.stat().st_size * 2.5)).encode(loaded, items(), ids=IDS)
    assert len(list((tmp_path / "t").glob("*/*"))) == 2


def test_an_encoder_that_learns_keeps_its_inputs(loaded: Loaded) -> None:
    [item] = TokenCache().encode(loaded, items(1), ["text"])
    assert list(item.tokens) == ["text"] and item.inputs.modalities == ("image",)
    assert item.modalities == ("image", "text")


def test_what_other_encoders_made_goes(loaded: Loaded, tmp_path: Path) -> None:
    TokenCache(tmp_path / "t").encode(loaded, items(1), ids=IDS[:1])
    cache = TokenCache(tmp_path / "t")
    cache.encode(loaded, items(1), ["text"], IDS[:1])
    cache.drop_others()
    assert len(list((tmp_path / "t").iterdir())) == 1
