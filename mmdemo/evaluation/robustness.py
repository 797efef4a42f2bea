"""How figures fall where the samples get worse, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from mmdemo.decode import decode_ahead
from mmdemo.errors import BadInput, ManifestError
from mmdemo.evaluation.answers import LabelledRow, PredictedRow
from mmdemo.evaluation.corruptions import CORRUPTIONS, GRADES, corrupt, meaning
from mmdemo.evaluation.judging import part
from mmdemo.prediction.predictor import Predictor
from mmdemo.process.logs import ProgressBar
from mmdemo.tasks import Task
from mmdemo.values.results import Corrupted, Robustness
from mmdemo.values.samples import Inputs, Prediction

MOST_SAMPLES = 300  # of a manifest: each is answered some twenty times
SEED = 0  # of the samples that are taken; the damage of each has its number as seed

Cell = tuple[str, str, int]  # modality, corruption, grade
AS_IS = ("", 0)  # stands for corruption and grade where nothing was done


def measure(
    predictor: Predictor, rows: Sequence[LabelledRow], progress: Callable[[str], None] = lambda _: None
) -> Robustness:
    """Return the figures of at most MOST_SAMPLES rows as they are and made worse, the same ones each time.

    A sample keeps its other modalities as they are. Raises ManifestError where not one can be judged.
    """
    answers: dict[Cell, list[PredictedRow]] = {}
    chosen = drawn(rows)
    bar = ProgressBar(len(chosen), "samples corrupted and judged", progress)
    decoded = chain.from_iterable(decode_ahead((row.sample for row in chosen), predictor.task))
    for number, (row, inputs) in enumerate(zip(chosen, decoded, strict=True), 1):
        for cell, prediction in _answers(predictor, inputs, number):
            answers.setdefault(cell, []).append(PredictedRow(row, prediction))
        bar.advance()
    if not answers:
        raise ManifestError("nothing_to_evaluate", count=len(chosen))
    return _figures(answers, predictor.task)


def _figures(answers: Mapping[Cell, Sequence[PredictedRow]], task: Task) -> Robustness:
    clean = {modality: answers[modality, *AS_IS] for modality in CORRUPTIONS if (modality, *AS_IS) in answers}
    corrupted = [
        Corrupted(
            **vars(part(task, answers[cell])),
            modality=cell[0],
            name=cell[1],
            grade=cell[2],
            strength=meaning(*cell),
            refused=len(clean[cell[0]]) - len(answers[cell]),
        )
        for cell in _cells(clean)
        if cell in answers
    ]
    return Robustness({name: part(task, as_is) for name, as_is in clean.items()}, tuple(corrupted))


def drawn(rows: Sequence[LabelledRow]) -> list[LabelledRow]:
    """Return at most MOST_SAMPLES rows, the same ones each time, in their order."""
    if len(rows) <= MOST_SAMPLES:
        return list(rows)
    places = np.random.default_rng(SEED).choice(len(rows), MOST_SAMPLES, replace=False)
    return [rows[place] for place in sorted(places)]


def _answers(predictor: Predictor, inputs: Inputs | BadInput, seed: int) -> Iterator[tuple[Cell, Prediction]]:
    """Yield the answers to a sample as it is and to each damage that leaves it one that can be judged."""
    modalities = () if isinstance(inputs, BadInput) else inputs.modalities
    cells = _cells(modalities)
    damaged = [_damaged(inputs, cell, seed) for cell in cells]
    as_is, *others = predictor.answer_batch([inputs, *damaged])
    if isinstance(as_is, BadInput):
        return
    yield from (((modality, *AS_IS), as_is) for modality in modalities)
    for cell, outcome in zip(cells, others, strict=True):
        if isinstance(outcome, Prediction):  # it may be none: a voice that drowned is counted as refused
            yield cell, outcome


def _damaged(inputs: Inputs | BadInput, cell: Cell, seed: int) -> Inputs | BadInput:
    try:
        return inputs if isinstance(inputs, BadInput) else corrupt(inputs, *cell, seed)
    except BadInput as refusal:
        return refusal


def _cells(modalities: Iterable[str]) -> list[Cell]:
    return [(modality, name, grade) for modality in modalities for name in CORRUPTIONS[modality] for grade in GRADES]
