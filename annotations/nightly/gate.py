"""Champion's and challenger's figures → promote, wait or reject, with reasons; pure. It loads and trains nothing.

`wait` speaks before the training, `judge` after it.
"""

from dataclasses import dataclass

from scipy.stats import binomtest

from mmdemo.values.review import Reason

ACCURACY = "accuracy"  # share of right answers, which every kind of answer has
PROMOTED, REJECTED, WAITING, NOTHING_NEW = "promoted", "rejected", "waiting", "nothing_new"

LOST_SHARE = 0.1  # of the anchors, that a challenger may answer otherwise
LOST_ALWAYS = 1  # anchors that it may lose however few there are: one flip among five is no sign of forgetting
UNLEARNED_CHANCE = 0.05  # that any capability is called unlearned where none is
_ROUNDING = 1e-9  # figures closer than this are equal
_WORSE = {  # figures that have a sentence of their own where they are worse
    ACCURACY: "status.night_worse_accuracy",
    "macro_f1": "status.night_worse_macro_f1",
}


@dataclass(frozen=True)
class ComparedFigure:
    """One figure of both versions on the held-out corrections."""

    name: str  # ACCURACY, or one that the kind of answer brings
    champion: float
    challenger: float
    better: int = 1  # -1: of a loss, less is better


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
class Comparison:
    """Champion and challenger on the same samples, which neither was trained on."""

    held_out: int  # corrections behind the figures
    figures: tuple[ComparedFigure, ...]  # ACCURACY first
    anchors: int = 0  # samples that the champion answers rightly and is sure of
    lost: int = 0  # of the anchors, answered otherwise by the challenger
    capabilities: tuple[CapabilityTally, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the gate says, and why."""

    name: str  # one of PROMOTED, REJECTED, WAITING, NOTHING_NEW
    reasons: tuple[Reason, ...]


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


def judge(comparison: Comparison) -> Verdict:
    """Promote a challenger that is not worse in any figure, and that keeps what the champion knew.

    Neither may it be significantly worse in any capability, of which single tests may flip.
    """
    against = [reason for check in (_worse, _forgets, _unlearns) for reason in check(comparison)]
    return Verdict(REJECTED if against else PROMOTED, (*_scores(comparison), *against))


def _worse(comparison: Comparison) -> list[Reason]:
    return [
        _reason_of(figure)
        for figure in comparison.figures
        if figure.better * (figure.challenger - figure.champion) < -_ROUNDING
    ]


def _reason_of(worse: ComparedFigure) -> Reason:
    if worse.name in _WORSE:
        return Reason(_WORSE[worse.name], _of_both(worse))
    return Reason("status.night_worse", {"figure": _in_words(worse), **_of_both(worse)})


def _of_both(figure: ComparedFigure) -> dict[str, float]:
    return {"champion": figure.champion, "challenger": figure.challenger}


def _in_words(figure: ComparedFigure) -> str:
    return figure.name.replace("_", " ")


def _forgets(comparison: Comparison) -> list[Reason]:
    allowed = max(LOST_ALWAYS, int(LOST_SHARE * comparison.anchors))
    if comparison.lost <= allowed:
        return []
    values = {"lost": comparison.lost, "anchors": comparison.anchors, "allowed": allowed}
    return [Reason("status.night_forgets", values)]


def _unlearns(comparison: Comparison) -> list[Reason]:
    """Name the capabilities in which more tests were lost than chance explains, however many are looked at.

    McNemar's exact test, one-sided, of the tests that flipped; Bonferroni's bound over the capabilities.
    """
    tested = comparison.capabilities
    return [
        Reason(
            "status.night_unlearned",
            {
                "capability": tally.name.replace("_", " "),
                "tests": tally.tests,
                "champion": tally.champion,
                "challenger": tally.challenger,
            },
        )
        for tally in tested
        if tally.lost > tally.gained
        and binomtest(tally.lost, tally.lost + tally.gained, alternative="greater").pvalue * len(tested)
        < UNLEARNED_CHANCE
    ]


def _scores(comparison: Comparison) -> list[Reason]:
    """Say how often both are right, and what else is compared."""
    accuracy, *others = comparison.figures
    right = {"held_out": comparison.held_out, **_of_both(accuracy)}
    if [figure.name for figure in others] == ["macro_f1"]:  # one sentence says both
        [f1] = others
        return [Reason("status.night_scores", {**right, "champion_f1": f1.champion, "challenger_f1": f1.challenger})]
    further = (Reason("status.night_figure", {"figure": _in_words(each), **_of_both(each)}) for each in others)
    return [Reason("status.night_right", right), *further]
