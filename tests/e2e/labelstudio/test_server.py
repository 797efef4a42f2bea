"""`python -m annotations label-studio`: from nothing to a server closed to strangers, and to the first label."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx

from annotations.labelstudio import check
from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.translation import tasks
from annotations.store import labels, open_store
from mmdemo import settings
from mmdemo.settings import OWN_SERVER, Settings
from tests import label_studio_server, prefix_proxy
from tests.e2e.labelstudio.conftest import Loop, Own
from tests.unit.annotations import sentiment as given

WORDS = ("-m", "annotations", "label-studio")


def test_from_nothing_to_the_first_label_back(own: Own, command: Callable) -> None:
    home, up, access = own.home, own.said, own.access
    assert (up["started"], up["sync"]["pushed"], set(up)) == (True, 1, {"url", "email", "started", "sync"})
    again = command(*WORDS, "up", home=home)
    assert again.returncode == 0 and "runs already" in again.stdout
    code, said = own.checked
    assert (code, "nothing is missing, nothing is open" in said) == (0, True), said
    assert os.stat(home / OWN_SERVER).st_mode & 0o077 == 0
    assert os.stat(home / OWN_SERVER.parent).st_mode & 0o077 == 0

    with Client(up["url"], access["key"]) as client, httpx.Client(base_url=up["url"]) as annotator:
        projects = [each for each in client.projects() if each.title == tasks.title(given.TASK)]
        there = [each for project in projects for each in client.tasks(project.id)]
        (task,) = [each for each in there if each.data["sample_id"] == own.sample_id]  # other tests have theirs
        annotator.get("/user/login/")
        form = {"csrfmiddlewaretoken": annotator.cookies["csrftoken"], "email": up["email"]}
        signed_in = annotator.post("/user/login/", data={**form, "password": access["password"]})
        assert signed_in.status_code == 302
        body = {"result": [tasks.result(given.TASK, "neutral")]}
        answer = annotator.post(
            f"/api/tasks/{task.id}/annotations/",
            json=body,
            headers={"X-CSRFToken": annotator.cookies["csrftoken"], "Referer": up["url"]},
        )
        assert answer.status_code == 201, answer.text

    back = command("-m", "annotations", "sync", "--json", home=home)
    assert json.loads(back.stdout)["pulled"] == 1, back.stderr
    with closing(open_store(Settings(home=home))) as store, store.reading() as session:
        assert labels.counting(session, own.sample_id).value == "neutral"


def test_it_ends_when_it_is_told_to_and_comes_back_at_its_address(own: Own, command: Callable) -> None:
    for ended in (True, False):
        assert json.loads(command(*WORDS, "down", "--json", home=own.home).stdout) == {"ended": ended}
    away = command(*WORDS, "check", home=own.home)
    assert away.returncode == 1 and "does not answer" in away.stdout
    again = json.loads(command(*WORDS, "up", "--json", home=own.home).stdout)
    assert (again["started"], again["url"]) == (True, own.said["url"])


def test_one_that_does_not_know_the_path_at_which_it_is_reached_is_told_so(loop: Loop, label_studio) -> None:
    with prefix_proxy.under("/ls", label_studio.url) as address:
        loop.settings = replace(loop.settings, label_studio_url=address)
        keys = {reason.key for reason in check.run(loop.settings)}
    assert keys - {"cli.check_other_home"} == {"cli.check_prefix"}  # other tests' folders


def test_a_server_started_as_its_own_manual_says_is_said_to_be_open(new_server, tmp_path: Path) -> None:
    with label_studio_server.running(tmp_path / "data", open_signup=True, like=new_server) as server:
        given_settings = {"MMDEMO_HOME": str(tmp_path / "home"), "LABEL_STUDIO_URL": server.url}
        read = settings.load({**given_settings, "LABEL_STUDIO_API_KEY": server.token})
        keys = {reason.key for reason in check.run(read)}
        assert keys - {"cli.check_other_home"} == {"cli.check_signup", "cli.check_media"}
        with Client(server.url, server.token) as client:
            assert len(client.people()) == 1  # nobody was made by asking
