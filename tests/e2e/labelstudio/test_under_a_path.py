"""A real Label Studio under a path of a server that has others: projects, files, its page, what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from annotations.labelstudio import check
from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import tasks
from tests import label_studio_server, prefix_proxy, serving
from tests.e2e.labelstudio.conftest import Loop, open_task, submit
from tests.label_studio_server import LabelStudioServer

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def label_studio(
    new_server: LabelStudioServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabelStudioServer]:
    """Another server, which is reached under /ls of a proxy."""
    port = serving.free_port()
    data = tmp_path_factory.mktemp("label-studio") / "data"
    with (
        prefix_proxy.under("/ls", f"http://127.0.0.1:{port}") as address,
        label_studio_server.running(data, port, address=address, like=new_server) as server,
    ):
        yield server


@pytest.mark.parametrize("end", ["", "/"])
def test_picture_and_sound_are_sent_and_served_and_answers_come_back(loop: Loop, label_studio, sdk, end: str) -> None:
    loop.settings = replace(loop.settings, label_studio_url=label_studio.url + end)
    picture, sound = loop.visit(1, "under a path")[0], loop.speak(1)[0]
    assert loop.sync() == SyncReport(created=2, pushed=2, waiting=2)
    there = loop.there(sdk, loop.pictures) | loop.there(sdk, loop.sounds)
    root = label_studio.url.removesuffix("/ls")
    for sample_id, modality in ((picture, "image"), (sound, "audio")):
        address = there[sample_id].data[modality]
        assert address.startswith("/ls/data/upload/")
        headers = {"Authorization": f"Token {label_studio.token}"}
        assert httpx.get(root + address, headers=headers).content == loop.media(sample_id)[0].read_bytes()
    assert {reason.key for reason in check.run(loop.settings)} <= {"cli.check_other_home"}  # other tests' folders
    sdk.annotations.create(id=there[sound].id, result=[tasks.result(loop.sounds, "calm")])
    assert loop.sync() == SyncReport(pulled=1, waiting=1)


def test_its_page_shows_the_picture_and_takes_an_answer(loop: Loop, label_studio, sdk, annotator: Page) -> None:
    sample_id, _ = loop.visit(2, "seen under a path")
    loop.sync()
    open_task(annotator, label_studio, loop.there(sdk, loop.pictures)[sample_id])
    annotator.wait_for_function("() => document.querySelector(\"img[src^='blob:']\")?.naturalWidth === 320")
    annotator.wait_for_function('() => document.querySelector(".mm-picture img").naturalWidth === 320')
    annotator.keyboard.press("2")
    annotator.wait_for_function("() => document.querySelector('input[name=neutral]').checked")
    submit(annotator)
    assert loop.sync() == SyncReport(pulled=1)
    assert loop.said(sample_id) == [("neutral", label_studio.email, "label_studio")]


def test_files_are_found_by_its_page_where_we_reach_it_behind_its_proxys_back(loop: Loop, label_studio, sdk) -> None:
    loop.settings = replace(loop.settings, label_studio_url=label_studio.own)
    sample_id, _ = loop.visit(3, "sent past the proxy")
    loop.sync()
    assert loop.there(sdk, loop.pictures)[sample_id].data["image"].startswith("/ls/data/upload/")
    loop.settings = replace(loop.settings, label_studio_url=label_studio.url)
    assert loop.sync() == SyncReport(waiting=1)


@pytest.mark.filterwarnings("ignore:The `parse_obj` method:DeprecationWarning")  # the SDK, as it exchanges the token
def test_a_personal_token_opens_it(label_studio, sdk) -> None:
    with Client(label_studio.url, sdk.tokens.create().token) as client:
        assert client.people() and client.prefix == "/ls"
