"""predict --manifest: many samples, a line of answers each, in batches.

Windows of lines are what is answered together, what is written at once, and what shards are made of. So a run that was
ended goes on where it stopped, and parts join, to the same bytes as one run from beginning to end.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdemo.answers import KINDS
from mmdemo.commands.command import CommandResult, predictor_of, version_folder
from mmdemo.decode import WINDOW
from mmdemo.errors import BadInput, ManifestError, StorageError
from mmdemo.process.logs import ProgressBar, say
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Prediction, Sample, to_json

if TYPE_CHECKING:
    from mmdemo.prediction.predictor import Predictor
    from mmdemo.training.manifests import Line

FEWEST_WINDOWS = 8  # of a manifest, so that a short one can be shared out too
BEGIN = b'{"id": '  # of a line, which the end of a run may have cut off anywhere
KEPT = ("confidence", "flagged", "reason", "capped", "modalities", "model_version")  # of an answer, in its line


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count` of a manifest."""

    number: int = 1  # from 1
    count: int = 1

    @classmethod
    def parsed(cls, text: str) -> "Shard":
        """Return what `k/n` means. Raises ManifestError."""
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise ManifestError("shard_wrong", value=text)
        return cls(int(number), int(count))

    def of(self, lines: Sequence["Line"], window: int) -> Sequence["Line"]:
        """Return the lines of this part: whole windows, in their order."""
        windows = math.ceil(len(lines) / window)
        first, behind = ((number * windows // self.count) * window for number in (self.number - 1, self.number))
        return lines[first:behind]


def predict_many(args: argparse.Namespace, config: Settings, task: Task) -> CommandResult:
    """Answer the lines of a manifest, or of a shard of it, that have no answer in the file yet."""
    from mmdemo.training import manifests  # its package brings torch

    every = manifests.read_lines(args.manifest, task)
    window = max(1, min(WINDOW, math.ceil(len(every) / FEWEST_WINDOWS)))
    lines = Shard.parsed(args.shard or "1/1").of(every, window)
    predictor = predictor_of(task, str(version_folder(task, args.version, config)), config, args.runtime)
    try:
        with args.out.open("a+b") as file:
            written = _written(file, args.out, lines, window, predictor.model_version)
            errors = sum("error" in record for record in written)
            bar = ProgressBar(len(lines) - len(written), "samples judged", say)
            rest = _records(predictor, lines[len(written) :], window, bar)
            for records in iter(lambda: list(islice(rest, window)), []):
                file.write(b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in records))
                file.flush()
                errors += sum("error" in record for record in records)
    except OSError as error:
        raise StorageError("out_not_writable", path=args.out, detail=error.strerror) from error
    answered, earlier = len(lines) - errors, len(written)
    value = {"answered": answered, "errors": errors, "earlier": earlier, "out": str(args.out)}
    before = f", {earlier} of them in an earlier run" if earlier else ""
    return CommandResult(value, [f"{answered} answered, {errors} not{before}: {args.out}"])


def _written(file: Any, path: Path, lines: Sequence["Line"], window: int, version: str) -> list[dict[str, Any]]:
    """Return the answers that the file holds as far as windows are whole, and cut off what comes behind.

    Raises ManifestError where they are answers to other samples, or of another version.
    """
    file.seek(0)
    *texts, begun = file.read().split(b"\n")
    records = [_record(text, line) for text, line in zip_longest(texts, lines[: len(texts)])]
    if None in records or not (begun.startswith(BEGIN) or BEGIN.startswith(begun)):
        number = records.index(None) if None in records else len(texts)
        raise ManifestError("out_of_other_samples", path=path, line=number + 1)
    for record in filter(None, records):
        if record.get("model_version", version) != version:
            raise ManifestError("out_of_other_version", path=path, earlier=record["model_version"], version=version)
    whole = len(texts) if len(texts) == len(lines) else len(texts) - len(texts) % window
    file.truncate(sum(len(text) + 1 for text in texts[:whole]))
    return [record for record in records[:whole] if record is not None]


def _record(text: bytes, line: "Line | None") -> dict[str, Any] | None:
    """Return an answer as it was written, None where it is none to this line."""
    try:
        record = json.loads(text)
        return record if line is not None and record["id"] == _id(line) else None
    except (ValueError, TypeError, KeyError):
        return None


def _records(
    predictor: "Predictor", lines: Sequence["Line"], window: int, bar: ProgressBar
) -> Iterator[dict[str, Any]]:
    # A line that holds no sample keeps its place in its window: so do those behind it.
    samples = (Sample() if line.row is None else line.row.sample for line in lines)
    for line, outcome in zip(lines, predictor.predict_many(samples, bar.advance, window), strict=True):
        yield {"id": _id(line), **_fields(line.fault or outcome)}


def _id(line: "Line") -> str:
    return f"line {line.number}" if line.row is None else line.row.id


def _fields(outcome: Prediction | BadInput | str) -> dict[str, Any]:
    if not isinstance(outcome, Prediction):
        return {"error": str(outcome)}
    fields = to_json(outcome)
    return {**KINDS[outcome.kind].to_json(outcome.answer), **{name: fields[name] for name in KEPT}}
