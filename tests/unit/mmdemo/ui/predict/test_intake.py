"""What is taken in is read once, where it keeps nobody from an answer, and nothing of it comes back once it is gone."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio import Blocks

from mmdemo import decode
from mmdemo.errors import BadInput
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.ui import page
from mmdemo.ui.predict import intake
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.intake import Intake
from mmdemo.ui.predict.visits import Visit
from mmdemo.ui.queueing import turns
from mmdemo.values.samples import Medium, Sample
from tests.unit.mmdemo.ui.fake import ENGLISH, FakeLoop

ONE, OTHER, THIRD = (digit * 32 for digit in "abc")


@pytest.fixture
def taking(desk: PredictController) -> Intake:
    return Intake(desk.services, desk.settings, desk.visits)


def visit_of(desk: PredictController, token: str = ONE) -> Visit:
    visit = desk.visits.get(token)
    assert visit is not None
    return visit


def test_a_sample_is_read_when_it_is_taken_in_and_the_model_is_asked_about_the_same_arrays(
    desk: PredictController, taking: Intake, loop: FakeLoop, picture: Any
) -> None:
    content = Path(picture["path"]).read_bytes()
    taking.begin(ONE, "sentiment", "rain", picture, None, None, "", [])
    visit = visit_of(desk)
    assert visit.inputs is not None and isinstance(visit.sample.image, Medium)
    assert visit.inputs.image is visit.sample.image.array  # held once
    direct = decode.decode(Sample(image=content, text="rain"), loop.tasks["sentiment"])
    assert np.array_equal(visit.inputs.image, direct.image) and visit.inputs.original == direct.original
    desk.predict(ONE, ENGLISH)
    assert loop.predicted[0][1] is visit.inputs
    desk.consent(ONE, True, ENGLISH)
    assert loop.stored[0][0] is visit.inputs


def test_a_file_that_cannot_be_read_is_refused_where_the_answer_would_stand(
    desk: PredictController, taking: Intake, loop: FakeLoop, picture: Any
) -> None:
    Path(picture["path"]).write_bytes(b"no picture")
    assert taking.begin(ONE, "sentiment", "rain", picture, None, None, "", [])
    shown = desk.predict(ONE, ENGLISH)
    assert shown["state"] == "refused" and shown == desk.recall(ONE, ENGLISH) and not loop.predicted


def test_a_picture_that_is_meant_again_is_not_read_again_and_a_picture_that_is_gone_is_not_left_out_in_silence(
    desk: PredictController, taking: Intake, picture: Any
) -> None:
    taking.begin(ONE, "sentiment", "rain", picture, None, None, "", [])
    too_long = "x" * 6_000
    taking.begin(OTHER, "sentiment", too_long, None, None, None, ONE, ["image"])  # refused, with its picture
    taking.begin(THIRD, "sentiment", "rain again", None, None, None, OTHER, ["image"])
    first, third = visit_of(desk).inputs, visit_of(desk, THIRD).inputs
    assert first is not None and third is not None and third.image is first.image
    assert third.original not in ("", first.original)  # another caption, and the same file
    desk.forget(ONE, [], ENGLISH)
    for task, like in (("sentiment", "d" * 32), ("sentiment", ONE), ("speech_emotion", THIRD)):
        with pytest.raises(BadInput) as refusal:
            taking.begin("e" * 32, task, "rain", None, None, None, like, ["image"])
        assert refusal.value.key == "visit_gone"
    assert desk.visits.get("e" * 32) is None


@pytest.mark.parametrize("act", ["forget", "clear", "cancel"])
def test_nothing_comes_back_of_what_goes_while_it_is_read(desk: PredictController, loop: FakeLoop, act: str) -> None:
    sample = Sample(text="rain on my secret")
    desk.visits.begin(ONE, Visit("sentiment", sample, None))

    def read_slowly(sample: Sample, task: Task) -> Sample:
        {"forget": lambda: desk.forget(ONE, [], ENGLISH), "clear": lambda: desk.clear(ONE)}.get(
            act, lambda: desk.cancel(ONE)
        )()
        return decode.read(sample, task)

    with pytest.raises(BadInput) as refusal:
        intake.read(desk.visits, ONE, loop.tasks["sentiment"], read_slowly)
    assert refusal.value.key == "visit_gone" and "secret" not in repr(desk.visits.get(ONE))


def test_who_asks_before_the_sample_is_read_is_answered_all_the_same(desk: PredictController, loop: FakeLoop) -> None:
    desk.visits.begin(ONE, Visit("sentiment", Sample(text="rain"), None))
    assert desk.recall(ONE, ENGLISH) == {"state": "waiting"}
    assert desk.predict(ONE, ENGLISH)["state"] == "done" and len(loop.predicted) == 1


def test_what_reads_files_has_turns_of_its_own(loop: FakeLoop) -> None:
    async def build() -> Blocks:  # outside of a running event loop Gradio makes loops that it never closes
        return page.build(loop, Settings())

    built = asyncio.run(build())
    reading = {fn.api_name for fn in built.fns.values() if fn.concurrency_id == turns.READING}
    assert reading == {"page_begin", "page_begin_example", "models_turned"}
