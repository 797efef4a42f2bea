"""The words that people wrote, in any script, and the way from a tokenizer's pieces to them.

A word is a run of letters, marks and digits with its inner apostrophes, hyphens and dots, and a leading # or @; where
a script sets no spaces (Chinese, Japanese, Thai …) each character is one; an emoji is one with all that belongs to it;
what is left of punctuation goes by runs.
"""

from collections.abc import Sequence

import regex

Span = tuple[int, int]  # start and end in characters

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_SIGN = rf"[[\p{{L}}\p{{M}}\p{{N}}_\u200c\u200d]--[{_UNSPACED}]]"
_WORD = regex.compile(
    rf"(?P<emoji>(?=[\p{{Emoji_Presentation}}\p{{Extended_Pictographic}}\p{{Regional_Indicator}}]|[0-9#*]\uFE0F?\u20E3)\X)"
    rf"|(?P<sign>[{_UNSPACED}]\p{{M}}*)"
    rf"|(?P<word>[#@]?{_SIGN}+(?:['’.\-·@&]{_SIGN}+)*)"
    rf"|(?P<rest>(?:(?![#@]{_SIGN})[^\s\p{{L}}\p{{N}}\p{{Extended_Pictographic}}\p{{Regional_Indicator}}])+|\S)",
    regex.V1,
)


def words(caption: str) -> list[Span]:
    """Return where the words of a caption stand, in order; only white space lies between and outside of them."""
    return [match.span() for match in _WORD.finditer(caption)]


def words_read(pieces: Sequence[Span], caption: str) -> list[Span]:
    """Return the words that have a piece, in order; the others lie behind the end of what the model reads."""
    written = words(caption)
    return sorted({word for piece in pieces for word in shared(piece, written)})


def merge(pieces: Sequence[Span], scores: Sequence[float], read: Sequence[Span]) -> list[float]:
    """Return for each word that was read the sum of its pieces' scores."""
    totals = dict.fromkeys(read, 0.0)
    for piece, score in zip(pieces, scores, strict=True):
        for word, share in shared(piece, read).items():
            totals[word] += score * share
    return list(totals.values())


def shared(piece: Span, spans: Sequence[Span]) -> dict[Span, float]:
    """Return the words that a piece covers, with the share of it that is each one's by its characters."""
    start, end = piece
    covered = {word: min(end, word[1]) - max(start, word[0]) for word in spans if word[0] < end and start < word[1]}
    return {word: characters / sum(covered.values()) for word, characters in covered.items()}
