"""What takes minutes to install is begun with the first test, and ready when its own test comes."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmdemo.settings import ROOT


@pytest.fixture(scope="session")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gathered folder of the Space."""
    folder = tmp_path_factory.mktemp("hub") / "space"
    # Its requirements are those of PyPI; those of a Space without a GPU come from an index that may be out of reach.
    subprocess.run([sys.executable, ROOT / "spaces" / "gather.py", folder, "--hardware", "zero-gpu"], check=True)
    return folder


@pytest.fixture(scope="session")
def fresh(space: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Path]]:
    """Waits for the Python of a fresh environment of the Space's requirements; it takes GB, so it goes in the end."""
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.mktemp("environment")) as name:
        python = Path(name) / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", name], check=True)
        quiet = ["--quiet", "--no-compile", "--disable-pip-version-check", "--no-input"]
        install = ["nice", python, "-m", "pip", "install", *quiet, "-r", space / "requirements.txt"]
        with subprocess.Popen(install) as running:

            def ready() -> Path:
                assert running.wait() == 0
                return python

            yield ready
            running.terminate()


@pytest.fixture(scope="session", autouse=True)
def _begin(request: pytest.FixtureRequest) -> None:
    if any("fresh" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("fresh")
