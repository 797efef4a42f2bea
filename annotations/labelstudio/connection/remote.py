"""What lies on a Label Studio server, as values of our own, and how they are read from its answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

# Which fields an answer about tasks carries; the filter reaches into the annotations too.
TASK_FIELDS = "id,data,predictions,annotations,result,completed_by,updated_by,updated_at,was_cancelled"
# What is counted of a project; to count more takes the server much longer.
COUNTS = "task_number,total_annotations_number,skipped_annotations_number,total_predictions_number"
PROJECT_FIELDS = f"id,title,description,label_config,model_version,{COUNTS}"


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
