"""transformers' Trainer, told our losses, two learning rates, and which weights are kept."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.utils import SAFE_WEIGHTS_NAME

from mmdemo.errors import ManifestError
from mmdemo.model import Loaded, MultimodalModel, MultimodalOutput
from mmdemo.training.data import feature_cache
from mmdemo.training.data.augmentation import Augmentation, WordNoise, words
from mmdemo.training.data.datasets import Item, LabelledBatch, Samples, collate, narrowed
from mmdemo.training.data.feature_cache import CachedDataset, FeatureCache
from mmdemo.training.fitting import adalora, processes, sharding, tuning
from mmdemo.training.fitting.progress import Progress
from mmdemo.training.fitting.resuming import ExtraState, ResumeFolder
from mmdemo.training.fitting.weight_selection import WeightSelector
from mmdemo.training.objectives import adversarial, targets
from mmdemo.training.options import Options, Precision, Tuning

LOG_STEPS = 20
BATCH = "labelled"  # what the Trainer, which takes dicts, knows a LabelledBatch by
Judge = Callable[[MultimodalModel], Mapping[str, float]]


@dataclass(frozen=True)
class Plan:
    """How a model is trained."""

    options: Options
    started: Sequence[str] = ()  # modalities whose encoders have trained weights
    cache: FeatureCache | None = None  # with it, encoders that do not learn are asked once for their tokens


def fit(
    loaded: Loaded,
    items: Sequence[Item],
    plan: Plan,
    *,
    judge: Judge | None = None,
    resume: ResumeFolder | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Train a model in place.

    `judge` returns figures of a model behind every epoch, JUDGED_BY among them where training may stop early; where no
    encoder learns, and nothing may stop early, it is not asked. In `resume` each epoch leaves a checkpoint, and the
    newest one there is gone on from. Raises ManifestError for a cache where all encoders learn.
    """
    model, options, cache = loaded.model, plan.options, plan.cache
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(options.frozen))
    tuning.start(model, options.tuning, tuning.Size(options.rank, _steps(options, items)), plan.started)
    _lay_out(model, torch.channels_last)
    if cache and not feature_cache.resting(model):
        raise ManifestError("copies_need_frozen", modalities=", ".join(model.encoders))
    if cache and not options.patience and not feature_cache.learning(model):
        judge = None  # an epoch takes less than one look at dev
    with tempfile.TemporaryDirectory() as nowhere:
        selector, allocation = WeightSelector(model, options.ema, options.patience), adalora.Allocation(model)
        extra = ExtraState([selector, allocation])
        dataset, collating = _learned_from(loaded, items, plan)
        trainer = _Trainer(
            model,
            plan,
            items,
            lambda: judge(selector.current(model)) if judge else {},
            args=_arguments(options, resume.folder if resume else Path(nowhere), judge is not None, resume is not None),
            data_collator=lambda part: {BATCH: collating(part)},
            train_dataset=dataset,
            eval_dataset=[],  # `judge` has its own
            callbacks=[selector, allocation, extra, Progress(), *callbacks],
        )
        trainer.remove_callback(PrinterCallback)  # it writes to standard output
        checkpoint = resume.checkpoint() if resume else None
        if checkpoint and extra.restore(checkpoint):
            model.load_state_dict(load_file(checkpoint / SAFE_WEIGHTS_NAME))
        else:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        selector.put_into(model)
    tuning.merge(model)
    _lay_out(model.cpu(), torch.contiguous_format)
    model.requires_grad_(True).eval()


def _learned_from(loaded: Loaded, items: Sequence[Item], plan: Plan) -> tuple[Dataset, Callable[..., LabelledBatch]]:
    """Return what is learned from, and what makes a batch of it."""
    model, processor = loaded
    options, cache = plan.options, plan.cache
    augmentation = Augmentation.of(options, _word_noise(items, options))
    masked = feature_cache.masked(model, options.augment)
    if not cache:
        return Samples(items, augmentation), collate(processor, masked, _mixing(targets.mix, model, options))

    def batch(part: Sequence[Item]) -> LabelledBatch:
        changed = Samples(narrowed(part, feature_cache.resting(model)), augmentation)
        return collate(processor)([changed[index] for index in range(len(part))])

    samples = Samples(narrowed(items, feature_cache.learning(model)), augmentation)
    dataset = CachedDataset(samples, cache.of(items, model, batch))
    mixing = _mixing(feature_cache.mix, model, options)
    return dataset, partial(feature_cache.collate, batch=collate(processor, masked), mixing=mixing)


def _slow(plan: Plan) -> tuple[str, ...]:
    """Return the beginnings of the names of what learns at the encoders' rate: what is new beside them does not."""
    return tuple(f"encoders.{name}.backbone." for name in plan.started) if plan.options.tuning == Tuning.FULL else ()


def _steps(options: Options, items: Sequence[Item]) -> int:
    return math.ceil(options.epochs * math.ceil(len(items) / options.batch))


def _lay_out(model: MultimodalModel, memory_format: torch.memory_format) -> None:
    """Order the weights of a picture's backbone: with its channels last it trains twice as fast in bf16 on a CPU.

    Never a small encoder's: see there.
    """
    backbone = getattr(model.encoders["image"], "backbone", None) if "image" in model.encoders else None
    if backbone is not None:
        backbone.to(memory_format=memory_format)


def _mixing(mix: Callable[..., Any], model: MultimodalModel, options: Options) -> Callable[..., Any] | None:
    return partial(mix, alpha=options.mixup, labels=len(model.config.labels)) if options.mixup else None


def _word_noise(items: Sequence[Item], options: Options) -> WordNoise | None:
    if not options.word_dropout and not options.word_replacement:
        return None
    vocabulary = words(item.inputs.text for item in items if item.inputs.text is not None)
    return WordNoise(options.word_dropout, options.word_replacement, vocabulary)


def _arguments(options: Options, folder: Path, judged: bool, saved: bool) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.at_once,
        gradient_accumulation_steps=options.accumulate,
        learning_rate=options.head_lr,
        lr_scheduler_type="cosine",
        warmup_steps=options.warmup,  # below 1 it is a share of the steps
        max_grad_norm=options.max_grad_norm,
        bf16=options.precision == Precision.BF16 and _has_bf16(),
        fp16=options.precision == Precision.BF16 and torch.cuda.is_available() and not _has_bf16(),
        use_cpu=not torch.cuda.is_available(),
        ddp_find_unused_parameters=True,  # a modality that nobody in a batch has
        ddp_broadcast_buffers=False,  # nothing may change between the passes of an adversarial step
        seed=options.seed,
        eval_strategy="epoch" if judged else "no",
        save_strategy="epoch" if saved else "no",
        save_total_limit=2,  # the newest may be cut short
        logging_steps=LOG_STEPS,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


def _has_bf16() -> bool:
    """Return whether the device multiplies in bf16 itself: a processor that imitates it takes ten times as long."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported()


class _Trainer(Trainer):
    def __init__(
        self,
        model: MultimodalModel,
        plan: Plan,
        items: Sequence[Item],
        judge: Callable[[], Mapping[str, float]],
        **settings: Any,
    ) -> None:
        super().__init__(model, **settings)
        self._bare, self._options, self._slow, self._items, self._judge = model, plan.options, _slow(plan), items, judge
        labels, power = len(model.config.labels), plan.options.class_weights
        self._weights = targets.class_weights(items, labels, power).to(self.args.device) if power else None

    def create_optimizer(self, *_: Any) -> torch.optim.Optimizer:
        if self.optimizer is None:
            groups = _groups(self._bare, self._options, self._slow)
            self.optimizer = torch.optim.AdamW(groups, lr=self._options.head_lr)
        return self.optimizer

    def get_train_dataloader(self) -> DataLoader:
        if processes.number() == 1:
            return super().get_train_dataloader()
        options = self._options
        lengths = self._lengths() if options.by_length else None
        return sharding.loader(
            self.train_dataset, self.data_collator, options.at_once, options.seed, self.args.device, lengths
        )

    def _lengths(self) -> list[int]:
        return [len(item.inputs.text or "") for item in self._items]

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler | None:
        if not self._options.by_length:
            return super()._get_train_sampler(train_dataset)
        return LengthGroupedSampler(self._options.batch, lengths=self._lengths())

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_: Any, **__: Any) -> Tensor:
        batch: LabelledBatch = inputs[BATCH]
        size = self._options.adversarial

        def forward() -> Tensor:
            return self._loss(model(batch.inputs), batch)

        if size:
            loss = adversarial.loss(self._bare.projections, forward, size, self._options.adversarial_steps)
        else:
            loss = forward()
        loss = loss * inputs.get(sharding.WEIGHT, 1.0)
        return loss + adalora.orthogonality(self._bare) if self._options.tuning == Tuning.ADALORA else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        figures = processes.agreed(dict(self._judge()))
        self.log(dict(figures))  # which adds the epoch to it
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures

    def _loss(self, output: MultimodalOutput, batch: LabelledBatch) -> Tensor:
        labels, smoothing = batch.targets, self._options.label_smoothing
        if self._weights is not None:
            labels, smoothing = targets.weighted(labels, self._weights, smoothing), 0.0
        loss = self._bare.loss(output, labels, batch.further_labels, smoothing)
        if self._options.contrast:
            assert output.tokens
            present = output.tokens.present
            if batch.inputs.constructed is not None:  # the picture beside such a caption is anyone's
                present = {name: there & ~batch.inputs.constructed for name, there in present.items()}
            loss = loss + self._options.contrast * targets.contrast(self._bare.alike(output.tokens), present)
        return loss


def _groups(model: nn.Module, options: Options, slow: tuple[str, ...]) -> list[dict[str, Any]]:
    """Part the parameters by learning rate and by whether they decay: vectors (biases, norms) never do."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            slowly = bool(slow) and name.startswith(slow)
            groups.setdefault((slowly, parameter.dim() > 1), []).append(parameter)
    return [
        {
            "params": members,
            "lr": options.encoder_lr if slowly else options.head_lr,
            "weight_decay": options.weight_decay if decays else 0.0,
        }
        for (slowly, decays), members in groups.items()
    ]
