"""Annotators, visitors and reviewers do anything while the sync is killed, cut off, and not answered."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import httpx

from annotations import review_queue
from annotations.labelstudio import sync
from annotations.labelstudio.remote_projects import SYSTEM
from annotations.labelstudio.translation import tasks
from annotations.review_queue import retention
from annotations.store import Store, open_store, remote_links
from benchmarks import labelstudio_verdict, lossy
from benchmarks.labelstudio_verdict import DOUBLED, LOST, WITHOUT_GUESS, WRONG, ChaosCount, Log
from mmdemo import tasks as known
from mmdemo.errors import MmdemoError
from mmdemo.settings import ROOT, Settings
from tests import serving
from tests.label_studio_server import LabelStudioServer
from tests.unit.annotations import sentiment as given

TASK = known.get("sentiment")
REVIEWER = "Petra"
PASSWORD = "Passw0rd_123"
POOL = 40  # samples that people are busy with
WATCH_S = 0.3  # between two rounds
FIRST_ROUND_S = 240.0  # to wait for it
ROUNDS = 5  # at the end, until nothing changes any more
LOST_ANSWERS, IN_OUTAGE = 0.01, 0.15  # of the requests, otherwise and in an outage
OUTAGE_EVERY, OUTAGE = 150, 12  # operations
THERE = ("annotate",) * 6 + ("change", "change", "delete", "empty", "skip", "to skip", "delete task", "drop guess")
HERE = ("visit", "visit", "forget", "correct", "skip here", "undo", "dispute")


@dataclass
class Chaos:
    """One run: what everybody does, and what was acknowledged."""

    server: LabelStudioServer
    store: Store
    seed: int
    log: Log = field(default_factory=Log)
    done: int = 0
    visits: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def fate(self) -> str:
        """Decide what becomes of a request of the sync."""
        with self.lock:
            draw, outage = self.chance.random(), self.done % OUTAGE_EVERY >= OUTAGE_EVERY - OUTAGE
        if outage and draw < 0.7:
            return lossy.REFUSE
        return lossy.LOSE if draw > 1 - (IN_OUTAGE if outage else LOST_ANSWERS) else lossy.PASS

    def visit(self, chance: random.Random) -> None:
        """Let a visitor send something, now and then with a picture, or drawn at random for a check."""
        with self.lock:
            self.visits += 1
            number = self.visits
        sample = given.inputs(f"sample {self.seed} {number}", seed=number if number % 5 == 0 else None)
        answer = given.prediction(sample, chance.uniform(0.34, 0.5), "v1")
        if number % 7 == 0:
            answer = replace(answer, confidence=0.9, flagged=True, reason="audit")
        sample_id, prediction_id = review_queue.offer(self.store, TASK, sample, answer)
        self.log.visited(sample_id, prediction_id, number)

    def work(self, person: int, operations: int) -> None:
        """Do so many operations as one annotator, or as whoever uses the app."""
        chance = random.Random(self.seed * 100 + person)
        with _person(self.server, person) as page:
            while True:
                with self.lock:
                    if self.done >= operations:
                        return
                    self.done += 1
                with suppress(MmdemoError, httpx.HTTPError):
                    self._operate(page, chance)

    def _operate(self, page: httpx.Client, chance: random.Random) -> None:
        what = chance.choice(THERE * 2 + HERE)
        if what == "visit":
            self.visit(chance)
            return
        sample_id = chance.choice(self.log.newest(POOL))
        with self.log.locks[sample_id]:
            if what in HERE:
                self._here(what, sample_id, chance)
            else:
                self._there(what, sample_id, page, chance)

    def _here(self, what: str, sample_id: str, chance: random.Random) -> None:
        if what == "forget":
            retention.forget(self.store, self.log.predictions[sample_id])
            self.log.forgotten.add(sample_id)
        elif what == "correct":
            label = chance.choice(TASK.label_names)
            review_queue.correct(self.store, {TASK.name: TASK}, sample_id, label, REVIEWER, browser=sample_id)
            self.log.corrected.setdefault(sample_id, []).append(label)
        elif what == "skip here":
            review_queue.skip(self.store, sample_id, REVIEWER, sample_id)
            self.log.corrected.setdefault(sample_id, []).append("")
        elif what == "undo" and review_queue.undo(self.store, REVIEWER, sample_id):
            self.log.corrected[sample_id].pop()
        elif what == "dispute":
            sample = self.log.inputs(self.seed, sample_id)
            answer = given.prediction(sample, 0.4, "v1")
            _, prediction_id = review_queue.offer(self.store, TASK, sample, answer, suggested="negative")
            self.log.predictions[sample_id] = prediction_id

    def _there(self, what: str, sample_id: str, page: httpx.Client, chance: random.Random) -> None:
        remote = labelstudio_verdict.task_of(page, self.project, sample_id)
        if remote is None:
            return
        annotations = remote["annotations"]
        said = {"result": [tasks.result(TASK, chance.choice(TASK.label_names))], "was_cancelled": False}
        if what in ("annotate", "skip"):
            body = said if what == "annotate" else {"result": [], "was_cancelled": True}
            annotation = _ask(page, "POST", f"api/tasks/{remote['id']}/annotations/", body)
            self.log.annotated[annotation["id"]] = sample_id
        elif what == "delete task":
            _ask(page, "DELETE", f"api/tasks/{remote['id']}/")
            self.log.took_off(sample_id)
        elif what == "drop guess":
            only = {"selectedItems": {"all": False, "included": [remote["id"]]}}
            _ask(page, "POST", f"api/dm/actions/?id=delete_tasks_predictions&project={self.project}", only)
        elif annotations:
            number = chance.choice(annotations)["id"]
            if what == "delete":
                _ask(page, "DELETE", f"api/annotations/{number}/")
                self.log.annotated.pop(number, None)
            else:
                nothing = {"result": [], "was_cancelled": what == "to skip"}
                _ask(page, "PATCH", f"api/annotations/{number}/", said if what == "change" else nothing)

    @cached_property
    def project(self) -> int:
        """The number of the task's project there; asked for once the first round made it."""
        with self.store.reading() as session:
            (row,) = remote_links.places(session, SYSTEM, TASK.name).values()
        return int(row.project)


def run(
    operations: int, kills: int, seed: int, server: LabelStudioServer, folder: Path, progress: TextIO | None = None
) -> ChaosCount:
    """Do so many operations while the sync is killed so often, bring both sides into step, and count."""
    settings = Settings(
        home=folder / "home",
        label_studio_url=server.url,
        label_studio_api_key=server.token,
        label_studio_media=server.data / "media",
    )
    with closing(open_store(settings)) as store:
        chaos = Chaos(server, store, seed)
        for _ in range(POOL // 2):
            chaos.visit(chaos.chance)
        with lossy.before(server.url, chaos.fate) as url:
            killed = _let_loose(chaos, operations, kills, replace(settings, label_studio_url=url), progress)
        for _ in range(ROUNDS):  # the server may still be at what the killed sync asked for
            last = sync.run(settings, TASK.name)
            unsettled = sum(vars(last).values()) - last.waiting - last.unreadable
            if not unsettled:
                break
        with httpx.Client(base_url=server.url, headers=_token(server.token), timeout=60) as page:
            people = {user["id"]: user["email"] for user in _ask(page, "GET", "api/users/")}
            remotes = labelstudio_verdict.read(page, chaos.project)
        faults = list(labelstudio_verdict.ChaosVerdict(chaos.log, store, remotes, people).faults())
    if progress:
        print(*faults, sep="\n", file=progress)
    kinds = Counter(kind for kind, _ in faults)
    return ChaosCount(
        operations=chaos.done,
        kills=killed,
        samples=len(chaos.log.order),
        annotations=sum(len(remote.annotations) for remote in remotes),
        lost=kinds[LOST],
        doubled=kinds[DOUBLED],
        wrong=kinds[WRONG],
        without_guess=kinds[WITHOUT_GUESS],
        unsettled=unsettled,
    )


def _let_loose(chaos: Chaos, operations: int, kills: int, settings: Settings, progress: TextIO | None) -> int:
    step, killed = operations // (kills + 1), 0
    process = _start(settings)
    try:
        _wait_for_project(chaos)
        people = [threading.Thread(target=chaos.work, args=(person, operations), daemon=True) for person in (1, 2, 3)]
        for person in people:
            person.start()
        while any(person.is_alive() for person in people):
            time.sleep(0.05)
            if killed < kills and chaos.done >= step * (killed + 1):
                process.kill()
                process.wait()
                process, killed = _start(settings), killed + 1
                if progress:
                    print(f"kill {killed} of {kills}: {chaos.done} operations", file=progress, flush=True)
    finally:
        process.kill()
        process.wait()
    return killed


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    variables = {
        "LABEL_STUDIO_URL": settings.label_studio_url,
        "LABEL_STUDIO_API_KEY": settings.label_studio_api_key,
        "MMDEMO_LABEL_STUDIO_MEDIA": str(settings.label_studio_media),
    }
    command = [sys.executable, "-m", "annotations", "sync", "--task", TASK.name, "--watch", str(WATCH_S)]
    environment = serving.environment(settings.home, **variables)
    with (settings.home / "sync.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _wait_for_project(chaos: Chaos) -> None:
    deadline = time.monotonic() + FIRST_ROUND_S
    while True:
        with chaos.store.reading() as session:
            places = remote_links.places(session, SYSTEM, TASK.name)
        if any(row.project for row in places.values()):
            return
        if time.monotonic() > deadline:
            raise RuntimeError("the sync made no project")
        time.sleep(0.5)


@contextmanager
def _person(server: LabelStudioServer, number: int) -> Iterator[httpx.Client]:
    """Yield a connection of an annotator of that number, who is invited where nobody was before."""
    with httpx.Client(base_url=server.url, headers=_token(server.token), timeout=60) as admin:
        invitation = _ask(admin, "GET", "api/invite")["invite_url"]
    with httpx.Client(base_url=server.url, timeout=60) as page:
        for form in (invitation, "user/login/"):  # who is there already is refused by the first
            page.get(form)
            about = {"email": f"annotator{number}@example.com", "password": PASSWORD}
            about["csrfmiddlewaretoken"] = page.cookies["csrftoken"]
            page.post(form, data=about, headers={"Referer": server.url})
        token = _ask(page, "GET", "api/current-user/token")["token"]
    with httpx.Client(base_url=server.url, headers=_token(token), timeout=60) as page:
        yield page


def _token(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}"}


def _ask(page: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    answer = page.request(method, path, json=body)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def table(count: ChaosCount) -> str:
    """Return what a run came to as a table."""
    names = list(vars(count))
    rows = [names, ["---"] * len(names), [f"{getattr(count, name):,}" for name in names]]
    return "\n".join(f"| {' | '.join(name.replace('_', ' ') for name in row)} |" for row in rows)
