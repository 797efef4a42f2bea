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
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from annotations.acquisition import rescoring
from annotations.nightly import challenge, interruption, leftovers, lock, night, run_record
from annotations.nightly.interruption import FAILED_EXIT
from annotations.panel import asking
from annotations.review_queue import retention, second_look, stored_samples
from annotations.store import Store, open_store, runs
from annotations.watching import probation
from mmdemo import locale, settings, tasks
from mmdemo.errors import Busy, MmdemoError, StorageError
from mmdemo.process import logs, memory
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Reason, Run


def retrain(config: Settings, task: Task) -> Run:
    """Run one night of one task and return what was written down about it.

    Raises Busy where another run is at work, StorageError; and whatever made the run fail, which is written down too:
    the champion is then untouched.
    """
    with lock.night(config), closing(open_store(config)) as store:
        retention.expire(store, config.retention_days)
        leftovers.clear(store, config, task.name)
        _watch(store, config, task)
        at_hand = night.begin(store, config, task)
        run_id = run_record.start(store, at_hand.served, at_hand.snapshot)
        try:
            outcome = challenge.outcome_of(at_hand, partial(run_record.note, store, run_id))
        except BaseException as error:
            if run_record.serves(store, run_id, at_hand.versions):  # stopped behind its last step
                run_record.end(store, run_id, runs.DONE)
                raise
            run_record.end(store, run_id, runs.FAILED, verdict=None, challenger=None, reasons=(_why_failed(error),))
            raise
        finally:
            _sweep_tokens(store, config, task)
        run = run_record.end(store, run_id, runs.DONE, **outcome.columns())
        second_look.ask(store, outcome.doubted)
        leftovers.clear(store, config, task.name)
        return _score_again(store, config, task, run_id) or run


def _watch(store: Store, config: Settings, task: Task) -> None:
    """Let what was sent since judge the version that serves; what goes wrong there keeps no run from its work."""
    try:
        watched = probation.judge(store, config, task)
    except Exception as error:
        if interruption.is_told():
            raise
        logs.say(str(error) if isinstance(error, MmdemoError) else logs.trace(error))
        return
    for reason in (*watched.unread(), *((watched.out(),) if watched.falls_short else ())) if watched else ():
        logs.say(reason.sentence())


def _sweep_tokens(store: Store, config: Settings, task: Task) -> None:
    """Remove what encoders said of samples that were erased meanwhile; what keeps it there is left for the next run."""
    try:
        leftovers.sweep_tokens(store, config, task.name)
    except StorageError as error:
        logs.say(str(error))


def _score_again(store: Store, config: Settings, task: Task, run_id: int) -> Run | None:
    """Have the version that serves now score what waits, and be judged by the panel.

    Return the run that names what cannot be read, if any.

    What goes wrong changes nothing about the verdict: what is left is scored after the next run.
    """
    try:
        rescored = rescoring.run(store, config, task)
        judged = asking.catch_up(store, config, task)
    except Exception as error:
        if interruption.is_told():
            raise
        logs.say(str(error) if isinstance(error, MmdemoError) else logs.trace(error))
        return None
    if rescored.scored:
        logs.say(locale.text("cli.rescored", task=task.name, count=rescored.scored))
    named = (
        *stored_samples.reason("status.not_scored_again", rescored.left_out),
        *stored_samples.reason("status.not_judged_by", judged.left_out),
    )
    return run_record.add_reasons(store, run_id, named) if named else None


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
