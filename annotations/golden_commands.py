"""Commands about golden samples: pin, unpin, pins."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from annotations import golden
from annotations.command_line import LoopResult
from annotations.golden import GoldenSample
from annotations.store import open_store
from mmdemo import tasks
from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.values.samples import to_json

BY = "command"  # who did it, where no name is given


def pin(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Pin a corrected sample as golden: no newly trained version that loses it is served, and none is trained on it."""
    with closing(open_store(config)) as store:
        golden.pin(store, args.sample, args.annotator)
    return LoopResult({"sample_id": args.sample, "golden": True}, [text("cli.pinned", sample_id=args.sample)])


def unpin(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Take a pin back."""
    with closing(open_store(config)) as store:
        golden.unpin(store, args.sample, args.annotator)
    return LoopResult({"sample_id": args.sample, "golden": False}, [text("cli.unpinned", sample_id=args.sample)])


def pins(args: argparse.Namespace, config: Settings) -> LoopResult:
    """List the golden samples, longest ago first."""
    chosen = [tasks.get(args.task, config.task_dir).name] if args.task else []
    with closing(open_store(config)) as store:
        listed = golden.listed(store, *chosen)
    return LoopResult(to_json(listed), [_line(each) for each in listed] or ["Nothing is pinned."])


def _line(sample: GoldenSample) -> str:
    value = "(no answer counts)" if sample.value is None else sample.value
    return f"{sample.pinned_at}  {value:<14} {sample.task:<16} {sample.sample_id}"


_SAMPLE: tuple[Any, Any] = (("--sample",), {"metavar": "ID", "required": True, "help": "its sample_id"})
_WHO: tuple[Any, Any] = (("--annotator",), {"metavar": "NAME", "default": BY, "help": "who says so (default: command)"})
_TASK: tuple[Any, Any] = (("--task",), {"help": "name of a task, or path to its file"})

# As in `annotations.__main__`.
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace, Settings], LoopResult], Sequence[Any]]] = {
    "pin": (pin, [_SAMPLE, _WHO]),
    "unpin": (unpin, [_SAMPLE, _WHO]),
    "pins": (pins, [_TASK]),
}
