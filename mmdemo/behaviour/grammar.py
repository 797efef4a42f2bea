"""Sentences from templates: a name in braces draws an entry of the list of that name, which may hold further names."""

from collections.abc import Mapping, Sequence

import numpy as np
import regex

DEEPEST = 20  # entries within entries: a list that leads back to itself would never end
_NAME = regex.compile(r"\{(\w+)\}(s?)")
_AN = regex.compile(r"\b([Aa]) (?=[aeio]|[AEIO][a-z]|u[^ns]|un[^i])(?!eu|one\b)")
_HISS = regex.compile(r"(?:s|x|ch|sh)$")
_AFTER_COMMA = regex.compile(r",\s*(?=[.!,]|$)")

Lists = Mapping[str, Sequence[str]]


def names(template: str) -> list[str]:
    """Return the names of the lists that a template draws from."""
    return [match[1] for match in _NAME.finditer(template)]


def expand(template: str, lists: Lists, draw: np.random.Generator) -> str:
    """Return one sentence of a template; it begins with a capital where the template does, or begins with a list.

    Raises KeyError for a list that is not there, RecursionError for lists that lead back to themselves.
    """
    sentence = _filled(template, lists, draw, DEEPEST)
    sentence = _AN.sub(r"\1n ", regex.sub(r"\s+", " ", sentence).strip())
    sentence = _AFTER_COMMA.sub("", sentence).strip(" ,")
    return sentence if template[:1].islower() else sentence[:1].upper() + sentence[1:]


def _filled(template: str, lists: Lists, draw: np.random.Generator, depth: int) -> str:
    if depth == 0:
        raise RecursionError(template)

    def entry(match: regex.Match) -> str:
        entries = lists[match[1]]
        text = _filled(entries[int(draw.integers(len(entries)))], lists, draw, depth - 1)
        return plural(text) if match[2] else text

    return _NAME.sub(entry, template)


def plural(noun: str) -> str:
    """Return the plural of an English noun, as far as its ending tells it."""
    if noun.endswith(("knife", "shelf")):
        return regex.sub("fe?$", "ves", noun)
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith("man"):
        return noun[:-2] + "en"
    return noun + ("es" if _HISS.search(noun) else "s")
