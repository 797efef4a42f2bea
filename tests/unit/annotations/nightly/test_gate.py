"""The gate says no at its edges, and why."""

from dataclasses import replace

import pytest

from annotations.nightly import gate
from annotations.nightly.gate import PROMOTED, REJECTED, WAITING, CapabilityTally, ComparedFigure, Comparison
from mmdemo import locale

EQUAL = Comparison(held_out=20, figures=(ComparedFigure("accuracy", 0.7, 0.7), ComparedFigure("macro_f1", 0.6, 0.6)))


def against(accuracy: float, macro_f1: float) -> tuple[ComparedFigure, ...]:
    """Return the figures of a challenger of these beside those of EQUAL."""
    pairs = zip(EQUAL.figures, (accuracy, macro_f1), strict=True)
    return tuple(replace(figure, challenger=value) for figure, value in pairs)


def keys(verdict: gate.Verdict) -> list[str]:
    return [reason.key for reason in verdict.reasons]


def test_not_worse_is_enough() -> None:
    assert gate.judge(EQUAL).name == PROMOTED


@pytest.mark.parametrize(
    ("figures", "key"),
    [(against(0.65, 0.6), "status.night_worse_accuracy"), (against(0.9, 0.599), "status.night_worse_macro_f1")],
)
def test_a_challenger_that_is_worse_in_either_figure_is_rejected_with_both_numbers(
    figures: tuple[ComparedFigure, ...], key: str
) -> None:
    verdict = gate.judge(replace(EQUAL, figures=figures))
    assert verdict.name == REJECTED
    assert keys(verdict) == ["status.night_scores", key]
    assert set(verdict.reasons[1].values) == {"champion", "challenger"}


def test_every_reason_against_it_is_named() -> None:
    verdict = gate.judge(replace(EQUAL, figures=against(0.1, 0.1), anchors=10, lost=9))
    assert len(verdict.reasons) == 4


def test_a_difference_of_rounding_is_none() -> None:
    assert gate.judge(replace(EQUAL, figures=against(0.7 - 1e-12, 0.6))).name == PROMOTED


@pytest.mark.parametrize(("loss", "name"), [(0.4, PROMOTED), (0.5, PROMOTED), (0.6, REJECTED)])
def test_of_a_loss_less_is_better_and_every_figure_has_its_sentences(loss: float, name: str) -> None:
    figures = (EQUAL.figures[0], ComparedFigure("squared_error", 0.5, loss, better=-1))
    verdict = gate.judge(replace(EQUAL, figures=figures))
    assert verdict.name == name
    assert keys(verdict)[:2] == ["status.night_right", "status.night_figure"]
    assert keys(verdict)[2:] == ["status.night_worse"] * (name == REJECTED)
    for language in locale.LANGUAGES:
        sentences = [reason.sentence(language) for reason in verdict.reasons]
        assert all("squared error" in sentence and f"{loss:.3f}" in sentence for sentence in sentences[1:])
        assert "70.0%" in sentences[0]


@pytest.mark.parametrize(
    ("anchors", "lost", "name"),
    [
        (0, 0, PROMOTED),
        (5, 1, PROMOTED),
        (5, 2, REJECTED),
        (20, 2, PROMOTED),
        (20, 3, REJECTED),
        (29, 3, REJECTED),
        (30, 3, PROMOTED),
    ],
)
def test_one_anchor_or_one_in_ten_may_be_lost(anchors: int, lost: int, name: str) -> None:
    better = replace(EQUAL, figures=against(0.9, 0.9), anchors=anchors, lost=lost)
    assert gate.judge(better).name == name


@pytest.mark.parametrize(
    ("lost", "gained", "name"),
    [(0, 0, PROMOTED), (4, 0, PROMOTED), (5, 0, REJECTED), (5, 3, PROMOTED), (12, 1, REJECTED), (0, 9, PROMOTED)],
)
def test_a_capability_may_lose_what_chance_explains(lost: int, gained: int, name: str) -> None:
    tested = CapabilityTally(
        "plain_facts", tests=40, champion=36, challenger=36 - lost + gained, lost=lost, gained=gained
    )
    verdict = gate.judge(replace(EQUAL, capabilities=(tested,)))
    assert verdict.name == name
    if name == REJECTED:
        assert "plain facts" in verdict.reasons[-1].sentence("en") and "36" in verdict.reasons[-1].sentence("zh")


def test_the_more_capabilities_are_looked_at_the_less_one_says() -> None:
    tested = [CapabilityTally(str(number), 40, 36, 36, 0, 0) for number in range(15)]
    lost = CapabilityTally("negation", 40, 36, 31, 5, 0)  # one chance in 32: often enough where sixteen are looked at
    assert gate.judge(replace(EQUAL, capabilities=(*tested, lost))).name == PROMOTED
    gone = replace(lost, challenger=26, lost=10)
    assert keys(gate.judge(replace(EQUAL, capabilities=(*tested, gone))))[1:] == ["status.night_unlearned"]


@pytest.mark.parametrize(("held_out", "waits"), [(0, True), (19, True), (20, False), (21, False)])
def test_it_waits_for_the_minimum_and_not_longer(held_out: int, waits: bool) -> None:
    assert (gate.wait(train=50, held_out=held_out, minimum=20, share=0.3) is not None) == waits


def test_waiting_says_how_many_are_missing() -> None:
    verdict = gate.wait(train=30, held_out=13, minimum=20, share=0.3)
    assert verdict is not None and verdict.name == WAITING
    assert verdict.reasons[0].values["missing"] == 7
    assert "7 missing" in verdict.reasons[0].sentence("en")
    assert "还差 7 条" in verdict.reasons[0].sentence("zh")


def test_it_waits_where_there_is_nothing_to_learn_from() -> None:
    verdict = gate.wait(train=0, held_out=25, minimum=20, share=1.0)
    assert verdict is not None and keys(verdict) == ["status.night_none_to_learn"]


@pytest.mark.parametrize("language", locale.LANGUAGES)
def test_every_reason_is_a_sentence_in_every_language(language: str) -> None:
    unlearned = (CapabilityTally("negation", 40, 36, 26, 10, 0),)
    worst = gate.judge(replace(EQUAL, figures=against(0.1, 0.1), anchors=10, lost=9, capabilities=unlearned))
    sentences = [reason.sentence(language) for reason in worst.reasons]
    assert "70.0%" in sentences[0] and "10.0%" in sentences[0]
    assert not any("{" in sentence for sentence in sentences)
