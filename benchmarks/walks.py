"""Through how many modules and functions of ours a walk leads, at any revision.

python -m benchmarks.walks [--results FILE] [REV ...]

Each revision is checked out beside this one and each walk taken once with the real programs, the shipped models and
a real Label Studio server, by names that users rely on. Every process of a walk tells which functions it enters
(benchmarks/entered.py). Counted are app.py, mmdemo and annotations without the tour, which is a driver itself: the
modules that whoever follows the walk opens, and the functions in them. What a server did before the walk, as to load
its models, is no part of it; a command counts whole. `--results` keeps what was counted, and what it holds is not
taken again.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file

from benchmarks.house import COUNTED
from tests import label_studio_server, serving

TRACER = Path(__file__).parent / "entered.py"
DRIVERS = "annotations/tour/"
DOORS = ("mmdemo/guard", "mmdemo/ui/queueing")  # what a call passes before anybody reads what it asks
SETTLE_S = 1.0  # until what was done last has been told
TOKEN = "0123456789abcdef" * 2
DOUBTFUL = ("the box stands there", "a thing, perhaps", "good, bad, or neither", "it is what it is", "Well.")
UPLOAD = "mmdemo/tasks/examples/cat.webp"

Entered = set[tuple[str, str]]  # file, function


@dataclass
class Listener:
    """What the processes of a walk told since it was last emptied."""

    folder: Path  # first on the path of every process
    settle_s: float
    commands: dict[int, str] = field(default_factory=dict)  # process → its command line
    entered: dict[int, Entered] = field(default_factory=dict)

    def begin(self) -> None:
        """Count anew, in the processes that run, too."""
        time.sleep(self.settle_s)
        for pid in self.commands:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)
        time.sleep(self.settle_s)
        self.entered.clear()

    def count(self, of: Callable[[int], bool] = lambda pid: True) -> dict[str, int]:
        """Return module → how many functions of it were entered by the processes that it is asked for."""
        time.sleep(self.settle_s)
        entered = set().union(*(each for pid, each in self.entered.items() if of(pid)))
        return dict(sorted(Counter(file for file, _ in entered if _counts(file)).items()))

    def hear(self, message: str) -> None:
        """Take in one message."""
        pid, what, *name = message.split("\t")
        if name:
            self.entered.setdefault(int(pid), set()).add((what, name[0]))
        else:
            self.commands[int(pid)] = what


def main() -> None:
    """Print a table: a row a walk, two columns a revision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revisions", nargs="*", default=["HEAD"], metavar="REV", help="what git knows it by")
    parser.add_argument("--results", type=Path, metavar="FILE", help="JSON")
    args = parser.parse_args()
    results = json.loads(args.results.read_text("utf-8")) if args.results and args.results.exists() else {}
    for revision in args.revisions:
        for names, walk in WALKS.items():
            counts = results.setdefault(revision, {})
            if counts.keys() >= set(names):
                continue
            with checkout(revision) as root, listening(root) as listener:
                counts |= dict(zip(names, walk(root, listener), strict=True))
            if args.results:
                args.results.write_text(json.dumps(results, indent=1), "utf-8")
    print(f"| modules, functions | {' | '.join(args.revisions)} |\n|---|{'---|' * len(args.revisions)}")
    for name in (name for names in WALKS for name in names):
        walks = [results[each][name] for each in args.revisions]
        inside = [{file: n for file, n in walk.items() if not file.startswith(DOORS)} for walk in walks]
        print(_row(name, walks))
        if inside != walks:
            print(_row(f"… without {' and '.join(DOORS)}", inside))


def looked_at(root: Path, listener: Listener) -> Iterator[dict[str, int]]:
    """Ask the app about an upload, then what its answer would be without the first word."""
    with _app(root, listener) as (client, _):
        _predict(client, root, "A cat in the sun", keep=False)
        listener.begin()
        _predict(client, root, "A cat enjoys the garden", keep=False)
        yield listener.count()
        sample: list[object] = [TOKEN, "sentiment", "A lovely day in the sun", None, None, False, "", []]
        body = {"data": sample, "session_hash": "page"}
        httpx.post(f"{client.src.rstrip('/')}/gradio_api/run/page_begin", json=body, timeout=60).raise_for_status()
        client.predict(TOKEN, api_name="/page_predict")
        listener.begin()
        client.predict(TOKEN, [0], [], api_name="/page_what_if")
        yield listener.count()


def learned(root: Path, listener: Listener) -> Iterator[dict[str, int]]:
    """Follow the tour: a first model is trained, doubtful drawings are sent and answered, and a better one serves."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "annotations.tour", "--exit", "--home", f"{home}/tour"]
        variables = _variables(Path(home), listener)
        tour = subprocess.Popen(command, cwd=root, env=variables, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert tour.stdout is not None
        for line in tour.stdout:
            print(line, end="", file=sys.stderr)
            if line.startswith("Serve"):
                training = listener.count(lambda pid: " mmdemo train " in listener.commands[pid])
                listener.begin()
            if line.startswith("Ask again"):
                yield listener.count(lambda pid: pid != tour.pid)
                yield training
        if tour.wait():
            raise RuntimeError(f"the tour ended with {tour.returncode}")


def synced(root: Path, listener: Listener) -> Iterator[dict[str, int]]:
    """Fetch an answer that was given in Label Studio, of a sample that was sent there."""
    with tempfile.TemporaryDirectory() as folder, label_studio_server.running(Path(folder) / "data") as server:
        settings = {"LABEL_STUDIO_URL": server.url, "LABEL_STUDIO_API_KEY": server.token}
        with _app(root, listener, **settings) as (client, variables):
            kept = (_predict(client, root, caption, keep=True) for caption in DOUBTFUL)
            next(answer for answer in kept if answer["flagged"])
            _sync(root, variables)
            headers = {"Authorization": f"Token {server.token}"}
            with httpx.Client(base_url=server.url, headers=headers, timeout=60) as annotator:
                [task] = [
                    task
                    for project in annotator.get("/api/projects/").json()["results"]
                    for task in annotator.get(f"/api/tasks/?project={project['id']}&fields=all").json()["tasks"]
                    if task["predictions"]
                ]
                said = {"result": task["predictions"][0]["result"], "lead_time": 1.0}
                annotator.post(f"/api/tasks/{task['id']}/annotations/", json=said).raise_for_status()
            listener.begin()
            command = _sync(root, variables)
            yield listener.count(lambda pid: pid == command)
            if client.predict("sentiment", api_name="/status")["states"].get("labelled") != 1:
                raise RuntimeError("the answer did not arrive")


WALKS: Mapping[tuple[str, ...], Callable[[Path, Listener], Iterator[dict[str, int]]]] = {
    ("an upload to its map", "a what-if"): looked_at,
    ("a doubtful sample to a promoted model", "`mmdemo train`"): learned,
    ("a Label Studio answer to SQLite",): synced,
}


def _row(name: str, walks: Sequence[Mapping[str, int]]) -> str:
    return f"| {name} | {' | '.join(f'{len(walk)}, {sum(walk.values())}' for walk in walks)} |"


def _counts(file: str) -> bool:
    return file.split("/")[0] in COUNTED and not file.startswith(DRIVERS)


@contextlib.contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Yield a folder that holds a revision, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "tree"
        subprocess.run(["git", "worktree", "add", "--detach", root, revision], check=True, capture_output=True)
        try:
            yield root
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", root], check=True, capture_output=True)


@contextlib.contextmanager
def listening(root: Path, settle_s: float = SETTLE_S) -> Iterator[Listener]:
    """Listen, until the block ends, to processes that look into the listener's folder first: to code under `root`."""
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here:
        folder = Path(name)
        (folder / "sitecustomize.py").write_text(TRACER.read_text("utf-8"), "utf-8")
        (folder / "root").write_text(str(root), "utf-8")
        here.bind(str(folder / "socket"))
        listener = Listener(folder, settle_s)

        def hear() -> None:
            while message := here.recv(65_536).decode():
                listener.hear(message)

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        yield listener
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", str(folder / "socket"))
        thread.join()


@contextlib.contextmanager
def _app(root: Path, listener: Listener, **settings: str) -> Iterator[tuple[Client, dict[str, str]]]:
    """Run the app of a checkout in a home of its own; yield a client, and what commands that shall meet it need."""
    with tempfile.TemporaryDirectory() as home:
        traced = _variables(Path(home), listener, **settings)
        own = {name: traced[name] for name in ("PYTHONPATH", *settings)}
        with serving.serve(Path(home), folder=root, **own) as server:
            yield Client(server.url, ssl_verify=False, verbose=False), dict(server.environment)


def _variables(home: Path, listener: Listener, **settings: str) -> dict[str, str]:
    return serving.environment(home, PYTHONPATH=str(listener.folder), **settings)


def _predict(client: Client, root: Path, caption: str, keep: bool) -> dict[str, Any]:
    picture = None if keep else handle_file(root / UPLOAD)
    return client.predict("sentiment", picture, caption, None, "default", keep, api_name="/predict")


def _sync(root: Path, variables: Mapping[str, str]) -> int:
    """Sync once, and return the process's id."""
    process = subprocess.Popen([sys.executable, "-m", "annotations", "sync"], cwd=root, env=variables)
    if process.wait():
        raise RuntimeError(f"sync ended with {process.returncode}")
    return process.pid


if __name__ == "__main__":
    main()
