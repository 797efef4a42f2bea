"""Status → what the Status tab shows, in one language. Plain data in, plain data out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmdemo.locale import text
from mmdemo.tasks import Task
from mmdemo.ui.widgets import KINDS, Column
from mmdemo.values.review import Run, RunState, RunVerdict, SampleState, Status, VersionInfo

ANNOTATORS_MOST = 12  # that are listed; the rest is in the downloads
NOBODY_COUNTS = SampleState.UNFLAGGED
FORGOTTEN = "forgotten"
MOODS: dict[str, str] = {RunVerdict.PROMOTED: "good", RunState.FAILED: "bad"}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00)")  # as the loop writes one


@dataclass(frozen=True)
class CountBar:
    """A number and what it counts; `width` is its bar's, 0 … 100."""

    name: str
    number: int
    width: float = 0.0


@dataclass(frozen=True)
class Version:
    """One line of the versions."""

    name: str
    about: str
    measured: str  # on what, "" where there are no figures
    served: bool
    figures: tuple[str, ...]  # one a column, "–" where there is none


@dataclass(frozen=True)
class Words:
    """A part of a sentence."""

    text: str
    is_moment: bool  # UTC, ISO 8601: shown as the reader writes it, where they are


@dataclass(frozen=True)
class Standing:
    """All that the tab shows of one task."""

    reviewer: bool
    counts: tuple[CountBar, ...]
    answers: str  # what the corrections are listed by
    labels: tuple[CountBar, ...]  # none where answers can't be listed
    annotators: tuple[CountBar, ...]
    wrong_reason: str  # how many answers were right for the wrong reason, "" for none
    last_sync: str  # UTC, ISO 8601; "" for never
    running: bool
    verdict: str
    mood: str  # good | bad | quiet
    reasons: tuple[str, ...]
    when: str  # when the last training ended, or began where it runs
    challenger: str
    held_out: str
    held_out_percent: int
    figures: tuple[str, ...]  # heads of the versions' columns
    versions: tuple[Version, ...]
    incomparable: bool  # the versions' figures are of different samples
    label_studio: bool  # it is set up, or samples lie there
    notices: tuple[tuple[Words, ...], ...] = ()  # sentences: what whoever runs this has to know
    promise: tuple[str, ...] = ()  # what is promised, and how that stands by modalities
    watch: str = ""  # how the version that serves does since its promotion
    alarm: bool = False  # it is suspended
    live: tuple[str, ...] = ()  # how good the served version is here
    runtime: str = ""  # what computes the encoders of the version that serves, "" where there is nothing to say
    has_key: bool = True  # there is a review key that could be typed


def view(status: Status, task: Task, reviewer: bool, language: str) -> Standing:
    """Return what the tab shows of a task's status."""
    run = status.last_retrain
    columns = [column for column in KINDS[task.kind].columns if any(_has(column, v) for v in status.versions)]
    measured = [version for version in status.versions if any(_has(column, version) for column in columns)]
    remote = status.label_studio or bool(status.states.get(SampleState.SENT))
    return Standing(
        reviewer=reviewer,
        counts=tuple(_counts(status.states, remote, language)),
        answers=text("status.corrections" if task.answers else "status.answers", language),
        labels=_bars({task.display(label, language): n for label, n in status.by_label.items()}),
        annotators=_bars(dict(sorted(status.by_annotator.items(), key=lambda pair: -pair[1])[:ANNOTATORS_MOST])),
        wrong_reason=text("status.wrong_reason", language, count=status.wrong_reason) if status.wrong_reason else "",
        last_sync=status.last_sync or "",
        running=run is not None and run.state == RunState.RUNNING,
        verdict=text(f"status.run_{_outcome(run)}", language),
        mood=MOODS.get(_outcome(run), "quiet"),
        reasons=(tuple(reason.sentence(language) for reason in run.why) or run.reasons) if run else (),
        when=(run.finished_at or run.started_at) if run else "",
        challenger=(run.challenger or "") if run else "",
        held_out=text("status.held_out", language, held_out=status.held_out, needed=status.held_out_needed),
        held_out_percent=min(100, round(100 * status.held_out / max(1, status.held_out_needed))),
        figures=tuple(column.head(language) for column in columns),
        versions=tuple(_version(version, columns, language) for version in status.versions),
        incomparable=len({(version.measured_on, version.measured) for version in measured}) > 1,
        label_studio=remote,
        notices=tuple(_words(notice.sentence(language)) for notice in status.notices),
        watch=status.watch.sentence(language) if status.watch else "",
        promise=(status.promise.sentence(language), *status.promise.lines(language)) if status.promise else (),
        alarm=status.promise is not None and status.promise.alarm is not None,
        runtime=status.runtime.sentence(language) if status.runtime else "",
        live=tuple(status.live.lines(language)) if status.live else (),
    )


def _words(sentence: str) -> tuple[Words, ...]:
    parts = enumerate(_MOMENT.split(sentence))
    return tuple(Words(part, place % 2 == 1) for place, part in parts if part)


def _counts(states: Mapping[str, int], remote: bool, language: str) -> Iterator[CountBar]:
    # Worth a line only where there are such samples:
    dull = {NOBODY_COUNTS, FORGOTTEN, *(() if remote else (SampleState.SENT,))}
    for state in (*SampleState, FORGOTTEN):
        if state in states and (states[state] or state not in dull):
            yield CountBar(text(f"status.state_{state}", language), states[state])


def _bars(numbers: Mapping[str, int]) -> tuple[CountBar, ...]:
    most = max(numbers.values(), default=0) or 1
    return tuple(CountBar(name, number, round(100 * number / most, 1)) for name, number in numbers.items())


def _outcome(run: Run | None) -> str:
    if run is None:
        return "never"
    return run.verdict or (RunState.FAILED if run.state == RunState.FAILED else RunState.RUNNING)


def _version(version: VersionInfo, columns: Sequence[Column], language: str) -> Version:
    day = version.created_at[:10]
    about = (
        text("status.from_parent", language, day=day, parent=version.parent)
        if version.parent
        else text("status.trained_on", language, day=day)
    )
    return Version(
        name=version.version,
        about=about,
        measured=version.measured_sentence(language) if any(_has(column, version) for column in columns) else "",
        served=version.served,
        figures=tuple(
            column.shown(version.figures[column.figure], language) if _has(column, version) else "–"
            for column in columns
        ),
    )


def _has(column: Column, version: VersionInfo) -> bool:
    return column.figure in version.figures
