"""The desk keeps only what there is room for, and takes no list without end."""

from typing import Any

import pytest

from mmdemo.errors import BadInput, NotKept
from mmdemo.settings import Settings
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.intake import Intake
from tests.unit.mmdemo.ui.fake import ENGLISH, FakeLoop

ONE, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def desk(loop: FakeLoop) -> PredictController:
    return PredictController(loop, Settings())


def begin(desk: PredictController, token: str = ONE, **more: Any) -> None:
    fields = {"audio": None, "keep": True, "like": "", "again": [], **more}
    Intake(desk.services, desk.settings, desk.visits).begin(token, "sentiment", "rain", None, **fields)


def test_where_there_is_no_room_the_answer_goes_out_and_says_that_it_is_not_kept(
    desk: PredictController, loop: FakeLoop
) -> None:
    loop.refused = NotKept("kept_rate", most=120, minutes=3)
    begin(desk, keep=True)
    shown = desk.predict(ONE, ENGLISH)
    assert (shown["state"], shown["kept"], shown["prediction_id"]) == ("done", False, None)
    assert "It was not kept: of one sender only so many are in an hour." in shown["answer"]
    begin(desk, OTHER, keep=None)
    desk.predict(OTHER, ENGLISH)
    with pytest.raises(NotKept, match="no more is kept than 120 in an hour"):
        desk.consent(OTHER, True, ENGLISH)
    with pytest.raises(NotKept):
        desk.dispute(OTHER, "neutral", ENGLISH)
    assert not loop.stored and desk.recall(OTHER, ENGLISH)["state"] == "done"


def test_a_list_without_end_is_refused_before_anything_is_done(desk: PredictController, loop: FakeLoop) -> None:
    with pytest.raises(BadInput, match=r"prediction_ids holds 100,000 entries; at most 200 are taken\."):
        desk.forget(ONE, ["p"] * 100_000, ENGLISH)
    with pytest.raises(BadInput, match="at most 3 are taken"):
        begin(desk, again=["image"] * 4)
    with pytest.raises(BadInput, match="must be a list"):
        desk.forget(ONE, "p-1", ENGLISH)  # type: ignore[arg-type]
    assert not loop.forgotten and desk.visits.get(ONE) is None
