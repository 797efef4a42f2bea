"""DoubtFlagger: what Gradio hands it, and what then waits for people."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from annotations import DoubtFlagger
from annotations.schema import SampleRow
from annotations.store import Store, samples, tallies
from mmdemo.answers import labels
from mmdemo.errors import BadInput, ManifestError, UnknownName
from mmdemo.settings import ROOT, Settings
from tests import number_kind
from tests.unit.annotations import sentiment

DOUBTFUL = {"label": "positive", "confidences": [{"label": "positive", "confidence": 0.4}]}
SURE = {"label": "positive", "confidences": [{"label": "positive", "confidence": 0.95}]}


@pytest.fixture(autouse=True)
def _own_uploads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))


@pytest.fixture
def flagger(config: Settings) -> DoubtFlagger:
    """A flagger behind an app that takes a picture and a caption."""
    callback = DoubtFlagger("sentiment", "theirs-1", config)
    callback.setup([gr.Image(), gr.Textbox(), gr.Slider(), gr.Label()], "unused")
    yield callback
    callback._store.close()


def uploaded(name: str = "photo.png") -> dict[str, Any]:
    """Return a picture as the browser sends it: uploaded before, named by its path."""
    folder = Path(get_upload_folder()) / "test-flagging"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sentiment.picture(3)).save(folder / name)
    return {"path": str(folder / name), "orig_name": "IMG_Eiffel.png", "meta": {"_type": "gradio.FileData"}}


def rows(store: Store) -> list[SampleRow]:
    with store.reading() as session:
        return list(samples.waiting(session))


def test_a_doubtful_answer_is_queued_with_its_inputs(flagger: DoubtFlagger, store: Store) -> None:
    assert flagger.flag([uploaded(), "so so", 3, DOUBTFUL]) == 1
    [row] = rows(store)
    assert (row.caption, row.predicted_value, row.model_version) == ("so so", "positive", "theirs-1")
    assert row.prediction["probabilities"] == pytest.approx({"negative": 0.3, "neutral": 0.3, "positive": 0.4})
    with Image.open(store.media / row.image) as stored:
        assert (np.asarray(stored.convert("RGB")) == sentiment.picture(3)).all()
    assert "Eiffel" not in str(vars(row))


def test_a_confident_answer_leaves_a_row_alone_and_the_same_input_no_second_one(flagger, store: Store) -> None:
    assert flagger.flag([None, "fine", 3, SURE]) == 0
    assert [flagger.flag([None, "so so", 3, DOUBTFUL]) for _ in range(2)] == [1, 1]
    with store.reading() as session:
        assert tallies.count_by_state(session, "sentiment") == {"unflagged": 1, "queued": 1}
        assert samples.holders(session, rows(store)[0].sample_id) == (1, 1)


def test_an_option_that_is_a_label_is_a_suggestion(flagger: DoubtFlagger, store: Store) -> None:
    flagger.flag([None, "fine", 3, SURE], flag_option="negative")
    flagger.flag([None, "other", 3, SURE], flag_option="something else")
    assert [(row.caption, row.suggested, row.reason) for row in rows(store)] == [("fine", "negative", "disputed")]


def test_a_file_that_was_not_uploaded_is_never_read(flagger: DoubtFlagger, store: Store, tmp_path: Path) -> None:
    Image.fromarray(sentiment.picture(3)).save(tmp_path / "private.png")
    for path in (tmp_path / "private.png", Path(get_upload_folder()) / ".." / "x.png"):
        with pytest.raises(BadInput):
            flagger.flag([{"path": str(path)}, "", 3, DOUBTFUL])
    assert rows(store) == []


def test_answers_that_are_not_the_tasks_are_refused(flagger: DoubtFlagger, store: Store) -> None:
    with pytest.raises(UnknownName, match="negative, neutral, positive"):
        flagger.flag([None, "so so", 3, {"label": "cat", "confidences": [{"label": "cat", "confidence": 0.4}]}])
    with pytest.raises(BadInput):
        flagger.flag([None, " ", 3, DOUBTFUL])
    assert rows(store) == []


def test_a_task_whose_answers_no_label_shows_is_refused(config: Settings) -> None:
    with (
        number_kind.registered(),
        pytest.raises(ManifestError, match='the answers of sentiment are of the kind "number"'),
    ):
        DoubtFlagger(replace(sentiment.TASK, kind="number"), where=config)


def test_an_app_without_a_label_and_an_unknown_task_are_refused(config: Settings) -> None:
    with pytest.raises(ManifestError, match=r"gr\.Label"):
        DoubtFlagger("sentiment", where=config).setup([gr.Textbox()], "")
    with pytest.raises(UnknownName, match="speech_emotion"):
        DoubtFlagger("nosuch", where=config)


def test_a_task_of_ones_own_needs_labels_and_no_encoders(config: Settings, tmp_path: Path, store: Store) -> None:
    path = tmp_path / "pets.toml"
    path.write_text('name = "pets"\ntitle = "Pets"\nlabels = ["cat", "dog"]\nmodalities = ["text"]\nthreshold = 0.7\n')
    flagger = DoubtFlagger(str(path), where=config)
    flagger.setup([gr.Textbox(), gr.Label()], "")
    flagger.flag(["it barks", {"label": "dog", "confidences": [{"label": "dog", "confidence": 0.65}]}])
    assert [(row.task, row.predicted_value) for row in rows(store)] == [("pets", "dog")]
    flagger._store.close()


@pytest.mark.parametrize(
    ("shown", "full"),
    [
        ({"positive": 0.5, "negative": 0.3, "neutral": 0.2}, [0.3, 0.2, 0.5]),
        ({"positive": 0.5}, [0.25, 0.25, 0.5]),
        ({"positive": 3.0, "negative": 1.0}, [0.25, 0.0, 0.75]),
        ({"positive": 0.0, "negative": 0.0, "neutral": 0.0}, [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_shown_confidences_become_probabilities(shown: dict[str, float], full: list[float]) -> None:
    answer, confidence = labels.from_shares(sentiment.TASK, shown)
    assert list(answer.probabilities) == ["negative", "neutral", "positive"]
    assert list(answer.probabilities.values()) == pytest.approx(full)
    assert confidence == pytest.approx(max(full)) == answer.probabilities[answer.label]


def test_the_example_is_short_and_nothing_of_gradio_is_imported_by_the_package() -> None:
    assert len((ROOT / "examples" / "plug_in.py").read_text().splitlines()) <= 30
    program = "import annotations, sys; assert 'gradio' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_an_app_may_answer_none_of_these_where_the_task_does(config: Settings, store: Store) -> None:
    flagger = DoubtFlagger(replace(sentiment.TASK, none_of_these=True), "theirs-1", config)
    flagger.setup([gr.Textbox(), gr.Label()], "unused")
    shown = {"none_of_these": 0.5, "positive": 0.2, "negative": 0.2, "neutral": 0.1}
    confidences = [{"label": label, "confidence": share} for label, share in shown.items()]
    assert flagger.flag(["hm", {"label": "none_of_these", "confidences": confidences}], "none_of_these") == 1
    [row] = rows(store)
    assert (row.predicted_value, row.confidence, row.suggested) == ("none_of_these", 0.5, "none_of_these")
    assert row.doubt == pytest.approx(0.5) and row.prediction["none_of_these"] == 0.5
    assert sum(row.prediction["probabilities"].values()) == pytest.approx(1)
    flagger._store.close()
