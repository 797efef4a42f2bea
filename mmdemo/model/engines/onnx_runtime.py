"""Encoders in ONNX Runtime, in float32; `onnx` writes what it reads."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines.interface import Hidden, Runtime, Shape
from mmdemo.model.engines.tracing import traced

FILE = "encoder.onnx"
OPSET = 17
PROVIDERS = ["CPUExecutionProvider"]


def version() -> str:
    """Return ONNX Runtime's version."""
    import onnxruntime

    return str(onnxruntime.__version__)


def precisions() -> Sequence[str]:
    """Return the precision that it computes in."""
    return ("f32",)


def write(encoder: ModalityEncoder, arguments: Sequence[Tensor], shapes: Sequence[Shape], folder: Path) -> None:
    """Export what costs of an encoder."""
    names = [f"argument_{place}" for place in range(len(arguments))]
    axes = {
        name: {axis: f"{name}_{axis}" for axis, size in enumerate(shape) if size < 0}
        for name, shape in zip(names, shapes, strict=True)
    }
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, and of numbers that it takes for the same in all samples
        torch.onnx.export(
            traced(encoder, arguments),
            tuple(arguments),
            str(folder / FILE),
            input_names=names,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def read(folder: Path, threads: int, precision: str) -> Hidden:
    """Return the encoder in `folder`, ready to compute."""
    assert precision in precisions()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # beside PyTorch's threads
    session = onnxruntime.InferenceSession(folder / FILE, options, PROVIDERS)
    wanted = [(entry.name, int(entry.name.rpartition("_")[2])) for entry in session.get_inputs()]

    def hidden(*arguments: Tensor) -> Tensor:
        feeds = {name: arguments[place].contiguous().numpy() for name, place in wanted}
        return torch.from_numpy(session.run(None, feeds)[0])

    return hidden


ONNXRUNTIME = Runtime("onnxruntime", ("onnxruntime", "onnx"), version, precisions, write, read)
