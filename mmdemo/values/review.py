"""The frozen values that page and loop exchange about the queue: filled by `annotations`, shown by `mmdemo.ui`.

All times are UTC, ISO 8601 with seconds, such as "2026-11-23T17:48:22+00:00". Media are paths of files under the
home folder.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mmdemo import locale
from mmdemo.values.live_figures import LiveFigures
from mmdemo.values.promise_status import PromiseStatus
from mmdemo.values.samples import Prediction

SCRIPTS = "scripts"  # in place of a browser's mark: whoever calls the API, known by key and by name alone


class SampleState(StrEnum):
    """Where a sample stands; `annotations.review_queue` knows the moves between."""

    UNFLAGGED = "unflagged"  # a row without inputs: the answer was confident
    QUEUED = "queued"
    SENT = "sent"  # to Label Studio
    LABELLED = "labelled"
    SKIPPED = "skipped"
    UNSURE = "unsure"


WAITING = (SampleState.QUEUED, SampleState.SENT)  # for a person, here or in Label Studio


class CorrectionSource(StrEnum):
    """Where a correction was given."""

    PAGE = "page"  # or by a script
    LABEL_STUDIO = "label_studio"
    IMPORT = "import"  # in a manifest


class RunState(StrEnum):
    """How far a retraining run came."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class RunVerdict(StrEnum):
    """What a retraining run came to."""

    PROMOTED = "promoted"
    REJECTED = "rejected"
    WAITING = "waiting"  # for more answers
    NOTHING_NEW = "nothing_new"


class MeasuredOn(StrEnum):
    """What a version's figures are of."""

    DEV = "dev"  # the manifest
    HELD_OUT = "held_out"  # corrections that were set aside


@dataclass(frozen=True)
class Kept:
    """A sample that is kept, and the unguessable id by which its sender alone takes it back."""

    sample_id: str
    prediction_id: str


def view_key(prediction_id: str) -> str:
    """Return the key that opens a kept answer again: 64 hex digits, SHA-256 of its id.

    Whoever has the id can delete what was sent; whoever has the key can look at it, and the id does not follow from it.
    """
    return hashlib.sha256(f"view\n{prediction_id}".encode()).hexdigest()


def browser_mark(secret: str) -> str:
    """Return by what a browser is known that keeps this secret: 64 hex digits, from which the secret does not follow.

    What was answered is undone by the browser that answered. The name beside it is no proof: anybody can type it.
    """
    return hashlib.sha256(f"browser\n{secret}".encode()).hexdigest()


@dataclass(frozen=True)
class QueueItem:
    """One sample that waits for a person."""

    sample_id: str
    task: str
    label: str  # the model's guess: of the version that serves since, where another one was served
    confidence: float
    reason: str  # one of FlagReason
    state: str  # one of SampleState
    created_at: str
    suggested: str | None  # what a visitor said it should be
    text: str | None = None  # the caption, for the list
    image: Path | None = None
    audio: Path | None = None
    claimed_by: str | None = None  # who is answering it right now, "" before they gave a name; None: nobody is
    claimed_until: str | None = None  # when that ends by itself
    capped: bool = False  # the guess is only a guess: its confidence measures nothing
    is_golden: bool = False  # people pinned it: no newly trained version that loses it is put into service
    checks: bool = False  # it was drawn at random to judge versions: whoever answers is shown no guess


@dataclass(frozen=True)
class ClaimSample:
    """Asks to keep a sample for one annotator in one browser, which holds one sample at a time."""

    annotator: str  # "" before a name was given
    session: str  # the browser's: a token that nobody else knows
    sample_id: str = ""  # "": the next that nobody is at
    task: str = ""  # of which the next is taken; "": of all


@dataclass(frozen=True)
class AnswerSample:
    """Asks to store what an annotator answers in the page."""

    sample_id: str
    label: str
    annotator: str
    note: str = ""
    wrong_reason: bool = False  # the label is the guess, but the model looked at the wrong thing
    again: bool = False  # it may be answered already: they opened it to change that
    browser: str = ""  # the mark of the browser that answers, which alone may undo it


@dataclass(frozen=True)
class ReviewItem:
    """A queued sample with all that the annotator is shown."""

    item: QueueItem
    prediction: Prediction  # as it was served; to whoever answers, what the version says that serves since
    corrections: tuple["Correction", ...] = ()  # earlier ones, oldest first


@dataclass(frozen=True)
class Correction:
    """What a person said a sample is."""

    sample_id: str
    task: str
    label: str
    annotator: str
    note: str
    corrected_at: str
    predicted_label: str
    model_version: str  # that predicted it
    source: str = CorrectionSource.PAGE  # one of CorrectionSource
    wrong_reason: bool = False  # the label is what the model said, but it looked at the wrong thing
    counts: bool = True  # False: it was stored, but by the rule of `store.labels` another label counts


@dataclass(frozen=True)
class Answered:
    """What an annotator last did with a sample in the page."""

    item: QueueItem  # its state is today's
    did: str  # labelled | skipped | unsure
    at: str
    label: str | None  # what they said, where they did
    standing: Correction | None = None  # the correction that counts today, theirs or another's


@dataclass(frozen=True)
class VersionInfo:
    """One version of a task's model, as its sidecar tells."""

    version: str
    created_at: str
    parent: str | None
    served: bool  # it is the champion
    figures: dict[str, float] = field(default_factory=dict)  # such as accuracy, macro_f1
    measured_on: str = MeasuredOn.DEV  # one of MeasuredOn
    measured: int = 0  # samples behind them; 0 where that was not written down

    def measured_sentence(self, language: str = "en") -> str:
        """Say on what the figures were measured, and on how many samples."""
        key = f"status.measured_{self.measured_on}"
        return locale.text(key if self.measured else f"{key}_unknown", language, count=self.measured)


@dataclass(frozen=True)
class Reason:
    """Why a night ended as it did: `key` names the sentence in the locale, `values` fill its braces.

    This is what the store keeps of a verdict, so that the page can say it in its reader's language.
    """

    key: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """Return the sentence that a reader of `language` sees."""
        return locale.text(self.key, language, **self.values)


ID_CHARS = 12  # of a sample's id, by which sentences name it
_NAMED = 5  # samples that a sentence names


def first_of(names: Sequence[str], separator: str = ", ") -> str:
    """Return the first names as a sentence gives them, and a sign that there are more."""
    return separator.join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")


# Sentences that name samples: for reviewers alone, since an id tells what was sent to whoever has the same file.
_NAME_SAMPLES = ("status.night_left_out", "status.not_scored_again", "status.night_golden_samples")


def for_everybody(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return the reasons without those that name samples."""
    return tuple(reason for reason in reasons if reason.key not in _NAME_SAMPLES)


@dataclass(frozen=True)
class Run:
    """One night: a retraining run and its verdict."""

    task: str
    state: str  # one of RunState
    verdict: str | None  # promoted | rejected | waiting | nothing_new, or None while it runs or where it failed
    reasons: tuple[str, ...]  # sentences in English, those of `why`
    figures: dict[str, float]
    champion: str | None  # version before
    challenger: str | None
    started_at: str
    finished_at: str | None
    why: tuple[Reason, ...] = ()  # the same reasons, to be said in any language


@dataclass(frozen=True)
class Indexed:
    """A manifest among whose samples those that are alike are looked for."""

    name: str
    samples: int
    model_version: str  # that indexed it
    searched: bool  # it is the version that is served; else the manifest must be indexed again


@dataclass(frozen=True)
class Backlog:
    """What people have before them, and what they did today."""

    waiting: Mapping[str, int]  # task → samples that wait for a person, here or in Label Studio
    later: Mapping[str, int]  # task → samples that were skipped, and come after those
    answered_today: int  # of all tasks


@dataclass(frozen=True)
class Status:
    """What the Status tab shows."""

    task: str
    states: dict[str, int]  # state → samples
    by_label: dict[str, int]  # corrections, in the task's order; none where its answers cannot be listed
    by_annotator: dict[str, int]
    versions: tuple[VersionInfo, ...]  # newest first
    last_sync: str | None
    last_retrain: Run | None
    held_out: int  # corrections that are set aside for the gate
    held_out_needed: int  # the task's gate.minimum, or what the next comparison needs
    checks_missing: int = 0  # random checks of sure answers that the gate needs on top
    answered_today: int = 0
    indexed: tuple[Indexed, ...] = ()  # by name and version
    wrong_reason: int = 0  # corrections that count and say: right answer, wrong reason
    label_studio: bool = False  # it is set up; what is not is not spoken of
    notices: tuple[Reason, ...] = ()  # what whoever runs this has to know: what is held back, what serves instead
    promise: PromiseStatus | None = None  # None where the task promises nothing
    watch: Reason | None = None  # how the version that serves does since its promotion; None: it is not watched
    live: LiveFigures | None = None  # of the version that serves; None where none does
    runtime: Reason | None = None  # what computes its encoders; None where that is PyTorch, and nothing else is wanted
