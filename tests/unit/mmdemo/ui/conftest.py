"""The endpoints on a fake loop, served for real on a free port of loopback."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from PIL import Image

from mmdemo.settings import Settings
from mmdemo.ui import api
from mmdemo.ui.callers.access import Door
from mmdemo.ui.callers.uploads import Discards
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.queueing.blocks import Blocks
from tests import serving
from tests.unit.mmdemo.ui.fake import FakeLoop
from tests.unit.mmdemo.ui.fake_queue import FakeQueue, Served


@pytest.fixture
def loop() -> FakeLoop:
    """A loop that answers by rule."""
    return FakeLoop()


@pytest.fixture
def desk(loop: FakeLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PredictController:
    """A desk whose uploads lie in a folder of the test."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return PredictController(loop, Settings())


@pytest.fixture
def picture(tmp_path: Path) -> Any:
    """An upload as Gradio hands it over."""
    path = tmp_path / "uploads" / "hash" / "input.png"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (64, 48), "red").save(path)
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def serve_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """`serve_api(Settings(…))` listens on loopback whatever its settings say, so that these can be about the world."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))

        async def serve(settings: Settings, discards: Discards | None) -> Served:
            loop = FakeQueue(tmp_path_factory.mktemp("queue"))
            with Blocks(analytics_enabled=False) as blocks:
                api.add(api.Endpoints(loop, Door.of(settings), loop.forget, discards or Discards()))
            stack.callback(blocks.close, verbose=False)
            port = serving.free_port()
            options = {"server_port": port, "prevent_thread_lock": True, "quiet": True}
            return Served(blocks.launch(server_name="127.0.0.1", **options)[1], loop, stack)

        # Outside of a running event loop Gradio makes loops that it never closes.
        yield lambda settings, discards=None: asyncio.run(serve(settings, discards))


@pytest.fixture(scope="module")
def served(serve_api: Callable[..., Served]) -> Served:
    """Endpoints of a module, on loopback without a key."""
    return serve_api(Settings())


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return served.client()
