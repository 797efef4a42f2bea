"""A model of which we know where it looks: at bright regions, at the word "good", at a tone. All else says nothing.

Encoders and fusion have weights set by hand: a mark in a token's first feature draws the answer token's look, and says
"good". Between them stands nothing that learned.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.model.encoders.cnn import FRAMES_PER_TOKEN
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.fusion.attention import FusionLayer
from mmdemo.values.samples import Inputs
from tests import tiny

WIDTH = 32  # of a token
GRID = (4, 4)  # of the picture's regions
CELL_PX = 16  # of a region in the picture that `inputs` makes
MARK = 40.0  # how strong a mark is: much above what tells a token's place
TONE_HZ = 1_000
TONE_BAND = 5  # of the 16 mel bands of the tiny task: where the tone lies
MOMENT_S = 0.08
MOMENTS = 5


class Bright(ModalityEncoder):
    """Regions of a picture, marked where they are bright."""

    grid = GRID
    dim = WIDTH

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        brightness = F.adaptive_avg_pool2d(pixel_values.mean(dim=1, keepdim=True), GRID).flatten(1)  # (b, regions)
        return _marked(F.relu(brightness - 0.2)), torch.ones_like(brightness, dtype=torch.bool)


class Good(ModalityEncoder):
    """Word pieces, marked where they are "good"."""

    dim = WIDTH

    def __init__(self, good: int) -> None:
        super().__init__()
        self.good = good

    def forward(self, input_ids: Tensor, attention_mask: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return _marked((input_ids == self.good).float()), text_mask


class Tone(ModalityEncoder):
    """Moments of sound, marked by the share of their frames in which the tone is the loudest."""

    dim = WIDTH

    def forward(self, audio_features: Tensor, audio_frames: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        heard = (audio_features.argmax(dim=1) == TONE_BAND).float()  # (b, frames)
        heard = F.pad(heard, (0, -heard.shape[1] % FRAMES_PER_TOKEN))
        mark = heard.unflatten(1, (-1, FRAMES_PER_TOKEN)).mean(dim=-1)  # (b, moments)
        starts = torch.arange(mark.shape[1]) * FRAMES_PER_TOKEN
        return _marked(mark), starts < audio_frames[:, None]


def _marked(mark: Tensor) -> Tensor:
    """Return tokens (b, n, WIDTH) of marks (b, n)."""
    plain = torch.ones(WIDTH)
    plain[::2] = -1.0
    return plain + F.pad(MARK * mark[..., None], (0, WIDTH - 1))


def build(folder: Path) -> tuple[MultimodalModel, MultimodalProcessor]:
    """Return the model and its processor; `folder` is for what they are made from."""
    model, processor = MultimodalModel.build(tiny.task(folder), tiny.starts(folder))
    assert processor.text is not None
    good = processor.text.tokenizer.token_to_id("good")
    model.encoders = nn.ModuleDict({"image": Bright(), "text": Good(good), "audio": Tone()})
    model.projections = nn.ModuleDict({name: nn.Identity() for name in model.encoders})
    model.grid = GRID
    with torch.no_grad():
        model.modality_embedding.weight.zero_()
        model.fusion.answer.copy_(F.one_hot(torch.tensor(WIDTH - 1), WIDTH))
        for layer in model.fusion.layers:
            _plant(layer)
        model.head.out.bias.zero_()
        model.head.out.weight.zero_()
        model.head.out.weight[1, 1] = 1.0  # "good" is what was found
    return model.eval(), processor


def _plant(layer: FusionLayer) -> None:
    """Let a layer look for the mark, in all its heads, and write what it found into the second feature."""
    for part in (layer.query_key_value, layer.out, layer.feed_forward[0], layer.feed_forward[3]):
        part.weight.zero_()
        part.bias.zero_()
    _, key, value = layer.query_key_value.weight.view(3, WIDTH, WIDTH)
    first = torch.arange(0, WIDTH, WIDTH // layer.heads)  # the first feature of each head
    layer.query_key_value.bias[first] = 4.0
    key[first, 0] = 1.0
    value[first, 0] = 1.0
    layer.out.weight[1, first] = 1.0


def inputs(cell: int | None = None, word: int | None = None, moment: int | None = None) -> Inputs:
    """Return a sample with a bright cell of GRID, the word "good" in its place of six, a tone in one of MOMENTS."""
    picture = np.full((GRID[0] * CELL_PX, GRID[1] * CELL_PX, 3), 40, np.uint8)
    if cell is not None:
        row, column = divmod(cell, GRID[1])
        picture[row * CELL_PX : (row + 1) * CELL_PX, column * CELL_PX : (column + 1) * CELL_PX] = 250
    words = ["the", "dog", "is", "smiling", "the", "cat"]
    if word is not None:
        words[word] = "good"
    time_s = np.arange(round(MOMENTS * MOMENT_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound = np.random.default_rng(0).standard_normal(len(time_s)) * 0.02
    if moment is not None:
        inside = np.abs(time_s - (moment + 0.5) * MOMENT_S) < MOMENT_S / 4
        sound += inside * 0.5 * np.sin(2 * np.pi * TONE_HZ * time_s)
    return Inputs(picture, " ".join(words), sound.astype(np.float32))
