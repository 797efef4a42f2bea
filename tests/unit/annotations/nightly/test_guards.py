"""What refuses a challenger: only what is significantly worse, and together few harmless ones."""

import numpy as np
import pytest

from annotations.nightly import guards
from annotations.nightly.guards import Safeguard


def guard(name: str, p_value: float, least: float = 0.0) -> Safeguard:
    return Safeguard(name, p_value, least, "")


def names(*looked: Safeguard) -> list[str]:
    return [refusing.name for refusing in guards.refusing(looked)]


@pytest.mark.parametrize(
    ("lost", "gained", "p_value"), [(0, 0, 1), (1, 0, 0.5), (0, 1, 1), (5, 0, 1 / 32), (4, 1, 6 / 32), (3, 3, 42 / 64)]
)
def test_losses_against_gains_are_coins(lost: int, gained: int, p_value: float) -> None:
    assert guards.sign_test(lost, gained) == (pytest.approx(p_value), 0.5 ** (lost + gained))


def test_a_lost_share_is_compared_with_what_may_be_forgotten() -> None:
    assert guards.share_test(0, 40)[0] == 1
    assert guards.share_test(1, 1) == (pytest.approx(0.01), 0.01)
    assert guards.share_test(1, 100)[0] == pytest.approx(1 - 0.99**100)
    assert guards.share_test(5, 40)[0] < 0.001


def test_a_mean_is_above_nought_or_not() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 200)
    assert guards.mean_test(noise - noise.mean())[0] == pytest.approx(0.5)
    assert guards.mean_test(noise - noise.mean() + 0.3)[0] < 0.001
    for nothing in (np.empty(0), np.ones(1), np.zeros(20)):
        assert guards.mean_test(nothing) == (1.0, 1.0)


def test_holm_steps_down_from_the_surest() -> None:
    assert names(guard("a", 0.011), guard("b", 0.02), guard("c", 0.04)) == ["a", "b", "c"]
    assert names(guard("a", 0.018), guard("b", 0.02), guard("c", 0.04)) == []
    assert names(guard("a", 0.04), guard("b", 0.5), guard("c", 0.012)) == ["c"]


def test_a_guard_that_could_not_refuse_takes_nothing_from_the_others() -> None:
    idle = [guard(str(number), 1.0, least=0.5) for number in range(20)]
    assert names(guard("a", 0.04), *idle) == ["a"]
    assert names(guard("a", 0.04), *(guard(str(number), 1.0) for number in range(20))) == []


def test_together_they_refuse_few_harmless_challengers() -> None:
    draw, refused = np.random.default_rng(0), 0
    for _ in range(1000):
        parts = [draw.multinomial(30, (0.1, 0.1, 0.8)) for _ in range(8)]
        looked = [Safeguard("", *guards.sign_test(int(lost), int(gained)), "") for lost, gained, _ in parts]
        looked.append(Safeguard("", *guards.mean_test(draw.normal(0, 1, 50)), ""))
        refused += bool(guards.refusing(looked))
    assert refused <= 70  # of a thousand: 5 %, and three standard deviations
