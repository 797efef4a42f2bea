"""What a model is made of: enough to rebuild it empty, so that loading a checkpoint downloads nothing."""

from dataclasses import field
from typing import Any

from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassError
from transformers import PreTrainedConfig

from mmdemo.errors import ManifestError
from mmdemo.tasks import Task

DIM = 256  # width of a fusion token
LAYERS = 2
HEADS = 8
DROPOUT = 0.1
MODALITY_DROPOUT = 0.15  # share of the modalities that training hides, so that a missing one is normal
FUSION_SETTINGS = ("type", "layers", "dim", "heads", "dropout", "modality_dropout")  # of a task's [fusion]


@strict
class MultimodalConfig(PreTrainedConfig):
    """Configuration of `MultimodalModel`; labels stand in `id2label`, in the task's order."""

    model_type = "mmdemo"

    kind: str = "classification"
    modalities: list[str] = field(default_factory=list)  # in the order of samples.MODALITIES
    encoders: dict[str, Any] = field(default_factory=dict)  # modality → {"type": …, and what its builder needs}
    fusion: str = "transformer"  # of fusion.FUSIONS; the older checkpoints name none
    further: list[dict[str, Any]] = field(default_factory=list)  # further answers: {"name": …, "labels": […]}
    layers: int = LAYERS
    dim: int = DIM
    heads: int = HEADS  # of the attention
    dropout: float = DROPOUT
    modality_dropout: float = MODALITY_DROPOUT

    @property
    def labels(self) -> list[str]:
        """All that may be answered in the order of the logits: NONE_OF_THESE is the last where there is one."""
        return [str(name) for _, name in sorted((self.id2label or {}).items(), key=lambda item: int(item[0]))]


def for_task(task: Task, encoders: dict[str, Any]) -> MultimodalConfig:
    """Return the configuration of a fresh model of `task`. Raises ManifestError for a [fusion] that makes no sense."""
    try:
        return MultimodalConfig(
            kind=task.kind,
            modalities=list(task.modalities),
            encoders=encoders,
            further=[{"name": name, "labels": list(labels)} for name, labels in task.head_labels.items()],
            id2label=dict(enumerate(task.answers)),
            label2id={name: index for index, name in enumerate(task.answers)},
            **_fusion_settings(task),
        )
    except StrictDataclassError as error:
        raise ManifestError("fusion_wrong", detail=str(error).split("\n")[-1].strip()) from error


def _fusion_settings(task: Task) -> dict[str, Any]:
    for name in task.fusion:
        if name not in FUSION_SETTINGS:
            raise ManifestError("fusion_wrong", detail=f"there is no {name}, but {', '.join(FUSION_SETTINGS)}")
    return {"fusion" if name == "type" else name: value for name, value in task.fusion.items()}
