"""Commands about what is promised of what goes out unasked, and whether that still fits what is sent here."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from annotations import promises
from annotations.command_line import LoopResult
from annotations.panel import upkeep
from annotations.store import Store, open_store
from mmdemo import locale, tasks
from mmdemo.errors import ManifestError
from mmdemo.settings import Settings
from mmdemo.tasks import Task


def promise(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Say what is promised of the answers that go out unasked, by which thresholds, what is missing, and what is so."""
    chosen = [tasks.get(args.task, config.task_dir)] if args.task else tasks.load_all(config.task_dir).values()
    with closing(open_store(config)) as store:
        return _told(store, config, list(chosen))


def recalibrate(args: argparse.Namespace, config: Settings) -> LoopResult:
    """End an alarm: test thresholds on what came since, and ask about everything where none keeps the promise yet."""
    task = tasks.get(args.task, config.task_dir)
    if task.promise is None:
        raise ManifestError("promises_nothing", task=task.name)
    with closing(open_store(config)) as store:
        upkeep.recalibrate(store, config, task, args.dismiss)
        return _told(store, config, [task])


def _told(store: Store, config: Settings, chosen: Sequence[Task]) -> LoopResult:
    values, lines = [], []
    for task in chosen:
        status = promises.of(config, task)
        if status is None:
            nothing = locale.text("promise.nothing", threshold=f"{task.threshold:.3g}")
            lines.append(f"{task.name}: {nothing}")
            continue
        live = upkeep.figures(store, config, task, status, status.version)
        values.append(promises.as_json(status, live))
        lines += [f"{task.name}: {status.sentence()}", *map("  {}".format, (*status.lines(), *live.lines()))]
    return LoopResult(values, lines)


_TASK: Any = (("--task",), {"help": "name of a task, or path to its file"})
_ONE_TASK: Any = (("--task",), {"help": "name of a task, or path to its file", "required": True})
_DISMISS: Any = (
    ("--dismiss",),
    {"action": "store_true", "help": "the alarm was a false one: the thresholds from before it serve again"},
)
COMMANDS: Mapping[str, tuple[Callable[[argparse.Namespace, Settings], LoopResult], Sequence[Any]]] = {
    "promise": (promise, [_TASK]),
    "recalibrate": (recalibrate, [_ONE_TASK, _DISMISS]),
}
