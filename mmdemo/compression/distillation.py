"""Distillation: a smaller network, of a task file of its own, learns the original's answers beside the labels.

Hinton et al., "Distilling the knowledge in a neural network", 2015.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmdemo.compression.interface import Compressed, Request
from mmdemo.compression.learning import recovered
from mmdemo.errors import ManifestError
from mmdemo.model import Loaded
from mmdemo.training.jobs import TrainingJob
from mmdemo.training.manifests import Row


def distil(request: Request) -> Compressed:
    """Train the network of another task file.

    Raises ManifestError where none is named, CheckpointError where it asks for other answers or modalities.
    """
    student = request.settings.into
    if student is None:
        raise ManifestError("compress_into")

    def fresh(job: TrainingJob, rows: Sequence[Row]) -> Loaded:
        return job.fresh(rows)

    return recovered(request, student, {"into": student.path.name if student.path else student.name}, fresh, {})
