"""How good a version is: figures, their intervals, calibration, and a page that shows them."""

from mmdemo.evaluation.judging import Labelled, evaluate

__all__ = ["Labelled", "evaluate"]
