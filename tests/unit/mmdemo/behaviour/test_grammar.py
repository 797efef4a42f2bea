"""A template says what it should, in English."""

import numpy as np
import pytest

from mmdemo.behaviour import grammar

LISTS = {"thing": ["umbrella"], "who": ["the {thing}"], "few": ["", "well"], "loop": ["{loop}"]}


def say(template: str) -> str:
    return grammar.expand(template, LISTS, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("A {thing} is here", "An umbrella is here"),
        ("{who} is open", "The umbrella is open"),
        ("look at {who}", "look at the umbrella"),
        ("Two {thing}s", "Two umbrellas"),
        ("a unit, a euro, a one-way ticket, a hat", "a unit, a euro, a one-way ticket, a hat"),
    ],
)
def test_a_sentence_is_english(template: str, sentence: str) -> None:
    assert say(template) == sentence


def test_an_entry_that_says_nothing_leaves_no_stray_comma() -> None:
    empty = {"few": [""]}
    assert grammar.expand("All are fine, {few}!", empty, np.random.default_rng(0)) == "All are fine!"


@pytest.mark.parametrize(
    ("noun", "plural"),
    [("box", "boxes"), ("knife", "knives"), ("secretary", "secretaries"), ("key", "keys"), ("postman", "postmen")],
)
def test_plurals(noun: str, plural: str) -> None:
    assert grammar.plural(noun) == plural


def test_lists_that_lead_back_to_themselves_end() -> None:
    with pytest.raises(RecursionError):
        say("{loop}")


def test_the_same_seed_says_the_same() -> None:
    lists = {"n": [str(number) for number in range(100)]}
    first, again = (grammar.expand("{n} {n}", lists, np.random.default_rng(7)) for _ in range(2))
    assert first == again
