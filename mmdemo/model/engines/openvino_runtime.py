"""Encoders in OpenVINO: the narrowest numbers that the processor multiplies fast and that keep tokens close.

In "int8" matrices are multiplied in 8 bits: a scale for each row of weights, which those of a file in 8 bits have
already, and one for every GROUP numbers of each token, worked out as it comes (ZeroQuant, Yao et al., NeurIPS 2022,
section 4.1). All else is in float32, or in bfloat16 where it convolves and the processor has that. No scale depends on
another token, so no sample changes what is made of another. The graph is traced and handed over in memory; files hold
float32.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmdemo.model import packing
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines.interface import Hidden, Runtime, Shape
from mmdemo.model.engines.tracing import traced
from mmdemo.process import environment, memory

INT8, BF16, F32 = "int8", "bf16", "f32"
GROUP = 128  # numbers of a token that share a scale: with 32 the arithmetic takes a quarter longer
FILE = "encoder.xml"  # its weights stand beside it, in a file of the same name that ends in .bin
DEVICE = "CPU"


def version() -> str:
    """Return OpenVINO's version."""
    import openvino

    return str(openvino.__version__)


@cache
def precisions() -> Sequence[str]:
    """Return in which precisions this processor computes fast."""
    narrower = {INT8: torch.cpu._is_vnni_supported(), BF16: _has_bf16()}
    return (*(name for name, fast in narrower.items() if fast), F32)


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


def read(folder: Path, threads: int, precision: str, streams: int | None = None) -> Hidden:
    """Return the encoder in `folder`, compiled for this processor.

    `streams`: how many requests are worked on at once, each by its part of the threads; None: one for each lane.
    """
    model = _core().read_model(folder / FILE)
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams or environment.lanes(threads),
    }
    if precision == INT8:
        narrow(model)
        convolves = any(operation.get_type_name() == "Convolution" for operation in model.get_ops())
        rest = BF16 if convolves and _has_bf16() else F32  # each in the way that was faster
        options |= {"INFERENCE_PRECISION_HINT": rest, "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP}
    return _Compiled(_core().compile_model(model, DEVICE, options))


def narrow(model: Any) -> list[np.ndarray]:
    """Put each matrix of weights and each table of tokens into 8 bits, with a scale a row.

    Return them, (rows, columns) int8. Nothing else of the graph reads from its file after that: what does would keep
    all of it in memory.
    """
    from openvino import opset13 as operations

    narrowed = []
    for operation in model.get_ordered_ops():
        narrower = _NARROWER.get(operation.get_type_name())
        narrowed += narrower(operation) if narrower else []
    for operation in model.get_ordered_ops():
        if operation.get_type_name() == "Constant":
            operation.output(0).replace(operations.constant(np.array(operation.data)).output(0))
    return narrowed


def _product(product: Any) -> list[np.ndarray]:
    from openvino import opset13 as operations

    weights = product.input_value(1).get_node()
    if weights.get_type_name() != "Constant":
        return []
    turned = product.get_attributes()
    values = np.array(weights.data if turned["transpose_b"] else weights.data.T)  # (rows, columns)
    rows, scale = (each.numpy() for each in packing.rows(torch.from_numpy(values)))
    scaled = operations.multiply(operations.convert(rows, "f32"), scale[:, None])
    replacement = operations.matmul(product.input_value(0), scaled, turned["transpose_a"], transpose_b=True)
    _replace(product, replacement)
    return [rows]


def _table(lookup: Any) -> list[np.ndarray]:
    from openvino import opset13 as operations

    values, places, axis = (lookup.input_value(place) for place in range(3))
    table = values.get_node()
    if table.get_type_name() != "Constant" or table.data.ndim != 2 or table.data.size < packing.FEWEST:
        return []  # of so few numbers, as where a shape is looked up
    rows, scale = (each.numpy() for each in packing.rows(torch.from_numpy(np.array(table.data))))
    tokens, scales = (operations.gather(each, places, axis) for each in (rows, scale[:, None]))
    _replace(lookup, operations.multiply(operations.convert(tokens, "f32"), scales))
    return [rows]


def _replace(operation: Any, other: Any) -> None:
    other.set_friendly_name(operation.get_friendly_name())
    operation.output(0).replace(other.output(0))


_NARROWER = {"MatMul": _product, "Gather": _table}  # type of an operation → what puts its weights into 8 bits


class _Compiled:
    """A compiled encoder. Whoever asks has a request, with its memory, to himself until it is answered."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._idle = deque[Any]()  # requests, the last used one last
        memory.ask_too(self)

    def __call__(self, *arguments: Tensor) -> Tensor:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._model.create_infer_request()
        read = [argument.contiguous().numpy() for argument in arguments[: len(self._model.inputs)]]
        tokens = torch.from_numpy(request.infer(read, share_inputs=True)[0])
        self._idle.append(request)
        return tokens

    def give_back(self) -> None:
        """Let go of what is kept between layers; the next call makes room anew. Nothing where one is at work."""
        with suppress(RuntimeError):  # raised where one is
            self._model.release_memory()


def _has_bf16() -> bool:
    return "BF16" in _core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


OPENVINO = Runtime("openvino", ("openvino",), version, precisions, write, read)
