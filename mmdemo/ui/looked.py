"""Explanation → what the map card shows: numbers, colours and the sentence that says the same in words.

Everything is told in multiples of an even share: a score divided by what each region, word and moment would have if
all of them had the same. The scale is therefore the same for every sample.
"""

import itertools
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmdemo.locale import text
from mmdemo.samples import AudioMap, Explanation, ImageMap, TextMap

LITTLE, MUCH = 0.25, 8.0  # multiples of an even share at the two ends of the scale, which is logarithmic
STANDS_OUT = 1.5  # multiples of an even share from which the sentence names something
MOST_WORDS = 3  # that the sentence names
# Cividis, the scale that people with any colour vision read alike (Nuñez, Anderton and Renslow 2018).
CIVIDIS = ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")
DARK_INK, LIGHT_INK = "#000000", "#ffffff"
_PLACES = (("upper_left", "upper", "upper_right"), ("left", "centre", "right"), ("lower_left", "lower", "lower_right"))


@dataclass(frozen=True)
class Piece:
    """A stretch of the caption: a word with its share, or what stands between two words."""

    text: str
    share: float | None = None  # multiples of an even share; None between words
    colour: str = ""  # "" under LITTLE
    ink: str = ""
    said: str = ""  # the share in words


@dataclass(frozen=True)
class Grid:
    """Shares over the picture, rows × columns, or over time, one row."""

    rows: int
    columns: int
    shares: tuple[float, ...]  # row by row
    levels: tuple[float, ...]  # where each stands on the scale, 0 … 1
    edges_s: tuple[float, ...] = ()  # of the columns, where they are moments


@dataclass(frozen=True)
class Part:
    """How much of the whole went to one modality."""

    modality: str
    name: str
    percent: int


@dataclass(frozen=True)
class Looked:
    """All that the map card shows."""

    method: str
    sentence: Markup
    picture: Grid | None
    sound: Grid | None
    caption: tuple[Piece, ...]
    parts: tuple[Part, ...]  # in the order of the modalities; empty where there is but one


def view(explanation: Explanation, caption: str, language: str) -> Looked:
    """Return what the map card shows of an explanation of a sample with that caption."""
    even = even_share(explanation)
    picture = _picture(explanation.image, even) if explanation.image else None
    sound = _sound(explanation.audio, even) if explanation.audio else None
    pieces = tuple(_pieces(explanation.text, caption, even, language)) if explanation.text else ()
    return Looked(
        method=explanation.method,
        sentence=_sentence(picture, pieces, sound, language),
        picture=picture,
        sound=sound,
        caption=pieces,
        parts=tuple(_parts(explanation, language)),
    )


def even_share(explanation: Explanation) -> float:
    """Return the score that each region, word and moment would have if all had the same; 1 where all scores are 0."""
    scores = [abs(score) for some in _scores(explanation).values() for score in some]
    return sum(scores) / len(scores) or 1.0 if scores else 1.0


def level(share: float) -> float:
    """Return where a share stands on the scale, 0 … 1."""
    if share <= LITTLE:
        return 0.0
    return min(1.0, math.log2(share / LITTLE) / math.log2(MUCH / LITTLE))


def colour(share: float) -> str:
    """Return the scale's colour of a share as #rrggbb."""
    place = level(share) * (len(CIVIDIS) - 1)
    left = min(int(place), len(CIVIDIS) - 2)
    channels = zip(_rgb(CIVIDIS[left]), _rgb(CIVIDIS[left + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - left)):02x}" for a, b in channels)


def ink_on(ground: str) -> str:
    """Return black or white, whichever reads better on a colour."""
    return DARK_INK if contrast(ground, DARK_INK) >= contrast(ground, LIGHT_INK) else LIGHT_INK


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours as WCAG 2 defines it, 1 … 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def said(share: float, language: str) -> str:
    """Return a share in words, such as "2.1 × an even share"."""
    return text("explain.share", language, times=f"{share:.1f}" if abs(share) < 9.95 else f"{share:.0f}")


def _scores(explanation: Explanation) -> dict[str, Sequence[float]]:
    maps: dict[str, Sequence[float]] = {}
    if explanation.image:
        maps["image"] = [score for row in explanation.image.scores for score in row]
    if explanation.text:
        maps["text"] = [token.score for token in explanation.text.tokens]
    if explanation.audio:
        maps["audio"] = explanation.audio.scores
    return maps


def _picture(image: ImageMap, even: float) -> Grid:
    return _grid(*image.grid, [score / even for row in image.scores for score in row])


def _sound(audio: AudioMap, even: float) -> Grid:
    return _grid(1, len(audio.scores), [score / even for score in audio.scores], audio.edges_s)


def _grid(rows: int, columns: int, shares: Sequence[float], edges_s: tuple[float, ...] = ()) -> Grid:
    levels = tuple(round(level(share), 3) for share in shares)
    return Grid(rows, columns, tuple(round(share, 3) for share in shares), levels, edges_s)


def _pieces(words: TextMap, caption: str, even: float, language: str) -> Iterator[Piece]:
    end = 0
    for token in words.tokens:
        if token.start > end:
            yield Piece(caption[end : token.start])
        share = token.score / even
        ground = colour(share) if share >= LITTLE else ""
        yield Piece(token.text, share, ground, ink_on(ground) if ground else "", said(share, language))
        end = token.end
    if caption[end:]:
        yield Piece(caption[end:])


def _parts(explanation: Explanation, language: str) -> Iterator[Part]:
    sums = {modality: sum(map(abs, scores)) for modality, scores in _scores(explanation).items()}
    if len(sums) < 2:
        return
    whole, left = sum(sums.values()) or 1.0, 100
    for number, (modality, some) in enumerate(sums.items()):
        percent = left if number == len(sums) - 1 else round(100 * some / whole)
        left -= percent  # so that they sum to 100 as shown
        yield Part(modality, text(f"common.{modality}", language), percent)


def _sentence(picture: Grid | None, pieces: Sequence[Piece], sound: Grid | None, language: str) -> Markup:
    named = [*_place(picture, language), *_words(pieces), *_moment(sound, language)]
    if not named:
        return Markup.escape(text("explain.evenly", language))
    # The sentence around them is the locale's own; what is set into it has been escaped.
    return Markup(text("explain.mostly", language, places=_listed(named, language)))


def _place(picture: Grid | None, language: str) -> Iterator[str]:
    """The ninth of the picture that has most, if it stands out."""
    if picture is None:
        return
    ninths: dict[str, list[float]] = {}
    for number, share in enumerate(picture.shares):
        row, column = divmod(number, picture.columns)
        name = _PLACES[int(3 * (row + 0.5) / picture.rows)][int(3 * (column + 0.5) / picture.columns)]
        ninths.setdefault(name, []).append(share)
    means = {name: sum(shares) / len(shares) for name, shares in ninths.items()}
    best = max(means, key=lambda name: means[name])
    if means[best] >= STANDS_OUT or max(picture.shares) >= 2 * STANDS_OUT:
        yield text(f"explain.place_{best}", language)


def _words(pieces: Sequence[Piece]) -> Iterator[Markup]:
    standing_out = [piece for piece in pieces if (piece.share or 0.0) >= STANDS_OUT and _says_something(piece.text)]
    standing_out.sort(key=lambda piece: -(piece.share or 0.0))
    for word in list(dict.fromkeys(piece.text for piece in standing_out))[:MOST_WORDS]:
        yield Markup('<bdi class="mm-said">{}</bdi>').format(word)


def _says_something(word: str) -> bool:
    """Is there more to it than punctuation?"""
    return any(unicodedata.category(character)[0] not in "PZ" for character in word)


def _moment(sound: Grid | None, language: str) -> Iterator[str]:
    """The stretch of moments that stand out which together have most."""
    if sound is None:
        return
    runs = itertools.groupby(range(sound.columns), key=lambda column: sound.shares[column] >= STANDS_OUT)
    stretches = [list(columns) for stands_out, columns in runs if stands_out]
    if not stretches:
        return
    best = max(stretches, key=lambda columns: sum(sound.shares[column] for column in columns))
    start, end = sound.edges_s[best[0]], sound.edges_s[best[-1] + 1]
    yield text("explain.moment", language, start=f"{start:.1f}", end=f"{end:.1f}")


def _listed(items: Sequence[str | Markup], language: str) -> Markup:
    *first, last = map(Markup.escape, items)
    start = Markup.escape(text("common.comma", language)).join(first)
    return start + Markup.escape(text("common.and", language)) + last if first else last


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
