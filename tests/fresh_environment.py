"""An environment that holds what pip chooses today for a list of requirements, and nothing else.

What is installed here at the chosen version is linked, file by file; pip installs the rest. Gigabytes are not unpacked
twice, and what they are compiled to is shared.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import cache_from_source
from pathlib import Path

PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


@contextmanager
def of(requirements: Path) -> Iterator[Path]:
    """Yield its Python. Raises CalledProcessError where pip finds no versions that go together."""
    with tempfile.TemporaryDirectory(dir=sys.prefix) as name:  # where links to what is installed can be made
        python = Path(name) / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", name], check=True)
        # The newest, as builders of Spaces do it; those that come with Python fetch gigabytes before they choose.
        subprocess.run([sys.executable, *PIP, "--python", python, "install", "--no-compile", "pip"], check=True)
        packages = Path(_said(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        lacking = [chosen for chosen in _chosen(python, requirements) if not _link(chosen, packages)]
        if lacking:
            words = ["install", "--no-compile", "--no-deps", *map("==".join, lacking)]
            subprocess.run([python, *PIP, *words], check=True)
        yield python


def _chosen(python: Path, requirements: Path) -> list[tuple[str, str]]:
    """Return name and version of every package that pip would install."""
    said = _said(python, *PIP, "install", "--dry-run", "--report", "-", "-r", requirements)
    candidates = (package["metadata"] for package in json.loads(said)["install"])
    return [(metadata["name"], metadata["version"]) for metadata in candidates]


def _link(chosen: tuple[str, str], packages: Path) -> bool:
    """Link a package into a folder of packages, and return whether it is installed here at this version."""
    name, version = chosen
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return False
    if package.version != version:
        return False
    for path in _files(package):
        target = packages / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(package.locate_file(path), target)
    return True


def _files(package: Distribution) -> Iterator[Path]:
    """Yield what is imported, relative to the folder of packages: modules, what they are compiled to, and data."""
    listed = {Path(path) for path in package.files or () if ".." not in path.parts}  # the others are programs
    compiled = {Path(cache_from_source(str(path))) for path in listed if path.suffix == ".py"}
    yield from (path for path in listed | compiled if os.path.exists(package.locate_file(path)))


def _said(*words: str | Path) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
