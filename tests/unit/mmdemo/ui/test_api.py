"""The endpoints as scripts meet them: a real server on loopback, a fake loop behind it, gradio_client before it."""

import json
import math
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from mmdemo.settings import Settings
from mmdemo.ui.callers import uploads
from mmdemo.values.review import ClaimSample
from mmdemo.values.samples import Inputs
from tests.unit.mmdemo.ui.fake_queue import Served
from tests.waiting import wait_until

CONTRACT = {  # endpoint → its parameters, in their order
    "/predict": ["task", "image", "text", "audio", "explain", "keep"],
    "/suggest": ["task", "image", "text", "audio", "label", "prediction_id"],
    "/alike": ["task", "image", "text", "audio", "k"],
    "/forget": ["prediction_id"],
    "/queue": ["task", "limit"],
    "/correct": ["sample_id", "label", "annotator", "note", "wrong_reason"],
    "/skip": ["sample_id", "annotator"],
    "/unsure": ["sample_id", "annotator"],
    "/undo": ["annotator"],
    "/train": ["task"],
    "/status": ["task"],
}
QUEUE_FIELDS = ["sample_id", "task", "label", "confidence", "reason", "state", "created_at", "suggested"]
QUEUE_FIELDS += ["claimed_by", "claimed_until", "capped"]


def refusal(call: Callable[[], Any]) -> str:
    """Return the sentence with which a call is refused."""
    with pytest.raises(AppError) as raised:
        call()
    return raised.value.message


def post(url: str, name: str, *data: Any, **headers: str) -> httpx.Response:
    """Call an endpoint without gradio_client, which looks at files before it sends them."""
    return httpx.post(f"{url}gradio_api/run/{name}", json={"data": data}, headers=headers)


@pytest.mark.slow
def test_every_endpoint_is_listed_with_types_and_a_description(client: Client) -> None:
    listed = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    assert {name: [p["parameter_name"] for p in info["parameters"]] for name, info in listed.items()} == CONTRACT
    assert all(info["description"] for info in listed.values())
    types = {p["parameter_name"]: p["python_type"]["type"] for p in listed["/predict"]["parameters"]}
    assert types["task"] == "str" and types["keep"] == "bool" and "filepath" in types["image"]
    assert "probabilities: dict(str, float)" in listed["/predict"]["returns"][0]["python_type"]["type"]


@pytest.mark.slow
def test_predict_by_position_answers_with_the_fields_of_the_contract(client: Client, served: Served) -> None:
    picture = served.loop.folder / "0.png"
    answer = client.predict(
        "sentiment", handle_file(str(picture)), "A boy smiling", None, "default", True, api_name="/predict"
    )
    assert json.dumps(answer, allow_nan=False)
    assert (answer["label"], answer["confidence"], answer["flagged"], answer["reason"]) == (
        "positive",
        0.93,
        False,
        None,
    )
    assert list(answer["probabilities"]) == ["negative", "neutral", "positive"]
    assert answer["modalities"] == ["image", "text"] and answer["prediction_id"]
    explanation = answer["explanation"]
    assert set(explanation) == {"method", "target", "against", "signed", "image", "text"}  # no sound: no map of it
    assert explanation["image"]["grid"] == [7, 7]
    assert explanation["text"]["tokens"][2] == {"text": "smiling", "start": 6, "end": 13, "score": 9.0}
    _, inputs, explain, keep = served.loop.predicted[-1]
    assert np.array_equal(inputs.image, np.asarray(Image.open(picture))) and (explain, keep) == ("default", True)


@pytest.mark.slow
def test_what_is_alike_is_listed_and_strangers_find_nothing_corrected(
    served: Served, serve_api: Callable[[Settings], Served]
) -> None:
    nearest = served.client().predict("sentiment", None, "rain", None, 5, api_name="/alike")
    assert [(near["id"], near["source"]) for near in nearest] == [("example-0", "examples"), ("s-9", "corrections")]
    fields = {"id", "source", "label", "score", "cosine", "query", "match", "text", "image", "audio"}
    assert set(nearest[0]) == fields and (nearest[0]["query"], nearest[0]["match"]) == ("text", "image")
    assert served.loop.sought[-1][1:] == (Inputs(text="rain"), 5, True)
    keyed = serve_api(Settings(review_key="sesame"))
    for headers, reviewer in (({}, False), ({"X-Review-Key": "guess"}, False), ({"X-Review-Key": "sesame"}, True)):
        nearest = keyed.client(headers=headers).predict("sentiment", text="rain", api_name="/alike")
        assert ("corrections" in {near["source"] for near in nearest}) == reviewer
    assert keyed.loop.sought[-1][2] == 10
    abroad = serve_api(Settings(server_name="0.0.0.0"))
    nearest = abroad.client().predict("sentiment", text="rain", api_name="/alike")
    assert {near["source"] for near in nearest} == {"examples"}


@pytest.mark.slow
def test_predict_by_name_keeps_nothing_unless_asked(client: Client, served: Served) -> None:
    answer = client.predict(task="sentiment", text="smiling", api_name="/predict")
    assert answer["prediction_id"] is None
    _, inputs, explain, keep = served.loop.predicted[-1]
    assert (inputs.image, explain, keep) == (None, "default", False)


@pytest.mark.slow
def test_the_upload_is_gone_after_the_call_but_not_under_another_callers_hands(
    serve_api: Callable[..., Served],
) -> None:
    served = serve_api(Settings(), uploads.Discards(0.3))
    client, uploaded = served.client(), handle_file(str(served.loop.folder / "0.png"))
    for _ in range(3):  # the same file, so the same path on the server
        client.predict("sentiment", uploaded, "", None, "none", False, api_name="/predict")
    paths = list(uploads.folder().rglob("0.png"))
    assert len(paths) == 1
    assert wait_until(lambda: not paths[0].parent.exists())


def test_one_thread_waits_for_all_uploads_that_go(tmp_path: Path) -> None:
    discards = uploads.Discards(0.2)
    before, files = threading.active_count(), [tmp_path / f"{number}.png" for number in range(50)]
    for path in files:
        path.write_bytes(b"x")
        discards.add(path)
    assert threading.active_count() <= before + 1
    assert wait_until(lambda: not any(path.exists() for path in files))


class Listener(BaseHTTPRequestHandler):
    """A server inside the house that nobody may be made to call."""

    def do_GET(self) -> None:
        self.server.called = True  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../etc/passwd", "file:///etc/passwd", "//host/x.png", "x" * 5000, "\0"]
)
def test_a_path_that_was_not_uploaded_is_refused(served: Served, path: str) -> None:
    answer = post(
        served.url, "predict", "sentiment", {"path": path, "meta": {"_type": "gradio.FileData"}}, "", None, "", False
    )
    assert answer.json()["error"].startswith("A file must be uploaded to this page")
    plain = post(served.url, "predict", "sentiment", path, "", None, "", False)
    assert plain.json()["error"].startswith("The image must be an uploaded file")


def test_no_address_is_fetched(served: Served) -> None:
    inside = HTTPServer(("127.0.0.1", 0), Listener)
    inside.called = False  # type: ignore[attr-defined]
    threading.Thread(target=inside.serve_forever, daemon=True).start()
    url, before = served.url, len(served.loop.predicted)
    for field in ("path", "url"):
        file = {
            "path": "x.png",
            field: f"http://127.0.0.1:{inside.server_port}/x.png",
            "meta": {"_type": "gradio.FileData"},
        }
        answer = post(url, "predict", "sentiment", None, "", file, "", False)
        assert answer.json()["error"].startswith("A file must be uploaded to this page")
    inside.shutdown()
    inside.server_close()
    assert not inside.called and len(served.loop.predicted) == before  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        (
            "/predict",
            {"task": "nope", "text": "x"},
            'There is no task named "nope"; known tasks: sentiment, speech_emotion, spoken_digits.',
        ),
        ("/predict", {"task": "sentiment", "text": "x", "keep": "false"}, "keep must be true/false, not false."),
        ("/predict", {"task": "sentiment", "text": 5}, "text must be text, not 5."),
        ("/suggest", {"task": "sentiment", "text": "x", "label": "sad"}, '"sad" is not a label of sentiment;'),
        ("/alike", {"task": "sentiment", "text": "x", "k": 51}, "k must be a whole number from 1 to 50, not 51."),
        ("/alike", {"task": "sentiment", "text": "x", "k": 0}, "k must be a whole number from 1 to 50, not 0."),
        ("/alike", {"task": "nope", "text": "x"}, 'There is no task named "nope"'),
        ("/queue", {"limit": 0}, "limit must be a whole number from 1 to 500, not 0."),
        ("/queue", {"limit": math.pi}, "limit must be a whole number from 1 to 500, not 3.14"),
        ("/queue", {"task": "nope"}, 'There is no task named "nope"'),
        ("/correct", {"sample_id": "x", "label": "positive", "annotator": "Ann"}, "There is no sample x."),
        ("/status", {"task": ""}, 'There is no task named ""'),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(
    client: Client, served: Served, name: str, arguments: dict[str, Any], sentence: str
) -> None:
    assert refusal(lambda: client.predict(**arguments, api_name=name)).startswith(sentence)
    assert not served.loop.corrections and "sad" not in [label for _, _, label, _ in served.loop.suggested]


@pytest.mark.parametrize("odd", [r"\ud800", r"\u0000"])
def test_half_a_character_is_refused_in_a_sentence_that_can_be_sent(served: Served, odd: str) -> None:
    for name, arguments in (("status", [odd]), ("correct", [odd, "positive", "Ann", "", False])):
        body = json.dumps({"data": arguments}).replace("\\\\", "\\")
        answer = httpx.post(
            f"{served.url}gradio_api/run/{name}", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.json()["error"].startswith("There is no ") and "\ufffd" in answer.json()["error"]


def test_a_refusal_comes_in_the_language_that_is_asked_for(served: Served) -> None:
    answer = post(served.url, "status", "nope", **{"Accept-Language": "zh-CN,zh;q=0.9"})
    assert answer.json()["error"] == "没有名为“nope”的任务；现有任务：sentiment, speech_emotion, spoken_digits。"


def test_a_caller_that_knows_nothing_of_a_later_argument_still_calls(served: Served) -> None:
    first = next(iter(served.loop.items))
    correction = post(served.url, "correct", first, "negative", "Ann", "").json()["data"][0]
    assert (correction["label"], correction["wrong_reason"]) == ("negative", False)


@pytest.mark.slow
def test_a_sample_that_somebody_is_at_is_listed_with_their_name_and_can_be_corrected(
    serve_api: Callable[[Settings], Served],
) -> None:
    served = serve_api(Settings())
    client = served.client()
    first, second = [row["sample_id"] for row in client.predict(api_name="/queue")][:2]
    served.loop.claim(ClaimSample("Ann", "a" * 32, first))
    rows = {row["sample_id"]: row for row in client.predict(api_name="/queue")}
    assert (rows[first]["claimed_by"], rows[second]["claimed_by"]) == ("Ann", None) and rows[first]["claimed_until"]
    assert client.predict(first, "negative", "Bob", "", api_name="/correct")["annotator"] == "Bob"


@pytest.mark.slow
def test_an_unexpected_fault_tells_nothing_of_our_insides(
    serve_api: Callable[[Settings], Served], caplog: pytest.LogCaptureFixture
) -> None:
    served = serve_api(Settings())
    served.loop.corrections = None
    answer = post(served.url, "status", "sentiment")
    assert answer.json()["error"] == "Something went wrong here; it has been noted. Please try again."
    assert "TypeError" in caplog.text


def test_a_call_with_too_few_values_reads_which_are_missing_and_leaves_nothing_in_the_log(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    answer = post(served.url, "correct", "zanzibar-quokka")
    said = "The call leaves out label, annotator. Send these values, in this order: sample_id, label, annotator, note"
    assert answer.json()["error"].startswith(said)
    answer = post(served.url, "predict", "sentiment", None, "zanzibar-quokka")  # the others have defaults
    assert "error" not in answer.json()
    assert caplog.text == ""


@pytest.mark.slow
def test_a_reviewer_goes_through_the_queue(serve_api: Callable[[Settings], Served]) -> None:
    served = serve_api(Settings())
    client = served.client()
    rows = client.predict(task="sentiment", api_name="/queue")
    assert [list(row) for row in rows] == [QUEUE_FIELDS] * 4 and rows[0]["confidence"] == 0.48
    assert len(client.predict(api_name="/queue")) == 5 and len(client.predict("", 2, api_name="/queue")) == 2
    first, second, third = (row["sample_id"] for row in rows[:3])
    correction = client.predict(first, "neutral", "Ann", "why not", api_name="/correct")
    assert (correction["label"], correction["predicted_label"], correction["note"]) == (
        "neutral",
        "negative",
        "why not",
    )
    assert client.predict(second, "Ann", api_name="/skip") == {"sample_id": second, "state": "skipped"}
    assert client.predict(third, "Ann", api_name="/unsure") == {"sample_id": third, "state": "unsure"}
    assert client.predict("Ann", api_name="/undo") == {"sample_id": third, "state": "queued"}
    assert client.predict("Nobody", api_name="/undo") == {"sample_id": None, "state": None}
    sentence = refusal(lambda: client.predict(third, "neutral", "Ann", "", True, api_name="/correct"))
    assert 'the model said "negative", not "neutral"' in sentence
    status = client.predict("sentiment", api_name="/status")
    assert status["states"] == {"labelled": 1, "skipped": 1, "queued": 2} and status["by_annotator"] == {"Ann": 1}
    assert client.predict(third, "negative", "Ann", "", True, api_name="/correct")["wrong_reason"] is True
    assert client.predict("sentiment", api_name="/status")["wrong_reason"] == 1
    assert client.predict("sentiment", api_name="/train") == "Training of sentiment has started."
    again = refusal(lambda: client.predict("sentiment", api_name="/train"))
    assert "already at work" in again and str(served.loop.folder) not in again


@pytest.mark.slow
@pytest.mark.parametrize("settings", [Settings(review_key="sesame"), Settings(server_name="0.0.0.0")])
def test_strangers_get_nothing_of_the_queue(serve_api: Callable[[Settings], Served], settings: Settings) -> None:
    served = serve_api(settings)
    known = next(iter(served.loop.items))
    calls = {
        "queue": ("", 5),
        "correct": (known, "positive", "Ann", ""),
        "skip": (known, "Ann"),
        "unsure": (known, "Ann"),
        "undo": ("Ann",),
        "train": ("sentiment",),
    }
    for name, arguments in calls.items():
        answer = post(served.url, name, *arguments)
        assert "review key" in answer.json()["error"] and known not in answer.text
    assert not served.loop.moves and not served.loop.trained
    status = post(served.url, "status", "sentiment").json()["data"][0]
    assert status["states"] == {"queued": 4, "sent": 0} and not status["by_label"] and status["versions"]


@pytest.mark.slow
def test_the_key_comes_as_a_header(serve_api: Callable[[Settings], Served]) -> None:
    served = serve_api(Settings(review_key="sesame"))
    assert len(served.client(headers={"X-Review-Key": "sesame"}).predict(api_name="/queue")) == 5
    stranger = served.client(headers={"X-Review-Key": "guess"})
    assert refusal(lambda: stranger.predict(api_name="/queue")).startswith("That is not the review key")


@pytest.mark.slow
def test_a_visitor_takes_back_what_was_sent(client: Client, served: Served) -> None:
    assert client.predict("p-1", api_name="/forget") is True
    assert served.loop.forgotten[-1] == "p-1"
    sent = client.predict(task="sentiment", text="smiling", label="negative", api_name="/suggest")
    assert sent == "s-1" and served.loop.suggested[-1][2:] == ("negative", None)
    client.predict("sentiment", None, "smiling", None, "negative", "p-7", api_name="/suggest")
    assert served.loop.suggested[-1][2:] == ("negative", "p-7")


@pytest.mark.slow
def test_file_names_never_matter(client: Client, served: Served, tmp_path: Path) -> None:
    odd = tmp_path / "..%2f..%2fetc <b>&;$(id).png"
    odd.write_bytes((served.loop.folder / "0.png").read_bytes())
    client.predict("sentiment", handle_file(str(odd)), "", None, "none", False, api_name="/predict")
    assert served.loop.predicted[-1][1].modalities == ("image",)
