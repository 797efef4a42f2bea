"""What is no digit, to learn "none of these" from and to be tested by: other words, several digits, half a one, noise.

Words, voices and languages of the test are never learned from. What sounds like a digit is no outlier: words.txt holds
no number, no homophone of one (won, to, for, ate) and nothing that an accent turns into one (tree and free: three).
"""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples import voices
from examples.digits import sounds
from examples.digits.cast import DIGITS, EVERYBODY, TEST, TRAIN, Cast
from examples.voices import Recording
from mmdemo.answers import NONE_OF_THESE
from mmdemo.decode import SAMPLE_RATE_HZ, decode_audio
from mmdemo.tasks import Limits
from mmdemo.training.manifests import Row

SENTENCES = (
    *("the {} is near the {}", "please bring me the {}", "I like my {}", "where is the {}", "my {} has a {}"),
    *("no {} today", "a {} and a {}", "we saw the {} again", "good {}", "that {} was very {}"),
)
FOREIGN = 0.3  # share of the recordings that a voice of another language says
BY_TELEPHONE = 0.5  # share of the clips without high tones, as the recorded digits are
PER_WORD = {TRAIN: 3, TEST: 1}  # recordings
_UNCHECKED = Limits(audio_min_s=0.0)


@dataclass(frozen=True)
class Clip:
    """A sound that is not made yet."""

    id: str
    capability: str  # what it tests
    speaker: str
    make: Callable[[random.Random], np.ndarray]  # chance → (samples,) float32
    label: str = NONE_OF_THESE
    word: str = ""  # that is said, where it is one

    def sound(self) -> np.ndarray:
        """Return it, the same each time. Raises CalledProcessError."""
        chance = random.Random(self.id)
        audio = self.make(chance)
        return sounds.telephone(audio) if chance.random() < BY_TELEPHONE else audio


def spoken(side: str, cast: Cast = EVERYBODY) -> Iterator[Clip]:
    """Yield what synthetic voices say that is no digit, and sounds that nobody says."""
    chance, counts, words = random.Random(side), cast.counts[side], cast.words(side)
    for word, take in itertools.product(words, range(PER_WORD[side])):
        yield _clip("other_words", word, _voice(cast, side, chance, FOREIGN), take)
    for number in range(counts["sentences"]):
        text = chance.choice(SENTENCES).format(*chance.sample(words, 2))
        yield _clip("sentences", text, _voice(cast, side, chance), number)
    for number in range(counts["several"]):
        text = " ".join(chance.choices(DIGITS, k=chance.choice((2, 2, 3, 4))))
        yield _clip("several_digits", text, _voice(cast, side, chance), number)
    for number, digit in itertools.product(range(counts["half"] // len(DIGITS)), DIGITS):
        yield _clip("half_a_digit", digit, _voice(cast, side, chance), number, sounds.half)
    for language, number in itertools.product(cast.languages[side], range(len(DIGITS))):
        for speaker in chance.sample(cast.speakers[side], 3 if side == TRAIN else 1):
            yield _clip("another_language", str(number), f"{language}+{speaker}", 0)
    for number in range(counts["noise"]):
        kind = list(sounds.MADE)[number % len(sounds.MADE)]
        yield Clip(f"{side}-{kind}-{number}", "noise", kind, sounds.MADE[kind])


def said_digits(takes: int = 2, cast: Cast = EVERYBODY) -> Iterator[Clip]:
    """Yield digits in the voices of the test: what answers "none of these" to everything fails here."""
    for accent, speaker, take in itertools.product(cast.accents, cast.speakers[TEST], range(takes)):
        for number, digit in enumerate(DIGITS):
            recording = Recording(digit, f"{accent}+{speaker}", take)
            yield Clip(f"digits-{recording.file}", "digits", recording.voice, _sound(recording), str(number), digit)


def recorded(side: str, rows: Sequence[Row], cast: Cast = EVERYBODY) -> Iterator[Clip]:
    """Yield what recordings of digits become: several in one clip, half a one, two halves, one played backwards."""
    by_speaker: dict[str, list[Row]] = {}
    for row in rows:
        by_speaker.setdefault(str(row.extra.get("speaker", row.group)), []).append(row)
    chance = random.Random(f"recorded {side}")
    kinds = ("several_digits", "half_a_digit", *(("broken_words",) if side == TRAIN else ()))
    for number, kind in itertools.product(range(cast.counts[side]["recorded"]), kinds):
        speaker = chance.choice(sorted(by_speaker))
        chosen = chance.choices(by_speaker[speaker], k=2)
        yield Clip(f"{side}-{kind}-{number}", kind, speaker, _CHANGES[kind](*map(_word, chosen)))


def talk(
    side: str, rows: Sequence[Row], cast: Cast = EVERYBODY, seconds: tuple[float, float] = (0.4, 1.2)
) -> Iterator[Clip]:
    """Yield the ends of some recordings of people who say no digit: there a word most often stands alone."""
    for row in random.Random(f"talk {side}").sample(rows, min(len(rows), cast.counts[side]["talk"])):
        read = _read(row)

        def cut(chance: random.Random, read: Callable[[], np.ndarray] = read) -> np.ndarray:
            return sounds.even(sounds.ending(read(), int(chance.uniform(*seconds) * SAMPLE_RATE_HZ)))

        yield Clip(f"{side}-talk-{row.id}", "people", str(row.extra.get("speaker", "")), cut)


def _several(one: Callable[[], np.ndarray], other: Callable[[], np.ndarray]) -> Callable[[random.Random], np.ndarray]:
    return lambda chance: sounds.joined([one(), other()], chance)


def _half(one: Callable[[], np.ndarray], _: Callable[[], np.ndarray]) -> Callable[[random.Random], np.ndarray]:
    return lambda chance: sounds.half(one(), chance)


def _broken(one: Callable[[], np.ndarray], other: Callable[[], np.ndarray]) -> Callable[[random.Random], np.ndarray]:
    return lambda chance: sounds.backwards(one()) if chance.random() < 0.5 else sounds.spliced(one(), other())


_CHANGES = {"several_digits": _several, "half_a_digit": _half, "broken_words": _broken}


def _read(row: Row) -> Callable[[], np.ndarray]:
    path = row.sample.audio
    assert isinstance(path, Path)
    return lambda: decode_audio(path, _UNCHECKED)


def _word(row: Row) -> Callable[[], np.ndarray]:
    return lambda: voices.trimmed(_read(row)())


def _clip(
    capability: str,
    text: str,
    voice: str,
    take: int,
    change: Callable[[np.ndarray, random.Random], np.ndarray] = lambda audio, _: audio,
) -> Clip:
    recording = Recording(text, voice, take)
    sound = _sound(recording)
    word = text if capability == "other_words" else ""
    name = recording.file.removesuffix(".flac").replace(" ", "_")
    return Clip(f"{capability}-{name}", capability, voice, lambda chance: change(sound(chance), chance), word=word)


def _sound(recording: Recording) -> Callable[[random.Random], np.ndarray]:
    return lambda _: voices.trimmed(voices.say(recording))


def _voice(cast: Cast, side: str, chance: random.Random, foreign: float = 0.0) -> str:
    accent = chance.choice(cast.languages[side] if chance.random() < foreign else cast.accents)
    return f"{accent}+{chance.choice(cast.speakers[side])}"
