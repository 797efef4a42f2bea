"""Is anybody speaking? Silero's voice detector, whose weights its package carries; steady sound and notes are none.

The network is that of `silero_vad/tinygrad_model.py` (version 6, 16 kHz): a spectrogram, four convolutions, an LSTM.
The package's own loader is left alone: it needs `torch.jit.load`, which is deprecated, judges one chunk after the
other, and sets the threads of the whole process to one.

Letter of the shapes: n chunks.
"""

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

CHUNK_SAMPLES = 512  # 32 ms at 16 kHz: what the detector judges at once
CONTEXT_SAMPLES = 64  # of the chunk before, which it also sees
LOUDEST = 0.9  # what the loudest sample is brought to: the detector knows speech of usual loudness best
SPOKEN_CHUNKS = 4  # of speech are enough: 0.13 s, a single short word
STRETCH = 40  # chunks that are judged together: for nineteen of twenty clips of train the first ones are enough
SPOKEN = 0.25  # probability of speech of those chunks; shouting is found at little more
WINDOW_SAMPLES = 2_048  # 128 ms, over which a spectrum is taken to be compared with the one half a window later
LOUD = 0.1  # of the loudest spectrum: quieter ones are not compared
ALIKE = 0.97  # likeness of neighbouring spectra; notes, tones and hum lie above it, no speech does
STEADY_DB = 1.0  # deviation of the loudness; a sweep and hiss keep under it, a spoken word does not
_QUIET = 1e-9  # power that stands for silence

State = tuple[Tensor, Tensor] | None  # of the LSTM, (1, 1, 128) each


class VoiceDetector(nn.Module):
    """Chunks of sound → how likely each holds speech."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)  # 129 cosines, 129 sines
        self.conv1 = nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def features(self, chunks: Tensor) -> Tensor:
        """Return (n, 128) of chunks (n, CONTEXT_SAMPLES + CHUNK_SAMPLES) float32, each with what came before it."""
        waves = self.stft_conv(F.pad(chunks[:, None], (0, CONTEXT_SAMPLES), mode="reflect"))  # (n, 258, 4)
        cosines, sines = waves.chunk(2, dim=1)
        maps = (cosines.square() + sines.square()).sqrt()  # (n, 129, 4)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            maps = layer(maps).relu()
        return maps[:, :, 0]  # (n, 128)

    def forward(self, features: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Return probabilities (n,) of the features (n, 128) of chunks in a row, and the state behind them.

        `state`: that behind the chunks before; None: there are none.
        """
        states, state = self.lstm(features[None], state)  # (1, n, 128)
        return self.final_conv(states.relu().transpose(1, 2)).sigmoid()[0, 0], state


def is_heard(audio: np.ndarray) -> bool:
    """Return whether somebody speaks in audio (samples,) float32 in [-1, 1], mono, 16 kHz."""
    wave = torch.from_numpy(audio)
    wave = wave * (LOUDEST / wave.abs().max().clamp_min(_QUIET))
    chunks = F.pad(wave, (0, -len(wave) % CHUNK_SAMPLES)).view(-1, CHUNK_SAMPLES)  # (n, CHUNK_SAMPLES)
    if is_steady(chunks) or likeness(wave) > ALIKE:
        return False
    missing = min(SPOKEN_CHUNKS, len(chunks))
    for stretch in probabilities(chunks, load()):
        missing -= int((stretch >= SPOKEN).sum())
        if missing <= 0:
            return True
    return False


def is_steady(chunks: Tensor) -> bool:
    """Return whether the chunks (n, CHUNK_SAMPLES) are all of one loudness."""
    loudness_db = 10 * (chunks.square().mean(dim=1) + _QUIET).log10()  # (n,)
    return len(chunks) > 1 and float(loudness_db.std()) < STEADY_DB


def likeness(wave: Tensor) -> float:
    """Return how alike neighbouring spectra of a wave (samples,) are: the median cosine, 0 where there are too few.

    Voices glide and change with every sound; a struck note keeps its overtones.
    """
    if len(wave) < 2 * WINDOW_SAMPLES:
        return 0.0
    windows = wave.unfold(0, WINDOW_SAMPLES, WINDOW_SAMPLES // 2) * torch.hann_window(WINDOW_SAMPLES)
    spectra = torch.fft.rfft(windows).abs()  # (windows, bands)
    loudness = spectra.norm(dim=1)
    loud = torch.minimum(loudness[1:], loudness[:-1]) > LOUD * loudness.max()
    alike = F.cosine_similarity(spectra[1:], spectra[:-1])[loud]
    return float(alike.median()) if len(alike) else 0.0


def probabilities(chunks: Tensor, detector: VoiceDetector) -> Iterator[Tensor]:
    """Yield how likely each of the chunks (n, CHUNK_SAMPLES) in a row holds speech, float32, a STRETCH at a time."""
    before = F.pad(chunks[:-1, -CONTEXT_SAMPLES:], (0, 0, 1, 0))  # (n, CONTEXT_SAMPLES)
    state: State = None
    for part in torch.cat([before, chunks], dim=1).split(STRETCH):
        with torch.inference_mode():
            likely, state = detector(detector.features(part), state)
        yield likely


@cache
@torch.inference_mode(False)
def load() -> VoiceDetector:
    """Return the detector with its weights; it keeps no state between two recordings."""
    weights = load_file(weights_file())
    renamed = {
        name.replace("lstm_cell.", "lstm.") + ("_l0" if "lstm" in name else ""): w for name, w in weights.items()
    }
    detector = VoiceDetector()
    detector.load_state_dict(renamed)
    return detector.eval()


def weights_file() -> Path:
    """Return where the package keeps its weights; finding it does not import the package."""
    spec = importlib.util.find_spec("silero_vad")
    assert spec is not None and spec.origin is not None, "silero-vad is among the requirements"
    return Path(spec.origin).parent / "data" / "silero_vad_16k.safetensors"
