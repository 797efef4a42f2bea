"""split, corpus and search: what comes before a training."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmdemo import tasks
from mmdemo.commands.command import TASK, Command, CommandResult
from mmdemo.commands.train import DATA, options_of, starts_of
from mmdemo.samples import to_json
from mmdemo.settings import Settings

if TYPE_CHECKING:
    from mmdemo.training import splits

_BY = 'field of extra, or "group", whose samples stay together (default: the task\'s, or speaker)'
_RANGES = "TOML with a list of values, or low and high, for each option (default: learning rates and regularisation)"


def split(given: argparse.Namespace, config: Settings) -> CommandResult:
    """Make train.jsonl and dev.jsonl from one manifest; no speaker stands in both."""
    from mmdemo.training import splits

    task = tasks.get(given.task, config.task_dir) if given.task else None
    by = given.by or (task.split_by if task else tasks.SPLIT_BY)
    found = splits.split(given.manifest, given.out, given.share, by, task)
    lines = [f"{given.out / name}: {count} samples" for name, count in found.counts.items()]
    value = {**found.counts, **{name: value for name, value in to_json(found).items() if name != "counts"}}
    return CommandResult(value, [*lines, f"asked for {found.asked:.0%} in dev, got {found.share:.0%}{_why(found)}"])


def _why(found: "splits.Parting") -> str:
    """Return why another share came out than was asked for, "" where it did not."""
    if not found.is_uneven:
        return ""
    if found.groups:
        return (
            f": samples of one {found.by} stay together, and there are {found.groups}; the smallest holds "
            f"{found.smallest:.0%} of the samples"
        )
    return (
        f": no sample names its {found.by}; those of one caption stay together, and chance shares out so few unevenly"
    )


def corpus(given: argparse.Namespace, config: Settings) -> CommandResult:
    """Write a manifest of the task's own plain captions beside the lines of another one, to train on both."""
    from mmdemo.training import corpus as written

    counts = written.write(tasks.get(given.task, config.task_dir), given.manifest, given.out, given.count, given.seed)
    return CommandResult(counts, [f"{group or 'no group'}: {count} samples" for group, count in counts.items()])


def search(given: argparse.Namespace, config: Settings) -> CommandResult:
    """Try options from a table of ranges, judged on samples set aside from train; nothing is kept but the figures."""
    from mmdemo.training import search as searching
    from mmdemo.training.data import Manifests
    from mmdemo.training.jobs import Origin, TrainingJob
    from mmdemo.training.options import options

    task = tasks.get(given.task, config.task_dir).in_profile(config.profile)
    chosen = options(task, **{**options_of(given.option), "seed": given.seed})
    found = searching.search(
        TrainingJob.of(task, chosen, Origin(starts_of(given.start, task))),
        Manifests(given.train, given.dev, given.skip_bad),
        ranges=searching.ranges_of(task, given.ranges),
        trials=given.trials,
        sampler=given.sampler,
    )
    best = found[0]
    options_line = " ".join(f"--option {name}={value}" for name, value in best.options.items())
    shown = [f"{part}: {figures}" for part, figures in (("set aside", best.figures), ("dev", best.dev))]
    return CommandResult(to_json({"best": best, "trials": found}), [options_line, *shown])


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
