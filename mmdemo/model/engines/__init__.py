"""Runtimes that do the arithmetic of encoders in PyTorch's place where they are installed, found in RUNTIMES.

PyTorch trains, and takes gradients: those of maps end before the encoders.
"""

from collections.abc import Mapping
from importlib.util import find_spec

from mmdemo.errors import MmdemoError, UnknownName
from mmdemo.model.engines.interface import Runtime
from mmdemo.model.engines.onnx_runtime import ONNXRUNTIME
from mmdemo.model.engines.openvino_runtime import OPENVINO
from mmdemo.settings import TORCH

RUNTIMES: dict[str, Runtime] = {runtime.name: runtime for runtime in (OPENVINO, ONNXRUNTIME)}
DEFAULT = OPENVINO.name  # which serves where nobody chose


def installed(runtime: Runtime) -> bool:
    """Tell whether a runtime's packages are there."""
    return all(find_spec(package) is not None for package in runtime.packages)


def get(name: str, runtimes: Mapping[str, Runtime] = RUNTIMES) -> Runtime:
    """Return a runtime by its name. Raises UnknownName; MmdemoError where it is not installed."""
    if name not in runtimes:
        raise UnknownName("unknown_runtime", name=name, known=", ".join((TORCH, *runtimes)))
    if not installed(runtimes[name]):
        packages = " ".join(runtimes[name].packages)
        raise MmdemoError("runtime_not_installed", name=name, packages=packages)
    return runtimes[name]
