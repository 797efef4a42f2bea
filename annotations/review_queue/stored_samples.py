"""A stored sample, read again from its row and the media folder: to learn from it, or to answer for it once more."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from annotations import media
from annotations.schema import SampleRow
from annotations.store import Session, Store, samples
from mmdemo import decode
from mmdemo.errors import BadInput
from mmdemo.tasks import Task
from mmdemo.values.review import ID_CHARS, Reason, first_of
from mmdemo.values.samples import Inputs, Sample

T = TypeVar("T")  # what is said of a sample
BATCH = 32  # samples between two short transactions, and all that is in memory at once


@dataclass(frozen=True)
class Stored:
    """What is kept of a sample."""

    sample_id: str
    text: str | None
    image: str | None  # names under the media folder
    audio: str | None

    @classmethod
    def of(cls, row: SampleRow) -> "Stored":
        """Return what a row keeps."""
        return cls(row.sample_id, row.caption, row.image, row.audio)

    def sample(self, root: Path) -> Sample:
        """Return it as something that is sent; `root`: the media folder."""
        image, audio = (root / name if name else None for name in (self.image, self.audio))
        return Sample(image=image, text=self.text or "", audio=audio)


@dataclass(frozen=True)
class LeftOut:
    """A stored sample that cannot be read."""

    sample_id: str
    file: str  # name under the media folder, "" where it is not a file's fault
    why: BadInput | None  # None: the file is missing, or not the one that was stored


def read(item: Stored, task: Task, root: Path) -> Inputs | LeftOut:
    """Decode a stored sample; left out is one whose file is missing or damaged, or that is more than the task takes."""
    broken = next((name for name in (item.image, item.audio) if name and not media.is_whole(root, name)), None)
    if broken:
        return LeftOut(item.sample_id, broken, None)
    try:
        return decode.decode(item.sample(root), task)
    except BadInput as error:
        return refused(item, error)


def refused(item: Stored, error: BadInput) -> LeftOut:
    """Return a sample that was refused, with why."""
    return LeftOut(item.sample_id, item.image or item.audio or "", error)


def reason(key: str, left_out: Sequence[LeftOut]) -> tuple[Reason, ...]:
    """Return the sentence of this key that names the first samples that were left out; nothing where none was.

    It is kept for good, so it names them by their ids alone: that is what is left of one that is erased later.
    """
    if not left_out:
        return ()
    named = [f"{one.sample_id[:ID_CHARS]}{f': {one.why}' if one.why else ''}" for one in left_out]
    return (Reason(key, {"count": len(left_out), "samples": first_of(named, "; ")}),)


@dataclass(frozen=True)
class AnsweredAgain:
    """What came of it."""

    written: int = 0
    left_out: tuple[LeftOut, ...] = ()  # what cannot be read, or was refused


def in_batches(
    store: Store,
    batches: Iterable[Sequence[SampleRow]],
    answer: Callable[[Sequence[SampleRow]], Mapping[str, T | LeftOut]],
    write: Callable[[Session, SampleRow, T], bool],
) -> AnsweredAgain:
    """Have batches answered, and write down what is said of those that still have their content.

    `answer` returns it by sample id; `write` is handed a row as it stands then, and tells whether it took the answer.
    Raises StorageError.
    """
    written, left_out = 0, []
    for rows in batches:
        outcomes = answer(rows)
        left_out += [outcome for outcome in outcomes.values() if isinstance(outcome, LeftOut)]
        answers = {name: outcome for name, outcome in outcomes.items() if not isinstance(outcome, LeftOut)}
        with store.session() as session:
            for sample_id, row in samples.locked(session, answers).items():
                written += row.has_content and write(session, row, answers[sample_id])
            session.commit()
    return AnsweredAgain(written, tuple(left_out))
