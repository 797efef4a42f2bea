"""What models made of samples goes where a sample is erased, whoever erased it; what nobody asks about goes in time."""

from contextlib import closing

from annotations.loop import Loop
from annotations.predictors import REMEMBERED_S, Predictors
from annotations.review_queue import retention
from annotations.store import Store, open_store
from mmdemo.settings import Settings
from mmdemo.values.samples import Inputs
from tests.unit.annotations.sentiment import TASK, RulePredictor

DOUBTFUL = Inputs(text="who knows")


def test_taking_back_lets_go_at_once(loop: Loop, predictors: dict[str, RulePredictor]) -> None:
    answer = loop.predict(TASK.name, DOUBTFUL, "none", True)[0]
    assert 0.0 not in predictors[TASK.name].forgotten
    loop.forget(str(answer.prediction_id))
    assert 0.0 in predictors[TASK.name].forgotten


def test_what_another_process_erased_is_let_go_of_with_the_next_round(
    loop: Loop, store: Store, config: Settings
) -> None:
    answer = loop.predict(TASK.name, DOUBTFUL, "none", True)[0]
    predictor = RulePredictor(TASK, config)
    predictors = Predictors(config, lambda task, settings: predictor)
    predictors.of(TASK)
    predictors.forget_erased(store)
    assert predictor.forgotten == [REMEMBERED_S]
    with closing(open_store(config)) as other:
        retention.erase(other, answer.sample_id)
    for _ in range(2):
        predictors.forget_erased(store)
    assert predictor.forgotten == [REMEMBERED_S, 0.0, REMEMBERED_S]
