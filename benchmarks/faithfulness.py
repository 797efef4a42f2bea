"""What maps are worth: taking away what they call important, in the input itself and at the fusion's tokens.

python -m benchmarks.faithfulness --task T --manifest M [--limit N] [--keep FILE] >> benchmarks/faithfulness.md

What each sample gave goes to --keep as it is measured, a line each; what stands there is not measured again. Fewer
methods and one place spare most of the time: --place input --method erasure --method attention --method rollout.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from benchmarks.faithfulness_tables import EVERYTHING, FIGURES, RANDOM, REFEREE, Figures, tables
from mmdemo import explain, tasks
from mmdemo.decode import decode
from mmdemo.explain import AimedPass
from mmdemo.explain.perturbation.deletion import ordered
from mmdemo.explain.perturbation.faithfulness import (
    RETURNED,
    area,
    deletion_curves,
    insertion_curves,
    rank_correlation,
    saco,
)
from mmdemo.explain.perturbation.perturbers import InputPerturber, TokenMasker
from mmdemo.explain.perturbation.trust import trust
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.model.config import MultimodalConfig
from mmdemo.process import memory
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.manifests import Row
from mmdemo.values.layout import Layout, scores_of
from mmdemo.values.samples import Explanation, Inputs
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED
from mmdemo.versions.sidecar import Sidecar

ORDERS = 10  # random maps of a sample
AGREED = 3  # … whose SaCo is taken: ten passes each
CHECKED = 50  # samples whose maps are compared with an untrained model's, and whose default map gets the page's badge
PLACES: dict[str, type[InputPerturber] | type[TokenMasker]] = {"input": InputPerturber, "tokens": TokenMasker}
TOLD_EVERY = 10  # samples

Maps = dict[str, list[float]]  # method → its score of each unit


@dataclass(frozen=True)
class MapsGround:
    """What explains, and what is explained."""

    task: Task
    model: MultimodalModel
    processor: MultimodalProcessor
    about: Sidecar
    methods: tuple[str, ...]  # the default first
    places: tuple[str, ...]  # where units are taken: names of PLACES

    @cached_property
    def untrained(self) -> MultimodalModel:
        """A model of the same shape that learned nothing."""
        torch.manual_seed(0)
        config = self.model.config
        assert isinstance(config, MultimodalConfig)
        return MultimodalModel(config).eval()


def main() -> None:
    """Measure what is not known yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="so many samples, drawn at random; all where it is not given")
    parser.add_argument("--method", action="append", help="one of those to compare; all where none is given")
    parser.add_argument(
        "--place", action="append", choices=PLACES, help="where units are taken; everywhere if none is given"
    )
    parser.add_argument("--keep", type=Path, help="JSON lines of what each sample gave: read, and added to")
    args = parser.parse_args()
    memory.keep_freed()
    ground = ground_of(tasks.get(args.task), args.method, tuple(args.place or PLACES))
    rows = sampled(manifests.read(args.manifest, ground.task), args.limit)
    samples = list(_measured(ground, rows, args.keep))
    print("\n".join(tables(samples, f"{ground.task.name}, {ground.about.version}", ground.methods)))


def ground_of(task: Task, wanted: Sequence[str] | None, places: tuple[str, ...]) -> MapsGround:
    """Return what ships for a task, and those of the wanted methods that it has."""
    folder = SHIPPED / task.name
    model, processor = MultimodalModel.load(folder)
    methods = tuple(name for name in explain.methods_of(model) if name in (wanted or explain.METHODS))
    return MapsGround(task, model, processor, sidecar.read(folder), methods, places)


def sampled(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """Return the rows in an order that does not depend on the limit: a part is a sample of the whole."""
    order = np.random.default_rng(0).permutation(len(rows))[:limit]
    return [rows[place] for place in order]


def _measured(ground: MapsGround, rows: Sequence[Row], keep: Path | None) -> Iterator[Figures]:
    lines = keep.read_text("utf-8").splitlines() if keep and keep.is_file() else []
    known = {line["id"]: line["figures"] for line in map(json.loads, lines)}
    start = time.perf_counter()
    for number, row in enumerate(rows, 1):
        if row.id not in known:
            known[row.id] = _figures(ground, row, number)
            if keep:
                with keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"id": row.id, "figures": known[row.id]}) + "\n")
            if number % TOLD_EVERY == 0:
                print(f"{number} of {len(rows)} after {time.perf_counter() - start:.0f} s", file=sys.stderr)
        yield known[row.id]


def _figures(ground: MapsGround, row: Row, number: int) -> Figures:
    """Return everything that one sample gives."""
    aimed, whole_s, attentive_s = passed(ground, decode(row.sample, ground.task))
    draw = np.random.default_rng(number)
    explained, figures = {}, {"seconds/prediction": whole_s}
    for name in ground.methods:
        start = time.perf_counter()
        explained[name] = explain.explain(name, aimed)
        added = time.perf_counter() - start + (attentive_s - whole_s if name in explain.OF_ATTENTION else 0.0)
        figures[f"seconds/{name}"] = added
    maps = {name: scores_of(item) for name, item in explained.items()}
    judges = {place: PLACES[place](aimed) for place in ground.places}
    for scope, units in _scopes(aimed.layout).items():
        for place, perturber in judges.items():
            areas = _areas(perturber, maps, units, draw)
            figures |= {f"{place}/{scope}/{name}": value for name, value in areas.items()}
        like = _like(maps[REFEREE], maps, units) if REFEREE in maps else {}
        figures |= {f"{REFEREE}/{scope}/{name}": value for name, value in like.items()}
    if number <= CHECKED:
        figures |= _untrained(ground, aimed, maps)
        figures |= _badge(aimed, explained[ground.methods[0]])
    return figures


def passed(ground: MapsGround, inputs: Inputs, model: MultimodalModel | None = None) -> tuple[AimedPass, float, float]:
    """Return a sample behind its pass, and the seconds of a pass without and with attention."""
    model = model or ground.model
    inputs = ground.processor.squashed(inputs)
    took = []
    for attentive in (True, False, True):  # the first warms up
        start = time.perf_counter()
        encoded = ground.processor([inputs])
        with torch.inference_mode():
            output = model(encoded.batch, return_attention=attentive and model.fusion.attends)
        took.append(time.perf_counter() - start)
    assert output.logits is not None
    target = model.config.labels[int(output.logits[0].argmax())]
    scaling = ground.about.scaling(inputs.modalities)
    aimed = AimedPass(model, ground.processor, inputs, encoded, output, target, scaling=scaling)
    return aimed, took[1], took[2]


def _scopes(layout: Layout) -> dict[str, range]:
    """Return the units that are taken: those of each modality while the others stay, and all together in one order."""
    return {EVERYTHING: range(len(layout)), **layout.units} if len(layout.units) > 1 else layout.units


def _areas(perturber: InputPerturber | TokenMasker, maps: Maps, units: range, draw: np.random.Generator) -> Figures:
    """Return the areas and SaCo of each map of these units, and the means over random ones."""
    scores = list(maps.values())
    orders = [_order(of_map, units, draw) for of_map in scores]
    random, drawn = zip(*(_random(orders[0], len(scores[0]), draw) for _ in range(ORDERS)), strict=True)
    deleted, at_random = np.split(area(deletion_curves(perturber, [*orders, *drawn])), [len(orders)])
    inserted = area(insertion_curves(perturber, orders), RETURNED)
    agreement = saco(perturber, [*orders, *drawn[:AGREED]], [*scores, *random[:AGREED]])
    agreed, agreed_at_random = np.split(agreement, [len(orders)])
    figures: Figures = {}
    for name, *values in zip(maps, deleted, inserted, agreed, strict=True):
        figures |= {
            f"{name}/{name_of_figure}": float(value) for name_of_figure, value in zip(FIGURES, values, strict=True)
        }
    means = at_random.mean(), at_random.mean(), agreed_at_random.mean()  # a random order has no front and no back
    return figures | {
        f"{RANDOM}/{name_of_figure}": float(value) for name_of_figure, value in zip(FIGURES, means, strict=True)
    }


def _order(scores: Sequence[float], units: Sequence[int], draw: np.random.Generator) -> list[int]:
    """Return some of the units, those with the highest scores first."""
    return [units[place] for place in ordered([scores[unit] for unit in units], draw)]


def _random(units: Sequence[int], total: int, draw: np.random.Generator) -> tuple[list[float], list[int]]:
    """Return random scores of some of all units, 0 for the others, and the order that they make."""
    scores = np.zeros(total)
    scores[units] = draw.random(len(units))
    return scores.tolist(), _order(scores.tolist(), units, draw)


def _like(reference: Sequence[float], maps: Maps, units: range) -> Figures:
    """Return each map's rank correlation with another over these units; NaN, where there is none, is left out."""
    others = [reference[unit] for unit in units]
    correlations = {name: rank_correlation([scores[unit] for unit in units], others) for name, scores in maps.items()}
    return {name: value for name, value in correlations.items() if not np.isnan(value)}


def _untrained(ground: MapsGround, aimed: AimedPass, maps: Maps) -> Figures:
    """Return how alike the maps of an untrained copy of the model are: about 0, where maps tell of what was learned."""
    other = replace(passed(ground, aimed.inputs, ground.untrained)[0], target=aimed.target)
    blank = {name: scores_of(explain.explain(name, other)) for name in maps if name != REFEREE}
    figures: Figures = {}
    for scope, units in _scopes(aimed.layout).items():
        for name, theirs in blank.items():
            figures |= {
                f"untrained/{scope}/{name}": value for value in _like(theirs, {name: maps[name]}, units).values()
            }
    return figures


def _badge(aimed: AimedPass, explained: Explanation) -> Figures:
    """Return whether the page would call a map better than random, and how long that takes."""
    start = time.perf_counter()
    verdict = trust(aimed, explained).verdict
    return {"badge": float(verdict == "better"), "seconds/badge": time.perf_counter() - start}


if __name__ == "__main__":
    main()
