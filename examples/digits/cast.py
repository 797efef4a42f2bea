"""Who says what: voices, languages, words, and how many clips of each kind; what one side has the other never hears."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from examples.voices import ACCENTS, SPEAKERS
from mmdemo.hashed_draw import draw

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TRAIN, TEST = SIDES = ("train", "dev")  # as voices.SPEAKERS calls them
LANGUAGES = {  # whose digits are none of ours
    TRAIN: ("de", "es", "fr-fr", "it", "pl", "tr", "hi", "ru", "ja", "sw"),
    TEST: ("nl", "pt", "sv", "el", "fi", "cs", "hu", "id", "ro", "da"),
}
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
TEST_SHARE = 0.4  # of the words
COUNTS = {  # of the other kinds
    TRAIN: {"sentences": 300, "several": 400, "half": 300, "noise": 240, "recorded": 300, "talk": 900},
    TEST: {"sentences": 100, "several": 150, "half": 100, "noise": 60, "recorded": 100, "talk": 300},
}


def words(side: str) -> list[str]:
    """Return the words of one side, which are never said on the other; only the word decides."""
    every = Path(__file__).with_name("words.txt").read_text("utf-8").split()
    return [word for word in every if (draw("outlier", word) < TEST_SHARE) == (side == TEST)]


@dataclass(frozen=True)
class Cast:
    """Everything that is drawn from; by side, where sides differ."""

    speakers: Mapping[str, Sequence[str]] = field(default_factory=lambda: SPEAKERS)
    accents: Sequence[str] = ACCENTS
    learners: Mapping[str, str] = field(default_factory=lambda: LEARNERS)
    languages: Mapping[str, Sequence[str]] = field(default_factory=lambda: LANGUAGES)
    words: Callable[[str], Sequence[str]] = words
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: COUNTS)


EVERYBODY = Cast()
