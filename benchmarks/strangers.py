"""What strangers may try, against the running app in a memory cgroup: python -m benchmarks.strangers [--only TEXT]

Each attack of benchmarks/attacks goes on for some seconds, from an address and a process of its own, on loopback.
Meanwhile a visitor asks for answers. Told, and demanded: the app lives, the visitor's p95 stays below three times that
of an idle app, and memory comes back to within 100 MiB. What it printed stands in benchmarks/strangers.md.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gradio_client import Client, handle_file

from benchmarks.attacks import ATTACKS
from benchmarks.attacks.stranger import Stranger
from mmdemo import tasks
from mmdemo.settings import ROOT
from tests import serving

KEY = "known to reviewers alone"  # which no stranger guesses
LIMIT_BYTES = 4 * 2**30
SLOWER = 3.0  # at most, by p95
LEFT_MIB = 100
SETTLE_S = 90  # for memory to come back; what a pool holds on to for a minute is no leak
ANSWERS = 40  # of an idle app
COLUMNS = ("tried", "answered", "alive", "visitor's p95", "times idle", "memory", "left", "files", "log", "holds")
CGROUPS = (  # version 2, then 1: the folder, the file that limits it
    (Path("/sys/fs/cgroup"), "memory.max"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
)


@dataclass(frozen=True)
class Idle:
    """The app before anybody tried anything."""

    p95_ms: float
    memory_mib: float


@dataclass(frozen=True)
class AttackRow:
    """What came of one attack."""

    name: str
    answers: str
    alive: bool
    p95_ms: float
    slower: float
    peak_mib: float
    left_mib: float
    files: int  # in the folder of uploads, after a minute
    log_kb: float

    @property
    def passed(self) -> bool:
        """Whether all that is demanded holds."""
        return self.alive and self.slower < SLOWER and self.left_mib < LEFT_MIB


def main() -> int:
    """Print a table; return 0 where everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="attacks whose name holds this text")
    parser.add_argument("--seconds", type=float, default=10, help="how long each goes on")
    parser.add_argument("--attack", nargs=2, metavar=("NAME", "URL"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.attack:
        name, url = args.attack
        return _attack(name, url, args.seconds)
    chosen = [name for name in ATTACKS if args.only in name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="strangers-")))
        python = stack.enter_context(limited(folder))
        server = serving.serve(folder / "home", python=python, TMPDIR=str(folder), MMDEMO_REVIEW_KEY=KEY)
        app = stack.enter_context(server)
        visitor = Visitor(app.url)
        idle = visitor.ask(ANSWERS)
        before = memory_mib(app.process.pid)
        print(f"Idle: p95 {p95(idle):.0f} ms, {before:.0f} MiB.\n")
        print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
        rows = []
        for name in chosen:
            rows.append(under(name, app, folder, visitor, Idle(p95(idle), before), args.seconds))
            print(line(rows[-1]), flush=True)
            if not rows[-1].alive:
                break
    return 0 if all(row.passed for row in rows) else 1


def under(name: str, app: serving.Server, folder: Path, visitor: "Visitor", idle: "Idle", seconds: float) -> AttackRow:
    """Return what came of one attack, in its own process, while the visitor goes on."""
    pid, log = app.process.pid, app.log.stat().st_size
    own = [sys.executable, "-m", "benchmarks.strangers", "--seconds", str(seconds), "--attack", name, app.url]
    took: list[float] = []
    with Peak(pid) as peak, subprocess.Popen(own, cwd=ROOT, stdout=subprocess.PIPE, text=True) as attacker:
        while attacker.poll() is None and app.process.poll() is None:
            took += visitor.ask(1)
        answers = attacker.communicate()[0].strip()
    if attacker.returncode:
        raise SystemExit(f"The attack itself failed: {name}")
    deadline = time.monotonic() + SETTLE_S
    alive = app.process.poll() is None and visitor.ask(1)[0] < serving.START_LIMIT_S * 1000
    while alive and time.monotonic() < deadline:
        if memory_mib(pid) - idle.memory_mib < LEFT_MIB and not unfinished(folder):
            break
        time.sleep(1)
    left = memory_mib(pid) - idle.memory_mib if alive else float("nan")
    slow = p95(took)
    grown = (app.log.stat().st_size - log) / 1000
    return AttackRow(name, answers, alive, slow, slow / idle.p95_ms, peak.mib, left, len(unfinished(folder)), grown)


class Visitor:
    """Somebody who asks for answers, with a picture and a caption."""

    def __init__(self, url: str) -> None:
        self._client = Client(url, verbose=False)
        self._example = tasks.get("sentiment").examples[0]

    def ask(self, number: int) -> list[float]:
        """Return how long each answer took, in ms; infinite where there was none."""
        took = []
        for _ in range(number):
            begun = time.monotonic()
            picture = handle_file(self._example.image)
            try:
                self._client.predict("sentiment", picture, self._example.text, None, "none", False, api_name="/predict")
                took.append((time.monotonic() - begun) * 1000)
            except Exception as error:
                print(f"The visitor was refused: {error}", file=sys.stderr)
                took.append(float("inf"))
                time.sleep(0.5)
        return took


class Peak:
    """Watches the memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        self.mib = memory_mib(pid)
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self.mib = max(self.mib, memory_mib(self._pid))


def memory_mib(pid: int) -> float:
    """Return what a process and its children hold resident, in MiB; 0 for one that is gone."""
    total = 0
    for one in [pid, *_children(pid)]:
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total / 2**20


def _children(pid: int) -> list[int]:
    try:
        lists = [(thread / "children").read_text() for thread in Path(f"/proc/{pid}/task").iterdir()]
        own = [int(child) for text in lists for child in text.split()]
    except OSError:
        return []
    return own + [grandchild for child in own for grandchild in _children(child)]


def unfinished(folder: Path) -> list[Path]:
    """Return the files of uploads that broke off."""
    return [path for path in folder.glob("mmdemo-uploads-*/*") if path.is_file()]


@contextmanager
def limited(folder: Path) -> Iterator[Path]:
    """Yield a Python that runs in a memory cgroup of LIMIT_BYTES; this one, and a sentence, where there is none."""
    for parent, limit in CGROUPS:
        group = parent / f"mmdemo-strangers-{os.getpid()}"
        if not (parent / "cgroup.procs").exists():
            continue
        try:
            group.mkdir()
            (group / limit).write_text(str(LIMIT_BYTES))
        except OSError as error:
            if group.is_dir():
                group.rmdir()
            print(f"No memory cgroup can be had at {parent} ({error}).", file=sys.stderr)
            continue
        python = folder / "python"
        python.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        print(f"In a memory cgroup of {LIMIT_BYTES / 2**30:.0f} GiB.")
        yield python
        group.rmdir()
        return
    print("No memory cgroup can be had here: the app runs without a limit, and only its memory is told.")
    yield Path(sys.executable)


def p95(took: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(took, n=20)[-1] if len(took) > 1 else took[0] if took else float("nan")


def line(row: AttackRow) -> str:
    """Return a row of the table."""
    cells = (
        *(row.name, row.answers, "yes" if row.alive else "no", f"{row.p95_ms:.0f} ms", f"{row.slower:.1f}"),
        *(f"{row.peak_mib:.0f} MiB", f"{row.left_mib:+.0f} MiB", str(row.files), f"{row.log_kb:.0f} kB"),
        "yes" if row.passed else "no",
    )
    return f"| {' | '.join(cells)} |"


def _attack(name: str, url: str, seconds: float) -> int:
    """Try again and again, and say what answered."""
    os.nice(5)  # it shares this machine's cores; what is tried is the app, not the processor
    deadline, outcomes = time.monotonic() + seconds, Counter[str]()
    while time.monotonic() < deadline:
        outcomes[ATTACKS[name](Stranger(url))] += 1
    print("; ".join(f"{number} times {outcome}" for outcome, number in outcomes.most_common(4)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
