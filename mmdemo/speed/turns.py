"""Things that are timed in turns, so that whatever else the machine does meets all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Clock = Callable[[], float]  # seconds: of the clock, or of this process's processor time
Measures = Mapping[str, Callable[[], object]]  # what it is called → what is timed
QUARTILES = (25, 50, 75)


@dataclass(frozen=True)
class Timing:
    """How long one thing took over all turns, and how many times as long as another in the same turn."""

    what: str
    ms: float  # median, of one sample
    of: str  # what it is compared with
    ratio: float  # median over the turns
    low: float  # the ratio's quartiles
    high: float


def in_turns(measures: Measures, rounds: int, clock: Clock = time.perf_counter) -> dict[str, list[float]]:
    """Return what each took in seconds, one number a round; one round before them is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, run in measures.items():
            start = clock()
            run()
            if number > 0:
                seconds[name].append(clock() - start)
    return seconds


def timings(seconds: Mapping[str, Sequence[float]], of: Mapping[str, str], samples: int = 1) -> list[Timing]:
    """Return each of `of` beside what it is compared with; the numbers are those of so many samples."""
    rows = []
    for what, base in of.items():
        low, ratio, high = np.percentile(np.array(seconds[what]) / np.array(seconds[base]), QUARTILES)
        ms = float(np.median(seconds[what])) * 1000 / samples
        rows.append(Timing(what, ms, base, float(ratio), float(low), float(high)))
    return rows
