"""How soon one visitor, sixteen and a hundred are answered, beside an empty endpoint and a plain interface.

python -m benchmarks.load [--task T] [--manifest M] [--only one|sixteen|crowd] [--seconds S] [--threads N]

App, empty endpoint and plain interface are processes of their own on loopback; of those that are not asked just then
nothing runs. All visitors come from this one process and one address; they keep nothing and ask for no map, each time
for another sample, so that nothing is answered from memory where a manifest has enough of them. What is printed are
Markdown rows, ratios of one run; absolute times say nothing about another machine.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TypeVar

import numpy as np

import mmdemo
from benchmarks.load.visitors import FAILED, REFUSED, TOLD, Guest, Reviewed, SampleFiles, Server, Tally, crowd, reviewer
from mmdemo import tasks
from mmdemo.process import memory
from mmdemo.settings import TORCH, Settings
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.versions.registry import SHIPPED
from tests import serving

APP, EMPTY, PLAIN = "app", "empty endpoint", "plain interface"
ALONE = 12  # samples of a round that one client sends
PAUSE_S = 0.5  # of the reviewer between two looks
IDLE_S = 10.0  # for which nobody else asks, first
DOUBTFUL = ("the box stands there", "a thing, perhaps", "good, bad, or neither", "it is what it is", "Well.")
P95 = 95
BEGINS = "status.runtime_begins"  # of a runtime that is being made

Result = TypeVar("Result")


@dataclass(frozen=True)
class Ran:
    """A server and its process."""

    server: Server
    pid: int

    @contextmanager
    def awake(self) -> Iterator[Server]:
        """Let it run while the block lasts; at all other times it stands still."""
        os.kill(self.pid, signal.SIGCONT)
        try:
            yield self.server
        finally:
            os.kill(self.pid, signal.SIGSTOP)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="sentiment")
    parser.add_argument("--manifest", type=Path, help="samples (default: the task's examples)")
    parser.add_argument("--samples", type=int, default=600, help="how many of them, in turn (default: 600)")
    parser.add_argument("--only", action="append", choices=PARTS, help="may be repeated (default: all)")
    parser.add_argument("--seconds", type=float, default=15, help="how long sixteen ask in a round (default: 15)")
    parser.add_argument("--crowd-seconds", type=float, default=120, help="how long a hundred ask (default: 120)")
    parser.add_argument("--rounds", type=int, default=3, help="how often (default: 3)")
    parser.add_argument("--runtime", default="torch", help="the app's MMDEMO_RUNTIME (default: torch)")
    parser.add_argument("--settle", type=float, default=300, help="seconds that a runtime may take to be made")
    parser.add_argument("--threads", default=str(os.cpu_count()), help="of torch, in each process (default: cores)")
    args = parser.parse_args()
    # As app.py does, and before torch is imported.
    os.environ |= {"OMP_NUM_THREADS": args.threads, "OMP_WAIT_POLICY": "PASSIVE"}
    memory.keep_freed()
    task = tasks.get(args.task)
    files = _files(task, args.manifest, args.samples)
    samples = cycle(files)  # no server is asked about one again before it has forgotten what it made of it
    machine = f"{os.cpu_count()} cores, {args.threads} threads, load {os.getloadavg()[0]:.1f}"
    print(f"{task.name}, {len(files)} samples, {machine}", flush=True)
    with _servers(task, args) as servers:
        for name in args.only or PARTS:
            print(f"\n{PARTS[name](servers, samples, task, args)}", flush=True)


def one(servers: Mapping[str, Ran], samples: Iterator[SampleFiles], task: Task, args: argparse.Namespace) -> str:
    """One visitor: in turns a prediction in this process, and a call of each server."""
    predictor = mmdemo.Predictor(task, SHIPPED / task.name, Settings(home=Path("nowhere")))
    took: dict[str, list[float]] = {"in process": [], **{name: [] for name in servers}}
    with asyncio.Runner() as runner:
        visitors = {name: Guest(ran.server) for name, ran in servers.items()}
        for turn in range(args.rounds + 1):
            for sample in islice(samples, ALONE):
                start = time.perf_counter()
                predictor.predict(mmdemo.Sample(sample.image, sample.text, sample.audio))
                spent = {"in process": time.perf_counter() - start}
                for name, ran in servers.items():
                    with ran.awake():
                        start = time.perf_counter()
                        outcome, reason = runner.run(visitors[name].predict(sample))
                        spent[name] = time.perf_counter() - start
                    if outcome in (REFUSED, FAILED):
                        raise SystemExit(f"{name}: {outcome}, {reason}")
                for name, seconds in spent.items() if turn else ():
                    took[name].append(seconds)
        for visitor in visitors.values():
            runner.run(visitor.close())
    ms = {name: statistics.median(seconds) * 1000 for name, seconds in took.items()}
    sums = [a + b for a, b in zip(took["in process"], took[EMPTY], strict=True)]
    ratios = np.percentile(np.array(took[APP]) / np.array(sums), (25, 50, 75))
    cells = ", ".join(f"{name} {value:.1f} ms" for name, value in ms.items())
    above = (ms[APP] - ms[EMPTY]) / ms["in process"]
    return (
        f"| one client | {ratios[1]:.2f} × (in process + empty), {ratios[0]:.2f} to {ratios[2]:.2f}; "
        f"{above:.2f} × in process beyond an empty call | {cells} |"
    )


def sixteen(servers: Mapping[str, Ran], samples: Iterator[SampleFiles], task: Task, args: argparse.Namespace) -> str:
    """Sixteen visitors: each server in turn, some rounds of each."""
    rounds: dict[str, list[Tally]] = {name: [] for name in servers}
    processor: dict[str, list[float]] = {name: [] for name in servers}  # ms an answer
    for turn in range(args.rounds + 1):
        for name, ran in servers.items():
            with ran.awake() as server:
                before = _processor_s(ran.pid)
                tally = asyncio.run(crowd(server, samples, 16, args.seconds if turn else 3))
                spent = _processor_s(ran.pid) - before
            if turn:  # the round before is not counted
                rounds[name].append(tally)
                processor[name].append(spent * 1000 / tally.answered)
                print(f"  {name}: {_line(tally)}", file=sys.stderr, flush=True)
    per_s = {name: [each.per_s for each in tallies] for name, tallies in rounds.items()}
    p95 = {name: [_p95(each.took_s) for each in tallies] for name, tallies in rounds.items()}
    rows = []
    for what, numbers in (("throughput", per_s), ("p95", p95)):
        times = {of: np.median(np.array(numbers[APP]) / np.array(numbers[of])) for of in (EMPTY, PLAIN)}
        cells = ", ".join(f"{name} {statistics.median(values):.2f}" for name, values in numbers.items())
        unit = "a second" if what == "throughput" else "s"
        rows.append(f"| {what}, 16 clients | {times[EMPTY]:.2f} × empty, {times[PLAIN]:.2f} × plain | {cells} {unit} |")
    cells = ", ".join(f"{name} {statistics.median(values):.1f}" for name, values in processor.items())
    rows.append(f"| processor time of the server, ms an answer | | {cells} |")
    rows.append(f"| of the app's 16 | {'; '.join(_line(each) for each in rounds[APP])} | |")
    return "\n".join(rows)


def hundred(servers: Mapping[str, Ran], samples: Iterator[SampleFiles], task: Task, args: argparse.Namespace) -> str:
    """A hundred visitors in a closed loop, of one address, while a reviewer goes on."""
    with servers[APP].awake() as server:
        return asyncio.run(_hundred(server, samples, args.crowd_seconds))


async def _hundred(server: Server, samples: Iterator[SampleFiles], seconds: float) -> str:
    async def review(during: Awaitable[Result]) -> tuple[Reviewed, Result]:
        stop = asyncio.Event()
        reviewing = asyncio.create_task(reviewer(server, PAUSE_S, stop))
        result = await during
        stop.set()
        return await reviewing, result

    idle, _ = await review(asyncio.sleep(IDLE_S))
    busy, tally = await review(crowd(server, samples, 100, seconds))
    calls = ", ".join(
        f"{name} {_ratio(busy.took_s[name], took, 50):.1f} × (p95 {_ratio(busy.took_s[name], took, P95):.1f} ×; "
        f"{statistics.median(took) * 1000:.0f} → {statistics.median(busy.took_s[name]) * 1000:.0f} ms)"
        for name, took in idle.took_s.items()
    )
    return f"| 100 clients, {seconds:.0f} s | {_line(tally)} | Review: {calls}, {busy.failed} failed |"


def _ratio(busy: Sequence[float], idle: Sequence[float], percentile: int) -> float:
    return float(np.percentile(busy, percentile) / np.percentile(idle, percentile))


def _line(tally: Tally) -> str:
    """Return what came of a crowd's calls, in words."""
    reasons = "".join(f", {count} × {reason}" for reason, count in tally.reasons.most_common(4))
    return (
        f"{tally.answered} answered ({tally.outcomes[TOLD]} told a place first), {tally.outcomes[REFUSED]} refused, "
        f"{tally.outcomes[FAILED]} failed; {tally.per_s:.1f} a second, p95 {_p95(tally.took_s):.2f} s{reasons}"
    )


def _processor_s(pid: int) -> float:
    """Return the processor time of a server so far, without that of children that still run; Linux says so."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _p95(took_s: Sequence[float]) -> float:
    return float(np.percentile(took_s, P95)) if took_s else float("nan")


def _files(task: Task, manifest: Path | None, number: int) -> list[SampleFiles]:
    rows = manifests.read(manifest, task) if manifest else list(manifests.examples(task))
    chosen = [row.sample for row in islice(cycle(rows[:: max(1, len(rows) // number)]), number)]
    return [SampleFiles(task.name, _path(each.image), each.text or "", _path(each.audio)) for each in chosen]


def _path(medium: object) -> Path | None:
    return Path(str(medium)) if medium is not None else None


@contextmanager
def _servers(task: Task, args: argparse.Namespace) -> Iterator[dict[str, Ran]]:
    threads = args.threads
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        app = stack.enter_context(serving.serve(folder / "home", OMP_NUM_THREADS=threads, MMDEMO_RUNTIME=args.runtime))
        ran = {APP: Ran(Server.at(app.url), app.process.pid)}
        asyncio.run(_prepare(ran[APP].server, task))
        if args.runtime != TORCH:
            asyncio.run(_settle(ran[APP].server, args.settle))
        for name, word in ((EMPTY, "empty"), (PLAIN, "plain")):
            program = ("-m", "benchmarks.load.others", word, task.name)
            port = str(serving.free_port())
            one = stack.enter_context(
                serving.serve(folder / word, program=(*program, port), GRADIO_SERVER_PORT=port, OMP_NUM_THREADS=threads)
            )
            ran[name] = Ran(Server.at(one.url, plain=word == "plain"), one.process.pid)
        for each in ran.values():
            os.kill(each.pid, signal.SIGSTOP)
        try:
            yield ran
        finally:
            for each in ran.values():
                os.kill(each.pid, signal.SIGCONT)


async def _prepare(server: Server, task: Task) -> None:
    """Wait until all models are loaded, and have a few samples wait for a reviewer."""
    visitor = Guest(server)
    text = "text" in task.modalities
    for caption in DOUBTFUL if text else ():
        await visitor.predict(SampleFiles(task.name, None, caption, None), keep=True)
    await visitor.close()


async def _settle(server: Server, most_s: float) -> None:
    """Wait until it is known of all tasks what computes them: to make that takes the processor from answers."""
    guest, until = Guest(server), time.monotonic() + most_s
    for name in tasks.load_all():
        while (runtime := (await guest.value("status", [name]))["runtime"]) is None or runtime["key"] == BEGINS:
            if time.monotonic() > until:
                raise SystemExit(f"{name}: no runtime after {most_s} s")
            await asyncio.sleep(1)
        print(f"  {name}: {runtime['key']} {runtime['values']}", file=sys.stderr, flush=True)
    await guest.close()


PARTS: dict[str, Callable[[Mapping[str, Ran], Iterator[SampleFiles], Task, argparse.Namespace], str]] = {
    "one": one,
    "sixteen": sixteen,
    "crowd": hundred,
}

if __name__ == "__main__":
    main()
