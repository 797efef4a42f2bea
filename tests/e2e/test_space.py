"""The gathered Space, in a fresh environment of its requirements.txt and nothing else, starts and answers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from mmdemo import tasks
from tests import serving

pytestmark = pytest.mark.timeout(900)  # a fresh environment is several GB to unpack


@pytest.fixture(scope="module")
def running(
    space: Path, fresh: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[serving.Server]:
    home = tmp_path_factory.mktemp("space") / "home"
    # As the Hub sets them: it listens to everybody, and nobody has set a key.
    with serving.serve(home, space, fresh(), GRADIO_SERVER_NAME="0.0.0.0", SPACE_ID="someone/demo") as server:
        yield server


def test_it_answers_and_shows_where_it_looked(running: serving.Server) -> None:
    client = Client(running.url, verbose=False, httpx_kwargs={"timeout": 180})  # compiles what it loads first
    example = tasks.get("sentiment").examples[0]
    answer = client.predict(
        "sentiment", handle_file(example.image), example.text, None, "default", False, api_name="/predict"
    )
    assert answer["label"] in answer["probabilities"]
    assert answer["modalities"] == ["image", "text"]
    assert set(answer["explanation"]) >= {"image", "text"}


def test_review_is_closed_without_a_key(running: serving.Server) -> None:
    client = Client(running.url, verbose=False, httpx_kwargs={"timeout": 180})  # compiles what it loads first
    with pytest.raises(Exception, match="MMDEMO_REVIEW_KEY"):
        client.predict("sentiment", 10, api_name="/queue")
