"""What a round of the sync takes beside the bare requests that it needs."""

import functools
import gc
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from annotations import review_queue
from annotations.labelstudio import push, sync
from annotations.labelstudio.connection.client import PAGE, Client
from annotations.labelstudio.connection.remote import PROJECT_FIELDS, TASK_FIELDS
from annotations.labelstudio.health import outgoing
from annotations.labelstudio.index import OVERLAP_S
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.remote_projects import SYSTEM, LinkState
from annotations.labelstudio.translation import tasks
from annotations.schema import SampleRow
from annotations.store import Store, open_store, remote_links, samples
from mmdemo import tasks as known
from mmdemo.settings import Settings
from mmdemo.values.review import SampleState
from tests.label_studio_server import DATABASE, LabelStudioServer
from tests.unit.annotations import sentiment as given

TASK = known.get("sentiment")
SHARE = TASK.gate.held_out_share
ROUNDS = 3  # that send, and that fetch: the shortest is told, of the bare requests too
IDLE_ROUNDS = 5
AFTER_S = 2 * OVERLAP_S  # how long rounds follow one another after tasks were put there
AT_ONCE = 1_000  # tasks that are put there in one transaction
ANSWER = {"result": [tasks.result(TASK, "neutral")], "was_cancelled": False}


@dataclass(frozen=True)
class RoundCost:
    """One row: what was done, and how long that took in seconds, by the sync and by bare requests."""

    what: str
    round_s: float
    bare_s: float

    @property
    def ratio(self) -> float:
        """How many times as long."""
        return self.round_s / self.bare_s


def run(there: int, count: int, server: LabelStudioServer, folder: Path) -> Iterator[RoundCost]:
    """Measure sending and fetching `count` samples, and a round with nothing to do where `there` tasks lie."""
    settings = Settings(home=folder / "home", label_studio_url=server.url, label_studio_api_key=server.token)
    gc.freeze()  # as the command does
    with closing(open_store(settings)) as store, Client(server.url, server.token) as client:
        rounds = sync.SyncRounds(lambda: settings, store, [TASK], Client)
        rounds.go()
        project = next(each.id for each in client.projects() if each.title == tasks.title(TASK))
        site = Site(server, client, store, rounds, project)
        yield _sending(site, count)
        yield _fetching(site, count)
        yield from _idle_after_an_import(site, there)
        yield _idle(site)


@dataclass(frozen=True)
class Site:
    """The project there, and the store here that is kept in step with it."""

    server: LabelStudioServer
    client: Client
    store: Store
    rounds: sync.SyncRounds
    project: int

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Ask over a connection that is open, as the sync's is."""
        return self.client.call(method, path, **more)

    def read(self, project: int, numbers: Sequence[int]) -> None:
        """Read tasks, as the sync reads them and in pages as large."""
        about = {"project": project, "fields": "all", "include": TASK_FIELDS, "resolve_uri": "false", "page_size": PAGE}
        for start in range(0, len(numbers), PAGE):
            query = {"selectedItems": {"all": False, "included": numbers[start : start + PAGE]}}
            self.ask("GET", "api/tasks", params={**about, "query": json.dumps(query)})

    def visit(self, name: str, count: int) -> list[str]:
        """Let so many samples wait; return their ids."""
        ids = []
        for number in range(count):
            sample = given.inputs(f"{name} {number}")
            ids.append(review_queue.offer(self.store, TASK, sample, given.prediction(sample, 0.4 + number * 1e-6))[0])
        return ids

    def rows(self, ids: Sequence[str]) -> list[SampleRow]:
        """Return these samples."""
        with self.store.reading() as session:
            return [samples.get(session, sample_id) for sample_id in ids]

    def put(self, rows: Sequence[SampleRow], **more: Any) -> list[int]:
        """Let samples lie there, as if they had been sent, each with what is in `more`; return their tasks."""
        bodies = [{**tasks.payload(TASK, outgoing(row, SHARE), {}), **more} for row in rows]
        numbers = self.client.import_tasks(self.project, bodies)
        self._link(rows, numbers)
        return numbers

    def fill(self, rows: Sequence[SampleRow]) -> None:
        """The same of very many, which the server imports slowly: one is imported, and copied in its database."""
        (first,) = self.put(rows[:1])
        for start in range(1, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            self._link(
                part, self._copies(first, [tasks.payload(TASK, outgoing(row, SHARE), {})["data"] for row in part])
            )

    def _copies(self, first: int, data: Sequence[Mapping[str, Any]]) -> list[int]:
        with closing(sqlite3.connect(self.server.data / DATABASE, timeout=60)) as database, database:
            database.row_factory = sqlite3.Row
            task = database.execute("SELECT * FROM task WHERE id = ?", [first]).fetchone()
            (guess,) = database.execute("SELECT * FROM prediction WHERE task_id = ?", [first]).fetchall()
            (last,) = database.execute("SELECT max(id) FROM task").fetchone()
            numbers = list(range(last + 1, last + 1 + len(data)))
            at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            for number, values in zip(numbers, data, strict=True):
                own = {"id": number, "inner_id": number, "data": json.dumps(values), "updated_at": at}
                _insert(database, "task", {**dict(task), **own})
                _insert(database, "prediction", {**dict(guess), "id": None, "task_id": number})
        return numbers

    def _link(self, rows: Sequence[SampleRow], numbers: Sequence[int]) -> None:
        with self.store.session() as session:
            session.add_all(rows)
            for row in rows:
                row.state = SampleState.SENT
            session.flush()
            there = {row.sample_id: (row, n, LinkState().written()) for row, n in zip(rows, numbers, strict=True)}
            remote_links.keep_links(session, SYSTEM, self._place, self.project, there)
            session.commit()

    @cached_property
    def _place(self) -> str:
        return next(
            tasks.place_of(each.description) or "" for each in self.client.projects() if each.id == self.project
        )


def _insert(database: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    places = ", ".join("?" * len(row))
    database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values()))


def _timed(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _round(site: Site, **expected: int) -> float:
    """Go a round that does what is expected; return how long it took."""
    began = time.perf_counter()
    report, _ = site.rounds.go()
    seconds = time.perf_counter() - began
    wanted = SyncReport(waiting=report.waiting, **expected)
    if report != wanted:
        raise RuntimeError(f"a round did something else: {report} {wanted}")
    return seconds


def _sending(site: Site, count: int) -> RoundCost:
    """Import tasks with their guesses, in batches as large, and read each batch back."""
    other = site.client.create_project("bare requests", "", tasks.label_config(TASK)).id
    bare, whole = [], []
    for number in range(ROUNDS):
        ids = site.visit(f"sent {number}", count)
        bodies = [tasks.payload(TASK, outgoing(row, SHARE), {}) for row in site.rows(ids)]
        bare.append(_timed(functools.partial(_send, site, other, bodies)))
        whole.append(_round(site, pushed=count))
    return RoundCost(f"send {count:,} samples, read back", min(whole), min(bare))


def _send(site: Site, project: int, bodies: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(bodies), push.BATCH):
        part = bodies[start : start + push.BATCH]
        answer = site.ask("POST", f"api/projects/{project}/import", json=part, params={"return_task_ids": "true"})
        site.read(project, answer["task_ids"])


def _fetching(site: Site, count: int) -> RoundCost:
    """Read the tasks that somebody annotated, in pages as large."""
    bare, whole = [], []
    for number in range(ROUNDS):
        numbers = site.put(site.rows(site.visit(f"answered {number}", count)), annotations=[ANSWER])
        bare.append(_timed(functools.partial(site.read, site.project, numbers)))
        whole.append(_round(site, pulled=count))
    return RoundCost(f"fetch {count:,} answers", min(whole), min(bare))


def _idle_after_an_import(site: Site, there: int) -> list[RoundCost]:
    """Put tasks there until so many are; then ask for nothing new again and again, as long as they may be listed."""
    first = site.client.counts(site.project).tasks
    if first >= there:
        return []
    site.fill([given.row(f"{number:064x}", state=SampleState.SENT) for number in range(first, there)])
    _round(site)
    until, seconds = time.monotonic() + AFTER_S, []
    while time.monotonic() < until:
        seconds.append(_round(site))
    bare_s = _bare_idle(site)
    what = f"nothing to do, in the {AFTER_S:.0f} s after {there - first:,} tasks were put there"
    mean = RoundCost(f"{what}: mean of {len(seconds):,} rounds", sum(seconds) / len(seconds), bare_s)
    return [mean, RoundCost(f"{what}: the longest", max(seconds), bare_s)]


def _idle(site: Site) -> RoundCost:
    count = site.client.counts(site.project).tasks
    bare_s = _bare_idle(site)
    return RoundCost(f"nothing to do, {count:,} tasks there", min(_round(site) for _ in range(IDLE_ROUNDS)), bare_s)


def _bare_idle(site: Site) -> float:
    """Ask for the counts of the projects, and for the tasks that changed; return how long that takes."""
    newest = site.client.newest_change(site.project)

    def ask() -> None:
        site.ask("GET", "api/projects", params={"page_size": PAGE, "include": PROJECT_FIELDS})
        site.client.changed(site.project, newest)

    return min(_timed(ask) for _ in range(IDLE_ROUNDS))


def table(costs: Iterable[RoundCost]) -> Iterator[str]:
    """Yield the lines of a table of the costs, each as soon as it is known."""
    yield from ("| what | a round | bare requests | ratio |", "|---|---|---|---|")
    for each in costs:
        yield f"| {each.what} | {each.round_s:.2f} s | {each.bare_s:.2f} s | {each.ratio:.2f} |"
