"""What one field of a manifest's line says: a word, such as a label or an id, and where a file is.

Tables are written by many hands and programs: numbers for labels, blanks around them, names in the normal form of
another machine's disk, its separators of folders. What can mean one thing alone is read as that.
"""

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from mmdemo import characters

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")  # in which machines write names to their disks


def word(value: Any) -> str:
    """Return what a field says in the form of a name, "" where it says nothing. Raises ValueError for a list.

    0 is a word, and 3.0 the same as 3: programs for tables make the one of the other. True and false are JSON's words.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.0f}" if float(value).is_integer() else repr(value)
    if isinstance(value, str):
        return characters.canonical_name(value)
    raise ValueError("must be a word or a number")


def spelled(value: str, names: Iterable[str]) -> str:
    """Return that of the names which looks like the value, spelled as it is there; the value where there is none."""
    return next((name for name in names if characters.canonical_name(name) == value), value)


def storable(value: Any) -> Any:
    """Return a value of JSON with texts that can be stored."""
    return _each(value, characters.storable)


def _each(value: Any, of: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return of(value)
    if isinstance(value, dict):
        return {of(name): _each(item, of) for name, item in value.items()}
    return [_each(item, of) for item in value] if isinstance(value, list) else value


def file_at(folder: Path, path: str) -> Path:
    """Return the file that a path means, seen from its manifest's folder; where there is none, the path as it stands.

    Tried are the path as it stands, without blanks around it, with slashes for backslashes, and each of them with
    names in either normal form.
    """
    return next((file for file in _meant(folder, path) if file.is_file()), folder / path)


def _meant(folder: Path, path: str) -> Iterator[Path]:
    bare = path.strip()
    for some in dict.fromkeys((path, bare, bare.replace("\\", "/"))):
        yield folder / some
        if not some.isascii():
            yield _by_parts(folder, Path(some))


def _by_parts(folder: Path, path: Path) -> Path:
    """Follow a path folder by folder, each in the normal form in which it is there."""
    at = folder
    for part in path.parts:
        forms = [at / part, *(at / unicodedata.normalize(form, part) for form in _FORMS)]
        at = next((some for some in forms if some.exists()), at / part)
    return at
