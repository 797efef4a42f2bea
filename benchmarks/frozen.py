"""What frozen encoders make of samples, computed once and kept, and models that are trained on that alone.

The encoders are those that a task starts from: a shipped version's have learned from the same samples with one fusion.
"""

import argparse
import math
import time
from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mmdemo import tasks
from mmdemo.commands.train import starts_of
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.model.batch import Batch, EncoderTokens
from mmdemo.model.config import for_task
from mmdemo.process.logs import say
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.data.datasets import collate, decode_rows
from mmdemo.training.manifests import Row

BATCH = 32
LR, WEIGHT_DECAY, SMOOTHING, WARMUP = 1e-3, 0.01, 0.05, 0.1
SEEDS = (0, 1, 2)
FULL = {"samples": 4000, "judged": 1487, "epochs": 4, "dim": 128}  # about ten minutes on two free cores


@dataclass(frozen=True)
class EncodedSamples:
    """Samples as the encoders left them."""

    tokens: dict[str, list[Tensor]]  # modality → for each sample (tokens, width) float16
    labels: Tensor  # (samples,) int64
    further: Tensor  # (samples, further answers) int64, UNKNOWN where there is none

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, rows: Sequence[int]) -> "EncodedSamples":
        """Return some of the samples."""
        some = {name: [values[row] for row in rows] for name, values in self.tokens.items()}
        return EncodedSamples(some, self.labels[list(rows)], self.further[list(rows)])

    def means(self, modalities: Sequence[str]) -> np.ndarray:
        """Return the mean tokens (samples, width of all) float32 of these modalities, side by side."""
        stacked = [torch.stack([value.float().mean(dim=0) for value in self.tokens[name]]) for name in modalities]
        return torch.cat(stacked, dim=1).numpy()


@dataclass(frozen=True)
class Ground:
    """What models are trained and judged on."""

    task: Task
    specs: dict[str, dict]  # modality → its encoder in the configuration
    train: EncodedSamples
    dev: EncodedSamples


def parser(about: str) -> argparse.ArgumentParser:
    """Return what the command lines of these benchmarks share."""
    command_line = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    command_line.add_argument("data", type=Path, help="a folder with train.jsonl and dev.jsonl")
    command_line.add_argument(
        "--start", action="append", default=[], metavar="MODALITY=FOLDER", help="instead of the task's"
    )
    command_line.add_argument("--samples", type=int, help="of train to learn from, drawn by chance")
    command_line.add_argument("--judged", type=int, help="of dev to judge by, drawn by chance")
    command_line.add_argument("--epochs", type=int)
    command_line.add_argument("--dim", type=int, help="width of the fusion")
    command_line.set_defaults(**FULL)
    command_line.add_argument("--kept", type=Path, help="file for what the encoders made, to be used again")
    return command_line


def prepare(name: str, args: argparse.Namespace) -> Ground:
    """Return the kept samples of a task with captions and pictures, encoded where the file doesn't hold them."""
    task = tasks.get(name)
    task = replace(task, fusion={**task.fusion, "dim": args.dim, "heads": 4})
    model, processor = MultimodalModel.build(task, starts_of(args.start, task))
    if args.kept and args.kept.is_file():
        train, dev = (EncodedSamples(**part) for part in torch.load(args.kept))
    else:
        train = keep(model, processor, drawn(args.data / "train.jsonl", task, args.samples), task)
        dev = keep(model, processor, drawn(args.data / "dev.jsonl", task, args.judged), task)
        if args.kept:
            torch.save([vars(part) for part in (train, dev)], args.kept)
    return Ground(task, model.config.encoders, train, dev)


def drawn(manifest: Path, task: Task, number: int) -> list[Row]:
    """Return so many rows of a manifest, the same ones each time."""
    rows = manifests.read(manifest, task)
    return [rows[row] for row in sorted(np.random.default_rng(0).permutation(len(rows))[:number])]


@torch.inference_mode()
def keep(model: MultimodalModel, processor: MultimodalProcessor, rows: Sequence[Row], task: Task) -> EncodedSamples:
    """Return what the encoders make of rows that have both picture and caption."""
    model.eval()
    tokens: dict[str, list[Tensor]] = {name: [] for name in task.modalities}
    labels, further, start = [], [], time.monotonic()
    for first in range(0, len(rows), BATCH):
        batch = collate(processor)(decode_rows(rows[first : first + BATCH], task, processor))
        every = torch.arange(BATCH)[: len(rows) - first]
        pictures, _ = batch.inputs.modalities["image"].encoded_by(model.encoders["image"], every)
        words, real = batch.inputs.modalities["text"].encoded_by(model.encoders["text"], every)
        tokens["image"] += list(pictures.half())
        tokens["text"] += [row[mask].half() for row, mask in zip(words, real, strict=True)]
        labels.append(batch.targets)
        nothing = torch.zeros(len(batch.targets), 0, dtype=torch.long)
        further.append(nothing if batch.further_labels is None else batch.further_labels)
        if first % (8 * BATCH) == 0:
            say(f"{first} of {len(rows)} samples encoded, {time.monotonic() - start:.0f} s")
    return EncodedSamples(tokens, torch.cat(labels), torch.cat(further))


def learn(ground: Ground, task: Task, train: EncodedSamples, epochs: int, seed: int) -> tuple[MultimodalModel, float]:
    """Return a model of `task`, maybe of fewer modalities or another fusion, and the processor seconds it took."""
    torch.manual_seed(seed)
    model = MultimodalModel(for_task(task, {name: ground.specs[name] for name in task.modalities}))
    model.encoders.requires_grad_(False)  # they are never asked
    steps = epochs * math.ceil(len(train) / BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, steps, pct_start=WARMUP)
    start = time.process_time()
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(train)).split(BATCH):
            batch = train.part(rows.tolist())
            output = model(batch_of(batch, task.modalities))
            loss = model.loss(output, batch.labels, batch.further, SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.eval(), time.process_time() - start


@torch.inference_mode()
def judged(model: MultimodalModel, kept: EncodedSamples) -> tuple[Tensor, dict[str, Tensor]]:
    """Return logits (n, answers) of samples, in their order, and those of each further head by its name."""
    answers, further = [], []
    for first in range(0, len(kept), BATCH):
        part = kept.part(range(first, min(first + BATCH, len(kept))))
        output = model(batch_of(part, model.config.modalities))
        answers.append(output.logits)
        further.append(output.further)
    return torch.cat(answers), {name: torch.cat([each[name] for each in further]) for name in further[0]}


def batch_of(kept: EncodedSamples, modalities: Sequence[str]) -> Batch:
    """Return samples as a batch of their tokens, of these modalities alone."""
    padded = {name: pad_sequence(kept.tokens[name], batch_first=True).float() for name in modalities}
    lengths = {name: torch.tensor([len(tokens) for tokens in kept.tokens[name]]) for name in modalities}
    real = {name: torch.arange(tokens.shape[1]) < lengths[name][:, None] for name, tokens in padded.items()}
    return Batch({name: EncoderTokens(tokens, real[name]) for name, tokens in padded.items()})


def scores(right: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Return accuracy and macro-F1."""
    return float(accuracy_score(right, predicted)), float(f1_score(right, predicted, average="macro", zero_division=0))


def spread(values: Sequence[float]) -> str:
    """Return mean ± standard deviation."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


def learned(model: MultimodalModel) -> int:
    """Return the number of parameters that learned."""
    return sum(value.numel() for value in model.parameters() if value.requires_grad)


def heading(train: Sized, dev: Sized, args: argparse.Namespace) -> str:
    """Return what stands above a table: what was trained on what."""
    shape = {name: getattr(args, name) for name in FULL}
    full = ", ".join(f"{value} {name}" for name, value in FULL.items())
    return (
        f"Frozen start encoders (MobileNetV2, all-MiniLM-L6-v2), their tokens kept in float16; {len(train)} "
        f"samples of train, {len(dev)} of dev; {args.epochs} epochs, fusion {args.dim} wide, seeds "
        f"{', '.join(map(str, SEEDS))}. Mean ± standard deviation over the seeds."
        + f"\n\n**A reduced run**, on a busy machine; the full one has {full}."
        * (shape != FULL)
    )
