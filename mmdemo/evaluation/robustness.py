"""How figures fall where the samples get worse, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mmdemo.decode import decode
from mmdemo.errors import BadInput, ManifestError
from mmdemo.evaluation.answers import PROGRESS_EVERY, Answered, Labelled
from mmdemo.evaluation.corruptions import CORRUPTIONS, GRADES, corrupt, meaning
from mmdemo.evaluation.judging import KINDS
from mmdemo.figures import Corrupted, Robustness
from mmdemo.predictor import Predictor
from mmdemo.samples import Inputs

MOST_SAMPLES = 300  # of a manifest: each is answered some twenty times
SEED = 0  # of the samples that are taken; the damage of each has its number as seed

Cell = tuple[str, str, int]  # modality, corruption, grade


def measure(
    predictor: Predictor, rows: Sequence[Labelled], progress: Callable[[str], None] = lambda _: None
) -> Robustness:
    """Return the figures of at most MOST_SAMPLES rows as they are and made worse, the same ones each time.

    A sample keeps its other modalities as they are. Raises ManifestError where not one can be judged.
    """
    clean: list[Answered] = []
    worse: dict[Cell, list[Answered]] = {}
    chosen = _chosen(rows)
    for number, row in enumerate(chosen, 1):
        inputs = _judgeable(predictor, row, clean)
        for cell, damaged in _damaged(inputs, number) if inputs else ():
            worse.setdefault(cell, []).extend(_answered(predictor, row, damaged))
        if number % PROGRESS_EVERY == 0:
            progress(f"{number} of {len(chosen)} samples corrupted and judged")
    if not clean:
        raise ManifestError("nothing_to_evaluate", count=len(chosen))
    part, names = KINDS[predictor.task.kind].part, predictor.task.label_names
    whole = {name: [answered for answered in clean if name in answered.prediction.modalities] for name in CORRUPTIONS}
    corrupted = [
        Corrupted(
            **vars(part(worse[cell], names)),
            modality=cell[0],
            name=cell[1],
            grade=cell[2],
            strength=meaning(*cell),
            refused=len(whole[cell[0]]) - len(worse[cell]),
        )
        for cell in _cells(tuple(CORRUPTIONS))
        if worse.get(cell)
    ]
    return Robustness({name: part(found, names) for name, found in whole.items() if found}, tuple(corrupted))


def _chosen(rows: Sequence[Labelled]) -> list[Labelled]:
    if len(rows) <= MOST_SAMPLES:
        return list(rows)
    places = np.random.default_rng(SEED).choice(len(rows), MOST_SAMPLES, replace=False)
    return [rows[place] for place in sorted(places)]


def _judgeable(predictor: Predictor, row: Labelled, clean: list[Answered]) -> Inputs | None:
    """Return the decoded sample and add the answer to it; None where it can't be judged."""
    try:
        inputs = decode(row.sample, predictor.task)
        clean.append(Answered(row, predictor.predict_inputs(inputs)))
    except BadInput:
        return None
    return inputs


def _damaged(inputs: Inputs, seed: int) -> Iterator[tuple[Cell, Inputs]]:
    for modality, name, grade in _cells(inputs.modalities):
        yield (modality, name, grade), corrupt(inputs, modality, name, grade, seed)


def _cells(modalities: Sequence[str]) -> list[Cell]:
    return [(modality, name, grade) for modality in modalities for name in CORRUPTIONS[modality] for grade in GRADES]


def _answered(predictor: Predictor, row: Labelled, inputs: Inputs) -> list[Answered]:
    try:
        return [Answered(row, predictor.predict_inputs(inputs))]
    except BadInput:
        return []
