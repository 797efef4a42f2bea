"""From the start of a process to its first answer, beside the imports that it cannot do without."""

import subprocess
import sys

from mmdemo.speed.turns import Timing, in_turns, timings

IMPORTS, FIRST = "import torch, transformers", "start to the first answer"
_ANSWER = """
import sys
from mmdemo import Predictor, tasks, Sample
task = tasks.get(sys.argv[1])
example = task.examples[0]
Predictor(task, sys.argv[2]).predict(Sample(example.image, example.text, example.audio))
"""


def to_first_answer(task: str, version: str, rounds: int) -> list[Timing]:
    """Return how long a new process takes to answer one example with a version's folder."""
    measures = {
        IMPORTS: lambda: _run(IMPORTS),
        FIRST: lambda: _run(_ANSWER, task, version),
    }
    return timings(in_turns(measures, rounds), dict.fromkeys(measures, IMPORTS))


def _run(program: str, *words: str) -> None:
    subprocess.run([sys.executable, "-c", program, *words], check=True, stdout=subprocess.DEVNULL)
