"""Champion and challenger on the same samples → promote, wait or reject, with reasons and every number; pure.

`wait` and `wait_for_evidence` speak before the training, `judge` after it. Better is about all traffic: `evidence`. How
sure it must be: `looks`. What it must not be worse in: `guards`. What nothing is served without: `limits`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from annotations.acquisition.strata import AUDITED, SampleWeights
from annotations.nightly import evidence, guards, limits
from annotations.nightly.evidence import Gain, Stratum
from annotations.nightly.guards import Safeguard
from annotations.nightly.limits import LimitCheck
from annotations.nightly.looks import LEVEL, MONTHLY_BUDGET, LookBudget
from mmdemo.values.review import Reason, RunVerdict

ACCURACY = "accuracy"  # share of right answers, which every kind of answer has
PROMOTED, REJECTED, WAITING, NOTHING_NEW = RunVerdict
CHECKS_NEEDED = 10  # random checks of sure answers, where there are sure answers

ALL, CLASS, MODALITIES, SOURCE, MEMORY = "all", "class", "modalities", "source", "memory"  # what is tallied apart
LOSS, MAPS = "loss", "maps"  # … by which version is better, without right and wrong
_SENTENCES = {
    ALL: "status.night_worse_accuracy",
    CLASS: "status.night_worse_class",
    MODALITIES: "status.night_worse_modalities",
    SOURCE: "status.night_worse_source",
    LOSS: "status.night_worse_loss",
    MAPS: "status.night_worse_maps",
    MEMORY: "status.night_worse_memory",
}
ONE_ANNOTATOR, ONE_CLASS = "annotator", "class"
_NARROW = {ONE_ANNOTATOR: "status.night_one_annotator", ONE_CLASS: "status.night_one_class"}
NOT_WORSE = 0.03  # share of right answers on what the base holds back, by which a challenger is surely not worse


@dataclass(frozen=True)
class ComparedFigure:
    """One figure of both versions on the held-out corrections."""

    name: str  # ACCURACY, or one that the kind of answer brings
    champion: float
    challenger: float


@dataclass(frozen=True)
class PairTally:
    """Held-out corrections of one sort, each asked of both versions."""

    sort: str  # a key of _SENTENCES
    name: str  # such as the class; "" of all
    samples: int
    champion: int  # right answers; of LOSS and MAPS: samples on which it is better
    challenger: int
    lost: int  # samples on which the champion alone is right, or better
    gained: int  # samples on which the challenger alone is


@dataclass(frozen=True)
class CapabilityTally:
    """What the task should be able to do, tested on both versions with the same samples."""

    name: str
    tests: int
    champion: int  # tests that hold
    challenger: int
    lost: int  # tests that held for the champion alone
    gained: int  # tests that hold for the challenger alone


@dataclass(frozen=True)
class Narrow:
    """How all that a challenger learned is of one sort, and what would show the harm."""

    sort: str  # ONE_ANNOTATOR or ONE_CLASS
    # (m, 2) scores of champion and challenger on what the base holds back of its memory; of ONE_CLASS on samples of
    # other classes with the modalities that were learned from
    scores: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))


@dataclass(frozen=True)
class Comparison:
    """Champion and challenger on the same samples: on corrections that trained neither, and beside them on `memory`."""

    held_out: int  # corrections behind the figures
    figures: tuple[ComparedFigure, ...]  # ACCURACY first
    strata: tuple[Stratum, ...] = ()  # those of them that were drawn from what is sent here
    tallies: tuple[PairTally, ...] = ()
    # (n, 2) squared error of the confidence that an answer is right: the champion's, the challenger's
    miscalibration: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    # Samples of the base's own population, none of them chosen by doubt, that the champion answers rightly and surely
    anchors: int = 0
    anchors_lost: int = 0  # of these, answered wrongly by the challenger
    capabilities: tuple[CapabilityTally, ...] = ()
    # (n, 2) scores of what the base holds back of its memory, from which no night learns: the champion's, the
    # challenger's. What the base itself was trained on flatters it, so that guard and NOT_WORSE are strict with others.
    memory: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    narrow: Narrow | None = None
    limits: LimitCheck = field(default_factory=LimitCheck)


@dataclass(frozen=True)
class Verdict:
    """What the gate says, why, and by which numbers."""

    name: str  # one of PROMOTED, REJECTED, WAITING, NOTHING_NEW
    reasons: tuple[Reason, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)


def tally(sort: str, name: str, champion: np.ndarray, challenger: np.ndarray) -> PairTally:
    """Return the tally of the scores (n,) that both versions have on the same samples, 1 for a right answer."""
    lost, gained = int((challenger < champion).sum()), int((challenger > champion).sum())
    alone = (champion == challenger) & (champion >= 1)
    return PairTally(sort, name, len(champion), int(alone.sum()) + lost, int(alone.sum()) + gained, lost, gained)


def wait(train: int, held_out: int, minimum: int, share: float) -> Verdict | None:
    """Return WAITING where the corrections don't suffice for a verdict, None where they do.

    `train` and `held_out` count the corrections to learn from and to judge by, `minimum` the latter that are needed;
    `share` is the part of all corrections that is set aside.
    """
    if held_out < minimum:
        values = {"missing": minimum - held_out, "held_out": held_out, "minimum": minimum, "share": share}
        return Verdict(WAITING, (Reason("status.night_waiting", values),))
    if train == 0:
        return Verdict(WAITING, (Reason("status.night_none_to_learn", {"held_out": held_out}),))
    return None


def wait_for_evidence(held_out: int, next_size: int, standing: SampleWeights, sure: int) -> Verdict | None:
    """Return WAITING where a comparison could not promote, so that none is made and none of the month's budget spent.

    `held_out` counts those of any origin. A look counts once `next_size` of them were drawn from what is sent here;
    `standing` says which were, and what they stand for. Of `sure` sure answers it is known that they were given: of
    these some must have been checked at random.
    """
    checked, drawn = standing.count(AUDITED), len(standing.weights)
    if drawn < next_size:
        values = {"needed": next_size, "held_out": drawn, "missing": next_size - drawn}
        return Verdict(WAITING, (Reason("status.night_next_look", values),), {"next_look": float(next_size)})
    if not standing.weights:
        return Verdict(WAITING, (Reason("status.night_nothing_drawn", {"held_out": held_out}),))
    if not checked and standing.unseen is None:
        return Verdict(WAITING, (Reason("status.night_no_checks"),))
    if missing := checks_missing(checked, sure):
        values = {"checked": checked, "needed": CHECKS_NEEDED, "missing": missing}
        return Verdict(WAITING, (Reason("status.night_few_checks", values),), {"checks_missing": float(missing)})
    return None


def checks_missing(checked: int, sure: int) -> int:
    """Return how many random checks are missing: none where it is not known that any sure answer was given."""
    return max(0, CHECKS_NEEDED - checked) if sure else 0


def judge(comparison: Comparison, allowance: LookBudget) -> Verdict:
    """Promote a challenger that is shown to be better about all traffic, as surely as this look must be.

    Reject one that is significantly worse in anything that is guarded. Wait where neither is shown.
    """
    drawn = any(stratum.labels for stratum in comparison.strata)
    gain = evidence.gain(comparison.strata, allowance.level) if drawn else None
    refusals, numbers = _refusals(comparison, gain)
    scores = _scores(comparison)
    if gain is None:
        nothing = Reason("status.night_nothing_drawn", {"held_out": comparison.held_out})
        return Verdict(REJECTED if refusals else WAITING, (*scores, *(refusals or (nothing,))), numbers)
    numbers |= _numbers(comparison, gain, allowance)
    scores = (*scores, _about_traffic(comparison, gain))
    if refusals:
        return Verdict(REJECTED, (*scores, *refusals), numbers)
    if gain.p_better <= allowance.level and (narrow := _too_narrow(comparison.narrow)):
        return Verdict(WAITING, (*scores, narrow), numbers)
    if gain.p_better <= allowance.level:
        return Verdict(PROMOTED, (*scores, Reason("status.night_shown", _chance(gain.p_better, allowance))), numbers)
    missing = evidence.labels_to_decide(comparison.strata, _next_level(allowance))
    numbers |= {} if missing is None else {"labels_missing": float(missing)}
    return Verdict(WAITING, (*scores, _why_waiting(gain, missing, allowance)), numbers)


def judge_without(comparison: Comparison) -> Verdict:
    """Promote a challenger that never saw what was taken back, unless it is significantly worse in what is guarded.

    It need not be better, and spends nothing of the month's budget; it may not break a limit either.
    """
    drawn = any(stratum.labels for stratum in comparison.strata)
    gain = evidence.gain(comparison.strata, guards.REFUSED_HARMLESS) if drawn else None
    refusals, numbers = _refusals(comparison, gain)
    return Verdict(REJECTED if refusals else PROMOTED, (*_scores(comparison), *refusals), numbers)


def _refusals(comparison: Comparison, gain: Gain | None) -> tuple[tuple[Reason, ...], dict[str, float]]:
    """Return why the challenger may not be served, and the numbers of all that was looked at for it."""
    looked = list(_guards(comparison, gain))
    numbers = {f"p_{guard.name}": guard.p_value for guard in looked} | comparison.limits.numbers
    refusing = (Reason(guard.key, guard.values) for guard in guards.refusing(looked))
    return (*refusing, *limits.broken(comparison.limits)), numbers


def _next_level(allowance: LookBudget) -> float:
    """Return what the look after this one may spend, in the same month."""
    return allowance.level * (1 - allowance.level / max(MONTHLY_BUDGET - allowance.spent, allowance.level))


def _why_waiting(gain: Gain, missing: int | None, allowance: LookBudget) -> Reason:
    if missing is None:
        return Reason("status.night_no_difference")
    key = "status.night_thin" if gain.difference > 0 else "status.night_thin_worse"
    return Reason(key, {**_chance(gain.p_better, allowance), "labels": missing})


def _chance(p_value: float, allowance: LookBudget) -> dict[str, float]:
    return {"p_value": p_value, "level": allowance.level, "number": allowance.number}


def _about_traffic(comparison: Comparison, gain: Gain) -> Reason:
    values = {
        "labels": sum(stratum.labels for stratum in comparison.strata),
        "checked": _labels(comparison, AUDITED),
        "champion": gain.champion,
        "challenger": gain.challenger,
        **{name: 100 * getattr(gain, name) for name in ("difference", "at_least", "at_most")},
    }
    return Reason("status.night_traffic", values)


def _labels(comparison: Comparison, name: str) -> int:
    return sum(stratum.labels for stratum in comparison.strata if stratum.name == name)


def _numbers(comparison: Comparison, gain: Gain, allowance: LookBudget) -> dict[str, float]:
    """Return what the verdict rests on, by name."""
    by_stratum = {
        f"{stratum.name}_{number}_{what}": value
        for number, stratum in enumerate(comparison.strata)
        for what, value in (
            ("labels", float(stratum.labels)),
            ("weight", stratum.weight),
            ("gained", stratum.gains),
            ("lost", stratum.losses),
        )
    }
    of_look = {"look": float(allowance.number), LEVEL: allowance.level, "spent_before": allowance.spent}
    of_gain = {
        "traffic_champion": gain.champion,
        "traffic_challenger": gain.challenger,
        "difference": gain.difference,
        "difference_at_least": gain.at_least,
        "difference_at_most": gain.at_most,
        "p_better": gain.p_better,
    }
    return {**of_gain, **of_look, **by_stratum}


def _guards(comparison: Comparison, gain: Gain | None) -> Iterator[Safeguard]:
    if gain is not None:
        worse = {"difference": 100 * gain.difference, "at_most": 100 * gain.at_most}
        yield Safeguard("traffic", gain.p_worse, 0.0, "status.night_worse_traffic", worse)
    for one in (*comparison.tallies, *_memory_tally(comparison)):
        yield _guard_of(one)
    if len(comparison.miscalibration):
        champion, challenger = (float(value) for value in comparison.miscalibration.mean(axis=0))
        p_values = guards.mean_test(comparison.miscalibration[:, 1] - comparison.miscalibration[:, 0])
        values = {"champion": champion, "challenger": challenger}
        yield Safeguard("calibration", *p_values, "status.night_worse_calibration", values)
    if comparison.anchors:
        values = {"lost": comparison.anchors_lost, "anchors": comparison.anchors, "allowed": _may_forget(comparison)}
        p_values = guards.share_test(comparison.anchors_lost, comparison.anchors)
        yield Safeguard("anchors", *p_values, "status.night_forgets", values)
    for tested in comparison.capabilities:
        named: dict[str, str | int | float] = {"capability": tested.name.replace("_", " "), "tests": tested.tests}
        named |= {"champion": tested.champion, "challenger": tested.challenger}
        p_values = guards.sign_test(tested.lost, tested.gained)
        yield Safeguard(f"capability:{tested.name}", *p_values, "status.night_unlearned", named)


def _memory_tally(comparison: Comparison) -> list[PairTally]:
    return [tally(MEMORY, "", *comparison.memory.T)] if len(comparison.memory) else []


def _too_narrow(narrow: Narrow | None) -> Reason | None:
    """Say why a challenger that learned from one annotator, or one class, is not served, though it looks better.

    The corrections that judge it carry the same hand. So it must be shown not to be worse on what the base holds back:
    the lower limit of the difference is above -NOT_WORSE. What learns one class breaks the others: where nothing of
    these is held back, it waits. One person alone may teach a first model, which remembers nothing.
    """
    if not narrow:
        return None
    if not len(narrow.scores):
        return Reason("status.night_one_class_unshown") if narrow.sort == ONE_CLASS else None
    lower = evidence.gain([Stratum(MEMORY, 1.0, *narrow.scores.T)], guards.REFUSED_HARMLESS).at_least
    if lower >= -NOT_WORSE:
        return None
    values = {"samples": len(narrow.scores), "at_least": 100 * lower, "allowed": 100 * NOT_WORSE}
    return Reason(_NARROW[narrow.sort], values)


def _guard_of(tally: PairTally) -> Safeguard:
    values: dict[str, str | int | float]
    if tally.sort == ALL:
        values = {name: getattr(tally, name) / max(1, tally.samples) for name in ("champion", "challenger")}
    else:
        values = {name: getattr(tally, name) for name in ("samples", "champion", "challenger")}
        values |= {"part": tally.name}
    name = f"{tally.sort}:{tally.name}" if tally.name else tally.sort
    return Safeguard(name, *guards.sign_test(tally.lost, tally.gained), _SENTENCES[tally.sort], values)


def _may_forget(comparison: Comparison) -> int:
    """Return how many anchors may be lost where nothing else is guarded."""
    counts = range(comparison.anchors + 1)
    return max(n for n in counts if guards.share_test(n, comparison.anchors)[0] > guards.REFUSED_HARMLESS)


def _scores(comparison: Comparison) -> Sequence[Reason]:
    """Say how often both are right, and what else is compared."""
    accuracy, *others = comparison.figures
    right = {"held_out": comparison.held_out, **_of_both(accuracy)}
    if [figure.name for figure in others] == ["macro_f1"]:  # one sentence says both
        [f1] = others
        return [Reason("status.night_scores", {**right, "champion_f1": f1.champion, "challenger_f1": f1.challenger})]
    further = (
        Reason("status.night_figure", {"figure": each.name.replace("_", " "), **_of_both(each)}) for each in others
    )
    return [Reason("status.night_right", right), *further]


def _of_both(figure: ComparedFigure) -> dict[str, float]:
    return {"champion": figure.champion, "challenger": figure.challenger}
