"""The error tree. A message says what was wrong, the value, and what to do.

MmdemoError                 anything that a person can mend
├── BadInput                the sample itself: nothing given, unreadable, too large, silent …
├── UnknownName             a task, label, method, version or sample id that does not exist
├── NotAllowed              a reviewer's key is missing or wrong
├── Conflict                the row is not in a state that allows this move
├── NotKept                 what was sent is answered, but there is no room to keep it
├── Busy                    another run holds the lock: try later
├── StorageError            home folder or database: locked, read-only, full, missing
├── CheckpointError         a version folder that cannot be loaded or does not fit its task
├── ManifestError           a manifest or a task file that cannot be used as it stands
├── CannotListen         the address or port of the page cannot be used
└── LabelStudioError        Label Studio is away, refuses the key, or answers strangely

Programmers' mistakes are asserts and never stand here. Sentences live in `locale/*.toml` under `[error]`,
so that the page can say them in the reader's language.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from mmdemo import characters, locale

_FOLDERS = re.compile(r"(?<![\w:/])/(?:[^\s'\"/]+/)*(?=[^\s'\"/])")


class MmdemoError(Exception):
    """A mistake that a person can mend: `key` names the sentence, `values` fill its braces."""

    exit_code = 2  # wrong use or bad input

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def sentence(self, language: str = "en") -> str:
        """Return the one sentence that a reader of `language` sees."""
        return self._with(self.values, language)

    def public_sentence(self, language: str = "en") -> str:
        """Return the sentence for visitors: of the server's files it says how they are called, not where they lie."""
        values = {name: _without_folders(value) for name, value in self.values.items()}
        return self._with(values, language)

    def _with(self, values: Mapping[str, object], language: str) -> str:
        # What was given may be what no page, log or terminal takes: half of a character.
        return characters.storable(locale.text(f"error.{self.key}", language, **values))

    def __str__(self) -> str:
        return self.sentence()


class BadInput(MmdemoError):
    """The sample itself cannot be judged."""


class UnknownName(MmdemoError):
    """A name that is not in the list which the sentence gives."""


class NotAllowed(MmdemoError):
    """The caller may not do this."""


class Conflict(MmdemoError):
    """The row is not in a state that allows this move."""


class NotKept(MmdemoError):
    """What was sent cannot be kept now; it can be answered all the same."""

    exit_code = 75


class Busy(MmdemoError):
    """Another run holds the lock."""

    exit_code = 75  # EX_TEMPFAIL: try later


class StorageError(MmdemoError):
    """Home folder or database cannot be used."""

    exit_code = 1


class CheckpointError(MmdemoError):
    """A version folder cannot be loaded, or does not fit its task."""


class ManifestError(MmdemoError):
    """A manifest or a task file cannot be used as it stands."""


class CannotListen(MmdemoError):
    """The address or port of the page cannot be used."""

    exit_code = 1


class LabelStudioError(MmdemoError):
    """Label Studio cannot be reached or refuses what was asked."""

    exit_code = 1


ON_CALL = (StorageError, CheckpointError)  # what no visitor can mend: whoever runs the page reads them in its log


def _without_folders(value: object) -> object:
    if isinstance(value, int | float):
        return value
    return value.name if isinstance(value, Path) else _FOLDERS.sub("", str(value))
