"""The command line: python -m annotations COMMAND. `--json` prints one JSON value on standard output, nothing else."""

import argparse
import json
import math
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotations import export, leftovers, lock, rescore, retention, served, status, stored
from annotations.rescore import Rescored
from annotations.schema import SampleRow
from annotations.served import Guess
from annotations.store import Store, labels, open_store, samples
from mmdemo import locale, settings, tasks
from mmdemo.errors import Busy, MmdemoError
from mmdemo.review import Status
from mmdemo.samples import to_json
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.versions import Versions

DEFAULT_LIMIT = 50


@dataclass(frozen=True)
class LoopResult:
    """What a command answers: as JSON, and as lines for a person."""

    value: Any
    lines: Sequence[str]
    code: int = 0  # with which it ends


def queue(given: argparse.Namespace, config: Settings) -> LoopResult:
    """List the samples that wait for a person, most doubtful first."""
    chosen = [tasks.get(given.task, config.task_dir).name] if given.task else []
    with closing(open_store(config)) as store, store.reading() as session:
        rows = samples.waiting(session, *chosen, limit=given.limit)
    pairs = [(row, served.guess_shown(row)) for row in rows]
    entries = [
        {
            "sample_id": row.sample_id,
            "task": row.task,
            "label": guess.value,
            "confidence": guess.confidence,
            "reason": row.reason,
            "state": row.state,
            "created_at": labels.iso(row.created_at),
            "suggested": row.suggested,
            "capped": guess.capped,
        }
        for row, guess in pairs
    ]
    return LoopResult(entries, [_waiting_line(*pair) for pair in pairs] or ["Nobody is waited for."])


def _waiting_line(row: SampleRow, guess: Guess) -> str:
    how_sure = "guess" if guess.capped else f"{guess.confidence:5.0%}"
    return f"{how_sure}  {guess.value:<12} {row.task:<16} {row.reason or '':<15} {row.state:<7} {row.sample_id}"


def show_status(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Show counts, versions and the last run of each task."""
    known = tasks.load_all(config.task_dir)
    chosen = [tasks.get(given.task, config.task_dir)] if given.task else list(known.values())
    with closing(open_store(config)) as store:
        found = [status.of(store, config, task) for task in chosen]
    return LoopResult(to_json(found), [line for one in found for line in _status_lines(one)])


def _status_lines(found: Status) -> list[str]:
    served = next((version.version for version in found.versions if version.served), "none")
    run = found.last_retrain
    return [
        f"{found.task}: serves {served}",
        "  samples      " + _counts(found.states),
        "  corrections  " + (_counts(found.by_label) or str(sum(found.by_annotator.values()))),
        f"  wrong reason {found.wrong_reason} of the answers that were right",
        f"  held out     {found.held_out} of {found.held_out_needed} needed",
        *([f"  last sync    {found.last_sync or 'never'}"] if found.label_studio else []),
        f"  last run     {f'{run.started_at} {run.verdict or run.state}' if run else 'never'}",
        *[f"    {reason}" for reason in (run.reasons if run else ())],
        *[f"  notice       {notice.sentence()}" for notice in found.notices],
    ]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {number}" for name, number in counts.items())


def write(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Write the corrections as manifests, TASK.jsonl and TASK.csv, with copies of their media."""
    with closing(open_store(config)) as store:
        with store.reading() as session:
            names = [tasks.get(given.task, config.task_dir).name] if given.task else samples.task_names(session)
        written = export.write_folder(store, names, given.out)
    lines = [f"{given.out / name}.jsonl: {number} corrections" for name, number in written.items()]
    return LoopResult(written, lines or ["There is nothing to export."])


def read(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Store the rows of a manifest as corrections; doing it again changes nothing."""
    task = tasks.get(given.task, config.task_dir)
    with closing(open_store(config)) as store:
        found = export.read_manifest(store, task, given.manifest)
    return LoopResult(to_json(found), [f"{found.added} corrections stored, {found.known} were known."])


def forget(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Take back what was sent, for a visitor who gives the id of the prediction."""
    with closing(open_store(config)) as store:
        retention.forget(store, given.prediction_id)
    return LoopResult({"forgotten": given.prediction_id}, ["Deleted."])


def expire(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Erase samples that nobody answered in time, and files that no sample needs."""
    days = config.retention_days if given.days is None else given.days
    with closing(open_store(config)) as store:
        number = retention.expire(store, days, told_to=given.all)
        held = [notice.sentence() for notice in retention.notices(store)]
    lines = [f"{number} samples older than {days} days were erased.", *held]
    return LoopResult({"expired": number, "held": held}, lines)


def adopt(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Say that the media folder belongs to this database: files that no sample needs are then erased."""
    with closing(open_store(config)) as store:
        store.pair(told_to=True)
    return LoopResult({"adopted": str(config.media)}, [f"{config.media} belongs to this database now."])


def rollback(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Serve an earlier version again."""
    task = tasks.get(given.task, config.task_dir)
    versions = Versions(config)
    with closing(open_store(config)) as store:
        leftovers.tidy(store, config, task.name)  # else a killed run would be taken for one that was never served
        if given.to:
            versions.promote(task.name, given.to)
        version = given.to or versions.rollback(task.name)
        rescored, lines = _rescored(store, config, task)
    return LoopResult(
        {"task": task.name, "version": version, **rescored}, [f"{task.name} serves {version} now.", *lines]
    )


def score_again(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Have the version that serves score what waits and another one scored; a retraining run does so by itself."""
    task = tasks.get(given.task, config.task_dir)
    with closing(open_store(config)) as store, lock.night(config):
        return LoopResult(*_report(task, rescore.run(store, config, task)))


def _rescored(store: Store, config: Settings, task: Task) -> tuple[dict[str, Any], list[str]]:
    """Score what waits again, and return what is said of it: the other version serves, whatever becomes of that."""
    try:
        with lock.night(config):
            return _report(task, rescore.run(store, config, task))
    except Busy:  # the run that is at work does so at its end
        return {}, []
    except MmdemoError as error:
        return {}, [str(error)]


def _report(task: Task, rescored: Rescored) -> tuple[dict[str, Any], list[str]]:
    named = stored.reason("status.not_scored_again", rescored.left_out)
    lines = [locale.text("cli.rescored", task=task.name, count=rescored.scored)]
    value = {"scored": rescored.scored, "not_scored": [one.sample_id for one in rescored.left_out]}
    return value, [*lines, *(reason.sentence() for reason in named)]


def sync(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Push the queue to Label Studio and pull its answers; once, or again and again."""
    from annotations.labelstudio import sync as labelstudio  # its SDK takes seconds to load

    report = labelstudio.run(config, given.task, given.watch, reload=settings.load)
    return LoopResult(to_json(report), [str(report)])


def label_studio(given: argparse.Namespace, config: Settings) -> LoopResult:
    """Start a Label Studio server for this machine alone, end it, or check the one that is used."""
    from annotations.labelstudio import check, server  # the SDK takes seconds to load
    from annotations.labelstudio import sync as labelstudio

    if given.action == "check":
        found = check.run(config)
        well = locale.text("cli.check_well", url=config.label_studio_url)
        return LoopResult(to_json(found), [reason.sentence() for reason in found] or [well], code=1 if found else 0)
    if given.action == "down":
        ended = server.down(config)
        return LoopResult({"ended": ended}, [locale.text("cli.server_down" if ended else "cli.server_not_running")])
    access, started = server.up(config)
    report = labelstudio.run(settings.load())  # makes the projects, and sends what waits
    to_tell = {"url": access.url, "email": access.email, "password": access.password}
    told = locale.text("cli.server_up" if started else "cli.server_up_already", **to_tell)
    value = {"url": access.url, "email": access.email, "started": started, "sync": to_json(report)}
    return LoopResult(value, [told, str(report), locale.text("cli.server_next")])


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


_TASK: tuple[Any, Any] = (("--task",), {"help": "name of a task, or path to its file"})
_ONE_TASK: tuple[Any, Any] = (("--task",), {"help": "name of a task, or path to its file", "required": True})
_DAYS = "days without an answer; 0: never (default: MMDEMO_RETENTION_DAYS)"
_SERVER = "up: start it, again if need be; down: end it; check: say what is missing or dangerous"
_SECONDS = "go on, with this many seconds between two rounds"

# Command → what runs it and what it is given; the docstring is its help.
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace, Settings], LoopResult], Sequence[tuple[Any, Any]]]] = {
    "queue": (queue, [_TASK, (("--limit",), {"type": _natural, "default": DEFAULT_LIMIT, "help": "at most so many"})]),
    "status": (show_status, [_TASK]),
    "sync": (sync, [_TASK, (("--watch",), {"type": _seconds, "metavar": "SECONDS", "help": _SECONDS})]),
    "label-studio": (label_studio, [(("action",), {"choices": ("up", "down", "check"), "help": _SERVER})]),
    "import": (read, [(("manifest",), {"type": Path, "help": "a file of JSON lines"}), _ONE_TASK]),
    "export": (write, [_TASK, (("--out",), {"type": Path, "required": True, "help": "a folder"})]),
    "rollback": (rollback, [_ONE_TASK, (("--to",), {"metavar": "VERSION", "help": "default: the one served before"})]),
    "rescore": (score_again, [_ONE_TASK]),
    "expire": (
        expire,
        [
            (("--days",), {"type": _natural, "help": _DAYS}),
            (
                ("--all",),
                {"action": "store_true", "help": "also what is held back: after a jump of the clock, or too many"},
            ),
        ],
    ),
    "adopt": (adopt, []),
    "forget": (forget, [(("prediction_id",), {"help": "what /predict returned to its sender"})]),
}
# These have command lines of their own; what runs them is imported when it is asked for.
RETRAIN = "retrain"  # which `python annotations/retrain.py` offers too
TOUR = "tour"  # … and `python -m annotations.tour`
OWN_HELP = {
    RETRAIN: "Train a challenger from the corrections; serve it if it is not worse.",
    TOUR: "Once around the loop by itself, on drawn pictures, in a home folder of its own.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == [RETRAIN]:
        from annotations import retrain  # brings torch, which no other command needs

        return retrain.main(words[1:])
    if words[:1] == [TOUR]:
        from annotations.tour import __main__ as tour  # brings a client of the app

        return tour.main(words[1:])
    given = _parser().parse_args(words)
    try:
        said = given.run(given, settings.load())
    except MmdemoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(said.value, ensure_ascii=False) if given.json else "\n".join(said.lines))
    return said.code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m annotations", description="Doubt, label, learn.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, help_line in OWN_HELP.items():
        commands.add_parser(name, help=help_line)
    for name, (run, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
        for flags, options in arguments:
            command.add_argument(*flags, **options)
    return parser


if __name__ == "__main__":
    sys.exit(main())
