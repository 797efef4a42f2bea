"""Words have what is lost when they are struck from the caption; the rest has its relevance."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdemo import explain
from mmdemo.errors import UnknownName
from mmdemo.explain import AimedPass
from mmdemo.explain.methods.erasure import erasure
from mmdemo.explain.methods.occlusion import occlusion
from mmdemo.explain.methods.relevance import relevance
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.model import MultimodalModel
from mmdemo.values.samples import Explanation, Inputs
from tests import planted, tiny
from tests.unit.mmdemo.model.conftest import Built


def words(explanation: Explanation) -> list[float]:
    assert explanation.text
    return [token.score for token in explanation.text.tokens]


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return a model that looks at bright cells, at the word "good", at a tone."""
    return planted.build(tmp_path_factory.mktemp("planted"))


@pytest.mark.parametrize("modalities", [("text",), ("image", "text"), ("text", "audio"), ("image", "text", "audio")])
@pytest.mark.parametrize("against", [None, "bad"])
def test_words_have_what_the_referee_says(built: Built, modalities: tuple[str, ...], against: str | None) -> None:
    aimed = replace(tiny.passed(built, tiny.inputs(modalities=modalities, seconds=0.3), "good"), against=against)
    [erased] = erasure(aimed, [aimed.explanation_target])
    assert words(erased) == pytest.approx(words(explain.explain("occlusion", aimed)), abs=1e-4)
    assert len(words(erased)) > 2


def test_the_rest_has_its_relevance(aimed: AimedPass) -> None:
    erased, relevant = explain.explain("erasure", aimed), explain.explain("relevance", aimed)
    assert (erased.image, erased.audio) == (relevant.image, relevant.audio)


def test_of_a_long_caption_the_most_relevant_words_are_struck(built: Built) -> None:
    aimed = tiny.passed(built, tiny.inputs(modalities=("image", "text")), "good")
    exact, relevant = (words(method(aimed, [aimed.explanation_target])[0]) for method in (occlusion, relevance))
    pieces = int(aimed.tokens.mask[0, slice(*aimed.tokens.spans["text"])].sum())
    struck = sorted(range(len(relevant)), key=lambda place: -abs(relevant[place]))[:2]
    scale = sum(abs(exact[place]) for place in struck) / sum(abs(relevant[place]) for place in struck)
    expected = [exact[place] if place in struck else relevant[place] * scale for place in range(len(exact))]
    together = erasure(
        aimed, [ExplanationTarget("bad"), ExplanationTarget("good")], 2 * pieces
    )  # other targets strike other words
    for [explanation] in (erasure(aimed, [ExplanationTarget("good")], 2 * pieces), together[1:]):
        assert words(explanation) == pytest.approx(expected, abs=1e-4)


def test_repeated_words_stay_apart(sure: Built) -> None:
    scores = words(explain.explain("erasure", tiny.passed(sure, Inputs(text="the dog is good the dog"), "good")))
    assert len(scores) == 6 and int(np.argmax(scores)) == 3
    assert scores[3] > 0.9 * sum(map(abs, scores))


@pytest.mark.parametrize("caption", ["الكلب good \u202edog\u202c", "🙂 good 👩‍👩‍👧 dog", "狗 good 猫"])
def test_words_of_any_script_are_struck_as_people_wrote_them(sure: Built, caption: str) -> None:
    explanation = explain.explain("erasure", tiny.passed(sure, Inputs(text=caption), "good"))
    assert explanation.text
    best = max(explanation.text.tokens, key=lambda token: token.score)
    assert best.text == "good" and all(
        caption[token.start : token.end] == token.text for token in explanation.text.tokens
    )


def test_words_behind_the_last_that_is_read_do_not_move_up(sure: Built) -> None:
    caption = "dog " * 400 + "good"
    scores = words(explain.explain("erasure", tiny.passed(sure, Inputs(text=caption), "good")))
    assert 0 < len(scores) < 400 and max(map(abs, scores)) < 0.01


def test_sound_alone_is_explained_by_its_relevance(sure: Built) -> None:
    sound = planted.inputs(moment=3).audio
    explanation = explain.explain("erasure", tiny.passed(sure, Inputs(audio=sound), "good"))
    assert explanation.audio and not explanation.text and int(np.argmax(explanation.audio.scores)) == 3


def test_pictures_are_not_read_again(aimed: AimedPass) -> None:
    read: list[torch.nn.Module] = []
    encoders = [aimed.model.encoders[name] for name in ("image", "audio")]
    watched = [encoder.register_forward_hook(lambda encoder, *_: read.append(encoder)) for encoder in encoders]
    try:
        explain.explain("erasure", aimed)
    finally:
        for hook in watched:
            hook.remove()
    assert not read


def test_a_model_that_reads_no_captions_does_without_it(tmp_path: Path) -> None:
    model, _ = MultimodalModel.build(tiny.task(tmp_path, ("audio",)))
    assert explain.methods_of(model)[0] == explain.resolve("default", model) == "relevance"
    with pytest.raises(UnknownName, match=r"erasure.*relevance"):
        explain.resolve("erasure", model)
