"""A whole model as one file for ONNX Runtime: any number of samples together, each with any subset of the modalities.

Inputs are, by modality, which samples have it, `image_present` (b,) bool, and what its encoder takes, `image_0` …, as
the processor makes it; output `logits` (b, k), not calibrated. What stands in the place of a modality that a sample
lacks makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmdemo.model.batch import Batch, EncoderInputs
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines import tracing
from mmdemo.model.engines.onnx_runtime import OPSET, PROVIDERS
from mmdemo.model.model import Loaded, MultimodalModel

FILE = "model.onnx"
LOGITS, PRESENT = "logits", "present"


class WholeModel(nn.Module):
    """A model without branches: every encoder reads every sample, and masks say what counts."""

    def __init__(self, model: MultimodalModel, encoders: Mapping[str, ModalityEncoder]) -> None:
        super().__init__()
        self.model = model
        self.encoders = nn.ModuleDict(encoders)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Return logits (b, k) of what `arguments_of` returns, in its order."""
        waiting, values, masks, kinds = list(arguments), [], [], []
        for place, name in enumerate(self.model.config.modalities):
            present, count = waiting.pop(0), _counts[name]
            taken, waiting = waiting[:count], waiting[count:]
            tokens, mask = self.encoders[name](*taken)
            mask = mask & present[:, None]
            tokens = torch.where(mask[..., None], tokens, 0.0)  # (b, n, w): nothing of what is not there gets through
            values.append(self.model.projections[name](tokens) + self.model._place(name, tokens.shape[1]))
            masks.append(mask)
            kinds.append(torch.zeros_like(mask[0], dtype=torch.long) + place)
        fused = self.model.fusion(torch.cat(values, dim=1), torch.cat(masks, dim=1), torch.cat(kinds))
        return self.model.fusion.logits(self.model.head, fused)


_counts = {"image": 1, "text": 3, "audio": 2}  # modality → tensors that its encoder takes


class OnnxModel:
    """The exported model, ready to answer."""

    def __init__(self, loaded: Loaded, path: Path, threads: int = 1) -> None:
        """Raises whatever the runtime does where it cannot read the file."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, PROVIDERS)
        self._wanted = {entry.name for entry in self._session.get_inputs()}
        self._modalities = loaded.model.config.modalities
        self._blanks = _examples(loaded).modalities

    def __call__(self, batch: Batch) -> Tensor:
        """Return logits (b, k) of a batch as the processor makes it, whatever its samples lack."""
        return torch.from_numpy(self._session.run([LOGITS], self.arrays(batch))[0])

    def arrays(self, batch: Batch) -> dict[str, np.ndarray]:
        """Return the inputs by name; of a modality that no sample has, a stand-in."""
        count = len(next(iter(batch.modalities.values())).present)
        named = _named(self._modalities, batch, self._blanks, count)
        return {name: tensor.numpy() for name, tensor in named if name in self._wanted}


def export(loaded: Loaded, encoders: Mapping[str, ModalityEncoder], path: Path) -> None:
    """Write a model that answers. `encoders`: by modality, as they answer. Raises whatever the exporter does."""
    batch = _examples(loaded)
    named = dict(_named(loaded.model.config.modalities, batch, batch.modalities, 2))
    axes = {name: {0: "samples"} for name in named}
    for name, tensor in named.items():
        if not name.startswith("image"):
            axes[name] |= {axis: f"{name}_{axis}" for axis in range(1, tensor.dim()) if name != "audio_0" or axis == 2}
            if name == "audio_0" and tensor.dim() == 2:  # a wave
                axes[name][1] = "audio_samples"
    with tracing.quietly():
        torch.onnx.export(
            WholeModel(loaded.model, encoders).eval(),
            tuple(named.values()),
            str(path),
            input_names=list(named),
            output_names=[LOGITS],
            dynamic_axes={**axes, LOGITS: {0: "samples"}},
            opset_version=OPSET,
            dynamo=False,
        )


def quantized_dynamic(path: Path, out: Path) -> None:
    """Write the exported model with matrices in 8 bits; activations are rounded by what each call holds.

    Weights take 7 of the 8 (`reduce_range`): the sums of larger ones overflow where a processor has AVX2 and no VNNI.
    """
    from onnxruntime import quantization

    quantization.quantize_dynamic(path, out, ["MatMul", "Gemm"], per_channel=True, reduce_range=True)


def quantized_static(path: Path, out: Path, exported: OnnxModel, batches: Iterable[Batch]) -> None:
    """Write the exported model with matrices and convolutions in 8 bits, activations within their ranges on batches."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        """Hands over one batch after another."""

        def __init__(self) -> None:
            self._rest = iter(batches)

        def get_next(self) -> dict[str, np.ndarray] | None:
            """Return the arrays of the next batch; None behind the last."""
            batch = next(self._rest, None)
            return None if batch is None else exported.arrays(batch)

    operations = ["MatMul", "Gemm", "Conv"]
    quantization.quantize_static(
        path, out, Reader(), op_types_to_quantize=operations, per_channel=True, reduce_range=True
    )


def _named(modalities: Sequence[str], batch: Batch, blanks: Mapping[str, Any], count: int) -> list[tuple[str, Tensor]]:
    named = []
    for name in modalities:
        item = batch.modalities.get(name)
        if item is None:
            tensors = tuple(each[:1].expand(count, *each.shape[1:]).contiguous() for each in blanks[name].tensors)
            item = EncoderInputs(tensors, torch.zeros(count, dtype=torch.bool))
        assert isinstance(item, EncoderInputs)
        named += [(f"{name}_{PRESENT}", item.present)]
        named += [(f"{name}_{place}", tensor.contiguous()) for place, tensor in enumerate(item.tensors)]
    return named


def _examples(loaded: Loaded) -> Batch:
    return loaded.processor(tracing.examples(loaded, loaded.model.config.modalities)).batch
