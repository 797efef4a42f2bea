"""remember: what a version remembers of what it learned from, in one small file that holds tokens and no samples."""

import argparse
from pathlib import Path

from mmdemo import hashed_draw, tasks
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, version_folder
from mmdemo.settings import Settings
from mmdemo.versions import sidecar


def remember(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Write memory.safetensors into a version's folder, from samples of the manifest that it was trained on."""
    from mmdemo.model import MultimodalModel
    from mmdemo.training import manifests
    from mmdemo.training.continual import memory
    from mmdemo.training.continual.memory import Remembered
    from mmdemo.training.data.datasets import decode_rows
    from mmdemo.training.data.token_cache import TokenCache
    from mmdemo.training.manifests import splits

    task = tasks.get(args.task, config.task_dir)
    folder = version_folder(task, args.version, config)
    task = task.in_profile(sidecar.read(folder).profile)
    rows = manifests.read(args.manifest, task)
    _, aside = splits.calibration_split(rows, args.aside, task.split_by)
    unseen = {row.id for row in aside}
    # Those that trained nothing come first: what is measured on them is not flattered.
    rows.sort(key=lambda row: (row.id not in unseen, hashed_draw.draw("remember", row.id)))
    loaded, cache = MultimodalModel.load(folder), TokenCache()
    samples = []
    for row in rows[: args.most]:
        [item] = cache.encode(loaded, decode_rows([row], task, loaded.processor))
        samples.append(Remembered(item.tokens, row.label, memory.role_of(row, row.id in unseen)))
    count = memory.write(folder, loaded, samples)
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
            (
                "--manifest",
                {"type": Path, "required": True, "help": "samples that it was trained on"},
            ),
            (
                "--aside",
                {
                    "type": float,
                    "default": 0.0,
                    "help": "share that the training set aside (default: %(default)s)",
                },
            ),
            (
                "--most",
                {"type": int, "default": 1000, "help": "samples that are encoded at most (default: %(default)s)"},
            ),
        ],
    )
}
