"""A real Label Studio server, one for all these tests; each test has a task, and so a project, of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest
from label_studio_sdk import LabelStudio

from annotations.labelstudio.client import Client
from tests import label_studio_server
from tests.label_studio_server import LabelStudioServer


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """The running server, with an empty data folder of its own."""
    if not label_studio_server.PROGRAM.exists():
        reason = f"{label_studio_server.PROGRAM} is missing: make test installs it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with label_studio_server.running(tmp_path_factory.mktemp("label-studio") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def sdk(label_studio: LabelStudioServer) -> Iterator[LabelStudio]:
    """What an annotator does there, by the server's own SDK."""
    with httpx.Client(timeout=60) as connection:
        yield LabelStudio(base_url=label_studio.url, api_key=label_studio.token, httpx_client=connection)


@pytest.fixture
def client(label_studio: LabelStudioServer) -> Iterator[Client]:
    """Our seam, connected to it."""
    with Client(label_studio.url, label_studio.token) as opened:
        yield opened
