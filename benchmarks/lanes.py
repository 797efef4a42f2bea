"""Whether lanes of one thread, threads of one lane, or larger batches answer more samples by the same processor time.

python -m benchmarks.lanes TASK MANIFEST     what it printed stands in docs/performance.md

A lane is a thread that asks the network about prepared batches of like samples. Two lanes share the batches.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from mmdemo import tasks
from mmdemo.decode import decode
from mmdemo.model import encoded
from mmdemo.model.batch import Batch
from mmdemo.prediction import loading
from mmdemo.training import manifests
from mmdemo.versions.registry import SHIPPED

SAMPLES = 16  # from all over the manifest
SIZES = (1, 2, 4, 8)  # of a batch
WAYS = ((1, 1), (1, 2), (2, 1))  # lanes, threads of each
ROUNDS = 3  # and one before them, which is not counted


def main() -> None:
    """Print a table: processor time of a sample, in ms; a row a way, a column a size of batches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("manifest", type=Path)
    args = parser.parse_args()
    task = tasks.get(args.task)
    rows = manifests.read(args.manifest, task)
    inputs = [decode(row.sample, task) for row in rows[:: max(1, len(rows) // SAMPLES)][:SAMPLES]]
    served = loading.load(SHIPPED / task.name, task)
    batches = {
        size: [
            served.processor([inputs[place] for place in places[start : start + size]]).batch
            for places in encoded.alike(inputs)
            for start in range(0, len(places), size)
        ]
        for size in SIZES
    }
    took: dict[tuple[int, int, int], list[float]] = {}
    for turn in range(ROUNDS + 1):
        for lanes, threads in WAYS:
            for size, chosen in batches.items():
                ms = _ms(served, chosen, lanes, threads) / len(inputs)
                if turn:
                    took.setdefault((lanes, threads, size), []).append(ms)
    print(f"| {task.name} | {' | '.join(f'batches of {size}' for size in SIZES)} |\n|---|{'---|' * len(SIZES)}")
    for lanes, threads in WAYS:
        cells = (f"{statistics.median(took[lanes, threads, size]):.1f} ms" for size in SIZES)
        print(f"| lanes {lanes}, threads of each {threads} | {' | '.join(cells)} |")


def _ms(served: loading.Served, batches: Sequence[Batch], lanes: int, threads: int) -> float:
    """Return the processor time of this process until lanes are through with all batches."""

    @torch.inference_mode()
    def work(part: Sequence[Batch]) -> None:
        torch.set_num_threads(threads)
        for batch in part:
            served.model(batch)

    workers = [threading.Thread(target=work, args=(batches[lane::lanes],)) for lane in range(lanes)]
    start = time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.process_time() - start) * 1000


if __name__ == "__main__":
    main()
