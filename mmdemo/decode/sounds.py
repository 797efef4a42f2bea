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
from av.audio.format import AudioFormat
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.packet import Packet

from mmdemo.decode import files
from mmdemo.decode.files import Notes
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits

SAMPLE_RATE_HZ = 16_000
SILENT_RMS = 3e-4  # −70 dB of full scale; clear speech was recorded at −62 dB
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 400_000
SMALL_BITS = 32_000  # a second, of sound that is only listened to
PCM16 = 32_768  # steps of a 16-bit sample: sound is kept in them, so that a stored copy is the same sound
SPIKE = 8.0  # times the level that all but a thousandth of the samples keep to: what is louder by so much is no sound
CANCELLED = 0.1  # under this share of the loudness of their difference, two channels cancel each other out
# Of a damaged recording at most this share was heard → what its answer says.
HEARD = ((0.95, "sound_damaged"), (0.75, "sound_three_quarters"), (0.5, "sound_half"))
MOST_STREAMS = 64  # tracks of a file
MOST_GAPS = 16  # places at which a file itself is damaged
MOST_RATES = 8  # stretches of one sampling rate that a sound is made of
PIECE_SAMPLES = 1 << 16  # that are resampled together
MOST_SAMPLES = 1 << 22  # that one packet may hold: 10 s at the highest rate
LAYOUTS = {1: "mono", 2: "stereo"}  # rows of `_rows` → what FFmpeg calls them
ROUNDING_S = 1e-7  # what adding up the lengths of frames may be wrong by; less than one sample
# No playlists (hls, concat, dash): those make FFmpeg open other files and addresses.
FORMATS = (
    "aac,aiff,amr,ape,asf,au,avi,caf,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"
)


def decode_audio(source: Path | str | bytes | tuple[np.ndarray, int], limits: Limits) -> np.ndarray:
    """Return sound as (samples,) float32 in [-1, 1], mono, SAMPLE_RATE_HZ, in 16-bit steps. Raises BadInput.

    An array comes with its rate in Hz, channels first or last; whole numbers are scaled by their type's range.
    """
    return read_audio(source, limits)[0]


def read_audio(source: Path | str | bytes | tuple[np.ndarray, int], limits: Limits) -> tuple[np.ndarray, Notes]:
    """Return what `decode_audio` does, and how much of a recording that is: a key under [note]. Raises BadInput."""
    if isinstance(source, tuple):
        return _checked(_from_array(*source, limits), limits), ()
    wave, lost = _from_file(source, limits)
    return _checked(wave, limits), tuple(note for share, note in HEARD if 1 - lost <= share)[-1:]


def _checked(wave: np.ndarray, limits: Limits) -> np.ndarray:
    if len(wave) == 0:
        raise BadInput("audio_empty")
    if not np.isfinite(wave).all():
        raise BadInput("audio_not_finite")
    seconds = len(wave) / SAMPLE_RATE_HZ
    if seconds < limits.audio_min_s:
        short = math.floor(seconds * 100) / 100  # rounded, it could read like the limit
        raise BadInput("audio_too_short", seconds=f"{short:.2f}", limit=f"{limits.audio_min_s:g}")
    wave = np.clip(wave / max(1.0, _level(wave)), -1, 1)
    if float((wave - wave.mean()).std()) < SILENT_RMS:
        raise BadInput("audio_silent")
    steps = np.clip(np.rint(wave * PCM16), -PCM16, PCM16 - 1)
    return (steps / PCM16 + 0.0).astype(np.float32)  # −0.0 becomes 0.0, which is all that a stored copy knows


def _level(wave: np.ndarray) -> float:
    """Return the peak of (samples,) sound; where a few samples stand far above all others, the peak of those others."""
    loudness = np.abs(wave)
    usual = float(np.partition(loudness, at := int(0.999 * (len(wave) - 1)))[at])
    peak = float(loudness.max())
    return usual if peak > SPIKE * usual > 0 else peak


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
    rows = _rows(_unit(wave).reshape(len(wave), -1).T)
    if not np.isfinite(rows).all():
        raise BadInput("audio_not_finite")
    return _resampled(iter([(rows, int(rate))]))


def _from_file(source: Path | str | bytes, limits: Limits) -> tuple[np.ndarray, float]:
    """Return (samples,) sound, and the share of the recording that is lost."""
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
            track = _Track(container, limits)
            return _resampled(track.pieces()), track.lost
    except MemoryError as error:
        raise BadInput("audio_costly") from error
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise BadInput("not_a_sound") from error


class _Track:
    """The first sound track of a file as it is read, and how much of it could not be."""

    def __init__(self, container: InputContainer, limits: Limits) -> None:
        self._container = container
        self._stream = container.streams.audio[0]
        self._limits = limits
        self._heard_s = self._lost_s = 0.0

    @property
    def lost(self) -> float:
        """The share of the recording that is lost, 0 to 1: damaged packets, and what its track promises besides."""
        own_s = float((self._stream.duration or 0) * (self._stream.time_base or 0))
        promised_s = own_s or (self._container.duration or 0) / av.time_base
        whole_s = max(self._heard_s + self._lost_s, promised_s)
        return 1 - self._heard_s / whole_s if whole_s else 0.0

    def pieces(self) -> Iterator[tuple[np.ndarray, int]]:
        """Yield (rows, samples) float32, see `_rows`, with the rate that the frames in it tell themselves.

        Frames are joined: Opus has fifty a second, and a call for each costs more than its arithmetic.
        """
        alike = itertools.groupby(
            self._frames(), key=lambda frame: (frame.rate, frame.format.name, frame.layout.nb_channels)
        )
        for (rate, form, channels), run in alike:
            for values in _joined(frame.to_ndarray() for frame in run):
                yield _rows(_channels(values, form, channels)), rate

    def _frames(self) -> Iterator[AudioFrame]:
        """Yield the frames of the track. Damaged packets are passed over.

        Stop where it is longer than the limit, or cut off. What a container promises of its rate and length binds
        nobody.
        """
        error: av.error.FFmpegError | None = None
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.InvalidDataError as damage:
                error = damage
                self._lost_s += float((packet.duration or 0) * (packet.time_base or 0))
                continue
            for frame in frames:
                assert isinstance(frame, AudioFrame), "the packets are those of a sound track"
                self._hear(frame)
                yield frame
        if error and not self._heard_s:
            raise error

    def _packets(self) -> Iterator[Packet]:
        """Yield the packets of the track; where the file itself is damaged, go on behind that a few times."""
        for _ in range(MOST_GAPS):
            try:
                yield from self._container.demux(self._stream)
                return
            except av.error.InvalidDataError:
                continue

    def _hear(self, frame: AudioFrame) -> None:
        if frame.rate <= 0:
            raise BadInput("not_a_sound")
        self._heard_s += frame.samples / frame.rate
        if self._heard_s > self._limits.audio_max_s + ROUNDING_S:
            raise _too_long((self._container.duration or 0) / av.time_base, self._limits)


def _too_long(seconds: float, limits: Limits) -> BadInput:
    """Return the refusal; a header that tells less than the limit, or nothing, is not believed."""
    if seconds <= limits.audio_max_s:
        return BadInput("audio_longer", limit=f"{limits.audio_max_s:g}")
    return BadInput(
        "audio_too_long", seconds=files.beyond(seconds, limits.audio_max_s), limit=f"{limits.audio_max_s:g}"
    )


def _joined(arrays: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield arrays (…, samples), joined to about PIECE_SAMPLES each."""
    piece: list[np.ndarray] = []
    size = 0
    for array in arrays:
        piece.append(array)
        size += array.shape[1]
        if size >= PIECE_SAMPLES:
            yield np.concatenate(piece, axis=1)
            piece, size = [], 0
    if piece:
        yield np.concatenate(piece, axis=1)


def _channels(values: np.ndarray, form: str, channels: int) -> np.ndarray:
    """Return (channels, samples) float32 of what frames of a format hold, planes or samples side by side."""
    values = _unit(values)
    return values if AudioFormat(form).is_planar else values.reshape(-1, channels).T


def _rows(channels: np.ndarray) -> np.ndarray:
    """Return (1, samples): the mean of (channels, samples); of several (2, samples): beside it what it may cancel."""
    if len(channels) == 1:
        return channels
    return np.stack([channels.mean(axis=0, dtype=np.float32), (channels[0] - channels[1]) / 2])


def _carrying(rows: np.ndarray) -> np.ndarray:
    """Return of `_rows` the one that carries the sound, (samples,): the mean, unless channels cancel in it."""
    if len(rows) == 1:
        return rows[0]
    mean, difference = (float(np.sqrt(np.mean(np.square(row, dtype=np.float64)))) for row in (rows[0], rows[-1]))
    return rows[-1] if mean < CANCELLED * difference else rows[0]


def _unit(wave: np.ndarray) -> np.ndarray:
    """Return samples as float32; whole numbers are scaled to [-1, 1]."""
    if wave.dtype.kind == "f":
        return wave.astype(np.float32)
    half = 2.0 ** (8 * wave.dtype.itemsize - 1)
    centred = wave.astype(np.float64) - (half if wave.dtype.kind == "u" else 0.0)
    return (centred / half).astype(np.float32)


def _resampled(chunks: Iterator[tuple[np.ndarray, int]]) -> np.ndarray:
    """Return chunks (rows, samples) float32, each with its rate, as one sound (samples,) of SAMPLE_RATE_HZ."""
    pieces = [np.zeros((1, 0), np.float32)]
    alike = itertools.groupby(chunks, key=lambda chunk: (len(chunk[0]), chunk[1]))
    for number, ((rows, rate), stretch) in enumerate(alike):
        if number >= MOST_RATES:  # each takes a filter of its own
            raise BadInput("not_a_sound")
        pieces += _of_one_rate((chunk for chunk, _ in stretch), rows, rate)
    most = max(map(len, pieces))
    whole = np.concatenate([np.pad(piece, ((0, most - len(piece)), (0, 0))) for piece in pieces], axis=1)
    return _carrying(whole) if whole.size else whole[0]  # (samples,)


def _of_one_rate(chunks: Iterator[np.ndarray], rows: int, rate: int) -> Iterator[np.ndarray]:
    if rate == SAMPLE_RATE_HZ:
        yield from chunks
        return
    layout = LAYOUTS[rows]
    resampler = AudioResampler(format="fltp", layout=layout, rate=SAMPLE_RATE_HZ)
    for chunk in chunks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(chunk), format="fltp", layout=layout)
        frame.rate = rate
        yield from (piece.to_ndarray() for piece in resampler.resample(frame))
    yield from (piece.to_ndarray() for piece in resampler.resample(None))
