"""The fake server that the other tests here use keeps the seam's contract."""

import pytest

from annotations.labelstudio.translation import tasks
from tests.fake_label_studio import KEY, URL, FakeClient, FakeServer
from tests.label_studio_contract import TASK, Annotate, Contract


class TestFake(Contract):
    """The contract, in memory."""

    @pytest.fixture
    def server(self) -> FakeServer:
        return FakeServer()

    @pytest.fixture
    def client(self, server: FakeServer) -> FakeClient:
        return server.connect(URL, KEY)

    @pytest.fixture
    def annotate(self, server: FakeServer) -> Annotate:
        def say(task: int, label: str) -> int:
            results = [tasks.result(TASK, label)] if label else []
            return server.annotate(task, results, cancelled=not label)

        return say
