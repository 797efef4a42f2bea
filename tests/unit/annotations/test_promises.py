"""How a promise stands: one sentence for each subset of the modalities, for page, command line and scripts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from annotations import __main__ as command_line
from annotations import promises, status
from annotations.store import open_store
from mmdemo import tasks
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.ui.shell import render
from mmdemo.ui.status import status_view
from mmdemo.values.promise import Promise, PromiseOutcome, PromiseRecord, SubsetPromise
from mmdemo.values.review import Status
from mmdemo.versions.registry import Versions
from tests import tiny

PROMISE = Promise(error=0.1, sure=0.95)
RECORD = PromiseRecord(
    PROMISE,
    {
        "image": SubsetPromise(PromiseOutcome.NONE, 400),
        "text": SubsetPromise(PromiseOutcome.TOO_FEW, 12, missing=40),
        "image+text": SubsetPromise(PromiseOutcome.STANDS, 400, threshold=0.78, accepted=300, wrong=12),
    },
    by="template",
)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    path = tiny.write_task(tmp_path / "tasks", ("image", "text"))
    path.write_text(
        path.read_text("utf-8").replace("threshold", "promise = { error = 0.1, sure = 0.95 }\nthreshold"), "utf-8"
    )
    return tasks.load_file(path)


@pytest.fixture
def home(task: Task, tmp_path: Path) -> Settings:
    """A home whose champion was tested."""
    config = Settings(home=tmp_path / "home", task_dir=tmp_path / "tasks")
    tiny.version(Versions(config).folder(task.name, "v1"), task, name="v1", promise=RECORD)
    Versions(config).promote(task.name, "v1")
    return config


def test_each_subset_has_its_own_sentence(home: Settings, task: Task) -> None:
    stands = promises.of(home, task)
    assert stands is not None and not stands.stands and stands.missing == 40
    assert stands.sentence() == (
        "The promise: of the answers that go out unasked at most 10 % are wrong, with 95 % confidence. It speaks of "
        "data like those that v1 was calibrated on, and of each template that is new to it."
    )
    assert list(stands.lines()) == [
        "Picture: no threshold keeps this promise: everything is asked.",
        "Caption: too few labels to promise anything (40 more are needed, each of another template; 12 are there). "
        "Until then the threshold of the task's file serves, 60 %, which promises nothing.",
        "Picture and caption: threshold 78 %. 75 % of 400 samples go out unasked; 12 of these 300 were wrong.",
    ]
    assert next(stands.lines("zh")) == "图片：没有阈值能兑现这一承诺：每个答案都会询问。"


def test_a_promise_stands_where_every_subset_keeps_it(home: Settings, task: Task) -> None:
    stands = promises.of(home, task)
    assert stands is not None
    kept = {**stands.subsets, "text": stands.subsets["image+text"]}
    assert replace(stands, subsets=kept).stands


@pytest.mark.parametrize("promise", [Promise(0.05, 0.95), None])
def test_what_was_tested_for_another_promise_says_nothing_about_this_one(
    home: Settings, task: Task, promise: Promise | None
) -> None:
    stands = promises.of(home, replace(task, promise=promise))
    if promise is None:
        assert stands is None
        return
    assert stands is not None and not stands.stands and set(stands.thresholds.values()) == {task.threshold}
    assert all("nobody tested what this version can promise" in line for line in stands.lines())


def test_a_task_without_a_version_has_nothing_tested(tmp_path: Path, task: Task) -> None:
    stands = promises.of(Settings(home=tmp_path / "empty"), task)
    assert stands is not None and {kept.outcome for kept in stands.subsets.values()} == {PromiseOutcome.UNTESTED}


def test_scripts_read_the_fields_of_the_contract(home: Settings, task: Task, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(home.home))
    monkeypatch.setenv("MMDEMO_TASK_DIR", str(home.task_dir))
    assert command_line.main(["promise", "--task", task.name, "--json"]) == 0
    [entry] = json.loads(capsys.readouterr().out)
    assert (entry["task"], entry["error"], entry["sure"], entry["population"]) == ("tiny", 0.1, 0.95, "shipped")
    assert entry["thresholds"] == {"image": 1.0, "text": 0.6, "image+text": 0.78}
    assert entry["coverage"] == {"image": 0.0, "text": None, "image+text": 0.75}
    assert (entry["stands"], entry["missing"]) == (False, 40) and entry["sentence"].startswith("The promise: ")
    assert command_line.main(["promise", "--task", task.name]) == 0
    assert "  Picture: no threshold keeps this promise: everything is asked." in capsys.readouterr().out


def test_the_status_tab_shows_it(home: Settings, task: Task) -> None:
    store = open_store(home)
    task_status: Status = status.of(store, home, task)
    store.close()
    shown = render.html("status_cards", "en", view=status_view.view(task_status, task, False, "en"))
    assert "What is promised" in shown and "no threshold keeps this promise: everything is asked." in shown
    without = status_view.view(replace(task_status, promise=None), task, False, "en")
    assert "What is promised" not in render.html("status_cards", "en", view=without)
