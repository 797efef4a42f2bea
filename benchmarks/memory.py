"""What serving takes of memory: with all shipped tasks loaded, after one very large picture, and over many requests.

python -m benchmarks.memory [--requests N] [--runtime openvino]     what it printed stands in benchmarks/memory.md
"""

import argparse
import io
import os
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import gradio  # noqa: F401
import numpy as np
import torch
import transformers  # noqa: F401
from PIL import Image

from mmdemo import Predictor, decode, tasks
from mmdemo.prediction import engines
from mmdemo.process import memory
from mmdemo.settings import TORCH, Settings
from mmdemo.training import manifests
from mmdemo.values.analysis import MapRequest
from mmdemo.values.samples import Sample
from mmdemo.versions.registry import SHIPPED

TASKS = ("sentiment", "speech_emotion", "spoken_digits")
LARGE, MANY = "sentiment", "spoken_digits"  # which is asked about a large picture, and about many samples
REQUESTS, STEPS = 10_000, 10
SIDES = (7_000, 7_142)  # of a picture, in pixels: 50 megapixels, less some
SETTLE_S = 3.0  # of a pause, as between visitors: what the process gives back by itself is given back by then
TENDED_S = 1.0  # between two times that it does; in the app it is longer, and so the pause would have to be
WEIGHED = 2  # examples of a task
NEW_ONE_IN = 10
LOUDNESS = 1e-4  # of what makes each sound another one


def main() -> None:
    """Print a table of resident memory: of this process and the children that read files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--runtime", default=TORCH, help="what computes encoders (default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        measure(Settings(home=Path(home), runtime=args.runtime), args.requests)


def measure(settings: Settings, requests: int) -> None:
    """Print the table, after so many requests."""
    imports = resident_mib()
    memory.keep_freed(memory.SERVING)
    memory.give_back_regularly(threading.Event(), TENDED_S)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, encoders in {settings.runtime}\n")
    print("| what | resident, MiB | difference, MiB | to |\n|---|---|---|---|")
    print(f"| `import torch, gradio, transformers` | {imports:,.0f} | | |", flush=True)
    large = Sample(image=large_picture())
    predictors = {name: loaded(name, settings) for name in TASKS}
    all_tasks = settled_mib()
    tell("all shipped tasks: each example answered and explained, some weighed", all_tasks, imports, "imports")
    pixels = f"{SIDES[0] * SIDES[1] / 1e6:.1f} megapixels"
    for how, read in {"a child": decode.decode_untrusted, "this process": decode.decode}.items():
        predictors[LARGE].predict_inputs(read(large, predictors[LARGE].task), "default")
        tell(f"a picture of {pixels}, read in {how}, was answered", resident_mib(), all_tasks, "before")
        tell(f"… {SETTLE_S:.0f} s later", settled_mib(), all_tasks, "before")
    first = 0.0
    for step in range(1, STEPS + 1):
        ask(predictors[MANY], requests // STEPS, seed=step)
        first = first or settled_mib()
        tell(f"{requests // STEPS * step:,} requests", settled_mib(), first, "the first of these")


def loaded(name: str, settings: Settings) -> Predictor:
    """Return a predictor that has answered and explained each example of its task, and weighed the first of them."""
    task = tasks.get(name)
    predictor = Predictor(task, SHIPPED / name, settings, engine=engines.for_command(None, settings))
    for number, row in enumerate(manifests.examples(task)):
        prediction, forward = predictor.answer(decode.decode_untrusted(row.sample, task), "default")
        if number < WEIGHED:
            predictor.study(forward)
            predictor.weigh(forward, MapRequest("default", prediction.label))
    return predictor


def ask(predictor: Predictor, count: int, seed: int) -> None:
    """Ask about so many sounds, of which one in NEW_ONE_IN is another one."""
    noise = np.random.default_rng(seed)
    heard = [decode.decode_untrusted(row.sample, predictor.task) for row in manifests.examples(predictor.task)]
    for number in range(count):
        inputs = heard[number % len(heard)]
        assert inputs.audio is not None
        if number % NEW_ONE_IN == 0:
            own = noise.standard_normal(len(inputs.audio)).astype(np.float32) * LOUDNESS
            inputs = replace(inputs, audio=inputs.audio + own)
        predictor.predict_inputs(inputs, "none")


def large_picture() -> bytes:
    """Return a file of a picture with a little of everything in it."""
    down, across = np.ogrid[: SIDES[1], : SIDES[0]]
    colours = np.stack(np.broadcast_arrays(down % 256, across % 256, (down + across) % 256), axis=-1)
    file = io.BytesIO()
    Image.fromarray(colours.astype(np.uint8)).save(file, "jpeg")
    return file.getvalue()


def tell(what: str, mib: float, other: float, of: str) -> None:
    """Print a row."""
    print(f"| {what} | {mib:,.0f} | {mib - other:+,.0f} | {of} |", flush=True)


def settled_mib() -> float:
    """Return the same after a pause."""
    time.sleep(SETTLE_S)
    return resident_mib()


def resident_mib() -> float:
    """Return what this process holds of the machine's memory, and its children of their own."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
    return (_kib("self", "Rss:") + sum(_kib(child, "Private_") for child in children)) / 1024


def _kib(process: str, name: str) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
