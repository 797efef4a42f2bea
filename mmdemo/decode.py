"""Bytes → arrays, the only place, for training and serving alike; and back, for the copies that are stored.

What comes out is checked against the task's limits. Media come from strangers: sizes are checked before anything is
decoded, only harmless formats are opened, and nothing that a file names is fetched.
"""

import hashlib
import io
import unicodedata
from functools import cache
from pathlib import Path

import av
import av.error
import numpy as np
import pillow_heif
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from PIL import Image, ImageOps, UnidentifiedImageError

from mmdemo.errors import BadInput
from mmdemo.samples import MODALITIES, Inputs, Sample
from mmdemo.tasks import Limits, Task

SAMPLE_RATE_HZ = 16_000
LONG_SIDE_PX = 2_048  # larger pictures are made smaller: far above what any encoder reads, small enough to keep
SILENT_RMS = 3e-4  # −70 dB of full scale; clear speech was recorded at −62 dB
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 400_000
PCM16 = 32_768  # steps of a 16-bit sample: sound is kept in them, so that a stored copy is the same sound
_IMAGE_FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_SOUND_FORMATS = (
    "aac,aiff,amr,ape,asf,au,avi,caf,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,ogg,opus,tta,"
    "w64,wav,wv"
)  # no playlists: those make FFmpeg open other files
_WHITE = (255, 255, 255, 255)
_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}  # NUL and lone surrogates


def decode(sample: Sample, task: Task) -> Inputs:
    """Return the sample as arrays, upright RGB and 16 kHz mono. Raises BadInput with the sentence that says why not."""
    given = {"image": sample.image, "text": _caption(sample.text), "audio": sample.audio}
    given = {name: value for name, value in given.items() if value is not None}
    for name in MODALITIES:
        if name in given and name not in task.modalities:
            raise BadInput("modality_not_taken", modality=name, task=task.name, known=", ".join(task.modalities))
    if not given:
        raise BadInput("nothing_given", known=", ".join(task.modalities))
    text = given.get("text")
    if text is not None and len(text) > task.limits.text_chars:
        raise BadInput("text_too_long", chars=len(text), limit=task.limits.text_chars)
    return Inputs(
        image=decode_image(sample.image, task.limits) if "image" in given else None,
        text=text,
        audio=decode_audio(sample.audio, task.limits) if "audio" in given else None,
    )


def sample_id(inputs: Inputs, task_name: str) -> str:
    """Return the SHA-256 (hex) over the decoded arrays, the caption and the task's name."""
    digest = hashlib.sha256(task_name.encode())
    for name in inputs.modalities:
        value = getattr(inputs, name)
        content = value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes()
        shape = "" if isinstance(value, str) else value.shape
        digest.update(f"\0{name}{shape}:{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def decode_image(source: Path | str | bytes | Image.Image | None, limits: Limits) -> np.ndarray:
    """Return a picture as (height, width, 3) uint8 RGB, upright, on white. Raises BadInput."""
    try:
        picture = (
            source if isinstance(source, Image.Image) else _open_image(_bytes(source, limits.image_bytes, "image"))
        )
        if picture.width * picture.height > limits.image_pixels:
            raise _too_many_pixels(picture.width * picture.height, limits)
        return _rgb(_smaller(ImageOps.exif_transpose(picture)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = [int(word.strip("(")) for word in str(error).split() if word.strip("(").isdigit()]
        raise _too_many_pixels(pixels[0], limits) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, RuntimeError) as error:
        raise BadInput("image_damaged", detail=str(error).split("\n")[0][:120]) from error


def decode_audio(source: Path | str | bytes | tuple[np.ndarray, int] | None, limits: Limits) -> np.ndarray:
    """Return sound as (samples,) float32 in [-1, 1], mono, SAMPLE_RATE_HZ, in 16-bit steps. Raises BadInput."""
    if isinstance(source, tuple):
        wave = _from_array(*source, limits)
    else:
        wave = _from_container(_bytes(source, limits.audio_bytes, "audio"), limits)
    if len(wave) == 0:
        raise BadInput("audio_empty")
    if not np.isfinite(wave).all():
        raise BadInput("audio_not_finite")
    seconds = len(wave) / SAMPLE_RATE_HZ
    if seconds < limits.audio_min_s:
        raise BadInput("audio_too_short", seconds=f"{seconds:.2f}", limit=f"{limits.audio_min_s:g}")
    wave = wave / max(1.0, float(np.abs(wave).max()))
    if float((wave - wave.mean()).std()) < SILENT_RMS:
        raise BadInput("audio_silent")
    steps = np.clip(np.rint(wave * PCM16), -PCM16, PCM16 - 1)
    return (steps / PCM16 + 0.0).astype(np.float32)  # −0.0 becomes 0.0, which is all that a stored copy knows


def encode_image(image: np.ndarray) -> bytes:
    """Return a picture (height, width, 3) uint8 as a WebP that loses nothing and carries no metadata."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "WEBP", lossless=True, quality=20, method=1)
    return file.getvalue()


def encode_audio(audio: np.ndarray) -> bytes:
    """Return sound as `decode_audio` made it as a 16-bit FLAC of 16 kHz, without metadata; nothing is lost."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE_HZ, layout="mono", format="s16")
        frame = AudioFrame.from_ndarray((audio * PCM16).astype(np.int16)[None], format="s16", layout="mono")
        frame.rate = SAMPLE_RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


def _caption(text: str | None) -> str | None:
    """Return the caption, None for a blank one; characters that no database stores become U+FFFD, one for one."""
    text = (text or "").translate(_UNSTORABLE)
    visible = any(unicodedata.category(sign)[0] not in "ZC" or unicodedata.category(sign) == "Cn" for sign in text)
    return text if visible else None


def _bytes(source: Path | str | bytes | None, limit: int, modality: str) -> bytes:
    given = bytes(source) if isinstance(source, bytes | bytearray) else None
    size = len(given) if given is not None else _size(Path(str(source)))
    if size > limit:
        raise BadInput("file_too_large", megabytes=f"{size / 1e6:.0f}", limit=f"{limit / 1e6:.0f}")
    if size == 0:
        raise BadInput(f"{modality}_empty")
    return given if given is not None else Path(str(source)).read_bytes()


def _size(path: Path) -> int:
    try:
        if not path.is_file():
            raise BadInput("file_missing", path=path)
        return path.stat().st_size
    except (OSError, ValueError) as error:
        raise BadInput("file_missing", path=path) from error


def _too_many_pixels(pixels: int, limits: Limits) -> BadInput:
    return BadInput("image_too_large", megapixels=f"{pixels / 1e6:.0f}", limit=f"{limits.image_pixels / 1e6:.0f}")


def _open_image(content: bytes) -> Image.Image:
    _register_formats()
    try:
        return Image.open(io.BytesIO(content), formats=_IMAGE_FORMATS)
    except UnidentifiedImageError as error:
        head = content[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        key = "image_is_svg" if head.startswith(b"<") and b"<svg" in head else "not_an_image"
        raise BadInput(key) from error


@cache
def _register_formats() -> None:
    Image.init()
    pillow_heif.register_heif_opener()


def _smaller(picture: Image.Image) -> Image.Image:
    scale = LONG_SIDE_PX / max(picture.size)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return _eight_bit(picture).resize(size, Image.Resampling.BOX if min(size) == 1 else Image.Resampling.BICUBIC)


def _rgb(picture: Image.Image) -> np.ndarray:
    picture = _eight_bit(picture)
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, _WHITE), picture)
    return np.array(picture.convert("RGB"))


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Return the picture as RGB or, where anything of it is transparent, RGBA; 16-bit grey is scaled, not clipped."""
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = np.asarray(picture, np.float32)
        highest = next(limit for limit in (1.0, 255.0, 65_535.0, float("inf")) if grey.max() <= limit or limit > 1e9)
        highest = 65_535.0 if picture.mode.startswith("I;16") else min(highest, max(float(grey.max()), 1.0))
        return Image.fromarray(np.clip(grey * (255 / highest), 0, 255).astype(np.uint8)).convert("RGB")
    transparent = "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "La", "RGBa")
    return picture.convert("RGBA" if transparent else "RGB")


def _from_array(wave: np.ndarray, rate: int, limits: Limits) -> np.ndarray:
    wave = np.asarray(wave)
    if wave.dtype.kind not in "iuf" or wave.ndim not in (1, 2):
        raise BadInput("audio_array_wrong", dtype=wave.dtype, dimensions=wave.ndim)
    if not LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        raise BadInput("audio_rate_wrong", rate=rate, lowest=LOWEST_RATE_HZ, highest=HIGHEST_RATE_HZ)
    if wave.ndim == 2 and wave.shape[0] < wave.shape[1]:
        wave = wave.T  # channels come last: (samples, channels)
    _check_length(len(wave) / rate, limits)
    wave = _unit(wave)
    mono = wave if wave.ndim == 1 else wave.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise BadInput("audio_not_finite")
    return np.concatenate(_resampled([mono], int(rate)))


def _unit(wave: np.ndarray) -> np.ndarray:
    """Return samples as float32, whole numbers scaled to [-1, 1]."""
    if wave.dtype.kind == "f":
        return wave.astype(np.float32)
    half = float(np.iinfo(wave.dtype).max // 2 + 1) if wave.dtype.kind == "u" else float(np.iinfo(wave.dtype).max) + 1
    return ((wave.astype(np.float64) - (half if wave.dtype.kind == "u" else 0)) / half).astype(np.float32)


def _check_length(seconds: float, limits: Limits) -> None:
    if seconds > limits.audio_max_s:
        raise BadInput("audio_too_long", seconds=f"{seconds:.0f}", limit=f"{limits.audio_max_s:g}")


def _from_container(content: bytes, limits: Limits) -> np.ndarray:
    try:
        with av.open(io.BytesIO(content), options={"format_whitelist": _SOUND_FORMATS}) as container:
            if not container.streams.audio:
                raise BadInput("no_sound")
            known_s = (container.duration or 0) / 1_000_000  # FFmpeg counts in microseconds
            return _first_stream(container, max(known_s, 0.0), limits)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise BadInput("not_a_sound") from error


def _first_stream(container: av.container.InputContainer, known_s: float, limits: Limits) -> np.ndarray:
    """Decode one stream; stop where it is longer than the limit, whatever its header says."""
    chunks: list[np.ndarray] = []
    rate, samples = 0, 0
    for frame in container.decode(audio=0):
        rate = rate or frame.rate
        chunks.append(_mono(frame))
        samples += frame.samples
        if samples > limits.audio_max_s * rate:
            _check_length(max(known_s, samples / rate), limits)
    if not chunks:
        raise BadInput("audio_empty")
    return np.concatenate(_resampled(chunks, rate))


def _mono(frame: AudioFrame) -> np.ndarray:
    """Return the mean of a frame's channels, (samples,) float32."""
    values = _unit(frame.to_ndarray())
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T  # (channels, samples)
    return values.mean(axis=0, dtype=np.float32)


def _resampled(chunks: list[np.ndarray], rate: int) -> list[np.ndarray]:
    if rate == SAMPLE_RATE_HZ:
        return chunks
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    frames: list[AudioFrame] = []
    for chunk in chunks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(chunk, np.float32)[None], format="flt", layout="mono")
        frame.rate = rate
        frames.extend(resampler.resample(frame))
    frames.extend(resampler.resample(None))
    return [frame.to_ndarray()[0] for frame in frames] or [np.zeros(0, np.float32)]
