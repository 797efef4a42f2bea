"""Encoders in OpenVINO in 8 bits: the file's own weights, and every token scaled by itself."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmdemo.model import engines, packing
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines import openvino_runtime
from mmdemo.process import memory

needs_openvino = pytest.mark.skipif(not engines.installed(engines.RUNTIMES["openvino"]), reason="not installed")
needs_int8 = pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="this processor multiplies no 8 bits")

WIDTH = 2 * openvino_runtime.GROUP


class Matrices(ModalityEncoder):
    """Two matrices, as a version's file in 8 bits brings them back."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH, bias=False)
        self.packed = packing.pack(self.state_dict(), bits=8)
        self.load_state_dict(packing.unpack(self.packed))

    def hidden(self, values: Tensor) -> Tensor:  # type: ignore[override]
        """Return (b, n, WIDTH) of values (b, n, WIDTH)."""
        return self.second(self.first(values).relu())


class Table(ModalityEncoder):
    """A table of words, as a version's file in 8 bits brings it back."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(100, WIDTH)
        self.packed = packing.pack(self.state_dict(), bits=8)
        self.load_state_dict(packing.unpack(self.packed))

    def hidden(self, numbers: Tensor) -> Tensor:  # type: ignore[override]
        """Return (b, n, WIDTH) of numbers (b, n)."""
        return self.words(numbers)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    openvino_runtime.write(Matrices().eval(), [torch.rand(2, 3, WIDTH)], [(-1, -1, WIDTH)], tmp_path)
    return tmp_path


@needs_openvino
def test_weights_that_lie_in_8_bits_are_rounded_once(folder: Path) -> None:
    import openvino

    model = openvino.Core().read_model(folder / openvino_runtime.FILE)
    first, second = openvino_runtime.narrow(model)
    packed = Matrices().packed
    assert torch.equal(torch.from_numpy(first), packed["first.weight"])
    assert torch.equal(torch.from_numpy(second), packed["second.weight"])


@needs_openvino
def test_a_table_that_lies_in_8_bits_is_rounded_once_and_read_by_the_row(tmp_path: Path) -> None:
    import openvino

    table = Table()
    openvino_runtime.write(table.eval(), [torch.zeros(1, 4, dtype=torch.long)], [(-1, -1)], tmp_path)
    model = openvino.Core().read_model(tmp_path / openvino_runtime.FILE)
    [rows] = openvino_runtime.narrow(model)
    assert torch.equal(torch.from_numpy(rows), table.packed["words.weight"])
    numbers = torch.tensor([[0, 3, 99, 3], [1, 2, 5, 7]])
    narrowed = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([numbers.numpy()])[0]
    torch.testing.assert_close(torch.from_numpy(narrowed), table.hidden(numbers), atol=0, rtol=0)


@needs_openvino
def test_it_answers_the_same_after_it_gave_back(folder: Path) -> None:
    hidden = openvino_runtime.read(folder, 1, openvino_runtime.F32)
    sample = torch.randn(1, 5, WIDTH)
    before = hidden(sample).clone()
    memory.give_back()
    torch.testing.assert_close(hidden(sample), before, atol=0, rtol=0)


@needs_openvino
def test_each_lane_has_a_request_of_its_own_and_reads_what_it_would_alone(folder: Path) -> None:
    hidden = openvino_runtime.read(folder, 2, openvino_runtime.F32)
    assert hidden._model.get_property("NUM_STREAMS") == 2  # type: ignore[attr-defined]
    samples = [torch.randn(1, 5, WIDTH) for _ in range(8)]
    alone = [hidden(sample).clone() for sample in samples]
    with ThreadPoolExecutor(2) as lanes:
        for one, both in zip(alone, lanes.map(lambda sample: hidden(sample).clone(), samples), strict=True):
            torch.testing.assert_close(both, one, atol=0, rtol=0)


@needs_openvino
@needs_int8
def test_no_sample_changes_how_another_is_rounded(folder: Path) -> None:
    precision, *_ = openvino_runtime.precisions()
    assert precision == openvino_runtime.INT8
    hidden = openvino_runtime.read(folder, 1, precision)
    with torch.inference_mode():
        samples = torch.randn(3, 5, WIDTH) * torch.tensor([1.0, 1000.0, 1e-3])[:, None, None]
        together = hidden(samples).clone()
        for row, wanted in enumerate(Matrices().hidden(samples)):
            alone = hidden(samples[row : row + 1])[0]
            torch.testing.assert_close(together[row], alone, atol=0, rtol=0)
            distance = float((alone - wanted).norm() / wanted.norm())
            assert 1e-4 < distance < 0.03  # rounded, and in steps of its own
