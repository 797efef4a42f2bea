"""From manifests to decoded samples, and what each of these is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmdemo.errors import BadInput, ManifestError
from mmdemo.model import MultimodalProcessor
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.data.datasets import Item, decode_each
from mmdemo.training.fitting.processes import say
from mmdemo.training.manifests import Line, Manifest, Row


@dataclass(frozen=True)
class Data:
    """Decoded samples, by what they are for."""

    train: Sequence[Item]
    calibration: Sequence[Item] = ()  # set aside of train: what serving needs is fitted on them, and they may end it
    dev: Sequence[Item] = ()  # measured on, and nothing else


@dataclass(frozen=True)
class Decoded:
    """The samples of a manifest that can be used."""

    rows: Sequence[Row] = ()
    items: Mapping[str, Item] = field(default_factory=dict)  # by id

    def of(self, rows: Sequence[Row]) -> list[Item]:
        """Return the items of some of the rows, in their order."""
        return [self.items[row.id] for row in rows]


@dataclass(frozen=True)
class Manifests:
    """Where the samples of a training stand."""

    train: Path
    dev: Path | None = None
    skip_bad: bool = False  # leave out lines at fault instead of stopping at them

    def read(self, task: Task) -> tuple[Manifest, Manifest | None]:
        """Return both as far as they can be judged without decoding.

        Raises ManifestError where one is missing or empty, or has lines at fault that are not to be left out.
        """
        both = [manifests.check(path, task) for path in (self.train, self.dev) if path is not None]
        for manifest in both:
            if manifest.faults and not self.skip_bad:
                raise manifest.refusal()
        return both[0], both[1] if len(both) > 1 else None

    def decode(self, manifest: Manifest | None, task: Task, processor: MultimodalProcessor) -> Decoded:
        """Return the decoded samples of one of them; none of none.

        Lines at fault, those whose picture or sound cannot be read among them, are skipped and counted where that is
        wanted. Raises ManifestError naming them otherwise, or where nothing is left.
        """
        if manifest is None:
            return Decoded()
        items: dict[str, Item] = {}
        faults = list(manifest.faults)
        for row, item in zip(manifest.rows, decode_each(manifest.rows, task, processor), strict=True):
            if isinstance(item, BadInput):
                faults.append(Line(row.line, None, f'"{row.id}" cannot be judged. {item}'))
            else:
                items[row.id] = item
        if faults:
            faults.sort(key=lambda line: line.number)
            refusal = Manifest(manifest.path, [], faults).refusal()
            if not self.skip_bad:
                raise refusal
            say(f"skipped: {refusal}")
        if not items:
            raise ManifestError("manifest_empty", path=manifest.path)
        return Decoded([row for row in manifest.rows if row.id in items], items)
