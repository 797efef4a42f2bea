"""How each kind of answer is asked for and said in Label Studio; found in KINDS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from annotations.labelstudio.controls import choices
from mmdemo.answers import CLASSIFICATION
from mmdemo.tasks import Task

__all__ = ["KINDS", "ControlTag"]


@dataclass(frozen=True)
class ControlTag:
    """The control at which people there give answers of one kind, such as Label Studio's `Choices`."""

    elements: Callable[[Task, str, str], list[ET.Element]]  # task, its name, modality that it is about → tags
    fits: Callable[[Task, str, ET.Element], bool]  # task, its name, a config → whether that asks for the task's values
    result: Callable[[str], dict[str, Any]]  # stored value → `type` and `value` of a result that says it
    # `value` of a result → what was entered, which the task has yet to check; None or an MmdemoError: nothing of use
    read: Callable[[Task, Mapping[str, Any]], str | None]


KINDS: dict[str, ControlTag] = {
    CLASSIFICATION: ControlTag(
        elements=choices.elements,
        fits=choices.fits,
        result=choices.result,
        read=choices.read,
    ),
}
