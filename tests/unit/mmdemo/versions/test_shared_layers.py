"""Layers that several versions carry lie once; a version is whole wherever they are, and says so where they are not."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from mmdemo.errors import CheckpointError
from mmdemo.model import MultimodalModel, packing
from mmdemo.versions import shared_layers
from mmdemo.versions.shared_layers import FILE, FOLDER, SHIPPED

SHIPPED_VERSIONS = sorted(path.parent for path in SHIPPED.glob("*/version.json"))
LAYER = "encoders.audio.backbone.layers.{}.fc.weight"


def weights(head: float = 0.0, second: float = 2.0) -> dict[str, torch.Tensor]:
    """Return an encoder of two large layers and a small one, and a head."""
    large = {LAYER.format(number): torch.full((512, 512), value) for number, value in ((0, 1.0), (1, second))}
    small = {LAYER.format(2): torch.ones(3), "encoders.audio.backbone.norm.weight": torch.ones(5)}
    return packing.pack({**large, **small, "head.weight": torch.full((2, 2), head)}, 16)


def save(root: Path, name: str, packed: dict[str, torch.Tensor]) -> Path:
    folder = root / "task" / name
    folder.mkdir(parents=True)
    packing.save(packed, folder, root / FOLDER)
    return folder


def lying(root: Path) -> set[str]:
    return {path.stem for path in (root / FOLDER).iterdir()}


def same(folder: Path, packed: dict[str, torch.Tensor]) -> bool:
    kept = packing.read(folder)
    return kept.keys() == packed.keys() and all(torch.equal(kept[name], value) for name, value in packed.items())


def test_what_two_versions_have_alike_lies_once_and_each_is_whole(tmp_path: Path) -> None:
    one, other = save(tmp_path, "one", weights()), save(tmp_path, "other", weights(head=1.0))
    assert same(one, weights()) and same(other, weights(head=1.0))
    parts = {"encoders.audio", *(f"encoders.audio.backbone.layers.{number}" for number in (0, 1))}
    assert shared_layers.digests(one).keys() == parts
    assert lying(tmp_path) == set(shared_layers.digests(one).values()) == set(shared_layers.digests(other).values())
    for path in (tmp_path / FOLDER).iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    assert packing.size(one) > sum(path.stat().st_size for path in (tmp_path / FOLDER).iterdir())


def test_of_an_encoder_that_learned_only_what_changed_lies_beside_the_rest(tmp_path: Path) -> None:
    one, other = save(tmp_path, "one", weights()), save(tmp_path, "other", weights(second=3.0))
    differing = set(shared_layers.digests(one).items()) ^ set(shared_layers.digests(other).items())
    assert {name for name, _ in differing} == {"encoders.audio.backbone.layers.1"}
    assert same(other, weights(second=3.0))


def test_a_version_in_one_file_is_read_as_before_and_has_the_same_weights(tmp_path: Path) -> None:
    shared, alone = save(tmp_path, "one", weights()), tmp_path / "elsewhere"
    alone.mkdir()
    packing.save(weights(), alone)
    assert [path.name for path in alone.iterdir()] == [packing.FILE] and packing.same(shared, alone)
    packing.save(weights(head=1.0), alone)
    assert not packing.same(shared, alone)


def test_a_version_that_is_put_into_one_file_names_no_layers_any_more(tmp_path: Path) -> None:
    folder = save(tmp_path, "one", weights())
    packing.save(packing.read(folder), folder)
    shutil.rmtree(tmp_path / FOLDER)
    assert not (folder / FILE).exists() and same(folder, weights())


def test_a_copy_reads_the_layers_of_its_new_place_and_says_which_one_is_missing(tmp_path: Path) -> None:
    folder = save(tmp_path / "home", "one", weights())
    copy = tmp_path / "other" / "task" / "one"
    shutil.copytree(folder, copy)
    with pytest.raises(CheckpointError, match=r"shares layers .* shared/[0-9a-f]{64}\.safetensors is nowhere whole"):
        packing.read(copy)
    shutil.copytree(tmp_path / "home" / FOLDER, tmp_path / "other" / FOLDER)
    assert same(copy, weights())


def test_a_damaged_layer_is_no_layer_until_the_next_version_brings_it_again(tmp_path: Path) -> None:
    folder = save(tmp_path, "one", weights())
    path = tmp_path / FOLDER / f"{shared_layers.digests(folder)['encoders.audio']}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(CheckpointError, match=path.name):
        packing.read(folder)
    save(tmp_path, "other", weights(head=1.0))
    assert same(folder, weights())


@pytest.mark.parametrize("written", ['["layers"]', '{"encoders.audio": "../../secret"}', "{", '{"encoders.audio": 1}'])
def test_what_names_no_digests_is_a_broken_version(tmp_path: Path, written: str) -> None:
    folder = save(tmp_path, "one", weights())
    (folder / FILE).write_text(written)
    with pytest.raises(ValueError, match=r"SHA-256|Expecting"):
        packing.read(folder)


def test_a_sweep_leaves_what_a_version_names_and_all_where_one_does_not_say(tmp_path: Path) -> None:
    one, other = save(tmp_path, "one", weights()), save(tmp_path, "other", weights(second=3.0))
    (tmp_path / FOLDER / ".cut.safetensors.x1").write_bytes(b"a write that was killed")
    shutil.rmtree(other)
    (one / "kept").write_text((one / FILE).read_text())
    (one / FILE).write_text("{")
    shared_layers.sweep(tmp_path)
    assert len(lying(tmp_path)) == 5
    (one / "kept").replace(one / FILE)
    shared_layers.sweep(tmp_path)
    assert lying(tmp_path) == set(shared_layers.digests(one).values()) and same(one, weights())
    shared_layers.sweep(tmp_path / "nowhere")


@pytest.mark.parametrize("folder", SHIPPED_VERSIONS, ids=lambda folder: folder.name)
def test_a_copy_of_what_is_shipped_loads_anywhere(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert packing.same(folder, tmp_path / "copy")
    assert MultimodalModel.load(tmp_path / "copy").model.config.architectures == ["MultimodalModel"]


def test_every_shipped_layer_is_whole_and_named_and_those_of_speech_are_those_of_digits() -> None:
    named = {folder.name: shared_layers.digests(folder) for folder in SHIPPED_VERSIONS}
    assert lying(SHIPPED) == {digest for of_one in named.values() for digest in of_one.values()}
    for path in (SHIPPED / FOLDER).iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    assert set(named["speech_emotion"].items()) < set(named["spoken_digits"].items())
    assert json.loads((SHIPPED / "speech_emotion" / FILE).read_text())
