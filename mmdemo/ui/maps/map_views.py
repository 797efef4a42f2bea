"""Explanation → what the map card shows: numbers, colours and the sentence that says the same in words.

Everything is told in multiples of an even share: a score divided by what each region, word and moment would have if
all of them had the same. The scale is therefore the same for every sample. Where a method is signed, what speaks
against the answer has a scale of its own.
"""

import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmdemo import locale, map_scale
from mmdemo.locale import text
from mmdemo.tasks import Task
from mmdemo.ui.maps import function_words
from mmdemo.values.layout import Layout, Word, scores_of
from mmdemo.values.samples import MODALITIES, Explanation

STANDS_OUT = 1.5  # multiples of an even share from which the sentence names something
MOST_WORDS = 3  # that the sentence names
OF_CAPTIONS = {"erasure": "relevance"}  # methods that are about words → those that they are where there is no caption
LONG_S = 1.0  # from which tenths of a second tell the moments of a sound apart
_PLACES = (("upper_left", "upper", "upper_right"), ("left", "centre", "right"), ("lower_left", "lower", "lower_right"))


@dataclass(frozen=True)
class Piece:
    """A stretch of the caption: a word with its share, or what stands between two words."""

    text: str
    share: float | None = None  # multiples of an even share, < 0 against the answer; None between words
    colour: str = ""  # "" within LITTLE
    ink: str = ""
    against: bool = False  # coloured, as it speaks against the answer


@dataclass(frozen=True)
class Grid:
    """Shares over the picture, rows × columns, or over time, one row."""

    rows: int
    columns: int
    shares: tuple[float, ...]  # row by row
    edges_s: tuple[float, ...] = ()  # of the columns, where they are moments


@dataclass(frozen=True)
class MapView:
    """All that the map card shows."""

    method: str  # as it is called for this sample
    target: str  # what is explained, as the reader calls it
    signed: bool  # shares < 0 speak against it
    sentence: Markup
    picture: Grid | None
    sound: Grid | None
    caption: tuple[Piece, ...]
    shares: tuple[float, ...]  # of each unit, as `layout` counts them: everything that can be pointed at

    @property
    def direction(self) -> str:
        """Which way the caption runs, as its first letter says (Unicode Bidirectional Algorithm, rule P2)."""
        strong = (unicodedata.bidirectional(sign) for piece in self.caption for sign in piece.text)
        return "rtl" if next((kind for kind in strong if kind in ("L", "R", "AL")), "L") != "L" else "ltr"

    @property
    def modalities(self) -> list[str]:
        """Those that have a map."""
        maps = {"image": self.picture, "text": self.caption, "audio": self.sound}
        return [name for name in MODALITIES if maps[name]]


def of(explanation: Explanation, caption: str, task: Task, language: str) -> MapView:
    """Return what the map card shows of an explanation of a sample with that caption."""
    target = _target(explanation, task, language)
    layout, even = Layout.of(explanation), map_scale.even_share(explanation)
    shares = [score / even for score in scores_of(explanation)]
    parts = layout.split(shares)
    picture = _grid(*layout.grid, parts["image"]) if layout.grid else None
    sound = _grid(1, len(parts["audio"]), parts["audio"], layout.edges_s) if layout.edges_s else None
    pieces = () if layout.words is None else tuple(_pieces(layout.words, parts["text"], caption, explanation.signed))
    towards, against = (_named(picture, pieces, sound, side, language) for side in (1, -1))
    return MapView(
        method=explanation.method if explanation.text else OF_CAPTIONS.get(explanation.method, explanation.method),
        target=target,
        signed=explanation.signed,
        sentence=_two_sided(towards, against, target, language) if explanation.signed else _sentence(towards, language),
        picture=picture,
        sound=sound,
        caption=pieces,
        shares=_rounded(shares),
    )


def _target(explanation: Explanation, task: Task, language: str) -> str:
    label = task.display(explanation.target, language)
    if explanation.against is None:
        return label
    return text("explain.rather", language, label=label, other=task.display(explanation.against, language))


def _grid(rows: int, columns: int, shares: Sequence[float], edges_s: tuple[float, ...] = ()) -> Grid:
    return Grid(rows, columns, _rounded(shares), edges_s)


def _rounded(shares: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(share, 3) for share in shares)


def _pieces(words: Sequence[Word], shares: Sequence[float], caption: str, signed: bool) -> Iterator[Piece]:
    end = 0
    for word, share in zip(words, shares, strict=True):
        if word.start > end:
            yield Piece(caption[end : word.start])
        ground = map_scale.colour(share, signed) if abs(share) > map_scale.LITTLE else ""
        against = signed and bool(ground) and share < 0
        yield Piece(word.text, share, ground, map_scale.ink_on(ground) if ground else "", against)
        end = word.end
    if caption[end:]:
        yield Piece(caption[end:])


def _sentence(places: Markup, language: str) -> Markup:
    if not places:
        return Markup.escape(text("explain.evenly", language))
    # The sentence around them is the locale's own; what is set into it has been escaped.
    return Markup(text("explain.mostly", language, places=places))


def _two_sided(towards: Markup, against: Markup, target: str, language: str) -> Markup:
    label = Markup("<bdi>{}</bdi>").format(target)
    key = "explain.towards" if towards else "explain.towards_nothing"
    first = Markup(text(key, language, label=label, places=towards))
    return first + Markup(text("explain.against", language, places=against)) if against else first


def _named(picture: Grid | None, pieces: Sequence[Piece], sound: Grid | None, side: int, language: str) -> Markup:
    """Return what stands out on one side, 1 for and -1 against the answer; nothing where nothing does."""
    named = [*_place(picture, side, language), *_words(pieces, side, language), *_moment(sound, side, language)]
    return Markup(locale.listed(map(Markup.escape, named), language))


def _place(picture: Grid | None, side: int, language: str) -> Iterator[str]:
    """The ninth of the picture that has most, if it stands out."""
    if picture is None:
        return
    ninths: dict[str, list[float]] = {}
    for number, share in enumerate(picture.shares):
        row, column = divmod(number, picture.columns)
        name = _PLACES[int(3 * (row + 0.5) / picture.rows)][int(3 * (column + 0.5) / picture.columns)]
        ninths.setdefault(name, []).append(side * share)
    means = {name: sum(shares) / len(shares) for name, shares in ninths.items()}
    best = max(means, key=lambda name: means[name])
    if means[best] >= STANDS_OUT or max(side * share for share in picture.shares) >= 2 * STANDS_OUT:
        yield text(f"explain.place_{best}", language)


def _words(pieces: Sequence[Piece], side: int, language: str) -> Iterator[str | Markup]:
    """The words that stand out, those alone that mean something by themselves; if none of them does, that it is so."""
    shares = [(side * (piece.share or 0.0), piece.text) for piece in pieces]
    ranked = sorted((pair for pair in shares if pair[0] >= STANDS_OUT), key=lambda pair: -pair[0])
    standing_out = dict.fromkeys(word for _, word in ranked)
    meaningful = [word for word in standing_out if function_words.is_meaningful(word)]
    for word in meaningful[:MOST_WORDS]:
        yield Markup('<bdi class="mm-said">{}</bdi>').format(word)
    if standing_out and not meaningful:
        yield text("explain.small_words", language)


def _moment(sound: Grid | None, side: int, language: str) -> Iterator[str]:
    """The stretch of moments that stand out which together have most."""
    if sound is None:
        return
    runs = itertools.groupby(range(sound.columns), key=lambda column: side * sound.shares[column] >= STANDS_OUT)
    stretches = [list(columns) for stands_out, columns in runs if stands_out]
    if not stretches:
        return
    best = max(stretches, key=lambda columns: sum(side * sound.shares[column] for column in columns))
    decimals = 1 if sound.edges_s[-1] >= LONG_S else 2
    start, end = (f"{sound.edges_s[edge]:.{decimals}f}" for edge in (best[0], best[-1] + 1))
    yield text("explain.moment", language, start=start, end=end)
