"""Make the data of the task `scenes`: drawn pictures, questions about them, and words said by espeak-ng.

python -m examples.scenes.make OUT writes OUT/train.jsonl and OUT/dev.jsonl, OUT/pictures and OUT/words. The same count
and seed make the same samples. Whoever speaks in dev is never heard in train.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from examples import voices
from examples.scenes.drawing import Thing, corners, draw, scene
from examples.scenes.questions import KINDS, SceneQuestion, ask
from examples.voices import Recording, record
from mmdemo.errors import ManifestError, MmdemoError, StorageError
from mmdemo.process import logs

COUNT = 20_000  # samples to learn from
DEV_SHARE = 0.06  # as many to be judged on, in shares of those
PICTURES, WORDS = "pictures", "words"  # folders


@dataclass(frozen=True)
class AskedScene:
    """A question about a picture."""

    id: str
    things: tuple[Thing, ...]
    picture: Image.Image
    question: SceneQuestion
    recording: Recording | None  # of the question's word, where it is said

    @property
    def row(self) -> dict[str, Any]:
        """Its line in the manifest."""
        question, recording = self.question, self.recording
        facts = {**vars(question.thing), "asks": question.asks, "objects": len(self.things)}
        return {
            "id": self.id,
            "image": f"{PICTURES}/{self.id}.png",
            **({"text": question.text} if question.text else {}),
            **({"audio": f"{WORDS}/{recording.file}"} if recording else {}),
            "label": question.answer,
            "group": question.kind,
            "extra": {**facts, **({"speaker": recording.voice} if recording else {}), **corners(self.things)},
        }


def samples(side: str, count: int, seed: int) -> Iterator[AskedScene]:
    """Yield the samples of "train" or "dev", the kinds in turn; nothing is written or said yet."""
    chance = random.Random(f"{side} {seed}")
    for index in range(count):
        things = scene(chance)
        question = ask(KINDS[index % len(KINDS)], things, chance)
        recording = record(question.word, side, chance) if question.word else None
        yield AskedScene(f"{side}-{index:05d}", things, draw(things, chance), question, recording)


def write(out: Path, side: str, count: int, seed: int) -> str:
    """Write OUT/SIDE.jsonl with its pictures and words, and return what was made, as a sentence.

    Raises ManifestError where that is there already, StorageError.
    """
    manifest = out / f"{side}.jsonl"
    if manifest.exists():
        raise ManifestError("out_taken", path=manifest)
    rows = []
    try:
        for folder in (PICTURES, WORDS):
            (out / folder).mkdir(parents=True, exist_ok=True)
        for sample in samples(side, count, seed):
            sample.picture.save(out / PICTURES / f"{sample.id}.png")
            if sample.recording:
                voices.write(out / WORDS, sample.recording)
            rows.append(sample.row)
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    except OSError as error:
        raise StorageError("out_not_writable", path=out, detail=error.strerror) from error
    kinds = ", ".join(f"{number} {kind}" for kind, number in Counter(row["group"] for row in rows).items())
    speakers = {row["audio"]: row["extra"]["speaker"] for row in rows if "audio" in row}
    return f"{manifest}: {count} samples ({kinds}), {len(speakers)} recordings of {len(set(speakers.values()))} voices"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the data and return the exit code."""
    args = _parser().parse_args(arguments)
    counts = {"train": args.count, "dev": max(len(KINDS), round(DEV_SHARE * args.count))}
    try:
        voices.check("examples.scenes.make")
        for side, count in counts.items():
            print(write(args.out, side, count, args.seed), flush=True)
    except MmdemoError as error:
        logs.say(str(error))
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the manifests, pictures and words")
    parser.add_argument("--count", type=int, default=COUNT, help="samples to learn from (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same samples")
    return parser


if __name__ == "__main__":
    sys.exit(main())
