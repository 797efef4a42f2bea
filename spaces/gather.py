"""Gather exactly what a Hugging Face Space needs into a folder: `python spaces/gather.py OUT`.

The folder holds the app, its two packages with the shipped weights, the pinned requirements, the licence and the
card as README.md; no tests, no documentation, nothing compiled, nothing that visitors sent.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mmdemo", "annotations")
FILES = {  # name in the Space → name here
    "app.py": "app.py",
    "requirements.txt": "requirements.txt",
    "LICENSE": "LICENSE",
    "README.md": "spaces/README.md",
}
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def gather(out: Path) -> list[Path]:
    """Copy what a Space needs into `out` and return the files, relative to it. Raises FileExistsError if in use."""
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; name a new folder")
    out.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, out / package, ignore=LEFT_OUT)
    for name, source in FILES.items():
        shutil.copyfile(ROOT / source, out / name)
    return sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    try:
        files = gather(Path(arguments[0]))
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    size = sum((Path(arguments[0]) / path).stat().st_size for path in files)
    print(f"{len(files)} files, {size / 2**20:.1f} MiB, in {arguments[0]}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
