"""The night: corrections → snapshot → challenger → both judged on what neither saw → verdict → served, or not.

A challenger is a pure function of base, snapshot and seed: it learns all standing corrections from the version that no
night made, whatever the nights before did. So nothing drifts, and what was taken back leaves no trace in it.

Runs as `python -m annotations retrain` and as `python annotations/retrain.py`, beside the app and never inside it.
They meet in the store and in the versions folder alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # run as a script: this folder would hide others' names

import argparse
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from annotations.acquisition import rescoring, strata
from annotations.acquisition.strata import SampleWeights
from annotations.nightly import (
    dataset,
    gate,
    interruption,
    leftovers,
    lock,
    looks,
    run_record,
    unlearning,
    version_comparison,
)
from annotations.nightly.dataset import Snapshot, Split
from annotations.nightly.gate import Comparison, Verdict
from annotations.nightly.interruption import FAILED_EXIT
from annotations.nightly.looks import Look
from annotations.nightly.version_comparison import VersionAnswers
from annotations.review_queue import retention, stored_samples
from annotations.schema import now
from annotations.store import Store, labels, open_store, runs, samples
from mmdemo import locale, settings, tasks
from mmdemo.errors import Busy, MmdemoError, StorageError
from mmdemo.process import logs, memory
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.continual import Corrections, update
from mmdemo.training.manifests import corpus
from mmdemo.values.review import Reason, Run
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions

SEED = 0


@dataclass(frozen=True)
class Outcome:
    """How a night ended that came to its end."""

    verdict: Verdict
    figures: dict[str, float] = field(default_factory=dict)
    challenger: str | None = None

    def columns(self) -> dict[str, object]:
        """Return it as a run's row holds it."""
        verdict = {"verdict": self.verdict.name, "reasons": self.verdict.reasons}
        return {**verdict, "figures": self.figures, "challenger": self.challenger}


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
    untainted: str = ""  # the newest version that learned none such; "" where the champion is one


def retrain(config: Settings, task: Task) -> Run:
    """Run one night of one task and return what was written down about it.

    Raises Busy where another run is at work, StorageError; and whatever made the run fail, which is written down too:
    the champion is then untouched.
    """
    with lock.night(config), closing(open_store(config)) as store:
        retention.expire(store, config.retention_days)
        leftovers.clear(store, config, task.name)
        night = _begin(store, config, task)
        run_id = run_record.start(store, night.served, night.snapshot, night.last if night.taken_back else None)
        try:
            outcome = _spend(night, partial(run_record.note, store, run_id))
        except BaseException as error:
            if run_record.serves(store, run_id, night.versions):  # stopped behind its last step
                run_record.end(store, run_id, runs.DONE)
                raise
            run_record.end(store, run_id, runs.FAILED, verdict=None, challenger=None, reasons=(_why_failed(error),))
            raise
        run = run_record.end(store, run_id, runs.DONE, **outcome.columns())
        leftovers.clear(store, config, task.name)
        return _score_again(store, config, task, run_id) or run


def _score_again(store: Store, config: Settings, task: Task, run_id: int) -> Run | None:
    """Have the version that serves now score what waits; return the run that names what cannot be read, if any.

    What goes wrong changes nothing about the verdict: what is left is scored after the next run.
    """
    try:
        rescored = rescoring.run(store, config, task)
    except Exception as error:
        if interruption.is_told():
            raise
        logs.say(str(error) if isinstance(error, MmdemoError) else logs.trace(error))
        return None
    if rescored.scored:
        logs.say(locale.text("cli.rescored", task=task.name, count=rescored.scored))
    named = stored_samples.reason("status.not_scored_again", rescored.left_out)
    return run_record.add_reasons(store, run_id, named) if named else None


def _begin(store: Store, config: Settings, task: Task) -> Night:
    versions = Versions(config)
    with store.reading() as session:
        corrections = labels.corrections(session, task.name)
        last = runs.last(session, task.name, runs.DONE, other_than=gate.NOTHING_NEW)
        _, sure = samples.count_sure(session, task.name, strata.AUDITED)
        drawn = samples.count_drawn(session, task.name)
        past = looks.of_runs(runs.compared(session, task.name))
        served = versions.champion(task.name) if versions.serves(task.name) else None
        learned = unlearning.learned(session, versions, task.name, served) if served else frozenset()
        taken_back = unlearning.taken_back(session, task.name, learned)
        untainted = unlearning.untainted(session, versions, task) if taken_back else ""
    snapshot = dataset.freeze(task, corrections, store.media)
    parts = dataset.split(snapshot, task.gate.held_out_share)
    if taken_back:  # what came since has to be shown to be better, and waits for a run of its own
        parts = replace(parts, train=tuple(row for row in parts.train if row.id in learned))
    standing = strata.standing(snapshot.drawn, drawn, task)
    return Night(task, config, versions, served, snapshot, parts, standing, sure, past, last, taken_back, untainted)


def _spend(night: Night, note: Callable[..., None]) -> Outcome:
    """Train, judge and serve. `note` writes down what a kill must not leave unknown, before it comes to be."""
    early = _nothing_left(night) if night.taken_back else _too_early(night)
    if early is not None:
        return replace(early, verdict=_with_left_out(night, early.verdict))
    name = night.task.name
    challenger = night.versions.new_name(name)
    of_champion = _answers_of(night, None)  # of another version, where that cannot be loaded
    note(challenger=challenger, champion=of_champion.version)
    _train(night, challenger)
    try:
        of_challenger = _answers_of(night, challenger)
        comparison = version_comparison.compare(night.task, of_champion, of_challenger, night.standing)
        judged = _judge(night, comparison)
        moved = _moved(night, judged)
        verdict = moved or _with_end_of_promise(night, of_champion.version, judged)
        outcome = Outcome(_with_left_out(night, verdict), _figures(night, comparison, judged), challenger)
        note(**outcome.columns(), snapshot_rows=dataset.entries(night.parts, of_champion.values, of_challenger.values))
        if night.taken_back and not moved:
            _replace_tainted(night, challenger if verdict.name == gate.PROMOTED else night.untainted)
        elif verdict.name == gate.PROMOTED:
            night.versions.promote(name, challenger)
    except BaseException:
        if night.versions.champion(name) != challenger:  # nobody judged it
            shutil.rmtree(night.versions.folder(name, challenger), ignore_errors=True)
        raise
    return outcome


def _judge(night: Night, comparison: Comparison) -> Verdict:
    """Ask for proof that the challenger is better; or, where it only forgets what was taken back, that it is worse."""
    if not night.taken_back:
        return gate.judge(comparison, looks.allowance(night.looks, now()))
    judged = gate.judge_without(comparison)
    key = "status.night_taken_back" if judged.name == gate.PROMOTED else "status.night_taken_back_worse"
    return replace(judged, reasons=(*judged.reasons, _taken_back(night, key)))


def _taken_back(night: Night, key: str) -> Reason:
    return Reason(key, {"count": len(night.taken_back), "instead": night.untainted})


def _replace_tainted(night: Night, version: str) -> None:
    """Serve a version in place of the champion, to which nobody goes or falls back any more."""
    night.versions.promote(night.task.name, version)
    night.versions.retire(night.task.name, [night.served or ""])


def _nothing_left(night: Night) -> Outcome | None:
    """Where the champion learned nothing else than what was taken back, or nothing can be judged, serve another one."""
    if night.parts.train and night.parts.held_out:
        return None
    _replace_tainted(night, night.untainted)
    return Outcome(Verdict(gate.NOTHING_NEW, (_taken_back(night, "status.night_taken_back_all"),)))


def _too_early(night: Night) -> Outcome | None:
    """Return the outcome where there is nothing to train from, or not yet enough to judge by."""
    parts, rule = night.parts, night.task.gate
    held_out, needed = len(parts.held_out), looks.next_size(night.looks)
    waiting = gate.wait(len(parts.train), held_out, rule.minimum, rule.held_out_share)
    waiting = waiting or gate.wait_for_evidence(held_out, needed, night.standing, night.sure)
    figures = {"held_out": float(held_out), "held_out_needed": float(max(rule.minimum, needed))}
    figures |= waiting.numbers if waiting else {}
    if not night.snapshot.rows:
        return Outcome(Verdict(gate.NOTHING_NEW, (Reason("status.night_no_corrections"),)), figures)
    if not _is_new(night, enough=waiting is None):
        also = waiting.reasons if waiting else ()
        return Outcome(Verdict(gate.NOTHING_NEW, (Reason("status.night_nothing_new"), *also)), figures)
    return Outcome(waiting, figures) if waiting else None


def _is_new(night: Night, enough: bool) -> bool:
    """Say whether a correction came in since the last run; one that waited counts as new once there is enough."""
    if night.last is None or (enough and night.last.verdict == gate.WAITING):
        return True
    newer = night.snapshot.last_correction > night.last.last_correction
    return newer and night.snapshot.digest != night.last.snapshot


def _answers_of(night: Night, version: str | None) -> VersionAnswers:
    return version_comparison.answers_of(night.task, version, night.settings, night.parts.held_out)


def _train(night: Night, challenger: str) -> None:
    """Teach the base all corrections that are not held out, those of earlier nights too."""
    task, train = night.task, night.parts.train
    base = night.versions.base(task.name)
    logs.say(f"{task.name}: {challenger} learns {len(train)} corrections, starting from {base}")
    folder, out = night.versions.path(task.name, base), night.versions.folder(task.name, challenger)
    rehearsed = [*manifests.examples(task), *corpus.rehearsal(task)]
    update(folder, Corrections(train, rehearsed, night.parts.held_out), out, task=task, seed=SEED)


def _moved(night: Night, judged: Verdict) -> Verdict | None:
    """Reject where somebody put another version into service meanwhile: this one was compared with the wrong one."""
    serving = night.versions.champion(night.task.name)
    if serving == night.served:
        return None
    why = Reason("status.night_champion_moved", {"now": serving, "champion": night.served or ""})
    return replace(judged, name=gate.REJECTED, reasons=(why,))


def _with_end_of_promise(night: Night, champion: str, verdict: Verdict) -> Verdict:
    """Say where a promotion ends what the version before promised: nothing of the new one was tested for that."""
    record = sidecar.read(night.versions.path(night.task.name, champion)).promise
    kept = record and [name for name in record.subsets if record.keeping(night.task.promise, name)]
    if verdict.name != gate.PROMOTED or not kept:
        return verdict
    return replace(verdict, reasons=(*verdict.reasons, Reason("status.night_promise_ends")))


def _with_left_out(night: Night, verdict: Verdict) -> Verdict:
    """Name the samples that could not be read: the night goes on without them."""
    named = stored_samples.reason("status.night_left_out", night.snapshot.left_out)
    return replace(verdict, reasons=(*verdict.reasons, *named))


def _figures(night: Night, comparison: Comparison, verdict: Verdict) -> dict[str, float]:
    """Return all that the verdict rests on; with the level of its look, by which later ones know of it."""
    return {
        "held_out": float(comparison.held_out),
        "trained_on": float(len(night.parts.train)),
        **{
            f"{version}_{figure.name}": value
            for figure in comparison.figures
            for version, value in (("champion", figure.champion), ("challenger", figure.challenger))
        },
        "anchors": float(comparison.anchors),
        "anchors_lost": float(comparison.lost),
        looks.SIZE: float(len(night.parts.held_out)),
        **({"taken_back": float(len(night.taken_back))} if night.taken_back else {}),
        **verdict.numbers,
    }


def _why_failed(error: BaseException) -> Reason:
    if interruption.is_told() or isinstance(error, KeyboardInterrupt | SystemExit):
        return Reason("status.night_interrupted")
    detail = str(error) if isinstance(error, MmdemoError) else f"{type(error).__name__}: {error}"
    return Reason("status.night_failed", {"detail": detail})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the night of one task or of all, say what came of it, and return the exit code."""
    args = _parser().parse_args(argv)
    memory.keep_freed()
    task_runs: list[Run] = []
    code = 0
    try:
        config = settings.load()
        chosen = [tasks.get(args.task, config.task_dir)] if args.task else tasks.load_all(config.task_dir).values()
        with interruption.by_signal():
            for task in chosen:
                task_runs.append(_tried(config, task))
    except MmdemoError as error:
        logs.say(str(error))
        code = error.exit_code
    if task_runs or not code:  # what is known is said, also where a later task could not have its night
        printed = [run_record.as_json(run) for run in task_runs]
        print(json.dumps(printed, ensure_ascii=False) if args.json else run_record.as_text(task_runs))
    return code or (FAILED_EXIT if any(run.state == runs.FAILED for run in task_runs) else 0)


def _tried(config: Settings, task: Task) -> Run:
    """Return a run that failed like any other: one task's failure must not keep the others from their night."""
    try:
        return retrain(config, task)
    except (Busy, StorageError):
        raise  # the same for every task
    except Exception as error:
        if interruption.is_told():
            raise SystemExit(FAILED_EXIT) from error
        if not isinstance(error, MmdemoError):
            logs.say(logs.trace(error))
        why = _why_failed(error)
        return Run(task.name, runs.FAILED, None, (why.sentence(),), {}, None, None, "", None, (why,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m annotations retrain",
        description="Train a challenger from the corrections; serve it where it is shown to be better.",
    )
    parser.add_argument("--task", help="name of a task, or path to its file (default: all tasks)")
    parser.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
    return parser


if __name__ == "__main__":
    sys.exit(main())
