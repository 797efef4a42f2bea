"""Pure translation between the loop and Label Studio's formats: task → label config, sample → task, annotation → value.

What depends on the kind of answer, `controls` knows.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from annotations.labelstudio import controls
from annotations.labelstudio.translation import as_text, map_html
from mmdemo import locale
from mmdemo.errors import MmdemoError
from mmdemo.tasks import Task
from mmdemo.values.samples import Explanation

if TYPE_CHECKING:
    from annotations.labelstudio.connection.remote import Annotation

CONTROL = "label"  # name of the tag at which people answer, and `from_name` of every result
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

_TAGS = {"image": "Image", "text": "Text", "audio": "Audio"}
_PLACE = re.compile(r"\[place:([0-9a-f]{16})\]")
_NAME = re.compile(r"(?:^|-)([0-9a-f]{64})\.[a-z]+$")  # Label Studio puts a prefix of its own before the name


@dataclass(frozen=True)
class TaskPayload:
    """What is sent of one sample: nothing of its sender goes along."""

    sample_id: str
    caption: str | None
    files: Mapping[str, str] = field(default_factory=dict)  # modality → name under the media folder
    value: str | None = None  # the model's guess; None where nobody predicted
    score: float | None = 0.0  # its confidence; None where it is only a guess
    model_version: str = ""  # whose guess it is, or would be were it shown
    explanation: Explanation | None = None  # as it was served with the guess
    reason: str = ""  # why people are asked
    suggested: str = ""  # what its sender said it should be
    blind: bool = False  # no guess is shown beside it, and no map
    rank: float = 0.0  # in [0, 1]: the server asks for the least first


@dataclass(frozen=True)
class StandingAnswer:
    """What one person there says of a sample."""

    annotation: "Annotation"
    value: str
    wrong_reason: bool = False  # … and says that a right guess looked at the wrong thing


def title(task: Task) -> str:
    """Return the project's title for a task."""
    return f"mmdemo: {task.name}"[:TITLE_CHARS]


def description(task: Task) -> str:
    """Return the project's description; its mark says that the project was made for this task."""
    return f"Samples that the model doubts, kept in step by `python -m annotations sync`. {mark(task)}"


def place_of(description: str) -> str | None:
    """Return the random id in a project's description, by which its home folder knows it at whatever address."""
    match = _PLACE.search(description)
    return match and match[1]


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
    """Return the label config: the task's modalities beside the control at which it is answered."""
    root = ET.Element("View", style="display: flex; flex-wrap: wrap; gap: 24px")
    sample_view = ET.SubElement(root, "View", style="flex: 3 1 360px; min-width: 0")
    for modality in task.modalities:
        ET.SubElement(sample_view, _TAGS[modality], name=modality, value=f"${modality}")
    answer_view = ET.SubElement(root, "View", style="flex: 1 1 320px")
    ET.SubElement(answer_view, "Header", value=as_text(task.display_title()))
    answer_view.extend(controls.KINDS[task.kind].elements(task, CONTROL, task.modalities[0]))
    answer_view.extend([*_mark(task), *_map()])
    return ET.tostring(root, encoding="unicode")


def _map() -> list[ET.Element]:
    title = ET.Element("Header", value=locale.text("explain.title"), size="5")
    return [title, ET.Element("HyperText", name=LOOKED, value=f"${LOOKED}", inline="true")]


def _mark(task: Task) -> list[ET.Element]:
    marks = ET.Element("Choices", {"name": REASON, "toName": task.modalities[0], "choice": "multiple"})
    label, *others = [locale.text("review.wrong_reason", language) for language in locale.LANGUAGES]
    ET.SubElement(marks, "Choice", value=label, alias=WRONG_REASON, hotkey="w", hint=" · ".join(others))
    return [marks]


def brought_up(config: str, task: Task) -> str:
    """Return what a project's config should be: made anew where its answers or modalities are not the task's.

    People may add to it: otherwise only the map and the mark are added where they are missing.
    """
    if not fits(config, task):
        return label_config(task)
    root = ET.fromstring(config, ET.XMLParser(target=ET.TreeBuilder(insert_comments=True)))
    names = {element.get("name") for element in root.iter()}
    missing = [*(() if LOOKED in names else _map()), *(() if REASON in names else _mark(task))]
    root.extend(missing)
    return ET.tostring(root, encoding="unicode") if missing else config


def fits(config: str, task: Task) -> bool:
    """Whether a project's config still asks for this task's answers about its modalities; people may add to it."""
    try:
        root = ET.fromstring(config)
    except ET.ParseError:
        return False
    values = {element.get("value") for element in root.iter()}
    shows_inputs = all(f"${modality}" in values for modality in task.modalities)
    return shows_inputs and controls.KINDS[task.kind].fits(task, CONTROL, root)


def upload_name(sample_id: str, file: str) -> str:
    """Return the name under which a media file is uploaded: it says whose it is, so that it can be found and erased."""
    return f"{sample_id}.{file.rsplit('.', 1)[-1]}"


def sample_of_upload(name: str) -> str | None:
    """Return the sample id in the name of an uploaded file, None for a file of somebody else's."""
    match = _NAME.search(name)
    return match and match[1]


def sample_of(data: Mapping[str, Any]) -> str:
    """Return the sample id in a task's data, "" where people made the task there themselves."""
    sample_id = data.get(SAMPLE_ID)
    return sample_id if isinstance(sample_id, str) else ""


def payload(task: Task, sample: TaskPayload, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return the task that Label Studio imports. `urls`: modality → where its page finds the uploaded file.

    Every data key of the config must be there, so a missing modality is an empty string: nothing is shown for it.
    """
    data = {modality: urls.get(modality, "") for modality in task.modalities}
    if "text" in data:
        data["text"] = sample.caption or ""
    summary = f"<p>{escape(_said(task, sample))}</p>" if task.takes(sample.value) else ""
    data[LOOKED] = summary + map_html.html(sample.explanation, sample.caption or "", urls.get("image", ""))
    data |= {REASON_ASKED: sample.reason, SUGGESTED: sample.suggested, SAMPLE_ID: sample.sample_id}
    expected = guess(task, sample)
    return {"data": data} if expected is None else {"data": data, "predictions": [expected]}


def _said(task: Task, sample: TaskPayload) -> str:
    """Return what model and sender say of a sample: Label Studio shows no tab of the guess to who labels all."""
    label, version = task.display(sample.value or ""), sample.model_version
    if sample.score is None:
        sentence = locale.text("review.outside_only_guess", label=label, version=version)
    else:
        percent = locale.text("common.percent", number=f"{100 * sample.score:.0f}")
        sentence = locale.text("review.outside_guess", label=label, percent=percent, version=version)
    if task.takes(sample.suggested):
        sentence += " " + locale.text("review.outside_suggested", label=task.display(sample.suggested))
    return sentence


def guess(task: Task, sample: TaskPayload) -> dict[str, Any] | None:
    """Return the prediction that its task should have, None where it should have none.

    The server asks for what has a prediction first, by its score: so what is answered blind has one that says nothing.
    """
    if not sample.blind and (sample.value is None or not task.takes(sample.value)):
        return None
    results = [] if sample.blind or sample.value is None else [result(task, sample.value)]
    return {"model_version": sample.model_version, "result": results, "score": sample.rank}


def result(task: Task, value: str) -> dict[str, Any]:
    """Return the one result of an annotation or prediction that says `value`."""
    return {"from_name": CONTROL, "to_name": task.modalities[0], **controls.KINDS[task.kind].result(value)}


def value_of(results: Iterable[object], task: Task) -> str | None:
    """Return the value that an annotation's results say, None where they say none of the task's."""
    for entry in _entries(results, CONTROL):
        with contextlib.suppress(MmdemoError):  # people there may type what the task does not take
            value = controls.KINDS[task.kind].read(task, entry)
            if value is not None:
                return task.check(value)
    return None


def says_wrong_reason(results: Iterable[object]) -> bool:
    """Return whether an annotation's results say "right answer, wrong reason"."""
    choices = (entry.get("choices") for entry in _entries(results, REASON))
    return any(WRONG_REASON in chosen for chosen in choices if isinstance(chosen, list))


def is_marked(annotations: Iterable["Annotation"]) -> bool:
    """Return whether any annotation says "right answer, wrong reason"."""
    return any(says_wrong_reason(each.result) for each in annotations)


def _entries(results: Iterable[object], control: str) -> Iterator[Mapping[str, Any]]:
    """Yield what was entered at a control. The server takes results of any shape: what is none is passed over."""
    for item in results:
        value = item.get("value") if isinstance(item, Mapping) and item.get("from_name") == control else None
        if isinstance(value, Mapping):
            yield value


def standing_answers(annotations: Iterable["Annotation"], task: Task) -> list[StandingAnswer]:
    """Return what each person there says, by their latest annotation that says a value; oldest first."""
    answers: dict[int | None, StandingAnswer] = {}
    for each in _by_time(annotations):
        value = None if each.cancelled else value_of(each.result, task)
        if value is not None:
            answers.pop(each.annotator, None)  # what was said last stands last
            answers[each.annotator] = StandingAnswer(each, value, says_wrong_reason(each.result))
    return list(answers.values())


def skip_of(annotations: Iterable["Annotation"]) -> "Annotation | None":
    """Return the latest skip; it counts where nobody gives a value."""
    return next((each for each in reversed(_by_time(annotations)) if each.cancelled), None)


def is_unreadable(annotations: Sequence["Annotation"], task: Task) -> bool:
    """Whether there are annotations and none says a value of the task, or puts it off."""
    return bool(annotations) and not standing_answers(annotations, task) and skip_of(annotations) is None


def _by_time(annotations: Iterable["Annotation"]) -> list["Annotation"]:
    return sorted(annotations, key=lambda annotation: (annotation.updated_at, annotation.id))


def leading_version(counts: Mapping[str, int]) -> str | None:
    """Return the one model version whose guesses Label Studio should preselect: the most common, of equals the last."""
    counts = {version: count for version, count in counts.items() if version}
    return max(counts, key=lambda version: (counts[version], version)) if counts else None
