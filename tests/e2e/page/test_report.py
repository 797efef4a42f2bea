"""The report of an evaluation in a real browser: wide, on a phone, in the dark; it asks for nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from mmdemo.evaluation import ask, figures, report, robustness
from mmdemo.evaluation.report import mistakes
from mmdemo.prediction.predictor import Predictor
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Sample
from tests import tiny


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an untrained version, with a sound among its worst errors."""
    folder = tmp_path_factory.mktemp("report")
    task = tiny.task(folder, ("text", "audio"), labels=("bad", "a label with a rather long name"))
    predictor = Predictor(task, tiny.version(folder / "v1", task))
    inputs = [tiny.inputs(n) for n in range(6)]
    rows = [
        Row(str(n), Sample(text=one.text, audio=(one.audio, 16_000)), task.label_names[n % 2], "here")
        for n, one in enumerate(inputs)
    ]
    answers = ask(predictor, rows)
    result, damaged = figures(answers), robustness.measure(predictor, rows[:2])
    return report.write(folder, report.Report(task, "dev.jsonl", result, damaged, mistakes.worst(answers.whole, task)))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_asks_for_nothing(new_page: Callable[..., Page], path: Path, width: int, scheme: str) -> None:
    page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()] and said == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(22, 21, 19)") == (scheme == "dark")


def test_a_sound_can_be_heard(new_page: Callable[..., Page], path: Path) -> None:
    page = new_page()
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    assert page.evaluate("document.querySelector('audio').duration") == pytest.approx(1.0, abs=0.05)
