"""The files that start the night work as they are: only the folder of the clone is another one here."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_tree import ROOT

NIGHT = ROOT / "examples" / "night"
CLONE, USER = "/opt/mmdemo", "mmdemo"
TIME = re.compile(r"(\S+) (\S+) (\S+) (\S+) (\S+)\s+(\S.*)")  # minute, hour, day, month, weekday, command


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like the clone, with this Python in the place of its environment's."""
    folder = tmp_path / "clone"
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    for name in ("annotations", "mmdemo"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this machine has no systemd")
def test_systemd_takes_the_units(tmp_path: Path, clone: Path) -> None:
    for name in ("mmdemo-retrain.service", "mmdemo-retrain.timer"):
        (tmp_path / name).write_text((NIGHT / name).read_text().replace(CLONE, str(clone)))
    timer = tmp_path / "mmdemo-retrain.timer"
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(timer)], capture_output=True, text=True, timeout=60
    )
    assert verified.returncode == 0 and "mmdemo" not in verified.stderr, verified.stderr
    [moment] = re.findall(r"OnCalendar=(.*)", timer.read_text())
    subprocess.run(["systemd-analyze", "calendar", moment], check=True, capture_output=True, timeout=60)


def test_the_unit_runs_what_the_clone_has_and_names_no_other_user() -> None:
    unit = (NIGHT / "mmdemo-retrain.service").read_text()
    assert f"ExecStart={CLONE}/.venv/bin/python -m annotations retrain --json" in unit
    assert f"User={USER}" in unit and f"WorkingDirectory={CLONE}" in unit
    assert "SuccessExitStatus=75" in unit  # another run that holds the lock is no failure


@pytest.mark.slow
def test_the_cron_line_runs_by_sh_and_writes_the_verdicts(clone: Path) -> None:
    [line] = [one for one in (NIGHT / "mmdemo.cron").read_text().splitlines() if not one.startswith("#")]
    match = TIME.fullmatch(line)
    assert match and match.groups()[:5] == ("0", "3", "*", "*", "*")
    assert " nice -n 10 " in match[6]
    command = match[6].replace(CLONE, str(clone)).replace("nice -n 10", "nice -n 0")  # a test waits for it
    assert "%" not in command  # which cron would take for a line end
    environment = {"HOME": str(clone), "PATH": "/usr/bin:/bin", "MMDEMO_HOME": str(clone / "data")}
    environment |= {name: os.environ[name] for name in ("TMPDIR",) if name in os.environ}
    subprocess.run(["/bin/sh", "-c", command], check=True, env=environment, timeout=300)
    verdicts = json.loads((clone / "data" / "logs" / "night.jsonl").read_text())
    assert {run["verdict"] for run in verdicts} == {"nothing_new"}
    assert {run["task"] for run in verdicts} >= {"sentiment", "speech_emotion", "spoken_digits"}
