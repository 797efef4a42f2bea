"""Does doubt hold where data are few? Twenty draws of a task of sixty pictures: its own kind, and unrelated pictures.

python -m benchmarks.out_of_distribution > benchmarks/out_of_distribution.md

--way names one beginning instead of both: encoders from scratch, or the shipped sentiment version's, frozen. --photos
MANIFEST adds a hundred photographs to what is unrelated. What is counted is what the page calls only a guess.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import drawn_weather
from mmdemo import tasks
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import ROOT, Settings
from mmdemo.training import manifests, run
from mmdemo.training.data import Manifests
from mmdemo.training.jobs import TrainingJob
from mmdemo.training.manifests import splits
from mmdemo.training.options import options
from mmdemo.values.samples import Sample
from mmdemo.versions import sidecar

SAMPLES = 60  # of the task, dev among them
DEV_SHARE = 0.17
FRESH = 60  # drawn on top: dev of ten samples tells little
EACH = 10  # unrelated pictures of each kind
PHOTOS = 100  # of the manifest that is named
_TASK = """
name = "weather"
kind = "classification"
modalities = ["image", "text"]
languages = ["en"]
threshold = 0.6
labels = ["night", "rain", "sun"]
title = { en = "Weather" }

[fusion]
type = "transformer"
layers = 2
dim = 128
heads = 4

[encoders]
"""
# How a builder may begin → encoders and training of the task file: with small encoders that know nothing, or with those
# of the shipped sentiment version, which stay as they are.
WAYS = {
    "scratch": """
image = { type = "small_cnn", size = 64 }
text = { type = "textcnn" }
""",
    "shipped": f"""
image = {{ type = "auto", start = "{ROOT}/mmdemo/checkpoints/sentiment" }}
text = {{ type = "auto", start = "{ROOT}/mmdemo/checkpoints/sentiment" }}
[training]
tuning = "frozen"
copies = 4
epochs = 30
""",
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--way", choices=WAYS, action="append", help="how the task begins (default: both)")
    parser.add_argument("--photos", type=Path, help="manifest with photographs")
    args = parser.parse_args()
    print("# Doubt where data are few\n")
    print(
        f"{args.draws} draws of a task of {SAMPLES} drawn pictures with captions, three labels, split by "
        f"`mmdemo split --share {DEV_SHARE}` and trained by `mmdemo train`. Share of answers that are only a guess; "
        "mean over the draws, the worst draw in brackets.\n"
    )
    draws = {way: list(_draws(way, args.draws, args.photos)) for way in args.way or WAYS}
    print(f"| what | {' | '.join(f'`{way}`' for way in draws)} |\n|---{'|---' * len(draws)}|")
    names = list(dict.fromkeys(name for each in draws.values() for draw in each for name in draw))
    for name in names:
        print(f"| {name} | {' | '.join(_told(name, [draw[name] for draw in draws[way]]) for way in draws)} |")


def _told(name: str, shares: Sequence[float]) -> str:
    """Return mean and worst of a row: of its own kind the most, of others the least."""
    worst = min(shares) if name.startswith(("unrelated", "accuracy")) else max(shares)
    return f"{np.mean(shares):.3f} ({worst:.2f})"


def _draws(way: str, number: int, photos: Path | None) -> Iterator[dict[str, float]]:
    for seed in range(number):
        with tempfile.TemporaryDirectory() as folder:
            yield _draw(way, seed, Path(folder), photos)
        print(f"{way}: draw {seed + 1} of {number} done", file=sys.stderr)


def _draw(way: str, seed: int, folder: Path, photos: Path | None) -> dict[str, float]:
    """Draw the task once, train it, and ask it about its own kind and about others."""
    (folder / "weather.toml").write_text(_TASK + WAYS[way], "utf-8")
    task = tasks.load_file(folder / "weather.toml")
    splits.split(drawn_weather.write(folder / "data", SAMPLES, seed), folder / "parts", DEV_SHARE, "speaker", task)
    train, dev = (folder / "parts" / name for name in splits.SIDES)
    job = TrainingJob.of(task, options(task, seed=seed))
    version = run.train(job, Manifests(train, dev), folder / "version")
    predictor = Predictor(task, version, Settings(home=folder))
    fresh = drawn_weather.write(folder / "fresh", FRESH, seed + 1_000)
    own = {"samples that it learned from": train, "dev": dev, "as many more of its kind": fresh}
    by_name = {name: [row.sample for row in manifests.read(path, task)] for name, path in own.items()}
    unrelated = _unrelated(random.Random(seed), photos)
    shares = {name: _guessed(predictor, samples) for name, samples in by_name.items()}
    others = {f"unrelated: {name}": _guessed(predictor, samples) for name, samples in unrelated.items()}
    mean = {"unrelated pictures, mean of the kinds": float(np.mean(list(others.values())))}
    return {"accuracy on dev": sidecar.read(version).figures["accuracy"], **shares, **mean, **others}


def _unrelated(chance: random.Random, photos: Path | None) -> dict[str, list[Sample]]:
    """Return unrelated pictures by kind, each alone."""
    drawn = {kind: [Sample(image=draw(chance)) for _ in range(EACH)] for kind, draw in drawn_weather.UNRELATED.items()}
    shipped = sorted((ROOT / "mmdemo" / "tasks" / "examples").glob("*.webp"))
    drawn["photographs of the examples"] = [Sample(image=path) for path in shipped]
    if photos:
        rows = [row for row in manifests.read(photos, None) if row.sample.image is not None]
        drawn["photographs of the manifest"] = [
            Sample(image=row.sample.image) for row in chance.sample(rows, min(PHOTOS, len(rows)))
        ]
    return drawn


def _guessed(predictor: Predictor, samples: Sequence[Sample]) -> float:
    return float(np.mean([predictor.predict(sample).capped for sample in samples]))


if __name__ == "__main__":
    main()
