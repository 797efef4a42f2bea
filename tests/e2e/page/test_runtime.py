"""The page answers in PyTorch at first, in another runtime as soon as that is ready, and ends in peace."""

import signal
import time
from pathlib import Path

import pytest
from gradio_client import Client

from mmdemo.model import engines
from tests import serving

WAIT_S = 240


@pytest.mark.skipif(not engines.installed(engines.RUNTIMES[engines.DEFAULT]), reason="it is not installed")
def test_the_default_runtime_takes_over(tmp_path: Path) -> None:
    with serving.serve(tmp_path / "home", MMDEMO_RUNTIME="auto") as server:
        client = Client(server.url, verbose=False)
        asked = ("sentiment", None, "What a lovely day", None, "none", False)
        before = client.predict(*asked, api_name="/predict")
        deadline, computes = time.monotonic() + WAIT_S, None
        while computes is None or computes["key"] == "status.runtime_begins":
            assert time.monotonic() < deadline, computes
            time.sleep(1)
            computes = client.predict("sentiment", api_name="/status")["runtime"]
        assert computes["key"] == "status.runtime" and "openvino" in computes["values"]["engine"]
        after = client.predict("sentiment", None, "What a lovely day!", None, "none", False, api_name="/predict")
        assert (before["label"], after["label"]) == ("positive", "positive")
        assert any((tmp_path / "home" / "engines" / "openvino").iterdir())
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert "loss_type" not in server.log.read_text()  # of which transformers would warn whoever traces its models
