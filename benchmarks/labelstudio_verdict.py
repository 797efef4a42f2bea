"""What is lost, doubled or wrong after a run of chaos: what was acknowledged, the store and the server are compared."""

import itertools
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from annotations.labelstudio import health, tasks
from annotations.labelstudio.place import SYSTEM
from annotations.labelstudio.remote import Annotation, RemoteTask
from annotations.labelstudio.report import SyncReport
from annotations.schema import CorrectionRow, SampleRow
from annotations.store import Store, labels, samples
from mmdemo import tasks as known
from mmdemo.samples import Inputs
from tests.unit.annotations import given

TASK = known.get("sentiment")
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
class Count:
    """What a run came to."""

    operations: int
    kills: int
    samples: int
    annotations: int  # that live there at the end
    lost: int
    doubled: int
    wrong: int
    without_guess: int
    unsettled: int  # changes of a round after both sides were brought into step


def count(
    log: Log, store: Store, page: httpx.Client, project: int, operations: int, kills: int, last: SyncReport
) -> Count:
    """Compare."""
    remotes = read(page, project)
    there: dict[str, list[RemoteTask]] = {}
    for remote in remotes:
        there.setdefault(tasks.sample_of(remote.data), []).append(remote)
    people = {user["id"]: user["email"] for user in page.get("api/users/").json()}
    lost = _lost_annotations(log, remotes)
    doubled = sum(len(each) - 1 for each in there.values())
    wrong = without_guess = 0
    with store.reading() as session:
        rows = {sample_id: samples.get(session, sample_id) for sample_id in log.order}
        history = {sample_id: labels.history(session, sample_id) for sample_id in log.order}
        counting = {sample_id: labels.counting(session, sample_id) for sample_id in log.order}
    for sample_id, row in rows.items():
        remote = there.get(sample_id, [None])[0]
        here, expected = _said(history[sample_id]), votes(remote.annotations if remote else (), people)
        if sample_id not in log.forgotten and remote is not None:
            lost += sum(person not in here for person in expected)
            wrong += sum(expected.get(person) != label for person, label in here.items())
            winner = _winner({**expected, **_reviewers(history[sample_id])})
            wrong += winner is not None and getattr(counting[sample_id], "label", None) != winner
        lost += row.has_content and row.state in samples.WAITING and remote is None
        lost += _lost_correction(log, sample_id, history[sample_id])
        doubled += _repeated(history[sample_id])
        wrong += remote is not None and not _should_lie_there(row, remote)
        without_guess += bool(remote and health.is_sick(TASK, remote, health.outgoing(row, bare=True)))
    unsettled = sum(vars(last).values()) - last.waiting - last.unreadable
    living = sum(len(remote.annotations) for remote in remotes)
    return Count(operations, kills, len(rows), living, int(lost), doubled, int(wrong), without_guess, unsettled)


def votes(annotations: Iterable[Annotation], people: Mapping[int, str]) -> dict[str, str]:
    """Return person → what they say, worked out from the annotations alone."""
    ordered = sorted(annotations, key=lambda each: (each.updated_at, each.id))
    labelled = [(each, None if each.cancelled else tasks.label_of(each.result, TASK)) for each in ordered]
    return {people[each.annotator or 0]: label for each, label in labelled if label is not None}


def read(page: httpx.Client, project: int, **query: Any) -> list[RemoteTask]:
    """Read the tasks of a project, by requests of this benchmark's own."""
    asked = {"project": project, "fields": "all", "include": FIELDS, "resolve_uri": "false", "page_size": -1}
    answer = page.get("api/tasks/", params={**asked, "query": json.dumps(query)})
    answer.raise_for_status()
    body = answer.json()
    return [RemoteTask.read(raw) for raw in (body["tasks"] if isinstance(body, dict) else body)]


def task_of(page: httpx.Client, project: int, sample_id: str) -> dict[str, Any] | None:
    """Return the number of a sample's task, and its annotations; None where it has none."""
    item = {"filter": f"filter:tasks:data.{tasks.SAMPLE_ID}", "operator": "equal", "type": "String", "value": sample_id}
    remotes = read(page, project, filters={"conjunction": "and", "items": [item]})
    if not remotes:
        return None
    return {"id": remotes[0].id, "annotations": [{"id": each.id} for each in remotes[0].annotations]}


def _lost_annotations(log: Log, remotes: list[RemoteTask]) -> int:
    living = {each.id for remote in remotes for each in remote.annotations}
    return sum(number not in living and whose not in log.forgotten for number, whose in log.annotated.items())


def _said(history: list[CorrectionRow]) -> dict[str, str]:
    ordered = sorted((made for made in history if made.source == SYSTEM), key=lambda made: (made.corrected_at, made.id))
    return {made.annotator: made.label for made in ordered}


def _reviewers(history: list[CorrectionRow]) -> dict[str, str]:
    return {made.annotator: made.label for made in history if made.source != SYSTEM}


def _winner(said: Mapping[str, str]) -> str | None:
    """Return what most people say, None where as many say one thing as another."""
    ranked = Counter(said.values()).most_common()
    return ranked[0][0] if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]) else None


def _lost_correction(log: Log, sample_id: str, history: list[CorrectionRow]) -> bool:
    said = [label for label in log.corrected.get(sample_id, []) if label]
    return bool(said) and said[-1] != list(_reviewers(history).values() or [None])[-1]


def _repeated(history: list[CorrectionRow]) -> int:
    """Return how many corrections say the same of the same annotation as the one before."""
    said: dict[str, list[tuple[str, bool]]] = {}
    for made in history:
        if made.source == SYSTEM:
            said.setdefault(made.external_id or "", []).append((made.label, made.wrong_reason))
    return sum(one == other for each in said.values() for one, other in itertools.pairwise(each))


def _should_lie_there(row: SampleRow, remote: RemoteTask) -> bool:
    return row.has_content and (row.state in samples.WAITING or bool(remote.annotations))
