"""What each layer of an audio encoder knows about a task: a linear probe on it, judged on speakers never heard.

python -m benchmarks.layers --task T --data FOLDER [--start WEIGHTS] [--each] > benchmarks/layers.md

FOLDER holds train.jsonl and dev.jsonl. With --each, every source of the two is left out in turn, in the place of dev.

The encoder is the one that the task starts from, whole and as published: nothing of it is trained here.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from mmdemo import tasks
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.process import memory
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.data.datasets import Item, decode_rows
from mmdemo.training.manifests import Row

BATCH = 8
C = 0.003  # of the logistic regression: how little it is held back


def main() -> None:
    """Print a row a layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", help="instead of the task's")
    parser.add_argument("--each", action="store_true", help="leave out each source in turn")
    args = parser.parse_args()
    memory.keep_freed()
    task = _whole(tasks.get(args.task))
    start = args.start or task.encoders["audio"]["start"]
    model, processor = MultimodalModel.build(task, {"audio": start})
    rows = {name: manifests.read(args.data / f"{name}.jsonl", task) for name in ("train", "dev")}
    known = {name: probed(model.eval(), processor, decode_rows(some, task, processor)) for name, some in rows.items()}
    print(f"# What the layers of {Path(start).name} know: {task.name}\n")
    print("Linear probes on mean and deviation of a layer over each clip, ", end="")
    print("learned from all sources but one.\n" if args.each else f"judged on {len(rows['dev'])} clips of dev.\n")
    every = [*rows["train"], *rows["dev"]]
    dev = np.arange(len(every)) >= len(rows["train"])
    print("\n".join(table(every, np.concatenate([known["train"], known["dev"]]), None if args.each else dev)))


def _whole(task: Task) -> Task:
    entry = {name: value for name, value in task.encoders["audio"].items() if name not in ("layers", "pool")}
    return replace(task, encoders={"audio": entry})


@torch.inference_mode()
def probed(model: MultimodalModel, processor: MultimodalProcessor, items: Sequence[Item]) -> np.ndarray:
    """Return (clips, layers + 1, 2 · width): mean and deviation over time of what goes into and out of each layer."""
    means: list[Tensor] = []
    encoder = model.encoders["audio"]
    layers = encoder.get_submodule("backbone.layers")
    assert isinstance(layers, nn.ModuleList)
    for start in range(0, len(items), BATCH):
        hidden: list[Tensor] = []
        hooks = [layers[0].register_forward_pre_hook(lambda _, inputs, hidden=hidden: hidden.append(inputs[0]))]
        hooks += [layer.register_forward_hook(lambda _, __, out, hidden=hidden: hidden.append(out)) for layer in layers]
        try:
            batch = processor([item.inputs for item in items[start : start + BATCH]]).batch
            sounds = batch.modalities["audio"]
            _, real = sounds.encoded_by(encoder, torch.arange(len(sounds.present)))
        finally:
            for hook in hooks:
                hook.remove()
        stacked = torch.stack(hidden, dim=1)  # (b, layers + 1, n, width)
        for one, mask in zip(stacked, real, strict=True):
            heard = one[:, : len(mask)][:, mask]
            means.append(torch.cat([heard.mean(dim=1), heard.std(dim=1)], dim=-1))
    return torch.stack(means).numpy()


def table(rows: Sequence[Row], known: np.ndarray, dev: np.ndarray | None) -> list[str]:
    """Return the accuracy of a probe on each layer on `dev` (clips,) bool, all of it and by source.

    Where that is None, each source is judged by a probe that learned from the others.
    """
    labels = np.array([row.label for row in rows])
    sources = np.array([row.group or "all" for row in rows])
    # What a probe learns from, and what it is judged by, a column each.
    parts = [(sources != name, {name: sources == name}) for name in sorted(set(sources))]
    if dev is not None:
        parts = [(~dev, {"all": dev} | {name: dev & (sources == name) for name in sorted(set(sources[dev]))})]
    columns = [name for _, judged in parts for name in judged]
    lines = [f"| behind layer | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for layer in range(known.shape[1]):
        accuracies = []
        for train, judged in parts:
            probe = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))
            probe.fit(known[train, layer], labels[train])
            right = probe.predict(known[:, layer]) == labels
            accuracies += [right[there].mean() for there in judged.values()]
        lines.append(f"| {layer} | " + " | ".join(f"{value:.3f}" for value in accuracies) + " |")
    return lines


if __name__ == "__main__":
    main()
