"""What is remembered of the last few things goes with them."""

import gc

import pytest

from mmdemo.recent import Recent
from mmdemo.samples import Sample


def test_a_value_is_made_once_and_goes_with_its_thing() -> None:
    recent, made = Recent[Sample, str](), []
    sample = Sample(text="mine")
    for _ in range(2):
        assert recent.get(sample, lambda: made.append(1) or "found") == "found"
    assert made == [1] and len(recent) == 1
    del sample
    gc.collect()
    assert len(recent) == 0


def test_an_equal_thing_of_somebody_else_is_another_one() -> None:
    recent = Recent[Sample, str]()
    mine, other = Sample(text="alike"), Sample(text="alike")
    assert [recent.get(mine, lambda: "mine"), recent.get(other, lambda: "other")] == ["mine", "other"]


def test_only_the_last_few_are_remembered() -> None:
    recent = Recent[Sample, int](most=2)
    held = [Sample(text=str(number)) for number in range(3)]
    for number in (0, 1, 0, 2):
        recent.get(held[number], lambda number=number: number)
    assert len(recent) == 2
    assert recent.get(held[0], lambda: 7) == 0 and recent.get(held[1], lambda: 7) == 7


def test_what_could_not_be_made_is_tried_again() -> None:
    recent, sample = Recent[Sample, int](), Sample()
    with pytest.raises(ZeroDivisionError):
        recent.get(sample, lambda: 1 // 0)
    assert recent.get(sample, lambda: 1) == 1
