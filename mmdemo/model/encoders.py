"""From a modality's tensors to its tokens: which types of encoder there are, found in ENCODERS.

A builder makes an empty encoder from what the configuration keeps; a specifier makes that from a task's TOML when a
fresh model is built, with the weights to start from, if any.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedModel

from mmdemo.errors import ManifestError
from mmdemo.model import adapter
from mmdemo.model.cnn import LogMelCnn, SmallCnn
from mmdemo.model.modality import ModalityEncoder
from mmdemo.model.pretrained import AutoImage, AutoText
from mmdemo.model.pretrained import specify as specify_auto

SMALL_SIZE_PX = 64  # side of the square, where the task says nothing
MELS = 64

Specified = tuple[dict[str, Any], PreTrainedModel | None]


@dataclass(frozen=True)
class Kind:
    """One type of encoder."""

    build: Callable[[Mapping[str, Any]], ModalityEncoder]
    specify: Callable[[str, Mapping[str, Any], str | None], Specified]  # modality, entry of the TOML, start


def build(modality: str, spec: Mapping[str, Any]) -> ModalityEncoder:
    """Return an empty encoder. Raises ManifestError for a type that the modality does not have."""
    encoder = _kind(modality, spec["type"]).build(spec)
    if "adapter" in spec:
        adapter.insert(encoder.get_submodule("backbone"), spec["adapter"])
    return encoder


def specify(modality: str, entry: Mapping[str, Any], start: str | None) -> Specified:
    """Return what the configuration keeps of a task's encoder entry, and the weights to start from, if any.

    Raises ManifestError, CheckpointError where `start` cannot be loaded.
    """
    return _kind(modality, entry["type"]).specify(modality, entry, start)


def _kind(modality: str, name: str) -> Kind:
    known = {type_: kind for (of, type_), kind in ENCODERS.items() if of == modality}
    if name not in known:
        raise ManifestError("unknown_encoder", type=name, modality=modality, known=", ".join(known))
    return known[name]


def _from_scratch(**defaults: Any) -> Callable[[str, Mapping[str, Any], str | None], Specified]:
    def specify(modality: str, entry: Mapping[str, Any], start: str | None) -> Specified:
        return {"type": entry["type"], **{name: entry.get(name, value) for name, value in defaults.items()}}, None

    return specify


ENCODERS: dict[tuple[str, str], Kind] = {
    ("image", "auto"): Kind(AutoImage, specify_auto),
    ("image", "small_cnn"): Kind(lambda spec: SmallCnn(spec["size"]), _from_scratch(size=SMALL_SIZE_PX)),
    ("text", "auto"): Kind(AutoText, specify_auto),
    ("audio", "logmel_cnn"): Kind(lambda spec: LogMelCnn(spec["mels"]), _from_scratch(mels=MELS)),
}
