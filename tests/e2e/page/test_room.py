"""Where there is no room to keep what a visitor sends, the visitor is answered all the same, and told."""

from collections.abc import Callable, Iterator

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from tests import serving
from tests.e2e.page.conftest import Visitor
from tests.serving import Server

PROXIED = {"MMDEMO_TRUSTED_PROXIES": "127.0.0.1", "MMDEMO_KEPT_PER_HOUR": "1"}


@pytest.fixture(scope="module")
def app(careful: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving.serve(tmp_path_factory.mktemp("app") / "home", **careful, **PROXIED) as server:
        yield server


def from_address(address: str) -> dict[str, dict[str, str]]:
    return {"extra_http_headers": {"X-Forwarded-For": address}}


def test_an_answer_says_that_it_is_not_kept_and_a_dispute_why(visit: Callable[..., Visitor], app: Server) -> None:
    visitor = visit(**from_address("203.0.113.1")).choose(caption="plover").predict().reply(True)
    page = visitor.page
    visitor.choose(caption="curlew").predict()
    assert "It was not kept: of one sender only so many are in an hour." in page.inner_text(".mm-answer")
    assert "not kept" in page.inner_text(".mm-badge") and page.locator("[data-do=forget]").count() == 0
    page.click("[data-do=dispute]")
    page.click("[data-suggest] >> nth=0")
    expect(page.locator(".mm-problem")).to_contain_text("Of one sender no more is kept than 1 in an hour. Try again")
    other = visit(**from_address("203.0.113.2")).choose(caption="dunlin").predict().reply(True)
    assert "Thank you" in other.page.inner_text(".mm-thanks")


def test_a_script_reads_the_same(app: Server) -> None:
    client = Client(app.url, verbose=False, headers={"X-Forwarded-For": "203.0.113.3"})
    first, second = (
        client.predict("sentiment", text=text, keep=True, api_name="/predict") for text in ("whimbrel", "godwit")
    )
    assert first["prediction_id"] and "not_kept_rate" not in first["notes"]
    assert second["prediction_id"] is None and "not_kept_rate" in second["notes"] and second["label"]
    with pytest.raises(AppError, match="no more is kept than 1 in an hour"):
        client.predict("sentiment", text="godwit", label="neutral", api_name="/suggest")
    client.close()
