"""What strangers send is read in child processes: the same arrays, hard limits, and one sentence whatever happens."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mmdemo.decode import decode, decode_audio, decode_image, decode_untrusted, pool
from mmdemo.errors import BadInput
from mmdemo.settings import ROOT
from mmdemo.tasks import Limits
from mmdemo.values.samples import Sample
from tests import tiny
from tests.unit.mmdemo.decode import hostile, media
from tests.waiting import wait_until

PICTURE = media.saved(media.gradient(), "PNG")
SOUND = media.encoded("mp3", "libmp3lame")
LIMITS = Limits()


@pytest.fixture(scope="module")
def readers() -> Iterator[pool.DecoderPool]:
    """A pool of one child, so that it is known which one reads."""
    readers = pool.DecoderPool(1)
    read(readers, "image", PICTURE)
    yield readers
    readers.close()


def read(readers: pool.DecoderPool, modality: str, content: bytes, limits: Limits = LIMITS) -> np.ndarray:
    array, _ = readers.read(modality, content, limits)
    return array


def refusal(readers: pool.DecoderPool, modality: str, content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(BadInput) as caught:
        readers.read(modality, content, limits)
    assert caught.value.sentence("en") and caught.value.sentence("zh")
    return caught.value.key


def gone(pid: int) -> bool:
    """Tell whether there is no such process any more, but for its name in a list that nobody has read."""
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_child_reads_the_very_same(readers: pool.DecoderPool) -> None:
    picture, sound = read(readers, "image", PICTURE), read(readers, "audio", SOUND)
    np.testing.assert_array_equal(picture, decode_image(PICTURE, LIMITS))
    np.testing.assert_array_equal(sound, decode_audio(SOUND, LIMITS))
    assert (picture.dtype, sound.dtype) == (np.uint8, np.float32)


def test_files_bytes_and_arrays_of_a_sample_are_taken(tmp_path: Path) -> None:
    task = tiny.task(tmp_path)
    (tmp_path / "sound").write_bytes(SOUND)
    sample = Sample(media.gradient(), "a dog", tmp_path / "sound")
    for same in (sample, Sample(PICTURE, "a dog", str(tmp_path / "sound")), Sample(PICTURE, "a dog", SOUND)):
        inputs, own = decode_untrusted(same, task), decode(sample, task)
        np.testing.assert_array_equal(inputs.image, own.image)
        np.testing.assert_array_equal(inputs.audio, own.audio)
    with pytest.raises(BadInput, match="no file"):
        decode_untrusted(Sample(image=tmp_path / "nowhere.png"), task)


@pytest.mark.parametrize(
    ("modality", "content", "key"),
    [
        ("image", media.PLAIN_TEXT, "not_an_image"),
        ("image", media.SVG, "image_is_svg"),
        ("image", hostile.long_png(1_000_000), "image_too_long"),
        ("image", hostile.long_png(1, 1_000_000), "image_too_long"),
        ("image", hostile.many_scans(10_000, 100), "image_scans"),
        ("image", hostile.many_scans(80, 3_000), "image_costly"),
        ("image", hostile.large_jp2(7_000, 7_000), "image_costly"),
        ("image", hostile.full_icon(8_000), "image_too_large"),
        ("audio", media.PLAIN_TEXT, "not_a_sound"),
        ("audio", hostile.crowded_mp4(), "audio_empty"),
    ],
)
def test_what_costs_much_is_refused(modality: str, content: bytes, key: str, readers: pool.DecoderPool) -> None:
    (before,) = readers.pids
    assert refusal(readers, modality, content) == key
    assert readers.pids == [before]  # none of these ends a child


@pytest.mark.parametrize("stream_hz", [1, 4_000, 8_000])
def test_the_rate_of_the_frames_counts(stream_hz: int, readers: pool.DecoderPool) -> None:
    content = hostile.lying_flac(192_000, stream_hz, seconds=2.0)
    for wave in (read(readers, "audio", content), decode_audio(content, LIMITS)):
        assert abs(len(wave) / 16_000 - 2.0) < 0.1


def test_a_frame_that_lasts_longer_than_its_stream_says_is_too_long() -> None:
    with pytest.raises(BadInput) as caught:
        decode_audio(hostile.lying_flac(8_000, 192_000, seconds=40.0), LIMITS)
    assert caught.value.key in ("audio_longer", "audio_too_long")


@pytest.mark.skipif(sys.platform != "linux", reason="no other system limits memory")
def test_memory_is_limited() -> None:
    with contextlib.closing(pool.DecoderPool(1, pool.Costs(memory_mb={"image": 20}))) as readers:
        assert refusal(readers, "image", hostile.long_png(4_000, 4_000)) in ("image_costly", "image_ended_reader")
        assert read(readers, "image", PICTURE).shape == (40, 60, 3)


def test_processor_time_is_limited() -> None:
    with contextlib.closing(pool.DecoderPool(1, pool.Costs(cpu_s=0, cpu_s_per_mb=0))) as readers:
        (before,) = readers.pids
        vast = Limits(image_pixels=200_000_000)
        assert refusal(readers, "image", hostile.long_png(12_000, 12_000), vast) == "image_costly"
        assert gone(before) and read(readers, "image", PICTURE).shape == (40, 60, 3)


def test_a_child_that_hangs_is_ended() -> None:
    child = pool.Child()
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(EOFError):
        child.ask({"modality": "image"}, b"", 1, wall_s=0.2)
    assert child.end() == -signal.SIGXCPU and gone(child.pid)


def test_a_child_that_is_ended_while_it_reads_is_told_and_replaced(readers: pool.DecoderPool) -> None:
    (pid,) = readers.pids
    os.kill(pid, signal.SIGSTOP)  # so that it surely has not answered
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    assert refusal(readers, "image", PICTURE) == "image_ended_reader"
    assert gone(pid) and read(readers, "image", PICTURE).shape == (40, 60, 3)


def test_one_that_was_ended_while_it_waited_is_not_noticed(readers: pool.DecoderPool) -> None:
    (pid,) = readers.pids
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: gone(pid))
    assert read(readers, "image", PICTURE).shape == (40, 60, 3)


def test_threads_share_the_children(readers: pool.DecoderPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        jobs = [threads.submit(read, readers, *job) for job in [("image", PICTURE), ("audio", SOUND)] * 20]
        shapes = [job.result().shape for job in jobs]
    assert shapes[::2] == [(40, 60, 3)] * 20 and len(set(shapes[1::2])) == 1


def test_children_hold_no_secrets_and_end_with_their_parent() -> None:
    script = "from mmdemo.decode import pool; pool.warm(); print(*pool._shared().pids, flush=True); input()"
    environment = {**os.environ, "MMDEMO_REVIEW_KEY": "a secret", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == pool.CHILDREN and not any(map(gone, pids))
        if sys.platform == "linux":
            assert not any(b"secret" in Path(f"/proc/{pid}/environ").read_bytes() for pid in pids)
        parent.kill()
    wait_until(lambda: all(map(gone, pids)))
