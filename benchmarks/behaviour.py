"""How often versions do what the sentiment task should be able to do, by capability, beside one another.

    python -m benchmarks.behaviour MANIFEST.jsonl VERSION [VERSION …] > benchmarks/behaviour.md

VERSION is a version's name or folder; captions stand beside pictures of MANIFEST. Below the table of templates stand
captions that were written without them: 180 by somebody who had seen neither templates nor model, which nobody looked
at before the model was trained, and thirty from before anything was, with every answer.
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmdemo import settings, tasks
from mmdemo.commands.command import version_folder
from mmdemo.evaluation import behaviour
from mmdemo.prediction.predictor import Predictor
from mmdemo.process.logs import say
from mmdemo.training import manifests
from mmdemo.training.manifests import Row
from mmdemo.values.results import BehaviourRate
from mmdemo.values.samples import Sample

TASK = "sentiment"
HAND, UNSEEN = "by_hand.jsonl", "unseen.jsonl"  # beside the task's templates
SEED = 0  # of the pictures beside unseen captions
PICTURES = 400  # rows of the manifest whose pictures are drawn from


def main() -> None:
    """Print the tables."""
    args = _parser().parse_args()
    config = settings.load()
    task = tasks.get(TASK)
    assert task.behaviour is not None
    rows = manifests.read(args.manifest, task)[:PICTURES]
    hand = manifests.read(task.behaviour / HAND, task)
    predictors = [Predictor(task, version_folder(task, name, config), config) for name in args.version]
    tests = behaviour.instances(task, rows, args.count)
    tables = [behaviour.rates(behaviour.ask(predictor, tests, say), task) for predictor in predictors]
    print(f"# Behaviour of `{TASK}`, by capability\n")
    print("Share of the tests that hold, and of those with a wrong answer that asks nobody. Templates and words of the")
    print("tests are none that a version was trained on.\n")
    print(_rates([predictor.model_version for predictor in predictors], tables))
    unseen = manifests.read(task.behaviour / UNSEEN, task)
    print(f"## {len(unseen)} captions written without a look at templates or model\n")
    print(_unseen(predictors, unseen, [row.sample for row in rows if row.sample.image is not None]))
    print(f"## {len(hand)} captions written by hand, before anything was trained on templates\n")
    print(_by_hand(predictors, hand))


def _rates(versions: Sequence[str], tables: Sequence[dict[str, BehaviourRate]]) -> str:
    head = "| capability | tests |" + "".join(f" {version} holds | wrong and sure |" for version in versions)
    lines = [head, "| --- | --- |" + " --- | --- |" * len(versions)]
    for name, first in tables[0].items():
        cells = "".join(
            f" {rate.rate:.3f} ({rate.interval[0]:.2f}–{rate.interval[1]:.2f}) | {rate.wrong_and_sure:.3f} |"
            for rate in (table[name] for table in tables)
        )
        shown = name.replace("_", " ") + " (reported only)" * first.reported_only
        lines.append(f"| {shown} | {first.n} |{cells}")
    return "\n".join(lines) + "\n"


def _unseen(predictors: Sequence[Predictor], rows: Sequence[Row], pictures: Sequence[Sample]) -> str:
    """Return a table of captions alone and beside pictures drawn at random, by group."""
    lines = ["| captions | version | right | neutral found | wrong and sure |", "| --- | --- | --- | --- | --- |"]
    draw = random.Random(SEED)
    beside = [replace(row, sample=replace(draw.choice(pictures), text=row.sample.text)) for row in rows]
    for group in sorted({row.group for row in rows}):
        for kind, asked in (("alone", rows), ("beside any picture", beside)):
            part = [row for row in asked if row.group == group]
            for predictor in predictors:
                answers = [(row.label, predictor.predict(row.sample)) for row in part]
                neutral = [answer.label == label for label, answer in answers if label == "neutral"]
                wrong = [answer for label, answer in answers if answer.label != label]
                sure = sum(not answer.flagged for answer in wrong)
                lines.append(
                    f"| {group.replace('_', ' ')}, {kind} | {predictor.model_version} | {len(part) - len(wrong)} of "
                    f"{len(part)} | {sum(neutral)} of {len(neutral)} | {sure} ({sure / len(part):.1%}) |"
                )
    return "\n".join(lines) + "\n"


def _by_hand(predictors: Sequence[Predictor], rows: Sequence[Row]) -> str:
    versions = [predictor.model_version for predictor in predictors]
    lines = [
        "| caption | picture | is | " + " | ".join(versions) + " |",
        "| --- | --- | --- |" + " --- |" * len(versions),
    ]
    right = [0] * len(predictors)
    for row in rows:
        answers = [predictor.predict(row.sample) for predictor in predictors]
        right = [count + (answer.label == row.label) for count, answer in zip(right, answers, strict=True)]
        cells = [
            f"{answer.label}{'' if answer.label == row.label else ' ✗'}{' ?' * answer.flagged}" for answer in answers
        ]
        picture = Path(str(row.sample.image)).stem if row.sample.image else ""
        lines.append(f"| {row.sample.text} | {picture} | {row.label} | " + " | ".join(cells) + " |")
    lines.append("| **right** | | | " + " | ".join(f"{count} of {len(rows)}" for count in right) + " |")
    return "\n".join(lines) + "\n\n✗ is wrong, ? asks a person.\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path, help="labelled samples whose pictures the captions stand beside")
    parser.add_argument("version", nargs="+", help="a version's name or folder")
    parser.add_argument("--count", type=int, default=behaviour.COUNT, help="tests of each capability")
    return parser


if __name__ == "__main__":
    main()
