"""One round with one task: what is read is compared with the store, and both sides are brought into step."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from annotations.labelstudio import remote_projects
from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.remote import Project, RemoteTask
from annotations.labelstudio.files import Files
from annotations.labelstudio.health import Health
from annotations.labelstudio.index import Index, last_change
from annotations.labelstudio.pull import Pull, SyncReport
from annotations.labelstudio.push import Push
from annotations.labelstudio.remote_projects import RemoteProject
from annotations.labelstudio.translation import tasks
from annotations.store import Store, runs
from mmdemo import locale
from mmdemo.process import logs
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Reason

Key = tuple[str, str, int, int | None]  # task, place, its project, that of the media
LOOKS = 3  # at changes and counts, which people may move between two requests


@dataclass
class Memory:
    """What lies there as the rounds before read it, of each task that was left in step."""

    indexes: dict[Key, Index] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic  # in seconds


@dataclass(frozen=True)
class Reading:
    """The tasks that a round looks at."""

    there: dict[str, RemoteTask]  # sample id → its task, with the annotations of all its copies
    copies: list[RemoteTask]  # second tasks of these samples
    idle: bool = False  # nothing changed on either side


def read_changes(here: RemoteProject) -> tuple[RemoteProject, Reading] | None:
    """Read what changed since the index was made; None where everything must be read. Raises LabelStudioError."""
    remotes = _changed_there(here)
    if remotes is None:
        return None
    links = here.out_of_step()  # of samples that are queued, forgotten or answered here
    samples = {*links, *(tasks.sample_of(remote.data) for remote in remotes.values())} - {""}
    here = here.with_links(samples)
    numbers = here.index.numbers_of(samples) | {here.number_of(sample_id) for sample_id in here.links}
    unread = sorted(numbers - remotes.keys())
    remotes |= here.read(unread)
    return here, Reading(*by_sample(remotes.values()), idle=not samples)


def read_everything(here: RemoteProject, clock: Callable[[], float]) -> tuple[RemoteProject, Reading]:
    """Read all tasks, and ask by number for those that were sent and are not among them. Raises LabelStudioError."""
    client, project = here.client, here.project.id
    newest = client.newest_change(project)
    index = Index(here.task, last_change([newest] if newest else [], client.last_answer_at), clock)
    remotes = {remote.id: remote for remote in client.tasks(project)}
    index.note(remotes.values())
    here = replace(here, index=index).with_links(None)
    remotes |= here.read(sorted({here.number_of(sample_id) for sample_id in here.links} - remotes.keys()))
    return here, Reading(*by_sample(remotes.values()))


def _changed_there(here: RemoteProject) -> dict[int, RemoteTask] | None:
    remotes: dict[int, RemoteTask] = {}
    counts = here.project.counts
    for look in range(LOOKS):
        changed = here.index.changed(here.client, here.project.id, sweep=look > 0)
        if changed is None:
            return None
        read, unread = changed
        remotes |= {remote.id: remote for remote in read} | here.read(unread)
        if here.index.counts() == counts:
            return remotes
        counts = here.client.counts(here.project.id)
    return None


def by_sample(remotes: Iterable[RemoteTask]) -> tuple[dict[str, RemoteTask], list[RemoteTask]]:
    """Return sample id → its task, with the annotations of all its copies; and these copies.

    An import that was cut off may have been done twice. Tasks that people made there themselves are left out.
    """
    there: dict[str, RemoteTask] = {}
    copies: list[RemoteTask] = []
    for remote in sorted(remotes, key=lambda remote: (not remote.annotations, remote.id)):
        sample_id = tasks.sample_of(remote.data)
        if not sample_id:
            continue
        if sample_id in there:
            copies.append(remote)
            first = there[sample_id]
            there[sample_id] = replace(first, annotations=first.annotations + remote.annotations)
        else:
            there[sample_id] = remote
    return there, copies


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
    changes = read_changes(replace(here, index=index)) if index is not None else None
    if changes is None:
        files.read_all()
    here, read = changes or read_everything(here, memory.clock)
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
