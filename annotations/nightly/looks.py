"""How often a task's challengers may be looked at, and how sure a look must be before it promotes; pure.

Whoever looks every night at equal challengers promotes one of them sooner or later. So a month has a budget: the chance
that it sees any promotion that was none. A look spends a fifth of what is left of it (alpha spending: Lan and DeMets,
"Discrete sequential boundaries for clinical trials", Biometrika 1983), so that the first of a month has most, and
however many follow, their sum stays within the budget.

Each night's challenger is another one: these are many hypotheses, each looked at once, and not one that is watched. An
always-valid process bounds the looks at one hypothesis, and would have to be divided among the challengers all the
same; at a single look it is the weaker test. And it must be new labels that are looked at: a look counts only once what
was drawn from what is sent here and set aside has grown by a fifth.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

MONTHLY_BUDGET = 0.05  # chance of a false promotion in a calendar month (UTC)
SHARE_OF_REST = 5  # a look spends the fifth part of what is left
GROWTH = 5  # what was drawn and set aside must have grown by the fifth part
SIZE, LEVEL = "look_size", "level"  # figures of a run that was a look


@dataclass(frozen=True)
class Look:
    """One comparison of a challenger with the champion that could have promoted."""

    at: datetime
    drawn: int  # corrections that were drawn from what is sent here, and set aside then
    spent: float  # of the month's budget


class JudgedRun(Protocol):
    """A run that came to its end with a challenger, as the store has it."""

    @property
    def started_at(self) -> datetime: ...
    @property
    def figures(self) -> Mapping[str, Any]: ...


def of_runs(runs: Iterable[JudgedRun]) -> list[Look]:
    """Return the looks that these runs were; runs of earlier releases were none, which had no budget."""
    return [
        Look(run.started_at, int(run.figures[SIZE]), float(run.figures[LEVEL])) for run in runs if LEVEL in run.figures
    ]


@dataclass(frozen=True)
class LookBudget:
    """What the next look may do."""

    number: int  # it is that month's, from 1
    level: float  # chance of a false promotion that it may take
    spent: float  # by the month's looks before it


def allowance(looks: Sequence[Look], now: datetime) -> LookBudget:
    """Return what a look may spend now, after these `looks` of the same task."""
    month = [look for look in looks if (look.at.year, look.at.month) == (now.year, now.month)]
    spent = sum(look.spent for look in month)
    return LookBudget(len(month) + 1, max(0.0, MONTHLY_BUDGET - spent) / SHARE_OF_REST, spent)


def next_size(looks: Sequence[Look]) -> int:
    """Return how many corrections must be drawn and set aside before the next look counts; 0: there was none yet."""
    last = max(looks, key=lambda look: look.at, default=None)
    return 0 if last is None else last.drawn + -(-last.drawn // GROWTH)  # rounded up


def held_out_needed(minimum: int, held_out: int, drawn: int, looks: Sequence[Look]) -> int:
    """Return how many corrections must be held out in all before the next comparison, of `held_out` that are."""
    return max(minimum, held_out + max(0, next_size(looks) - drawn))
