"""What a training says while it runs: a bar where somebody watches, lines where not, and TensorBoard's files."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback
from transformers.integrations import TensorBoardCallback
from transformers.utils import logging

from mmdemo.errors import ManifestError
from mmdemo.training.fitting.processes import leads, say


class Progress(TrainerCallback):
    """Says on standard error how far it is: standard output belongs to results."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._bar: tqdm | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        logging.disable_progress_bar()  # of every checkpoint's writing
        if leads() and sys.stderr.isatty():
            self._bar = tqdm(total=state.max_steps, initial=state.global_step, unit="step", dynamic_ncols=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._bar is not None:
            self._bar.update()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if not logs or "loss" not in logs:
            return
        if self._bar is not None:
            self._bar.set_postfix(loss=logs["loss"])
        else:
            self._say(f"step {state.global_step}/{state.max_steps}, loss {logs['loss']}")

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        figures = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in kwargs["metrics"].items())
        self._say(f"epoch {state.epoch:g} done; {figures}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        logging.enable_progress_bar()
        if self._bar is not None:
            self._bar.close()

    def _say(self, text: str) -> None:
        text = f"[{time.monotonic() - self._start:.0f} s] {text}"
        if self._bar is not None:
            tqdm.write(text, file=sys.stderr)
        else:
            say(text)


def tensorboard(folder: Path) -> TrainerCallback:
    """Return what writes losses, learning rate and figures to `folder`. Raises ManifestError where it is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ManifestError("package_missing", package="tensorboard", what="--log") from error
    return TensorBoardCallback(SummaryWriter(str(folder)))
