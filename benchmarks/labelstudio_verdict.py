"""What is lost, doubled or wrong after a run of chaos: what was acknowledged, the store and the server are compared."""

import itertools
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from annotations.labelstudio import health
from annotations.labelstudio.connection.remote import Annotation, RemoteTask
from annotations.labelstudio.remote_projects import SYSTEM
from annotations.labelstudio.translation import tasks
from annotations.schema import CorrectionRow
from annotations.store import Store, labels, samples
from mmdemo import tasks as known
from mmdemo.values.review import WAITING
from mmdemo.values.samples import Inputs
from tests.unit.annotations import sentiment as given

TASK = known.get("sentiment")
PAGE = 100  # tasks in one answer
FIELDS = "id,data,predictions,annotations,result,completed_by,updated_by,updated_at,was_cancelled"


@dataclass
class Log:
    """What was acknowledged. Threads share it; who touches a sample holds its lock."""

    order: list[str] = field(default_factory=list)  # samples, as they came
    numbers: dict[str, int] = field(default_factory=dict)  # sample id → the visit that sent it
    predictions: dict[str, str] = field(default_factory=dict)  # sample id → its sender's own id
    annotated: dict[int, str] = field(default_factory=dict)  # annotation there that nobody deleted → sample id
    corrected: dict[str, list[str]] = field(default_factory=dict)  # sample id → what was said here; "": put off
    forgotten: set[str] = field(default_factory=set)
    locks: defaultdict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def visited(self, sample_id: str, prediction_id: str, number: int) -> None:
        """Note a visit."""
        self.predictions[sample_id], self.numbers[sample_id] = prediction_id, number
        self.order.append(sample_id)

    def newest(self, count: int) -> list[str]:
        """Return the samples that came last and were not taken back."""
        return [sample_id for sample_id in self.order[-2 * count :] if sample_id not in self.forgotten][-count:]

    def inputs(self, seed: int, sample_id: str) -> Inputs:
        """Return what was sent on that visit."""
        number = self.numbers[sample_id]
        return given.inputs(f"sample {seed} {number}", seed=number if number % 5 == 0 else None)

    def took_off(self, sample_id: str) -> None:
        """Note that somebody deleted a sample's task there, and so its annotations."""
        for number in [number for number, whose in self.annotated.items() if whose == sample_id]:
            self.annotated.pop(number)


@dataclass(frozen=True)
class ChaosCount:
    """What a run came to."""

    operations: int
    kills: int
    samples: int
    annotations: int  # that live there at the end
    lost: int
    doubled: int
    wrong: int
    without_guess: int
    unsettled: int  # changes of the last round that brings both sides into step


LOST, DOUBLED, WRONG, WITHOUT_GUESS = "lost", "doubled", "wrong", "without guess"


@dataclass(frozen=True)
class ChaosVerdict:
    """Compares what was acknowledged with the store and with the server, both at rest."""

    log: Log
    store: Store
    remotes: list[RemoteTask]
    people: Mapping[int, str]

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong: its kind, and about what."""
        there: dict[str, list[RemoteTask]] = {}
        for remote in self.remotes:
            there.setdefault(tasks.sample_of(remote.data), []).append(remote)
        for sample_id, copies in there.items():
            yield from [(DOUBLED, f"task of {sample_id}")] * (len(copies) - 1)
        living = {each.id for remote in self.remotes for each in remote.annotations}
        for number, whose in self.log.annotated.items():
            if number not in living and whose not in self.log.forgotten:
                yield LOST, f"annotation {number} of {whose}"
        for sample_id in self.log.order:
            yield from self._of(sample_id, there.get(sample_id, [None])[0])

    def _of(self, sample_id: str, remote: RemoteTask | None) -> Iterator[tuple[str, str]]:
        with self.store.reading() as session:
            row, history = samples.get(session, sample_id), labels.history(session, sample_id)
            counting = labels.counting(session, sample_id)
        said = [label for label in self.log.corrected.get(sample_id, []) if label]
        if said and said[-1] != list(_reviewers(history).values() or [None])[-1]:
            yield LOST, f"correction {said[-1]} here of {sample_id}"
        yield from [(DOUBLED, f"correction of {sample_id}")] * _repeated(history)
        if remote is None:
            if row.has_content and row.state in WAITING:
                yield LOST, f"task of {sample_id}"
            return
        if not (row.has_content and (row.state in WAITING or remote.annotations)):
            yield WRONG, f"{sample_id} still lies there: {row.state}"
        if health.is_sick(TASK, remote, health.outgoing(row, TASK.gate.held_out_share, bare=True)):
            yield WITHOUT_GUESS, sample_id
        here, expected = _said(history), votes(remote.annotations, self.people)
        yield from ((LOST, f"{person} on {sample_id}") for person in expected.keys() - here.keys())
        for person, label in here.items():
            if expected.get(person) != label:
                yield WRONG, f"{person} on {sample_id}: {label}, not {expected.get(person)}"
        winner = _winner({**expected, **_reviewers(history)})
        if winner is not None and (counting is None or counting.value != winner):
            yield WRONG, f"{winner} should count of {sample_id}"


def votes(annotations: Iterable[Annotation], people: Mapping[int, str]) -> dict[str, str]:
    """Return person → what they say, worked out from the annotations alone."""
    ordered = sorted(annotations, key=lambda each: (each.updated_at, each.id))
    labelled = [(each, None if each.cancelled else tasks.value_of(each.result, TASK)) for each in ordered]
    return {people[each.annotator or 0]: label for each, label in labelled if label is not None}


def read(page: httpx.Client, project: int, **query: Any) -> list[RemoteTask]:
    """Read the tasks of a project, page by page, by requests of this benchmark's own."""
    remotes: list[RemoteTask] = []
    ordered = json.dumps({**query, "ordering": ["tasks:id"]})
    for number in itertools.count(1):
        params: dict[str, Any] = {"project": project, "fields": "all", "include": FIELDS, "resolve_uri": "false"}
        answer = page.get("api/tasks/", params={**params, "page": number, "page_size": PAGE, "query": ordered})
        if answer.status_code == httpx.codes.NOT_FOUND:  # behind the last page
            break
        answer.raise_for_status()
        tasks_of_page = answer.json()["tasks"]
        remotes += map(RemoteTask.read, tasks_of_page)
        if len(tasks_of_page) < PAGE:
            break
    return remotes


def task_of(page: httpx.Client, project: int, sample_id: str) -> dict[str, Any] | None:
    """Return the number of a sample's task, and its annotations; None where it has none."""
    item = {"filter": f"filter:tasks:data.{tasks.SAMPLE_ID}", "operator": "equal", "type": "String", "value": sample_id}
    remotes = read(page, project, filters={"conjunction": "and", "items": [item]})
    if not remotes:
        return None
    return {"id": remotes[0].id, "annotations": [{"id": each.id} for each in remotes[0].annotations]}


def _said(history: list[CorrectionRow]) -> dict[str, str]:
    ordered = sorted(
        (correction for correction in history if correction.source == SYSTEM),
        key=lambda correction: (correction.corrected_at, correction.id),
    )
    return {correction.annotator: correction.value for correction in ordered}


def _reviewers(history: list[CorrectionRow]) -> dict[str, str]:
    return {correction.annotator: correction.value for correction in history if correction.source != SYSTEM}


def _winner(said: Mapping[str, str]) -> str | None:
    """Return what most people say, None where as many say one thing as another."""
    ranked = Counter(said.values()).most_common()
    return ranked[0][0] if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]) else None


def _repeated(history: list[CorrectionRow]) -> int:
    """Return how many corrections say the same of the same annotation as the one before."""
    said: dict[str, list[tuple[str, bool]]] = {}
    for correction in history:
        if correction.source == SYSTEM:
            said.setdefault(correction.external_id or "", []).append((correction.value, correction.wrong_reason))
    return sum(one == other for each in said.values() for one, other in itertools.pairwise(each))
