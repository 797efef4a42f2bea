"""Several processes go through all samples once an epoch, and learn what one process would."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import SequentialSampler

from mmdemo.errors import ManifestError
from mmdemo.settings import ROOT
from mmdemo.training.fitting.resuming import ResumeFolder
from mmdemo.training.fitting.sharding import BatchShares, ByLength, check
from mmdemo.training.options import Options
from tests import serving

TASK = """
name = "tones"
title = "Tones"
modalities = ["audio"]
labels = ["low", "high"]
threshold = 0.6
[encoders.audio]
type = "bilstm"
mels = 16
[fusion]
layers = 1
dim = 32
heads = 2
dropout = 0.0
modality_dropout = 0.0
[training]
augment = false
hold_out = 0.25
precision = "fp32"
"""  # nothing in it is drawn, and nothing goes by what else is in a batch
SAMPLES = 45  # a quarter is set aside; of what is left the last batch of an epoch has one sample
WORDS = ("--epochs", "3", "--option", "batch=11", "--option", "head_lr=3e-3", "--seed", "3")
RATE = 16_000


@pytest.mark.parametrize("samples", [1, 2, 15, 16, 17, 33])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_sample_is_taken_once_and_weighs_as_in_one_process(samples: int, number: int) -> None:
    values = torch.linspace(-1, 2, samples)
    shares = [BatchShares(SequentialSampler(range(samples)), 8, rank, number) for rank in range(number)]
    taken: list[list[tuple[list[int], float]]] = [[(own, share.weight) for own in share] for share in shares]
    assert len({len(one) for one in taken} | {len(share) for share in shares}) == 1  # all take as many steps
    counted = [sample for one in taken for own, weight in one if weight for sample in own]
    assert sorted(counted) == list(range(samples))
    for step, (start, parts) in enumerate(zip(range(0, samples, 8), zip(*taken, strict=True), strict=True)):
        mean = sum(weight * values[own].mean() for own, weight in parts) / number
        torch.testing.assert_close(mean, values[start : start + 8].mean(), msg=f"step {step}")


def test_samples_of_like_length_come_in_an_order_that_seed_and_epoch_decide() -> None:
    lengths = [number % 7 for number in range(60)]
    one, other = ByLength(8, lengths, 5), ByLength(8, lengths, 5)
    first, second = list(one), list(one)
    assert first != second and sorted(first) == sorted(second) == list(range(60))
    other.set_epoch(1)
    assert list(other) == second and list(ByLength(8, lengths, 6)) != first


def test_more_processes_than_samples_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    check(Options(batch=6, accumulate=2).at_once)
    with pytest.raises(ManifestError, match="3 processes are more than the 2 samples"):
        check(Options(batch=6, accumulate=3).at_once)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task and its samples: short tones, and which of two each is."""
    (tmp_path / "tones.toml").write_text(TASK, "utf-8")
    draw, lines = np.random.default_rng(1), []
    for number in range(SAMPLES):
        label, frequency = (("low", 500), ("high", 900))[number % 2]
        time = np.arange(int(RATE * draw.uniform(0.4, 0.7))) / RATE
        sound = 0.2 * np.sin(2 * np.pi * frequency * draw.uniform(0.8, 1.2) * time) + 0.1 * draw.normal(size=len(time))
        soundfile.write(tmp_path / f"{number}.wav", sound, RATE)
        lines.append(json.dumps({"id": str(number), "audio": f"{number}.wav", "label": label}))
    (tmp_path / "train.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path


def started(folder: Path, name: str, processes: int) -> subprocess.Popen[str]:
    """Start to train by the command."""
    data, port = folder / "train.jsonl", serving.free_port()
    start = ["-m", "torch.distributed.run", "--nproc-per-node", processes, "--master-port", port]
    words = ["-m", "mmdemo", "train", "--task", folder / "tones.toml", "--train", data, "--dev", data, *WORDS]
    line = [*(start if processes > 1 else []), *words, "--out", folder / name]
    return subprocess.Popen(
        [sys.executable, *map(str, line)],
        cwd=ROOT,
        env={**serving.environment(folder / "home"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def trained(folder: Path, name: str, processes: int) -> tuple[str, list[float]]:
    """Train, and return what was said on standard output, and the losses that the epochs ended with."""
    with started(folder, name, processes) as running:
        said, errors = running.communicate(timeout=300)
    assert running.returncode == 0, errors[-3_000:]
    return said, [float(loss) for loss in re.findall(r"dev loss ([0-9.]+)", errors)]


def kill_after_an_epoch(folder: Path, name: str, processes: int) -> None:
    with started(folder, name, processes) as running:
        while ResumeFolder(folder / name).checkpoint() is None:
            assert running.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        running.terminate()
        running.communicate(timeout=60)
    assert not (folder / name).exists()


@pytest.mark.slow
def test_two_processes_learn_what_one_does_and_one_of_them_writes(folder: Path) -> None:
    (_, alone), (said, together) = trained(folder, "alone", 1), trained(folder, "together", 2)
    assert len(alone) == len(together) == 3 and len(set(alone)) == 3
    assert together == pytest.approx(alone, abs=1e-3)
    assert said.count(str(folder / "together")) == 1
    assert (folder / "together" / "version.json").is_file() and not (folder / "together.partial").exists()
    kill_after_an_epoch(folder, "killed", 2)
    with started(folder, "killed", 1) as alone_again:
        assert "interrupted" in alone_again.communicate(timeout=300)[1]  # with as many processes it goes on
    _, rest = trained(folder, "killed", 2)
    assert 0 < len(rest) < 3 and rest == together[-len(rest) :]
    both = [(folder / name / "model.safetensors").read_bytes() for name in ("together", "killed")]
    assert both[0] == both[1]
