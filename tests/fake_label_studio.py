"""A small Label Studio in memory: the seam's methods on plain values. It keeps the contract that the server keeps."""

from __future__ import annotations

import copy
import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from annotations.labelstudio.connection.remote import Annotation, Counts, Project, RemoteGuess, RemoteTask, UploadedFile
from mmdemo.errors import LabelStudioError

URL = "http://label-studio.test/"
KEY = "a-key"


@dataclass
class FakeServer:
    """What the server holds. `before` is called with a method's name each time one is called, and may raise."""

    projects: dict[int, Project] = field(default_factory=dict)
    tasks: dict[int, tuple[int, RemoteTask]] = field(default_factory=dict)  # id → project, task
    predictions: dict[int, dict[str, Any]] = field(default_factory=dict)  # task → what was imported with it
    uploads: dict[int, tuple[int, UploadedFile, bytes | None]] = field(
        default_factory=dict
    )  # id → project, file, content
    people: dict[int, str] = field(default_factory=lambda: {1: "ann@example.com", 2: "ben@example.com"})
    before: Callable[[str], None] = lambda name: None
    drops: Callable[[int], bool] = lambda task: False  # whether an import loses what a model said, as under load
    drops_guesses: Callable[[], bool] = lambda: False  # the same of what is added to tasks that are there
    listed: Callable[[UploadedFile], bool] = lambda upload: True  # whether the key's user sees it: another's are hidden
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))
    shows: Callable[[int], bool] = lambda task: True  # whether a list of all tasks has it: pages shift while it is read
    open_signup: bool = False
    url: str = URL  # under which it is reached
    prefix: str = ""  # path under which its own page lies
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))

    def connect(self, url: str, key: str) -> FakeClient:
        """Return a connection, as `Client(url, key)` does."""
        self.before("connect")
        if key != KEY:
            raise LabelStudioError("label_studio_key", url=url, detail="401 Invalid token.")
        return FakeClient(self)

    def state(self) -> tuple[object, ...]:
        """Return all that could change, to compare."""
        return dict(self.projects), dict(self.tasks), copy.deepcopy(self.predictions), dict(self.uploads)

    def annotate(self, task: int, results: Sequence[Mapping[str, Any]], person: int = 1, cancelled=False) -> int:
        """Let a person annotate a task; return the annotation's id."""
        annotation = Annotation(next(self.numbers), tuple(results), person, self.tick(), cancelled)
        self._set(task, lambda annotations: (*annotations, annotation))
        return annotation.id

    def change(self, task: int, annotation: int, **changed: Any) -> None:
        """Let somebody change an annotation."""
        changed["updated_at"] = self.tick()
        self._set(task, lambda every: tuple(replace(a, **changed) if a.id == annotation else a for a in every))

    def delete_annotation(self, task: int, annotation: int) -> None:
        """Let somebody delete an annotation."""
        self._set(task, lambda annotations: tuple(each for each in annotations if each.id != annotation))

    def _set(self, task: int, change: Callable[[tuple[Annotation, ...]], tuple[Annotation, ...]]) -> None:
        project, remote = self.tasks[task]
        self.tasks[task] = project, replace(remote, annotations=change(remote.annotations), updated_at=self.tick())

    def touch(self, task: int) -> None:
        """Say that a task changed now."""
        self._set(task, lambda annotations: annotations)

    def counts(self, project: int) -> Counts:
        """Return how much lies in a project."""
        there = {task.id: task for where, task in self.tasks.values() if where == project}
        said = [each for task in there.values() for each in task.annotations]
        skips = sum(each.cancelled for each in said)
        guesses = sum(len(entry["predictions"]) for task, entry in self.predictions.items() if task in there)
        return Counts(len(there), len(said) - skips, skips, guesses)

    def tick(self) -> datetime:
        self.clock = max(self.clock + timedelta(microseconds=1), datetime.now(UTC))
        return self.clock


class FakeClient:
    """The methods of `annotations.labelstudio.connection.client.Client`."""

    def __init__(self, server: FakeServer) -> None:
        self._server, self.url, self.prefix = server, server.url, server.prefix

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def signs_up_strangers(self) -> bool:
        return self._server.open_signup

    def clock(self) -> datetime:
        return self._server.clock

    @property
    def last_answer_at(self) -> datetime:
        return self._server.clock

    def people(self) -> dict[int, str]:
        return dict(self._server.people)

    def projects(self) -> list[Project]:
        self._server.before("projects")
        listed = [self._server.projects[number] for number in sorted(self._server.projects)]
        return [replace(project, counts=self._server.counts(project.id)) for project in listed]

    def counts(self, project: int) -> Counts:
        self._server.before("counts")
        return self._server.counts(project)

    def create_project(self, title: str, description: str, label_config: str) -> Project:
        self._server.before("create_project")
        project = Project(next(self._server.numbers), title, description, label_config, "")
        self._server.projects[project.id] = project
        self._server.before("create_project done")
        return project

    def set_label_config(self, project: int, label_config: str) -> bool:
        objects = {
            item.get("to_name")
            for where, task in self._server.tasks.values()
            for annotation in task.annotations
            for item in annotation.result
            if where == project and isinstance(item, Mapping)
        }
        if not all(f'name="{name}"' in label_config for name in objects if name):
            return False  # the server looks at what answers are of; which labels they say, it lets pass
        self._server.projects[project] = replace(self._server.projects[project], label_config=label_config)
        return True

    def set_description(self, project: int, description: str) -> None:
        self._server.before("set_description")
        self._server.projects[project] = replace(self._server.projects[project], description=description)

    def set_model_version(self, project: int, version: str) -> None:
        self._server.projects[project] = replace(self._server.projects[project], model_version=version)

    def uploads(self, project: int, only: Sequence[int] | None = None) -> list[UploadedFile]:
        self._server.before("uploads")
        numbers = [number for number, (where, _, _) in self._server.uploads.items() if where == project]
        uploads = [self._upload(number) for number in numbers if only is None or number in only]
        return [upload for upload in uploads if self._server.listed(upload)]

    def uploaded(self, upload: int) -> UploadedFile | None:
        self._server.before("uploaded")
        return self._upload(upload) if upload in self._server.uploads else None

    def _upload(self, number: int) -> UploadedFile:
        _, upload, content = self._server.uploads[number]
        return replace(upload, url=f"{self.prefix}/data/{upload.path}", stored=content is not None)

    def upload(self, project: int, files: Mapping[str, bytes]) -> list[UploadedFile]:
        self._server.before("upload")
        uploads = []
        for name, data in files.items():
            number, stored = next(self._server.numbers), f"{uuid.uuid4().hex[:8]}-{name}"
            path = f"upload/{project}/{stored}"
            uploads.append(UploadedFile(number, stored, path, f"{self.prefix}/data/{path}"))
            self._server.uploads[number] = project, uploads[-1], data
        return uploads

    def delete_upload(self, upload: int, path: str) -> None:
        self._server.before("delete_upload")
        if upload in self._server.uploads and self._server.uploads[upload][1].path == path:
            del self._server.uploads[upload]

    def tasks(self, project: int, only: Sequence[int] | None = None) -> list[RemoteTask]:
        self._server.before("tasks")
        there = [task for where, task in self._server.tasks.values() if where == project]
        shown = self._server.shows if only is None else only.__contains__
        return [self._with_guesses(task) for task in there if shown(task.id)]

    def changed(self, project: int, since: datetime | None, until: datetime | None = None) -> dict[int, datetime]:
        self._server.before("changed")
        return self._changed(project, since, until)

    def _changed(self, project: int, since: datetime | None, until: datetime | None = None) -> dict[int, datetime]:
        there = [task for where, task in self._server.tasks.values() if where == project]
        late = [task for task in there if since is None or task.updated_at > since]
        return {task.id: task.updated_at for task in late if until is None or task.updated_at <= until}

    def changed_tasks(self, project: int, since: datetime | None) -> list[RemoteTask]:
        self._server.before("changed_tasks")
        numbers = self._changed(project, since)
        return [self._with_guesses(self._server.tasks[number][1]) for number in numbers]

    def newest_change(self, project: int) -> datetime | None:
        self._server.before("newest_change")
        return max((task.updated_at for where, task in self._server.tasks.values() if where == project), default=None)

    def _with_guesses(self, task: RemoteTask) -> RemoteTask:
        guesses = self._server.predictions.get(task.id, {"predictions": []})["predictions"]
        remote_guesses = [RemoteGuess(each["id"], each["model_version"], tuple(each["result"])) for each in guesses]
        return replace(task, guesses=tuple(remote_guesses))

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> list[int]:
        self._server.before("import_tasks")
        numbers = []
        for body in tasks:
            number = next(self._server.numbers)
            self._server.tasks[number] = project, RemoteTask(number, body["data"], self._server.tick())
            self._server.predictions[number] = {"predictions": []}
            if not self._server.drops(number):
                self.add_guesses(project, [{**guess, "task": number} for guess in body.get("predictions", [])])
            numbers.append(number)
        versions = [guess["model_version"] for body in tasks for guess in body.get("predictions", [])]
        if versions and not self._server.projects[project].model_version:
            self.set_model_version(project, versions[-1])
        self._server.before("import_tasks done")
        return numbers

    def set_data(self, task: int, data: Mapping[str, Any]) -> None:
        self._server.before("set_data")
        if task in self._server.tasks:
            project, remote = self._server.tasks[task]
            self._server.tasks[task] = project, replace(remote, data=dict(data))
            self._server.touch(task)

    def add_guesses(self, project: int, guesses: Sequence[Mapping[str, Any]]) -> None:
        self._server.before("add_guesses")
        for guess in () if self._server.drops_guesses() else guesses:
            body = {name: value for name, value in guess.items() if name != "task"}
            entry = self._server.predictions.setdefault(guess["task"], {"predictions": []})
            entry["predictions"].append({**body, "id": next(self._server.numbers)})

    def delete_guess(self, guess: int) -> None:
        self._server.before("delete_guess")
        for task, entry in self._server.predictions.items():
            left = [each for each in entry["predictions"] if each["id"] != guess]
            if len(left) < len(entry["predictions"]):
                entry["predictions"] = left
                self._server.touch(task)

    def delete_unanswered(self, project: int, only: Sequence[int]) -> None:
        self._server.before("delete_unanswered")
        for number in only:
            if number in self._server.tasks and not self._server.tasks[number][1].annotations:
                self.delete_task(number)

    def delete_task(self, task: int) -> None:
        self._server.before("delete_task")
        self._server.tasks.pop(task, None)
        self._server.predictions.pop(task, None)
