"""What the store's questions take with many samples, beside the same with few.

python -m benchmarks.store [--rows 1000 1000000] [--folder DIR] [--repeats N] [--cpu] > benchmarks/store.md

In `--folder` the filled homes stay, and are used again. Each question is asked in turns of both stores.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from annotations import review_queue
from annotations.acquisition.audits import AuditSchedule
from annotations.history import models, nights
from annotations.loop import Loop
from annotations.panel import upkeep
from annotations.predictors import shipped_predictor
from annotations.review_queue import retention
from annotations.review_queue.keeper import Quota
from annotations.store import Store, open_store, panel
from benchmarks.filled_store import ANNOTATORS, fill
from mmdemo import tasks
from mmdemo.answers import LabelAnswer
from mmdemo.decode import sample_id
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import AnswerSample, ClaimSample, SampleState
from mmdemo.values.samples import Inputs, Prediction
from mmdemo.versions.registry import Versions

TASK = "sentiment"
SHOWN = 50  # rows of a list of the page
RETENTION_DAYS = 365 * 3


@dataclass(frozen=True)
class FilledHome:
    """A filled home, and what is asked of it."""

    settings: Settings
    store: Store
    loop: Loop
    task: Task

    def close(self) -> None:
        """Close both."""
        self.loop.close()
        self.store.close()


def opened(settings: Settings) -> FilledHome:
    """Open a filled home."""
    loop = Loop(settings, shipped_predictor)
    return FilledHome(settings, open_store(settings), loop, loop.tasks[TASK])


def questions(home: FilledHome) -> Mapping[str, Callable[[], object]]:
    """Return what is asked of a store, by its name in the table; each changes what is open by one sample at most."""
    loop, store, settings, task = home.loop, home.store, home.settings, home.task
    who, mark = ANNOTATORS[0], "b" * 32
    quota, schedule = partial(Quota, store, settings), AuditSchedule(store, settings)
    some, served = _answered(home), Versions(settings).champion(TASK)
    return {
        "next to ask": lambda: loop.claim(ClaimSample(who, mark, task=TASK)),
        "… of all tasks": lambda: loop.claim(ClaimSample(who, mark)),
        "one correction, and undo": lambda: _correct(loop, who, mark),
        "an answer is kept": lambda: keep(store, task, served),
        "status": lambda: loop.status(TASK),
        "Review: waiting": lambda: loop.in_turn(TASK, SHOWN),
        "Review: most doubtful": lambda: loop.queue("", SHOWN),
        "Review: skipped": lambda: loop.later(TASK, SHOWN),
        "Review: one's answers": lambda: loop.answered(who, SHOWN),
        "Review: a sample": lambda: loop.item(some),
        "Review: other tasks": loop.left_out,
        "Review: how many": loop.backlog,
        "Models": lambda: models.of(store, settings, task),
        "nights": lambda: nights.of_task(store, TASK, 20),
        "retention sweep": lambda: retention.expire(store, RETENTION_DAYS),
        "quota": lambda: quota().room(0),
        "audits' share": lambda: schedule.share(task, served),
        "panel: figures": lambda: upkeep.figures(store, settings, task, None, served),
        "panel: what a version lacks": lambda: _lacking(store, served),
    }


def _answered(home: FilledHome) -> str:
    with home.store.reading() as session:
        query = "SELECT sample_id FROM samples WHERE task = ? AND state = ? LIMIT 1"
        return str(session.connection().exec_driver_sql(query, (TASK, SampleState.LABELLED.value)).scalar())


def _correct(loop: Loop, who: str, mark: str) -> None:
    sample = loop.claim(ClaimSample(who, mark, task=TASK))
    assert sample is not None
    loop.answer(AnswerSample(sample, loop.tasks[TASK].label_names[0], who, browser=mark))
    loop.undo(who, mark)


def keep(store: Store, task: Task, served: str) -> None:
    """Keep a sure answer to a caption that nobody sent before."""
    inputs = Inputs(image=None, text=f"kept at {time.time_ns()}")
    answer = LabelAnswer(task.label_names[0], dict.fromkeys(task.label_names, 1 / len(task.label_names)))
    prediction = Prediction(
        sample_id=sample_id(inputs, task.name),
        task=task.name,
        kind=task.kind,
        answer=answer,
        confidence=0.9,
        threshold=0.5,
        flagged=False,
        reason=None,
        modalities=inputs.modalities,
        model_version=served,
        latency_ms=1.0,
    )
    review_queue.offer(store, task, inputs, prediction)


def _lacking(store: Store, served: str) -> None:
    with store.reading() as session:
        panel.unanswered_by(session, TASK, served)


def main() -> None:
    """Fill what is not there, ask in turns, print a row a question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs=2, default=(1_000, 1_000_000))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--cpu", action="store_true", help="count this thread's time on a processor instead of the clock's"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        homes = [_home(args.folder or Path(name), rows) for rows in args.rows]
        clock = time.thread_time if args.cpu else time.perf_counter
        small, large = (questions(home) for home in homes)
        print(f"| question | {args.rows[0]:,} samples: ms | {args.rows[1]:,}: ms | times |\n|---|---|---|---|")
        for question in small:
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(args.repeats + 1):
                for own, asked in zip(times, (small[question], large[question]), strict=True):
                    start = clock()
                    asked()
                    own.append(clock() - start)
            few, many = (1_000 * statistics.median(own[1:]) for own in times)  # the first finds nothing in memory
            print(f"| {question} | {few:.1f} | {many:.1f} | {many / few:.2f} |", flush=True)
        for home in homes:
            home.close()


def _home(folder: Path, rows: int) -> FilledHome:
    settings = Settings(home=folder / f"rows-{rows}", retention_days=0)
    if not settings.home.exists():
        fill(settings, tasks.get(TASK), rows)
    return opened(settings)


if __name__ == "__main__":
    main()
