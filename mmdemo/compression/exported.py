"""The whole model as one ONNX file beside the weights, compared with PyTorch sample by sample.

In full precision it must answer as PyTorch does. In 8 bits (Jacob et al., CVPR 2018) it is said how far it does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from mmdemo.compression.interface import Compressed, Request
from mmdemo.errors import CheckpointError, MmdemoError
from mmdemo.model import Loaded, engines
from mmdemo.model.encoders.folded import folded
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines import whole_model
from mmdemo.model.engines.onnx_runtime import ONNXRUNTIME
from mmdemo.model.engines.whole_model import OnnxModel
from mmdemo.speed.turns import Clock, in_turns, timings
from mmdemo.training.data.datasets import decode_rows
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Inputs, subsets

TOLERANCE = 1e-3  # by which a logit may differ from PyTorch's
TOGETHER = 8  # samples of a batch in which some lack what others have
TIMED, ROUNDS = 8, 3
RANGED = 32  # samples by which the ranges of activations are set


def onnx(request: Request) -> Compressed:
    """Export beside the weights, which stay as they are. Raises MmdemoError without the runtime, CheckpointError."""
    return _exported(request, lambda path, exported: None, TOLERANCE)


def onnx_dynamic(request: Request) -> Compressed:
    """Export with matrices in 8 bits, and activations rounded in each call. Raises as `onnx` does."""

    def quantize(path: Path, exported: OnnxModel) -> None:
        whole_model.quantized_dynamic(path, path)

    return _exported(request, quantize, math.inf)


def onnx_static(request: Request) -> Compressed:
    """Export with matrices and convolutions in 8 bits, and activations in ranges of some samples. Raises as `onnx`."""

    def quantize(path: Path, exported: OnnxModel) -> None:
        items = decode_rows(request.rows[:RANGED], request.task, request.loaded.processor)
        batches = (request.loaded.processor([item.inputs]).batch for item in items)
        whole_model.quantized_static(path, path, exported, batches)

    return _exported(request, quantize, math.inf)


Quantize = Callable[[Path, OnnxModel], None]  # an exported file, and the model of it → the file in fewer bits


def _exported(request: Request, quantize: Quantize, tolerance: float) -> Compressed:
    engines.get(ONNXRUNTIME.name)
    finish = partial(_export, request, quantize, tolerance)
    return Compressed(request.loaded, request.packed, finish=finish)


def _export(
    request: Request, quantize: Quantize, tolerance: float, folder: Path, rows: Sequence[Row], clock: Clock
) -> Mapping[str, float]:
    loaded, path, threads = request.loaded, folder / whole_model.FILE, torch.get_num_threads()
    encoders = {name: folded(cast(ModalityEncoder, part)) for name, part in loaded.model.encoders.items()}
    samples = [item.inputs for item in decode_rows(rows, request.task, loaded.processor)]
    try:
        whole_model.export(loaded, encoders, path)
        quantize(path, OnnxModel(loaded, path, threads))
        exported = OnnxModel(loaded, path, threads)
        compared = farthest(loaded, exported, samples, tolerance)
    except MmdemoError:
        raise
    except Exception as error:  # whatever exporter and runtime raise at what they do not know
        raise CheckpointError("onnx_not_exported", detail=str(error).split("\n")[0]) from error
    return {
        "onnx_bytes": path.stat().st_size,
        **compared,
        "onnx_times": _times(loaded, exported, samples[:TIMED], clock),
    }


@torch.inference_mode()
def farthest(
    loaded: Loaded, exported: OnnxModel, samples: Sequence[Inputs], tolerance: float = TOLERANCE
) -> dict[str, float]:
    """Return how far logits lie from PyTorch's at most, of each sample with each subset of its modalities.

    They are also asked together. Raises CheckpointError where one lies too far.
    """
    parts = [sample.only(part) for sample in samples for part in subsets(sample.modalities)]
    wanted = [_logits(loaded, [each]) for each in parts]
    alone = torch.cat([exported(loaded.processor([each]).batch) for each in parts])
    together = torch.cat(
        [exported(loaded.processor(parts[start : start + TOGETHER]).batch) for start in range(0, len(parts), TOGETHER)]
    )
    right = torch.cat(wanted)  # (parts, k)
    distance = max(float((logits - right).abs().max()) for logits in (alone, together))
    if not distance <= tolerance:
        raise CheckpointError("onnx_differs", distance=f"{distance:.2g}", tolerance=tolerance)
    same = (alone.argmax(dim=1) == right.argmax(dim=1)).double().mean()
    return {"onnx_checked": len(parts), "onnx_farthest_logit": distance, "onnx_same_labels": float(same)}


def _logits(loaded: Loaded, samples: Sequence[Inputs]) -> Tensor:
    logits = loaded.model(loaded.processor(samples).batch).logits
    assert logits is not None
    return logits


@torch.inference_mode()
def _times(loaded: Loaded, exported: OnnxModel, samples: Sequence[Inputs], clock: Clock) -> float:
    """Return how many times as long the exported network takes as PyTorch's: the median over samples and turns."""
    seconds: dict[str, list[float]] = {"torch": [], "onnx": []}
    for sample in samples:
        batch = loaded.processor([sample]).batch
        ways = {"torch": partial(loaded.model, batch), "onnx": partial(exported, batch)}
        for name, took in in_turns(ways, ROUNDS, clock).items():
            seconds[name] += took
    return timings(seconds, {"onnx": "torch"})[0].ratio
