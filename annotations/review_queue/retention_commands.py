"""Commands by which what was sent goes: taken back, expired; and that the media folder is this database's."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from annotations.command_line import LoopResult, natural
from annotations.review_queue import retention
from annotations.store import open_store
from mmdemo.settings import Settings


def forget(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Take back what was sent, for a visitor who gives the id of the prediction."""
    with closing(open_store(config)) as store:
        retention.forget(store, args.prediction_id)
    return LoopResult({"forgotten": args.prediction_id}, ["Deleted."])


def expire(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Erase samples that nobody answered in time, and files that no sample needs."""
    days = config.retention_days if args.days is None else args.days
    with closing(open_store(config)) as store:
        number = retention.expire(store, days, told_to=args.all)
        notices = [notice.sentence() for notice in retention.notices(store)]
    lines = [f"{number} samples older than {days} days were erased.", *notices]
    return LoopResult({"expired": number, "held": notices}, lines)


def adopt(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Say that the media folder belongs to this database: files that no sample needs are then erased."""
    with closing(open_store(config)) as store:
        store.pair(told_to=True)
    return LoopResult({"adopted": str(config.media)}, [f"{config.media} belongs to this database now."])


_DAYS = "days without an answer; 0: never (default: MMDEMO_RETENTION_DAYS)"

# As in `annotations.__main__`
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace, Settings], LoopResult], Sequence[Any]]] = {
    "expire": (
        expire,
        [
            (("--days",), {"type": natural, "help": _DAYS}),
            (
                ("--all",),
                {"action": "store_true", "help": "also what is held back: after a jump of the clock, or too many"},
            ),
        ],
    ),
    "adopt": (adopt, []),
    "forget": (forget, [(("prediction_id",), {"help": "what /predict returned to its sender"})]),
}
