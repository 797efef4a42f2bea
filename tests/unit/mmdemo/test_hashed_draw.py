"""A text draws a number that stays its own."""

import pytest

from mmdemo.hashed_draw import draw

TEXTS = [f"sample {number}" for number in range(2_000)]


@pytest.mark.parametrize(
    ("purpose", "text", "number"),
    [("dev", "", 0.7247138414604896), ("held-out", "a", 0.7679928059388518), ("audit", "été", 0.330611285199694)],
)
def test_the_number_never_changes(purpose: str, text: str, number: float) -> None:
    assert draw(purpose, text) == number


def test_numbers_spread_evenly_over_zero_to_one() -> None:
    numbers = sorted(draw("dev", text) for text in TEXTS)
    assert numbers[0] >= 0 and numbers[-1] < 1
    assert all(abs(number - place / len(numbers)) < 0.03 for place, number in enumerate(numbers))


def test_draws_for_two_purposes_are_independent() -> None:
    both = sum(draw("dev", text) < 0.5 and draw("audit", text) < 0.5 for text in TEXTS)
    assert both / len(TEXTS) == pytest.approx(0.25, abs=0.03)
