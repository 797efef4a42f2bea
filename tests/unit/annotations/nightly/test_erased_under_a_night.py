"""What is erased while a night is at work leaves nothing that the night writes from memory."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from annotations import retrain
from mmdemo import tasks
from mmdemo.tasks import Gate
from tests import tiny_training
from tests.unit.annotations.nights import answer


@pytest.mark.slow
def test_a_run_that_fails_leaves_no_tokens_of_what_was_erased_under_it(tmp_path: Path, monkeypatch) -> None:
    task = replace(tasks.load_file(tiny_training.write_task(tmp_path)), gate=Gate(minimum=4, held_out_share=0.3))
    config = tiny_training.home(tmp_path, task)
    generator = np.random.default_rng(0)
    pictures = [(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8), label) for label in tiny_training.LABELS * 15]
    answer(config, task, pictures)
    tokens = config.tokens / task.name / "encoders" / "erased.safetensors"

    def manual_seed(seed: int) -> None:
        tokens.parent.mkdir(parents=True, exist_ok=True)
        tokens.write_bytes(b"once more, from memory")
        raise RuntimeError("no memory is left")

    monkeypatch.setattr(torch, "manual_seed", manual_seed)
    with pytest.raises(RuntimeError):
        retrain.retrain(config, task)
    assert not tokens.exists()
