"""`python -m annotations label-studio`: from nothing to a server closed to strangers, and to the first label."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from annotations import review_queue
from annotations.labelstudio import check, tasks
from annotations.labelstudio.client import Client
from annotations.store import labels, open_store
from mmdemo import settings
from mmdemo.samples import Inputs
from mmdemo.settings import OWN_SERVER, Settings
from tests import label_studio_server
from tests.e2e.labelstudio.conftest import require_server
from tests.unit.annotations import given

WORDS = ("-m", "annotations", "label-studio")


@pytest.fixture
def home(tmp_path: Path, command: Callable) -> Iterator[Path]:
    """A home folder, whose server is ended with the test."""
    require_server()
    yield tmp_path / "own"
    command(*WORDS, "down", home=tmp_path / "own")


def test_from_nothing_to_the_first_label_back(home: Path, command: Callable) -> None:
    store = open_store(Settings(home=home))
    sample = Inputs(text="to be labelled")
    sample_id, _ = review_queue.offer(store, given.TASK, sample, given.prediction(sample))

    first = command(*WORDS, "up", "--json", home=home)
    assert first.returncode == 0, first.stderr
    up = json.loads(first.stdout)
    assert (up["started"], up["sync"]["pushed"], set(up)) == (True, 1, {"url", "email", "started", "sync"})
    again = command(*WORDS, "up", home=home)
    assert again.returncode == 0 and "runs already" in again.stdout
    checked = command(*WORDS, "check", home=home)
    assert (checked.returncode, "nothing is missing, nothing is open" in checked.stdout) == (0, True), checked.stdout
    assert os.stat(home / OWN_SERVER).st_mode & 0o077 == 0
    assert os.stat(home / OWN_SERVER.parent).st_mode & 0o077 == 0

    access = json.loads((home / OWN_SERVER).read_text())
    with Client(up["url"], access["key"]) as client, httpx.Client(base_url=up["url"]) as annotator:
        (project,) = [each for each in client.projects() if each.title == tasks.title(given.TASK)]
        (task,) = client.tasks(project.id)
        annotator.get("/user/login/")
        form = {"csrfmiddlewaretoken": annotator.cookies["csrftoken"], "email": up["email"]}
        signed_in = annotator.post("/user/login/", data={**form, "password": access["password"]})
        assert signed_in.status_code == 302
        body = {"result": [tasks.result(given.TASK, "neutral")]}
        made = annotator.post(
            f"/api/tasks/{task.id}/annotations/",
            json=body,
            headers={"X-CSRFToken": annotator.cookies["csrftoken"], "Referer": up["url"]},
        )
        assert made.status_code == 201, made.text

    back = command("-m", "annotations", "sync", "--json", home=home)
    assert json.loads(back.stdout)["pulled"] == 1, back.stderr
    with store.reading() as session:
        assert labels.counting(session, sample_id).value == "neutral"
    store.close()

    for ended in (True, False):
        assert json.loads(command(*WORDS, "down", "--json", home=home).stdout) == {"ended": ended}
    away = command(*WORDS, "check", home=home)
    assert away.returncode == 1 and "does not answer" in away.stdout


def test_a_server_started_as_its_own_manual_says_is_said_to_be_open(tmp_path: Path, free_port: int) -> None:
    require_server()
    with label_studio_server.running(tmp_path / "data", free_port, open_signup=True) as server:
        given_settings = {"MMDEMO_HOME": str(tmp_path / "home"), "LABEL_STUDIO_URL": server.url}
        read = settings.load({**given_settings, "LABEL_STUDIO_API_KEY": server.token})
        assert [reason.key for reason in check.run(read)] == ["cli.check_signup", "cli.check_media"]
        with Client(server.url, server.token) as client:
            assert len(client.people()) == 1  # nobody was made by asking
