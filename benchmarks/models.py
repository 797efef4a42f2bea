"""What the shipped models get right on dev, what they weigh, and how fast they answer.

python -m benchmarks.models DATA > benchmarks/models.md     DATA holds a folder a task with dev.jsonl in it
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

from mmdemo import tasks
from mmdemo.decode import decode
from mmdemo.evaluation import evaluate
from mmdemo.prediction.predictor import Predictor
from mmdemo.process import memory
from mmdemo.settings import Settings
from mmdemo.training import manifests
from mmdemo.values.results import EvaluationResult, SliceMetrics
from mmdemo.versions.registry import SHIPPED, Versions

TIMED = 60  # samples whose answers are timed, one by one


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    memory.keep_freed()
    names = [folder.name for folder in sorted(SHIPPED.iterdir()) if (folder / "version.json").is_file()]
    total = sum(path.stat().st_size for path in SHIPPED.rglob("*.safetensors"))
    print(f"All shipped weights: {total:,} bytes of 56 MiB = {56 * 2**20:,}. {torch.get_num_threads()} thread(s).")
    for name in names:
        print("\n".join(_tables(name, data / name / "dev.jsonl")))


def _tables(name: str, manifest: Path) -> list[str]:
    task = tasks.get(name)
    rows = manifests.read(manifest, task)
    folder = SHIPPED / name
    start = time.perf_counter()
    predictor = Predictor(task, folder, Settings(home=Path("nowhere")))
    version = predictor.model_version  # loads it
    loaded_s = time.perf_counter() - start
    decoded = [decode(row.sample, task) for row in rows[:TIMED]]
    answered_ms = statistics.median(predictor.predict_inputs(inputs).latency_ms for inputs in decoded)
    explained_ms = statistics.median(predictor.predict_inputs(inputs, "default").latency_ms for inputs in decoded)
    result = evaluate(predictor, rows, lambda text: print(text, file=sys.stderr))
    flips = Versions(Settings()).read_sidecar(folder).figures.get("flipped_by_rounding")
    changed = "" if flips is None else f"Rounding the weights changed {flips:.2%} of the labels on dev. "
    return [
        f"\n## {name}, {version}\n",
        f"Loaded in {loaded_s:.1f} s; a median answer takes {answered_ms:.0f} ms, {explained_ms:.0f} ms with its map.",
        f"{changed}Asks a person: {result.flagged_share:.1%}; wrong among the others: {result.error_unflagged:.1%}.\n",
        "| samples | n | accuracy | macro-F1 | ECE |",
        "|---|---|---|---|---|",
        *[
            f"| {what} | {p.n} | {p.accuracy:.3f} | {p.figure('macro_f1'):.3f} | {p.ece:.3f} |"
            for what, p in _slices(result)
        ],
    ]


def _slices(result: EvaluationResult) -> list[tuple[str, SliceMetrics | EvaluationResult]]:
    slices: list[tuple[str, SliceMetrics | EvaluationResult]] = [("all", result), *result.by_group.items()]
    for subset, part in result.by_modalities.items() if len(result.by_modalities) > 1 else ():
        slices.append((f"{subset} given", part))
        slices += [(f"{subset} given, {group}", inner) for group, inner in part.by_group.items()]
    return slices


if __name__ == "__main__":
    main()
