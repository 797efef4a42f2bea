"""Stored samples are answered once more, a batch at a time; what was erased meanwhile is not written about.

Answering takes minutes and holds no session: a batch is read, answered, and written in one short transaction, which
looks at each row anew. A run that broke off loses the batch that it was at.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from annotations.review_queue.stored_samples import LeftOut
from annotations.schema import SampleRow
from annotations.store import Session, Store, samples

T = TypeVar("T")  # what is said of a sample
BATCH = 32  # samples between two short transactions, and all that is in memory at once


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
