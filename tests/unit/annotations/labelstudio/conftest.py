"""A home folder with a queue beside a Label Studio in memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from annotations import review_queue
from annotations.labelstudio import sync
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.schema import SampleRow
from annotations.store import Store, labels, samples
from mmdemo.errors import LabelStudioError
from mmdemo.settings import Settings
from tests.fake_label_studio import KEY, URL, FakeServer
from tests.unit.annotations import sentiment as given

# What an annotation holds that says "right answer, wrong reason" of a picture with its caption
MARK = {"from_name": "reason", "to_name": "image", "type": "choices", "value": {"choices": ["wrong_reason"]}}


@dataclass
class Loop:
    """Both sides, and what people do on each."""

    config: Settings
    store: Store
    server: FakeServer

    def sync(self, **more) -> SyncReport:
        """Go one round with the sentiment task."""
        return sync.run(self.config, given.TASK.name, connect=self.server.connect, **more)

    def sync_cut_off(self, moment: str) -> None:
        """Go a round in which the server is away at this moment; afterwards it is there again."""

        def cut(name: str) -> None:
            if name == moment:
                raise LabelStudioError("label_studio_away", url="", detail="cut off")

        self.server.before = cut
        with pytest.raises(LabelStudioError):
            self.sync()
        self.server.before = lambda name: None

    def visit(
        self,
        text: str | None = "hm",
        seed: int | None = None,
        confidence: float = 0.4,
        version: str = "v1",
        suggested: str | None = None,
    ):
        """Let a visitor send a sample that the model doubts, or disputes; return its id and the visitor's own."""
        sample = given.inputs(text, seed)
        answer = given.prediction(sample, confidence, version)
        return review_queue.offer(self.store, given.TASK, sample, answer, suggested=suggested)

    def row(self, sample_id: str) -> SampleRow:
        """Return the sample as it stands here."""
        with self.store.reading() as session:
            return samples.get(session, sample_id)

    def said(self, sample_id: str) -> list[tuple[str, str, str]]:
        """Return label, annotator and source of the corrections that were not withdrawn, oldest first."""
        with self.store.reading() as session:
            return [(row.value, row.annotator, row.source) for row in labels.history(session, sample_id)]

    def counts(self, sample_id: str) -> str | None:
        """Return the label that counts."""
        with self.store.reading() as session:
            correction = labels.counting(session, sample_id)
        return correction and correction.value

    def marks(self, sample_id: str) -> list[tuple[str, bool]]:
        """Return label and "right answer, wrong reason" of the corrections that were not withdrawn, oldest first."""
        with self.store.reading() as session:
            return [(correction.value, correction.wrong_reason) for correction in labels.history(session, sample_id)]

    def correct(self, sample_id: str, label: str) -> None:
        """Answer in the page."""
        review_queue.correct(self.store, given.TASKS, sample_id, label, "Petra")

    def there(self, sample_id: str) -> list[int]:
        """Return the tasks of a sample there."""
        return [task.id for _, task in self.server.tasks.values() if task.data["sample_id"] == sample_id]

    def files(self, sample_id: str) -> list[str]:
        """Return the paths of a sample's files there."""
        uploads = [upload for _, upload, _ in self.server.uploads.values()]
        return [upload.path for upload in uploads if tasks.sample_of_upload(upload.name) == sample_id]

    def annotate(self, sample_id: str, label: str, person: int = 1) -> int:
        """Answer there; "" skips."""
        (task,) = self.there(sample_id)
        results = [tasks.result(given.TASK, label)] if label else []
        return self.server.annotate(task, results, person, cancelled=not label)


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    """Settings with Label Studio, in a home folder of this test's own."""
    return Settings(home=tmp_path / "home", label_studio_url=URL, label_studio_api_key=KEY)


@pytest.fixture
def loop(config: Settings, store: Store) -> Loop:
    return Loop(config, store, FakeServer())


@pytest.fixture
def with_media(loop: Loop, tmp_path: Path) -> Callable[[str], Path]:
    """Let this machine reach the server's media folder, where each file that is uploaded then lies."""
    folder = tmp_path / "server-media"
    loop.config = replace(loop.config, label_studio_media=folder)

    def write(sample_id: str) -> list[Path]:
        paths = [folder / path for path in loop.files(sample_id)]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"bytes")
        return paths

    return write
