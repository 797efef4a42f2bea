"""The page shows every figure, escapes what strangers wrote, and loads nothing."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.evaluation import ask, compare, figures, report, robustness
from mmdemo.evaluation.report import mistakes
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import ROOT
from mmdemo.training.manifests import Row
from mmdemo.values.results import Beside
from mmdemo.values.samples import Sample
from tests import tiny

VOID = {"meta", "img", "br", "link", "input"}
NASTY = "<script>alert('a dog')</script>"


class Reader(HTMLParser):
    """Collects tags and checks that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def full_report(tmp_path_factory: pytest.TempPathFactory) -> report.Report:
    """A report on eight captions with sounds, one of them nasty."""
    folder = tmp_path_factory.mktemp("report")
    task = tiny.task(folder, ("text", "audio"))
    predictor = Predictor(task, tiny.version(folder / "v1", task, "<v1>"))
    other = Predictor(task, tiny.version(folder / "v2", task, "v2", seed=1))
    texts = [NASTY, *(tiny.inputs(n).text for n in range(7))]
    sounds = [(tiny.inputs(n, seconds=0.5).audio, SAMPLE_RATE_HZ) for n in range(8)]
    rows = [
        Row(str(n), Sample(text=texts[n], audio=sounds[n]), ("good", "bad")[n // 4], f"source {n % 2}")
        for n in range(8)
    ]
    answers, others = ask(predictor, rows), ask(other, rows)
    return report.Report(
        task=task,
        manifest="dev.jsonl",
        figures=figures(answers),
        robustness=robustness.measure(predictor, rows[:2]),
        mistakes=mistakes.worst(answers.whole, task),
        beside=Beside(figures(others), compare(answers, others)),
    )


@pytest.fixture(scope="module")
def page(full_report: report.Report) -> str:
    return report.render(full_report)


@pytest.mark.slow
def test_the_page_holds_together_and_loads_nothing(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    tags = {tag for tag, _ in reader.seen}
    assert tags.isdisjoint({"script", "link", "iframe", "object", "use"})
    loaded = [
        value
        for _, attributes in reader.seen
        for name, value in attributes.items()
        if name in ("src", "href", "srcset")
    ]
    assert loaded and all(value and value.startswith("data:") for value in loaded)
    assert "url(" not in page and "@import" not in page and "http:" not in page and "https:" not in page


@pytest.mark.slow
def test_what_strangers_wrote_shows_as_it_is(page: str, full_report: report.Report) -> None:
    assert "&lt;v1&gt;" in page and "<v1>" not in page
    first = replace(full_report.mistakes[0], text=NASTY, id='"><img src=x>')
    shown = report.render(replace(full_report, mistakes=(first,)))
    assert NASTY not in shown and "&lt;script&gt;" in shown and "<img src=x" not in shown


@pytest.mark.slow
def test_the_page_shows_the_figures(page: str, full_report: report.Report) -> None:
    result = full_report.figures
    for value in (result.accuracy, result.figure("macro_f1"), result.raw.ece, result.ece_floor, result.aurc):
        assert f"{value:.3f}" in page
    for said in ("good", "bad", "source 0", "text+audio", "telephone band", "replaced words", "v2"):
        assert said in page
    assert page.count("<figure") == 3 + 6 + len(full_report.mistakes)


@pytest.mark.slow
def test_a_report_without_mistakes_or_another_version(full_report: report.Report) -> None:
    page = report.render(replace(full_report, mistakes=(), beside=None))
    assert "There are none." in page and "v2" not in page


@pytest.mark.slow
def test_the_figures_are_written_beside_the_page(full_report: report.Report, tmp_path: Path) -> None:
    path = report.write(tmp_path / "report", full_report)
    stored = json.loads((path.parent / report.DATA).read_text("utf-8"))
    assert stored["accuracy"] == full_report.figures.accuracy
    assert stored["robustness"]["clean"]["text"]["n"] == 2
    assert stored["beside"]["compared"]["against"] == "v2"
    assert [error["id"] for error in stored["worst_errors"]] == [mistake.id for mistake in full_report.mistakes]


@pytest.mark.slow
def test_the_worst_errors_are_the_surest_ones(full_report: report.Report) -> None:
    confidences = [mistake.confidence for mistake in full_report.mistakes]
    assert confidences == sorted(confidences, reverse=True)
    assert all(mistake.answer != mistake.label and mistake.audio for mistake in full_report.mistakes)
    assert len(full_report.mistakes) == round((1 - full_report.figures.accuracy) * full_report.figures.n)


def test_the_colours_are_those_of_the_demo() -> None:
    theme = (ROOT / "mmdemo/ui/static/shell/theme.css").read_text("utf-8")
    style = (ROOT / "mmdemo/evaluation/report/report.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--mm-([\w-]+): (#\w+)", block)) for block in theme.split(".dark", 1))
    ours = re.findall(r":root \{(.*?)\}", style, re.S)
    for colours, wanted in zip(ours[:2], (light, dark), strict=True):
        by_name = dict(re.findall(r"--([\w-]+): (#\w+)", colours))
        assert by_name == {name: wanted[name] for name in by_name} and len(by_name) == 9
