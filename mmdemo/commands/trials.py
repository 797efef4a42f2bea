"""split, corpus and search: what comes before a training."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmdemo import tasks
from mmdemo.commands.command import TASK, Command, CommandResult
from mmdemo.commands.train import DATA, options_of, starts_of
from mmdemo.settings import Settings
from mmdemo.values.samples import to_json

if TYPE_CHECKING:
    from mmdemo.training.manifests import splits

_BY = 'field of extra, or "group", whose samples stay together (default: the task\'s, or speaker)'
_RANGES = "TOML with a list of values, or low and high, for each option (default: learning rates and regularisation)"


def split(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Make train.jsonl and dev.jsonl from one manifest; no speaker stands in both."""
    from mmdemo.training.manifests import splits

    task = tasks.get(args.task, config.task_dir) if args.task else None
    by = args.by or (task.split_by if task else tasks.SPLIT_BY)
    parting = splits.split(args.manifest, args.out, args.share, by, task)
    lines = [f"{args.out / name}: {count} samples" for name, count in parting.counts.items()]
    value = {**parting.counts, **{name: value for name, value in to_json(parting).items() if name != "counts"}}
    return CommandResult(
        value, [*lines, f"asked for {parting.asked:.0%} in dev, got {parting.share:.0%}{_why(parting)}"]
    )


def _why(parting: "splits.SplitReport") -> str:
    """Return why another share came out than was asked for, "" where it did not."""
    if not parting.is_uneven:
        return ""
    if parting.groups:
        return (
            f": samples of one {parting.by} stay together, and there are {parting.groups}; the smallest holds "
            f"{parting.smallest:.0%} of the samples"
        )
    return (
        f": no sample names its {parting.by}; those of one caption stay together, and chance shares out so few unevenly"
    )


def corpus(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Write a manifest of the task's own plain captions beside the lines of another one, to train on both."""
    from mmdemo.training.manifests import corpus as written

    counts = written.write(tasks.get(args.task, config.task_dir), args.manifest, args.out, args.count, args.seed)
    return CommandResult(counts, [f"{group or 'no group'}: {count} samples" for group, count in counts.items()])


def search(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Try options from a table of ranges, judged on samples set aside from train; nothing is kept but the figures."""
    from mmdemo.training import search as searching
    from mmdemo.training.data import Manifests
    from mmdemo.training.jobs import Origin, TrainingJob
    from mmdemo.training.options import options

    task = tasks.get(args.task, config.task_dir).in_profile(config.profile)
    chosen = options(task, **{**options_of(args.option), "seed": args.seed})
    trials = searching.search(
        TrainingJob.of(task, chosen, Origin(starts_of(args.start, task))),
        Manifests(args.train, args.dev, args.skip_bad),
        ranges=searching.ranges_of(task, args.ranges),
        trials=args.trials,
        sampler=args.sampler,
    )
    best = trials[0]
    options_line = " ".join(f"--option {name}={value}" for name, value in best.options.items())
    lines = [f"{part}: {figures}" for part, figures in (("set aside", best.figures), ("dev", best.dev))]
    return CommandResult(to_json({"best": best, "trials": trials}), [options_line, *lines])


COMMANDS = {
    "split": Command(
        split,
        [
            ("--manifest", {"type": Path, "required": True, "help": "samples to part"}),
            ("--out", {"type": Path, "required": True, "help": "folder for the two manifests"}),
            ("--share", {"type": float, "default": 0.1, "help": "of the samples that go to dev (default: 0.1)"}),
            ("--by", {"metavar": "FIELD", "help": _BY}),
            ("--task", {"help": "check labels too, and follow this task's split_by"}),
        ],
    ),
    "corpus": Command(
        corpus,
        [
            TASK,
            ("--manifest", {"type": Path, "required": True, "help": "samples to stand beside, and their pictures"}),
            ("--out", {"type": Path, "required": True, "help": "manifest to write"}),
            ("--count", {"type": int, "default": 12_000, "help": "captions to draw (default: 12000); more weigh more"}),
            ("--seed", {"type": int, "default": 0, "help": "the same seed draws the same captions"}),
        ],
    ),
    "search": Command(
        search,
        [
            *DATA,
            ("--trials", {"type": int, "default": 20, "help": "how many choices are tried (default: 20)"}),
            ("--sampler", {"choices": ("grid", "random", "tpe"), "default": "tpe", "help": "how they are chosen"}),
            ("--ranges", {"type": Path, "metavar": "FILE", "help": _RANGES}),
        ],
    ),
}
