"""Requests that wait share a batch; each is answered as alone, and a refusal or an error is its caller's only."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdemo import Predictor, Sample
from mmdemo.decode import decode
from mmdemo.errors import BadInput
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.prediction.lanes import MOST_TOGETHER, Answer, AnswerLanes, BatchPredictor
from mmdemo.settings import Settings
from mmdemo.values.samples import Inputs, Prediction
from mmdemo.versions.registry import Versions
from tests import tiny
from tests.unit.mmdemo.prediction.test_batches import SHIPPED, assert_alike, mixed
from tests.waiting import wait_until

WAIT_S = 60
HELD = Inputs(text="held")


@dataclass
class Recorder:
    """A predictor that notes what it is asked, and answers with the caption that it was asked about."""

    prepared: list[list[str | None]] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    answered: list[str | None] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def prepare(self, samples: Sequence[Inputs], threads: int) -> None:
        """Note the batch; HELD waits for the gate."""
        self.prepared.append([sample.text for sample in samples])
        self.threads.append(threads)
        if samples[0] is HELD:
            assert self.gate.wait(WAIT_S)
        if any(sample.text == "breaks the batch" for sample in samples):
            raise RuntimeError("of one of them")

    def answer(self, inputs: Inputs, explain: str = "none") -> Answer:
        """Answer, or refuse."""
        self.answered.append(inputs.text)
        if inputs.text == "refused":
            raise BadInput("no_speech")
        if inputs.text == "breaks":
            raise MemoryError
        return inputs.text, explain  # type: ignore[return-value]


@contextmanager
def held(lanes: AnswerLanes, holder: Recorder, pool: ThreadPoolExecutor) -> Iterator[None]:
    """Keep the only lane at work while the block lasts."""
    first = pool.submit(lanes.answer, holder, HELD, "none")
    wait_until(lambda: lanes._busy == 1, WAIT_S)
    yield
    holder.gate.set()
    first.result()


def waited(
    predictor: BatchPredictor, asked: Sequence[tuple[Inputs, str]], holder: Recorder | None = None
) -> list[Future[Answer]]:
    """Return what comes of requests that all wait for one lane, which `holder` keeps at work."""
    holder = holder or Recorder()
    with closing(AnswerLanes(1, 2)) as lanes, ThreadPoolExecutor(len(asked) + 1) as pool:
        with held(lanes, holder, pool):
            requests = []
            for place, (inputs, explain) in enumerate(asked, 1):
                requests.append(pool.submit(lanes.answer, predictor, inputs, explain))
                wait_until(lambda place=place: len(lanes._waiting) == place, WAIT_S)  # type: ignore[misc]
        return requests


def together(predictor: Recorder, asked: Sequence[tuple[Inputs, str]]) -> list[Future[Answer]]:
    """Do as `waited`, where the lane is held by the same predictor."""
    return waited(predictor, asked, predictor)


def captions(*texts: str) -> list[tuple[Inputs, str]]:
    return [(Inputs(text=text), "none") for text in texts]


def test_who_waits_shares_a_batch_and_reads_its_own_answer() -> None:
    predictor, texts = Recorder(), [f"caption {number}" for number in range(2 * MOST_TOGETHER + 1)]
    requests = together(predictor, captions(*texts))
    assert [request.result()[0] for request in requests] == texts
    batches = [texts[:MOST_TOGETHER], texts[MOST_TOGETHER:-1], texts[-1:]]
    assert predictor.prepared == [["held"], *batches]


def test_who_comes_alone_is_asked_about_alone_by_all_threads() -> None:
    predictor = Recorder()
    with closing(AnswerLanes(2, 4)) as lanes:
        assert [lanes.answer(predictor, Inputs(text=text), "none")[0] for text in "abc"] == ["a", "b", "c"]
    assert predictor.prepared == [["a"], ["b"], ["c"]] and predictor.threads == [4, 4, 4]


@pytest.mark.parametrize("words, threads", [("1", 1), ("3,2", 3), ("", None), ("many", None)])
def test_threads_are_as_openmp_is_told(words: str, threads: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", words)
    predictor = Recorder()
    with closing(AnswerLanes()) as lanes:
        lanes.answer(predictor, Inputs(text="a"), "none")
    assert predictor.threads == [threads or len(os.sched_getaffinity(0))]


def test_a_refusal_or_an_error_is_its_callers_only() -> None:
    requests = together(Recorder(), captions("a", "refused", "breaks", "b"))
    errors = [type(request.exception()) for request in requests]
    assert errors == [type(None), BadInput, MemoryError, type(None)]
    assert [requests[place].result()[0] for place in (0, 3)] == ["a", "b"]


def test_what_breaks_the_batch_breaks_nobodys_answer() -> None:
    requests = together(Recorder(), captions("a", "breaks the batch", "b"))
    assert [request.result()[0] for request in requests] == ["a", "breaks the batch", "b"]


def test_answers_go_before_maps() -> None:
    predictor = Recorder()
    together(predictor, [(Inputs(text="map"), "default"), (Inputs(text="answer"), "none")])
    assert predictor.prepared[1] == ["map", "answer"] and predictor.answered[1:] == ["answer", "map"]


def test_only_those_that_are_alike_go_together() -> None:
    def sound(seconds: float, text: str) -> tuple[Inputs, str]:
        return Inputs(text=text, audio=np.zeros(int(16_000 * seconds), np.float32)), "none"

    predictor = Recorder()
    together(predictor, [sound(1, "short"), *captions("no sound"), sound(20, "long"), sound(1.4, "short too")])
    assert predictor.prepared[1:] == [["short", "short too"], ["no sound"], ["long"]]


def test_free_lanes_have_their_share() -> None:
    predictor, others = Recorder(), Recorder()
    with closing(AnswerLanes(2, 2)) as lanes, ThreadPoolExecutor(4) as pool, held(lanes, predictor, pool):
        for text in "ab":
            assert lanes.answer(others, Inputs(text=text), "none")[0] == text
        assert others.prepared == [["a"], ["b"]] and others.threads == [1, 1]


def test_closing_answers_what_waits_and_whoever_comes_later() -> None:
    predictor, lanes = Recorder(), AnswerLanes(1, 1)
    with ThreadPoolExecutor(3) as pool:
        with held(lanes, predictor, pool):
            request = pool.submit(lanes.answer, predictor, Inputs(text="waits"), "none")
            wait_until(lambda: len(lanes._waiting) == 1, WAIT_S)
            closed = pool.submit(lanes.close)
        closed.result()
        assert request.result()[0] == "waits"
    assert lanes.answer(predictor, Inputs(text="late"), "none")[0] == "late"


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Leave torch as many threads as it had."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def answers(predictor: Predictor, samples: Sequence[Inputs], explain: str) -> list[Answer]:
    """Return what comes of samples that waited together."""
    requests = waited(predictor, [(inputs, explain) for inputs in samples])
    return [request.result() for request in requests]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    task = tiny.task(tmp_path_factory.mktemp("task"))
    return Predictor(task, tiny.version(tmp_path_factory.mktemp("version") / "v1", task))


@pytest.mark.parametrize("explain", ["none", "default"])
def test_answers_and_maps_are_those_of_samples_alone(predictor: Predictor, explain: str) -> None:
    samples = mixed()
    predictor.forget()
    with tiny.passes(ModalityEncoder) as passes:
        outcomes = answers(predictor, samples, explain)
    assert explain != "none" or len(passes) < sum(len(sample.modalities) for sample in samples)
    for outcome, inputs in zip(outcomes, samples, strict=True):
        predictor.forget()
        alone, forward = predictor.answer(inputs, explain)
        answer, own = outcome
        assert own.inputs is inputs and own.size == forward.size
        assert_alike(*(replace(each, explanation=None) for each in (answer, alone)))
        if explain != "none":
            for name in inputs.modalities:
                np.testing.assert_allclose(*(_scores(each, name) for each in (answer, alone)), atol=1e-4)


def _scores(prediction: Prediction, modality: str) -> np.ndarray:
    part = getattr(prediction.explanation, modality)
    return np.array([token.score for token in part.tokens] if modality == "text" else part.scores)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_answers_are_those_of_samples_alone(name: str) -> None:
    predictor = Predictor(name)
    examples = predictor.task.examples
    samples = [decode(Sample(each.image, each.text, each.audio), predictor.task) for each in examples]
    for outcome, inputs in zip(answers(predictor, samples, "none"), samples, strict=True):
        predictor.forget()
        assert_alike(outcome[0], predictor.answer(inputs)[0])


def test_a_version_that_comes_between_answers_as_if_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    task = tiny.task(tmp_path / "task")
    for seed, version in enumerate(("2026-01-01-n001", "2026-01-02-n001")):
        torch.manual_seed(seed)
        tiny.version(settings.versions / task.name / version, task, version)
    versions = Versions(settings)
    versions.promote(task.name, "2026-01-01-n001")

    class Overtaken(Predictor):
        def prepare(self, samples: Sequence[Inputs], threads: int) -> None:
            super().prepare(samples, threads)
            versions.promote(task.name, "2026-01-02-n001")

    following, samples = Overtaken(task, None, settings), mixed()[:MOST_TOGETHER]
    assert following.model_version == "2026-01-01-n001"
    outcomes = answers(following, samples, "none")
    later = Predictor(task, "2026-01-02-n001", settings)
    for outcome, inputs in zip(outcomes, samples, strict=True):
        assert_alike(outcome[0], later.predict_inputs(inputs))
