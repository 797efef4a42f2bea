"""Gather exactly what a Hugging Face Space needs into a folder: `python spaces/gather.py OUT`.

The folder holds the app, its two packages with the shipped weights, the pinned requirements, the licence, the card as
README.md, and which files git must hand to LFS; no tests, no documentation, nothing compiled, nothing of visitors.
For `cpu`, the default, PyTorch comes without CUDA, which is gigabytes. For `zero-gpu` the card names a Python that such
Spaces have, and the app starts from a file that declares the function which they ask for; the answers need no GPU.
"""

import argparse
import re
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
CPU, ZERO_GPU = HARDWARE = ("cpu", "zero-gpu")
TORCH = re.compile(r"^(torch|torchvision|torchaudio)==[\d.]+$", re.M)
CPU_INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu\n"
LFS_BYTES = 10_000_000  # of a file that the Hub takes by git only through LFS
BINARY = {".safetensors", ".webp", ".ogg", ".flac", ".png", ".jpg"}  # the Hub refuses others than text outside of LFS
ZERO_GPU_PYTHON = "3.12.12"
ZERO_GPU_APP = "zero_gpu.py"
_ZERO_GPU = '''"""Start the app on ZeroGPU, which ends a Space that declares no function for a GPU while it starts."""

import sys

import spaces

from app import main


@spaces.GPU
def declared() -> None:
    """Do nothing: the models are small, and answer on the CPU."""


if __name__ == "__main__":
    sys.exit(main())
'''


def gather(out: Path, hardware: str = CPU) -> list[Path]:
    """Copy what a Space needs into `out` and return the files, relative to it. Raises FileExistsError if in use."""
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; name a new folder")
    out.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, out / package, ignore=LEFT_OUT)
    for name, source in FILES.items():
        shutil.copyfile(ROOT / source, out / name)
    _for_cpu(out) if hardware == CPU else _for_zero_gpu(out)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    (out / ".gitattributes").write_text(_attributes(files), "utf-8")
    return sorted(path.relative_to(out) for path in [*files, out / ".gitattributes"])


def _for_cpu(out: Path) -> None:
    path = out / "requirements.txt"
    path.write_text(CPU_INDEX + TORCH.sub(r"\g<0>+cpu", path.read_text("utf-8")), "utf-8")


def _for_zero_gpu(out: Path) -> None:
    path = out / "README.md"
    card = re.sub(r"(?m)^python_version: .*$", f'python_version: "{ZERO_GPU_PYTHON}"', path.read_text("utf-8"), count=1)
    path.write_text(re.sub(r"(?m)^app_file: .*$", f"app_file: {ZERO_GPU_APP}", card, count=1), "utf-8")
    (out / ZERO_GPU_APP).write_text(_ZERO_GPU, "utf-8")


def _attributes(files: list[Path]) -> str:
    """Return .gitattributes for what git may not keep itself: binary files by their ending, large ones by name too."""
    endings = {path.suffix for path in files if path.suffix in BINARY}
    large = {path.name for path in files if path.stat().st_size > LFS_BYTES and path.suffix not in endings}
    patterns = [*sorted(f"*{ending}" for ending in endings), *sorted(large)]
    return "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns)


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="spaces/gather.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder")
    parser.add_argument("--hardware", choices=HARDWARE, default=CPU, help="of the Space (default: %(default)s)")
    args = parser.parse_args(arguments)
    try:
        files = gather(args.out, args.hardware)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    size = sum((args.out / path).stat().st_size for path in files)
    print(f"{len(files)} files, {size / 2**20:.1f} MiB, in {args.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
