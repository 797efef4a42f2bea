"""A closer look at a prediction: its maps fit together, and a what-if is the answer to what is left."""

import gc
import weakref
from pathlib import Path

import pytest

from mmdemo import Predictor
from mmdemo.errors import BadInput, UnknownName
from mmdemo.explain import deletion
from mmdemo.samples import Inputs
from mmdemo.study import Asked
from tests import tiny


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("closer")
    task = tiny.task(folder)
    return Predictor(task, tiny.version(folder / "v", task))


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return tiny.inputs()


def test_every_map_and_what_met_what_count_the_same_units(predictor: Predictor, inputs: Inputs) -> None:
    found = predictor.study(inputs)
    assert found.model_version == "tiny-v1" and found.attended is not None
    assert {len(deletion.units(each)) for each in found.maps} == {found.attended.units}
    assert found.maps[0].target == predictor.predict_inputs(inputs).label


def test_a_what_if_without_nothing_is_the_answer_itself(predictor: Predictor, inputs: Inputs) -> None:
    assert predictor.what_if(inputs, [], []) == pytest.approx(predictor.predict_inputs(inputs).probabilities)


def test_a_what_if_without_a_modality_is_the_answer_to_the_others(predictor: Predictor, inputs: Inputs) -> None:
    left = Inputs(image=inputs.image, text=inputs.text)
    assert predictor.what_if(inputs, [], ["audio"]) == pytest.approx(predictor.predict_inputs(left).probabilities)


def test_a_what_if_without_a_word_is_the_answer_to_the_caption_without_it(predictor: Predictor) -> None:
    found = predictor.what_if(Inputs(text="the bad dog"), [1], [])
    assert found == pytest.approx(predictor.predict_inputs(Inputs(text="the dog")).probabilities)


@pytest.mark.parametrize(("units", "modalities"), [([99], []), ([-1], []), ([], ["text"])])
def test_what_is_not_there_and_everything_cannot_be_left_out(
    predictor: Predictor, units: list[int], modalities: list[str]
) -> None:
    with pytest.raises(BadInput):
        predictor.what_if(Inputs(text="the dog"), units, modalities)


def test_a_map_is_weighed_for_the_label_that_it_explains(predictor: Predictor, inputs: Inputs) -> None:
    found = predictor.weigh(inputs, Asked("attention", "good"))
    assert found.contributions.target == "good"
    assert set(found.contributions.values) == {"image", "text", "audio"}
    assert found.trust.map[0] == pytest.approx(found.contributions.whole, abs=1e-5)


def test_a_method_that_is_unknown_is_refused(predictor: Predictor, inputs: Inputs) -> None:
    with pytest.raises(UnknownName):
        predictor.weigh(inputs, Asked("guess", "good"))


def test_what_is_looked_at_again_says_the_same_and_is_let_go_with_its_inputs(predictor: Predictor) -> None:
    mine = tiny.inputs()
    again = [predictor.what_if(mine, [1], []) for _ in range(2)]
    assert again[0] == again[1] == predictor.what_if(tiny.inputs(), [1], [])
    picture = weakref.ref(mine.image)
    del mine
    gc.collect()
    assert picture() is None


def test_looking_closer_changes_no_answer(predictor: Predictor, inputs: Inputs, tmp_path: Path) -> None:
    before = predictor.predict_inputs(inputs).probabilities
    predictor.study(inputs)
    predictor.weigh(inputs, Asked("attention", "bad"))
    assert predictor.predict_inputs(inputs).probabilities == before
