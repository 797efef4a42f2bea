"""One round with one task: what is read is compared with the store, and both sides are brought into step."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from annotations.labelstudio import reading, remote_projects
from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.remote import Project
from annotations.labelstudio.files import Files
from annotations.labelstudio.health import Health
from annotations.labelstudio.index import Index
from annotations.labelstudio.pull import Pull
from annotations.labelstudio.push import Push
from annotations.labelstudio.reading import Reading
from annotations.labelstudio.remote_projects import RemoteProject
from annotations.labelstudio.report import SyncReport
from annotations.store import Store, runs
from mmdemo import locale
from mmdemo.process import logs
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Reason

Key = tuple[str, str, int, int | None]  # task, place, its project, that of the media


@dataclass
class Memory:
    """What lies there as the rounds before read it, of each task that was left in step."""

    indexes: dict[Key, Index] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic  # in seconds


def exchange(
    client: Client, store: Store, task: Task, settings: Settings, projects: list[Project], memory: Memory
) -> SyncReport:
    """Go one round with one task. Raises LabelStudioError, StorageError; what was done until then holds.

    `projects` are those that are there; what is made joins them.
    """
    here, created, closed = remote_projects.find_task(client, store, task, projects)
    address = f"{client.url}projects/{here.project.id}"
    if created:
        say("sync_project", task=task.name, url=address)
    files = Files(client, store, projects, settings.label_studio_media)
    report, succession = SyncReport(created=created), None
    if closed:
        numbers = ", ".join(str(old.project.id) for old in closed)
        succession = Reason("status.sync_succession", {"numbers": numbers, "url": address})
        if created:
            logs.say(succession.sentence())
    try:
        for old in closed:
            report += _round(old, files, memory)
        answered = frozenset[str]().union(*(old.with_links(None).links for old in closed))
        report += _round(replace(here, elsewhere=answered), files, memory)
    finally:
        if files.leftover:
            say("sync_leftover", count=len(files.leftover), paths=" ".join(files.leftover))
    with store.session() as session:
        runs.add_sync(session, task.name, remote_projects.SYSTEM, report.pushed, report.pulled)
        runs.note_trouble(session, task.name, remote_projects.SYSTEM, None)
        runs.note_succession(session, task.name, remote_projects.SYSTEM, succession)
        session.commit()
    return report


def _round(here: RemoteProject, files: Files, memory: Memory) -> SyncReport:
    index = memory.indexes.pop((here.task.name, here.id, here.project.id, files.project), None)
    changes = reading.changes(replace(here, index=index)) if index is not None else None
    if changes is None:
        files.read_all()
    here, read = changes or reading.everything(here, memory.clock)
    report = SyncReport() if read.idle else _both_ways(here, files, read)
    report += SyncReport(waiting=here.index.waiting, unreadable=here.index.unreadable)
    here.index.mark(here.client.last_answer_at)
    memory.indexes[here.task.name, here.id, here.project.id, files.project] = here.index
    return report


def _both_ways(here: RemoteProject, files: Files, read: Reading) -> SyncReport:
    there = read.there
    pulled, push = Pull(here).all(there), Push(here, files)
    removed, lay_there = push.take_back(there, read.copies), set(there)
    mended = Health(here, files).mend(there)
    for sample_id in push.send(there):
        say("sync_file_missing", sample_id=sample_id)
    sent = set(there) - lay_there
    if sent:
        removed += push.take_back(there)  # forgotten while it was being sent
    if there and not here.closed:
        here.preselect()
    return pulled + SyncReport(pushed=len(sent), removed=removed, mended=mended)


def say(key: str, **values: object) -> None:
    """Tell whoever watches."""
    logs.say(locale.text(f"cli.{key}", **values))
