"""Encoders in OpenVINO: in bfloat16 where the processor multiplies that and tokens stay close, else in float32.

The graph is traced and handed over in memory. Weights stay as they are; nothing is scaled by what a batch holds, so no
sample changes what is made of another.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines.interface import Hidden, Runtime, Shape
from mmdemo.model.engines.tracing import traced

FILE = "encoder.xml"  # its weights stand beside it, in a file of the same name that ends in .bin
DEVICE = "CPU"


def version() -> str:
    """Return OpenVINO's version."""
    import openvino

    return str(openvino.__version__)


@cache
def precisions() -> Sequence[str]:
    """Return in which precisions this processor computes fast."""
    return ("bf16", "f32") if "BF16" in _core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES") else ("f32",)


def write(encoder: ModalityEncoder, arguments: Sequence[Tensor], shapes: Sequence[Shape], folder: Path) -> None:
    """Convert what costs of an encoder."""
    # Not `openvino.convert_model`, which reports to its makers that it was called.
    from openvino import PartialShape, save_model
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced(encoder, arguments))  # named: it must live until the graph is converted
    model = frontend.convert(frontend.load(decoder))
    model.reshape({place: PartialShape(list(shape)) for place, shape in enumerate(shapes)})
    save_model(model, folder / FILE, compress_to_fp16=False)


def read(folder: Path, threads: int, precision: str) -> Hidden:
    """Return the encoder in `folder`, compiled for this processor."""
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    return _Compiled(_core().compile_model(folder / FILE, DEVICE, options))


class _Compiled:
    """A compiled encoder. A request is no more than one thread's, so each has its own."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._requests = threading.local()

    def __call__(self, *arguments: Tensor) -> Tensor:
        request = getattr(self._requests, "of_thread", None)
        if request is None:
            request = self._requests.of_thread = self._model.create_infer_request()
        read = [argument.contiguous().numpy() for argument in arguments[: len(self._model.inputs)]]
        return torch.from_numpy(request.infer(read, share_inputs=True)[0])


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


OPENVINO = Runtime("openvino", ("openvino",), version, precisions, write, read)
