"""What a model is made of: enough to rebuild it empty, so that loading a checkpoint downloads nothing."""

from dataclasses import field
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from mmdemo.tasks import Task

DIM = 256  # width of a fusion token
LAYERS = 2
HEADS = 8
DROPOUT = 0.1
MODALITY_DROPOUT = 0.15  # share of the modalities that training hides, so that a missing one is normal


@strict
class MultimodalConfig(PreTrainedConfig):
    """Configuration of `MultimodalModel`; labels stand in `id2label`, in the task's order."""

    model_type = "mmdemo"

    kind: str = "classification"
    modalities: list[str] = field(default_factory=list)  # in the order of samples.MODALITIES
    encoders: dict[str, Any] = field(default_factory=dict)  # modality → {"type": …, and what its builder needs}
    layers: int = LAYERS
    dim: int = DIM
    heads: int = HEADS
    dropout: float = DROPOUT
    modality_dropout: float = MODALITY_DROPOUT

    @property
    def labels(self) -> list[str]:
        """The labels in the order of the logits."""
        return [str(name) for _, name in sorted((self.id2label or {}).items(), key=lambda item: int(item[0]))]


def for_task(task: Task, encoders: dict[str, Any]) -> MultimodalConfig:
    """Return the configuration of a fresh model of `task`."""
    fusion = {name: value for name, value in task.fusion.items() if name != "type"}
    return MultimodalConfig(
        kind=task.kind,
        modalities=list(task.modalities),
        encoders=encoders,
        id2label=dict(enumerate(task.label_names)),
        label2id={name: index for index, name in enumerate(task.label_names)},
        **fusion,
    )
