"""From the start of a process to its first answer, beside the imports that it cannot do without.

python -m benchmarks.start [--rounds N] [--cpu]     what it printed stands in docs/performance.md
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from mmdemo.speed.turns import in_turns, timings

IMPORTS = "`import torch, gradio, transformers`"
PAGE, FIRST = "the app, until its page answers", "the app, until its first prediction"
PROGRAMS = {
    IMPORTS: "import torch, gradio, transformers",
    PAGE: """
from annotations.loop import Loop
from mmdemo.settings import load
settings = load()
loop = Loop(settings)
from mmdemo.ui import page
running = page.launch(page.build(loop, settings), loop, settings)
""",
}
PROGRAMS[FIRST] = (
    PROGRAMS[PAGE]
    + """
from mmdemo import Sample, decode
loop.warm()
example = loop.tasks["sentiment"].examples[0]
inputs = decode.decode_untrusted(Sample(example.image, example.text), loop.tasks["sentiment"])
loop.predict("sentiment", inputs, "none", False)
"""
)


def main() -> None:
    """Print a table of times, each beside the imports of the same turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="processor time, where others use the machine too")
    args = parser.parse_args()
    measures = {name: started(program) for name, program in PROGRAMS.items()}
    seconds = in_turns(measures, args.rounds, of_children if args.cpu else time.perf_counter)
    print("| what | ms | times the imports | quartiles |\n|---|---|---|---|")
    for row in timings(seconds, dict.fromkeys(measures, IMPORTS)):
        print(f"| {row.what} | {row.ms:,.0f} | {row.ratio:.2f} | {row.low:.2f} to {row.high:.2f} |")


def started(program: str) -> Callable[[], None]:
    """Return what runs a program with a home folder of its own, and ends it as soon as it is done."""

    def run() -> None:
        with tempfile.TemporaryDirectory() as home:
            own = {"MMDEMO_HOME": home, "GRADIO_SERVER_PORT": "0", "GRADIO_ANALYTICS_ENABLED": "False"}
            ended = program + "\nimport os\nos._exit(0)\n"
            command = [sys.executable, "-W", "ignore", "-c", ended]
            subprocess.run(command, check=True, env=os.environ | own, stdout=subprocess.DEVNULL)

    return run


def of_children() -> float:
    """Return the processor time of all children that ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
