"""A task and untrained checkpoints so small that a test makes one in a tenth of a second; nothing is downloaded."""

import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from tokenizers.implementations import BertWordPieceTokenizer
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    ViTImageProcessor,
)

from mmdemo import tasks
from mmdemo.explain import AimedPass
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.tasks import Task
from mmdemo.values.samples import MODALITIES, Inputs
from mmdemo.versions import sidecar
from mmdemo.versions.sidecar import Sidecar

NAME = "tiny"
LABELS = ("bad", "good")
SIZE_PX = 16
WORDS = ("a", "the", "dog", "cat", "good", "bad", "run", "smil", "##ing", "##s", "is")
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ENCODERS = {
    "image": f'[encoders.image]\ntype = "auto"\nstart = "none"\nsize = {SIZE_PX}\n',
    "text": '[encoders.text]\ntype = "auto"\nstart = "none"\nmax_tokens = 16\n',
    "audio": '[encoders.audio]\ntype = "logmel_cnn"\nmels = 16\n',
}


def write_task(
    folder: Path, modalities: Sequence[str] = MODALITIES, labels: Sequence[str] = LABELS, name: str = NAME
) -> Path:
    """Write the TOML of a tiny task into `folder` and return its path."""
    listed = {"modalities": list(modalities), "labels": list(labels), "languages": ["en"]}
    lines = [f'name = "{name}"', f'title = "{name}"', "threshold = 0.6", *(f"{k} = {v}" for k, v in listed.items())]
    fusion = "[fusion]\nlayers = 2\ndim = 32\nheads = 4\n"
    path = folder / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n" + fusion + "".join(ENCODERS[item] for item in modalities), "utf-8")
    return path


def task(folder: Path, modalities: Sequence[str] = MODALITIES, labels: Sequence[str] = LABELS) -> Task:
    """Return a tiny task of these modalities."""
    return tasks.load_file(write_task(folder, modalities, labels))


def write_tokenizer(folder: Path) -> int:
    """Write a tokenizer of a few word pieces into `folder` and return how many there are."""
    vocabulary = [
        *MARKS,
        *WORDS,
        *string.ascii_lowercase,
        *("##" + sign for sign in string.ascii_lowercase),
        *".,!?#@'",
    ]
    vocabulary = list(dict.fromkeys(vocabulary))
    tokenizer = BertWordPieceTokenizer({word: index for index, word in enumerate(vocabulary)})
    named = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), MARKS, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer._tokenizer, **named).save_pretrained(folder)
    return len(vocabulary)


def starts(folder: Path) -> dict[str, Path]:
    """Write a random BERT and a random ResNet as folders to start from; return them by modality."""
    torch.manual_seed(0)
    bert = BertConfig(
        vocab_size=write_tokenizer(folder / "bert"),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    BertModel(bert).save_pretrained(folder / "bert")
    net = ResNetConfig(embedding_size=8, hidden_sizes=[8, 32], depths=[1, 1], layer_type="basic")
    sees = ResNetModel(net)
    for module in sees.modules():  # as it comes, it answers the same to every picture
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    sees.save_pretrained(folder / "resnet")
    ViTImageProcessor(image_mean=[0.4, 0.5, 0.6], image_std=[0.5, 0.5, 0.5]).save_pretrained(folder / "resnet")
    return {"text": folder / "bert", "image": folder / "resnet"}


def version(folder: Path, of: Task, name: str = "tiny-v1", seed: int = 0, **changes: object) -> Path:
    """Write an untrained version of task `of` to `folder` and return it; `changes` are fields of its sidecar."""
    with TemporaryDirectory() as origin:
        begun = starts(Path(origin))
        torch.manual_seed(seed)
        model, processor = MultimodalModel.build(of, begun)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    beside = Sidecar(name, of.name, of.kind, of.label_names, of.modalities, created_at="2026-01-01T00:00:00+00:00")
    sidecar.write(folder, replace(beside, **changes))  # type: ignore[arg-type]
    return folder


@contextmanager
def passes(kind: type[nn.Module]) -> Iterator[list[nn.Module]]:
    """Yield the modules of a kind that are asked meanwhile, once for each time."""
    asked: list[nn.Module] = []

    def note(module: nn.Module, *_: object) -> None:
        if isinstance(module, kind):
            asked.append(module)

    hook = register_module_forward_hook(note)
    try:
        yield asked
    finally:
        hook.remove()


def inputs(seed: int = 0, modalities: Sequence[str] = MODALITIES, seconds: float = 1.0) -> Inputs:
    """Return a decoded sample of noise and a caption; the same seed gives the same sample."""
    noise = np.random.default_rng(seed)
    every = {
        "image": noise.integers(0, 256, (48, 80, 3), np.uint8),
        "text": " ".join(noise.choice(["the", "dog", "cat", "is", "smiling", "runs"], 5)),
        "audio": (noise.standard_normal(int(seconds * 16_000)) * 0.1).astype(np.float32),
    }
    return Inputs(**{name: every[name] for name in modalities})


def passed(
    built: tuple[MultimodalModel, MultimodalProcessor], of: Inputs, target: str, against: str | None = None
) -> AimedPass:
    """Return one sample behind its pass, as the Predictor makes it."""
    model, processor = built
    encoded = processor([of])
    with torch.inference_mode():
        output = model(encoded.batch, return_attention=True)
    return AimedPass(model, processor, of, encoded, output, target, against)
