"""A smaller version from a version: methods in METHODS, a module each; what each costs is measured as it is made."""

from mmdemo.compression.depth import depth
from mmdemo.compression.distillation import distil
from mmdemo.compression.exported import onnx, onnx_dynamic, onnx_static
from mmdemo.compression.interface import Compressed, Method, MethodSettings, Request
from mmdemo.compression.sparsity import prune
from mmdemo.compression.storage import fp16, int8
from mmdemo.compression.vocabulary import unreachable, vocabulary
from mmdemo.errors import UnknownName

METHODS: dict[str, Method] = {
    "fp16": fp16,
    "int8": int8,
    "vocabulary": vocabulary,
    "unreachable": unreachable,
    "onnx": onnx,
    "onnx-dynamic": onnx_dynamic,
    "onnx-static": onnx_static,
    "prune": prune,
    "depth": depth,
    "distil": distil,
}


def get(name: str) -> Method:
    """Return a method by its name. Raises UnknownName."""
    if name not in METHODS:
        raise UnknownName("compress_unknown", name=name, known=", ".join(METHODS))
    return METHODS[name]


__all__ = ["METHODS", "Compressed", "Method", "MethodSettings", "Request", "get"]
