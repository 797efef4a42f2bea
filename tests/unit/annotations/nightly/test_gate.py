"""The gate promotes what is shown to be better, refuses what is significantly worse, waits in between, and says why."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from annotations.acquisition.strata import AUDITED, FLAGGED, SampleWeights
from annotations.nightly import gate, looks
from annotations.nightly.evidence import Stratum
from annotations.nightly.gate import (
    PROMOTED,
    REJECTED,
    WAITING,
    CapabilityTally,
    ComparedFigure,
    Comparison,
    Narrow,
)
from annotations.nightly.looks import Look, LookBudget
from mmdemo import locale

BEGIN = datetime(2026, 11, 1, 2, tzinfo=UTC)
FIRST = looks.allowance([], BEGIN)


def scores(labels: int, gained: int, lost: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what both versions score: each alone is right so often, and both are right otherwise."""
    champion, challenger = np.ones(labels), np.ones(labels)
    champion[:gained], challenger[gained : gained + lost] = 0, 0
    return champion, challenger


def comparison(gained: int = 0, lost: int = 0, labels: int = 60, checks: int = 30, weight: float = 2.0) -> Comparison:
    """Return a comparison on labels of doubtful answers, and on random checks of which both versions are right."""
    champion, challenger = scores(labels, gained, lost)
    right = np.ones(checks)
    both = np.concatenate([champion, right]), np.concatenate([challenger, right])
    return Comparison(
        held_out=labels + checks,
        figures=tuple(ComparedFigure(name, both[0].mean(), both[1].mean()) for name in ("accuracy", "macro_f1")),
        strata=(Stratum(FLAGGED, 1.0, champion, challenger), Stratum(AUDITED, weight, right, right)),
        tallies=(gate.tally(gate.ALL, "", *both),),
    )


EQUAL = comparison()


def keys(verdict: gate.Verdict) -> list[str]:
    return [reason.key for reason in verdict.reasons]


def judge(compared: Comparison, allowance: LookBudget = FIRST) -> gate.Verdict:
    return gate.judge(compared, allowance)


def test_a_tie_promotes_nobody() -> None:
    verdict = judge(EQUAL)
    assert verdict.name == WAITING and keys(verdict)[-1] == "status.night_no_difference"
    assert judge(comparison(4, 4)).name == WAITING


def test_a_gain_that_chance_explains_waits_and_says_how_many_more_labels_decide_it() -> None:
    verdict = judge(comparison(5, 1))
    assert verdict.name == WAITING and keys(verdict)[-1] == "status.night_thin"
    missing = verdict.reasons[-1].values["labels"]
    assert verdict.numbers["labels_missing"] == missing and 20 < missing < 1000
    assert f"about {missing} more answers" in verdict.reasons[-1].sentence("en")
    assert str(missing) in verdict.reasons[-1].sentence("zh")


def remembering(lost: int, gained: int, samples: int = 200) -> np.ndarray:
    """Return (samples, 2) scores on what the base holds back of its memory."""
    return np.stack(scores(samples, gained, lost), axis=1)


def test_a_challenger_that_is_worse_on_what_the_base_remembers_is_refused() -> None:
    better = comparison(16, 1)
    assert judge(replace(better, memory=remembering(1, 1))).name == PROMOTED
    verdict = judge(replace(better, memory=remembering(14, 1)))
    assert verdict.name == REJECTED and "status.night_worse_memory" in keys(verdict)
    assert verdict.numbers["p_memory"] < 0.001


@pytest.mark.parametrize(
    ("sort", "key"),
    [(gate.ONE_ANNOTATOR, "status.night_one_annotator"), (gate.ONE_CLASS, "status.night_one_class")],
)
def test_what_one_hand_said_must_also_be_shown_to_be_no_worse_on_what_the_base_remembers(sort, key) -> None:
    better = comparison(16, 1)
    assert judge(replace(better, narrow=Narrow(sort, remembering(0, 0)))).name == PROMOTED
    for memory in (remembering(4, 0), remembering(0, 0, samples=40)):
        verdict = judge(replace(better, narrow=Narrow(sort, memory)))
        assert verdict.name == WAITING and keys(verdict)[-1] == key
        assert all(str(len(memory)) in verdict.reasons[-1].sentence(language) for language in locale.LANGUAGES)
        assert judge(replace(better, memory=memory)).name == PROMOTED


def test_without_a_memory_one_person_may_teach_a_first_model_and_one_class_waits() -> None:
    better = comparison(16, 1)
    assert judge(replace(better, narrow=Narrow(gate.ONE_ANNOTATOR))).name == PROMOTED
    one_class = judge(replace(better, narrow=Narrow(gate.ONE_CLASS), memory=remembering(0, 0)))
    assert one_class.name == WAITING and keys(one_class)[-1] == "status.night_one_class_unshown"
    assert "mmdemo remember" in one_class.reasons[-1].sentence("en")


def test_a_gain_that_is_shown_promotes_and_every_number_stands_in_the_verdict() -> None:
    verdict = judge(comparison(16, 1))
    assert verdict.name == PROMOTED
    assert keys(verdict) == ["status.night_scores", "status.night_traffic", "status.night_shown"]
    numbers = verdict.numbers
    assert numbers["difference"] == pytest.approx(15 / (60 + 2 * 30)) and numbers["difference_at_least"] > 0
    assert numbers["p_better"] < numbers["level"] == FIRST.level
    assert (numbers["flagged_0_gained"], numbers["flagged_0_lost"], numbers["audited_1_labels"]) == (16, 1, 30)
    assert json.loads(json.dumps(numbers)) == numbers


def test_the_same_gain_waits_where_random_checks_are_few_and_stand_for_much() -> None:
    assert judge(comparison(16, 1, checks=30, weight=2)).name == PROMOTED
    assert judge(comparison(16, 1, checks=2, weight=30)).name == WAITING
    assert judge(comparison(16, 1, checks=0, weight=50)).name == WAITING


def test_the_later_looks_of_a_month_must_be_surer() -> None:
    compared = comparison(16, 1)
    assert judge(compared).name == PROMOTED
    spent = looks.allowance([Look(BEGIN, 60, 0.049)], BEGIN)
    assert 0 < spent.level < judge(compared).numbers["p_better"]
    assert judge(compared, spent).name == WAITING


def test_what_is_significantly_worse_is_rejected_and_what_chance_explains_is_not() -> None:
    verdict = judge(comparison(1, 14))
    assert verdict.name == REJECTED
    assert {"status.night_worse_accuracy", "status.night_worse_traffic"} & set(keys(verdict))
    slight = judge(comparison(2, 4))
    assert slight.name == WAITING and keys(slight)[-1] == "status.night_thin_worse"


def test_a_class_that_is_significantly_worse_outweighs_any_gain() -> None:
    better = comparison(30, 0)
    lost = gate.tally(gate.CLASS, "sad", *scores(20, 0, 12))
    assert judge(better).name == PROMOTED
    verdict = judge(replace(better, tallies=(*better.tallies, lost)))
    assert (verdict.name, keys(verdict)[-1]) == (REJECTED, "status.night_worse_class")
    assert "20 samples that are sad" in verdict.reasons[-1].sentence() and verdict.numbers["p_class:sad"] < 0.001
    few = gate.tally(gate.CLASS, "sad", *scores(20, 1, 4))
    assert judge(replace(better, tallies=(*better.tallies, few))).name == PROMOTED


@pytest.mark.parametrize(("sort", "key"), gate._SENTENCES.items())
@pytest.mark.parametrize("language", locale.LANGUAGES)
def test_every_part_that_is_looked_at_has_its_sentence(sort: str, key: str, language: str) -> None:
    compared = replace(EQUAL, strata=(), tallies=(gate.tally(sort, "audio", *scores(20, 0, 14)),))
    verdict = judge(compared)
    assert (verdict.name, keys(verdict)[-1]) == (REJECTED, key)
    assert "{" not in verdict.reasons[-1].sentence(language)


def test_a_confidence_that_fits_worse_is_rejected() -> None:
    draw = np.random.default_rng(0)
    champion = draw.uniform(0, 0.2, 60)
    compared = replace(comparison(30, 0), miscalibration=np.stack([champion, champion + draw.uniform(0, 0.3, 60)], 1))
    assert keys(judge(compared))[-1] == "status.night_worse_calibration"
    alike = np.stack([champion, draw.permutation(champion)], 1)
    assert judge(replace(compared, miscalibration=alike)).name == PROMOTED


@pytest.mark.parametrize(
    ("anchors", "lost", "name"),
    [(0, 0, PROMOTED), (6, 0, PROMOTED), (6, 1, PROMOTED), (6, 2, REJECTED), (40, 2, PROMOTED), (40, 5, REJECTED)],
)
def test_of_the_tasks_examples_one_in_a_hundred_may_be_forgotten_as_far_as_chance_tells(
    anchors: int, lost: int, name: str
) -> None:
    verdict = judge(replace(comparison(30, 0), anchors=anchors, anchors_lost=lost))
    assert verdict.name == name
    if name == REJECTED:
        assert f"loses {lost}; at most" in verdict.reasons[-1].sentence("en")


@pytest.mark.parametrize(
    ("lost", "gained", "name"),
    [(0, 0, PROMOTED), (4, 0, PROMOTED), (10, 0, REJECTED), (5, 3, PROMOTED), (12, 1, REJECTED), (0, 9, PROMOTED)],
)
def test_a_capability_may_lose_what_chance_explains(lost: int, gained: int, name: str) -> None:
    tested = CapabilityTally("plain_facts", 40, champion=36, challenger=36 - lost + gained, lost=lost, gained=gained)
    verdict = judge(replace(comparison(30, 0), capabilities=(tested,)))
    assert verdict.name == name
    if name == REJECTED:
        assert "plain facts" in verdict.reasons[-1].sentence("en") and "36" in verdict.reasons[-1].sentence("zh")


def test_the_more_capabilities_are_looked_at_the_less_one_says() -> None:
    lost = CapabilityTally("negation", 40, 36, 29, 7, 0)  # one chance in 128: often enough where eighteen are looked at
    others = [CapabilityTally(str(number), 40, 36, 36, 5, 5) for number in range(17)]
    assert judge(replace(comparison(30, 0), capabilities=(lost,))).name == REJECTED
    assert judge(replace(comparison(30, 0), capabilities=(lost, *others))).name == PROMOTED


def test_every_reason_against_it_is_named() -> None:
    worse = comparison(0, 30)
    verdict = judge(replace(worse, anchors=10, anchors_lost=9))
    assert {"status.night_worse_accuracy", "status.night_worse_traffic", "status.night_forgets"} <= set(keys(verdict))


def test_figures_of_other_kinds_have_their_sentences() -> None:
    figures = (EQUAL.figures[0], ComparedFigure("squared_error", 0.5, 0.6))
    verdict = judge(replace(EQUAL, figures=figures))
    assert keys(verdict)[:2] == ["status.night_right", "status.night_figure"]
    for language in locale.LANGUAGES:
        assert "squared error" in verdict.reasons[1].sentence(language)
        assert "0.600" in verdict.reasons[1].sentence(language)


def test_corrections_that_nobody_drew_show_nothing_about_what_is_sent_here() -> None:
    verdict = judge(replace(comparison(30, 0), strata=()))
    assert (verdict.name, keys(verdict)[-1]) == (WAITING, "status.night_nothing_drawn")


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


def standing(flagged: int, checks: int, unseen: float | None = 5.0) -> SampleWeights:
    kinds = [(FLAGGED, 3.0)] * flagged + [(AUDITED, 5.0)] * checks
    return SampleWeights({str(number): kind for number, kind in enumerate(kinds)}, unseen)


@pytest.mark.parametrize(
    ("held_out", "next_size", "stands", "sure", "key"),
    [
        (23, 24, standing(13, 10), 50, "status.night_next_look"),
        (24, 24, standing(14, 10), 50, None),
        (500, 24, standing(13, 10), 50, "status.night_next_look"),  # the others are imported
        (24, 0, standing(0, 0), 0, "status.night_nothing_drawn"),
        (24, 0, standing(20, 9), 9, "status.night_few_checks"),
        (24, 0, standing(20, 0), 1, "status.night_few_checks"),
        (24, 0, standing(20, 0), 0, None),  # no sure answer was ever given
        (24, 0, standing(20, 0, unseen=None), 0, "status.night_no_checks"),
    ],
)
def test_no_comparison_is_made_that_could_not_promote(
    held_out: int, next_size: int, stands: SampleWeights, sure: int, key: str | None
) -> None:
    verdict = gate.wait_for_evidence(held_out, next_size, stands, sure)
    assert (None if verdict is None else keys(verdict)) == (None if key is None else [key])
    for language in locale.LANGUAGES if verdict else ():
        assert "{" not in verdict.reasons[0].sentence(language)
