"""What the tour starts from: a home folder of its own, the drawn task, and a weak first model that is served."""

import os
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

from annotations.tour import drawings
from annotations.tour.drawings import FILLED, OUTLINE, Drawing
from mmdemo.settings import ROOT, Settings
from mmdemo.versions.registry import Versions

TASK = "shapes"
TASK_FILE = Path(__file__).parent / f"{TASK}.toml"
LEARNED, CHECKED = 90, 30  # filled shapes that the first model is trained on, and measured on
EXAMPLES = 6  # to click in the page, half of each look
SEEDS = {"learned": 1, "checked": 2, "examples": 3, "sent": 4, "fresh": 5}  # no two sheets show the same drawing


@dataclass(frozen=True)
class Start:
    """Where the tour takes place."""

    home: Path
    environment: dict[str, str]  # for the app and the commands that meet it in this home
    version: str  # the first model
    task_file: Path

    def command(self, *words: str | Path) -> list[str]:
        """Return a command line of this Python."""
        return [sys.executable, *map(str, words)]

    def run(self, *words: str | Path) -> str:
        """Run a command line of this Python and return its standard output. Raises CalledProcessError."""
        return subprocess.run(
            self.command(*words),
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout


def prepare(home: Path) -> Start:
    """Make the home folder with the task and its first version. Raises CalledProcessError where training fails."""
    folder = home / "tasks"
    task = write_task(folder)
    train = drawings.write(home / "drawings" / "learned", sheet("learned", LEARNED, FILLED))
    dev = drawings.write(home / "drawings" / "checked", sheet("checked", CHECKED, FILLED))
    versions = Versions(Settings(home=home))
    start = Start(home, environment(home, folder), versions.new_name(TASK), task)
    out = versions.folder(TASK, start.version)
    start.run("-m", "mmdemo", "train", "--task", task, "--train", train, "--dev", dev, "--out", out)
    versions.promote(TASK, start.version)
    return start


def sheet(name: str, number: int, look: str) -> list[Drawing]:
    """Return one of the tour's sheets of drawings: the same ones every time."""
    return drawings.drawings(look, number, SEEDS[name])


def write_task(folder: Path) -> Path:
    """Write the task's file, and examples to click beside it; return the file."""
    examples = [*sheet("examples", EXAMPLES // 2, FILLED), *sheet("examples", EXAMPLES // 2, OUTLINE)]
    drawings.write(folder / "examples", examples)
    entries = [
        f'\n[[examples]]\nimage = "examples/{drawing.name}.png"\nexpected = "{drawing.shape}"\n'
        f'credit = "drawn by this program"\ndoubtful = {str(drawing.name.startswith(OUTLINE)).lower()}\n'
        for drawing in examples
    ]
    path = folder / TASK_FILE.name
    path.write_text(TASK_FILE.read_text("utf-8") + "".join(entries), "utf-8")
    return path


def environment(home: Path, task_dir: Path) -> dict[str, str]:
    """Return this process's environment with the tour's settings alone: blank ones hide a `.env` too."""
    blank = {field.metadata["variable"]: "" for field in fields(Settings)}
    own = {"MMDEMO_HOME": str(home), "MMDEMO_TASK_DIR": str(task_dir)}
    return {"OMP_NUM_THREADS": "1", **os.environ, **blank, **own}  # drawings this small gain nothing from more threads
