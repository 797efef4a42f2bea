"""Visits are found by their token alone, and only for a while."""

import dataclasses
import weakref

import pytest

from mmdemo.errors import BadInput
from mmdemo.ui.predict.visits import REMEMBERED_S, Visit, Visits
from mmdemo.values.samples import Sample
from tests.waiting import wait_until

ONE, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def visit(text: str = "hello", image: bytes | None = None) -> Visit:
    return Visit("sentiment", Sample(image=image, text=text), keep=True)


def test_a_visit_is_found_by_its_own_token_only() -> None:
    visits = Visits()
    visits.begin(ONE, visit("mine"))
    visits.begin(OTHER, visit("yours"))
    assert (visits.get(ONE), visits.get(OTHER)) == (visit("mine"), visit("yours"))
    assert visits.get("0" * 32) is None


@pytest.mark.parametrize("token", ["", "1", "0" * 31, "0" * 33, "G" * 32, ONE.upper(), ONE + "\n"])
def test_a_token_that_could_be_guessed_is_refused(token: str) -> None:
    with pytest.raises(BadInput) as refusal:
        Visits().begin(token, visit())
    assert refusal.value.key == "token_wrong"


def test_a_change_replaces_fields_and_never_brings_a_dropped_visit_back() -> None:
    visits = Visits()
    visits.begin(ONE, visit())
    assert visits.change(ONE, disputed="negative") == dataclasses.replace(visit(), disputed="negative")
    assert visits.drop(ONE) == dataclasses.replace(visit(), disputed="negative")
    assert visits.change(ONE, disputed="neutral") is None
    assert visits.get(ONE) is None
    assert visits.drop(ONE) is None


def test_a_visit_is_forgotten_when_its_time_is_over_and_a_change_begins_it_anew() -> None:
    clock = Clock()
    visits = Visits(clock)
    visits.begin(ONE, visit())
    visits.begin(OTHER, visit())
    clock.now = REMEMBERED_S - 1
    visits.change(OTHER, keep=False)
    clock.now = REMEMBERED_S
    assert visits.get(ONE) is None
    assert visits.get(OTHER) is not None


def test_a_visit_goes_in_time_though_nobody_comes_any_more() -> None:
    visits = Visits(remembered_s=0.05)
    sent = visit(f"secret {id(visits)}")
    left = weakref.ref(sent)
    visits.begin(ONE, sent)
    del sent
    assert wait_until(lambda: left() is None)


def test_what_is_taken_back_leaves_the_answer_without_what_it_quotes() -> None:
    visits = Visits()
    for token, prediction_id in ((ONE, "p-1"), (OTHER, "p-2")):
        visits.begin(token, dataclasses.replace(visit("secret"), prediction_id=prediction_id, disputed="neutral"))
    visits.take_back("", {"p-1"})
    taken, other = visits.get(ONE), visits.get(OTHER)
    assert taken is not None and (taken.sample, taken.disputed, taken.forgotten) == (Sample(), None, True)
    assert other is not None and other.sample.text == "secret"


def test_the_oldest_go_where_all_together_hold_too_much() -> None:
    visits = Visits(most_bytes=250)
    for token in (ONE, OTHER, "0" * 32):
        visits.begin(token, visit("", image=bytes(100)))
    assert visits.get(ONE) is None
    assert visits.get(OTHER) is not None
    assert visits.get("0" * 32) is not None


def test_who_begins_more_than_there_is_room_for_drops_what_is_its_own() -> None:
    visits = Visits(most=3, most_bytes=1_000)
    visits.begin(ONE, dataclasses.replace(visit(), caller="visitor"))
    for number in range(50):
        visits.begin(f"{number:032x}", dataclasses.replace(visit(), caller="greedy"))
    assert visits.get(ONE) is not None and visits.get(f"{49:032x}") is not None
    for number in range(50):
        visits.begin(f"{number:032x}", dataclasses.replace(visit("", image=bytes(450)), caller="greedy"))
    assert visits.get(ONE) is not None and visits.get(f"{49:032x}") is not None


def test_there_are_never_more_than_a_fixed_number() -> None:
    visits = Visits(most=3)
    for number in range(4):
        visits.begin(f"{number:032x}", visit())
    assert visits.get(f"{0:032x}") is None
    assert visits.get(f"{1:032x}") is not None
