"""remember: what a version remembers of what it learned from, in one small file that holds tokens and no samples."""

import argparse
from pathlib import Path

from mmdemo import tasks
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, version_folder
from mmdemo.errors import ManifestError
from mmdemo.settings import Settings
from mmdemo.versions import sidecar


def remember(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Write memory.safetensors into a version's folder, from what it was trained on and from what trained nothing."""
    from mmdemo.model import MultimodalModel
    from mmdemo.training import manifests
    from mmdemo.training.continual import memory
    from mmdemo.training.continual.memory import Remembered
    from mmdemo.training.data.datasets import decode_rows
    from mmdemo.training.data.token_cache import TokenCache
    from mmdemo.training.manifests import corpus, splits

    task = tasks.get(args.task, config.task_dir)
    folder = version_folder(task, args.version, config)
    task = task.in_profile(sidecar.read(folder).profile)
    plain = (corpus.rehearsal(task, args.captions), corpus.fresh(task, args.captions)) if args.captions else ([], [])
    rows = manifests.read(args.manifest, task) if args.manifest else []
    sampled = splits.calibration_split(rows, args.aside, task.split_by)
    apart = manifests.read(args.unseen, task) if args.unseen else []
    left_out = {*args.leave_out}
    learned, unseen = (
        [row for row in (*captions, *samples, *more) if not {row.id, row.group} & left_out]
        for captions, samples, more in zip(plain, sampled, ([], apart), strict=True)
    )
    if not learned:
        raise ManifestError("nothing_to_remember")
    loaded, cache = MultimodalModel.load(folder), TokenCache()
    samples = []
    for row, role in memory.roles_of(learned, unseen, args.calibrating)[: args.most]:
        [item] = cache.encode(loaded, decode_rows([row], task, loaded.processor))
        samples.append(Remembered(item.tokens, row.label, role))
    count = memory.write(folder, loaded, samples, int(args.mib * 2**20))
    size = (folder / memory.FILE).stat().st_size
    roles = {role.name.lower(): sum(sample.role == role for sample in samples[:count]) for role in memory.Role}
    lines = [f"{folder / memory.FILE}: {count} samples, {size} bytes", *(f"{name}: {n}" for name, n in roles.items())]
    return CommandResult({"path": str(folder / memory.FILE), "bytes": size, **roles}, lines)


COMMANDS = {
    "remember": Command(
        remember,
        [
            TASK,
            VERSION,
            ("--manifest", {"type": Path, "help": "samples that it was trained on"}),
            (
                "--captions",
                {"type": int, "default": 0, "help": "how many plain captions of the task's it learned from `corpus`"},
            ),
            (
                "--aside",
                {
                    "type": float,
                    "default": 0.0,
                    "help": "share of it that the training set aside (default: 0)",
                },
            ),
            ("--unseen", {"type": Path, "help": "samples that trained nothing, and that nothing else is reported on"}),
            (
                "--calibrating",
                {
                    "type": float,
                    "default": 0.4,
                    "help": "share of what trained nothing that temperatures are fitted on (default: %(default)s)",
                },
            ),
            (
                "--leave-out",
                {"action": "append", "default": [], "help": "a group, or the id of a sample, that is not remembered"},
            ),
            (
                "--most",
                {"type": int, "default": 1000, "help": "samples that are encoded at most (default: %(default)s)"},
            ),
            ("--mib", {"type": float, "default": 2.0, "help": "size at most, up to 2 (default: %(default)s)"}),
        ],
    )
}
