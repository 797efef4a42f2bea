"""Captions drawn from a task's capabilities: to ask a version, or to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmdemo.behaviour import grammar
from mmdemo.behaviour.capabilities import Capability, Case, Suite
from mmdemo.values.samples import Sample

TRIES = 40  # draws for each caption that is wanted: short lists hold fewer than were asked for


@dataclass(frozen=True)
class Expectation:
    """A sample and the label that is right for it."""

    sample: Sample
    label: str


@dataclass(frozen=True)
class Instance:
    """One test: it holds where every expectation does.

    Where `rises` is given, it holds where that label is no less probable for the last sample than for the first.
    """

    capability: str
    expectations: tuple[Expectation, ...]
    rises: str = ""


@dataclass(frozen=True)
class Caption:
    """A sentence whose label is known because of how it was made."""

    text: str
    label: str
    capability: str
    template: str


def draw(suite: Suite, pictures: Sequence[Sample], count: int, seed: int = 0) -> list[Instance]:
    """Return up to `count` instances of each capability, the same ones for the same seed.

    Each caption is asked beside pictures drawn at random, every third one of those with a single picture beside none.
    Without `pictures` (samples that have one) all are asked alone.
    """
    instances = []
    for number, capability in enumerate(suite.capabilities):
        generator = np.random.default_rng([seed, number])
        instances += [
            _beside(instance, capability, pictures, place, generator)
            for place, instance in enumerate(_instances(capability, suite, count, generator))
        ]
    return instances


def captions(suite: Suite, count: int, seed: int = 0) -> list[Caption]:
    """Return `count` different captions of the cases, each case's share by its weight. Fewer where lists are short."""
    generator = np.random.default_rng(seed)
    cases = [(capability, case) for capability in suite.capabilities for case in capability.cases]
    total = sum(case.weight for _, case in cases)
    return [
        Caption(text, case.label, capability.name, template)
        for capability, case in cases
        for text, template in _texts(case, suite, round(count * case.weight / total), generator)
    ]


def _texts(case: Case, suite: Suite, count: int, generator: np.random.Generator) -> list[tuple[str, str]]:
    """Return up to `count` different captions with their templates, which take turns."""
    drawn: dict[str, str] = {}
    for number in range(count * TRIES):
        if len(drawn) == count:
            break
        template = case.templates[number % len(case.templates)]
        drawn.setdefault(grammar.expand(template, suite.lists, generator), template)
    return list(drawn.items())


def _instances(capability: Capability, suite: Suite, count: int, generator: np.random.Generator) -> list[Instance]:
    kinds = len(capability.cases) + len(capability.together) + len(capability.toward)
    each = -(-count // kinds)
    instances = [
        Instance(capability.name, (Expectation(Sample(text=text), case.label),))
        for case in capability.cases
        for text, _ in _texts(case, suite, each, generator)
    ]
    for templates in capability.together:
        drawn = [
            {label: grammar.expand(text, suite.lists, generator) for label, text in templates.items()}
            for _ in range(each)
        ]
        instances += [
            Instance(capability.name, tuple(Expectation(Sample(text=text), label) for label, text in row.items()))
            for row in drawn
        ]
    for entry in capability.toward:
        for _ in range(each):
            state = generator.integers(2**32)  # both halves draw the same words
            pair = [
                Expectation(Sample(text=grammar.expand(text, suite.lists, np.random.default_rng(state))), entry.label)
                for text in (entry.before, entry.after)
            ]
            instances.append(Instance(capability.name, tuple(pair), rises=entry.label))
    return instances


def _beside(
    instance: Instance,
    capability: Capability,
    pictures: Sequence[Sample],
    place: int,
    generator: np.random.Generator,
) -> Instance:
    """Return the instance beside pictures: one caption beside several, or all of its captions beside one."""
    if not pictures or (capability.pictures == 1 and place % 3 == 2):
        return instance
    chosen = [
        pictures[index] for index in generator.choice(len(pictures), min(capability.pictures, len(pictures)), False)
    ]
    beside = [
        replace(expectation, sample=replace(picture, text=expectation.sample.text))
        for expectation in instance.expectations
        for picture in chosen
    ]
    return replace(instance, expectations=tuple(beside))
