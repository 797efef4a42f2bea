"""How a sample came to people, and with which chance: by that its answer says something about all that is sent here.

Which samples are set aside for the gate is drawn once, by content, and kept with the row: a sample whose id changes,
because pictures are decoded otherwise or captions compared otherwise, keeps its draw.

What the champion doubts is asked about in full, of its sure answers a known share. What a visitor disputed and what was
imported came by nobody's draw, and stands for itself alone. Who drew it stays so, whatever is said of a sample later.

The *panel* are samples that came by one chance, whether the model was sure of them or not: of the sure answers those
that are checked at random, and of the doubted ones the same share. So any version can be judged by them at any
threshold as if all that is sent here had been asked about, each counting once. Like all random checks they never train.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mmdemo import hashed_draw
from mmdemo.tasks import Task
from mmdemo.values.samples import SUSPENDED, FlagReason, Prediction

FLAGGED, AUDITED = "flagged", "audited"


class Way(Protocol):
    """By whose draw a sample came to people, and with which chance."""

    @property
    def stratum(self) -> str | None: ...
    @property
    def propensity(self) -> float | None: ...


class Drawn(Way, Protocol):
    """… and what decides whether it is set aside."""

    @property
    def split_draw(self) -> float: ...
    @property
    def in_panel(self) -> bool: ...


@dataclass(frozen=True)
class Draw:
    """How an answer came to people."""

    stratum: str | None = None  # None: nobody drew it
    propensity: float | None = None  # with which chance
    in_panel: bool = False


def held_out_draw(sample_id: str) -> float:
    """Return a number in [0, 1), as if at random: the same for one sample on every machine and in every night."""
    return hashed_draw.draw("held-out", sample_id)


def is_held_out(drawn: float, share: float) -> bool:
    """Say whether a sample with that draw is set aside, for a `share` in [0, 1]. A larger share only adds samples."""
    return drawn < share


def is_audited(sample_id: str, share: float) -> bool:
    """Say whether a sure answer is checked all the same: about a `share` in [0, 1] of all inputs.

    Only the input decides, as if at random: asking again never changes it, and no visitor can foresee it without
    computing this hash. Independent of the choice of held-out corrections, which hashes under another name.
    """
    return hashed_draw.draw("audit", sample_id) < share


def of(prediction: Prediction, task: Task, share: float) -> Draw:
    """Return how an answer comes to people that was just given, while a `share` of the sure ones is checked.

    Of the doubted ones no more belong to the panel than are set aside anyway, and then of the sure ones neither. Where
    nothing goes out unasked, all of these do.
    """
    even = task.gate.held_out_share if SUSPENDED in prediction.notes else min(share, task.gate.held_out_share)
    if prediction.reason == FlagReason.AUDIT:
        return Draw(AUDITED, share, is_audited(prediction.sample_id, even))
    if prediction.flagged:
        return Draw(FLAGGED, 1.0, is_held_out(held_out_draw(prediction.sample_id), even))
    return Draw()


def is_set_aside(sample: Drawn, share: float) -> bool:
    """Say whether a sample is never trained on: a random check never is, of the others a `share`, by their draw.

    Those of earlier releases, whose share was not written down, may have been trained on: they go by their draw.
    `store.order.sets_aside` is the same in SQL.
    """
    return _is_check(sample) or sample.in_panel or is_held_out(sample.split_draw, share)


def _is_check(sample: Way) -> bool:
    return sample.stratum == AUDITED and sample.propensity is not None


@dataclass(frozen=True)
class SampleWeights:
    """Samples that are set aside: of which stratum each is, and how many of what is sent here it stands for."""

    weights: Mapping[str, tuple[str, float]] = field(default_factory=dict)  # sample id → both; only of those drawn
    unseen: float | None = None  # what a random check would stand for, of which there is none; None: none are drawn

    def count(self, stratum: str) -> int:
        """Return how many samples of a stratum there are."""
        return sum(name == stratum for name, _ in self.weights.values())


def standing(samples: Mapping[str, Drawn], drawn: Mapping[Draw, int], task: Task) -> SampleWeights:
    """Weigh the samples that were answered, by id.

    `drawn`: how samples came that are set aside → how many came so. Of a stratum those that are answered stand for the
    others too: for as much of what is sent here as all of them. By that, not by their number, are they set against each
    other, for checks of another share stand for more. What trains is in none of it: it is asked about in another order.
    """
    aside = {name: sample for name, sample in samples.items() if is_set_aside(sample, task.gate.held_out_share)}
    answered = _mass(Counter(Draw(sample.stratum, sample.propensity) for sample in aside.values()), task)
    whole = _mass(drawn, task)
    times = {name: max(1.0, whole.get(name, 0.0) / mass) for name, mass in answered.items()}
    chances = {name: _chance(sample, task) for name, sample in aside.items()}
    weights = {
        name: (str(aside[name].stratum), times[str(aside[name].stratum)] / chance)
        for name, chance in chances.items()
        if chance
    }
    return SampleWeights(weights, 1 / task.audit_share if task.audit_share else None)


def _mass(counts: Mapping[Draw, int], task: Task) -> dict[str, float]:
    """Return stratum → how many of what is sent here its samples stand for, of which so many were drawn so."""
    mass: dict[str, float] = {}
    for way, number in counts.items():
        if chance := _chance(way, task):
            mass[str(way.stratum)] = mass.get(str(way.stratum), 0.0) + number / chance
    return mass


def is_drawn(sample: Way, task: Task) -> bool:
    """Say whether a sample that is set aside was drawn from what is sent here."""
    return _chance(sample, task) > 0


def _chance(sample: Way, task: Task) -> float:
    """Return the chance that such a sample is asked about and set aside, 0 where nobody drew it."""
    if sample.stratum == FLAGGED:
        return task.gate.held_out_share
    if _is_check(sample):
        return sample.propensity or 0.0
    return task.audit_share * task.gate.held_out_share if sample.stratum == AUDITED else 0.0
