"""A task of all three modalities that its file alone describes: typed, recorded, or both. The model is untrained."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from mmdemo import tasks
from mmdemo.errors import BadInput
from mmdemo.settings import ROOT, Settings
from mmdemo.training.data import Manifests
from mmdemo.training.jobs import TrainingJob
from mmdemo.training.options import options
from mmdemo.training.run import train
from mmdemo.versions.registry import Versions
from tests import serving
from tests.e2e.page.conftest import Visitor
from tests.serving import Server

TASK = tasks.load_file(ROOT / "examples" / "scenes" / "scenes.toml")
FORM = '.mm-form[data-task="scenes"]'
TYPED, SPOKEN, BOTH = (
    next(number for number, example in enumerate(TASK.examples) if (bool(example.text), bool(example.audio)) == has)
    for has in ((True, False), (False, True), (True, True))
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app with the task's folder set, and one step of training on the task's examples in its home."""
    root = tmp_path_factory.mktemp("scenes")
    versions = Versions(Settings(home=root / "home"))
    job = TrainingJob.of(TASK, options(TASK, epochs=1))
    train(job, Manifests(as_manifest(root)), versions.folder(TASK.name, "first"))
    versions.promote(TASK.name, "first")
    with serving.serve(root / "home", MMDEMO_TASK_DIR=str(ROOT / "examples" / "scenes")) as server:
        yield server


def as_manifest(folder: Path) -> Path:
    """Write the task's examples as a manifest, twice each, and return it: words are learned that stand there twice."""
    lines = [
        {"id": f"{number}-{turn}", "image": str(e.image), "text": e.text, "label": e.expected}
        | ({"audio": str(e.audio)} if e.audio else {})
        for number, e in enumerate(TASK.examples)
        for turn in range(2)
    ]
    path = folder / "examples.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


@pytest.fixture
def visit(scenes: Server, new_page: Callable[..., Page]) -> Callable[..., Visitor]:
    """Open the page with the task chosen."""
    return lambda **options: Visitor(new_page(**options), f"{scenes.url}/?task={TASK.name}").open()


def test_the_form_has_all_three_and_its_title_in_both_languages(visit: Callable[..., Visitor]) -> None:
    for locale, language in (("en-US", "en"), ("zh-CN", "zh")):
        page = visit(locale=locale).page
        assert page.inner_text(".mm-tasks [aria-checked=true]") == TASK.display_title(language)
        wells = page.locator(f"{FORM} .mm-drop").evaluate_all("wells => wells.map(well => well.dataset.kind)")
        assert (wells, page.locator(f"{FORM} textarea").count()) == (["image", "audio"], 1)
        assert page.locator(".mm-examples:not([hidden]) [data-example]").count() == len(TASK.examples)


@pytest.mark.parametrize(
    ("number", "said", "maps"),
    [
        (TYPED, "from the picture and caption alone", ("picture-map", "words")),
        (SPOKEN, "from the picture and sound alone", ("picture-map", "sound-map")),
        (BOTH, "from picture, caption and sound", ("picture-map", "words", "sound-map")),
    ],
)
def test_an_example_of_each_kind_is_answered_from_what_it_has(
    visit: Callable[..., Visitor], number: int, said: str, maps: tuple[str, ...]
) -> None:
    page = visit().example(number).page
    assert page.locator(".mm-bar").count() == len(TASK.labels)
    assert said in page.inner_text(".mm-facts")
    shown = [name for name in ("picture-map", "words", "sound-map") if page.locator(f".mm-{name}").count()]
    assert tuple(shown) == maps


def test_a_picture_is_chosen_a_question_typed_and_a_word_recorded(visit: Callable[..., Visitor]) -> None:
    visitor = visit(permissions=["microphone"])
    page = visitor.page
    page.set_input_files(f"{FORM} [data-kind=image] input[type=file]", TASK.examples[BOTH].image)
    page.fill(f"{FORM} textarea", "What colour is the star?")
    assert visitor.predict().answer in {TASK.display(label) for label in TASK.label_names}
    page.click(f"{FORM} [data-do=record]")
    page.wait_for_function(f"parseFloat(document.querySelector('{FORM} .mm-clock').textContent) > 0.5")
    page.click(f"{FORM} [data-kind=audio] [data-do=snap]")
    page.wait_for_selector(f"{FORM} .mm-chosen audio")
    visitor.predict()  # Chromium's false microphone beeps, which is no speech
    assert visitor.problem == BadInput("no_speech").sentence() or "sound" in page.inner_text(".mm-facts")
