"""The app starts and answers on machines that are not set up like ours."""

from pathlib import Path

import pytest
from gradio_client import Client

from mmdemo.process.environment import without_proxies
from tests import serving

CAPTION = "The roof was painted last year"


@pytest.mark.parametrize(
    "proxies",
    [
        {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
        {"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "10.0.0.0/8,fe80::/10"},
    ],
    ids=["http", "socks and masks"],
)
def test_behind_a_proxy_and_in_folders_with_odd_names(tmp_path: Path, proxies: dict[str, str]) -> None:
    home = tmp_path / "50% off? #1 für 家"
    (tmp_path / "tasks #1 %").mkdir()
    with serving.serve(home, MMDEMO_TASK_DIR=str(tmp_path / "tasks #1 %"), **proxies) as server, without_proxies():
        client = Client(server.url, verbose=False)
        answer = client.predict("sentiment", None, CAPTION, None, "none", True, api_name="/predict")
        client.close()
    assert answer["label"] in ("negative", "neutral", "positive")
    assert sorted(path.name for path in tmp_path.iterdir()) == [home.name, "tasks #1 %"]
