"""Kill a retraining run at random moments again and again, and look what serves and what is left behind:

python -m benchmarks.night_kills [KILLS] [--seed SEED] [--keep FILE]

The task is a small one that a run learns in seconds, in a home of its own; each run trains, compares and serves. It is
killed (SIGKILL) at a moment drawn from the time that a whole run takes. Then the home is tidied as the app does when it
starts, and its champion answers. A run that comes to its end before that is counted, and the home begins anew. What
each kill gave goes to --keep as it is counted, a line each; what stands there is not done again.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

from annotations import retrain
from annotations.nightly import leftovers
from annotations.store import open_store, runs
from mmdemo import tasks
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.values.samples import Sample
from mmdemo.versions.registry import Versions
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations.nights import answer

SERVER = multiprocessing.get_context("forkserver")  # whose children begin with all modules loaded
SERVER.set_forkserver_preload([__name__])
BEFORE, TRAINED, JUDGED, WHOLE = "before a version was there", "with a version", "with a verdict", "not killed"


@dataclass(frozen=True)
class KillOutcome:
    """What one kill left."""

    moment: str  # one of BEFORE, TRAINED, JUDGED, WHOLE: how far the run had come
    answers: bool  # the champion answers
    champion: str  # how it is called: the one before, the new one, or another
    running: int  # runs that say they are at work though nobody is
    litter: int  # folders and files of versions that nobody serves or judged


def home(folder: Path) -> tuple[Settings, Path]:
    """Make a home with enough corrections to train on; return its settings and the file of its task."""
    (folder / "tasks").mkdir(parents=True)
    path = folder / "tasks" / "sides.toml"
    path.write_text(tiny_training.TASK + "[gate]\nminimum = 6\nheld_out_share = 0.3\n")
    task = tasks.load_file(path)
    config = tiny_training.home(folder, task)
    answer(config, task, tiny_training.drawn(folder / "pictures"))
    return config, path


def train(home_folder: Path, task: Path) -> None:
    """Train in a process of its own."""
    os.environ["OMP_NUM_THREADS"] = "1"
    retrain.retrain(Settings(home=home_folder), tasks.load_file(task))


def look(home_folder: Path, task_file: Path, pipe: Connection) -> None:
    """Tidy a home as the app does, and say what there is; in a process of its own."""
    config, task = Settings(home=home_folder), tasks.load_file(task_file)
    versions = config.versions / task.name
    for path in versions.iterdir():
        os.utime(path, (0, 0))  # as if an hour had gone by
    with closing(open_store(config)) as store:
        leftovers.tidy(store, config, task.name)
        with store.reading() as session:
            last = runs.last(session, task.name)
            running = len(runs.unfinished(session, task.name))
    champion = Versions(config).champion(task.name)
    picture = np.zeros((tiny_training.SIDE_PX, tiny_training.SIDE_PX, 3), np.uint8)
    said = Predictor(task, None, config).predict(Sample(image=Image.fromarray(picture)))
    known = {FIRST, "champion", "champion.copy", "history", "withdrawn"}
    judged = {last.challenger} if last is not None and last.state == runs.DONE else set()
    left = [path.name for path in versions.iterdir() if path.name not in known | judged]
    called = {FIRST: "the one before", last.challenger if last else "": "the new one"}.get(champion, champion)
    pipe.send((said.model_version == champion, called, running, len(left)))


def kill(config: Settings, task: Path, after_s: float) -> KillOutcome:
    """Let a run begin, kill it after so many seconds, and look."""
    process = SERVER.Process(target=train, args=(config.home, task))
    process.start()
    process.join(after_s)
    whole = not process.is_alive()
    process.kill()
    process.join()
    moment = WHOLE if whole else _moment(config, task)
    ours, theirs = SERVER.Pipe()
    looker = SERVER.Process(target=look, args=(config.home, task, theirs))
    looker.start()
    theirs.close()
    outcome = KillOutcome(moment, *ours.recv())
    looker.join()
    return outcome


def _moment(config: Settings, task_file: Path) -> str:
    task = tasks.load_file(task_file)
    with closing(open_store(config)) as store, store.reading() as session:
        row = runs.last(session, task.name)
    if row is not None and row.verdict:
        return JUDGED
    is_trained = row is not None and row.challenger and (config.versions / task.name / row.challenger).is_dir()
    return TRAINED if is_trained else BEFORE


def run(kills: int, seed: int, folder: Path, keep: Path | None = None) -> list[KillOutcome]:
    """Kill so many runs over homes in `folder`, and return what each left."""
    kept = (
        [KillOutcome(**json.loads(line)) for line in keep.read_text().splitlines()] if keep and keep.is_file() else []
    )
    chance = random.Random(seed + len(kept))
    fresh, task = home(folder / "fresh")
    whole = SERVER.Process(target=train, args=(_copy(fresh, folder / "whole").home, task))
    start = time.monotonic()
    whole.start()
    whole.join()
    whole_s = time.monotonic() - start
    config = _copy(fresh, folder / f"home-{len(kept)}")
    for number in range(len(kept), kills):
        outcome = kill(config, task, chance.uniform(0, whole_s))
        kept.append(outcome)
        if keep:
            with keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
        if outcome.champion != "the one before" or outcome.moment == WHOLE:
            shutil.rmtree(config.home)
            config = _copy(fresh, folder / f"home-{number + 1}")
    return kept


def _copy(config: Settings, home_folder: Path) -> Settings:
    shutil.copytree(config.home, home_folder)
    return Settings(home=home_folder)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark, and print its table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.night_kills", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("kills", nargs="?", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="JSON lines of what each kill gave: read, and added to")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="night-kills-") as name:
        outcomes = run(args.kills, args.seed, Path(name), args.keep)
    print("| killed | kills | champion answers | it is the new one | runs that stayed at work | left behind |")
    print("|---|---|---|---|---|---|")
    for moment in Counter(one.moment for one in outcomes):
        some = [one for one in outcomes if one.moment == moment]
        new = sum(one.champion == "the new one" for one in some)
        sums = [sum(getattr(one, name) for one in some) for name in ("answers", "running", "litter")]
        print(f"| {moment} | {len(some)} | {sums[0]} | {new} | {sums[1]} | {sums[2]} |")


if __name__ == "__main__":
    main()
