"""The gate on simulated versions of which the truth is known; `benchmarks/gate.md` has the figures of many more."""

import numpy as np
import pytest

from annotations.acquisition.strata import FLAGGED
from annotations.nightly.gate import PROMOTED, REJECTED
from benchmarks import gate as benchmark
from benchmarks.gate_worlds import DOUBTED, Home, World, month, passed_before, single

LOOKS, MONTHS, HELD_OUT = 60, 60, 400


def verdicts(world: World) -> list[str]:
    return [single(world, HELD_OUT, seed).name for seed in range(LOOKS)]


@pytest.mark.parametrize("blind", [False, True])
def test_few_months_of_equal_challengers_see_a_promotion(blind: bool) -> None:
    false = sum(PROMOTED in [verdict.name for verdict in month(World(blind=blind), seed)] for seed in range(MONTHS))
    assert false <= 8  # of sixty: 5 %, and three standard deviations


PARTLY = World(answered=0.5), World(answered=0.5, later_share=0.02)


@pytest.mark.parametrize("world", [World(), *PARTLY])
def test_what_is_answered_stands_for_all_that_was_sent(world: World) -> None:
    home = Home(world, np.random.default_rng(0))
    for _ in range(100):
        home.send(200)
    weights = home.standing().weights.values()
    assert sum(weight for _, weight in weights) == pytest.approx(20_000, rel=0.15)
    flagged = sum(weight for name, weight in weights if name == FLAGGED)
    assert flagged == pytest.approx(20_000 * DOUBTED, rel=0.15)


def test_a_queue_that_is_partly_answered_favours_no_challenger() -> None:
    false = sum(PROMOTED in [verdict.name for verdict in month(PARTLY[1], seed)] for seed in range(20))
    assert false <= 4  # of twenty: 5 %, and three standard deviations


def test_a_gain_of_five_points_at_seven_per_cent_disagreement_is_promoted() -> None:
    assert verdicts(World(gain=0.05)).count(PROMOTED) >= 0.8 * LOOKS
    assert verdicts(World(gain=0.05, blind=True)).count(PROMOTED) >= 0.8 * LOOKS


def test_a_loss_in_one_class_is_not_promoted() -> None:
    assert PROMOTED not in verdicts(World(lost_class=0.05))


def test_a_loss_in_all_is_rejected() -> None:
    assert verdicts(World(gain=-0.05)).count(REJECTED) >= 0.8 * LOOKS


def test_equal_challengers_are_rarely_refused() -> None:
    assert verdicts(World()).count(REJECTED) <= 8  # of sixty: 5 %, and three standard deviations


def test_the_rule_before_let_equal_ones_pass_and_worse_ones() -> None:
    equal, worse = (sum(passed_before(scenario.world, seed) for seed in range(200)) for scenario in benchmark.BEFORE)
    assert equal >= 100 and worse >= 40


def test_what_is_kept_is_not_counted_again(tmp_path, capsys) -> None:
    benchmark.main(["--runs", "4", "--keep", str(tmp_path / "kept")])
    whole, lines = capsys.readouterr().out, (tmp_path / "kept").read_text()
    benchmark.main(["--runs", "4", "--keep", str(tmp_path / "kept")])
    assert (capsys.readouterr().out, (tmp_path / "kept").read_text()) == (whole, lines)
