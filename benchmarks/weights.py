"""What the shipped weights take, and what nights add: with layers that several versions carry once, and without.

python -m benchmarks.weights [--nights 10] > benchmarks/weights.md

A night is not trained here: all that is no encoder's moves by noise, as it would by learning, and is written as a
night writes it. Encoders stay as they were, as they do unless a task's recipe says otherwise.
"""

import argparse
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from mmdemo import tasks
from mmdemo.checks import out_of_distribution
from mmdemo.model import Loaded, MultimodalModel, packing
from mmdemo.training.version_folder import write_folder
from mmdemo.versions import card, shared_layers, sidecar
from mmdemo.versions.registry import SHIPPED

MOST = 56 * 2**20  # bytes of all shipped weights


@dataclass(frozen=True)
class Weight:
    """Bytes of the files of weights of one shipped version."""

    whole: int  # of the model, all in one file
    own: int
    layers: dict[str, int]  # digest → bytes
    beside: int  # what it remembers, and what is familiar to it


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=10)
    nights = parser.parse_args().nights
    folders = [path.parent for path in sorted(SHIPPED.glob(f"*/{sidecar.FILE}"))]
    weights = {folder.name: _weight(folder) for folder in folders}
    print("\n".join(_shipped(weights)))
    print(f"\nVersions that {nights} nights leave in a home, encoders as they were, all files:\n")
    print(f"| task | MB, each in one file | MB, layers once | MB a night from the second on |\n|---|{'---|' * 3}")
    for folder in folders:
        alone, shared, further = _after(folder, nights)
        print(f"| {folder.name} | {alone / 1e6:.1f} | {shared / 1e6:.1f} | {further / 1e6:.2f} |")


def _weight(folder: Path) -> Weight:
    with tempfile.TemporaryDirectory() as name:
        packing.save(packing.read(folder), Path(name))
        whole = (Path(name) / packing.FILE).stat().st_size
    own = (folder / packing.FILE).stat().st_size
    names = shared_layers.digests(folder).values()
    layers = {d: (SHIPPED / shared_layers.FOLDER / f"{d}.safetensors").stat().st_size for d in names}
    beside = sum(path.stat().st_size for path in folder.glob("*.safetensors")) - own
    return Weight(whole, own, layers, beside)


def _shipped(weights: dict[str, Weight]) -> list[str]:
    lines = [
        "| task | model in one file | its own file | layers in `shared` | others have these too | memory, distances |",
        "|---|---|---|---|---|---|",
    ]
    for name, of_one in weights.items():
        others = {digest for other, each in weights.items() if other != name for digest in each.layers}
        common = sum(size for digest, size in of_one.layers.items() if digest in others)
        numbers = (of_one.whole, of_one.own, sum(of_one.layers.values()), common, of_one.beside)
        lines.append(f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |")
    apart = sum(each.whole + each.beside for each in weights.values())
    total = sum(path.stat().st_size for path in SHIPPED.rglob("*.safetensors"))
    lines.append(f"\nAll: {total:,} bytes, {apart - total:,} fewer than with each model in one file; ")
    lines[-1] += f"of 56 MiB = {MOST:,} {MOST - total:,} are free."
    return lines


def _after(folder: Path, nights: int) -> tuple[int, int, int]:
    """Return the bytes of what nights leave: in one file each, with layers once, and of these those of the last."""
    task, about = tasks.get(folder.name), sidecar.read(folder)
    loaded, kept = MultimodalModel.load(folder), packing.read(folder)
    stats = out_of_distribution.load(folder)
    with tempfile.TemporaryDirectory() as name:
        sizes = []
        for kind in ("alone", "shared"):
            root = Path(name) / kind
            store = root / shared_layers.FOLDER if kind == "shared" else None
            for night in range(nights):
                before = _size(root)
                packed, out = _learned(loaded, kept, night), root / task.name / f"n{night:03d}"
                write_folder(loaded, packed, stats, about, out, partial(card.write, task=task), store)
            sizes.append(_size(root))
        return sizes[0], sizes[1], sizes[1] - before


def _learned(loaded: Loaded, kept: dict[str, Tensor], night: int) -> dict[str, Tensor]:
    """Return the weights as a night packs them: encoders as they lay in the base's file, the rest in 16 bits."""
    draw = torch.Generator().manual_seed(night)
    rest = {
        name: value + 1e-3 * torch.randn(value.shape, generator=draw) if value.is_floating_point() else value
        for name, value in loaded.model.state_dict().items()
        if not name.startswith(packing.ENCODERS)
    }
    encoders = {name: value for name, value in kept.items() if name.startswith(packing.ENCODERS)}
    return {**encoders, **packing.pack(rest, 16)}


def _size(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
