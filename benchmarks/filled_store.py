"""A SQLite store with as many samples as asked for: written in bulk at the tables of one release, then brought up.

Few questions are open, most answers were sure, a tenth was looked at by people. A sixteenth of those were corrected
twice, a hundredth taken back; a seventh of the panel nobody answered. Twelve nights kept what they read.
"""

import hashlib
import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from annotations.acquisition import strata
from annotations.review_queue import predictions
from annotations.store import connect, open_store
from mmdemo.answers import LabelAnswer
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import SCRIPTS
from mmdemo.values.samples import Explanation, ImageMap, Prediction, TextMap, TokenScore
from mmdemo.versions.registry import Versions

RELEASE = "0015"  # the tables that are written; what came later is made of them when the store is opened
EARLIER = ("v1", "v2")  # versions that answered the panel before the one that serves
NIGHTS = 12
ANNOTATORS = tuple(f"annotator {number}" for number in range(20))
YEARS = timedelta(days=2 * 365)
CAPTION = "a quiet evening by the sea with nothing left to say but that the light was good"
_WORDS = CAPTION.split()
_PART = 2_000  # rows in one statement
_FORGOTTEN, _AUDITED, _PANEL = 0.01, 0.02, 0.5  # shares: of all, of all, of the audited
_ANSWERED = 0.08  # of all, beside the audited
_TWICE, _TAKEN_BACK, _UNANSWERED = 0.06, 0.01, 0.14
_OPEN_LEAST, _OPEN = 300, 0.002  # questions


@dataclass(frozen=True)
class _AnswerTexts:
    """What is kept of answers, as text: with their map, and without; and of which versions they are."""

    whole: str
    bare: str
    versions: tuple[str, ...]


def fill(settings: Settings, task: Task, rows: int) -> None:
    """Write a store of so many samples into a new home, and bring it up to the tables of today."""
    settings.home.mkdir(parents=True)
    engine = connect.engine_for(connect.url_of(settings))
    connect.migrate(engine, settings.home, RELEASE)
    engine.dispose()
    with closing(sqlite3.connect(settings.home / "mmdemo.sqlite")) as connection:
        for pragma in ("synchronous=OFF", "cache_size=-400000", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        _write(connection, task, rows, (*EARLIER, Versions(settings).champion(task.name)))
        connection.commit()
    open_store(settings).close()


def _write(connection: sqlite3.Connection, task: Task, rows: int, versions: tuple[str, ...]) -> None:
    drawn, answers, labelled = random.Random(rows), _answers(task, versions), list[tuple[str, str]]()
    first = datetime.now(UTC) - YEARS
    part: dict[str, list[dict[str, Any]]] = {}
    for number in range(rows):
        for table, row in _sample(task, number, rows, first, drawn, answers):
            part.setdefault(table, []).append(row)
            if table == "corrections" and row["withdrawn_at"] is None:
                labelled.append((row["sample_id"], row["value"]))
        if len(part.get("samples", ())) == _PART:
            _insert(connection, part)
    _insert(connection, part)
    _nights(connection, task, first, labelled, drawn)


def _sample(
    task: Task, number: int, rows: int, first: datetime, drawn: random.Random, answers: _AnswerTexts
) -> Iterator[tuple[str, dict[str, Any]]]:
    sample_id = hashlib.sha256(f"sample {number}".encode()).hexdigest()
    at = first + number / rows * YEARS
    chance, is_open = drawn.random(), number >= rows - max(_OPEN_LEAST, int(_OPEN * rows))
    kind = "open" if is_open else _kind(chance)
    has_content = kind not in ("sure", "forgotten")
    confidence = 0.4 + 0.1 * drawn.random() if kind not in ("sure", "audited") else 0.8 + 0.2 * drawn.random()
    in_panel = kind == "audited" and drawn.random() < _PANEL
    asked = not (kind == "audited" and drawn.random() < _UNANSWERED)
    states = {"sure": "unflagged", "forgotten": "queued", "open": "skipped" if drawn.random() < 0.2 else "queued"}
    guess, version = drawn.choice(task.label_names), answers.versions[min(2, number * 3 // rows)]
    stamp, sample = at.isoformat(" ")[:26], {"sample_id": sample_id}
    draws = {"audited": ("audited", 0.02), "sure": (None, None)}
    stratum, propensity = draws.get(kind, ("flagged", 1.0))
    yield (
        "samples",
        {
            **sample,
            "task": task.name,
            "state": states.get(kind, "labelled" if asked else "queued"),
            "modalities": json.dumps(["text"]),
            "caption": " ".join(drawn.choices(_WORDS, k=12)) if has_content else None,
            "prediction": None if kind == "forgotten" else answers.whole if has_content else answers.bare,
            "predicted_value": "" if kind == "forgotten" else guess,
            "confidence": confidence,
            "model_version": version,
            "scored_by": version,
            "doubt": 1 - confidence,
            "reason": {"sure": None, "audited": "audit"}.get(kind, "low_confidence"),
            "created_at": stamp,
            "updated_at": stamp,
            "agreed_at": stamp,
            "forgotten_at": stamp if kind == "forgotten" else None,
            "stratum": stratum,
            "propensity": propensity,
            "in_panel": in_panel,
            "split_draw": strata.held_out_draw(sample_id),
        },
    )
    move = {**sample, "before": None, "who": "", "browser": "", "at": stamp, "undone_at": None}
    yield "moves", {**move, "move": "queue" if has_content else "note", "after": "queued"}
    holding = {**sample, "content": has_content, "holder": "visitor", "agreed_at": stamp}
    yield "holdings", {**holding, "prediction_id": sample_id[::-1][:48]}
    if in_panel:
        for one in answers.versions:
            value = guess if drawn.random() < 0.9 else drawn.choice(task.label_names)
            yield "panel_answers", {**sample, "version": one, "value": value, "confidence": drawn.random()}
    if kind in ("audited", "answered") and asked:
        for _ in range(2 if drawn.random() < _TWICE else 1):
            who, gone = drawn.choice(ANNOTATORS), drawn.random() < _TAKEN_BACK
            value = guess if drawn.random() < 0.7 else drawn.choice(task.label_names)
            said = {"value": value, "annotator": who, "note": "", "wrong_reason": False, "corrected_at": stamp}
            served = {"predicted_value": guess, "model_version": version, "source": "page"}
            yield "corrections", {**sample, **said, **served, "withdrawn_at": stamp if gone else None}
            answer = {**move, "before": "queued", "who": who, "browser": SCRIPTS, "undone_at": stamp if gone else None}
            yield "moves", {**answer, "move": "label", "after": "labelled"}


def _kind(chance: float) -> str:
    for name, share in (("forgotten", _FORGOTTEN), ("audited", _AUDITED), ("answered", _ANSWERED)):
        if chance < share:
            return name
        chance -= share
    return "sure"


def _nights(
    connection: sqlite3.Connection, task: Task, first: datetime, labelled: list[tuple[str, str]], drawn: random.Random
) -> None:
    for number in range(1, NIGHTS + 1):
        at = (first + number / NIGHTS * YEARS).isoformat(" ")[:26]
        run = {"id": number, "task": task.name, "state": "done", "verdict": "rejected", "reasons": "[]"}
        run |= {
            "figures": json.dumps({"trained_on": 100, "held_out": 30}),
            "champion": "v0",
            "challenger": f"n{number}",
        }
        _insert(connection, {"runs": [{**run, "last_correction": 0, "started_at": at, "finished_at": at}]})
        read = dict(labelled[: len(labelled) * number // NIGHTS])
        part: dict[str, list[dict[str, Any]]] = {"snapshots": []}
        for sample_id, value in read.items():
            is_held_out = strata.held_out_draw(sample_id) < task.gate.held_out_share
            sure = [drawn.random() if is_held_out else None for _ in range(2)]
            said = [value if drawn.random() < 0.7 else drawn.choice(task.label_names) for _ in range(2)]
            row = {"run_id": number, "sample_id": sample_id, "value": value}
            row |= {"split": "held_out" if is_held_out else "train"}
            row |= dict(zip(("champion_value", "challenger_value"), said if is_held_out else (None, None), strict=True))
            row |= dict(zip(("champion_confidence", "challenger_confidence"), sure, strict=True))
            part["snapshots"].append(row)
        _insert(connection, part)


def _insert(connection: sqlite3.Connection, part: dict[str, list[dict[str, Any]]]) -> None:
    for table in sorted(part, key="samples corrections".find, reverse=True):
        rows = part.pop(table)
        if rows:
            names = ", ".join(rows[0])
            marks = ", ".join(f":{name}" for name in rows[0])
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


def _answers(task: Task, versions: tuple[str, ...]) -> _AnswerTexts:
    label = task.label_names[0]
    tokens = tuple(TokenScore(word, 6 * place, 6 * place + len(word), 0.1) for place, word in enumerate(_WORDS[:12]))
    prediction = Prediction(
        sample_id="",
        task=task.name,
        kind=task.kind,
        answer=LabelAnswer(label, dict.fromkeys(task.label_names, 1 / len(task.label_names))),
        confidence=0.4,
        threshold=0.5,
        flagged=True,
        reason="low_confidence",
        modalities=("text",),
        model_version=EARLIER[0],
        latency_ms=1.0,
        explanation=Explanation("erasure", label, ImageMap((7, 7), ((0.1,) * 7,) * 7), TextMap(tokens)),
    )
    whole, bare = (json.dumps(predictions.stored(prediction, content)) for content in (True, False))
    return _AnswerTexts(whole, bare, versions)
