"""Where things live: one task on one Label Studio server, with what the store notes about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from annotations import review_queue
from annotations.labelstudio import tasks
from annotations.labelstudio.client import Client, Project
from annotations.schema import OutsideRow, SampleRow
from annotations.store import Store, outside, samples
from mmdemo.errors import LabelStudioError
from mmdemo.review import QUEUED
from mmdemo.tasks import Task

SYSTEM = "label_studio"  # in the store: the outside system, and the source of its corrections


@dataclass(frozen=True)
class Noted:
    """What the store notes about a sample that lives there."""

    files: tuple[tuple[int, str], ...] = ()  # ids and paths of its uploads: another user's key does not list them
    annotation: int | None = None  # the one that was taken over last …
    updated_at: str = ""  # … as it was then
    skipped: bool = False  # … and whether it said no label

    @classmethod
    def read(cls, extra: dict[str, Any]) -> "Noted":
        """Return what `extra` of a link holds."""
        return cls(**{**extra, "files": tuple((number, path) for number, path in extra.get("files", ()))})

    def written(self) -> dict[str, Any]:
        """Return it as `extra` of a link."""
        return {**vars(self), "files": [list(file) for file in self.files]}


@dataclass(frozen=True)
class Place:
    """A task's project there, and the store here."""

    client: Client
    store: Store
    task: Task
    project: Project
    links: dict[str, OutsideRow] = field(default_factory=dict)  # sample id → link, as the round began

    def rows(self, sample_ids: Iterable[str]) -> dict[str, SampleRow]:
        """Return those of these samples that are this task's, as they are now."""
        with self.store.reading() as session:
            return outside.samples_of(session, self.task.name, list(sample_ids))

    def noted(self, sample_id: str, remote: int | None = None) -> Noted:
        """Return what was noted about a sample, or nothing where that was about another task than `remote`."""
        link = self.links.get(sample_id)
        if link is None or (remote is not None and link.external_id != str(remote)):
            return Noted()
        return Noted.read(link.extra)

    def keep_link(self, sample_id: str, remote: int, noted: Noted) -> None:
        """Note that a sample lies there; one that is queued here counts as sent."""
        with self.store.session() as session:
            row = samples.get(session, sample_id)
            outside.keep_link(session, SYSTEM, self.client.url, row, self.project.id, remote, noted.written())
            if row.state == QUEUED and row.has_content:
                review_queue.move(session, row, "send", SYSTEM)
            session.commit()

    def drop_link(self, sample_id: str) -> None:
        """Note that a sample lies there no longer."""
        with self.store.session() as session:
            outside.drop_link(session, SYSTEM, self.client.url, sample_id)
            session.commit()

    def preselect(self, waiting: Iterable[str]) -> None:
        """Have the project's page preselect the guesses of the version that made most of those that wait."""
        version = tasks.leading_version(row.model_version for row in self.rows(waiting).values())
        if version and version != self.project.model_version:
            self.client.set_model_version(self.project.id, version)


def find_task(client: Client, store: Store, task: Task, projects: Iterable[Project]) -> tuple[Place, int]:
    """Return where a task lives, its project made or brought up to date, and how many projects were made.

    Raises LabelStudioError where somebody else's project has the title.
    """
    found = find_project(client, store, projects, task.name, tasks.title(task), tasks.mark(task))
    made = found is None
    project = found or client.create_project(tasks.title(task), tasks.description(task), tasks.label_config(task))
    wanted = tasks.brought_up(project.label_config, task)
    if not made and wanted != project.label_config:
        client.set_label_config(project.id, wanted)
    note_project(client, store, task.name, project)
    with store.reading() as session:
        pairs = outside.links(session, SYSTEM, client.url, task.name)
    return Place(client, store, task, project, {link.sample_id: link for link, _ in pairs}), int(made)


def find_project(
    client: Client, store: Store, projects: Iterable[Project], name: str, title: str, mark: str
) -> Project | None:
    """Return the project that is ours: by the id noted for `name`, or by title and mark. Raises LabelStudioError."""
    with store.reading() as session:
        row = outside.project(session, SYSTEM, client.url, name)
    noted = row and row.project
    candidates = [project for project in projects if str(project.id) == noted or project.title == title]
    candidates.sort(key=lambda project: str(project.id) != noted)
    for project in candidates:
        if mark in project.description or (str(project.id) == noted and project.title == title):
            return project
    taken = [project for project in candidates if project.title == title]
    if taken:
        raise LabelStudioError("label_studio_title_taken", title=title, url=client.url, number=taken[0].id)
    return None


def note_project(client: Client, store: Store, name: str, project: Project) -> None:
    """Note which project it is, if that is news."""
    with store.reading() as session:
        row = outside.project(session, SYSTEM, client.url, name)
    if row is not None and row.project == str(project.id):
        return
    with store.session() as session:
        outside.keep_project(session, SYSTEM, client.url, name, project.id)
        session.commit()
