"""How a version's weights lie in their file: in 16 bits, or in 8 with a scale for each row of a matrix.

Eight bits are symmetric quantization by output channel, after Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, equation 1 without a zero point. Only the file is
small: what is loaded is float32 again. Layers of encoders may lie beside the folders of versions, once for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import torch as files
from torch import Tensor

from mmdemo.versions import shared_layers

FILE = "model.safetensors"
FILES = (FILE, shared_layers.FILE)  # of a version's folder, that say what its weights are
BITS = (8, 16)
HALF_MAX = 65_504.0  # largest number of float16
LARGEST = 127  # of 8 bits, on both sides of 0
FEWEST = 4096  # numbers of a matrix that is worth a scale a row
SCALE = ".scale"  # behind the name of a matrix in 8 bits
ENCODERS = "encoders."  # before the name of a weight that others may have too
SMALL = 2**18  # bytes of a layer that has no file of its own: it lies with the rest of its encoder


def pack(weights: Mapping[str, Tensor], bits: int) -> dict[str, Tensor]:
    """Return weights as a file keeps them; what is too large for 16 bits, and whole numbers, stay as they are."""
    packed: dict[str, Tensor] = {}
    for name, value in weights.items():
        value = value.detach().cpu()
        if bits == 8 and value.is_floating_point() and value.dim() > 1 and value.numel() >= FEWEST:
            packed[name], packed[name + SCALE] = rows(value)
        else:
            fits = value.is_floating_point() and (not value.numel() or float(value.abs().max()) <= HALF_MAX)
            packed[name] = value.half() if fits else value
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return float32 weights of what `pack` returned."""
    weights = {}
    for name, value in packed.items():
        if name + SCALE in packed:
            scale = packed[name + SCALE].float()  # (rows,)
            weights[name] = value.float() * scale.view(-1, *[1] * (value.dim() - 1))
        elif not name.endswith(SCALE):
            weights[name] = value.float() if value.is_floating_point() else value
    return weights


def save(packed: Mapping[str, Tensor], folder: Path, store: Path | None = None) -> None:
    """Write what `pack` returned into a version's folder; the layers of its encoders into `store`, where one is given.

    Raises OSError, StorageError.
    """
    own: Mapping[str, Tensor] = packed
    if store is None:
        (folder / shared_layers.FILE).unlink(missing_ok=True)
    else:
        own, layers = _split(packed)
        shared_layers.write({name: _bytes(part) for name, part in sorted(layers.items())}, store, folder)
    (folder / FILE).write_bytes(_bytes(own))


def read(folder: Path) -> dict[str, Tensor]:
    """Return the weights of a version's folder as its files keep them.

    Raises OSError, ValueError, SafetensorError, CheckpointError where a layer that it shares is missing.
    """
    packed = files.load_file(folder / FILE)
    for content in shared_layers.read(folder):
        packed |= files.load(content)
    return packed


def same(first: Path, second: Path) -> bool:
    """Return whether two versions have the same weights to the last bit, in whatever files. Raises as `read`."""
    one, other = read(first), read(second)
    return one.keys() == other.keys() and all(_identical(value, other[name]) for name, value in one.items())


def size(folder: Path) -> int:
    """Return the bytes of all files of a version, with the layers that it shares. Raises OSError, ValueError."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) + shared_layers.size(folder)


def load(folder: Path) -> dict[str, Tensor]:
    """Return the float32 weights of a version's folder, all finite. Raises as `read`, ValueError."""
    weights = unpack(read(folder))
    for name, value in weights.items():
        if value.is_floating_point() and value.numel() and not all(map(torch.isfinite, value.aminmax())):
            raise ValueError(f"{name} holds numbers that are not finite (NaN or infinite)")
    return weights


def _split(packed: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """Return the weights that are a version's own, and by layer those that others may have too: its encoders'."""
    shared = {name: value for name, value in packed.items() if name.startswith(ENCODERS)}
    sizes = Counter[str]()
    for name, value in shared.items():
        sizes[_layer(name)] += value.nbytes
    layers: dict[str, dict[str, Tensor]] = {}
    for name, value in shared.items():
        place = _layer(name) if sizes[_layer(name)] >= SMALL else _encoder(name)
        layers.setdefault(place, {})[name] = value
    return {name: value for name, value in packed.items() if name not in shared}, layers


def _layer(name: str) -> str:
    """Return how the names of a layer's weights begin, up to its number; without one, how those of its encoder do."""
    words = name.split(".")
    number = next((place for place, word in enumerate(words) if word.isdigit()), None)
    return _encoder(name) if number is None else ".".join(words[: number + 1])


def _encoder(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _bytes(weights: Mapping[str, Tensor]) -> bytes:
    """Return a file of weights: the same ones give the same bytes."""
    return files.save({name: weights[name].contiguous() for name in sorted(weights)}, {"format": "pt"})


def _identical(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same bits: NaN is itself here, and 0 is not -0."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return torch.equal(*(value.contiguous().reshape(-1).view(torch.uint8) for value in (one, other)))


def rows(value: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix (rows, …) as int8, and the scales (rows,) float32 that bring it back."""
    scale = value.flatten(1).abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny) / LARGEST
    return (value / scale.view(-1, *[1] * (value.dim() - 1))).round().to(torch.int8), scale
