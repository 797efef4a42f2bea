"""One label out of several: `Choices`. Stored names stand in `alias`, what people read in `value`.

Annotations come back with the stored names.
"""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from annotations.labelstudio.translation import as_text
from mmdemo import locale
from mmdemo.answers import NONE_OF_THESE
from mmdemo.tasks import Task

KEYS = "1234567890"  # the first label's key, the second's …
NONE_KEY = "x"


def elements(task: Task, name: str, about: str) -> list[ET.Element]:
    """Return the labels with hotkeys and display names."""
    control = ET.Element(
        "Choices",
        {"name": name, "toName": about, "choice": "single-radio", "required": "true"},
        showInline="false",
    )
    displayed, keys = _displayed(task), _hotkeys(task)
    for label in task.answers:
        choice = ET.SubElement(control, "Choice", value=as_text(displayed[label]), alias=label)
        if label in keys:
            choice.set("hotkey", keys[label])
        others = {task.display(label, language) for language in locale.LANGUAGES} - {displayed[label]}
        if others:
            choice.set("hint", " · ".join(sorted(others)))
    return [control]


def fits(task: Task, name: str, config: ET.Element) -> bool:
    """Whether a config offers this task's labels once, and no other."""
    controls = [element for element in config.iter("Choices") if element.get("name") == name]
    if len(controls) != 1:
        return False
    return {choice.get("alias") or choice.get("value") for choice in controls[0].iter("Choice")} == set(task.answers)


def result(value: str) -> dict[str, Any]:
    """Return the choice of one label."""
    return {"type": "choices", "value": {"choices": [value]}}


def read(task: Task, value: Mapping[str, Any]) -> str | None:
    """Return the one label of the task that was chosen."""
    chosen = value.get("choices")
    if isinstance(chosen, list) and len(chosen) == 1 and chosen[0] in task.answers:
        return str(chosen[0])
    return None


def _displayed(task: Task) -> dict[str, str]:
    names = {name: task.display(name) for name in task.answers}
    # Label Studio tells choices apart by what it shows: where two look the same, the stored names must do.
    return names if len(set(names.values())) == len(names) else {name: name for name in names}


def _hotkeys(task: Task) -> dict[str, str]:
    digits = {name: name for name in task.label_names if len(name) == 1 and name in KEYS}
    return (digits or dict(zip(task.label_names, KEYS, strict=False))) | {NONE_OF_THESE: NONE_KEY}
