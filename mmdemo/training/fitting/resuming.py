"""A training that was killed goes on where its last whole epoch ended, to the same weights.

`OUT.partial` beside the version folder holds transformers' checkpoints. Only whole epochs are kept: within one, samples
are drawn and augmented ahead of the step, and no checkpoint can tell which.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from mmdemo import whole_file
from mmdemo.errors import ManifestError, StorageError
from mmdemo.training.fitting.processes import leads, wait

_COMMAND = "training.json"  # what is being trained
_REST = "rest.pt"  # what transformers does not keep; written last, so a checkpoint with it is whole


class Stateful(Protocol):
    """What a training that goes on must be told, beside weights, optimizer and random numbers."""

    def state(self) -> Any:
        """Return it."""

    def restore(self, state: Any) -> None:
        """Go on from it."""


class ResumeFolder:
    """The folder of a training that is under way."""

    def __init__(self, out: Path) -> None:
        self.folder = out.with_name(f"{out.name}.partial")

    def claim(self, training: Mapping[str, Any]) -> bool:
        """Make the folder for this training and return whether one that was interrupted goes on.

        Raises ManifestError where another training was interrupted there, StorageError.
        """
        command = json.loads(json.dumps(training, sort_keys=True, default=str))
        path = self.folder / _COMMAND
        try:
            if path.is_file():
                if json.loads(path.read_text("utf-8")) != command:
                    raise ManifestError("partial_of_another", path=self.folder)
                return self.checkpoint() is not None
            whole_file.write(path, json.dumps(command))
        except (OSError, ValueError) as error:
            raise StorageError("out_not_writable", path=self.folder, detail=error) from error
        return False

    def checkpoint(self) -> Path | None:
        """Return the newest checkpoint that is whole."""
        whole = [path.parent for path in self.folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{_REST}")]
        return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what `make` returns, plain JSON values; a training that goes on is told what it was."""
        path = self.folder / f"{name}.json"
        if not path.is_file():
            value = make()
            if leads():
                whole_file.write(path, json.dumps(value))
            return value
        return json.loads(path.read_text("utf-8"))

    def clear(self) -> None:
        """Remove the folder: its training has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)


class ExtraState(TrainerCallback):
    """Completes each checkpoint with what transformers does not keep."""

    def __init__(self, parts: Sequence[Stateful]) -> None:
        self._parts = parts

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        wait()  # each process writes its random numbers
        if leads():
            path = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / _REST
            rest = {"parts": [part.state() for part in self._parts], "ended": control.should_training_stop}
            with whole_file.replacing(path) as file:
                torch.save(rest, file)

    def restore(self, checkpoint: Path) -> bool:
        """Hand each part what it had then; return whether that was the end, and only the version folder is missing."""
        rest = torch.load(checkpoint / _REST, weights_only=True)
        for part, state in zip(self._parts, rest["parts"], strict=True):
            part.restore(state)
        return rest["ended"]
