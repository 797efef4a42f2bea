"""Sound as people record and send it ↔ 16 kHz mono arrays.

PyAV reads whatever a browser records, and the sound of a video; its pictures are never decoded.
"""

import io
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from mmdemo.decode import files
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits

SAMPLE_RATE_HZ = 16_000
SILENT_RMS = 3e-4  # −70 dB of full scale; clear speech was recorded at −62 dB
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 400_000
SMALL_BITS = 32_000  # a second, of sound that is only listened to
PCM16 = 32_768  # steps of a 16-bit sample: sound is kept in them, so that a stored copy is the same sound
MOST_STREAMS = 64  # tracks of a file
MOST_RATES = 8  # stretches of one sampling rate that a sound is made of
MOST_SAMPLES = 1 << 22  # that one packet may hold: 10 s at the highest rate
ROUNDING_S = 1e-7  # what adding up the lengths of frames may be wrong by; less than one sample
# No playlists (hls, concat, dash): those make FFmpeg open other files and addresses.
FORMATS = (
    "aac,aiff,amr,ape,asf,au,avi,caf,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"
)


def decode_audio(source: Path | str | bytes | tuple[np.ndarray, int], limits: Limits) -> np.ndarray:
    """Return sound as (samples,) float32 in [-1, 1], mono, SAMPLE_RATE_HZ, in 16-bit steps. Raises BadInput.

    An array comes with its rate in Hz, channels first or last; whole numbers are scaled by their type's range.
    """
    wave = _from_array(*source, limits) if isinstance(source, tuple) else _from_file(source, limits)
    if len(wave) == 0:
        raise BadInput("audio_empty")
    if not np.isfinite(wave).all():
        raise BadInput("audio_not_finite")
    seconds = len(wave) / SAMPLE_RATE_HZ
    if seconds < limits.audio_min_s:
        short = math.floor(seconds * 100) / 100  # rounded, it could read like the limit
        raise BadInput("audio_too_short", seconds=f"{short:.2f}", limit=f"{limits.audio_min_s:g}")
    wave = wave / max(1.0, float(np.abs(wave).max()))
    if float((wave - wave.mean()).std()) < SILENT_RMS:
        raise BadInput("audio_silent")
    steps = np.clip(np.rint(wave * PCM16), -PCM16, PCM16 - 1)
    return (steps / PCM16 + 0.0).astype(np.float32)  # −0.0 becomes 0.0, which is all that a stored copy knows


def encode_audio(audio: np.ndarray) -> bytes:
    """Return sound as `decode_audio` made it as a 16-bit FLAC of 16 kHz, without metadata; nothing is lost."""
    return _encoded(audio, "flac", "flac", "s16")


def encode_speech(audio: np.ndarray) -> bytes:
    """Return sound as `decode_audio` made it as a small MP3: to be listened to, never to be judged again."""
    return _encoded(audio, "mp3", "libmp3lame", "s16p")


def _encoded(audio: np.ndarray, form: str, codec: str, samples: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=SAMPLE_RATE_HZ, layout="mono", format=samples)
        stream.bit_rate = SMALL_BITS  # which FLAC, that loses nothing, does not heed
        frame = AudioFrame.from_ndarray((audio * PCM16).astype(np.int16)[None], format=samples, layout="mono")
        frame.rate = SAMPLE_RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


def _from_array(wave: np.ndarray, rate: int, limits: Limits) -> np.ndarray:
    wave = np.asarray(wave)
    if wave.dtype.kind not in "iuf" or wave.ndim not in (1, 2):
        raise BadInput("audio_array_wrong", dtype=wave.dtype, dimensions=wave.ndim)
    if wave.size == 0:
        raise BadInput("audio_empty")
    if not isinstance(rate, int | float | np.number) or not LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        raise BadInput("audio_rate_wrong", rate=rate, lowest=LOWEST_RATE_HZ, highest=HIGHEST_RATE_HZ)
    if wave.ndim == 2:
        wave = wave if wave.shape[0] >= wave.shape[1] else wave.T  # (samples, channels)
    if len(wave) > round(limits.audio_max_s * rate):
        raise _too_long(len(wave) / rate, limits)
    wave = _unit(wave)
    mono = wave if wave.ndim == 1 else wave.mean(axis=1, dtype=np.float32)  # (samples,)
    if not np.isfinite(mono).all():
        raise BadInput("audio_not_finite")
    return _resampled(iter([(mono, int(rate))]))


def _from_file(source: Path | str | bytes, limits: Limits) -> np.ndarray:
    content = files.content(source, limits.audio_bytes, "audio_empty")
    options = {"format_whitelist": FORMATS, "max_streams": str(MOST_STREAMS)}
    try:
        with av.open(io.BytesIO(content), "r", options=options, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise BadInput("no_sound")
            codec = container.streams.audio[0].codec_context
            if codec is None:  # nothing here knows what the track is written in
                raise BadInput("not_a_sound")
            codec.options = {"max_samples": str(MOST_SAMPLES)}
            return _resampled(_mono_frames(container, limits))
    except MemoryError as error:
        raise BadInput("audio_costly") from error
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise BadInput("not_a_sound") from error


def _mono_frames(container: InputContainer, limits: Limits) -> Iterator[tuple[np.ndarray, int]]:
    """Yield (samples,) float32 of the first sound track, with the rate that each frame tells itself.

    Stop where it is longer than the limit or cut off. What a container promises of its rate and length binds nobody.
    """
    seconds = 0.0
    try:
        for frame in container.decode(audio=0):
            rate = frame.rate
            if not rate or rate < 0:
                raise BadInput("not_a_sound")
            seconds += frame.samples / rate
            if seconds > limits.audio_max_s + ROUNDING_S:
                raise _too_long((container.duration or 0) / av.time_base, limits)
            yield _mono(frame), rate
    except av.error.FFmpegError:
        if seconds == 0:
            raise  # else a recording that was cut off counts as far as it goes


def _too_long(seconds: float, limits: Limits) -> BadInput:
    """Return the refusal; a header that tells less than the limit, or nothing, is not believed."""
    if seconds <= limits.audio_max_s:
        return BadInput("audio_longer", limit=f"{limits.audio_max_s:g}")
    return BadInput(
        "audio_too_long", seconds=files.beyond(seconds, limits.audio_max_s), limit=f"{limits.audio_max_s:g}"
    )


def _mono(frame: AudioFrame) -> np.ndarray:
    """Return the mean of a frame's channels, (samples,) float32."""
    values = _unit(frame.to_ndarray())
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T  # (channels, samples)
    return values.mean(axis=0, dtype=np.float32)


def _unit(wave: np.ndarray) -> np.ndarray:
    """Return samples as float32; whole numbers are scaled to [-1, 1]."""
    if wave.dtype.kind == "f":
        return wave.astype(np.float32)
    half = 2.0 ** (8 * wave.dtype.itemsize - 1)
    centred = wave.astype(np.float64) - (half if wave.dtype.kind == "u" else 0.0)
    return (centred / half).astype(np.float32)


def _resampled(chunks: Iterator[tuple[np.ndarray, int]]) -> np.ndarray:
    """Return chunks (samples,) float32, each with its rate, as one array of SAMPLE_RATE_HZ."""
    pieces = [np.zeros(0, np.float32)]
    for number, (rate, of_one_rate) in enumerate(itertools.groupby(chunks, key=lambda chunk: chunk[1])):
        if number >= MOST_RATES:  # each takes a filter of its own
            raise BadInput("not_a_sound")
        pieces += _of_one_rate((chunk for chunk, _ in of_one_rate), rate)
    return np.concatenate(pieces)


def _of_one_rate(chunks: Iterator[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    if rate == SAMPLE_RATE_HZ:
        yield from chunks
        return
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    for chunk in chunks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(chunk)[None], format="flt", layout="mono")
        frame.rate = rate
        yield from (piece.to_ndarray()[0] for piece in resampler.resample(frame))
    yield from (piece.to_ndarray()[0] for piece in resampler.resample(None))
