"""Both ways with Label Studio, once or again and again.

What lies there is read anew each round and compared with the store by the sample id in each task's data. So a round
that broke off anywhere is finished by the next one, and a second one changes nothing.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from filelock import FileLock, Timeout

from annotations.labelstudio import place, tasks
from annotations.labelstudio.client import Client, RemoteTask
from annotations.labelstudio.files import Files
from annotations.labelstudio.health import Health
from annotations.labelstudio.place import Place
from annotations.labelstudio.pull import Pull
from annotations.labelstudio.push import Push
from annotations.labelstudio.report import SyncReport
from annotations.store import Store, open_store, private, problems, runs
from mmdemo import locale
from mmdemo import tasks as known_tasks
from mmdemo.errors import Busy, LabelStudioError, MmdemoError
from mmdemo.review import Reason
from mmdemo.settings import Settings
from mmdemo.tasks import Task

ALL_ALIKE = ("label_studio_away", "label_studio_key", "label_studio_moved")  # no other task would fare better
WAIT_FOR = (
    "label_studio_away",
    "label_studio_fault",
    "sync_running",
)  # what may have passed by the next round, even before the first one
Connect = Callable[[str, str], Client]  # URL, key → an open connection


def run(
    settings: Settings,
    task: str | None = None,
    watch: float | None = None,
    connect: Connect = Client,
    reload: Callable[[], Settings] | None = None,
) -> SyncReport:
    """Push the queue and pull corrections, of one task or of all; with `watch` again every so many seconds.

    A task that cannot be brought into step does not stop the others; that and why is written down for Status.
    Without `watch`, raises LabelStudioError (away, key refused, title taken, not set), Busy, StorageError, UnknownName.
    With it, a server that is away or has an error of its own is waited for, and so is whatever else goes wrong once a
    round went through; it ends at Ctrl-C or SIGTERM with what all rounds changed. `reload` reads address and key anew
    before each round.
    """
    _check(settings)
    known = known_tasks.load_all(settings.task_dir)
    wanted = [known_tasks.get(task, settings.task_dir)] if task else list(known.values())
    store = open_store(settings)
    try:
        once = Once(reload or (lambda: settings), store, wanted, connect)
        return _once(once) if watch is None else _watch(once, watch)
    finally:
        store.close()


@dataclass(frozen=True)
class Once:
    """What one round needs."""

    settings: Callable[[], Settings]
    store: Store
    tasks: Sequence[Task]
    connect: Connect

    def round(self) -> tuple[SyncReport, dict[str, LabelStudioError]]:
        """Go once around all tasks; return what changed, and the tasks that could not be brought into step."""
        settings, report, sick = self.settings(), SyncReport(), {}
        with _lock(settings):
            try:
                with self.connect(*_address(settings)) as client:
                    for task in self.tasks:
                        try:
                            report += exchange(client, self.store, task, settings)
                        except LabelStudioError as error:
                            if error.key in ALL_ALIKE:
                                raise
                            sick[task.name] = error
                            self._note([task.name], error)
            except LabelStudioError as error:
                self._note([task.name for task in self.tasks], error)
                raise
        return report, sick

    def _note(self, names: Iterable[str], error: LabelStudioError) -> None:
        reason = Reason(f"error.{error.key}", {name: str(value) for name, value in error.values.items()})
        with self.store.session() as session:
            for name in names:
                runs.note_trouble(session, name, place.SYSTEM, reason)
            session.commit()


def exchange(client: Client, store: Store, task: Task, settings: Settings) -> SyncReport:
    """Go one round with one task. Raises LabelStudioError, StorageError; what was done until then holds."""
    projects = client.projects()
    here, created = place.find_task(client, store, task, projects)
    if created:
        say("sync_project", task=task.name, url=f"{client.url}projects/{here.project.id}")
    files = Files(client, store, projects, settings.label_studio_media)
    try:
        report = SyncReport(created=created) + _both_ways(here, files)
    finally:
        if files.leftover:
            say("sync_leftover", count=len(files.leftover), paths=" ".join(files.leftover))
    with store.session() as session:
        runs.add_sync(session, task.name, place.SYSTEM, report.pushed, report.pulled)
        runs.note_trouble(session, task.name, place.SYSTEM, None)
        session.commit()
    return report


def _both_ways(here: Place, files: Files) -> SyncReport:
    there, copies = by_sample(here.client.tasks(here.project.id))
    pulled, push = Pull(here).all(there), Push(here, files)
    removed, lay_there = push.take_back(there, copies), set(there)
    mended = Health(here, files).mend(there)
    for sample_id in push.send(there):
        say("sync_file_missing", sample_id=sample_id)
    sent = set(there) - lay_there
    if sent:
        removed += push.take_back(there)  # forgotten while it was being sent
    waiting = [sample_id for sample_id, remote in there.items() if not remote.annotations]
    here.preselect(waiting)
    return pulled + SyncReport(pushed=len(sent), removed=removed, mended=mended, waiting=len(waiting))


def by_sample(found: Iterable[RemoteTask]) -> tuple[dict[str, RemoteTask], list[RemoteTask]]:
    """Return sample id → its task, with the annotations of all its copies; and these copies.

    An import that was cut off may have been done twice. Tasks that people made there themselves are left out.
    """
    there: dict[str, RemoteTask] = {}
    copies: list[RemoteTask] = []
    for remote in sorted(found, key=lambda remote: (not remote.annotations, remote.id)):
        sample_id = remote.data.get(tasks.SAMPLE_ID)
        if not isinstance(sample_id, str):
            continue
        if sample_id in there:
            copies.append(remote)
            first = there[sample_id]
            there[sample_id] = replace(first, annotations=first.annotations + remote.annotations)
        else:
            there[sample_id] = remote
    return there, copies


def say(key: str, **values: object) -> None:
    """Tell whoever watches: results go to standard output, everything else to standard error."""
    print(locale.text(f"cli.{key}", **values), file=sys.stderr, flush=True)


def _once(once: Once) -> SyncReport:
    report, sick = once.round()
    if sick and len(once.tasks) == 1:
        raise next(iter(sick.values()))
    if sick:
        print(report, file=sys.stderr, flush=True)
        _tell(sick)
        raise LabelStudioError("label_studio_some", tasks=", ".join(sick))
    return report


def _tell(sick: Mapping[str, LabelStudioError]) -> None:
    for name, error in sick.items():
        say("sync_sick", task=name, why=error.sentence())


def _watch(once: Once, seconds: float) -> SyncReport:
    total, started = SyncReport(), False
    try:
        with _terminable():
            while True:
                report = _patiently(once, seconds, started)
                if report is not None:
                    total, started = replace(total + report, waiting=report.waiting, unreadable=report.unreadable), True
                time.sleep(seconds)
    except KeyboardInterrupt:
        return total


def _patiently(once: Once, seconds: float, started: bool) -> SyncReport | None:
    """Go a round and tell what it changed; tell what went wrong and return None where the next one may go better."""
    try:
        report, sick = once.round()
    except MmdemoError as error:
        if not started and error.key not in WAIT_FOR:
            raise  # a wrong key does not become right
        print(error.sentence(), file=sys.stderr)
        say("sync_again", seconds=f"{seconds:g}")
        return None
    if report != SyncReport(waiting=report.waiting, unreadable=report.unreadable):
        print(report, file=sys.stderr, flush=True)
    _tell(sick)
    return report


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does: open sessions roll back, the lock falls.

    Ctrl-C is set too: a shell starts what runs in its background with that signal ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.default_int_handler) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    path = settings.home / "sync.lock"
    lock = FileLock(path, timeout=0, mode=private.FILE)
    try:
        lock.acquire()
    except Timeout as error:
        raise Busy("sync_running", lock=path) from error
    except OSError as error:
        raise problems.from_os(error, settings.home) from error
    try:
        yield
    finally:
        lock.release()


def _check(settings: Settings) -> None:
    given = dict(zip(("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"), _address(settings), strict=True))
    missing = [variable for variable, value in given.items() if not value.strip()]
    if missing:
        raise LabelStudioError("label_studio_not_set", missing=", ".join(missing))


def _address(settings: Settings) -> tuple[str, str]:
    return settings.label_studio_url, settings.label_studio_api_key
