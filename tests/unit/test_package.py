"""`pip install .` brings all that the packages need, and outside of a clone they keep their things with the user's."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from mmdemo.settings import ROOT
from tests import source_tree

PACKAGES = ("mmdemo", "annotations")
NEEDED = 77  # the release of setuptools that pyproject.toml asks for
SAYS = """
from mmdemo import settings
from mmdemo.versions import sidecar
chosen = settings.load()
print(settings.Settings().home, chosen.retention_days, repr(sidecar.code_revision()), sep="\\n")
"""


def setuptools_release() -> int:
    try:
        return int(version("setuptools").split(".")[0])
    except PackageNotFoundError:
        return 0


@pytest.mark.slow
@pytest.mark.skipif(
    setuptools_release() < NEEDED, reason=f"setuptools {NEEDED} or newer is not installed: see requirements-dev.txt"
)
def test_the_wheel_holds_every_file_of_both_packages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for path in source_tree.tracked():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, source / path)
    (source / "mmdemo" / "__pycache__").mkdir()
    (source / "mmdemo" / "__pycache__" / "settings.cpython-311.pyc").touch()
    build = ("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path), str(source))
    done = subprocess.run([sys.executable, "-m", "pip", *build], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = {path.as_posix() for path in source_tree.tracked() if path.parts[0] in PACKAGES}
    assert {name for name in names if ".dist-info/" not in name} == tracked
    about = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("/METADATA"))).decode()
    required = [line.removeprefix("Requires-Dist: ") for line in about.splitlines() if line.startswith("Requires-Dist")]
    assert required == [line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line]


def test_outside_of_a_clone_home_and_env_file_are_the_users(command: Callable, tmp_path: Path) -> None:
    installed, user = tmp_path / "project" / "site-packages", tmp_path / "user"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, installed / package, ignore=shutil.ignore_patterns("checkpoints", "*.pyc"))
    for words in (
        ["init"],
        ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "--allow-empty", "--message=theirs"],
    ):
        subprocess.run(["git", "-C", tmp_path / "project", *words, "--quiet"], check=True)  # around it, and not ours
    (user / "mmdemo").mkdir(parents=True)
    (user / "mmdemo" / ".env").write_text("MMDEMO_RETENTION_DAYS=7\n")
    script = tmp_path / "says.py"
    script.write_text(
        f"import os\nos.environ.pop('MMDEMO_RETENTION_DAYS')\n{SAYS}"
    )  # the blank one would hide the file's
    done = command(script, folder=tmp_path, PYTHONPATH=str(installed), XDG_DATA_HOME=str(user))
    assert done.stdout.splitlines() == [str(user / "mmdemo" / "data"), "7", "''"], done.stderr
