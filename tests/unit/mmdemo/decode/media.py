"""Pictures and sounds as people send them, drawn and synthesised here."""

import io
import struct
import wave
import zlib

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image

SECONDS = 1.5
RED = (200, 30, 20)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PLAIN_TEXT = b"a text file, nothing else"
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'


def gradient(width: int = 60, height: int = 40) -> Image.Image:
    """Return a picture whose red grows to the right and whose green grows downwards."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = columns * 255 // max(1, width - 1), rows * 255 // max(1, height - 1)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 60)], axis=-1).astype(np.uint8))


def saved(picture: Image.Image, format: str, **options: object) -> bytes:
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def huge_png(side: int) -> bytes:
    """Return a PNG of a few bytes whose header promises side × side pixels."""
    return png(struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), zlib.compress(b"\0" * 100))


def png(header: bytes, data: bytes) -> bytes:
    """Return a PNG of this IHDR and this IDAT."""
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tone(rate: int = 16_000, seconds: float = SECONDS, hertz: float = 440.0, loudness: float = 0.3) -> np.ndarray:
    """Return a tone (samples,) float32."""
    return (loudness * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def wav(samples: np.ndarray, rate: int = 16_000, width: int = 2) -> bytes:
    """Return samples (n,) or (n, channels) in [-1, 1] as a WAV of `width` bytes a sample."""
    samples = samples if samples.ndim == 2 else samples[:, None]
    scaled = {1: lambda x: (x * 127 + 128).astype(np.uint8), 2: lambda x: (x * 32_767).astype("<i2")}[width](samples)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(samples.shape[1])
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(scaled.tobytes())
    return file.getvalue()


def encoded(
    format: str, codec: str, rate: int = 48_000, layout: str = "stereo", video: bool = False, seconds: float = SECONDS
) -> bytes:
    """Return a tone in a container; with `video`, beside a picture that moves."""
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        streams = [container.add_stream(codec, rate=rate, layout=layout)]
        if video:
            streams.append(container.add_stream("mpeg4" if format == "mp4" else "libvpx", rate=10, width=32, height=32))
            for _ in range(15):
                still = VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                container.mux(streams[1].encode(still))
        left = tone(rate, seconds)
        frame = AudioFrame.from_ndarray(np.stack([left] * streams[0].layout.nb_channels), format="fltp", layout=layout)
        frame.rate = rate
        resampler = av.AudioResampler(streams[0].format, layout, rate, frame_size=streams[0].frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(streams[0].encode(part))
        for stream in streams:
            container.mux(stream.encode(None))
    return file.getvalue()


def float_wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    """Return samples (n,) float32, whatever they hold, as a WAV of floating-point numbers."""
    data = samples.astype("<f4").tobytes()
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    body = b"WAVE" + header + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def long_wav(seconds: int) -> bytes:
    """Return seconds of almost silence as a WAV of 8 kHz and 8 bits."""
    head = wav(np.zeros(1), 8_000, width=1)[:36]
    return head + struct.pack("<4sI", b"data", 8_000 * seconds) + b"\x80\x81" * (4_000 * seconds)


def silent_video() -> bytes:
    """Return a video without a sound track."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10, width=32, height=32)
        still = VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(still), *stream.encode(None)])
    return file.getvalue()


DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))  # XYZ under D50


def matrix_profile(primaries: tuple[tuple[float, ...], ...] = DISPLAY_P3, gamma: float = 2.2) -> bytes:
    """Return an ICC profile of an RGB screen: its three primaries in XYZ, and one exponent."""
    tags = {name: _xyz(*values) for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)) + bytes(2)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def press_profile() -> bytes:
    """Return an ICC profile of a press whose every ink but white paper is the same faded red."""
    paper, ink = bytes((255, 128, 128)), bytes((140, 160, 145))  # L, a, b in 8 bits
    straight = bytes(range(256))
    unit = struct.pack(">9i", *(65_536 * (number % 4 == 0) for number in range(9)))
    grid = paper + ink * 15  # two steps of each of four inks
    table = struct.pack(">4sIBBBB", b"mft1", 0, 4, 3, 2, 0) + unit + straight * 4 + grid + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def _profile(device: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    name = b"made here"
    described = struct.pack(">4sIII", b"desc", 0, len(name) + 1, 0)[:12] + name + bytes(79)
    tags = {b"desc": described, b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(0.9642, 1.0, 0.8249)} | tags
    at, table, bodies = 128 + 4 + 12 * len(tags), b"", b""
    for tag, body in tags.items():
        body += bytes(-len(body) % 4)
        table += struct.pack(">4sII", tag, at + len(bodies), len(body))
        bodies += body
    white = struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    head = struct.pack(">I4sI4s4s4s12s4s", at + len(bodies), b"", 0x02400000, device, space, connection, b"", b"acsp")
    return (head + bytes(28) + white).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + bodies


def _xyz(*values: float) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65_536) for value in values))
