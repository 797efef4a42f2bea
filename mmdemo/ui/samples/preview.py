"""What the page shows of a decoded sample: an upright picture, a spectrogram and a sound that every browser plays.

For reviewers each preview is made once, and all are let go soon after the last look. What is deleted by its sender may
have been shown a moment ago; so whoever deletes clears the cache.
"""

import base64
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mmdemo import decode
from mmdemo.errors import MmdemoError
from mmdemo.tasks import Task
from mmdemo.values.review import QueueItem
from mmdemo.values.samples import Inputs, Sample

SHOWN_PX = 900  # longest side of the picture that is shown; its map is far coarser
WINDOW_S = 0.032
ROWS, COLUMNS = 96, 640  # of the spectrogram as drawn
WAVE_COLUMNS = 320  # of the waveform as drawn
BRIGHTER = 0.7  # exponent: speech stays visible under the veil of its map
LOWEST_HZ, HIGHEST_HZ = 60.0, 7_600.0
RANGE_DB = 70.0  # what lies further under the loudest is drawn as silence
IDLE_S = 120.0  # after the last look: what is deleted elsewhere (by command, by time) is gone from memory by then


@dataclass(frozen=True)
class Preview:
    """Data URLs, "" for an absent modality, and how long the sound is."""

    picture: str = ""
    spectrogram: str = ""  # one column a moment, low tones at the bottom
    waveform: str = ""  # base64 of `envelope`
    sound: str = ""
    seconds: float = 0.0
    width: int = 0  # of the picture, pixels
    height: int = 0

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self.picture) + len(self.spectrogram) + len(self.waveform) + len(self.sound)


def of(inputs: Inputs, flac: bytes | None = None) -> Preview:
    """Return what to show of a decoded sample; `flac` is its sound as it is kept, where it is."""
    fields: dict[str, object] = {}
    if inputs.image is not None:
        picture = decode.shrunk(inputs.image, SHOWN_PX)
        fields |= {"picture": decode.picture_url(picture), "width": picture.width, "height": picture.height}
    if inputs.audio is not None:
        grey = Image.fromarray(spectrogram(inputs.audio))
        sound = decode.data_url("audio/flac", flac or decode.encode_audio(inputs.audio))
        seconds = len(inputs.audio) / decode.SAMPLE_RATE_HZ
        fields |= {"spectrogram": decode.picture_url(grey, "PNG"), "sound": sound, "seconds": seconds}
        fields["waveform"] = base64.b64encode(envelope(inputs.audio).tobytes()).decode()
    return Preview(**fields)  # type: ignore[arg-type]


def of_kept(item: QueueItem, task: Task) -> Preview:
    """Return what to show of a sample that is kept; nothing where its file is gone, or today's limits are narrower."""
    if item.image is None and item.audio is None:
        return Preview()
    try:
        flac = item.audio.read_bytes() if item.audio else None
        return of(decode.decode(Sample(image=item.image, text=item.text or "", audio=flac), task), flac)
    except (MmdemoError, OSError):
        return Preview()


def spectrogram(wave: np.ndarray) -> np.ndarray:
    """Return (ROWS, COLUMNS) uint8 brightness of (samples,) float32 sound: mel-spaced, top row highest."""
    size = round(WINDOW_S * decode.SAMPLE_RATE_HZ)
    padded = np.pad(wave, size // 2)
    starts = np.linspace(0, len(padded) - size, COLUMNS).astype(int)
    frames = padded[starts[:, None] + np.arange(size)] * np.hanning(size)  # (COLUMNS, size)
    power = np.abs(np.fft.rfft(frames)) ** 2  # (COLUMNS, size // 2 + 1)
    low, high = (2595 * np.log10(1 + end / 700) for end in (LOWEST_HZ, HIGHEST_HZ))
    mel_spaced = 700 * (10 ** (np.linspace(low, high, ROWS) / 2595) - 1)  # (ROWS,) Hz
    below, above = np.divmod(mel_spaced * size / decode.SAMPLE_RATE_HZ, 1)  # of each row the bin under it, and the rest
    bins = below.astype(int)
    rows = (power[:, bins] * (1 - above) + power[:, bins + 1] * above).T  # (ROWS, COLUMNS)
    db = 10 * np.log10(np.maximum(rows, 1e-12))
    level = np.clip((db - db.max()) / RANGE_DB + 1, 0, 1) ** BRIGHTER
    return np.ascontiguousarray((level[::-1] * 255).astype(np.uint8))


def envelope(wave: np.ndarray) -> np.ndarray:
    """Return (2, WAVE_COLUMNS) uint8, the lowest and highest of (samples,) sound: silence 128, the loudest 1 or 255."""
    starts = np.arange(WAVE_COLUMNS) * len(wave) // WAVE_COLUMNS
    extremes = np.stack([np.minimum.reduceat(wave, starts), np.maximum.reduceat(wave, starts)])  # (2, WAVE_COLUMNS)
    return np.round(128 + 127 * extremes / max(float(np.abs(extremes).max()), 1e-9)).astype(np.uint8)


def peaks(wave: np.ndarray, count: int) -> list[float]:
    """Return the loudness of `count` equal stretches of (samples,) sound, 0 … 1, the loudest 1."""
    loud = np.array([np.sqrt(np.mean(part**2)) if len(part) else 0.0 for part in np.array_split(wave, count)])
    return [round(float(value), 3) for value in loud / max(float(loud.max()), 1e-9)]


class PreviewCache:
    """Previews by sample. Threads may share it."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._previews: dict[str, Preview] = {}
        self._timer: threading.Timer | None = None

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._previews

    def get(self, sample_id: str, make: Callable[[], Preview]) -> Preview:
        """Return the preview of a sample, made by `make` where there is none yet."""
        known = self._previews.get(sample_id)
        preview = make() if known is None else known
        with self._lock:
            self._previews[sample_id] = preview
            self._wait_anew()
        return preview

    def keep(self, sample_ids: Collection[str]) -> None:
        """Let go of all but these."""
        with self._lock:
            self._previews = {name: preview for name, preview in self._previews.items() if name in sample_ids}

    def clear(self) -> None:
        """Let go of all."""
        self.keep(())

    def _wait_anew(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._idle_s, self.clear)
        self._timer.daemon = True
        self._timer.start()
