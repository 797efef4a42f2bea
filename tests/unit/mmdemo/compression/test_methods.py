"""Methods that change what is answered: what they leave of a network, and what they refuse."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmdemo.compression import METHODS, MethodSettings, Request
from mmdemo.compression.exported import farthest
from mmdemo.compression.learning import ASIDE
from mmdemo.compression.sparsity import thinned
from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model import MultimodalModel, packing
from mmdemo.model.encoders.folded import folded
from mmdemo.model.engines import whole_model
from mmdemo.model.engines.whole_model import OnnxModel
from mmdemo.training import manifests
from mmdemo.training.manifests import splits
from mmdemo.values.samples import MODALITIES
from mmdemo.versions import sidecar
from tests import tiny
from tests.unit.mmdemo.compression.conftest import Original, write_manifest
from tests.unit.mmdemo.compression.test_compress import run, smaller

ENOUGH = 60  # samples


@pytest.fixture(scope="module")
def large(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Original:
    return replace(original, manifest=write_manifest(tmp_path_factory.mktemp("large"), ENOUGH))


def request_of(original: Original, **settings: object) -> Request:
    rows = manifests.read(original.manifest, original.task)
    loaded = MultimodalModel.load(original.folder)
    return Request(
        original.task, original.folder, loaded, packing.read(original.folder), rows, MethodSettings(**settings)
    )


def test_the_smallest_numbers_of_a_matrix_go() -> None:
    weight = torch.randn(64, 64)
    less = thinned(weight, 0.75)
    kept = less != 0
    assert int(kept.sum()) == 1024 and torch.equal(less[kept], weight[kept])
    assert weight[kept].abs().min() >= weight[~kept].abs().max()


def test_pruning_leaves_so_many_zeros_and_spares_no_byte(capsys, large, tmp_path: Path) -> None:
    smaller(capsys, large, "int8", tmp_path / "eighth")
    said = smaller(capsys, replace(large, folder=tmp_path / "eighth"), "prune", tmp_path / "sparse", "--sparsity", 0.5)
    weights = packing.load(tmp_path / "sparse")
    large_ones = [
        value
        for name, value in weights.items()
        if value.dim() > 1 and value.numel() >= packing.FEWEST and "embeddings" not in name
    ]
    zeros = sum(int((value == 0).sum()) for value in large_ones)
    assert said["settings"]["zeros"] <= zeros and said["settings"]["sparsity"] == 0.5
    assert zeros >= 0.5 * sum(value.numel() for value in large_ones)
    [before, after] = [(tmp_path / name / packing.FILE).stat().st_size for name in ("eighth", "sparse")]
    assert abs(after - before) < 200
    about = sidecar.read(tmp_path / "sparse")
    assert about.command.endswith("--sparsity 0.5 --out sparse") and set(about.temperatures) == {
        "image",
        "text",
        "image+text",
    }


@pytest.mark.slow
def test_layers_go_and_the_rest_learns(capsys, large, tmp_path: Path) -> None:
    said = smaller(capsys, large, "depth", tmp_path / "flat", "--layers", "fusion=1", "--option", "precision=fp32")
    loaded, before = (MultimodalModel.load(folder).model for folder in (tmp_path / "flat", large.folder))
    assert (len(loaded.fusion.layers), len(before.fusion.layers)) == (1, 2)
    assert said["bytes"][1] < said["bytes"][0] and said["settings"] == {"fusion_layers": 1, "epochs": 1.0}
    assert not torch.equal(loaded.head.state_dict().popitem()[1], before.head.state_dict().popitem()[1])


@pytest.mark.slow
def test_a_student_has_the_network_of_its_own_task_file(capsys, large, tmp_path: Path) -> None:
    path = tiny.write_task(tmp_path, ("image", "text"))
    text = path.read_text().replace('type = "auto"\nstart = "none"\nsize = 16', 'type = "small_cnn"\nsize = 16')
    text = text.replace('type = "auto"\nstart = "none"\nmax_tokens', 'type = "textcnn"\nmax_tokens')
    path.write_text(text.replace("dim = 32", "dim = 16"))
    said = smaller(
        capsys,
        large,
        "distil",
        tmp_path / "student",
        "--into",
        path,
        "--option",
        "precision=fp32",
        "--option",
        "epochs=2",
    )
    loaded = MultimodalModel.load(tmp_path / "student").model
    assert loaded.config.dim == 16 and loaded.config.encoders["text"]["type"] == "textcnn"
    assert said["settings"] == {"into": "tiny.toml", "epochs": 2.0} and said["samples"] < ENOUGH
    words = ("--task", large.task.path, "--version", tmp_path / "student", "--text", "a dog", "--json")
    code, printed, _ = run(capsys, "predict", *words)
    assert code == 0 and json.loads(printed)["model_version"] == "student"


def test_what_is_compared_on_was_set_aside(large: Original) -> None:
    request = request_of(large, sparsity=0.5)
    learned, _ = splits.calibration_split(request.rows, ASIDE, large.task.split_by)
    compared = METHODS["prune"](request).rows
    assert compared and not {row.id for row in compared} & {row.id for row in learned}


@pytest.mark.parametrize(
    ("method", "settings", "sentence"),
    [
        ("prune", {}, "--sparsity"),
        ("prune", {"sparsity": 1.5}, "not 1.5"),
        ("depth", {}, "fusion of 2"),
        ("depth", {"layers": {"fusion": 2}}, "fusion=2"),
        ("depth", {"layers": {"image": 1}}, "image=1"),
        ("distil", {}, "--into"),
    ],
)
def test_what_cannot_be_done_is_said(
    original: Original, method: str, settings: Mapping[str, object], sentence: str
) -> None:
    with pytest.raises(ManifestError, match=sentence):
        METHODS[method](request_of(original, **settings))


def test_few_samples_leave_nothing_to_compare_on(original: Original) -> None:
    with pytest.raises(ManifestError, match="10 samples are too few"):
        METHODS["prune"](request_of(original, sparsity=0.5))


def test_a_student_answers_the_same_question(large: Original, tmp_path: Path) -> None:
    other = tiny.task(tmp_path, ("image", "text"), labels=("yes", "no"))
    with pytest.raises(CheckpointError, match="labels"):
        METHODS["distil"](request_of(large, into=other))


@pytest.mark.slow
def test_an_exported_model_answers_any_batch_with_anything_missing(tmp_path: Path) -> None:
    task = tiny.task(tmp_path)
    loaded = MultimodalModel.load(tiny.version(tmp_path / "v1", task))
    encoders = {name: folded(encoder) for name, encoder in loaded.model.encoders.items()}
    whole_model.export(loaded, encoders, tmp_path / "model.onnx")
    exported = OnnxModel(loaded, tmp_path / "model.onnx")
    samples = [tiny.inputs(seed, seconds=0.5 + 0.3 * seed) for seed in range(3)]
    samples.append(tiny.inputs(9, MODALITIES[:2]))
    result = farthest(loaded, exported, samples)
    assert result["onnx_checked"] == 3 * 7 + 3 and result["onnx_farthest_logit"] < 1e-3
    assert result["onnx_same_labels"] == 1
    torch.nn.init.normal_(loaded.model.projections["text"][1].weight)
    with pytest.raises(CheckpointError, match="from PyTorch's logits"):
        farthest(loaded, exported, samples)


@pytest.mark.parametrize("method", ["onnx-dynamic", "onnx-static"])
def test_an_export_in_8_bits_is_smaller_and_says_how_far_it_lies(
    capsys, original: Original, tmp_path: Path, method: str
) -> None:
    whole, small = (smaller(capsys, original, name, tmp_path / name)["more"] for name in ("onnx", method))
    assert {path.name for path in (tmp_path / method).iterdir()} == {
        path.name for path in (tmp_path / "onnx").iterdir()
    }
    assert small["onnx_bytes"] < whole["onnx_bytes"] and small["onnx_checked"] == whole["onnx_checked"]
    assert whole["onnx_farthest_logit"] < small["onnx_farthest_logit"] < 0.5


def test_the_export_stands_beside_the_weights(capsys, original: Original, tmp_path: Path) -> None:
    said = smaller(capsys, original, "onnx", tmp_path / "portable")
    assert said["more"]["onnx_bytes"] == (tmp_path / "portable" / whole_model.FILE).stat().st_size
    assert said["more"]["onnx_checked"] == 10 + 2 * 6 and said["agreement"] == 1
    before, after = (packing.read(folder) for folder in (original.folder, tmp_path / "portable"))
    assert all(torch.equal(before[name], after[name]) for name in before)
