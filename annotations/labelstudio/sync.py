"""Both ways with Label Studio, once or again and again.

Both sides are compared by the sample id in each task's data: all tasks in the first round, after one that broke off,
and once a day; else those that changed. So a round that broke off anywhere is finished by the next one, and a second
one changes nothing.
"""

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from annotations.labelstudio import remote_projects
from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.exchange import Memory, exchange, say
from annotations.labelstudio.pull import SyncReport
from annotations.store import Store, file_lock, open_store, runs
from mmdemo import tasks as known_tasks
from mmdemo.errors import Busy, LabelStudioError, MmdemoError
from mmdemo.process import logs
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Reason

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
    gc.freeze()  # to look through all that was imported, again and again, took a quarter of a round's own time
    all_tasks = known_tasks.load_all(settings.task_dir)
    tasks = [known_tasks.get(task, settings.task_dir)] if task else list(all_tasks.values())
    store = open_store(settings)
    try:
        rounds = SyncRounds(reload or (lambda: settings), store, tasks, connect)
        return _once(rounds) if watch is None else _watch(rounds, watch)
    finally:
        store.close()


@dataclass
class SyncRounds:
    """What rounds need, and what one remembers for the next: what it read of each project."""

    settings: Callable[[], Settings]
    store: Store
    tasks: Sequence[Task]
    connect: Connect
    memory: Memory = field(default_factory=Memory)

    def go(self) -> tuple[SyncReport, dict[str, LabelStudioError]]:
        """Go once around all tasks; return what changed, and the tasks that could not be brought into step."""
        settings, report, sick = self.settings(), SyncReport(), {}
        with _lock(settings):
            try:
                with self.connect(*_address(settings)) as client:
                    projects = client.projects()
                    for task in self.tasks:
                        try:
                            report += exchange(client, self.store, task, settings, projects, self.memory)
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
                runs.note_trouble(session, name, remote_projects.SYSTEM, reason)
            session.commit()


def _once(rounds: SyncRounds) -> SyncReport:
    report, sick = rounds.go()
    if sick and len(rounds.tasks) == 1:
        raise next(iter(sick.values()))
    if sick:
        logs.say(str(report))
        _tell(sick)
        raise LabelStudioError("label_studio_some", tasks=", ".join(sick))
    return report


def _tell(sick: Mapping[str, LabelStudioError]) -> None:
    for name, error in sick.items():
        say("sync_sick", task=name, why=error.sentence())


def _watch(rounds: SyncRounds, seconds: float) -> SyncReport:
    total, started = SyncReport(), False
    try:
        with _terminable():
            while True:
                report = _patiently(rounds, seconds, started)
                if report is not None:
                    total, started = replace(total + report, waiting=report.waiting, unreadable=report.unreadable), True
                time.sleep(seconds)
    except KeyboardInterrupt:
        return total


def _patiently(rounds: SyncRounds, seconds: float, started: bool) -> SyncReport | None:
    """Go a round and tell what it changed; tell what went wrong and return None where the next one may go better."""
    try:
        report, sick = rounds.go()
    except MmdemoError as error:
        if not started and error.key not in WAIT_FOR:
            raise  # a wrong key does not become right
        logs.say(error.sentence())
        say("sync_again", seconds=f"{seconds:g}")
        return None
    if report != SyncReport(waiting=report.waiting, unreadable=report.unreadable):
        logs.say(str(report))
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


def _lock(settings: Settings) -> AbstractContextManager[None]:
    path = settings.home / "sync.lock"
    return file_lock.hold(path, 0, Busy("sync_running", lock=path))


def _check(settings: Settings) -> None:
    variables = dict(zip(("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"), _address(settings), strict=True))
    missing = [variable for variable, value in variables.items() if not value.strip()]
    if missing:
        raise LabelStudioError("label_studio_not_set", missing=", ".join(missing))


def _address(settings: Settings) -> tuple[str, str]:
    return settings.label_studio_url, settings.label_studio_api_key
