"""The line of links: a card a task, the licence, the source, and nothing of whoever runs the page."""

import inspect
import io
import re
import zipfile
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mmdemo import locale
from mmdemo.settings import ROOT, Settings
from mmdemo.ui import api
from mmdemo.ui.shell import about
from tests.unit.mmdemo.ui.fake import FakeLoop


@pytest.mark.parametrize("language", locale.LANGUAGES)
def test_every_link_leads_somewhere(language: str) -> None:
    loop = FakeLoop()
    html = about.footer(loop, Settings(), language)
    links = re.findall(r'href="(about/[^"]+)"', html)
    client = TestClient(Starlette(routes=about.routes(loop)))
    assert [client.get(link).status_code for link in links] == [200] * (len(loop.tasks) + 3)
    assert client.get("about/model-card/sentiment").text == "# sentiment"
    assert client.get("about/model-card/nothing").status_code == 404


def test_the_source_is_elsewhere_where_a_setting_says_so() -> None:
    loop = FakeLoop()
    html = about.footer(loop, Settings(source_url="https://example.org/code"), "en")
    assert 'href="https://example.org/code"' in html and "source.zip" not in html
    assert "source.zip" in about.footer(loop, Settings(source_url="javascript:alert(1)"), "en")


def test_the_source_that_is_handed_out_is_text_of_the_program_alone(tmp_path: Path) -> None:
    for name in ("app.py", ".env", "data/mmdemo.sqlite", "mmdemo/a.py", "mmdemo/checkpoints/m.safetensors", "x/b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("content")
    names = zipfile.ZipFile(io.BytesIO(about.source(tmp_path))).namelist()
    assert names == ["app.py", "mmdemo/a.py"]


def test_the_source_holds_what_runs() -> None:
    names = set(zipfile.ZipFile(io.BytesIO(about.source(ROOT))).namelist())
    assert {
        "app.py",
        "LICENSE",
        "mmdemo/ui/shell/about.py",
        "mmdemo/ui/static/shell/core.js",
        "annotations/loop.py",
    } <= names
    assert not {name for name in names if "__pycache__" in name or Path(name).suffix in (".safetensors", ".pyc")}


def test_the_interface_is_described_as_its_code_describes_it() -> None:
    description = about.interface("http://127.0.0.1:7860/")
    assert 'Client("http://127.0.0.1:7860/")' in description
    assert "/predict(task, image=None, text='', audio=None, explain='default', keep=False)" in description
    for endpoint in api.LINES:
        assert f"\n/{endpoint.__name__}(" in description and inspect.getdoc(endpoint) in description
    assert "request" not in description.partition("/predict")[2].partition("\n")[0]
