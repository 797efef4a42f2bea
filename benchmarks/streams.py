"""Lanes that share the threads of OpenVINO, or have parts of their own: python -m benchmarks.streams TASK MANIFEST.

Encoders are asked about samples of a manifest by one lane, or by two at once, one after another or in pairs.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from mmdemo import tasks
from mmdemo.decode import decode
from mmdemo.model.engines import openvino_runtime
from mmdemo.prediction import loading
from mmdemo.prediction.engines import EngineChoice
from mmdemo.prediction.loading import Served
from mmdemo.settings import Settings
from mmdemo.training import manifests
from mmdemo.values.samples import Inputs
from mmdemo.versions.registry import SHIPPED

SAMPLES = 48  # from all over the manifest
WAYS = {"one lane": (1, 1), "two lanes": (2, 1), "two lanes, pairs": (2, 2)}  # … → lanes, samples of a batch
ROUNDS = 3  # of which the last counts: until then each length is new


def main() -> None:
    """Print a row a number of streams: ms of the clock and of the processor for a sample, a column a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("manifest", type=Path)
    args = parser.parse_args()
    task, threads = tasks.get(args.task), os.cpu_count() or 1
    rows = manifests.read(args.manifest, task)
    inputs = [decode(row.sample, task) for row in rows[:: max(1, len(rows) // SAMPLES)][:SAMPLES]]
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as home:
        served = {}
        for streams in (1, threads):
            runtime = replace(openvino_runtime.OPENVINO, read=partial(openvino_runtime.read, streams=streams))
            choice = EngineChoice(runtime, Settings(home=Path(home)), waits=True, least_gain=0)
            served[streams] = choice.equipped(loading.load(SHIPPED / task.name, task))
        engine = served[1].engine
        print(f"{task.name}, {threads} threads, {engine.name if engine else 'PyTorch'}\n")
        print(f"| streams | {' | '.join(WAYS)} |\n|---|{'---|' * len(WAYS)}")
        for streams, one in served.items():
            cells = (_ms(one, inputs, *way) for way in WAYS.values())
            print(f"| {streams} | {' | '.join(f'{wall:.1f} ms, processor {cpu:.1f}' for wall, cpu in cells)} |")


def _ms(served: Served, inputs: Sequence[Inputs], lanes: int, together: int) -> tuple[float, float]:
    """Return the time of the clock and of the processor for a sample, where so many lanes take turns at the batches."""
    batches = [inputs[start : start + together] for start in range(0, len(inputs), together)]

    def work(lane: int) -> None:
        torch.set_num_threads(max(1, torch.get_num_threads() // lanes))
        with torch.inference_mode():
            for batch in batches[lane::lanes]:
                served.encode(batch)

    for _ in range(ROUNDS):
        threads = [threading.Thread(target=work, args=(lane,)) for lane in range(lanes)]
        begun, spent = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall, cpu = time.perf_counter() - begun, time.process_time() - spent
    return wall * 1000 / len(inputs), cpu * 1000 / len(inputs)


if __name__ == "__main__":
    main()
