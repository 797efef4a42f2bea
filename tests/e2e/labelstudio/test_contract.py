"""The real server keeps the seam's contract; so does the fake that the unit tests use."""

import pytest
from label_studio_sdk import LabelStudio

from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.translation import tasks
from mmdemo.errors import LabelStudioError
from tests.label_studio_contract import TASK, Annotate, Contract
from tests.label_studio_server import LabelStudioServer


class TestServer(Contract):
    """The contract, on the real server."""

    @pytest.fixture
    def annotate(self, sdk: LabelStudio) -> Annotate:
        def say(task: int, label: str) -> int:
            results = [tasks.result(TASK, label)] if label else []
            return sdk.annotations.create(id=task, result=results, was_cancelled=not label).id

        return say


@pytest.mark.filterwarnings("ignore:The `parse_obj` method:DeprecationWarning")  # the SDK, as it exchanges the token
def test_both_kinds_of_token_open_it(label_studio: LabelStudioServer, sdk: LabelStudio) -> None:
    personal = sdk.tokens.create().token
    assert personal.count(".") == 2  # a JWT that is exchanged for short-lived ones
    with Client(label_studio.url + "/", f" {personal}\n") as client:
        assert client.people()


@pytest.mark.parametrize("key", ["no-such-key", "f" * 40, "schlüssel", "two\nlines"])
def test_a_wrong_key_is_refused_in_one_sentence_that_does_not_quote_it(label_studio, key: str) -> None:
    with pytest.raises(LabelStudioError) as refused:
        Client(label_studio.url, key)
    assert refused.value.key == "label_studio_key"
    assert label_studio.url in str(refused.value)
    assert key not in str(refused.value)


@pytest.mark.parametrize("path", ["/user/login", "/api"])
def test_an_address_that_is_not_its_root_is_said_to_be_wrong(label_studio: LabelStudioServer, path: str) -> None:
    with pytest.raises(LabelStudioError) as refused:
        Client(label_studio.url + path, label_studio.token)
    assert refused.value.key == "label_studio_strange"
    assert label_studio.url + path in str(refused.value)


def test_what_it_refuses_is_quoted(client: Client) -> None:
    with pytest.raises(LabelStudioError, match="at least 3 characters"):
        client.create_project("x", "", tasks.MEDIA_CONFIG)
