"""Other numbers for the same weights: 16 bits each, or 8 with a scale for each row of a matrix.

Files alone get smaller: what is loaded is float32, so neither the arithmetic nor its time changes.
"""

from __future__ import annotations

from mmdemo.compression.interface import Compressed, Request
from mmdemo.model import packing


def fp16(request: Request) -> Compressed:
    """Keep every weight in 16 bits."""
    return _stored(request, 16)


def int8(request: Request) -> Compressed:
    """Keep the matrices in 8 bits; those that lie so already stay as they are, to the last bit."""
    return _stored(request, 8)


def bits_of(request: Request) -> int:
    """Return in how many bits a version keeps its matrices."""
    return 8 if any(name.endswith(packing.SCALE) for name in request.packed) else 16


def _stored(request: Request, bits: int) -> Compressed:
    packed = packing.pack(packing.unpack(request.packed), bits)
    if bits == bits_of(request) == 8:
        packed |= {
            part: request.packed[part]
            for name in request.packed
            if name + packing.SCALE in request.packed
            for part in (name, name + packing.SCALE)
        }
    return Compressed(request.loaded, packed)
