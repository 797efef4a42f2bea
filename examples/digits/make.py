"""More voices for the task `spoken_digits`: every digit said by espeak-ng, in 192 voices, beside those of a manifest.

Half of them speak English; the others speak it as learners do, with the sounds of their own language.

python -m examples.digits.make OUT --beside DATA/train.jsonl writes OUT/train.jsonl, with the samples of that manifest
and the new ones, and OUT/words. The same number of takes makes the same samples.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from examples import voices
from examples.voices import ACCENTS, SPEAKERS, Recording
from mmdemo import tasks
from mmdemo.errors import ManifestError, MmdemoError, StorageError
from mmdemo.training import manifests, splits

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# The digits as a reader of another language would have to write them to sound English: a voice of that language then
# says them with its accent.
LEARNERS = {
    "de": "siero uann tu srie foor faif sicks sewen eit nain",
    "el": "ζίροου ουάν του θρί φορ φάιβ σιξ σέβεν έιτ νάιν",
    "es": "zirou uan tu zri for faiv six séven eit nain",
    "fr": "ziro ouane tou sri fôre faïve siksse sévène éïte naïne",
    "hi": "ज़ीरो वन टू थ्री फ़ोर फ़ाइव सिक्स सेवन एट नाइन",
    "it": "zirou uan tu tri for faiv sics sèven eit nain",
    "nl": "zierow wan toe srie foor faaif siks seven eet naain",
    "pl": "ziroł łan tu fri for fajw siks sewen ejt najn",
    "pt": "zirou uan tu tri for faivi siks séven eiti naini",
    "ru": "зироу уан ту сри фор файв сикс сэвэн эйт найн",
    "sv": "siråo wann to tri fåår fajv sicks seven ejt najn",
    "tr": "ziro van tu tri for fayv siks sevın eyt nayn",
}
EVERY = 3  # speaker of espeak-ng says them with each accent of a learner
WORDS = "words"  # folder
GROUP = "espeak"  # where the new samples come from


def recordings(takes: int) -> list[Recording]:
    """Return so many takes of every digit in every voice; nothing is said yet."""
    speakers = [speaker for side in SPEAKERS.values() for speaker in side]
    native = [(f"{accent}+{speaker}", "") for accent in ACCENTS for speaker in speakers]
    learned = [(f"{language}+{speaker}", LEARNERS[language]) for language in LEARNERS for speaker in speakers[::EVERY]]
    return [
        Recording(word, voice, take, spelled)
        for take, (voice, spellings) in itertools.product(range(takes), [*native, *learned])
        for word, spelled in itertools.zip_longest(DIGITS, spellings.split(), fillvalue="")
    ]


def write(out: Path, beside: Path, takes: int) -> str:
    """Write OUT/train.jsonl and the words, and return what was made, as a sentence.

    Raises ManifestError where that is there already or the other manifest is at fault, StorageError.
    """
    manifest = out / "train.jsonl"
    if manifest.exists():
        raise ManifestError("out_taken", path=manifest)
    known = [splits.moved(row.raw, beside.parent, out) for row in manifests.read(beside, tasks.get("spoken_digits"))]
    new = recordings(takes)
    try:
        (out / WORDS).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor() as pool:  # espeak-ng is a process of its own
            list(pool.map(lambda recording: voices.write(out / WORDS, recording), new))
        rows = [*known, *map(_row, new)]
        manifest.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    except OSError as error:
        raise StorageError("out_not_writable", path=out, detail=error.strerror) from error
    spoken = len({recording.voice for recording in new})
    return f"{manifest}: {len(known)} samples of {beside}, {len(new)} recordings of {spoken} voices"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the data and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        voices.check("examples.digits.make")
        print(write(given.out, given.beside, given.takes))
    except MmdemoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _row(recording: Recording) -> dict[str, Any]:
    return {
        "id": f"{GROUP}-{Path(recording.file).stem}",
        "audio": f"{WORDS}/{recording.file}",
        "label": str(DIGITS.index(recording.word)),
        "group": GROUP,
        "extra": {"speaker": recording.voice, "language": "en"},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the manifest and the words")
    parser.add_argument("--beside", type=Path, required=True, help="manifest whose samples are learned from too")
    parser.add_argument("--takes", type=int, default=4, help="of every digit in every voice (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
