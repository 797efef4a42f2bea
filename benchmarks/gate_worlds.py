"""Champions and challengers of which the truth is known, and the samples by which the gate has to judge them.

A version's evidence for the right answer of a sample is what the sample gives to every version, and a part that is the
version's own: it is right where that is above 0, and sure where it is far from 0. So two versions disagree most where
they are unsure, and what the champion doubts flatters a challenger. In a blind world they disagree anywhere alike.
Samples come to people as the loop has it: what the champion doubts, and a share of its sure answers; a part of the
former and all of the latter are set aside. What is set aside is answered as it came, and what that stands for is what
the loop says. In a home where people do not get to all of it, some of it waits.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from annotations.acquisition import strata
from annotations.acquisition.strata import AUDITED, FLAGGED, Draw, SampleWeights
from annotations.nightly import gate, looks
from annotations.nightly.evidence import Stratum
from annotations.nightly.gate import ACCURACY, ComparedFigure, Comparison, Verdict
from annotations.nightly.looks import Look
from mmdemo import tasks
from mmdemo.evaluation import metrics
from mmdemo.tasks import Gate

RIGHT = 0.85  # share of the traffic of which a champion is right
DOUBTED = 0.2  # share of the traffic that it doubts
CLASSES, EXAMPLES = 3, 8
MINIMUM, HELD_OUT_SHARE = 20, 0.3  # as a task's file has them by default
CHECKED = 60  # answered checks, which a month reaches: as `audits.until`
NIGHTS, SENT = 30, 60  # in a month, and samples that are sent between two nights
BEGIN = datetime(2026, 1, 1, 2, tzinfo=UTC)
BLIND_OWN = 0.3  # a version's own part where disagreement does not come from it


@dataclass(frozen=True)
class World:
    """Two versions, and how samples come to people."""

    disagreement: float = 0.07  # share of the traffic of which exactly one version is right
    gain: float = 0.0  # by how much the challenger is right more often, over all traffic
    lost_class: float = 0.0  # by how much it is right less often in one class, and only there
    blind: bool = False
    audit_share: float = 0.2
    later_share: float | None = None  # of the sure answers, that is checked once CHECKED of them were answered
    answered: float = 1.0  # share of what was set aside that people have got to by a night


@dataclass(frozen=True)
class SentSample:
    """How a sample that is set aside came to people."""

    stratum: str
    propensity: float
    split_draw: float = 0.0
    in_panel: bool = False


@dataclass(frozen=True)
class PairedAnswers:
    """What both versions make of the same samples; columns: the champion, the challenger."""

    right: np.ndarray  # (n, 2) bool
    confidence: np.ndarray  # (n, 2) in [0.5, 1]
    label: np.ndarray  # (n,) int
    sure: np.ndarray  # (n,) bool: the champion


class Home:
    """What a home has set aside for the gate, and the challengers that are trained in it."""

    def __init__(self, world: World, draw: np.random.Generator) -> None:
        self.world, self._draw = world, draw
        self._own = BLIND_OWN if world.blind else _own_part(world)
        self._mean = float(norm.ppf(RIGHT)) * np.hypot(1.0, self._own)
        self._doubted = _doubted(self._mean, np.hypot(1.0, self._own))
        self._common, self._champion, self._label = np.empty(0), np.empty(0), np.empty(0, int)
        self._ways: list[SentSample] = []  # of what is set aside, oldest first; of that the first are answered
        self._examples = self._samples(EXAMPLES)
        gate_rule = Gate(minimum=MINIMUM, held_out_share=HELD_OUT_SHARE)
        self._task = replace(tasks.get("sentiment"), audit_share=world.audit_share, gate=gate_rule)

    @property
    def size(self) -> int:
        """How many corrections are set aside."""
        return int(self.world.answered * len(self._label))

    def standing(self) -> SampleWeights:
        """Return what each of them stands for."""
        drawn = Counter(Draw(way.stratum, way.propensity) for way in self._ways)
        answered = {str(number): way for number, way in enumerate(self._ways[: self.size])}
        return strata.standing(answered, drawn, self._task)

    def send(self, number: int) -> None:
        """Have so many samples sent, and some answered of what people are asked about."""
        common, champion, label = self._samples(number)
        sure, share = np.abs(champion) > self._doubted, self._share()
        kept = self._draw.random(number) < np.where(sure, share, HELD_OUT_SHARE)
        self._common = np.concatenate([self._common, common[kept]])
        self._champion = np.concatenate([self._champion, champion[kept]])
        self._label = np.concatenate([self._label, label[kept]])
        self._ways += [SentSample(AUDITED, share) if each else SentSample(FLAGGED, 1.0) for each in sure[kept]]

    def _share(self) -> float:
        """Return the share of the sure answers that is checked by what was answered so far."""
        if self.world.later_share is None:
            return self.world.audit_share
        checked = sum(way.stratum == AUDITED for way in self._ways[: self.size])
        return self.world.audit_share if checked < CHECKED else self.world.later_share

    def fill(self, held_out: int) -> None:
        """Have samples sent until so many corrections are set aside."""
        while self.size < held_out:
            self.send(held_out - self.size)

    def train(self) -> tuple[PairedAnswers, PairedAnswers]:
        """Return what a new challenger, and the champion, make of these corrections, and of the task's examples."""
        corrections = (part[: self.size] for part in (self._common, self._champion, self._label))
        return self._answers(*corrections), self._answers(*self._examples)

    def _samples(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what samples give to every version, the champion's evidence, and their classes; each (n,)."""
        common = self._draw.normal(self._mean, 1.0, number)
        own = self._draw.normal(0.0, self._own, number)
        return common, common + own, self._draw.integers(0, CLASSES, number)

    def _answers(self, common: np.ndarray, champion: np.ndarray, label: np.ndarray) -> PairedAnswers:
        world, number = self.world, len(common)
        if world.blind:
            wins, losses = (world.disagreement + world.gain) / 2, (world.disagreement - world.gain) / 2
            flipped = self._draw.random(number) < np.where(champion > 0, losses / RIGHT, wins / (1 - RIGHT))
            challenger = np.where(flipped, -champion, champion)
        else:
            ahead = _ahead(self._own, world.gain)
            challenger = common + self._draw.normal(0.0, self._own, number) + ahead
        lost = (label == 0) & (challenger > 0) & (self._draw.random(number) < world.lost_class / RIGHT)
        evidence = np.stack([champion, np.where(lost, -challenger, challenger)], axis=1)
        return PairedAnswers(evidence > 0, norm.cdf(np.abs(evidence)), label, np.abs(champion) > self._doubted)


@cache
def _own_part(world: World) -> float:
    """Return the spread of a version's own part at which two versions disagree as in that world."""
    return float(brentq(lambda own: _disagreement(own, _ahead(own, world.gain)) - world.disagreement, 1e-3, 3.0))


def _ahead(own: float, gain: float) -> float:
    """Return by how much more evidence a challenger is right so much more often."""
    return float(norm.ppf(RIGHT + gain) - norm.ppf(RIGHT)) * float(np.hypot(1.0, own))


def _disagreement(own: float, ahead: float) -> float:
    common = np.linspace(-6, 6, 4001)
    density = norm.pdf(common) / norm.pdf(common).sum()
    common = common + float(norm.ppf(RIGHT)) * np.hypot(1.0, own)
    champion, challenger = norm.cdf(common / own), norm.cdf((common + ahead) / own)
    return float((density * (challenger + champion - 2 * challenger * champion)).sum())


@cache
def _doubted(mean: float, spread: float) -> float:
    """Return the evidence, for or against, under which a version doubts its answer: a share DOUBTED of the traffic."""

    def share(most: float) -> float:
        return float(norm.cdf((most - mean) / spread) - norm.cdf((-most - mean) / spread))

    return float(brentq(lambda most: share(most) - DOUBTED, 1e-6, 9 * spread))


def compared(standing: SampleWeights, answers: PairedAnswers, examples: PairedAnswers) -> Comparison:
    """Return what both versions answered as the gate takes it."""
    champion, challenger = answers.right.T.astype(float)
    kinds = [standing.weights[str(number)] for number in range(len(champion))]
    alike = {kind: np.array([each == kind for each in kinds]) for kind in sorted(set(kinds))}
    classes = (answers.label == label for label in range(CLASSES))
    anchors = examples.right[:, 0] & examples.sure
    return Comparison(
        held_out=len(champion),
        figures=(ComparedFigure(ACCURACY, float(champion.mean()), float(challenger.mean())),),
        strata=tuple(Stratum(*kind, champion[them], challenger[them]) for kind, them in alike.items()),
        tallies=(
            gate.tally(gate.ALL, "", champion, challenger),
            *(gate.tally(gate.CLASS, str(n), champion[it], challenger[it]) for n, it in enumerate(classes)),
        ),
        miscalibration=(answers.confidence - answers.right) ** 2,
        anchors=int(anchors.sum()),
        anchors_lost=int((anchors & ~examples.right[:, 1]).sum()),
    )


def single(world: World, held_out: int, seed: int) -> Verdict:
    """Return the verdict about one challenger at a month's first look, at so many corrections that are set aside."""
    home = Home(world, np.random.default_rng(seed))
    home.fill(held_out)
    return gate.judge(compared(home.standing(), *home.train()), looks.allowance([], BEGIN))


def month(world: World, seed: int) -> list[Verdict]:
    """Return the verdicts of a month that begins with nothing; a promotion ends it. Every night has its challenger."""
    home = Home(world, np.random.default_rng(seed))
    past: list[Look] = []
    verdicts: list[Verdict] = []
    for night in range(NIGHTS):
        home.send(SENT)
        early = gate.wait(1, home.size, MINIMUM, HELD_OUT_SHARE)
        standing = home.standing()
        if early or gate.wait_for_evidence(home.size, looks.next_size(past), standing, sure=1):
            continue
        now = BEGIN + timedelta(days=night)
        allowance = looks.allowance(past, now)
        verdicts.append(gate.judge(compared(standing, *home.train()), allowance))
        past.append(Look(now, home.size, allowance.level))
        if verdicts[-1].name == gate.PROMOTED:
            break
    return verdicts


def passed_before(world: World, seed: int, held_out: int = MINIMUM) -> bool:
    """Tell whether a challenger passed the rule that was in force before.

    Neither accuracy nor macro-F1 was lower, and of the anchors at most one, or one in ten, was lost.
    """
    home = Home(world, np.random.default_rng(seed))
    home.fill(held_out)
    answers, examples = home.train()
    wrong = (answers.label + 1) % CLASSES
    figures = []
    for right in answers.right.T:
        counts = metrics.tallies(answers.label, np.where(right, answers.label, wrong), CLASSES, metrics.once(held_out))
        figures.append((metrics.accuracy(counts)[0], metrics.macro(metrics.f1(counts), counts)[0]))
    anchors = np.concatenate([each.right[:, 0] & each.sure for each in (answers, examples)])
    lost = anchors & ~np.concatenate([each.right[:, 1] for each in (answers, examples)])
    no_worse = all(after >= before - 1e-9 for before, after in zip(*figures, strict=True))
    return bool(no_worse and lost.sum() <= max(1, int(0.1 * anchors.sum())))
