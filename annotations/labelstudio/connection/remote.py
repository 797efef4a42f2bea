"""What lies on a Label Studio server, as values of our own: how they are asked for, and read from its answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import httpx

# Which fields an answer about tasks carries; the filter reaches into the annotations too.
TASK_FIELDS = "id,data,predictions,annotations,result,completed_by,updated_by,updated_at,was_cancelled"
# What is counted of a project; to count more takes the server much longer.
COUNTS = "task_number,total_annotations_number,skipped_annotations_number,total_predictions_number"
PROJECT_FIELDS = f"id,title,description,label_config,model_version,{COUNTS}"
DETAIL_CHARS = 300  # of what the server says where it refuses


@dataclass(frozen=True)
class Counts:
    """How much lies in one project."""

    tasks: int = 0
    annotations: int = 0  # without skips
    skips: int = 0
    guesses: int = 0

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Return what a project's `COUNTS` say, in the order of both."""
        return cls(*(getattr(raw, name) or 0 for name in COUNTS.split(",")))

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, name) + getattr(other, name) for name in vars(self)))


@dataclass(frozen=True)
class Project:
    """One project there."""

    id: int
    title: str
    description: str
    label_config: str  # XML
    model_version: str  # whose predictions its page preselects
    counts: Counts = Counts()

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Return a project as the SDK gives it."""
        texts = (raw.title or "", raw.description or "", raw.label_config or "", raw.model_version or "")
        return cls(raw.id, *texts, Counts.read(raw))


@dataclass(frozen=True)
class UploadedFile:
    """One uploaded file."""

    id: int
    name: str  # as uploaded, behind a prefix of the server's
    path: str  # under the server's media folder
    url: str  # where the server's own page finds it
    stored: bool = True  # whether its bytes lie on the server's disk


@dataclass(frozen=True)
class Annotation:
    """What a person said there about a task."""

    id: int
    result: tuple[Mapping[str, Any], ...]  # in Label Studio's format
    annotator: int | None  # id of who changed it last; None where that user was deleted
    updated_at: datetime
    cancelled: bool  # the person skipped the task

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """Return an annotation of the server's answer."""
        return cls(
            id=raw["id"],
            result=tuple(raw["result"] or ()),
            annotator=raw.get("updated_by") or raw.get("completed_by"),
            updated_at=datetime.fromisoformat(raw["updated_at"]),
            cancelled=bool(raw["was_cancelled"]),
        )


@dataclass(frozen=True)
class RemoteGuess:
    """What a model said there about a task."""

    id: int
    model_version: str
    result: tuple[Mapping[str, Any], ...]  # in Label Studio's format


@dataclass(frozen=True)
class RemoteTask:
    """One task there."""

    id: int
    data: Mapping[str, Any]
    updated_at: datetime  # moves with its data, its annotations and guesses, by the server's clock
    annotations: tuple[Annotation, ...] = ()
    guesses: tuple[RemoteGuess, ...] = ()

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """Return a task of the server's answer, which carries `TASK_FIELDS`."""
        annotations = tuple(Annotation.read(each) for each in raw["annotations"])
        guesses = tuple(
            RemoteGuess(each["id"], each["model_version"] or "", tuple(each["result"] or ()))
            for each in raw["predictions"]
        )
        return cls(raw["id"], raw["data"], datetime.fromisoformat(raw["updated_at"]), annotations, guesses)


def compare(field: str, kind: str, value: object, operator: str = "greater") -> dict[str, Any]:
    """Return a filter: a field of a task, of a kind such as "Number", beside a value."""
    return {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}


def selection(only: Sequence[int]) -> dict[str, Any]:
    """Return the selection of these tasks, which are not none."""
    return {"selectedItems": {"all": False, "included": list(only)}}


def changed_between(since: datetime | None, until: datetime | None = None) -> list[dict[str, Any]]:
    """Return the filters that let through what last changed after one moment, and not after the other."""
    moments = {"greater": since, "less_or_equal": until}
    written = {name: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for name, at in moments.items() if at}
    return [compare("updated_at", "Datetime", value, operator) for operator, value in written.items()]


def body_of(answer: httpx.Response) -> Any:
    """Return what an answer holds: JSON, or else its text."""
    try:
        return answer.json()
    except ValueError:
        return answer.text


def detail_of(what: object) -> str:
    """Return the server's own words on one line, without the page that some of its errors come in."""
    if isinstance(what, Mapping):
        what = what.get("validation_errors") or what.get("detail") or json.dumps(what)
    if isinstance(what, str) and what.lstrip().startswith("<"):
        return "an HTML page"
    return " ".join(str(what).split())[:DETAIL_CHARS] or type(what).__name__
