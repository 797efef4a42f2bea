"""What keeping an answer takes: python -m benchmarks.keeping [--answers N] [--folder DIR]     prints Markdown rows.

The home is new and lies in `--folder` (default: where temporary files do), on whose disk each answer waits to be safe.
"""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from annotations.loop import Loop
from benchmarks.store import TASK, keep
from mmdemo.settings import Settings
from mmdemo.values.samples import Inputs
from tests.statements import statements

AT_ONCE = 8  # as many answers as are worked on at once
WARM = 20  # answers that are not counted


def main() -> None:
    """Print how often the database is asked for an answer, and what it takes to keep one alone and beside others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name, closing(Loop(Settings(home=Path(name)))) as loop:
        for agreed in (False, True):
            with statements(loop._store) as sent:
                loop.predict(TASK, Inputs(text="What a lovely day, we are happy!"), "none", agreed)
            print(f"keep={agreed}: {len(sent)} statements")
        print("\n| a sure answer is kept | ms | processor, ms | a second |\n|---|---|---|---|")
        for threads in (1, AT_ONCE):
            wall, cpu = _each(loop, threads, args.answers)
            print(f"| {threads} at once | {wall * 1000:.1f} | {cpu * 1000:.1f} | {1 / wall:.0f} |")


def _each(loop: Loop, threads: int, answers: int) -> tuple[float, float]:
    """Return the seconds of the clock and of the processor for each of so many answers that threads keep."""
    with ThreadPoolExecutor(threads) as pool:
        for number in (WARM, answers):  # the first ones are not counted
            begun, spent = time.perf_counter(), time.process_time()
            list(pool.map(lambda _: keep(loop._store, loop.tasks[TASK], "of this benchmark"), range(number)))
    return (time.perf_counter() - begun) / answers, (time.process_time() - spent) / answers


if __name__ == "__main__":
    main()
