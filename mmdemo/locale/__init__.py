"""Every string that a person reads, by language and dotted key; `en.toml` and `zh.toml` hold the same keys.

`text("error.unknown_task", "zh", task="x", known="…")` fills the braces of the sentence.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")  # the first is what a reader of any other language gets
_FOLDER = Path(__file__).parent


def text(key: str, language: str = LANGUAGES[0], /, **values: object) -> str:
    """Return the sentence of `key` in `language` with its braces filled; raise KeyError for an unknown key."""
    return catalogue(pick(language))[key].format(**values)


def listed(words: Iterable[str], language: str = LANGUAGES[0], /, last: str = "common.and") -> str:
    """Return words as a sentence lists them, "" for none: `a, b and c`; `last` is the key of what stands before c."""
    *others, end = list(words) or [""]
    return text(last, language).join([text("common.comma", language).join(others), end] if others else [end])


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return all strings of one of LANGUAGES, flat: `section.name` → text."""
    with (_FOLDER / f"{language}.toml").open("rb") as file:
        return dict(_flatten(tomllib.load(file)))


def pick(accept_language: str | None) -> str:
    """Return the first of LANGUAGES that an Accept-Language header (or a plain tag) asks for."""
    for part in (accept_language or "").lower().split(","):
        tag = part.split(";")[0].strip().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return LANGUAGES[0]


def _flatten(tree: Mapping[str, object], prefix: str = ""):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def percent(value: float, language: str, apart_from: float | None = None) -> str:
    """Return a probability as a person reads it; with a decimal where rounding would make it equal to `apart_from`."""
    close = apart_from is not None and value != apart_from and round(100 * value) == round(100 * apart_from)
    number = f"{100 * value:.1f}" if close else f"{100 * value:.0f}"
    if number in ("100", "100.0") and value < 1:
        number = "> 99"
    elif number in ("0", "0.0") and value > 0:
        number = "< 1"
    return text("common.percent", language, number=number)


def sure(value: float, capped: bool, language: str) -> str:
    """Return how sure an answer is as a person reads it: a percentage, or that it is only a guess."""
    return text("common.only_a_guess", language) if capped else percent(value, language)
