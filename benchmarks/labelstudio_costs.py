"""What a round of the sync takes beside the bare requests that it needs."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotations import review_queue
from annotations.labelstudio import push, sync
from annotations.labelstudio.connection.client import PAGE, Client
from annotations.labelstudio.connection.remote import PROJECT_FIELDS, TASK_FIELDS
from annotations.labelstudio.health import outgoing
from annotations.labelstudio.index import OVERLAP_S
from annotations.labelstudio.remote_projects import SYSTEM, LinkState
from annotations.labelstudio.translation import tasks
from annotations.store import Store, open_store, remote_links, samples
from mmdemo import tasks as known
from mmdemo.settings import Settings
from mmdemo.values.review import SENT
from tests.label_studio_server import LabelStudioServer
from tests.unit.annotations import given

TASK = known.get("sentiment")
IDLE_ROUNDS = 5
AT_ONCE = 1_000  # tasks in one import


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


def run(there: int, count: int, server: LabelStudioServer, folder: Path) -> list[RoundCost]:
    """Measure sending and fetching `count` samples, and a round with nothing to do where `there` tasks lie."""
    settings = Settings(home=folder / "home", label_studio_url=server.url, label_studio_api_key=server.token)
    with closing(open_store(settings)) as store, Client(server.url, server.token) as client:
        rounds = sync.SyncRounds(lambda: settings, store, [TASK], Client)
        rounds.go()
        project = next(each.id for each in client.projects() if each.title == tasks.title(TASK))
        bare = Bare(server, client)
        costs = [_sending(rounds, bare, store, count), _fetching(rounds, bare, project, count)]
        _fill(client, rounds, store, project, there)
        return [*costs, _idle(rounds, bare, project, there)]


@dataclass(frozen=True)
class Bare:
    """Requests that do what a round has to do there, and nothing else."""

    server: LabelStudioServer
    client: Client

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Ask over a connection that is open, as the sync's is."""
        return self.client._call(method, path, **more)

    def read(self, project: int, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Read one page of tasks, as the sync reads them."""
        asked = {"project": project, "fields": "all", "include": TASK_FIELDS, "resolve_uri": "false", "page_size": PAGE}
        return list(self.ask("GET", "api/tasks", params={**asked, "query": json.dumps(query)})["tasks"])


def _timed(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _visit(store: Store, name: str, count: int) -> list[str]:
    ids = []
    for number in range(count):
        sample = given.inputs(f"{name} {number}")
        ids.append(review_queue.offer(store, TASK, sample, given.prediction(sample, 0.4 + number * 1e-6))[0])
    return ids


def _sending(rounds: sync.SyncRounds, bare: Bare, store: Store, count: int) -> RoundCost:
    """Import tasks with their guesses, in batches as large, and read each batch back."""
    ids = _visit(store, "sent", count)
    with store.reading() as session:
        rows = [samples.get(session, sample_id) for sample_id in ids]
    bodies = [tasks.payload(TASK, outgoing(row), {}) for row in rows]
    other = bare.client.create_project("bare requests", "", tasks.label_config(TASK)).id

    def send() -> None:
        for start in range(0, count, push.BATCH):
            path = f"api/projects/{other}/import"
            answer = bare.ask("POST", path, json=bodies[start : start + push.BATCH], params={"return_task_ids": "true"})
            bare.read(other, {"selectedItems": {"all": False, "included": answer["task_ids"]}})

    bare_s = _timed(send)
    return RoundCost(f"send {count:,} samples, read back", _timed(rounds.go), bare_s)


def _fetching(rounds: sync.SyncRounds, bare: Bare, project: int, count: int) -> RoundCost:
    """Read the tasks that somebody annotated, in pages as large."""
    numbers = [remote.id for remote in bare.client.tasks(project)]
    body = {"result": [tasks.result(TASK, "neutral")], "was_cancelled": False}
    for number in numbers:
        bare.ask("POST", f"api/tasks/{number}/annotations/", json=body)

    def read() -> None:
        for start in range(0, count, PAGE):
            bare.read(project, {"selectedItems": {"all": False, "included": numbers[start : start + PAGE]}})

    bare_s = _timed(read)
    return RoundCost(f"fetch {count:,} answers", _timed(rounds.go), bare_s)


def _fill(client: Client, rounds: sync.SyncRounds, store: Store, project: int, there: int) -> None:
    """Let so many samples lie there, as if they had been sent."""
    (place,) = [tasks.place_of(each.description) for each in client.projects() if each.id == project]
    for start in range(client.counts(project).tasks, there, AT_ONCE):
        rows = [given.row(f"{number:064x}", state=SENT) for number in range(start, min(start + AT_ONCE, there))]
        numbers = client.import_tasks(project, [tasks.payload(TASK, outgoing(row, bare=True), {}) for row in rows])
        with store.session() as session:
            session.add_all(rows)
            session.flush()
            sent = {
                row.sample_id: (row, number, LinkState().written()) for row, number in zip(rows, numbers, strict=True)
            }
            remote_links.keep_links(session, SYSTEM, place or "", project, sent)
            session.commit()
    rounds.go()
    for _ in range(2):  # until then a round asks again for all that was just sent
        time.sleep(OVERLAP_S)
        rounds.go()


def _idle(rounds: sync.SyncRounds, bare: Bare, project: int, there: int) -> RoundCost:
    """Ask for the counts of the projects, and for the tasks that changed."""
    newest = bare.client.newest_change(project)

    def ask() -> None:
        bare.ask("GET", "api/projects", params={"page_size": PAGE, "include": PROJECT_FIELDS})
        bare.client.changed(project, newest)

    ask()
    rounds.go()
    bare_s = min(_timed(ask) for _ in range(IDLE_ROUNDS))
    return RoundCost(
        f"nothing to do, {there:,} tasks there", min(_timed(rounds.go) for _ in range(IDLE_ROUNDS)), bare_s
    )


def table(costs: list[RoundCost]) -> str:
    """Return the costs as a table."""
    rows = ["| what | a round | bare requests | ratio |", "|---|---|---|---|"]
    rows += [f"| {each.what} | {each.round_s:.2f} s | {each.bare_s:.2f} s | {each.ratio:.2f} |" for each in costs]
    return "\n".join(rows)
