"""How long a lesson takes, and what it shows: python -m benchmarks.lesson TASK MANIFEST [--home HOME]

Samples of MANIFEST, on which the served version was not trained, are sent and answered as their lines say: first those
that are judged, then the twenty that one annotator teaches. With a seed in the place of the draw, so that the same ones
come again. A row is a lesson: the first one in a process of its own, and the second. `--home` keeps the folder.
"""

import argparse
import contextlib
import random
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import mmdemo
from annotations import give_lesson, review_queue
from annotations.lesson import ANSWERS
from annotations.store import open_store
from mmdemo import decode, tasks
from mmdemo.settings import Settings
from mmdemo.training import manifests
from mmdemo.values.history import Lesson

SAMPLES = 120  # answered by somebody else before
ANNOTATOR, OTHER = "Ann", "Ben"
SEED = 0


def main() -> None:
    """Fill a home, give two lessons, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--home", type=Path)
    args = parser.parse_args()
    task = tasks.get(args.task)
    with _home(args.home) as home:
        settings = Settings(home=home)
        predictor = mmdemo.Predictor(task, None, settings)
        rows = manifests.read(args.manifest, task)
        random.Random(SEED).shuffle(rows)
        with closing(open_store(settings)) as store:
            for number, row in enumerate(rows[: SAMPLES + ANSWERS]):
                inputs = decode.decode(row.sample, task)
                sample_id, _ = review_queue.offer(
                    store, task, inputs, predictor.predict_inputs(inputs), suggested=row.label
                )
                who = ANNOTATOR if number >= SAMPLES else OTHER
                review_queue.correct(store, {task.name: task}, sample_id, row.label, who)
            print("| task | lesson | taught | seconds | set aside | before | after | tests | before | after |")
            print("|---|---|---|---|---|---|---|---|---|---|")
            for name in ("first", "second"):
                print(_line(name, give_lesson(store, settings, task, ANNOTATOR)), flush=True)


def _line(name: str, lesson: Lesson) -> str:
    held_out, _, tests = lesson.parts
    cells = [lesson.task, name, len(lesson.sample_ids), f"{lesson.seconds:.1f}"]
    cells += [held_out.count, held_out.before, held_out.after, tests.count, tests.before, tests.after]
    return f"| {' | '.join(map(str, cells))} |"


@contextlib.contextmanager
def _home(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


if __name__ == "__main__":
    main()
