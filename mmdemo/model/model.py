"""MultimodalModel: encoders, one fusion, one head or several. Any subset of the modalities goes in together.

Letters of the shapes: b samples, n tokens of one modality, d width of a fusion token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model import encoders, fusion, packing, transformers_output
from mmdemo.model.batch import Batch, EncoderInputs, EncoderTokens
from mmdemo.model.config import MultimodalConfig, for_task
from mmdemo.model.encoders.interface import EncoderRequest, EncoderSpec
from mmdemo.model.fusion.interface import Fused, Fusion
from mmdemo.model.fusion.tokens import Tokens, grid_sinusoids, sinusoids
from mmdemo.model.heads import HEADS, ClassificationHead
from mmdemo.model.processor import MultimodalProcessor
from mmdemo.tasks import Task
from mmdemo.values.samples import MODALITIES


@dataclass
class MultimodalOutput(ModelOutput):
    """What one forward pass returns."""

    loss: Tensor | None = None
    logits: Tensor | None = None  # (b, k) float32: the outputs of the kind's head
    further: dict[str, Tensor] | None = None  # further answer → its logits (b, labels), in the order of the task's
    features: Tensor | None = None  # (b, d), what the head answers from
    pooled: dict[str, Tensor] | None = None  # modality → (b, d), mean of its tokens before the fusion
    attention: tuple[Tensor, ...] | None = None  # as `Fused` has it
    tokens: Tokens | None = None  # what went into the fusion


class Loaded(NamedTuple):
    """A model, and the processor that makes its batches."""

    model: MultimodalModel
    processor: MultimodalProcessor


class MultimodalModel(PreTrainedModel):
    """Tokens of picture, caption and sound → features of all of them → logits."""

    config_class = MultimodalConfig
    base_model_prefix = "mmdemo"
    main_input_name = "batch"
    _supports_sdpa = True

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__(config)
        d = config.dim
        built = {name: encoders.build(name, config.encoders[name]) for name in config.modalities}
        self.encoders = nn.ModuleDict(built)
        self.projections = nn.ModuleDict(
            {name: nn.Sequential(nn.LayerNorm(part.dim), nn.Linear(part.dim, d)) for name, part in built.items()}
        )
        self.grid = built["image"].grid if "image" in built else None
        self.modality_embedding = nn.Embedding(len(MODALITIES), d)
        self.fusion = fusion.build(config)
        self.head = HEADS[config.kind](d, len(config.labels), config.dropout)
        self.further = nn.ModuleList(
            ClassificationHead(d, len(entry["labels"]), config.dropout) for entry in config.further
        )
        self.post_init()

    def forward(
        self,
        batch: Batch,
        labels: Tensor | None = None,
        further_labels: Tensor | None = None,
        return_attention: bool = False,
    ) -> MultimodalOutput:
        """Judge a batch: `encode`, then `fuse`, which says what the labels are."""
        return self.fuse(self.encode(batch), labels, further_labels, return_attention)

    def encode(self, batch: Batch) -> Tokens:
        """Return the fusion's input. Tokens that encoders made before are taken as they are.

        Training hides modalities at random, never the caption of a sample that is `constructed`.
        """
        modalities = {name: batch.modalities[name] for name in self.config.modalities if name in batch.modalities}
        assert modalities, "a batch needs at least one modality"
        present = torch.stack([item.present for item in modalities.values()], dim=1)  # (b, modalities)
        shown = self._hide(present)
        if batch.constructed is not None and "text" in modalities:
            caption = list(modalities).index("text")
            shown[:, caption] |= present[:, caption] & batch.constructed
        encoded = {name: self._tokens(name, item, shown[:, i]) for i, (name, item) in enumerate(modalities.items())}
        return Tokens.joined(encoded, self.grid if "image" in encoded else None)

    def learn_to_answer(self, answers: Sequence[str]) -> None:
        """Make room for answers that are new; `answers` begin with those that it gives already."""
        labels = self.config.labels
        assert list(answers[: len(labels)]) == labels, "answers keep their places"
        if len(answers) > len(labels):
            self.config.id2label = dict(enumerate(answers))
            self.config.label2id = {name: index for index, name in enumerate(answers)}
            self.head.widen(len(answers))

    def empty(self, tokens: Tokens) -> Tensor:
        """Return (1, n, d): what would stand in place of `tokens` if they said no more than their kind and place."""
        counts = {name: last - first for name, (first, last) in tokens.spans.items()}
        return torch.cat([self._place(name, n).expand(n, -1) for name, n in counts.items()])[None]

    def alike(self, tokens: Tokens) -> dict[str, Tensor]:
        """Return by modality features (b, d) of unit length, to be compared across samples and modalities.

        They are its mean token without what the kind and the place alone say.
        """
        means = tokens.means(tokens.values - self.empty(tokens))
        return {name: F.normalize(mean, dim=-1) for name, mean in means.items()}

    def fuse(
        self,
        tokens: Tokens,
        labels: Tensor | None = None,
        further_labels: Tensor | None = None,
        return_attention: bool = False,
    ) -> MultimodalOutput:
        """Judge encoded tokens; as many of them as one likes may be masked.

        `labels`: targets of the head, such as indices (b,) or shares (b, labels); further_labels (b, further answers),
        UNKNOWN where nobody gave one.
        """
        fused = self.fusion(tokens.values, tokens.mask, tokens.modality(self.config.modalities), return_attention)
        output = MultimodalOutput(
            logits=self.fusion.logits(self.head, fused),
            further=self._further(fused),
            features=fused.features,
            pooled=tokens.means(tokens.values),
            attention=fused.attention,
            tokens=tokens,
        )
        if labels is not None:
            output["loss"] = self.loss(output, labels, further_labels)
        return output

    def loss(
        self, output: MultimodalOutput, labels: Tensor, further_labels: Tensor | None = None, smoothing: float = 0.0
    ) -> Tensor:
        """Return the loss of the answer and, where `further_labels` are given, of the further ones, added up."""
        assert output.logits is not None
        total = self.head.loss(output.logits, labels, smoothing)
        if further_labels is not None and output.further:
            for logits, column in zip(output.further.values(), further_labels.unbind(dim=1), strict=True):
                total = total + ClassificationHead.loss_of_known(logits, column, smoothing)
        return total

    def _further(self, fused: Fused) -> dict[str, Tensor]:
        logits = {}
        for entry, head in zip(self.config.further, self.further, strict=True):
            assert isinstance(head, ClassificationHead)
            logits[entry["name"]] = self.fusion.logits(head, fused)
        return logits

    def _hide(self, present: Tensor) -> Tensor:
        """In training, hide modalities (b, modalities) of samples that have several; never all of a sample."""
        if not self.training or self.config.modality_dropout == 0 or present.shape[1] == 1:
            return present
        kept = present & (torch.rand(present.shape, device=present.device) >= self.config.modality_dropout)
        return torch.where(kept.any(dim=1, keepdim=True), kept, present)

    def _tokens(self, name: str, inputs: EncoderInputs | EncoderTokens, present: Tensor) -> tuple[Tensor, Tensor]:
        """Return fusion tokens (b, n, d) of one modality and which are real (b, n); only samples that have it run."""
        rows = present.nonzero()[:, 0]
        if len(rows) == 0:
            nothing = self.modality_embedding.weight.new_zeros(len(present), 0, self.config.dim)
            return nothing, present.new_zeros(len(present), 0)
        tokens, mask = inputs.encoded_by(self.encoders[name], rows)
        tokens = self.projections[name](tokens) + self._place(name, tokens.shape[1])
        if len(rows) == len(present):
            return tokens, mask
        all_tokens = tokens.new_zeros(len(present), *tokens.shape[1:])
        all_mask = mask.new_zeros(len(present), mask.shape[1])
        return all_tokens.index_copy(0, rows, tokens), all_mask.index_copy(0, rows, mask)

    def _place(self, name: str, n: int) -> Tensor:
        """Return (n, d): what kind of token it is, and where; word pieces know their place from their encoder."""
        kind = self.modality_embedding.weight[MODALITIES.index(name)]
        if name == "image" and self.grid is not None:
            return kind + grid_sinusoids(*self.grid, self.config.dim, kind)
        if name == "audio":
            return kind + sinusoids(torch.arange(n, device=kind.device), self.config.dim)
        return kind.expand(n, -1)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, Fusion):
            for learned in module.parameters(recurse=False):
                nn.init.normal_(learned, std=0.02)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        else:
            super()._init_weights(module)

    @classmethod
    def build(cls, task: Task, starts: Mapping[str, str | Path] | None = None, captions: Sequence[str] = ()) -> Loaded:
        """Return a fresh model of `task` and its processor; `starts` (modality → folder) override the task's.

        A start that is a version folder gives its encoder of that modality. `captions` are those to learn from, where a
        tokenizer is learned too. Raises ManifestError for an encoder type that does not exist or a task without
        encoders, CheckpointError where a start cannot be loaded.
        """
        if not task.encoders:
            raise ManifestError("task_without_encoders", task=task.name)
        specs = {}
        for name in task.modalities:
            start = str((starts or {}).get(name) or task.encoders[name].get("start", ""))
            trained = bool(start) and MultimodalProcessor.saved(start)
            specs[name] = (
                cls._trained(start, name) if trained else encoders.specify(EncoderRequest(name, task, start, captions))
            )
        model = cls(for_task(task, {name: item.spec for name, item in specs.items()}))
        for name, item in specs.items():
            if item.encoder is not None:
                model.encoders[name] = item.encoder
            elif item.backbone is not None:
                model.encoders[name].backbone = item.backbone
        return Loaded(_aligned(model), MultimodalProcessor(**{name: item.frontend for name, item in specs.items()}))

    @classmethod
    def _trained(cls, folder: str, name: str) -> EncoderSpec:
        """Return the encoder of a modality of a version folder. Raises CheckpointError."""
        model, processor = cls.load(folder)
        if name not in model.config.encoders:
            detail = f"this version takes {', '.join(model.config.encoders)}"
            raise CheckpointError("start_missing", modality=name, start=folder, detail=detail)
        encoder: Any = model.encoders[name]
        return EncoderSpec(model.config.encoders[name], getattr(processor, name), encoder=encoder)

    @classmethod
    def load(cls, folder: str | Path) -> Loaded:
        """Return the model of a version folder in float32, ready to answer, and its processor.

        Raises CheckpointError.
        """
        processor = MultimodalProcessor.from_pretrained(folder)
        try:
            with transformers_output.without_bars():
                loaded: Any = cls.from_pretrained(
                    None,
                    config=MultimodalConfig.from_pretrained(folder, local_files_only=True),
                    state_dict=packing.load(Path(folder)),
                    dtype=torch.float32,
                    output_loading_info=True,
                )
        except (OSError, ValueError, RuntimeError, TypeError, SafetensorError, ManifestError) as error:
            raise CheckpointError("checkpoint_broken", path=folder, detail=str(error).split("\n")[0]) from error
        model, info = loaded
        wrong = [str(name) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in info[kind]]
        if wrong:
            raise CheckpointError(
                "checkpoint_broken", path=folder, detail=f"weights do not fit: {', '.join(wrong[:3])}"
            )
        return Loaded(_aligned(model).eval(), processor)


def _aligned(model: MultimodalModel) -> MultimodalModel:
    """Give each weight memory of its own: as a file leaves them, products may differ in the last bit."""
    for weight in model.parameters():
        weight.data = weight.data.clone()
    return model
