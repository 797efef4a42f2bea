"""The capabilities of a task as its TOML files describe them; loaded and checked here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmdemo.behaviour import grammar
from mmdemo.tasks import Task, read_toml

TEST, TRAIN = "test.toml", "train.toml"


@dataclass(frozen=True)
class Case:
    """Templates whose captions all have one label."""

    label: str
    templates: tuple[str, ...]
    weight: float = 1.0  # share of a training's captions, beside those of other cases


@dataclass(frozen=True)
class Addition:
    """Words that are added to a caption, and the label whose probability they must not lower."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Capability:
    """One thing that the task should be able to do, and the templates that show whether it does."""

    name: str
    cases: tuple[Case, ...] = ()
    together: tuple[Mapping[str, str], ...] = ()  # label → template: captions that are asked under one picture
    toward: tuple[Addition, ...] = ()
    pictures: int = 1  # beside which each caption is asked
    reported_only: bool = False  # too hard to hold a version to: shown, and never judged by


@dataclass(frozen=True)
class Suite:
    """The capabilities of one file, and the word lists that their templates draw from."""

    lists: Mapping[str, Sequence[str]]
    capabilities: tuple[Capability, ...]


def load(task: Task, name: str = TEST) -> Suite | None:
    """Return the capabilities of a task, None where it describes none. Raises ManifestError with what is wrong."""
    if task.behaviour is None:
        return None
    return read_toml(task.behaviour / name, lambda raw: _suite(raw, task))


def _suite(raw: dict[str, Any], task: Task) -> Suite:
    suite = Suite(raw.get("lists", {}), tuple(_capability(*item) for item in raw["capabilities"].items()))
    for capability in suite.capabilities:
        _check(capability, suite.lists, task)
    return suite


def _capability(name: str, raw: dict[str, Any]) -> Capability:
    return Capability(
        name=name,
        cases=tuple(Case(**{**case, "templates": tuple(case["templates"])}) for case in raw.pop("cases", ())),
        together=tuple(raw.pop("together", ())),
        toward=tuple(Addition(**entry) for entry in raw.pop("toward", ())),
        **raw,
    )


def _check(capability: Capability, lists: Mapping[str, Sequence[str]], task: Task) -> None:
    pairs = [(case.label, template) for case in capability.cases for template in case.templates]
    pairs += [pair for captions in capability.together for pair in captions.items()]
    pairs += [(entry.label, entry.before + entry.after) for entry in capability.toward]
    if not pairs:
        raise ValueError(f"capability {capability.name} has no templates")
    for label, template in pairs:
        if label not in task.label_names:
            raise ValueError(f"label {label!r} of {capability.name} is none of {', '.join(task.label_names)}")
        missing = [name for name in grammar.names(template) if not lists.get(name)]
        if missing:
            raise ValueError(f"{template!r} draws from {missing[0]!r}, and there is no such list")
