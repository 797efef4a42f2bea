"""More to learn `spoken_digits` from beside a manifest: every digit in 144 voices of espeak-ng, and what is no digit.

Half of the voices speak English; the others speak it as learners do, with the sounds of their own language. What is no
digit is learned as "none of these": see `outliers`.

python -m examples.digits.make OUT --beside DATA/train.jsonl --dev DATA/dev.jsonl writes OUT/train.jsonl, with the
samples of the first manifest and the new ones; OUT/calibration.jsonl, in voices that train and test nothing, for
`python -m mmdemo calibrate`; OUT/behaviour.jsonl, which tests a version with words and voices of its own (field
`extra.capability`) and with what becomes of recordings of the second manifest; and their sounds. The same number of
takes makes the same samples.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from examples import voices
from examples.digits import outliers
from examples.digits.cast import DIGITS, EVERYBODY, SIDES, TEST, TRAIN, Cast
from examples.digits.outliers import Clip
from examples.voices import Recording
from mmdemo import tasks
from mmdemo.decode import encode_audio
from mmdemo.errors import ManifestError, MmdemoError, StorageError
from mmdemo.process import logs
from mmdemo.training import manifests
from mmdemo.training.manifests import Row, splits

EVERY = 3  # speaker of espeak-ng says them with each accent of a learner
WORDS = "words"  # folder
GROUP = "espeak"  # where the new digits come from; what is no digit has its capability as group
MANIFESTS = {TRAIN: "train.jsonl", TEST: "behaviour.jsonl"}
CALIBRATION = "calibration.jsonl"
CALIBRATING = ("david", "m8", "steph")  # speakers of espeak-ng whose test clips calibrate, and so test nothing


def recordings(takes: int, cast: Cast = EVERYBODY) -> list[Recording]:
    """Return so many takes of every digit in every voice that does not test; nothing is said yet."""
    speakers = cast.speakers[TRAIN]
    native = [(f"{accent}+{speaker}", "") for accent in cast.accents for speaker in speakers]
    learned = [
        (f"{name}+{speaker}", spelled) for name, spelled in cast.learners.items() for speaker in speakers[::EVERY]
    ]
    return [
        Recording(word, voice, take, spelled)
        for take, (voice, spellings) in itertools.product(range(takes), [*native, *learned])
        for word, spelled in itertools.zip_longest(DIGITS, spellings.split(), fillvalue="")
    ]


def clips(side: str, recorded: Sequence[Row], talk: Sequence[Row], cast: Cast = EVERYBODY) -> list[Clip]:
    """Return what is no digit, and for the test digits in its voices too; nothing is made yet.

    `recorded` are recordings of digits to cut and to join, `talk` those of people who say none.
    """
    digits = outliers.said_digits(cast=cast) if side == TEST else ()
    others = outliers.spoken(side, cast), outliers.recorded(side, recorded, cast), outliers.talk(side, talk, cast)
    return [*itertools.chain(*others, digits)]


def calibrates(clip: Clip) -> bool:
    """Tell whether a clip of the test side calibrates: one that espeak-ng says, by its speaker."""
    return clip.speaker.partition("+")[2] in CALIBRATING


def write(out: Path, args: argparse.Namespace, cast: Cast = EVERYBODY) -> list[str]:
    """Write both manifests and their sounds, and return what was made, as sentences.

    Raises ManifestError where one is there already or a given manifest is at fault, StorageError.
    """
    task = tasks.get("spoken_digits")
    taken = [out / name for name in (*MANIFESTS.values(), CALIBRATION) if (out / name).exists()]
    if taken:
        raise ManifestError("out_taken", path=taken[0])
    beside = manifests.read(args.beside, task)
    digits = {TRAIN: beside, TEST: manifests.read(args.dev, task) if args.dev else []}
    talk = {side: manifests.read(path, None) if path else [] for side, path in zip(SIDES, args.talk, strict=True)}
    new = recordings(args.takes, cast)
    sounds = {side: clips(side, digits[side], talk[side], cast) for side in SIDES}
    try:
        _make(out, new, sounds)
        copies = [splits.moved(row.raw, args.beside.parent, out) for row in beside]
        rows = {TRAIN: [*copies, *map(_row, new), *[_outlier(clip, TRAIN) for clip in sounds[TRAIN]]]}
        tested = [(clip, _outlier(clip, TEST)) for clip in sounds[TEST]]
        rows[TEST] = [row for clip, row in tested if not calibrates(clip)]
        calibrating = [row for clip, row in tested if calibrates(clip)]
        for name, some in ((MANIFESTS[TRAIN], rows[TRAIN]), (MANIFESTS[TEST], rows[TEST]), (CALIBRATION, calibrating)):
            (out / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in some), "utf-8")
    except OSError as error:
        raise StorageError("out_not_writable", path=out, detail=error.strerror) from error
    count = len({recording.voice for recording in new})
    return [
        f"{out / MANIFESTS[TRAIN]}: {len(copies)} samples of {args.beside}, {len(new)} recordings of {count} voices, "
        f"{len(sounds[TRAIN])} clips that are no digit",
        f"{out / CALIBRATION}: {len(calibrating)} clips, in voices and of words that are not among those",
        f"{out / MANIFESTS[TEST]}: {len(rows[TEST])} clips, in voices that are in neither",
    ]


def main(arguments: Sequence[str] | None = None, cast: Cast = EVERYBODY) -> int:
    """Make the data and return the exit code."""
    args = _parser().parse_args(arguments)
    try:
        voices.check("examples.digits.make")
        print("\n".join(write(args.out, args, cast)))
    except MmdemoError as error:
        logs.say(str(error))
        return error.exit_code
    return 0


def _make(out: Path, new: Iterable[Recording], sounds: Mapping[str, Iterable[Clip]]) -> None:
    for folder in (WORDS, *SIDES):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:  # espeak-ng is a process of its own
        list(pool.map(lambda recording: voices.write(out / WORDS, recording), new))
        files = [(out / _file(clip, side), clip) for side, some in sounds.items() for clip in some]
        list(pool.map(lambda pair: pair[0].write_bytes(encode_audio(pair[1].sound())), files))


def _row(recording: Recording) -> dict[str, Any]:
    return {
        "id": f"{GROUP}-{Path(recording.file).stem}",
        "audio": f"{WORDS}/{recording.file}",
        "label": str(DIGITS.index(recording.word)),
        "group": GROUP,
        "extra": {"speaker": recording.voice, "language": "en"},
    }


def _outlier(clip: Clip, side: str) -> dict[str, Any]:
    word = {"word": clip.word} if clip.word else {}
    extra = {"speaker": clip.speaker, "capability": clip.capability, **word}
    return {"id": clip.id, "audio": _file(clip, side), "label": clip.label, "group": clip.capability, "extra": extra}


def _file(clip: Clip, side: str) -> str:
    return f"{side}/{clip.id}.flac"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the manifests and their sounds")
    parser.add_argument("--beside", type=Path, required=True, help="manifest whose samples are learned from too")
    parser.add_argument("--dev", type=Path, help="manifest whose recordings are cut and joined for the test")
    parser.add_argument(
        "--talk",
        type=Path,
        nargs=2,
        default=(None, None),
        metavar=("TRAIN", "DEV"),
        help="manifests of people who say no digit: to learn from, and to test with",
    )
    parser.add_argument("--takes", type=int, default=1, help="of every digit in every voice (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
