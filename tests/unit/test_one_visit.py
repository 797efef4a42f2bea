"""A whole visit, from the upload to a yes: its files are decoded once, and encoders are asked about a content once."""

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
from mmdemo.model.encoded import tokens_in_batches
from mmdemo.model.token_memory import Content, content_digests
from mmdemo.settings import Settings
from mmdemo.ui.maps.analysis import Looking
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.intake import Intake
from mmdemo.versions.registry import Versions
from tests import tiny
from tests.unit.mmdemo.ui.fake import ENGLISH

TOKEN, VERSION = "a" * 32, "2026-01-01-n001"
COPIES = {"image": 8, "text": 3, "audio": 19}  # of its parts that the trust test asks about, none of them twice
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
        running._predictors.close()  # without lanes each caller's own thread answers, and that one is looked into
        yield running


def upload(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    """Put an upload where Gradio puts it, and return it as an endpoint is handed it."""
    path = folder / "hash" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


@contextmanager
def counted(read: Counter[Content]) -> Iterator[Counter[str]]:
    """Count the files that are decoded meanwhile, and by modality the contents that encoders are asked about.

    `read` counts how often they are asked about each.
    """
    counts: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        if frame.f_code in READERS:
            counts["decoded"] += 1
        elif frame.f_code is tokens_in_batches.__wrapped__.__code__:
            contents = [content for part in frame.f_locals["samples"] for content in content_digests(part).values()]
            counts.update(modality for modality, _ in contents)
            read.update(contents)

    sys.setprofile(count)
    try:
        yield counts
    finally:
        sys.setprofile(None)


def test_a_visit_decodes_each_file_once_and_asks_encoders_about_each_content_once(
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
        "weigh another map": lambda: looking.weigh(TOKEN, "relevance", "bad", "", ENGLISH),
        "without a region": lambda: looking.what_if(TOKEN, [0], [], ENGLISH),
        "without the sound": lambda: looking.what_if(TOKEN, [], ["audio"], ENGLISH),
        "alike": lambda: looking.alike(TOKEN, ENGLISH),
        "consent": lambda: desk.consent(TOKEN, True, ENGLISH),
    }
    read, counted_in, shown = Counter[Content](), {}, {}
    for name, step in steps.items():
        with counted(read) as counts:
            shown[name] = step()
        counted_in[name] = dict(counts)
    assert counted_in == {
        **{name: {} for name in steps},
        "begin": {"decoded": 2},
        "predict": {"image": 1, "text": 1 + 3, "audio": 1},  # the map strikes each word
        "weigh": COPIES,
        "weigh another map": {"image": 2, "audio": 1},  # random orders are the same
        "without a region": {"image": 1},
    }
    assert set(read.values()) == {1}
    assert shown["consent"]["kept"] and len(loop.queue(tiny.NAME, 10)) == 1
    [item] = loop.queue(tiny.NAME, 10)
    assert item.image is not None
    with Image.open(item.image) as stored:
        assert (stored.convert("RGB").tobytes()) == sample.image.tobytes()
