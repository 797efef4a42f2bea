"""What encoders made of samples, in memory and, of samples with an id, in files: a run that was killed goes on from it.

    FOLDER/<digest of the encoders>/<id>.safetensors     modality → tokens (n, w) float16
    FOLDER/<digest of the encoders>/of_the_task.tokens   the same of contents that come with the task: nobody's samples

What stands in a file is what the encoders would say again, to the last bit. So files change no result: where some are
gone, such as those of an erased sample, these samples are encoded once more.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import weakref
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from tqdm import tqdm

from mmdemo import whole_file
from mmdemo.model import Loaded, encoded
from mmdemo.model.encoded import EncodedSample
from mmdemo.model.token_memory import Content, TokenMemory, content_digests
from mmdemo.training.data.datasets import Item
from mmdemo.values.samples import Inputs

MOST_BYTES = 2 * 2**30  # of a task's files, and of as much in memory: some 15,000 pictures with captions
SUFFIX = ".safetensors"
OF_THE_TASK = "of_the_task.tokens"  # no sample's: it stays when samples go
_AT_ONCE = 32  # samples that are encoded before their files are written


@dataclass
class TokenCache:
    """What encoders that do not learn made of samples: they are asked once about each content."""

    folder: Path | None = None  # for the files; None for none
    most_bytes: int = MOST_BYTES
    _tokens: dict[str, TokenMemory] = field(default_factory=dict)  # by digest of the encoders
    _last: tuple[Any, Any, str] = (None, None, "")  # the model that was asked last, its encoders' state, their digest

    def encode(
        self,
        loaded: Loaded,
        items: Sequence[Item],
        modalities: Collection[str] | None = None,
        ids: Sequence[str] = (),
    ) -> list[Item]:
        """Return the items with tokens in the place of their `modalities` (None: all of them)."""
        every = loaded.model.config.modalities
        chosen = [name for name in every if modalities is None or name in modalities]
        if not any(name in item.inputs.modalities for item in items for name in chosen):
            return list(items)
        tokens = self.of(loaded, [item.inputs.only(chosen) for item in items], chosen, ids)
        rest = [name for name in every if name not in chosen]
        return [
            replace(item, inputs=item.inputs.only(rest), tokens={**item.tokens, **own})
            for item, own in zip(items, tokens, strict=True)
        ]

    def of(
        self, loaded: Loaded, inputs: Sequence[Inputs], modalities: Sequence[str], ids: Sequence[str] = ()
    ) -> list[EncodedSample]:
        """Return the tokens of decoded samples that have no other modalities than these.

        With `ids` they are kept in files too, as long as there is room.
        """
        encoders = self._encoders(loaded, modalities)
        memory = self._tokens.setdefault(encoders, TokenMemory(self.most_bytes))
        folder, contents = self.folder and self.folder / encoders, [content_digests(item) for item in inputs]
        known = memory.get(content for parts in contents for content in parts.values())
        paths = [folder / f"{name}{SUFFIX}" if folder and name else None for name in ids or [""] * len(inputs)]
        missing = [
            row for row, (parts, path) in enumerate(zip(contents, paths, strict=True)) if not _read(known, parts, path)
        ]
        room = self.most_bytes - sum(path.stat().st_size for path in self._files()) if missing else 0
        for some in _with_bar(sorted(missing, key=lambda row: _size(inputs[row]))):
            new = {
                part: inputs[row].only([name])
                for row in some
                for name, part in contents[row].items()
                if part not in known
            }
            tokens = encoded.tokens_of(loaded, list(new.values()))
            known |= {part: of_part[part[0]] for part, of_part in zip(new, tokens, strict=True)}
            for row in some:
                room -= _write({name: known[part] for name, part in contents[row].items()}, paths[row], room)
        memory.put(known)
        return [{name: known[part] for name, part in parts.items()} for parts in contents]

    def bring(self, loaded: Loaded, inputs: Sequence[Inputs]) -> None:
        """Have in memory the tokens of decoded samples that come with the task, in a file that every run reads."""
        encoders = self._encoders(loaded, loaded.model.config.modalities)
        memory = self._tokens.setdefault(encoders, TokenMemory(self.most_bytes))
        parts = {content: item.only([name]) for item in inputs for name, content in content_digests(item).items()}
        known, kept = memory.get(parts), dict[Content, Tensor]()
        path = self.folder / encoders / OF_THE_TASK if self.folder else None
        if path and len(known) < len(parts):
            kept = _of_the_task(path)
            known |= {content: kept[content] for content in parts if content in kept}
        if missing := {content: item for content, item in parts.items() if content not in known}:
            tokens = encoded.tokens_of(loaded, list(missing.values()))
            known |= {content: of_one[content[0]] for content, of_one in zip(missing, tokens, strict=True)}
            _write({".".join(content): each for content, each in (kept | known).items()}, path, self.most_bytes)
        memory.put(known)

    def _encoders(self, loaded: Loaded, modalities: Sequence[str]) -> str:
        """Return the digest of a model's encoders, which takes a while, and is asked for often."""
        encoders = [loaded.model.encoders[name] for name in modalities]
        changes = [value._version for part in encoders for value in part.state_dict(keep_vars=True).values()]
        state = (tuple(modalities), tuple(changes))
        model, *known = self._last
        if model is None or model() is not loaded.model or known[0] != state:
            known = [state, encoded.digest(loaded, modalities)]
            self._last = weakref.ref(loaded.model), known[0], known[1]
        return known[1]

    def drop_others(self) -> None:
        """Remove the files of encoders that this cache was not asked about."""
        for folder in self.folder.iterdir() if self.folder and self.folder.is_dir() else ():
            if folder.name not in self._tokens:
                shutil.rmtree(folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return list(self.folder.glob(f"*/*{SUFFIX}")) if self.folder else []


def _with_bar(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield the rows in parts, with a bar where somebody watches."""
    with tqdm(total=len(rows), unit="sample", disable=not rows or not sys.stderr.isatty()) as bar:
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            yield part
            bar.update(len(part))


def _read(known: dict[Content, Tensor], parts: dict[str, Content], path: Path | None) -> bool:
    """Take what is not known yet from a sample's file; return whether all of it is known then."""
    if all(part in known for part in parts.values()):
        return path is None or path.is_file()
    with contextlib.suppress(OSError, SafetensorError):
        tokens = load_file(path) if path and path.is_file() else {}
        known |= {part: tokens[name] for name, part in parts.items() if name in tokens}
    return all(part in known for part in parts.values())


def _of_the_task(path: Path) -> dict[Content, Tensor]:
    """Return what a file of contents holds, nothing where it cannot be read."""
    with contextlib.suppress(OSError, SafetensorError):
        tokens = load_file(path) if path.is_file() else {}
        return {
            (modality, digest): each for name, each in tokens.items() for modality, _, digest in [name.partition(".")]
        }
    return {}


def _write(tokens: EncodedSample, path: Path | None, room: int) -> int:
    """Write a file of tokens where there is room for it; return its bytes. A disk that is full costs only the file."""
    content = save(dict(tokens)) if path else b""
    if path is None or len(content) > room:
        return 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file.replacing(path) as file:
            file.write(content)
    except OSError:
        return 0
    return len(content)


def _size(inputs: Inputs) -> int:
    """Return how long a sample's sound is: those of like length go together, so that workers end together."""
    return 0 if inputs.audio is None else len(inputs.audio)
