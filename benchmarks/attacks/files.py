"""Against what reads pictures, sounds and captions: small files that cost much."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from benchmarks.attacks.stranger import Stranger
from tests.unit.mmdemo.decode import hostile


def predict(make: Callable[[], bytes], task: str, stranger: Stranger) -> str:
    """Ask for an answer to a file, which is a picture for one task and a sound for the other."""
    client = Client(f"http://{stranger.server[0]}:{stranger.server[1]}", verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(make())
        files = (handle_file(path), "", None) if task == "sentiment" else (None, "", handle_file(path))
        try:
            client.predict(task, *files, "none", False, api_name="/predict")
        except (AppError, ValueError):  # one sentence
            return "refused"
    return "answered"


def _against(task: str, make: Callable[[], bytes]) -> Callable[[Stranger], str]:
    return partial(predict, make, task)


ATTACKS: dict[str, Callable[[Stranger], str]] = {
    "a FLAC whose frames lie": _against("speech_emotion", partial(hostile.lying_flac, 192_000, 1)),
    "an MP4 of 20 × 50 million samples": _against("speech_emotion", hostile.crowded_mp4),
    "a PNG of 50 million × 1": _against("sentiment", partial(hostile.long_png, 50_000_000)),
    "a JPEG of 10,000 scans": _against("sentiment", partial(hostile.many_scans, 10_000, 100)),
    "a JPEG of 80 scans": _against("sentiment", partial(hostile.many_scans, 80, 4_000)),
    "a JPEG 2000 of 50 million pixels": _against("sentiment", partial(hostile.large_jp2, 10_000, 5_000)),
    "an icon of 81 million pixels": _against("sentiment", partial(hostile.full_icon, 9_000)),
}
