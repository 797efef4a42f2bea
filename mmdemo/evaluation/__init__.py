"""How good a version is: figures, their intervals, calibration, and a page that shows them."""

from mmdemo.evaluation.answers import LabelledRow, ask
from mmdemo.evaluation.judging import compare, evaluate, figures

__all__ = ["LabelledRow", "ask", "compare", "evaluate", "figures"]
