"""Once around the loop by itself: make tour, python -m annotations tour.

Everything takes place on drawn pictures, in a home folder of its own. Each step is said with its numbers; what turned
right is written to a page; and the app is left running so that one can look. --exit ends it instead.
"""

import argparse
import contextlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradio_client import Client

from annotations.tour import ending, first, walk
from annotations.tour.drawings import FILLED, OUTLINE
from annotations.tour.ending import Ending
from annotations.tour.first import TASK, Start
from mmdemo import tasks
from mmdemo.locale import text
from mmdemo.process import environment, logs
from mmdemo.settings import ROOT, in_clone

HOME = ROOT / "build" / "tour"
SENT, FRESH = 120, 30  # outlines that the visitor sends, and those that only ask, before and after
START_LIMIT_S = 180.0
STOP_LIMIT_S = 20.0


def main(argv: Sequence[str] | None = None) -> int:
    """Go around once and return the exit code: 0 where a better version is served at the end."""
    args = _parser().parse_args(argv)
    if not in_clone():
        logs.say(text("tour.needs_clone", folder=ROOT))
        return 2
    begin = time.monotonic()
    if args.home == HOME:
        shutil.rmtree(HOME, ignore_errors=True)
    try:
        start = _first_model(args.home)
        with environment.without_proxies(), _app(start) as url:
            end = _around(start, url, stays=not args.exit)
            print(f"\nOnce around in {time.monotonic() - begin:.0f} s.", flush=True)
            _show(end, start.home)
            if not args.exit:
                _wait()
    except subprocess.CalledProcessError as error:
        logs.say(f"{' '.join(error.cmd)}\nfailed:\n{error.stderr}")
        return 1
    return 0 if end.versions[0] != end.versions[1] else 1


def _first_model(home: Path) -> Start:
    _say("Draw", f"{first.LEARNED} filled circles, squares and triangles, and train a weak first model on them")
    start = first.prepare(home)
    _say("", f"{start.version} is served. It has never seen a shape drawn in outline.")
    return start


def _around(start: Start, url: str, stays: bool) -> Ending:
    client, folder = walk.client_of(url), start.home / "drawings"
    fresh = {look: first.sheet("fresh", FRESH, look) for look in (OUTLINE, FILLED)}
    before = {look: walk.ask(client, sheet, folder / "fresh", keep=False) for look, sheet in fresh.items()}
    _say("Predict", f"a visitor sends {SENT} outlines and agrees that they may be kept")
    sent = walk.ask(client, first.sheet("sent", SENT, OUTLINE), folder / "sent", keep=True)
    flagged = sum(one.answer["flagged"] for one in sent)
    _say("", f"{walk.right(sent)} of {SENT} answers are right; {flagged} are doubtful and wait for a person")
    _say("Dispute", f"{walk.dispute(client, sent)} were wrong and sure: the visitor says so")
    answered = walk.correct(client, sent)
    _say("Correct", f"the annotator answers the {answered} samples of the queue")
    _say("Learn", "python -m annotations retrain")
    night = walk.retrain(start)
    _say("", f"{night['verdict']}: {night['reason']}")
    again, served = _ask_again(client, start, sent, before)
    return Ending(
        task=tasks.load_file(start.task_file),
        address=f"{url}/?tab=predict&task={TASK}" if stays else "",
        versions=(start.version, served),
        answered=answered,
        waiting=walk.waiting(client),
        groups=again,
    )


def _ask_again(
    client: Client, start: Start, sent: list[walk.AnsweredDrawing], before: dict[str, list[walk.AnsweredDrawing]]
) -> tuple[dict[str, ending.Turned], str]:
    """Return how the answers changed, by what was asked about, and the version that answers now."""
    groups = {"sent": [one for one in sent if not one.right], **before}
    folders = {"sent": "sent"}
    turned, served = {}, start.version
    for name, group in groups.items():
        folder = start.home / "drawings" / folders.get(name, "fresh")
        after = walk.ask(client, [one.drawing for one in group], folder, keep=False)
        turned[name] = ending.compare(group, after)
        served = after[0].answer["model_version"] if after else served
    corrected = turned["sent"]
    summary = f"of the {corrected.asked} it had wrong, {corrected.right_after} are right"
    _say("Ask again", f"the same app answers with {served}: {summary}")
    for look in before:
        figures = f"{turned[look].right_before} right before, {turned[look].right_after} now"
        _say("", f"of {turned[look].asked} other drawings, {look}: {figures}")
    return turned, served


def _show(end: Ending, home: Path) -> None:
    """Say what the tour did, and where to see it."""
    print()
    step = "Turned"
    for sentence in ending.sentences(end.groups["sent"], end.task):
        _say(step, sentence)
        step = ""
    _say("Queue", text("tour.queue", answered=end.answered, waiting=end.waiting))
    _say("Look", text("tour.page", page=ending.write(home, end).as_uri()))
    if end.address:
        _say("", f"{end.address}  {ending.where(end.task)}")


@contextlib.contextmanager
def _app(start: Start) -> Iterator[str]:
    """Run the real app on a free port of loopback until the block ends; yield its address."""
    port = _free_port()
    with (start.home / "app.log").open("wb") as log:
        variables = {**start.environment, "GRADIO_SERVER_PORT": str(port)}
        process = subprocess.Popen(start.command("app.py"), cwd=ROOT, env=variables, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url, start.home / "app.log")
        _say("Serve", f"the app listens on {url}")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, TimeoutError, ConnectionError):
            urllib.request.urlopen(f"{url}/config", timeout=5).close()
            return
        time.sleep(0.2)
    raise subprocess.CalledProcessError(process.poll() or 1, ["app.py"], stderr=log.read_text("utf-8", "replace"))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _wait() -> None:
    _say("", text("tour.ends"))
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


def _say(step: str, text: str) -> None:
    print(f"{step:<10} {text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m annotations tour", description="Once around the loop by itself.")
    parser.add_argument("--exit", action="store_true", help="end after the round instead of leaving the app running")
    parser.add_argument("--home", type=Path, default=HOME, help="an empty folder to work in (default: build/tour)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
