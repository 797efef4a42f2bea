"""Every dict of the house that has a row for each kind of answer."""

from collections.abc import Mapping
from typing import Any

import annotations.acquisition.doubt
import annotations.labelstudio.controls
import annotations.nightly.curation
import mmdemo.answers
import mmdemo.evaluation.judging
import mmdemo.explain.targets
import mmdemo.model.heads
import mmdemo.prediction.assembly
import mmdemo.training.objectives
import mmdemo.ui.widgets

# Module and name of the dict → it
BY_KIND: Mapping[str, dict[str, Any]] = {
    "annotations.acquisition.doubt.KINDS": annotations.acquisition.doubt.KINDS,
    "annotations.labelstudio.controls.KINDS": annotations.labelstudio.controls.KINDS,
    "annotations.nightly.curation.KINDS": annotations.nightly.curation.KINDS,
    "mmdemo.prediction.assembly.KINDS": mmdemo.prediction.assembly.KINDS,
    "mmdemo.answers.KINDS": mmdemo.answers.KINDS,
    "mmdemo.evaluation.judging.KINDS": mmdemo.evaluation.judging.KINDS,
    "mmdemo.explain.targets.KINDS": mmdemo.explain.targets.KINDS,
    "mmdemo.model.heads.HEADS": mmdemo.model.heads.HEADS,
    "mmdemo.training.objectives.OBJECTIVES": mmdemo.training.objectives.OBJECTIVES,
    "mmdemo.ui.widgets.KINDS": mmdemo.ui.widgets.KINDS,
}
