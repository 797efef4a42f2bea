"""transformers' Trainer with two learning rates, averaged weights, and progress on standard error."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.training.datasets import Item, Samples, collate
from mmdemo.training.options import Options

LOG_STEPS = 20
Penalty = Callable[[MultimodalModel], Tensor]  # what is added to the loss, such as a pull towards the champion


def fit(
    model: MultimodalModel,
    processor: MultimodalProcessor,
    items: Sequence[Item],
    options: Options,
    *,
    pretrained: Sequence[str] = (),
    penalty: Penalty | None = None,
    after_epoch: Callable[[float], str] | None = None,
) -> None:
    """Train `model` in place. Parameters whose names begin with one of `pretrained` learn at the encoders' rate.

    `after_epoch` is handed the epoch and returns what to say about it.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(options.frozen))
    _lay_out(model, torch.channels_last)
    average = _Average(model, options.ema) if options.ema else None
    with tempfile.TemporaryDirectory() as folder:
        trainer = _Trainer(
            model,
            _arguments(options, folder),
            data_collator=collate(processor, options.augment),
            train_dataset=Samples(items, options.augment),
            callbacks=[_Progress(after_epoch), *([average] if average else [])],
        )
        trainer.prepare(model, options, tuple(pretrained), penalty)
        trainer.remove_callback(PrinterCallback)  # it writes to standard output
        trainer.train()
    if average:
        average.put_into(model)
    _lay_out(model.cpu(), torch.contiguous_format)
    model.requires_grad_(True).eval()


def _lay_out(model: MultimodalModel, memory_format: torch.memory_format) -> None:
    """Order the weights of a picture's backbone: with its channels last it trains twice as fast in bf16 on a CPU.

    Never a small encoder's: see there.
    """
    backbone = getattr(model.encoders["image"], "backbone", None) if "image" in model.encoders else None
    if backbone is not None:
        backbone.to(memory_format=memory_format)


def _arguments(options: Options, folder: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch,
        learning_rate=options.head_lr,
        lr_scheduler_type="cosine",
        warmup_steps=options.warmup,  # below 1 it is a share of the steps
        max_grad_norm=options.max_grad_norm,
        bf16=options.precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        seed=options.seed,
        save_strategy="no",
        logging_steps=LOG_STEPS,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


class _Trainer(Trainer):
    def prepare(
        self, bare: MultimodalModel, options: Options, pretrained: tuple[str, ...], penalty: Penalty | None
    ) -> None:
        self._bare, self._options, self._pretrained, self._penalty = bare, options, pretrained, penalty

    def create_optimizer(self, *_: Any) -> torch.optim.Optimizer:
        if self.optimizer is None:
            groups = _groups(self._bare, self._options, self._pretrained)
            self.optimizer = torch.optim.AdamW(groups, lr=self._options.head_lr)
        return self.optimizer

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_: Any, **__: Any) -> Tensor:
        labels, further = inputs.pop("labels"), inputs.pop("further_labels", None)
        loss = self._bare.loss(model(**inputs), labels, further, self._options.label_smoothing)
        return loss if self._penalty is None else loss + self._penalty(self._bare)


def _groups(model: nn.Module, options: Options, pretrained: tuple[str, ...]) -> list[dict[str, Any]]:
    """Part the parameters by learning rate and by whether they decay: vectors (biases, norms) never do."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            started = bool(pretrained) and name.startswith(pretrained)
            groups.setdefault((started, parameter.dim() > 1), []).append(parameter)
    return [
        {
            "params": members,
            "lr": options.encoder_lr if started else options.head_lr,
            "weight_decay": options.weight_decay if decays else 0.0,
        }
        for (started, decays), members in groups.items()
    ]


class _Average(TrainerCallback):
    """An exponential moving average of the weights, kept beside them (Polyak and Juditsky 1992)."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._average.update_parameters(kwargs["model"])

    def put_into(self, model: nn.Module) -> None:
        model.load_state_dict(self._average.module.state_dict())


class _Progress(TrainerCallback):
    def __init__(self, after_epoch: Callable[[float], str] | None) -> None:
        self._after_epoch = after_epoch
        self._start = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if logs and "loss" in logs:
            self._say(f"step {state.global_step}/{state.max_steps}, loss {logs['loss']}")

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        said = self._after_epoch(state.epoch) if self._after_epoch else ""
        self._say(f"epoch {state.epoch:g} done. {said}")

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._start:.0f} s] {text}", file=sys.stderr, flush=True)
