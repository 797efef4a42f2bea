"""The gathered Space, in a fresh environment of its requirements.txt and nothing else, starts and answers."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from gradio_client import Client, handle_file

from mmdemo import tasks
from mmdemo.settings import ROOT
from tests import fresh_environment, serving

pytestmark = pytest.mark.timeout(900)  # pip asks for some hundred packages, and fetches those that are newer


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Server]:
    folder = tmp_path_factory.mktemp("hub")
    space = folder / "space"
    # Its requirements are those of PyPI; those of a Space without a GPU come from an index that may be out of reach.
    subprocess.run([sys.executable, ROOT / "spaces" / "gather.py", space, "--hardware", "zero-gpu"], check=True)
    # As the Hub sets them: it listens to everybody, and nobody has set a key.
    settings = {"GRADIO_SERVER_NAME": "0.0.0.0", "SPACE_ID": "someone/demo"}
    with (
        fresh_environment.of(space / "requirements.txt") as python,
        serving.serve(folder / "home", space, python, **settings) as server,
    ):
        yield server


def test_it_answers_and_shows_where_it_looked(running: serving.Server) -> None:
    client = Client(running.url, verbose=False, httpx_kwargs={"timeout": 180})  # of a busy machine
    example = tasks.get("sentiment").examples[0]
    answer = client.predict(
        "sentiment", handle_file(example.image), example.text, None, "default", False, api_name="/predict"
    )
    assert answer["label"] in answer["probabilities"]
    assert answer["modalities"] == ["image", "text"]
    assert set(answer["explanation"]) >= {"image", "text"}


def test_review_is_closed_without_a_key(running: serving.Server) -> None:
    client = Client(running.url, verbose=False, httpx_kwargs={"timeout": 180})  # of a busy machine
    with pytest.raises(Exception, match="MMDEMO_REVIEW_KEY"):
        client.predict("sentiment", 10, api_name="/queue")
