"""What each layer of an audio encoder knows about a task: a linear probe on it, judged on speakers never heard.

python -m benchmarks.layers --task T --data FOLDER [--start WEIGHTS] > benchmarks/layers.md

FOLDER holds train.jsonl and dev.jsonl.

The encoder is the one that the task starts from, whole and as published: nothing of it is trained here.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from mmdemo import memory, tasks
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.datasets import Item, decode_rows
from mmdemo.training.manifests import Row

BATCH = 8
C = 0.003  # of the logistic regression: how little it is held back


def main() -> None:
    """Print a row a layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", help="instead of the task's")
    given = parser.parse_args()
    memory.keep_freed()
    task = _whole(tasks.get(given.task))
    start = given.start or task.encoders["audio"]["start"]
    model, processor = MultimodalModel.build(task, {"audio": start})
    rows = {name: manifests.read(given.data / f"{name}.jsonl", task) for name in ("train", "dev")}
    known = {name: probed(model.eval(), processor, decode_rows(some, task, processor)) for name, some in rows.items()}
    print(f"# What the layers of {Path(start).name} know: {task.name}\n")
    print(f"Linear probes on mean and deviation of a layer over each clip; {len(rows['dev'])} clips of dev.\n")
    print("\n".join(table(rows, known)))


def _whole(task: Task) -> Task:
    entry = {name: value for name, value in task.encoders["audio"].items() if name not in ("layers", "pool")}
    return replace(task, encoders={"audio": entry})


@torch.inference_mode()
def probed(model: MultimodalModel, processor: MultimodalProcessor, items: Sequence[Item]) -> np.ndarray:
    """Return (clips, layers + 1, 2 · width): mean and deviation over time of what goes into and out of each layer."""
    found: list[Tensor] = []
    encoder = model.encoders["audio"]
    layers = encoder.get_submodule("backbone.layers")
    for start in range(0, len(items), BATCH):
        seen: list[Tensor] = []
        hooks = [layers[0].register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0]))]
        hooks += [layer.register_forward_hook(lambda _, __, out, seen=seen: seen.append(out)) for layer in layers]
        try:
            tensors = processor([item.inputs for item in items[start : start + BATCH]]).tensors
            _, real = encoder(tensors["audio_features"], tensors["audio_frames"])
        finally:
            for hook in hooks:
                hook.remove()
        stacked = torch.stack(seen, dim=1)  # (b, layers + 1, n, width)
        for one, mask in zip(stacked, real, strict=True):
            heard = one[:, : len(mask)][:, mask]
            found.append(torch.cat([heard.mean(dim=1), heard.std(dim=1)], dim=-1))
    return torch.stack(found).numpy()


def table(rows: dict[str, list[Row]], known: dict[str, np.ndarray]) -> list[str]:
    """Return the accuracy on dev, all of it and by source, of a probe on each layer."""
    labels = {name: np.array([row.label for row in some]) for name, some in rows.items()}
    sources: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows["dev"]):
        sources[row.group or "all"].append(place)
    columns = {"all": list(range(len(rows["dev"]))), **sources}
    lines = [f"| behind layer | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for layer in range(known["train"].shape[1]):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))
        probe.fit(known["train"][:, layer], labels["train"])
        right = probe.predict(known["dev"][:, layer]) == labels["dev"]
        lines.append(f"| {layer} | " + " | ".join(f"{right[some].mean():.3f}" for some in columns.values()) + " |")
    return lines


if __name__ == "__main__":
    main()
