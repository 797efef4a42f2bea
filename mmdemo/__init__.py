"""Predict and explain one sample: a picture and its caption, or speech.

from mmdemo import Predictor, Sample
Predictor("sentiment").predict(Sample(image="cat.jpg", text="at last")).label
"""

from typing import TYPE_CHECKING, Any

from mmdemo.process import environment
from mmdemo.values.samples import Sample

if TYPE_CHECKING:
    from mmdemo.prediction.predictor import Predictor

__all__ = ["Predictor", "Sample"]

environment.name_user()  # here, since torch asks when it is imported, and any module of ours may be the first to do so


def __getattr__(name: str) -> Any:
    """Import Predictor only when it is asked for: it brings torch, which reading a setting does not need."""
    if name == "Predictor":
        from mmdemo.prediction.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
