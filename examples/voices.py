"""Words said by espeak-ng, in many voices, each of them slower and faster, lower and higher."""

import random
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdemo.decode import SAMPLE_RATE_HZ, decode_audio, encode_audio
from mmdemo.errors import ManifestError
from mmdemo.tasks import Limits

PROGRAM = "espeak-ng"
ACCENTS = ("en-gb", "en-gb-scotland", "en-gb-x-rp", "en-us")
SPEAKERS = {  # variants of a voice; whoever speaks in dev is never heard in train
    "train": (
        *("m1", "m2", "m3", "m4", "m5", "m6", "Andy", "Gene", "Michael", "edward", "john", "max"),
        *("f1", "f2", "f3", "f4", "Annie", "linda"),
    ),
    "dev": ("m7", "m8", "david", "quincy", "f5", "steph"),
}
TAKES = 5  # of each word in each voice
WORDS_A_MINUTE = (110, 190)
PITCH = (25, 75)  # espeak's scale from 0 to 99
_QUIET = 0.02  # of the loudest sample: what is quieter before and behind the word is cut off …
_EDGE_S = 0.03  # … but for this
_UNCHECKED = Limits(audio_min_s=0.0)


@dataclass(frozen=True)
class Recording:
    """A word as somebody says it; the same take always sounds the same."""

    word: str
    voice: str  # an accent and a speaker, as espeak-ng names them
    take: int  # below TAKES
    spelled: str = ""  # as the voice's language would write it; "": as it is

    @property
    def file(self) -> str:
        """Its name on disk."""
        return f"{self.word}-{self.voice}-{self.take}.flac"


def record(word: str, side: str, chance: random.Random) -> Recording:
    """Return a recording of a word by one of the voices of "train" or of "dev"; nothing is said yet."""
    voice = f"{chance.choice(ACCENTS)}+{chance.choice(SPEAKERS[side])}"
    return Recording(word, voice, chance.randrange(TAKES))


def check(what: str) -> None:
    """Raise ManifestError where nothing can be said, which `what` needs."""
    if not shutil.which(PROGRAM):
        raise ManifestError("program_missing", program=PROGRAM, what=what)


def write(folder: Path, recording: Recording) -> None:
    """Write a recording into `folder`, unless it is there already. Raises CalledProcessError."""
    path = folder / recording.file
    if not path.is_file():
        path.write_bytes(encode_audio(trimmed(say(recording))))


def say(recording: Recording) -> np.ndarray:
    """Return what espeak-ng says, (samples,) float32 at SAMPLE_RATE_HZ. Raises CalledProcessError."""
    chance = random.Random(recording.file)
    speed, pitch = chance.randint(*WORDS_A_MINUTE), chance.randint(*PITCH)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        how = ["-v", recording.voice, "-s", str(speed), "-p", str(pitch), "-w", file.name]
        subprocess.run(
            [PROGRAM, *how, recording.spelled or recording.word],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        return decode_audio(Path(file.name), _UNCHECKED)


def trimmed(audio: np.ndarray) -> np.ndarray:
    """Return a recording (samples,) without the silence before and behind what is said."""
    loud = np.flatnonzero(np.abs(audio) > _QUIET * np.abs(audio).max())
    edge = int(_EDGE_S * SAMPLE_RATE_HZ)
    return audio[max(0, loud[0] - edge) : loud[-1] + edge]
