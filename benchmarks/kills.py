"""Kill the app under load again and again, and count what was lost, doubled, or left behind:

python -m benchmarks.kills [KILLS] [--seed SEED]

Callers send captions and pictures that may be kept, correct and take back, each noting what was acknowledged. At some
moment after the first acknowledgement the app is killed (SIGKILL), and started again over the same home. At the end the
store is compared with the notes. A hundred kills take about half an hour; the numbers are printed as one JSON value.
"""

import argparse
import io
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from gradio_client import Client, handle_file
from PIL import Image
from sqlalchemy import select

from annotations.review_queue import retention
from annotations.schema import ConsentRow, CorrectionRow, SampleRow
from annotations.store import Store, open_store
from benchmarks.calling import Caller, calling
from mmdemo.settings import Settings
from mmdemo.ui.callers import upload_folder
from tests import serving

CALLERS = 3
LONGEST_S = 4.0  # from the first acknowledgement to the kill
FIRST_WAIT_S = 120.0  # for it: the model is loaded first
LABELS = ("negative", "neutral", "positive")


@dataclass
class Notes:
    """What was acknowledged, and what was at least begun. Threads share it."""

    kept: dict[str, str] = field(default_factory=dict)  # prediction id → sample id
    corrected: dict[str, str] = field(default_factory=dict)  # sample id → label
    forgotten: set[str] = field(default_factory=set)  # prediction ids
    begun: set[str] = field(default_factory=set)  # prediction ids that somebody began to take back
    first: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class KillCount:
    """What a run of kills came to."""

    kills: int
    acknowledged: int
    lost: int  # acknowledged, and not there
    doubled: int  # corrections that are there more than once
    came_back: int  # taken back, and still there
    missing_files: int  # that a row refers to
    stray_files: int  # that no row refers to, after the app has swept
    uploads_left: int  # folders of killed processes, after the last start


def run(kills: int, seed: int, folder: Path) -> KillCount:
    """Kill the app so often over a home in `folder`, and count."""
    chance, notes, home, uploads = random.Random(seed), Notes(), folder / "home", folder / "tmp"
    uploads.mkdir()
    for number in range(kills):
        notes.first.clear()
        with (
            serving.serve(home, TMPDIR=str(uploads)) as server,
            calling(_callers(server.url, notes, seed + number, folder)),
        ):
            notes.first.wait(FIRST_WAIT_S)
            time.sleep(chance.uniform(0, LONGEST_S))
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        print(f"kill {number + 1} of {kills}: {_acknowledged(notes)} acknowledged", file=sys.stderr)
    with serving.serve(home, TMPDIR=str(uploads)):
        pass  # ended in the orderly way: what was left behind is swept
    with closing(open_store(Settings(home=home))) as store:
        return _count(store, notes, kills, uploads)


def _callers(url: str, notes: Notes, seed: int, folder: Path) -> list[Caller]:
    return [partial(_call, url, notes, random.Random(seed * 100 + number), folder) for number in range(CALLERS)]


def _call(url: str, notes: Notes, chance: random.Random, folder: Path, stop: threading.Event) -> None:
    with suppress(Exception):  # the app is killed in the middle of anything
        client = Client(url, verbose=False)
        while not stop.is_set():
            with suppress(ConnectionError, ValueError):
                _send(client, notes, chance, folder)


def _send(client: Client, notes: Notes, chance: random.Random, folder: Path) -> None:
    token = chance.randbytes(6).hex()
    picture = handle_file(_picture(folder, chance)) if chance.random() < 0.4 else None
    asked = ("sentiment", picture, f"quiet {token} evening", None, "none", True)
    answer = client.predict(*asked, api_name="/predict")
    if answer["prediction_id"] is None:
        return
    notes.kept[answer["prediction_id"]] = answer["sample_id"]
    notes.first.set()
    what = chance.random()
    if what < 0.4 and answer["flagged"]:
        label = chance.choice(LABELS)
        client.predict(answer["sample_id"], label, "Ann", "", api_name="/correct")
        notes.corrected[answer["sample_id"]] = label
    elif what < 0.7:
        notes.begun.add(answer["prediction_id"])
        client.predict(answer["prediction_id"], api_name="/forget")
        notes.forgotten.add(answer["prediction_id"])


def _picture(folder: Path, chance: random.Random) -> Path:
    pixels = np.frombuffer(chance.randbytes(48 * 48 * 3), np.uint8).reshape(48, 48, 3)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    path = folder / f"{threading.get_ident()}.png"
    path.write_bytes(data.getvalue())
    return path


def _acknowledged(notes: Notes) -> int:
    return len(notes.kept) + len(notes.corrected) + len(notes.forgotten)


def _count(store: Store, notes: Notes, kills: int, uploads: Path) -> KillCount:
    for path in store.media.glob("*/*"):
        os.utime(path, (0, 0))  # as if an hour had gone by
    retention.expire(store, 365, told_to=True)
    with store.reading() as session:
        holders = set(session.scalars(select(ConsentRow.prediction_id)))
        rows = {row.sample_id: row for row in session.scalars(select(SampleRow))}
        answers = Counter(session.execute(select(CorrectionRow.sample_id, CorrectionRow.value)).all())
    needed = {name for row in rows.values() for name in (row.image, row.audio) if name}
    there = {path.relative_to(store.media).as_posix() for path in store.media.glob("*/*")}
    present = holders | set(rows)
    lost = [one for one in notes.kept if one not in notes.begun and not {one, notes.kept[one]} <= present]
    unsaid = [pair for pair in notes.corrected.items() if pair not in answers]
    back = [one for one in notes.forgotten if one in holders or rows[notes.kept[one]].has_content]
    return KillCount(
        kills=kills,
        acknowledged=_acknowledged(notes),
        lost=len(lost) + len(unsaid),
        doubled=sum(number - 1 for number in answers.values()),
        came_back=len(back),
        missing_files=len(needed - there),
        stray_files=len(there - needed),
        uploads_left=len(list(uploads.glob(f"{upload_folder.PREFIX}*"))),
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("kills", nargs="?", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    threading.excepthook = lambda _: None  # of clients whose server was killed
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        print(json.dumps(vars(run(args.kills, args.seed, Path(name)))))


if __name__ == "__main__":
    main()
