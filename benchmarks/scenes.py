"""What a version of the example task `scenes` answers to each kind of question, and what each modality is worth to it.

python -m benchmarks.scenes VERSION DEV > benchmarks/scenes.md

docs/model-builder.md says how DEV is made and VERSION trained.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from examples.scenes.questions import NEEDS
from mmdemo import tasks
from mmdemo.evaluation import evaluate
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import ROOT, Settings
from mmdemo.training import manifests
from mmdemo.values.results import EvaluationResult, SliceMetrics
from mmdemo.versions import sidecar

TASK = ROOT / "examples" / "scenes" / "scenes.toml"
SHOWN = {"image": "picture", "text": "text", "audio": "sound"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", type=Path, help="folder of the version")
    parser.add_argument("dev", type=Path, help="manifest that it was not trained on")
    args = parser.parse_args()
    task, about = tasks.load_file(TASK), sidecar.read(args.version)
    predictor = Predictor(task, args.version, Settings(home=Path("nowhere")))
    result = evaluate(predictor, manifests.read(args.dev, task), lambda text: print(text, file=sys.stderr))
    size, trained_on = about.dims["parameters"], about.samples
    print(
        "# Questions about drawn scenes\n\n"
        f"{size:,} parameters, {trained_on:,} samples to learn from, by this command:\n"
    )
    print(f"    {about.command}\n")
    print(
        f"{result.n} samples of dev with voices that training never heard, {result.refused} refused; 95 % intervals.\n"
    )
    print("\n".join(table(result)))


def table(result: EvaluationResult) -> Iterator[str]:
    """Yield the rows: accuracy of each kind of question with all that it needs, and without each of those."""
    yield f"| kind | n | all it needs | {' | '.join(f'without {name}' for name in SHOWN.values())} |"
    yield "|---" * (3 + len(SHOWN)) + "|"
    for kind, needs in NEEDS.items():
        whole = _given(result, kind, needs)
        less = [_lost(result, kind, needs, name) if name in needs else "has none" for name in SHOWN]
        yield f"| {kind} | {whole.n} | {_told(whole)} | {' | '.join(less)} |"


def _lost(result: EvaluationResult, kind: str, needs: tuple[str, ...], without: str) -> str:
    whole = _given(result, kind, needs)
    part = _given(result, kind, tuple(name for name in needs if name != without))
    return f"{_told(part)}, {100 * (part.accuracy - whole.accuracy):+.0f} points".replace("-", "−")


def _given(result: EvaluationResult, kind: str, modalities: tuple[str, ...]) -> SliceMetrics:
    return result.by_modalities["+".join(modalities)].by_group[kind]


def _told(part: SliceMetrics) -> str:
    low, high = part.intervals["accuracy"]
    return f"{part.accuracy:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
