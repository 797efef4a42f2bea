"""Gains and losses on labels that were not drawn alike, put together to what they say of all traffic."""

import numpy as np
import pytest
from scipy.stats import chi2

from annotations.nightly import evidence
from annotations.nightly.evidence import Stratum, gain, labels_to_decide


def stratum(weight: float, labels: int, gained: int, lost: int, name: str = "flagged") -> Stratum:
    """Return labels of which each version alone is right so often, and both are wrong otherwise."""
    champion, challenger = np.zeros(labels), np.zeros(labels)
    champion[:lost], challenger[lost : lost + gained] = 1, 1
    return Stratum(name, weight, champion, challenger)


def test_where_all_labels_were_drawn_alike_the_difference_is_that_of_their_means() -> None:
    measured = gain([stratum(7.0, 40, 9, 3)], 0.05)
    assert (measured.champion, measured.challenger) == (pytest.approx(3 / 40), pytest.approx(9 / 40))
    assert measured.difference == pytest.approx(6 / 40)


def test_gains_alone_have_garwoods_limits_and_the_upper_one_of_no_loss() -> None:
    """On paper: twelve gains lie above half the χ² quantile of 24 degrees, no loss lies below −ln level."""
    level, gained = 0.01, 12
    slack = np.hypot(gained - chi2.ppf(level, 2 * gained) / 2, -np.log(level))
    assert gain([stratum(1.0, 24, gained, 0)], level).at_least == pytest.approx((gained - slack) / 24)


def test_the_two_versions_in_each_others_place_mirror_everything() -> None:
    strata = [stratum(3.0, 50, 9, 2), stratum(5.0, 40, 1, 4)]
    there, back = gain(strata, 0.02), gain([each.swapped() for each in strata], 0.02)
    assert back.difference == pytest.approx(-there.difference)
    assert (back.at_least, back.at_most) == (pytest.approx(-there.at_most), pytest.approx(-there.at_least))
    assert (back.p_better, back.p_worse) == (there.p_worse, there.p_better)


def test_what_a_label_stands_for_decides_over_how_many_there_are() -> None:
    flattering, audited = stratum(1.0, 100, 20, 10), stratum(50.0, 30, 1, 3, "audited")
    measured = gain([flattering, audited], 0.05)
    assert measured.difference == pytest.approx((10 * 1.0 - 2 * 50.0) / (100 + 30 * 50.0)) and measured.p_better == 0.5
    assert gain([flattering], 0.05).difference > 0


def test_a_stratum_of_which_nothing_was_seen_holds_the_lower_limit_down() -> None:
    gains = stratum(1.0, 30, 12, 0)
    complete, unseen = gain([gains], 0.01), gain([gains, stratum(50.0, 0, 0, 0, "audited")], 0.01)
    assert complete.at_least > 0 > unseen.at_least and unseen.difference == complete.difference


def test_the_level_at_which_the_lower_limit_is_nought_is_the_p_value() -> None:
    strata = [stratum(3.3, 60, 11, 4), stratum(5.0, 60, 5, 2)]
    level = gain(strata, 0.05).p_better
    assert 0 < level < 0.5 and gain(strata, level).at_least == pytest.approx(0, abs=1e-6)


def test_scores_between_right_and_wrong_count_by_how_much_they_differ() -> None:
    half = Stratum("flagged", 2.0, np.full(10, 0.5), np.array([1.0] * 6 + [0.25] * 4))
    assert (half.gains, half.losses) == (pytest.approx(3.0), pytest.approx(1.0))
    assert gain([half], 0.05).difference == pytest.approx(0.2)


def test_as_many_more_labels_as_are_asked_for_decide_it_four_times_in_five() -> None:
    strata = [stratum(1.0, 100, 9, 4)]
    level = 0.01
    missing = labels_to_decide(strata, level)
    assert missing is not None
    draw = np.random.default_rng(0)
    total = 100 + missing
    shown = 0
    for _ in range(400):
        gained, lost, _both = draw.multinomial(total, (0.09, 0.04, 0.87))
        shown += gain([stratum(1.0, total, gained, lost)], level).at_least > 0
    assert 0.72 <= shown / 400 <= 0.9


def test_a_difference_against_the_challenger_is_decided_by_as_many_labels() -> None:
    strata = [stratum(1.0, 100, 9, 4)]
    assert labels_to_decide([each.swapped() for each in strata], 0.01) == labels_to_decide(strata, 0.01)


@pytest.mark.parametrize("strata", [[stratum(1.0, 30, 4, 4)], [stratum(1.0, 30, 0, 0)], []])
def test_where_neither_is_ahead_nobody_knows_how_many_it_takes(strata: list[Stratum]) -> None:
    assert labels_to_decide(strata, 0.01) is None
    assert gain(strata, 0.01).difference == 0


def test_equal_versions_are_rarely_called_better_however_the_doubt_flatters_one() -> None:
    """The challenger gains where the champion doubts, and loses as much of the traffic where it is sure."""
    draw, level, false = np.random.default_rng(1), 0.05, 0
    for _ in range(1000):
        flagged, audited = draw.multinomial(120, (0.2, 0.12, 0.68)), draw.multinomial(60, (0.01, 0.03, 0.96))
        strata = [stratum(2.0, 120, *flagged[:2]), stratum(8.0, 60, *audited[:2], name="audited")]
        false += evidence.gain(strata, level).at_least > 0
    assert false <= 70  # of a thousand: 5 %, and three standard deviations
