"""Pure translation between the loop and Label Studio's formats: task → label config, sample → task, annotation → label.

Stored names stand in `alias`, what people read in `value`: annotations come back with the stored names.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from annotations.labelstudio import looked
from mmdemo import locale
from mmdemo.answers import NONE_OF_THESE
from mmdemo.samples import Explanation
from mmdemo.tasks import Task

if TYPE_CHECKING:
    from annotations.labelstudio.remote import Annotation

CONTROL = "label"  # name of the Choices tag, and `from_name` of every result
REASON = "reason"  # name of the Choices tag of the mark "right answer, wrong reason"
WRONG_REASON = "wrong_reason"  # that mark, as stored
LOOKED = "looked"  # key in a task's data that holds where the model looked, as HTML
REASON_ASKED, SUGGESTED = "reason", "suggested"  # keys in its data: why it is asked, what its sender said it is
SAMPLE_ID = "sample_id"  # key in a task's data by which it is found again
TITLE_CHARS = 50  # Label Studio refuses longer titles
MEDIA_TITLE = "mmdemo media"
MEDIA_CONFIG = "<View></View>"  # direct uploads are refused by projects whose config has two data keys
MEDIA_MARK = "[mmdemo media]"
MEDIA_DESCRIPTION = f"Pictures and sounds of the other mmdemo projects; nothing to label here. {MEDIA_MARK}"
KEYS = "1234567890"  # the first label's key, the second's …
NONE_KEY = "x"

_TAGS = {"image": "Image", "text": "Text", "audio": "Audio"}
_JOINER = "\u2060"  # takes no room
_PLACE = re.compile(r"\[place:([0-9a-f]{16})\]")
_NAME = re.compile(r"(?:^|-)([0-9a-f]{64})\.[a-z]+$")  # Label Studio puts a prefix of its own before the name


@dataclass(frozen=True)
class Outgoing:
    """What is sent of one sample: nothing of its sender goes along."""

    sample_id: str
    caption: str | None
    files: Mapping[str, str] = field(default_factory=dict)  # modality → name under the media folder
    label: str | None = None  # the model's guess; None where nobody predicted
    score: float | None = 0.0  # its probability; None where it is only a guess
    model_version: str = ""
    explanation: Explanation | None = None  # as it was served with the guess
    reason: str = ""  # why people are asked
    suggested: str = ""  # the label that its sender said it should be


@dataclass(frozen=True)
class StandingAnswer:
    """What one person there says of a sample."""

    annotation: "Annotation"
    label: str
    wrong_reason: bool = False  # … and says that a right guess looked at the wrong thing


def title(task: Task) -> str:
    """Return the project's title for a task."""
    return f"mmdemo: {task.name}"[:TITLE_CHARS]


def description(task: Task) -> str:
    """Return the project's description; its mark says that the project was made for this task."""
    return f"Samples that the model doubts, kept in step by `python -m annotations sync`. {mark(task)}"


def place_of(description: str) -> str | None:
    """Return the random id in a project's description, by which its home folder knows it at whatever address."""
    found = _PLACE.search(description)
    return found and found[1]


def with_place(description: str, place: str) -> str:
    """Return a description that holds that id, whatever else people wrote there."""
    return f"{_PLACE.sub('', description).rstrip()} [place:{place}]".lstrip()


def continued(description: str, project: int) -> str:
    """Return the description of a project that has a successor."""
    return f"Continued in project {project}: what the task takes has changed. {description}"


def mark(task: Task) -> str:
    """Return what a project's description must contain for it to be taken for ours."""
    return f"[mmdemo:{task.name}]"


def label_config(task: Task) -> str:
    """Return the label config: the task's modalities beside its labels, with hotkeys and display names."""
    root = ET.Element("View", style="display: flex; flex-wrap: wrap; gap: 24px")
    shown = ET.SubElement(root, "View", style="flex: 3 1 360px; min-width: 0")
    for modality in task.modalities:
        ET.SubElement(shown, _TAGS[modality], name=modality, value=f"${modality}")
    asked = ET.SubElement(root, "View", style="flex: 1 1 320px")
    ET.SubElement(asked, "Header", value=_as_text(task.display_title()))
    choices = ET.SubElement(
        asked,
        "Choices",
        {"name": CONTROL, "toName": task.modalities[0], "choice": "single-radio", "required": "true"},
        showInline="false",
    )
    displayed, keys = _displayed(task), _hotkeys(task)
    for name in task.answers:
        choice = ET.SubElement(choices, "Choice", value=_as_text(displayed[name]), alias=name)
        if name in keys:
            choice.set("hotkey", keys[name])
        others = {task.display(name, language) for language in locale.LANGUAGES} - {displayed[name]}
        if others:
            choice.set("hint", " · ".join(sorted(others)))
    asked.extend([*_mark(task), *_map()])
    return ET.tostring(root, encoding="unicode")


def _as_text(shown: str) -> str:
    """Return a text in which Label Studio sees no name of data, as it does in `$text`; it looks the same."""
    return shown.replace("$", f"{_JOINER}${_JOINER}")


def _map() -> list[ET.Element]:
    title = ET.Element("Header", value=locale.text("explain.title"), size="5")
    return [title, ET.Element("HyperText", name=LOOKED, value=f"${LOOKED}", inline="true")]


def _mark(task: Task) -> list[ET.Element]:
    marks = ET.Element("Choices", {"name": REASON, "toName": task.modalities[0], "choice": "multiple"})
    shown, *others = [locale.text("review.wrong_reason", language) for language in locale.LANGUAGES]
    ET.SubElement(marks, "Choice", value=shown, alias=WRONG_REASON, hotkey="w", hint=" · ".join(others))
    return [marks]


def brought_up(config: str, task: Task) -> str:
    """Return what a project's config should be: made anew where its labels or modalities are not the task's.

    People may add to it: otherwise only the map and the mark are added where they are missing.
    """
    if not fits(config, task):
        return label_config(task)
    root = ET.fromstring(config, ET.XMLParser(target=ET.TreeBuilder(insert_comments=True)))
    names = {element.get("name") for element in root.iter()}
    missing = [*(() if LOOKED in names else _map()), *(() if REASON in names else _mark(task))]
    root.extend(missing)
    return ET.tostring(root, encoding="unicode") if missing else config


def _displayed(task: Task) -> dict[str, str]:
    names = {name: task.display(name) for name in task.answers}
    # Label Studio tells choices apart by what it shows: where two look the same, the stored names must do.
    return names if len(set(names.values())) == len(names) else {name: name for name in names}


def _hotkeys(task: Task) -> dict[str, str]:
    digits = {name: name for name in task.label_names if len(name) == 1 and name in KEYS}
    return (digits or dict(zip(task.label_names, KEYS, strict=False))) | {NONE_OF_THESE: NONE_KEY}


def fits(config: str, task: Task) -> bool:
    """Whether a project's config still asks for this task's labels about its modalities; people may add to it."""
    try:
        root = ET.fromstring(config)
    except ET.ParseError:
        return False
    choices = [element for element in root.iter("Choices") if element.get("name") == CONTROL]
    if len(choices) != 1:
        return False
    labels = {choice.get("alias") or choice.get("value") for choice in choices[0].iter("Choice")}
    values = {element.get("value") for element in root.iter()}
    return labels == set(task.answers) and all(f"${modality}" in values for modality in task.modalities)


def upload_name(sample_id: str, file: str) -> str:
    """Return the name under which a media file is uploaded: it says whose it is, so that it can be found and erased."""
    return f"{sample_id}.{file.rsplit('.', 1)[-1]}"


def sample_of_upload(name: str) -> str | None:
    """Return the sample id in the name of an uploaded file, None for a file of somebody else's."""
    found = _NAME.search(name)
    return found and found[1]


def sample_of(data: Mapping[str, Any]) -> str:
    """Return the sample id in a task's data, "" where people made the task there themselves."""
    sample_id = data.get(SAMPLE_ID)
    return sample_id if isinstance(sample_id, str) else ""


def payload(task: Task, sample: Outgoing, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return the task that Label Studio imports. `urls`: modality → where its page finds the uploaded file.

    Every data key of the config must be there, so a missing modality is an empty string: nothing is shown for it.
    """
    data = {modality: urls.get(modality, "") for modality in task.modalities}
    if "text" in data:
        data["text"] = sample.caption or ""
    said = f"<p>{escape(_said(task, sample))}</p>" if sample.label in task.answers else ""
    data[LOOKED] = said + looked.html(sample.explanation, sample.caption or "", urls.get("image", ""))
    data |= {REASON_ASKED: sample.reason, SUGGESTED: sample.suggested, SAMPLE_ID: sample.sample_id}
    expected = guess(task, sample)
    return {"data": data} if expected is None else {"data": data, "predictions": [expected]}


def _said(task: Task, sample: Outgoing) -> str:
    """Return what model and sender say of a sample: Label Studio shows no tab of the guess to who labels all."""
    label, version = task.display(sample.label or ""), sample.model_version
    if sample.score is None:
        sentence = locale.text("review.outside_only_guess", label=label, version=version)
    else:
        percent = locale.text("common.percent", number=f"{100 * sample.score:.0f}")
        sentence = locale.text("review.outside_guess", label=label, percent=percent, version=version)
    if sample.suggested in task.answers:
        sentence += " " + locale.text("review.outside_suggested", label=task.display(sample.suggested))
    return sentence


def guess(task: Task, sample: Outgoing) -> dict[str, Any] | None:
    """Return the prediction that its task should have, None where it should have none."""
    if sample.label not in task.answers:
        return None
    body = {"model_version": sample.model_version, "result": [result(task, sample.label)]}
    return body if sample.score is None else {**body, "score": sample.score}


def result(task: Task, label: str) -> dict[str, Any]:
    """Return the one result of an annotation or prediction that says `label`."""
    return {"from_name": CONTROL, "to_name": task.modalities[0], "type": "choices", "value": {"choices": [label]}}


def label_of(results: Iterable[object], task: Task) -> str | None:
    """Return the label that an annotation's results say, None where they say none of the task's."""
    for chosen in _chosen(results, CONTROL):
        if len(chosen) == 1 and chosen[0] in task.answers:
            return str(chosen[0])
    return None


def says_wrong_reason(results: Iterable[object]) -> bool:
    """Return whether an annotation's results say "right answer, wrong reason"."""
    return any(WRONG_REASON in chosen for chosen in _chosen(results, REASON))


def _chosen(results: Iterable[object], control: str) -> Iterator[list[Any]]:
    """Yield what was chosen at a control. The server takes results of any shape: what is no choice is passed over."""
    for item in results:
        value = item.get("value") if isinstance(item, Mapping) and item.get("from_name") == control else None
        chosen = value.get("choices") if isinstance(value, Mapping) else None
        if isinstance(chosen, list):
            yield chosen


def standing_answers(annotations: Iterable["Annotation"], task: Task) -> list[StandingAnswer]:
    """Return what each person there says, by their latest annotation that says a label; oldest first."""
    answers: dict[int | None, StandingAnswer] = {}
    for each in _by_time(annotations):
        label = None if each.cancelled else label_of(each.result, task)
        if label is not None:
            answers.pop(each.annotator, None)  # what was said last stands last
            answers[each.annotator] = StandingAnswer(each, label, says_wrong_reason(each.result))
    return list(answers.values())


def skip_of(annotations: Iterable["Annotation"]) -> "Annotation | None":
    """Return the latest skip; it counts where nobody gives a label."""
    return next((each for each in reversed(_by_time(annotations)) if each.cancelled), None)


def is_unreadable(annotations: Sequence["Annotation"], task: Task) -> bool:
    """Whether there are annotations and none says a label of the task, or puts it off."""
    return bool(annotations) and not standing_answers(annotations, task) and skip_of(annotations) is None


def _by_time(annotations: Iterable["Annotation"]) -> list["Annotation"]:
    return sorted(annotations, key=lambda annotation: (annotation.updated_at, annotation.id))


def leading_version(counts: Mapping[str, int]) -> str | None:
    """Return the one model version whose guesses Label Studio should preselect: the most common, of equals the last."""
    counts = {version: count for version, count in counts.items() if version}
    return max(counts, key=lambda version: (counts[version], version)) if counts else None
