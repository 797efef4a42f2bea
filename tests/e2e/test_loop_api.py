"""Around the loop by the public API and the command line alone, on the tour's task: what was wrong comes out right."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.tour import drawings, first, walk
from annotations.tour.drawings import FILLED, OUTLINE
from annotations.tour.first import TASK, Start
from mmdemo.settings import ROOT
from tests import serving

pytestmark = pytest.mark.timeout(900)  # three processes that import torch, on a machine that may be busy
SENT, FILLED_SENT = 120, 3


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A home whose champion knows filled shapes alone."""
    return first.prepare(tmp_path_factory.mktemp("loop") / "home")


@pytest.fixture(scope="module")
def app(start: Start) -> Iterator[serving.Server]:
    """The real app in that home."""
    with serving.serve(start.home, MMDEMO_TASK_DIR=start.environment["MMDEMO_TASK_DIR"]) as server:
        yield server


def test_what_it_had_wrong_the_same_app_answers_rightly_after_the_night(start: Start, app, tmp_path: Path) -> None:
    client = walk.client_of(app.url)
    drawn = [*first.sheet("sent", SENT, OUTLINE), *first.sheet("sent", FILLED_SENT, FILLED)]
    sent = walk.ask(client, drawn, tmp_path, keep=True)
    wrong = [one for one in sent if not one.right]
    assert len(wrong) >= SENT / 5 and {one.answer["model_version"] for one in sent} == {start.version}
    assert sum(one.answer["flagged"] for one in sent) >= SENT / 4
    walk.dispute(client, sent)

    corrected = walk.correct(client, sent)
    assert corrected >= len(wrong)
    assert client.predict(TASK, 100, api_name="/queue") == []
    counts = client.predict(TASK, api_name="/status")
    assert counts["states"]["labelled"] == corrected == sum(counts["by_label"].values())

    night = walk.retrain(start)
    assert night["verdict"] == "promoted", night
    assert night["champion"] == start.version
    assert night["figures"]["challenger_accuracy"] > night["figures"]["champion_accuracy"]

    again = walk.ask(client, [one.drawing for one in wrong], tmp_path, keep=False)
    assert app.process.poll() is None
    assert {one.answer["model_version"] for one in again} == {night["challenger"]}
    assert walk.right(again) >= 0.8 * len(wrong)  # of 35; processors that round otherwise differ by a few
    shown = client.predict(TASK, api_name="/status")
    assert shown["last_retrain"]["verdict"] == "promoted"
    assert [version["served"] for version in shown["versions"]] == [True, False]


def test_then_there_is_nothing_new_and_rollback_goes_back(start: Start, app, tmp_path: Path) -> None:
    client = walk.client_of(app.url)
    assert walk.retrain(start)["verdict"] == "nothing_new"
    back = json.loads(start.run("-m", "annotations", "rollback", "--task", TASK, "--json"))
    assert back["version"] == start.version
    one = walk.ask(client, first.sheet("fresh", 1, OUTLINE), tmp_path, keep=False)[0]
    assert one.answer["model_version"] == start.version


def test_a_night_that_is_told_to_stop_leaves_nothing_half_done(start: Start) -> None:
    """It runs as a script, as a cron line may call it; new corrections give it something to do."""
    versions = start.home / "versions" / TASK
    before = {path.name for path in versions.iterdir()}, (versions / "champion").read_text()
    _more_corrections(start)
    words = [sys.executable, ROOT / "annotations" / "retrain.py", "--task", TASK]
    night = subprocess.Popen(words, env=start.environment, cwd="/", stderr=subprocess.PIPE, text=True)
    assert night.stderr is not None
    while "learns" not in (line := night.stderr.readline()):
        assert line, "it ended before it began to learn"
    night.terminate()
    assert night.wait(60) == 1
    night.stderr.close()
    assert ({path.name for path in versions.iterdir()}, (versions / "champion").read_text()) == before
    shown = json.loads(start.run("-m", "annotations", "status", "--task", TASK, "--json"))[0]
    assert shown["last_retrain"]["state"] == "failed" and "interrupted" in shown["last_retrain"]["reasons"][0]


def _more_corrections(start: Start) -> None:
    """Import drawings, enough for another comparison: of each it is known with which chance it was drawn elsewhere."""
    manifest = drawings.write(start.home / "imported", drawings.drawings(OUTLINE, SENT, seed=99))
    rows = [json.loads(line) | {"drawn": 0.5} for line in manifest.read_text("utf-8").splitlines()]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    start.run("-m", "annotations", "import", manifest, "--task", TASK)
