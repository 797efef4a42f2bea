"""The command line: python -m mmdemo COMMAND. `--json` prints one JSON value on standard output, nothing else."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence

from mmdemo import settings as all_settings
from mmdemo.commands import answer, bench, calibrate, compress, evaluate, index, remember, show, train, trials
from mmdemo.errors import MmdemoError
from mmdemo.process import logs, memory

_GROUPS = (answer, trials, train, calibrate, remember, evaluate, bench, compress, index, show)
COMMANDS = {name: command for group in _GROUPS for name, command in group.COMMANDS.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong use or bad input, 75 try later."""
    args = _parser().parse_args(arguments)
    memory.keep_freed()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it warns of every try; the error says it once
    try:
        result = COMMANDS[args.command].run(args, all_settings.load())
    except MmdemoError as error:
        logs.say(str(error))
        return error.exit_code
    print(json.dumps(result.value, ensure_ascii=False) if args.json else "\n".join(result.lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mmdemo", description="Predict and explain; train and measure.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        description = command.run.__doc__
        one = commands.add_parser(name, help=description, description=description, allow_abbrev=False)
        for flag, options in command.arguments:
            one.add_argument(flag, **options)
        one.add_argument("--json", action="store_true", help="print one JSON value")
    return parser


if __name__ == "__main__":
    sys.exit(main())
