"""What a retraining run has at hand, read once at its start; and whether it has enough to train and to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from annotations.acquisition import strata
from annotations.acquisition.strata import SampleWeights
from annotations.nightly import dataset, gate, looks, unlearning
from annotations.nightly.dataset import Snapshot, Split
from annotations.nightly.gate import Verdict
from annotations.nightly.looks import Look
from annotations.store import Store, labels, runs, samples, tallies
from annotations.watching import probation
from mmdemo.errors import CheckpointError, UnknownName
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.continual import memory, recipe_of
from mmdemo.values.review import Reason
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions


@dataclass(frozen=True)
class Night:
    """What a night has at hand. No database session is open while it works."""

    task: Task
    settings: Settings
    versions: Versions
    served: str | None  # the champion, None for none
    snapshot: Snapshot
    parts: Split
    standing: SampleWeights  # of what is held out
    sure: int  # sure answers of which it is known that they were given
    looks: Sequence[Look]  # of the nights before
    last: runs.RunRow | None  # the newest run that came to a verdict about its corrections
    taken_back: frozenset[str] = frozenset()  # samples that the champion learned, of which nothing stands any more
    untainted: str = ""  # the newest version that learned none such; "" where the champion is one, or none is left
    base_is_tainted: bool = False  # somebody trained the base further from a version that learned such
    # Versions that were taken out of service → what each learned: sample → label
    withdrawn: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a night ended that came to its end."""

    verdict: Verdict
    figures: dict[str, float] = field(default_factory=dict)
    challenger: str | None = None
    doubted: tuple[str, ...] = ()  # samples that were held back as suspects, most suspicious first

    def columns(self) -> dict[str, object]:
        """Return it as a run's row holds it."""
        verdict = {"verdict": self.verdict.name, "reasons": self.verdict.reasons}
        return {**verdict, "figures": self.figures, "challenger": self.challenger}


def begin(store: Store, config: Settings, task: Task) -> Night:
    """Freeze the corrections that stand, and read what the runs before left."""
    versions = Versions(config)
    with store.reading() as session:
        corrections = labels.corrections(session, task.name)
        last = runs.last(session, task.name, runs.DONE, other_than=gate.NOTHING_NEW)
        _, sure = tallies.count_sure(session, task.name, strata.AUDITED)
        drawn = samples.count_drawn(session, task.name, task.gate.held_out_share)
        past = looks.of_runs(runs.compared(session, task.name))
        served = versions.champion(task.name) if versions.serves(task.name) else None
        learned = unlearning.learned(session, versions, task.name, served) if served else frozenset()
        taken_back = unlearning.taken_back(session, task.name, learned)
        untainted = unlearning.untainted(session, versions, task) if taken_back else ""
        of_base = taken_back and unlearning.learned(session, versions, task.name, versions.base(task.name)) & taken_back
        withdrawn = probation.learned_by_withdrawn(session, versions, task.name)
        earlier = unlearning.considered(session, versions, task.name, served) if served and taken_back else frozenset()
    snapshot = dataset.freeze(task, corrections, store.media)
    if taken_back:  # what came since has to be shown to be better, and waits for a run of its own
        set_aside = {row.id for row in dataset.split(snapshot, task.gate.held_out_share).held_out}
        snapshot = dataset.only(snapshot, earlier | set_aside | snapshot.golden, last.last_correction if last else 0)
    parts = dataset.split(snapshot, task.gate.held_out_share)
    standing = strata.standing(snapshot.drawn, drawn, task)
    night = Night(task, config, versions, served, snapshot, parts, standing, sure, past, last, taken_back, untainted)
    return replace(night, base_is_tainted=bool(of_base), withdrawn=withdrawn)


def too_early(night: Night) -> Outcome | None:
    """Return the outcome where there is nothing to train from, or not yet enough to judge by."""
    parts, rule = night.parts, night.task.gate
    held_out, drawn = len(parts.held_out), len(night.standing.weights)
    waiting = gate.wait(len(parts.train), held_out, rule.minimum, rule.held_out_share)
    waiting = waiting or gate.wait_for_evidence(held_out, looks.next_size(night.looks), night.standing, night.sure)
    waiting = waiting or repeats(night)
    needed = looks.held_out_needed(rule.minimum, held_out, drawn, night.looks)
    figures = {"held_out": float(held_out), "held_out_needed": float(needed)}
    figures |= waiting.numbers if waiting else {}
    if not night.snapshot.rows:
        return Outcome(Verdict(gate.NOTHING_NEW, (Reason("status.night_no_corrections"),)), figures)
    if not _is_new(night, enough=waiting is None):
        also = waiting.reasons if waiting else ()
        return Outcome(Verdict(gate.NOTHING_NEW, (Reason("status.night_nothing_new"), *also)), figures)
    return Outcome(waiting, figures) if waiting else None


def repeats(night: Night) -> Verdict | None:
    """Return WAITING where a challenger would be a version again that was taken out of service."""
    train = {row.id: row.label for row in night.parts.train}
    of_these = (name for name, learned in night.withdrawn.items() if learned == train)
    version = next((name for name in of_these if _is_trained_alike(night, name)), None)
    return Verdict(gate.WAITING, (Reason("status.night_repeats", {"version": version}),)) if version else None


def _is_trained_alike(night: Night, version: str) -> bool:
    """Tell whether a version came from what a challenger would come from, beside corrections.

    One whose files are gone is taken for such a one.
    """
    versions, name = night.versions, night.task.name
    base = versions.base(name)
    try:
        about, folder = sidecar.read(versions.path(name, version)), versions.path(name, base)
    except (CheckpointError, UnknownName):
        return True
    options = recipe_of(night.task.in_profile(sidecar.read(folder).profile)).as_options()
    return (about.parent, about.memory, about.options) == (base, memory.digest(folder), options)


def _is_new(night: Night, enough: bool) -> bool:
    """Say whether a correction came in since the last run; one that waited counts as new once there is enough."""
    if night.last is None or (enough and night.last.verdict == gate.WAITING):
        return True
    newer = night.snapshot.last_correction > night.last.last_correction
    return newer and night.snapshot.digest != night.last.snapshot
