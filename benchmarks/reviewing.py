"""A queued sample opened in Review, beside its first answer: python -m benchmarks.reviewing [--task T] [--manifest M].

Answered is a file as the page answers it: read, asked about, with the default map. Opened is what the Review tab asks
for then: sample, guess and map as they were kept, and the lists beside them; again: while a reviewer comes back to it.
"""

import argparse
import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from annotations.loop import Loop
from mmdemo import decode
from mmdemo.settings import Settings
from mmdemo.speed.turns import in_turns, timings
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.ui.callers.access import Door
from mmdemo.ui.review.controller import Reviewing
from mmdemo.values.samples import Sample

FIRST, OPENED, AGAIN = "answered the first time, with its map", "opened in Review", "opened again"
HERE: Any = SimpleNamespace(headers={"host": "localhost"}, client=SimpleNamespace(host="127.0.0.1"))


def main() -> None:
    """Queue some samples, time them in turns, and print a row for each measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="sentiment")
    parser.add_argument("--manifest", type=Path, help="samples (default: the task's examples)")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="processor time, where others use the machine too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, closing(Loop(Settings(home=Path(name)))) as loop:
        task = loop.tasks[args.task]
        rows = manifests.read(args.manifest, task) if args.manifest else manifests.examples(task)
        measures = _measures(loop, task, [row.sample for row in islice(rows, args.samples)])
        seconds = in_turns(measures, args.rounds, time.process_time if args.cpu else time.perf_counter)
    print(f"{task.name}: | what | ms | times the first | quartiles |\n|---|---|---|---|")
    for row in timings(seconds, dict.fromkeys(measures, FIRST), args.samples):
        print(f"| {row.what} | {row.ms:.1f} | {row.ratio:.2f} | {row.low:.2f} to {row.high:.2f} |")


def _measures(loop: Loop, task: Task, samples: list[Sample]) -> dict[str, Callable[[], object]]:
    """Return what is timed, each of all samples; they wait in the queue from here on."""
    reviewing, predictor = Reviewing(loop, Door.of(Settings())), loop._predictors.of(task)
    session = secrets.token_hex(16)
    inputs = [decode.decode(sample, task) for sample in samples]
    answers = [loop.predict(task.name, item, "default", False)[0] for item in inputs]
    queued = [loop.keep(item, answer, answer.label).sample_id for item, answer in zip(inputs, answers, strict=True)]

    def first() -> None:
        predictor.forget()
        for sample in samples:
            loop.predict(task.name, decode.decode(sample, task), "default", False)

    def opened() -> None:
        for sample_id in queued:
            shown = reviewing.act(HERE, {"session": session, "browser": session, "sample_id": sample_id})
            assert shown.get("sample_id") == sample_id, shown["line"]

    def anew() -> None:
        reviewing.previews.clear()
        opened()

    return {FIRST: first, OPENED: anew, AGAIN: opened}


if __name__ == "__main__":
    main()
