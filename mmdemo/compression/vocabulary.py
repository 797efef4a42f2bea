"""The word pieces that captions use, and none of the others: rows of the word table go, and the tokenizer's with them.

Captions are those of the samples, of the task's own templates and word lists, and of its examples. A caption whose
pieces all stay has the same tokens, to the last bit. `unreachable` takes the pieces alone that no caption can have: all
answers stay the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import nn

from mmdemo import behaviour
from mmdemo.behaviour.capabilities import TEST, TRAIN
from mmdemo.compression import pieces
from mmdemo.compression.interface import Compressed, Request
from mmdemo.decode import decode_caption
from mmdemo.errors import ManifestError
from mmdemo.model import Loaded, packing
from mmdemo.model.frontends.text import TextFrontend
from mmdemo.speed.turns import Clock
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row

DRAWN = 2000  # captions of a task's own templates
MARKS = ("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id")  # numbers that a configuration holds


def vocabulary(request: Request) -> Compressed:
    """Trim the word table to what captions use. Raises ManifestError for a task or samples without captions."""
    tokenizer = _tokenizer_of(request)
    if not any(row.sample.text.strip() for row in request.rows):
        raise ManifestError("compress_wordless")
    captions = sorted(set(captions_of(request.task, request.rows)))
    return _with_fewer(request, *pieces.trimmed(tokenizer, pieces.used(tokenizer, captions)))


def unreachable(request: Request) -> Compressed:
    """Trim the word table by what no caption is spelled with. Raises ManifestError for a task without captions."""
    tokenizer = _tokenizer_of(request)
    smaller = pieces.trimmed(tokenizer, pieces.reachable(tokenizer), characters=False)
    return dataclasses.replace(_with_fewer(request, *smaller), answers_alike=True)


def _tokenizer_of(request: Request) -> Tokenizer:
    processor = request.loaded.processor
    if processor.text is None:
        raise ManifestError("compress_no_captions", task=request.task.name)
    return processor.text.tokenizer


def _with_fewer(request: Request, smaller: Tokenizer, numbers: Sequence[int]) -> Compressed:
    """Return the version with a smaller tokenizer, whose pieces had these numbers before."""
    model, processor = request.loaded
    tokenizer, encoder = _tokenizer_of(request), model.encoders["text"]
    table = _name(encoder)
    packed = {
        name: value[numbers] if name in (table, table + packing.SCALE) else value
        for name, value in request.packed.items()
    }
    model.config.encoders = {**model.config.encoders, "text": _spec(model.config.encoders["text"], encoder, numbers)}
    settings = {"pieces": len(numbers), "of": tokenizer.get_vocab_size()}
    trimmed = Loaded(model, dataclasses.replace(processor, text=TextFrontend(smaller)))
    return Compressed(trimmed, packed, settings, finish=partial(_spelled, tokenizer, smaller))


def captions_of(task: Task, rows: Sequence[Row]) -> Iterator[str]:
    """Yield captions of samples, those that may stand in for them, of a task's templates and of its examples."""
    for row in rows:
        yield from filter(None, map(decode_caption, (row.sample.text, *_further(task, row))))
    for name in (TRAIN, TEST):
        suite = behaviour.load(task, name) if task.behaviour and (task.behaviour / name).is_file() else None
        if suite:
            yield from (each.text for each in behaviour.captions(suite, DRAWN))
            drawn = behaviour.draw(suite, [], DRAWN // len(suite.capabilities))
            yield from (each.sample.text or "" for instance in drawn for each in instance.expectations)
    yield from (example.text for example in task.examples if example.text)


def _spelled(before: Tokenizer, after: Tokenizer, folder: Path, rows: Sequence[Row], clock: Clock) -> dict[str, float]:
    """Return how many of the samples' captions consist of the pieces that they consisted of."""
    captions = [caption for row in rows if (caption := decode_caption(row.sample.text))]
    same = [before.encode(caption).tokens == after.encode(caption).tokens for caption in captions]
    return {"captions": len(same), "spelled_as_before": sum(same) / max(len(same), 1)}


def _further(task: Task, row: Row) -> list[str]:
    return [str(row.extra[name]) for name in task.captions if row.extra.get(name)]


def _name(encoder: nn.Module) -> str:
    """Return the name of the word table among the model's weights."""
    backbone: Any = getattr(encoder, "backbone", None)
    tables = [(name, part) for name, part in encoder.named_modules() if isinstance(part, nn.Embedding)]
    wanted = tables[0][1] if backbone is None else backbone.get_input_embeddings()
    return next(f"encoders.text.{name}.weight" for name, part in tables if part is wanted)


def _spec(spec: dict[str, Any], encoder: Any, numbers: Sequence[int]) -> dict[str, Any]:
    """Return what builds the encoder with so many pieces; marks that its configuration numbers are renumbered."""
    if "config" not in spec:
        return {**spec, "pieces": len(numbers)}
    config = encoder.backbone.config
    place = {number: new for new, number in enumerate(numbers)}
    marks = {name: getattr(config, name, None) for name in MARKS}
    renumbered = {name: place[number] for name, number in marks.items() if number in place}
    return {**spec, "config": {**spec["config"], **renumbered, "vocab_size": len(numbers)}}
