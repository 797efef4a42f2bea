"""A real Label Studio server, one for all these tests; each test has tasks, and so projects, of its own."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from label_studio_sdk import LabelStudio
from PIL import Image, ImageDraw

from annotations import review_queue
from annotations.acquisition import strata
from annotations.labelstudio import sync
from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.local_server import down
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from annotations.store import Store, labels, open_store, samples
from mmdemo import decode
from mmdemo import tasks as known
from mmdemo.settings import OWN_SERVER, Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import FlagReason, Inputs
from tests import label_studio_server, serving
from tests.label_studio_server import LabelStudioServer
from tests.unit.annotations import sentiment as given

if TYPE_CHECKING:
    from playwright.sync_api import Page

SUBMIT = "bottombar-submit-button"
WAIT_MS = 120_000  # a busy machine
RATE_HZ = decode.SAMPLE_RATE_HZ
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Own:
    """A server that our own command has brought up from nothing, and the home folder in which it lies."""

    home: Path
    sample_id: str  # of what waited there
    said: dict[str, object]  # what the command printed
    checked: tuple[int, str]  # how `check` ended before anybody else came, and what it said
    data: Path  # a copy of what the server had then

    @property
    def access(self) -> dict[str, str]:
        """What is written down of how to get in."""
        return json.loads((self.home / OWN_SERVER).read_text("utf-8"))

    @property
    def server(self) -> LabelStudioServer:
        """The running server."""
        access = self.access
        data = Path(access["media"]).parent
        return LabelStudioServer(access["url"], access["url"], data, access["key"], access["email"], access["password"])


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """The server of `python -m annotations label-studio up`, with a sample that waited before."""
    require_server()
    config = Settings(home=tmp_path_factory.mktemp("label-studio") / "home")
    sample = Inputs(text="to be labelled")
    with closing(open_store(config)) as store:
        sample_id, _ = review_queue.offer(store, given.TASK, sample, given.prediction(sample), share=0.0)
    try:
        up, check = (
            serving.command("-m", "annotations", "label-studio", *words, home=config.home)
            for words in (("up", "--json"), ("check",))
        )
        assert up.returncode == 0, up.stderr
        label_studio_server.copy(config.home / OWN_SERVER.parent / "data", config.home.parent / "copy")
        yield Own(
            config.home, sample_id, json.loads(up.stdout), (check.returncode, check.stdout), config.home.parent / "copy"
        )
    finally:
        down(config)


@pytest.fixture(scope="session")
def label_studio(own: Own) -> LabelStudioServer:
    """The running server."""
    return own.server


def require_server() -> None:
    """Skip where the server is not installed; where `make test` runs it always is."""
    if not label_studio_server.PROGRAM.exists():
        reason = f"{label_studio_server.PROGRAM} is missing: make test installs it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="session")
def new_server(own: Own) -> LabelStudioServer:
    """The same as it was before anybody else came: another one that is like it needs no migrations."""
    return replace(own.server, data=own.data)


@pytest.fixture(scope="module")
def sdk(label_studio: LabelStudioServer) -> Iterator[LabelStudio]:
    """What an annotator does there, by the server's own SDK."""
    with httpx.Client(timeout=60) as connection:
        yield LabelStudio(base_url=label_studio.url + "/", api_key=label_studio.token, httpx_client=connection)


@pytest.fixture
def client(label_studio: LabelStudioServer) -> Iterator[Client]:
    """Our seam, connected to it."""
    with Client(label_studio.url, label_studio.token) as opened:
        yield opened


def drawing(seed: int) -> np.ndarray:
    """Return a picture (240, 320, 3) uint8 of a coloured disc; every seed another one."""
    picture = Image.new("RGB", (320, 240), "white")
    x = 20 + 40 * (seed % 5)
    ImageDraw.Draw(picture).ellipse((x, 60, x + 100, 160), fill=["navy", "orange", "teal"][seed % 3])
    return np.asarray(picture)


def melody(seed: int, seconds: float = 1.5) -> np.ndarray:
    """Return sound (samples,) float32 of a rising tone at decode.SAMPLE_RATE_HZ."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (0.4 * np.sin(2 * np.pi * (220 + 40 * seed + 100 * time) * time)).astype(np.float32)


@dataclass
class Loop:
    """Our side of the exchange: a home folder with two tasks that no other test has."""

    settings: Settings
    store: Store
    pictures: Task  # picture and caption
    sounds: Task

    def sync(self) -> SyncReport:
        """Go one round with both tasks."""
        return self.sync_task(self.pictures) + self.sync_task(self.sounds)

    def sync_task(self, task: Task) -> SyncReport:
        """Go one round with one task."""
        return sync.run(self.settings, task.name)

    def visit(self, seed: int, caption: str) -> tuple[str, str]:
        """Let a visitor send a picture with a caption; return its sample id and the visitor's own id."""
        return self._offer(self.pictures, Inputs(image=drawing(seed), text=caption))

    def speak(self, seed: int) -> tuple[str, str]:
        """Let a visitor send a sound."""
        return self._offer(self.sounds, Inputs(audio=melody(seed)))

    def check(self, seed: int, caption: str) -> str:
        """Let a visitor send a picture with a caption, surely answered, that is drawn for a check; return its id."""
        inputs = Inputs(image=drawing(seed), text=caption)
        answer = replace(given.prediction(inputs, 0.9, "v7", self.pictures), flagged=True, reason=FlagReason.AUDIT)
        return review_queue.offer(self.store, self.pictures, inputs, answer, share=0.5)[0]

    def is_set_aside(self, sample_id: str) -> bool:
        """Return whether a sample judges versions."""
        with self.store.reading() as session:
            return strata.is_set_aside(samples.get(session, sample_id), self.pictures.gate.held_out_share)

    def _offer(self, task: Task, inputs: Inputs) -> tuple[str, str]:
        return review_queue.offer(self.store, task, inputs, given.prediction(inputs, 0.4, "v7", task), share=0.0)

    def state(self, sample_id: str) -> str:
        """Return the sample's state here."""
        with self.store.reading() as session:
            return samples.get(session, sample_id).state

    def media(self, sample_id: str) -> list[Path]:
        """Return the sample's files here."""
        with self.store.reading() as session:
            row = samples.get(session, sample_id)
        return [self.store.media / name for name in (row.image, row.audio) if name]

    def said(self, sample_id: str) -> list[tuple[str, str, str]]:
        """Return label, annotator and source of the corrections that were not withdrawn, oldest first."""
        with self.store.reading() as session:
            return [(row.value, row.annotator, row.source) for row in labels.history(session, sample_id)]

    def there(self, sdk: LabelStudio, task: Task) -> dict[str, object]:
        """Return sample id → its task there, as the SDK gives it."""
        (project,) = [each for each in sdk.projects.list() if each.title == tasks.title(task)]
        return {remote.data["sample_id"]: remote for remote in sdk.tasks.list(project=project.id)}


@pytest.fixture
def loop(label_studio: LabelStudioServer, tmp_path: Path) -> Iterator[Loop]:
    """A home folder with an empty store, and two tasks of its own."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    number = next(_NUMBERS)
    for shipped, name in (("sentiment", f"pictures_{number}"), ("speech_emotion", f"sounds_{number}")):
        source = known.get(shipped).path.read_text(encoding="utf-8")
        copied = source.split("[[examples]]")[0].replace(f'name = "{shipped}"', f'name = "{name}"', 1)
        (folder / f"{name}.toml").write_text(copied, encoding="utf-8")
    settings = Settings(
        home=tmp_path / "home",
        task_dir=folder,
        label_studio_url=label_studio.url,
        label_studio_api_key=label_studio.token,
        label_studio_media=label_studio.data / "media",
    )
    store = open_store(settings)
    loaded = known.load_all(folder)
    yield Loop(settings, store, loaded[f"pictures_{number}"], loaded[f"sounds_{number}"])
    store.close()


@pytest.fixture
def without_media(loop: Loop) -> Loop:
    """The same, where this machine cannot reach the server's media folder."""
    loop.settings = replace(loop.settings, label_studio_media=None)
    return loop


@pytest.fixture
def annotator(new_page: Callable[..., Page], label_studio) -> Page:
    """A page in which somebody is signed in to Label Studio."""
    page = new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{label_studio.url}/user/login/", wait_until="domcontentloaded")
    page.fill("input[name=email]", label_studio.email)
    page.fill("input[name=password]", label_studio.password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/user/login" not in url, wait_until="commit")
    return page


def open_task(page: Page, label_studio, task) -> None:
    """Open a task as a click on its row does."""
    page.goto(f"{label_studio.url}/projects/{task.project}/data?task={task.id}", wait_until="commit")
    page.get_by_test_id(SUBMIT).wait_for()


def submit(page: Page) -> None:
    """Submit, and wait until the server has it."""
    page.get_by_test_id(SUBMIT).click()
    page.get_by_test_id("bottombar-update-button").wait_for()
