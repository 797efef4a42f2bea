"""Kill a retraining run at random moments again and again, and look what serves and what is left behind:

python -m benchmarks.night_kills [KILLS] [--seed SEED] [--keep FILE] [--seconds SECONDS]

The task is a small one that a run learns in seconds, in a home of its own; each run trains, compares and serves. A
whole run is watched first: how long each of its stages takes, by the rows and folders that appear. Then the stages take
turns, and a run is killed (SIGKILL) at a moment drawn from the one whose turn it is; counted is the one in which it
died. The home is tidied as the app does when it starts, and its champion answers. A run that comes to its end before
that is counted, and the home begins anew. What each kill gave goes to --keep as it is counted, a line each; what stands
there is not done again.
"""

import argparse
import json
import math
import multiprocessing
import os
import random
import shutil
import tempfile
import time
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
from mmdemo.process import logs
from mmdemo.settings import Settings
from mmdemo.values.samples import Sample
from mmdemo.versions.registry import Versions
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations.nights import answer

SERVER = multiprocessing.get_context("forkserver")  # whose children begin with all modules loaded
SERVER.set_forkserver_preload([__name__])
WHOLE = "not killed"
# Until there is a row that names a challenger; until there is its folder; until its verdict; until the run says that it
# is done; until its process ends
STAGES = ("at its beginning", "while it trained", "while it judged", "with a verdict", "in its aftermath")
LOOK_S = 0.002  # between two looks at how far a run is


@dataclass(frozen=True)
class KillOutcome:
    """What one kill left."""

    moment: str  # one of STAGES, or WHOLE: how far the run had come
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


class Stages:
    """How far runs of a home are."""

    def __init__(self, config: Settings, task_file: Path) -> None:
        self._task, self._store = tasks.load_file(task_file).name, open_store(config)
        self._versions, self._before = config.versions / self._task, self._last_id()

    def now(self) -> int:
        """Return the place in STAGES of the run that began since."""
        with self._store.reading() as session:
            row = runs.last(session, self._task)
        if row is None or row.id == self._before or not row.challenger:
            return 0
        if row.state == runs.DONE:
            return 4
        return 3 if row.verdict else 1 + (self._versions / row.challenger).is_dir()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def _last_id(self) -> int | None:
        with self._store.reading() as session:
            row = runs.last(session, self._task)
        return row.id if row else None


def lengths(config: Settings, task: Path) -> list[float]:
    """Let a run come to its end, and return the seconds that each of its stages took."""
    process = SERVER.Process(target=train, args=(config.home, task))
    seconds = [0.0] * len(STAGES)
    with closing(Stages(config, task)) as stages:
        process.start()
        last = time.monotonic()
        while process.is_alive():
            time.sleep(LOOK_S)
            seconds[stages.now()] += time.monotonic() - last
            last = time.monotonic()
    assert process.exitcode == 0, "the run that is watched failed"
    return seconds


def kill(config: Settings, task: Path, stage: int, after_s: float) -> KillOutcome:
    """Let a run begin, kill it so many seconds into a stage, and look."""
    process = SERVER.Process(target=train, args=(config.home, task))
    with closing(Stages(config, task)) as stages:
        process.start()
        while process.is_alive() and stages.now() < stage:
            time.sleep(LOOK_S)
        process.join(after_s)
        whole = not process.is_alive()
        process.kill()
        process.join()
        moment = WHOLE if whole else STAGES[stages.now()]
    ours, theirs = SERVER.Pipe()
    looker = SERVER.Process(target=look, args=(config.home, task, theirs))
    looker.start()
    theirs.close()
    outcome = KillOutcome(moment, *ours.recv())
    looker.join()
    return outcome


def run(kills: int, seed: int, folder: Path, keep: Path | None = None, until: float = math.inf) -> list[KillOutcome]:
    """Kill so many runs over homes in `folder`, and return what each left; none begins after `until` (monotonic)."""
    lines = keep.read_text().splitlines() if keep and keep.is_file() else []
    outcomes = [KillOutcome(**json.loads(line)) for line in lines]
    chance = random.Random(seed + len(outcomes))
    fresh, task = home(folder / "fresh")
    whole_s = lengths(_copy(fresh, folder / "whole"), task)
    config = _copy(fresh, folder / f"home-{len(outcomes)}")
    for number in range(len(outcomes), kills):
        if time.monotonic() > until:
            logs.say(f"{kills - number} are left: start it again")
            break
        stage = number % len(STAGES)
        outcome = kill(config, task, stage, chance.uniform(0, whole_s[stage]))
        outcomes.append(outcome)
        if keep:
            with keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
        if outcome.champion != "the one before" or outcome.moment == WHOLE:
            shutil.rmtree(config.home)
            config = _copy(fresh, folder / f"home-{number + 1}")
    return outcomes


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
    parser.add_argument("--seconds", type=float, default=500.0, help="after which it stops; with --keep it goes on")
    parser.add_argument("--keep", type=Path, help="JSON lines of what each kill gave: read, and added to")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="night-kills-") as name:
        outcomes = run(args.kills, args.seed, Path(name), args.keep, time.monotonic() + args.seconds)
    print("| killed | kills | champion answers | it is the new one | runs that stayed at work | left behind |")
    print("|---|---|---|---|---|---|")
    for moment in (*STAGES, WHOLE):
        some = [one for one in outcomes if one.moment == moment]
        new = sum(one.champion == "the new one" for one in some)
        sums = [sum(getattr(one, name) for one in some) for name in ("answers", "running", "litter")]
        print(f"| {moment} | {len(some)} | {sums[0]} | {new} | {sums[1]} | {sums[2]} |")


if __name__ == "__main__":
    main()
