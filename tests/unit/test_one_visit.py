"""A whole visit, from the upload to a yes: its files are decoded once, and the sample goes through the model once."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from PIL import Image

from annotations.loop import Loop
from mmdemo import decode
from mmdemo.decode import pictures, pool, sounds
from mmdemo.model import MultimodalProcessor
from mmdemo.settings import Settings
from mmdemo.ui.maps.analysis import Looking
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.intake import Intake
from mmdemo.versions.registry import Versions
from tests import tiny
from tests.unit.mmdemo.ui.fake import ENGLISH

TOKEN, VERSION = "a" * 32, "2026-01-01-n001"
COLD = {"image+text+audio": 100.0}  # makes every answer doubtful
READERS: set[CodeType] = {
    reader.__code__ for reader in (pool.read_image, pool.read_audio, pictures.read_image, sounds.read_audio)
}


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """The loop over an untrained version of a tiny task that takes picture, caption and sound."""
    settings = Settings(home=tmp_path / "home", task_dir=tmp_path / "tasks")
    task = tiny.task(tmp_path / "tasks")
    tiny.version(settings.versions / task.name / VERSION, task, VERSION, temperatures=COLD)
    Versions(settings).promote(task.name, VERSION)
    with closing(Loop(settings)) as running:
        yield running


def upload(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    """Put an upload where Gradio puts it, and return it as an endpoint is handed it."""
    path = folder / "hash" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


@contextmanager
def counted(desk: PredictController) -> Iterator[Counter[str]]:
    """Count the files that are decoded meanwhile, and how often the visit's whole sample is made ready for a model."""
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        if frame.f_code in READERS:
            counts["decoded"] += 1
        elif frame.f_code is MultimodalProcessor.__call__.__code__:
            visit = desk.visits.get(TOKEN)
            counts["passes"] += sum(visit is not None and item is visit.inputs for item in frame.f_locals["batch"])

    sys.setprofile(count)
    try:
        yield counts
    finally:
        sys.setprofile(None)


def test_a_visit_decodes_each_file_once_and_goes_through_the_model_once(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    desk = PredictController(loop, Settings())
    intake, looking = Intake(loop, desk.settings, desk.visits), Looking(loop, desk.visits)
    sample = tiny.inputs()
    assert sample.image is not None and sample.audio is not None
    picture = upload(tmp_path / "uploads", "p.webp", decode.encode_image(sample.image))
    sound = upload(tmp_path / "uploads", "s.flac", decode.encode_audio(sample.audio))
    steps: dict[str, Callable[[], Any]] = {
        "begin": lambda: intake.begin(TOKEN, tiny.NAME, "the bad dog", picture, sound, None, "", []),
        "predict": lambda: desk.predict(TOKEN, ENGLISH),
        "study": lambda: looking.study(TOKEN, ENGLISH),
        "weigh": lambda: looking.weigh(TOKEN, "default", "good", "", ENGLISH),
        "without a word": lambda: looking.what_if(TOKEN, [0], [], ENGLISH),
        "without the sound": lambda: looking.what_if(TOKEN, [], ["audio"], ENGLISH),
        "alike": lambda: looking.alike(TOKEN, ENGLISH),
        "consent": lambda: desk.consent(TOKEN, True, ENGLISH),
    }
    decoded, passes, shown = {}, {}, {}
    for name, step in steps.items():
        with counted(desk) as counts:
            shown[name] = step()
        decoded[name], passes[name] = counts["decoded"], counts["passes"]
    assert decoded == {**dict.fromkeys(steps, 0), "begin": 2}
    assert passes == {**dict.fromkeys(steps, 0), "predict": 1}
    assert shown["consent"]["kept"] and len(loop.queue(tiny.NAME, 10)) == 1
    [item] = loop.queue(tiny.NAME, 10)
    assert item.image is not None
    with Image.open(item.image) as stored:
        assert (stored.convert("RGB").tobytes()) == sample.image.tobytes()
