"""Where the units of a sample stand, and the one order in which they are counted: regions, words, moments.

A unit is what a map gives a score, and what can be taken from the sample: a region of the picture, a word of the
caption, a moment of the sound. Scores and units of all modalities stand in one flat list, modality by modality in the
order of MODALITIES: a unit is its number there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mmdemo.values.samples import AudioMap, Explanation, ImageMap, TextMap, TokenScore


@dataclass(frozen=True)
class Word:
    """A word of the caption: `caption[start:end] == text`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Layout:
    """The units of one sample, without scores. Absent modalities are None."""

    grid: tuple[int, int] | None = None  # rows, columns of regions over the whole upright picture, in reading order
    words: tuple[Word, ...] | None = None  # those that the model reads, as they stand in the caption; there may be none
    edges_s: tuple[float, ...] | None = None  # seconds: moment i lies between edges i and i + 1

    @classmethod
    def of(cls, explanation: Explanation) -> Layout:
        """Return where the scores of an explanation stand."""
        image, text, audio = explanation.image, explanation.text, explanation.audio
        return cls(
            grid=image.grid if image else None,
            words=tuple(Word(token.text, token.start, token.end) for token in text.tokens) if text else None,
            edges_s=audio.edges_s if audio else None,
        )

    @property
    def sizes(self) -> dict[str, int]:
        """Modality → how many units it has, for the modalities that are there."""
        sizes = {}
        if self.grid is not None:
            sizes["image"] = self.grid[0] * self.grid[1]
        if self.words is not None:
            sizes["text"] = len(self.words)
        if self.edges_s is not None:
            sizes["audio"] = len(self.edges_s) - 1
        return sizes

    @cached_property
    def units(self) -> dict[str, range]:
        """Modality → its units. `units["text"][2]` is the third word; `units["text"].index(unit)` is 2 again."""
        units, first = {}, 0
        for modality, size in self.sizes.items():
            units[modality] = range(first, first + size)
            first += size
        return units

    def __len__(self) -> int:
        return sum(self.sizes.values())

    def split(self, scores: Sequence[float]) -> dict[str, Sequence[float]]:
        """Return by modality what stands in a flat list with one score a unit."""
        assert len(scores) == len(self), f"{len(scores)} scores for {len(self)} units"
        return {modality: scores[units.start : units.stop] for modality, units in self.units.items()}

    def explanation(
        self, method: str, target: str, scores: Sequence[float], against: str | None = None, signed: bool = False
    ) -> Explanation:
        """Return an explanation with one score a unit; its fields are those of `Explanation`."""
        parts = self.split(scores)
        return Explanation(
            method,
            target,
            image=None if self.grid is None else ImageMap(self.grid, _rows(parts["image"], *self.grid)),
            text=None if self.words is None else _text(self.words, parts["text"]),
            audio=None if self.edges_s is None else AudioMap(self.edges_s, tuple(parts["audio"])),
            against=against,
            signed=signed,
        )


def scores_of(explanation: Explanation) -> list[float]:
    """Return the score of each unit, in the order of `Layout.of(explanation)`."""
    regions = [score for row in explanation.image.scores for score in row] if explanation.image else []
    words = [token.score for token in explanation.text.tokens] if explanation.text else []
    moments = explanation.audio.scores if explanation.audio else ()
    return [*regions, *words, *moments]


def _rows(scores: Sequence[float], rows: int, columns: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(scores[row * columns : (row + 1) * columns]) for row in range(rows))


def _text(words: Sequence[Word], scores: Sequence[float]) -> TextMap:
    pairs = zip(words, scores, strict=True)
    return TextMap(tuple(TokenScore(word.text, word.start, word.end, score) for word, score in pairs))
