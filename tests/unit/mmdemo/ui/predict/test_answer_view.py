"""The answer card says what was answered, how sure, and what becomes of the sample."""

import dataclasses

import pytest

from mmdemo import tasks
from mmdemo.answers import LabelAnswer
from mmdemo.settings import ROOT
from mmdemo.ui.predict import answer_view
from mmdemo.ui.predict.visits import Visit
from mmdemo.ui.shell import render
from mmdemo.values.promise import Guarantee, Promise
from mmdemo.values.samples import HeadAnswer, Prediction, Sample

TASK = dataclasses.replace(tasks.get("sentiment"), promise=None)
SURE = Prediction(
    sample_id="0" * 64,
    task="sentiment",
    kind="classification",
    answer=LabelAnswer("positive", {"negative": 0.02, "neutral": 0.05, "positive": 0.93}),
    confidence=0.93,
    threshold=0.6,
    flagged=False,
    reason=None,
    modalities=("image", "text"),
    model_version="2026-11-21",
    latency_ms=31.2,
)
UNSURE = dataclasses.replace(
    SURE,
    answer=LabelAnswer("neutral", {"negative": 0.3, "neutral": 0.48, "positive": 0.22}),
    confidence=0.48,
    flagged=True,
    reason="low_confidence",
)


def saying(prediction: Prediction, label: str) -> Prediction:
    return dataclasses.replace(prediction, answer=dataclasses.replace(prediction.labelled, label=label))


def card(prediction: Prediction, language: str = "en", kept: bool = True, **visit: object) -> answer_view.AnswerCard:
    prediction_id = "p-1" if kept else None
    visited = Visit(
        "sentiment", Sample(text="hi"), keep=kept, prediction=prediction, prediction_id=prediction_id, **visit
    )  # type: ignore[arg-type]
    return answer_view.view(visited, TASK, "2026-11-20", language)


def test_bars_stand_in_the_task_order_and_one_has_won() -> None:
    bars = card(SURE).bars
    assert [bar.label for bar in bars] == ["negative", "neutral", "positive"]
    assert [bar.label for bar in bars if bar.won] == ["positive"]
    assert [(bar.width, bar.percent) for bar in bars] == [(2.0, "2 %"), (5.0, "5 %"), (93.0, "93 %")]


def test_the_tick_stands_at_the_threshold() -> None:
    assert card(SURE).tick == 60.0


@pytest.mark.parametrize(
    ("prediction", "kept", "mood", "badge"),
    [
        (SURE, True, "sure", "93 % sure · above its threshold"),
        (UNSURE, True, "unsure", "48 % sure · below its threshold: sent to people"),
        (UNSURE, False, "unsure", "48 % sure · below its threshold: not kept"),
        (
            dataclasses.replace(UNSURE, reason="unfamiliar", capped=True),
            True,
            "unsure",
            "Only a guess · unlike what it learned from: sent to people",
        ),
        (
            dataclasses.replace(SURE, flagged=True, reason="audit"),
            True,
            "sure",
            "93 % sure · drawn for a check: sent to people",
        ),
    ],
)
def test_the_badge_says_how_sure_and_what_becomes_of_it(
    prediction: Prediction, kept: bool, mood: str, badge: str
) -> None:
    shown = card(prediction, kept=kept)
    assert (shown.mood, shown.badge) == (mood, badge)


PROMISED = dataclasses.replace(SURE, threshold=0.78, promise=Guarantee(0.1, 0.95))


@pytest.mark.parametrize(
    ("language", "badge", "said", "fact"),
    [
        (
            "en",
            "93 % sure · at most 10 % of such answers are wrong, on data like its calibration's",
            "Promised with 95 % confidence, on data like those it was calibrated on.",
            "threshold 78 %",
        ),
        (
            "zh",
            "93% 的把握 · 在与校准数据相似的数据上，此类答案至多 10% 有误",
            "在与其校准数据相似的数据上，以 95% 的置信度承诺。",
            "阈值 78%",
        ),
    ],
)
def test_a_sure_answer_says_what_is_promised_and_of_whom(language: str, badge: str, said: str, fact: str) -> None:
    shown = card(PROMISED, language)
    assert (shown.mood, shown.badge, shown.promised, shown.facts[0]) == ("sure", badge, said, fact)
    assert said in render.html("answer", language, view=shown, kept_for="")


def test_an_answer_that_is_asked_about_promises_nothing() -> None:
    below = dataclasses.replace(UNSURE, threshold=0.78, promise=Guarantee(0.1, 0.95))
    for prediction in (SURE, below, dataclasses.replace(PROMISED, flagged=True, reason="audit")):
        assert card(prediction).promised == ""
    assert card(below).badge == "48 % sure · below its threshold: sent to people"


def test_where_no_threshold_keeps_the_promise_the_card_says_so() -> None:
    certain = dataclasses.replace(PROMISED, confidence=1.0, threshold=1.0, flagged=True, reason="low_confidence")
    shown = card(certain)
    assert (shown.mood, shown.facts[0]) == ("unsure", "no threshold keeps what is promised")
    assert shown.badge == "100 % sure · every answer of this kind is asked about: sent to people"
    asked = answer_view.view(Visit("sentiment", Sample(), keep=None, prediction=certain), TASK, "", "en")
    assert asked.question == "Every answer of this kind is asked about. May people look at it and correct it?"


def test_a_typed_threshold_is_called_what_it_is_where_the_task_promises_something() -> None:
    promising = dataclasses.replace(TASK, promise=Promise(0.1, 0.95))
    visit = Visit("sentiment", Sample(), keep=None, prediction=SURE)
    assert answer_view.view(visit, promising, "", "en").facts[0] == "threshold 60 %, which promises nothing"
    assert answer_view.view(visit, dataclasses.replace(TASK, promise=None), "", "en").facts[0] == "threshold 60 %"


@pytest.mark.parametrize(("language", "said"), [("en", "only a guess"), ("zh", "仅为猜测")])
def test_a_guess_is_shown_without_bars_and_without_a_percentage(language: str, said: str) -> None:
    """The API caps what it says of something strange just under the threshold: nobody measured that."""
    capped = dataclasses.replace(
        SURE,
        answer=LabelAnswer("positive", {"negative": 0.2, "neutral": 0.21, "positive": 0.59}),
        confidence=0.59,
        flagged=True,
        reason="unfamiliar",
        capped=True,
        heads={"emotion": HeadAnswer("joy", {"joy": 0.59, "fear": 0.41})},
    )
    answer_card = card(capped, language)
    shown = render.html("answer", language, view=answer_card, kept_for="")
    assert "mm-bar" not in shown and "59" not in shown and "41" not in shown
    assert answer_card.mood == "unsure" and answer_card.heads == (f"emotion: joy ({said})",)
    assert shown.count("data-suggest") == 2  # another answer can be chosen all the same


@pytest.mark.parametrize(
    ("prediction", "visit", "question", "fate"),
    [
        (UNSURE, {}, "Not sure here. May people look at it and correct it?", "not kept yet"),
        (dataclasses.replace(UNSURE, reason="unfamiliar"), {}, "Not sure here.", "not kept yet"),
        (SURE, {"audit": 0.2}, "Sure here, but drawn at random for a check.", "above its threshold"),
        (SURE, {}, "", "above its threshold"),
        (UNSURE, {"reply": False, "keep": False}, "", "not kept"),
        (UNSURE, {"forgotten": True}, "", "not kept"),
    ],
)
def test_whoever_was_not_asked_yet_is_asked_where_there_is_reason_to(
    prediction: Prediction, visit: dict, question: str, fate: str
) -> None:
    answer_card = answer_view.view(
        Visit("sentiment", Sample(), **{"keep": None, "prediction": prediction, **visit}), TASK, "", "en"
    )
    assert answer_card.question.startswith(question) and bool(answer_card.question) == bool(question)
    assert answer_card.badge.endswith(fate)
    shown = html(answer_card)
    assert shown.count("data-agree") == (2 if question else 0)
    assert ("aria-labelledby" in shown.partition("mm-ask")[2]) == bool(question)
    assert answer_card.replied in shown


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.5, "50 %"),
        (0.596, "59.6 %"),
        (0.6, "60 %"),
        (0.999, "> 99 %"),
        (1.0, "100 %"),
        (0.001, "< 1 %"),
        (0.0, "0 %"),
    ],
)
def test_a_percentage_never_claims_more_than_it_is(value: float, said: str) -> None:
    assert answer_view.percent(value, "en", apart_from=0.6) == said


def test_class_names_follow_the_language_and_stored_values_stay() -> None:
    shown = card(SURE, "zh")
    assert (shown.title, shown.name) == ("情感", "积极")
    assert [bar.label for bar in shown.bars] == ["negative", "neutral", "positive"]


def test_facts_tell_threshold_version_date_time_and_what_was_used() -> None:
    assert card(SURE).facts == (
        "threshold 60 %",
        "version 2026-11-21",
        "trained on 2026-11-20",
        "31 ms",
        "from picture and caption",
    )
    assert "from the caption alone" in card(dataclasses.replace(SURE, modalities=("text",))).facts
    three = dataclasses.replace(SURE, modalities=("image", "text", "audio"))
    assert "from picture, caption and sound" in card(three).facts


def test_what_is_kept_can_be_taken_back_and_only_that() -> None:
    assert card(SURE).kept
    assert not card(SURE, kept=False).kept
    assert not card(SURE, forgotten=True).kept


def test_further_heads_are_named() -> None:
    heads = {"emotion": HeadAnswer("joy", {"joy": 0.8, "fear": 0.2})}
    assert card(dataclasses.replace(SURE, heads=heads)).heads == ("emotion: joy (80 %)",)  # as an older version had it


def test_further_heads_follow_the_language() -> None:
    task = tasks.load_file(ROOT / "examples" / "sentiment_heads.toml")
    prediction = dataclasses.replace(SURE, heads={"emotion": HeadAnswer("fear", {"fear": 0.8, "sad": 0.2})})
    visit = Visit("sentiment_heads", Sample(text="hi"), keep=False, prediction=prediction)
    shown = {language: answer_view.view(visit, task, "", language) for language in ("en", "zh")}
    assert shown["en"].heads == ("Emotion: fear (80 %)",) and shown["zh"].heads == ("情绪: 恐惧 (80%)",)
    assert "情绪: 恐惧" in html(shown["zh"], "zh")


def html(shown: answer_view.AnswerCard, language: str = "en") -> str:
    return render.html("answer", language, view=shown, kept_for="Kept.")


def test_the_card_shows_every_text_as_text() -> None:
    hostile = '<img src=x onerror="alert(1)">'
    label = tasks.Label(hostile, {"en": hostile, "zh": hostile})
    task = dataclasses.replace(TASK, title={"en": hostile}, labels=(label, *TASK.labels))
    prediction = dataclasses.replace(SURE, answer=LabelAnswer(hostile, {hostile: 1.0}), model_version=hostile)
    shown = answer_view.view(Visit("x", Sample(), True, prediction), task, hostile, "en")
    assert "<img" not in html(shown)
    assert html(shown).count("&lt;img src=x onerror=&#34;alert(1)&#34;&gt;") >= 5


def test_the_card_offers_each_other_label_once_as_a_correction() -> None:
    shown = html(card(UNSURE))
    assert [name for name in TASK.label_names if f'data-suggest="{name}"' in shown] == ["negative", "positive"]


def test_after_a_dispute_the_card_thanks_and_after_deleting_it_says_so() -> None:
    assert "whether it is “negative”" in html(card(SURE, disputed="negative"))
    deleted = html(card(SURE, forgotten=True))
    assert "Deleted." in deleted
    assert 'data-do="forget"' not in deleted
    assert 'data-do="dispute"' not in deleted


def test_none_of_these_is_an_answer_with_a_bar_of_its_own() -> None:
    task = dataclasses.replace(TASK, none_of_these=True)
    refused = dataclasses.replace(
        SURE,
        answer=LabelAnswer("none_of_these", {"negative": 0.28, "neutral": 0.31, "positive": 0.41}, 0.84),
        confidence=0.84,
        reason="none_of_these",
    )
    shown = answer_view.view(Visit("sentiment", Sample(text="hi"), keep=True, prediction=refused), task, "", "en")
    assert (shown.name, shown.mood, shown.badge) == ("None of these", "sure", "84 % sure · above its threshold")
    assert [(bar.name, bar.percent, bar.won) for bar in shown.bars] == [
        *(("negative", "< 1 %", False), ("neutral", "3 %", False), ("positive", "13 %", False)),
        ("None of these", "84 %", True),
    ]
    assert [name for name, _ in shown.others] == list(TASK.label_names)
    labelled = dataclasses.replace(SURE, answer=dataclasses.replace(SURE.labelled, none_of_these=0.01))
    other = answer_view.view(Visit("sentiment", Sample(text="hi"), keep=True, prediction=labelled), task, "", "zh")
    assert [bar.label for bar in other.bars] == list(TASK.label_names)  # they say what its confidence says
    assert other.others[-1] == ("none_of_these", "都不是")
    assert 'data-suggest="none_of_these"' in render.html("answer", "en", view=other, kept_for="")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_example_says_what_the_people_who_wrote_it_say(language: str) -> None:
    number, example = next((n, e) for n, e in enumerate(TASK.examples) if e.expected == "positive")
    sentences = {
        (name, prediction.label): card(prediction, language, example=number).expected
        for name, prediction in (
            ("sure", SURE),
            ("sure", saying(SURE, "negative")),
            ("unsure", UNSURE),
            ("unsure", saying(UNSURE, "positive")),
            ("audit", dataclasses.replace(SURE, flagged=True, reason="audit")),
        )
    }
    marks = {key: expected.mark for key, expected in sentences.items() if expected}
    assert marks == {
        ("sure", "positive"): "right",
        ("sure", "negative"): "wrong",
        ("unsure", "neutral"): "doubted",
        ("unsure", "positive"): "doubted",
        ("audit", "positive"): "right",
    }
    name = TASK.display(example.expected, language)
    assert [key for key, expected in sentences.items() if expected and name in expected.sentence] == [
        ("sure", "negative"),
        ("unsure", "neutral"),
    ]
    assert card(SURE, language).expected is None
