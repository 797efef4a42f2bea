"""Champion's and challenger's figures → promote, wait or reject, with reasons; pure. It loads and trains nothing.

`wait` speaks before the training, `judge` after it.
"""

from dataclasses import dataclass

from scipy.stats import binomtest

from mmdemo.review import Reason

PROMOTED, REJECTED, WAITING, NOTHING_NEW = "promoted", "rejected", "waiting", "nothing_new"

LOST_SHARE = 0.1  # of the anchors, that a challenger may answer otherwise
LOST_ALWAYS = 1  # anchors that it may lose however few there are: one flip among five is no sign of forgetting
UNLEARNED_CHANCE = 0.05  # that any capability is called unlearned where none is
_ROUNDING = 1e-9  # figures closer than this are equal


@dataclass(frozen=True)
class Score:
    """One version on the held-out corrections."""

    accuracy: float
    macro_f1: float


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

    held_out: int  # corrections behind both scores
    champion: Score
    challenger: Score
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
    """Promote a challenger that is not worse, by accuracy and by macro-F1, and that keeps what the champion knew.

    Neither may it be significantly worse in any capability, of which single tests may flip.
    """
    against = [reason for check in (_worse, _forgets, _unlearns) for reason in check(comparison)]
    return Verdict(REJECTED if against else PROMOTED, (_scores(comparison), *against))


def _worse(comparison: Comparison) -> list[Reason]:
    champion, challenger = comparison.champion, comparison.challenger
    pairs = {
        "status.night_worse_accuracy": (champion.accuracy, challenger.accuracy),
        "status.night_worse_macro_f1": (champion.macro_f1, challenger.macro_f1),
    }
    return [
        Reason(key, {"champion": before, "challenger": after})
        for key, (before, after) in pairs.items()
        if after < before - _ROUNDING
    ]


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


def _scores(comparison: Comparison) -> Reason:
    values = {
        "held_out": comparison.held_out,
        "champion": comparison.champion.accuracy,
        "challenger": comparison.challenger.accuracy,
        "champion_f1": comparison.champion.macro_f1,
        "challenger_f1": comparison.challenger.macro_f1,
    }
    return Reason("status.night_scores", values)
