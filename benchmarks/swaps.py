"""Swap the version that serves again and again while callers ask, and count what fails and what memory does:

python -m benchmarks.swaps [SWAPS] [--task TASK] [--callers N]

Two versions, copies of the shipped one, are promoted and rolled back in turn, and callers ask the whole time. After
each swap the next answer is asked for: which version gives it. Then the same without callers.
"""

import argparse
import gc
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.calling import Caller, calling
from mmdemo import tasks
from mmdemo.prediction.predictor import Predictor
from mmdemo.process import memory
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Sample
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED, Versions

NAMES = ("2026-01-01-n001", "2026-01-02-n001")
WARM = 20  # swaps after which memory is looked at first
PATIENCE_S = 60.0


@dataclass
class SwapCount:
    """What a run of swaps came to."""

    swaps: int = 0
    answers: int = 0
    failed: int = 0
    next_is_new: int = 0  # swaps after which the very next answer was the new version's
    longest_s: float = 0.0  # from a swap to the first answer by the new version
    before_mib: float = 0.0  # resident, after WARM swaps
    after_mib: float = 0.0  # … and after the last


def home(task: Task, folder: Path) -> Settings:
    """Make a home with two copies of the shipped version, of which the first serves."""
    settings = Settings(home=folder)
    for name in NAMES:
        path = settings.versions / task.name / name
        shutil.copytree(SHIPPED / task.name, path)
        sidecar.write(path, replace(sidecar.read(path), version=name))
    Versions(settings).promote(task.name, NAMES[0])
    return settings


def run(task: Task, settings: Settings, swaps: int, callers: int) -> SwapCount:
    """Swap so often while so many callers ask, and count."""
    count, predictor, versions = SwapCount(), Predictor(task, None, settings), Versions(settings)
    sample = task.examples[0]
    asked = Sample(image=sample.image, text=sample.text or "", audio=sample.audio)
    predictor.predict(asked)
    with calling([_caller(predictor, asked, count)] * callers):
        for number in range(swaps):
            if number % 2 == 0:
                versions.promote(task.name, wanted := NAMES[1])
            else:
                wanted = versions.rollback(task.name)
            start = time.monotonic()
            first = predictor.predict(asked).model_version == wanted
            count.next_is_new += first
            while not first and predictor.predict(asked).model_version != wanted:
                if time.monotonic() - start > PATIENCE_S:
                    raise TimeoutError(f"{wanted} did not come to serve")
            count.longest_s = max(count.longest_s, time.monotonic() - start)
            count.swaps += 1
            if number + 1 == min(WARM, swaps):
                count.before_mib = _resident_mib()
    count.after_mib = _resident_mib()
    return count


def _caller(predictor: Predictor, asked: Sample, count: SwapCount) -> Caller:
    """Return a caller that counts its answers; one at a time counts."""
    lock = threading.Lock()

    def call(stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                is_known = predictor.predict(asked).model_version in NAMES
            except Exception:  # whatever it is, it failed
                is_known = False
            with lock:
                count.answers += 1
                count.failed += not is_known

    return call


def _resident_mib() -> float:
    """Return what is resident once the process gave back what is free, as the app does each minute."""
    gc.collect()
    memory.give_back()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark, and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.swaps", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("swaps", nargs="?", type=int, default=200)
    parser.add_argument("--task", default="spoken_digits")
    parser.add_argument("--callers", type=int, default=3)
    args = parser.parse_args(argv)
    memory.keep_freed(memory.SERVING)
    task = tasks.get(args.task)
    print(
        "| callers | swaps | answers meanwhile | failed | next answer is the new one's | longest wait for it |", end=""
    )
    print(f" resident after {WARM} swaps | … after the last |\n|---|---|---|---|---|---|---|---|")
    for callers in (args.callers, 0):
        with tempfile.TemporaryDirectory(prefix="swaps-") as name:
            one = run(task, home(task, Path(name)), args.swaps, callers)
        figures = (callers, one.swaps, one.answers, one.failed, one.next_is_new)
        waited = f"{one.longest_s:.1f} s | {one.before_mib:.0f} MiB | {one.after_mib:.0f} MiB"
        print(f"| {' | '.join(map(str, figures))} | {waited} |", flush=True)


if __name__ == "__main__":
    main()
