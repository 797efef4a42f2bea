"""A closer look at a prediction: its maps fit together, and a what-if is the answer to what is left."""

import gc
import pickle
import weakref
from pathlib import Path

import pytest

from mmdemo import Predictor
from mmdemo.errors import BadInput, UnknownName
from mmdemo.values.analysis import MapRequest
from mmdemo.values.layout import Layout, scores_of
from mmdemo.values.samples import Inputs
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
    explanations = predictor.study(predictor.forward(inputs))
    assert explanations.model_version == "tiny-v1" and explanations.attended is not None
    [layout] = {Layout.of(each) for each in explanations.maps}
    assert len(layout) == explanations.attended.units
    assert explanations.maps[0].target == predictor.predict_inputs(inputs).label


def test_a_map_is_the_same_whatever_was_asked_of_the_pass_before(predictor: Predictor, inputs: Inputs) -> None:
    prediction, looked = predictor.answer(inputs, "default")
    for explanation in predictor.study(looked).maps:
        request = MapRequest(explanation.method, explanation.target, explanation.against)
        after, alone = (predictor.weigh(forward, request) for forward in (looked, predictor.forward(inputs)))
        assert after.trust.verdict == alone.trust.verdict
        assert (*after.trust.map, *after.trust.random) == pytest.approx((*alone.trust.map, *alone.trust.random))
        assert after.contributions.values == pytest.approx(alone.contributions.values)
        if (explanation.target, explanation.against) == (prediction.label, None):
            again = predictor.predict_inputs(inputs, explanation.method).explanation
            assert again is not None and scores_of(again) == pytest.approx(scores_of(explanation), abs=1e-6)


def test_a_what_if_without_nothing_is_the_answer_itself(predictor: Predictor, inputs: Inputs) -> None:
    prediction, forward = predictor.answer(inputs)
    assert predictor.what_if(forward, [], []) == pytest.approx(prediction.probabilities)


def test_a_what_if_without_a_modality_is_the_answer_to_the_others(predictor: Predictor, inputs: Inputs) -> None:
    left = Inputs(image=inputs.image, text=inputs.text)
    shares = predictor.what_if(predictor.forward(inputs), [], ["audio"])
    assert shares == pytest.approx(predictor.predict_inputs(left).probabilities)


def test_a_what_if_without_a_word_is_the_answer_to_the_caption_without_it(predictor: Predictor) -> None:
    shares = predictor.what_if(predictor.forward(Inputs(text="the bad dog")), [1], [])
    assert shares == pytest.approx(predictor.predict_inputs(Inputs(text="the dog")).probabilities)


@pytest.mark.parametrize(("units", "modalities"), [([99], []), ([-1], []), ([], ["text"])])
def test_what_is_not_there_and_everything_cannot_be_left_out(
    predictor: Predictor, units: list[int], modalities: list[str]
) -> None:
    with pytest.raises(BadInput):
        predictor.what_if(predictor.forward(Inputs(text="the dog")), units, modalities)


def test_a_map_is_weighed_for_the_label_that_it_explains(predictor: Predictor, inputs: Inputs) -> None:
    report = predictor.weigh(predictor.forward(inputs), MapRequest("attention", "good"))
    assert report.contributions.target == "good"
    assert set(report.contributions.values) == {"image", "text", "audio"}
    assert report.trust.map[0] == pytest.approx(report.contributions.whole, abs=1e-5)


def test_a_method_that_is_unknown_is_refused(predictor: Predictor, inputs: Inputs) -> None:
    with pytest.raises(UnknownName):
        predictor.weigh(predictor.forward(inputs), MapRequest("guess", "good"))


def test_what_is_looked_at_again_says_the_same_and_is_let_go_with_its_pass(predictor: Predictor) -> None:
    _, forward = predictor.answer(tiny.inputs(), "default")
    again = [predictor.what_if(forward, [1], []) for _ in range(2)]
    assert again[0] == again[1] == predictor.what_if(predictor.forward(tiny.inputs()), [1], [])
    [alone] = predictor.features([forward.inputs]).by_sample
    [same] = predictor.features_of(forward).by_sample
    assert alone.keys() == same.keys() and all((alone[name] == same[name]).all() for name in alone)
    picture = weakref.ref(forward.inputs.image)
    del forward
    gc.collect()
    assert picture() is None


def test_what_is_kept_of_a_pass_is_small_and_holds_nothing_of_the_model(predictor: Predictor, inputs: Inputs) -> None:
    _, forward = predictor.answer(inputs, "default")
    whole = len(pickle.dumps(forward.state))
    assert forward.size <= whole < forward.size + 50_000


def test_a_pass_of_another_version_or_without_attention_is_made_anew(
    predictor: Predictor, inputs: Inputs, tmp_path: Path
) -> None:
    other = Predictor(predictor.task, tiny.version(tmp_path / "other", predictor.task, "other", seed=1))
    lacking = predictor.answer(inputs)[1], other.answer(inputs, "default")[1]
    for forward in lacking:
        study = predictor.study(forward)
        assert study.model_version == "tiny-v1" and study.maps == predictor.study(predictor.forward(inputs)).maps


def test_looking_closer_changes_no_answer(predictor: Predictor, inputs: Inputs, tmp_path: Path) -> None:
    before = predictor.predict_inputs(inputs).probabilities
    predictor.study(predictor.forward(inputs))
    predictor.weigh(predictor.forward(inputs), MapRequest("attention", "bad"))
    assert predictor.predict_inputs(inputs).probabilities == before
