"""The server of one's own, as far as that can be told without starting it."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from annotations.labelstudio.connection import local_server
from annotations.labelstudio.connection.local_server import Access
from mmdemo.errors import LabelStudioError
from mmdemo.settings import OWN_SERVER, Settings

ACCESS = Access("http://127.0.0.1:9", "a@example.com", "secret", "f" * 40, "/nowhere/media")


def written(home: Path, access: Access) -> Settings:
    (home / OWN_SERVER).parent.mkdir(parents=True)
    (home / OWN_SERVER).write_text(json.dumps(asdict(access)))
    return Settings(home=home, label_studio_url=access.url, label_studio_api_key=access.key)


def test_where_another_server_is_named_none_is_started(tmp_path: Path) -> None:
    with pytest.raises(LabelStudioError) as refusal:
        local_server.up(Settings(home=tmp_path, label_studio_url="http://labels.example.org"))
    assert refusal.value.key == "label_studio_elsewhere"
    assert list(tmp_path.iterdir()) == []


def test_where_none_was_started_none_is_ended(tmp_path: Path) -> None:
    assert not local_server.down(Settings(home=tmp_path))


@pytest.mark.parametrize("pid", [0, os.getpid()], ids=["none", "this"])
def test_a_process_that_has_its_number_now_is_not_ended(tmp_path: Path, pid: int) -> None:
    assert not local_server.down(written(tmp_path, replace(ACCESS, pid=pid)))


def test_a_note_of_how_to_get_in_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = written(tmp_path, ACCESS)
    (tmp_path / OWN_SERVER).write_text("{")
    with pytest.raises(LabelStudioError, match=r"access\.json can't be read"):
        local_server.up(settings)
