"""The command line: python -m annotations COMMAND. `--json` prints one JSON value on standard output, nothing else."""

import argparse
import json
import math
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from annotations import erasure, export, golden_commands, status
from annotations.acquisition import rescoring
from annotations.command_line import LoopResult, natural
from annotations.erasure import Certificate
from annotations.history import commands as history
from annotations.nightly import lock
from annotations.panel import commands as panel
from annotations.review_queue import predictions, retention_commands, stored_samples
from annotations.review_queue.predictions import Guess
from annotations.schema import SampleRow
from annotations.store import Store, labels, open_store, samples, tallies
from mmdemo import locale, settings, tasks
from mmdemo.errors import BadInput, Busy, MmdemoError
from mmdemo.process import logs
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Status
from mmdemo.values.samples import to_json

DEFAULT_LIMIT = 50


def queue(args: argparse.Namespace, config: Settings) -> LoopResult:
    """List the samples that wait for a person, most doubtful first."""
    chosen = [tasks.get(args.task, config.task_dir).name] if args.task else []
    with closing(open_store(config)) as store, store.reading() as session:
        rows = samples.waiting(session, *chosen, limit=args.limit)
    pairs = [(row, predictions.guess_shown(row)) for row in rows]
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


def show_status(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Show counts, versions and the last run of each task."""
    all_tasks = tasks.load_all(config.task_dir)
    chosen = [tasks.get(args.task, config.task_dir)] if args.task else list(all_tasks.values())
    with closing(open_store(config)) as store:
        statuses = [status.of(store, config, task) for task in chosen]
    return LoopResult(to_json(statuses), [line for one in statuses for line in _status_lines(one)])


def _status_lines(task_status: Status) -> list[str]:
    served = next((version.version for version in task_status.versions if version.served), "none")
    run = task_status.last_retrain
    return [
        f"{task_status.task}: serves {served}",
        "  samples      " + _counts(task_status.states),
        "  corrections  " + (_counts(task_status.by_label) or str(sum(task_status.by_annotator.values()))),
        f"  wrong reason {task_status.wrong_reason} of the answers that were right",
        f"  held out     {task_status.held_out} of {task_status.held_out_needed} needed",
        *([f"  last sync    {task_status.last_sync or 'never'}"] if task_status.label_studio else []),
        f"  last run     {f'{run.started_at} {run.verdict or run.state}' if run else 'never'}",
        *[f"    {reason}" for reason in (run.reasons if run else ())],
        *[f"  notice       {notice.sentence()}" for notice in task_status.notices],
    ]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {number}" for name, number in counts.items())


def write(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Write the corrections as manifests, TASK.jsonl and TASK.csv, with copies of their media."""
    with closing(open_store(config)) as store:
        with store.reading() as session:
            names = [tasks.get(args.task, config.task_dir).name] if args.task else tallies.task_names(session)
        written = export.write_folder(store, names, args.out)
    lines = [f"{args.out / name}.jsonl: {number} corrections" for name, number in written.items()]
    return LoopResult(written, lines or ["There is nothing to export."])


def read(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Store the rows of a manifest as corrections; doing it again changes nothing."""
    task = tasks.get(args.task, config.task_dir)
    with closing(open_store(config)) as store:
        imported = export.read_manifest(store, task, args.manifest)
    return LoopResult(to_json(imported), [f"{imported.added} corrections stored, {imported.known} were known."])


def erase(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Erase one sample wherever it lies, whoever agreed to keep it, and print what was done: its id alone stays."""

    def sync_round(task: str) -> None:
        from annotations.labelstudio import sync as labelstudio  # its SDK takes seconds to load

        labelstudio.run(config, task)

    with closing(open_store(config)) as store:
        certificate = erasure.erase(store, config, args.sample, sync_round)
    return LoopResult(to_json(certificate), list(_certificate(certificate)), 0 if certificate.is_complete else 1)


def _certificate(certificate: Certificate) -> Iterator[str]:
    about = {"sample_id": certificate.sample_id, "task": certificate.task, "at": certificate.erased_at}
    yield locale.text("cli.erased", **about)
    yield "  removed      " + (_counts({name: count for name, count in certificate.removed.items() if count}) or "–")
    nobody = "no version that is known of" if certificate.unknown else "no version"
    yield "  learned by   " + (", ".join((*certificate.learned, *certificate.inherited)) or nobody)
    yield "  judged with  " + (", ".join(certificate.judged) or "no version")
    parts = {"done": certificate.done, "still here": certificate.left, "elsewhere": certificate.beyond}
    for name, reasons in parts.items():
        for number, reason in enumerate(reasons):
            yield f"  {'' if number else name:<12} {reason.sentence()}"


def roll_back(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Serve an earlier version again."""
    from annotations import rollback  # brings the gate, as `status` does

    task = tasks.get(args.task, config.task_dir)
    with closing(open_store(config)) as store:
        version = rollback.to(store, config, task, args.to)
        rescored, lines = _rescored(store, config, task)
    return LoopResult(
        {"task": task.name, "version": version, **rescored}, [f"{task.name} serves {version} now.", *lines]
    )


def watch(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Let what was sent since a promotion judge the version that serves, and go back where it falls short."""
    from annotations.watching import probation  # brings the gate and torch

    chosen = [tasks.get(args.task, config.task_dir)] if args.task else list(tasks.load_all(config.task_dir).values())
    values, lines, code = [], [], 0
    with closing(open_store(config)) as store, lock.night(config):
        for task in chosen:
            try:
                watched = probation.judge(store, config, task)
                if watched is None:
                    lines.append(locale.text("cli.not_watched", task=task.name))
                    continue
                about = {**watched.numbers, "evidence": watched.evidence, "out": watched.falls_short}
                values.append({"task": task.name, **about, "not_read": [one.sample_id for one in watched.left_out]})
                stands = watched.out() if watched.falls_short else watched.reason()
                lines += [f"{task.name}: {reason.sentence()}" for reason in (stands, *watched.unread())]
                if watched.falls_short:
                    lines += _scored(store, config, task)[1]
            except Exception as error:  # one task's fault keeps no other from being watched
                code = error.exit_code if isinstance(error, MmdemoError) else 1
                logs.say(f"{task.name}: {error if isinstance(error, MmdemoError) else logs.trace(error)}")
    return LoopResult(values, lines, code)


def score_again(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Have the version that serves score what waits and another one scored; a retraining run does so by itself."""
    task = tasks.get(args.task, config.task_dir)
    with closing(open_store(config)) as store, lock.night(config):
        return LoopResult(*_scored(store, config, task))


def _rescored(store: Store, config: Settings, task: Task) -> tuple[dict[str, Any], list[str]]:
    """Score what waits again, and return what is said of it: the other version serves, whatever becomes of that."""
    try:
        with lock.night(config):
            return _scored(store, config, task)
    except Busy:  # the run that is at work does so at its end
        return {}, []
    except MmdemoError as error:
        return {}, [str(error)]


def _scored(store: Store, config: Settings, task: Task) -> tuple[dict[str, Any], list[str]]:
    """Have the version that serves score what waits, and be judged by the panel."""
    from annotations.panel import asking  # brings torch, as scoring does once there is something to score

    rescored = rescoring.run(store, config, task)
    judged = asking.catch_up(store, config, task)
    left_out = {"not_scored": rescored.left_out, "not_judged_by": judged.left_out}
    named = (
        *stored_samples.reason("status.not_scored_again", rescored.left_out),
        *stored_samples.reason("status.not_judged_by", judged.left_out),
    )
    lines = [locale.text("cli.rescored", task=task.name, count=rescored.scored)]
    ids = {key: [one.sample_id for one in some] for key, some in left_out.items()}
    return {"scored": rescored.scored, **ids}, [*lines, *(reason.sentence() for reason in named)]


def rebuild(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Make a version that a night made once more from what is stored; with --check compare both, bit by bit."""
    from annotations.history import rebuild as rebuilding  # brings torch

    if args.out is None and not args.check:
        raise BadInput("rebuild_nowhere")
    task = history.task_with(args, config, args.version)
    with closing(open_store(config)) as store:
        rebuilt = rebuilding.rebuild(store, config, task, args.version, args.out, args.check, logs.say)
    said = {None: "made", True: "identical", False: "different"}[rebuilt.identical]
    values = {"version": rebuilt.version, "names": ", ".join(rebuilt.differences)}
    lines = [] if rebuilt.taken_back else [locale.text(f"cli.rebuild_{said}", **values)]
    code = 1 if rebuilt.taken_back or rebuilt.differences else 0
    return LoopResult(to_json(rebuilt), [*lines, *(note.sentence() for note in rebuilt.notes)], code)


def sync(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Push the queue to Label Studio and pull its answers; once, or again and again."""
    from annotations.labelstudio import sync as labelstudio  # its SDK takes seconds to load

    report = labelstudio.run(config, args.task, args.watch, reload=settings.load)
    return LoopResult(to_json(report), [str(report)])


def label_studio(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Start a Label Studio server for this machine alone, end it, or check the one that is used."""
    from annotations.labelstudio import check
    from annotations.labelstudio import sync as labelstudio
    from annotations.labelstudio.connection import local_server  # the SDK takes seconds to load

    if args.action == "check":
        reasons = check.run(config)
        well = locale.text("cli.check_well", url=config.label_studio_url)
        lines = [reason.sentence() for reason in reasons] or [well]
        return LoopResult(to_json(reasons), lines, code=1 if reasons else 0)
    if args.action == "down":
        ended = local_server.down(config)
        return LoopResult({"ended": ended}, [locale.text("cli.server_down" if ended else "cli.server_not_running")])
    access, started = local_server.up(config)
    report = labelstudio.run(settings.load())  # makes the projects, and sends what waits
    to_tell = {"url": access.url, "email": access.email, "password": access.password}
    line = locale.text("cli.server_up" if started else "cli.server_up_already", **to_tell)
    value = {"url": access.url, "email": access.email, "started": started, "sync": to_json(report)}
    return LoopResult(value, [line, str(report), locale.text("cli.server_next")])


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
_SERVER = "up: start it, again if need be; down: end it; check: say what is missing or dangerous"
_SECONDS = "go on, with this many seconds between two rounds"

# Command → what runs it and what it is given; the docstring is its help.
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace, Settings], LoopResult], Sequence[Any]]] = {
    "queue": (queue, [_TASK, (("--limit",), {"type": natural, "default": DEFAULT_LIMIT, "help": "at most so many"})]),
    "status": (show_status, [_TASK]),
    **panel.COMMANDS,
    "sync": (sync, [_TASK, (("--watch",), {"type": _seconds, "metavar": "SECONDS", "help": _SECONDS})]),
    "label-studio": (label_studio, [(("action",), {"choices": ("up", "down", "check"), "help": _SERVER})]),
    "import": (read, [(("manifest",), {"type": Path, "help": "a file of JSON lines"}), _ONE_TASK]),
    "export": (write, [_TASK, (("--out",), {"type": Path, "required": True, "help": "a folder"})]),
    "rollback": (roll_back, [_ONE_TASK, (("--to",), {"metavar": "VERSION", "help": "default: the one served before"})]),
    "watch": (watch, [_TASK]),
    "rescore": (score_again, [_ONE_TASK]),
    "rebuild": (
        rebuild,
        [
            (("version",), {"metavar": "V"}),
            (
                ("--check",),
                {"action": "store_true", "help": "compare it with the one that is there; 1: not the same"},
            ),
            (("--out",), {"type": Path, "help": "a folder that keeps it, by its name"}),
            history.OF_SEVERAL,
        ],
    ),
    "erase": (erase, [(("--sample",), {"metavar": "ID", "required": True, "help": "its id, whole"})]),
    **retention_commands.COMMANDS,
    **golden_commands.COMMANDS,
    **history.COMMANDS,
}
# These have command lines of their own; what runs them is imported when it is asked for.
RETRAIN = "retrain"  # which `python annotations/retrain.py` offers too
TOUR = "tour"  # … and `python -m annotations.tour`
OWN_HELP = {
    RETRAIN: "Train a challenger from the corrections; serve it where it is shown to be better.",
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
    args = _parser().parse_args(words)
    try:
        result = args.run(args, settings.load())
    except MmdemoError as error:
        logs.say(str(error))
        return error.exit_code
    print(json.dumps(result.value, ensure_ascii=False) if args.json else "\n".join(result.lines))
    return result.code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m annotations", description="Doubt, label, learn.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, help_line in OWN_HELP.items():
        commands.add_parser(name, help=help_line)
    for name, (run, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
        for argument in arguments:
            group = command.add_mutually_exclusive_group(required=True) if isinstance(argument, list) else command
            for flags, options in argument if isinstance(argument, list) else [argument]:
                group.add_argument(*flags, **options)
    return parser


if __name__ == "__main__":
    sys.exit(main())
