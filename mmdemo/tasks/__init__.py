"""A task is one TOML file: labels, further answers, modalities, encoders, fusion, threshold, gate, limits.

This module loads and checks it. Shipped tasks stand beside this file; `Settings.task_dir` names a folder of others.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from mmdemo import locale
from mmdemo.answers import CLASSIFICATION, KINDS, NONE_OF_THESE
from mmdemo.answers.labels import check_names
from mmdemo.errors import ManifestError, MmdemoError, UnknownName
from mmdemo.tasks.audits import Audits, check_share
from mmdemo.values.promise import Promise
from mmdemo.values.samples import MODALITIES

T = TypeVar("T")
SHIPPED = Path(__file__).parent
SPLIT_BY = "speaker"  # field of a sample's `extra` that never crosses a split, where the task names no other
NAME = re.compile(r"\w([\w .-]*\w)?")  # of a task, after which folders are called
NAMED_LABELS = 5  # at most, in a question that no file words
PROFILED = ("languages", "encoders", "fusion", "training", "retrain")  # what a profile may change


@dataclass(frozen=True)
class Label:
    """One possible answer; `name` is what is stored, `display` what a reader sees."""

    name: str
    display: Mapping[str, str]  # language → text


@dataclass(frozen=True)
class Question:
    """Something that is asked of a sample: its name, its title, and the labels that may answer it."""

    name: str
    title: Mapping[str, str]  # language → text
    labels: tuple[Label, ...]

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels as stored, in the task's order."""
        return tuple(label.name for label in self.labels)

    def display_label(self, label: str, language: str = "en") -> str:
        """Return what a reader of `language` sees for a stored label."""
        names: Mapping[str, str] = next((item.display for item in self.labels if item.name == label), {})
        return _in(names, language) or label

    def display_title(self, language: str = "en") -> str:
        """Return the title for a reader of `language`."""
        return _in(self.title, language) or self.name


@dataclass(frozen=True)
class AuxiliaryHead(Question):
    """A further answer, learned from `extra` of the samples that have it there under its name."""


@dataclass(frozen=True)
class Example:
    """A sample to click in the page, with its credit."""

    image: Path | None = None
    text: str = ""
    audio: Path | None = None
    credit: str = ""
    expected: str = ""  # the label that is right
    doubtful: bool = False  # deliberately below the threshold


@dataclass(frozen=True)
class Gate:
    """When the night may promote."""

    minimum: int = 20  # held-out corrections needed for a verdict
    held_out_share: float = 0.3  # share of corrections, by content hash, that is never trained on


@dataclass(frozen=True)
class Limits:
    """What an input may be; the sentence of a refusal names the limit."""

    text_chars: int = 5_000
    image_bytes: int = 25_000_000
    image_pixels: int = 50_000_000
    image_side: int = 65_535  # pixels of the longer side: as many as a JPEG can have
    audio_bytes: int = 50_000_000
    audio_min_s: float = 0.4
    audio_max_s: float = 30.0
    speech: bool = False  # sound in which nobody speaks is refused


@dataclass(frozen=True)
class Task(Question):
    """What a model answers, from what, and when it should ask."""

    kind: str
    modalities: tuple[str, ...]  # of MODALITIES, in their order
    languages: tuple[str, ...]  # ISO 639-1 codes of captions that the model reads
    encoders: Mapping[str, Mapping[str, Any]]  # modality → settings of its encoder
    fusion: Mapping[str, Any]
    training: Mapping[str, Any]  # hyperparameters that differ from the trainer's defaults
    retrain: Mapping[str, Any]  # options of the night that differ from its defaults
    threshold: float  # confidence under which people are asked, where no promise stands
    promise: Promise | None = None  # what is promised of answers that go out unasked; thresholds are then computed
    audit_share: float = 0.02  # share of confident answers that people are asked about all the same
    audits: Audits = field(default_factory=Audits)  # … and how long it is higher at first
    split_by: str = SPLIT_BY  # field of `extra`, or "group": samples that share it never cross a split
    captions: tuple[str, ...] = ()  # fields of `extra` that say what the caption says in other words, to learn from
    heads: tuple[AuxiliaryHead, ...] = ()
    behaviour: Path | None = None  # folder of the captions that test it, and of those to learn from: mmdemo.behaviour
    gate: Gate = field(default_factory=Gate)
    limits: Limits = field(default_factory=Limits)
    none_of_these: bool = False  # whether that may be the answer: learned from samples that are none of the labels
    answer: Mapping[str, Any] = field(default_factory=dict)  # what its kind of answer needs to know
    examples: tuple[Example, ...] = ()
    question: Mapping[str, str] = field(default_factory=dict)  # language → what its readers are asked of a sample
    path: Path | None = None  # the file it came from
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name → what it changes of PROFILED
    profile: str = ""  # the one that was chosen; "": the file's own settings

    @property
    def answers(self) -> tuple[str, ...]:
        """All that may be answered, where it can be listed: the labels, and NONE_OF_THESE last if the task has it."""
        return (*self.label_names, *([NONE_OF_THESE] if self.none_of_these else []))

    def display(self, value: str, language: str = "en") -> str:
        """Return what a reader of `language` sees for a stored value."""
        return KINDS[self.kind].display(self, value, language)

    def example(self, number: int) -> Example:
        """Return the example of this number, from 0. Raises UnknownName."""
        if not 0 <= number < len(self.examples):
            raise UnknownName("unknown_example", number=number, count=len(self.examples))
        return self.examples[number]

    @property
    def head_labels(self) -> dict[str, tuple[str, ...]]:
        """The further answers with their labels as stored, in the task's order."""
        return {head.name: head.label_names for head in self.heads}

    def display_question(self, language: str = "en") -> str:
        """Return what is asked of a sample, for a reader of `language`: the file's own words, else title and labels."""
        return _in(self.question, language) or _default_question(self, language)

    def in_profile(self, name: str) -> "Task":
        """Return the task with what one of its profiles changes; "" changes nothing. Raises UnknownName."""
        if name and name not in self.profiles:
            names = ", ".join(self.profiles) or "–"
            raise UnknownName("unknown_profile", profile=name, task=self.name, known=names)
        changed = self.profiles.get(name, {})
        return replace(
            self,
            profile=name,
            languages=tuple(changed.get("languages", self.languages)),
            encoders={**self.encoders, **changed.get("encoders", {})},
            fusion={**self.fusion, **changed.get("fusion", {})},
            training={**self.training, **changed.get("training", {})},
            retrain={**self.retrain, **changed.get("retrain", {})},
        )

    def check(self, value: str) -> str:
        """Return the stored form of a value that may be answered. Raises UnknownName, BadInput."""
        return KINDS[self.kind].check(self, value)

    def is_right(self, value: str, right: str) -> bool:
        """Tell whether an answered value is as good as the right one: its loss lies within the task's tolerance."""
        kind = KINDS[self.kind]
        return kind.loss(self, value, right) <= kind.tolerance(self)

    def takes(self, value: str | None) -> bool:
        """Tell whether a stored value may be answered."""
        try:
            return value is not None and self.check(value) == value
        except MmdemoError:
            return False


def load_all(task_dir: Path | None = None) -> dict[str, Task]:
    """Return the shipped tasks and those of `task_dir` by name; a later file of the same name wins.

    Raises ManifestError where a file is at fault, or the folder is none.
    """
    if task_dir is not None and not task_dir.is_dir():
        raise ManifestError("task_dir_missing", path=task_dir)
    folders = [SHIPPED, *([task_dir] if task_dir else [])]
    tasks = [load_file(path) for folder in folders for path in sorted(folder.glob("[!.]*.toml"))]
    return {task.name: task for task in tasks}


def get(name: str, task_dir: Path | None = None) -> Task:
    """Return the task of that name, or of that path to a TOML file. Raises UnknownName, ManifestError."""
    if name.endswith(".toml"):
        return load_file(Path(name))
    return among(load_all(task_dir), name)


def among(tasks: Mapping[str, Task], name: str) -> Task:
    """Return the one of these tasks that is called so. Raises UnknownName with the names of all."""
    if name not in tasks:
        raise UnknownName("unknown_task", task=name, known=", ".join(tasks))
    return tasks[name]


def load_file(path: Path) -> Task:
    """Return the task that a TOML file describes. Raises ManifestError with the field at fault."""
    return read_toml(path, lambda raw: _task(raw, path))


def read_toml(path: Path, parse: Callable[[dict[str, Any]], T]) -> T:
    """Return what `parse` makes of a TOML file, whose own errors name the field at fault. Raises ManifestError."""
    try:
        return parse(tomllib.loads(path.read_text(encoding="utf-8-sig")))  # some editors put a mark before the text
    except FileNotFoundError as error:
        raise ManifestError("task_file_missing", path=path) from error
    except OSError as error:
        raise ManifestError("task_file_unreadable", path=path, detail=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError("task_file_broken", path=path, detail=error) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError("task_field_wrong", path=path, detail=error) from error


def _task(raw: dict[str, Any], path: Path) -> Task:
    return _checked(
        Task(
            name=raw.pop("name"),
            kind=raw.pop("kind", CLASSIFICATION),
            title=_title(raw.pop("title")),
            labels=tuple(_label(entry) for entry in raw.pop("labels", ())),
            heads=tuple(_head(entry) for entry in raw.pop("heads", ())),
            behaviour=path.parent / raw.pop("behaviour") if "behaviour" in raw else None,
            modalities=tuple(sorted(raw.pop("modalities"), key=MODALITIES.index)),
            languages=tuple(raw.pop("languages", ())),
            captions=tuple(raw.pop("captions", ())),
            encoders=raw.pop("encoders", {}),
            fusion=raw.pop("fusion", {}),
            training=raw.pop("training", {}),
            retrain=raw.pop("retrain", {}),
            gate=Gate(**raw.pop("gate", {})),
            audits=Audits.of(raw.pop("audits", {})),
            promise=Promise.of(raw.pop("promise")) if "promise" in raw else None,
            limits=Limits(**raw.pop("limits", {})),
            examples=tuple(_example(entry, path.parent) for entry in raw.pop("examples", ())),
            question=_title(raw.pop("question", {})),
            path=path,
            **raw,
        )
    )


def _checked(task: Task) -> Task:
    if not isinstance(task.name, str) or not NAME.fullmatch(task.name):
        raise ValueError(f"name {task.name!r} may hold letters, digits, blanks and . - _ only, first and last no mark")
    if task.kind not in KINDS:
        raise ValueError(f"kind {task.kind!r} is none of {', '.join(KINDS)}")
    KINDS[task.kind].check_task(task)
    for names in task.head_labels.values():
        check_names(names)
    if not isinstance(task.none_of_these, bool):
        raise ValueError(f"{NONE_OF_THESE} {task.none_of_these!r} is neither true nor false")
    if len(task.head_labels) != len(task.heads):
        raise ValueError(f"heads {[head.name for head in task.heads]} must have different names")
    if task.encoders and set(task.encoders) != set(task.modalities):  # none: somebody else's model answers
        raise ValueError(f"encoders {sorted(task.encoders)} do not match modalities {sorted(task.modalities)}")
    if not all(isinstance(words, str) for words in task.question.values()):
        raise ValueError(f"question {dict(task.question)} is not a line for each language")
    if not isinstance(task.split_by, str):
        raise ValueError(f"split_by {task.split_by!r} is not the name of a field")
    for name in task.profiles if not task.profile else ():
        _checked_profile(task, name)
    if not 0 < task.threshold < 1:
        raise ValueError(f"threshold {task.threshold} is not between 0 and 1")
    check_share("audit_share", task.audit_share)
    return task


def _checked_profile(task: Task, name: str) -> None:
    others = set(task.profiles[name]) - set(PROFILED)
    if others:
        raise ValueError(f"profile {name} may change {', '.join(PROFILED)}, not {', '.join(sorted(others))}")
    _checked(task.in_profile(name))


def _head(entry: dict[str, Any]) -> AuxiliaryHead:
    name = entry["name"]
    return AuxiliaryHead(name, _title(entry.get("title", name)), tuple(_label(label) for label in entry["labels"]))


def _title(entry: str | dict[str, str]) -> dict[str, str]:
    return {"en": entry} if isinstance(entry, str) else entry


def _label(entry: str | dict[str, str]) -> Label:
    if isinstance(entry, str):
        return Label(entry, dict.fromkeys(locale.LANGUAGES, entry))
    name = entry["name"]
    return Label(name, {language: entry.get(language, name) for language in locale.LANGUAGES})


def _default_question(task: Task, language: str) -> str:
    title, count = task.display_title(language), len(task.labels)
    if not count:
        return locale.text("common.asks_value", language, title=title)
    if count > NAMED_LABELS:
        return locale.text("common.asks_title", language, title=title, count=count)
    labels = locale.listed((task.display(label, language) for label in task.label_names), language, last="common.or")
    return locale.text("common.asks_labels", language, title=title, labels=labels)


def _in(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get("en") or ""


def _example(entry: dict[str, Any], folder: Path) -> Example:
    media = {name: folder / entry.pop(name) for name in ("image", "audio") if name in entry}
    return Example(**media, **entry)
