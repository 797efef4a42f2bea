"""How well a task's model understands a source of which it has learned nothing: each is left out of train in turn.

python -m benchmarks.corpora --task T --data FOLDER [--start audio=WEIGHTS] > benchmarks/corpora.md

FOLDER holds train.jsonl and dev.jsonl. A model that learned from the other sources, by the task's own options, answers
all samples of the one that was left out, and those of dev that are of another.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmdemo import tasks
from mmdemo.commands.train import starts_of
from mmdemo.process import memory
from mmdemo.training.data import Data, Decoded, Manifests
from mmdemo.training.data.datasets import Item
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.jobs import Origin, TrainingJob, train_model
from mmdemo.training.manifests import splits
from mmdemo.training.objectives import label_figures
from mmdemo.training.options import options


def main() -> None:
    """Print a row a source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", action="append", default=[], metavar="MODALITY=WEIGHTS", help="not the task's")
    args = parser.parse_args()
    memory.keep_freed()
    task = tasks.get(args.task)
    job = TrainingJob.of(task, options(task, seed=0), Origin(starts_of(args.start, task)))
    sources, processor = Manifests(args.data / "train.jsonl", args.data / "dev.jsonl"), job.fresh().processor
    train, dev = (sources.decode(manifest, task, processor) for manifest in sources.read(task))
    print(f"# Sources left out of {task.name}, one at a time\n\nOptions of the task, seed 0.\n")
    print("| left out | learned from | samples of it | its commonest label | right | macro-F1 | others in dev |")
    print("|---|---|---|---|---|---|---|")
    for source in sorted({row.group for row in train.rows}):
        print(_row(job, train, dev, source), flush=True)


def _row(job: TrainingJob, train: Decoded, dev: Decoded, source: str) -> str:
    others = [row for row in train.rows if row.group != source]
    train_rows, spared = splits.calibration_split(others, job.spared(folds=1), job.task.split_by)
    loaded = job.fresh(train_rows)
    train_model(job, loaded, Data(train.of(train_rows), train.of(spared)))
    unheard = [item for side in (train, dev) for item in side.of([row for row in side.rows if row.group == source])]
    known = dev.of([row for row in dev.rows if row.group != source])

    def judged(items: Sequence[Item]) -> dict[str, float]:
        return label_figures(job.task, logits(loaded, items), targets_of(items))

    of_it = judged(unheard)
    [(_, most)] = Counter(targets_of(unheard).tolist()).most_common(1)
    beside = f"{judged(known)['accuracy']:.3f}" if known else "–"
    cells = f"{of_it['accuracy']:.3f} | {of_it['macro_f1']:.3f} | {beside}"
    return f"| `{source}` | {len(train_rows)} | {len(unheard)} | {most / len(unheard):.3f} | {cells} |"


if __name__ == "__main__":
    main()
