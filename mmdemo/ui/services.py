"""What the page may do: the seam between page and loop. The page sees no SQL, no tensor, no Label Studio.

Each call raises errors of `mmdemo.errors` with one sentence; nothing is half-stored. Who may call the reviewers' part
is decided by the page before it calls (`mmdemo.ui.callers.access`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from mmdemo.tasks import Task
from mmdemo.values.analysis import Alike, AttributionReport, ExplanationSet, ForwardPass, MapRequest
from mmdemo.values.history import Lesson, MeasuredCurves, ModelHistory, TurnedAnswer
from mmdemo.values.review import (
    Answered,
    AnswerSample,
    Backlog,
    ClaimSample,
    Correction,
    Kept,
    QueueItem,
    ReviewItem,
    Status,
)
from mmdemo.values.samples import Inputs, Prediction


class Services(Protocol):
    """All that the page asks for; `app.py` hands it the loop."""

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks that are loaded, by name."""

    def ready(self, task: str) -> bool:
        """Whether the task's model is loaded, so that a visitor need not wait for it."""

    def has_model(self, task: str) -> bool:
        """Whether anything can answer for the task, or its samples come from elsewhere."""

    def model_card(self, task: str) -> str:
        """Return the model card of the version that is served, as Markdown."""

    # Visitors. `caller` is who calls: of each only so much is kept (NotKept).
    def predict(
        self, task: str, inputs: Inputs, explain: str, keep: bool, caller: str
    ) -> tuple[Prediction, ForwardPass]:
        """Answer, and return the forward pass too, of which more can be asked.

        explain: "default", a method, or "none"; keep: whether anything may be stored.
        """

    def audit(self, prediction: Prediction) -> float | None:
        """Return with which chance people shall check a sure answer, as `predict` gave it, if its visitor agrees.

        None: they shall not.
        """

    def keep(
        self,
        inputs: Inputs,
        prediction: Prediction,
        label: str | None,
        prediction_id: str | None,
        caller: str,
        audit: float | None,
    ) -> Prediction:
        """Store an answer that was given without leave, now that its visitor gave it, and return it with its id.

        It is that very answer: nothing is predicted again. `label`: what the visitor says is right instead, or None;
        `prediction_id`: the id of what is kept already of this answer, or None; `audit`: what that said of it.
        """

    def suggest(self, task: str, inputs: Inputs, label: str, prediction_id: str | None, caller: str) -> Kept:
        """Queue a sample with the label that its visitor says is right; they agreed to that.

        `prediction_id`: the id that they were told with the answer, under which it is then taken back; None where
        nothing is kept yet.
        """

    def forget(self, prediction_id: str) -> None:
        """Take back what was sent. Raises UnknownName."""

    def forward(self, task: str, inputs: Inputs) -> ForwardPass:
        """Return the forward pass of a sample that was not answered here. Raises BadInput."""

    def study(self, task: str, forward: ForwardPass) -> ExplanationSet:
        """Return a sample's other maps, and what met what."""

    def weigh(self, task: str, forward: ForwardPass, request: MapRequest) -> AttributionReport:
        """Return what decided the answer, and how far the map that is asked for can be trusted."""

    def what_if(
        self, task: str, forward: ForwardPass, units: Collection[int], modalities: Collection[str]
    ) -> dict[str, float]:
        """Return the probabilities without these units of a map and without these modalities.

        Units are counted as `mmdemo.values.layout` says.
        """

    def alike(self, task: str, forward: ForwardPass, k: int, reviewer: bool) -> Alike:
        """Return the `k` samples nearest to one; a reviewer's among corrected ones too."""

    def kept_answer(self, sample_id: str, keys: Sequence[str], reviewer: bool) -> ReviewItem:
        """Return a kept answer to a reviewer, and to whoever holds its sender's view key; else NotAllowed."""

    def curves(self, task: str, version: str) -> MeasuredCurves | None:
        """Return how far a version's confidence can be believed; None where nobody measured it. Asks no model."""

    # Reviewers.
    def queue(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Return what waits of a task, "" for all of `tasks`, most doubtful first."""

    def in_turn(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Return the same in the order in which Review asks: what judges versions first."""

    def left_out(self) -> Mapping[str, int]:
        """Return task → samples of it that wait, of those that are not among `tasks`."""

    def later(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Return what was skipped, longest ago first."""

    def item(self, sample_id: str) -> ReviewItem:
        """Return one sample with all that its annotator is shown."""

    def claim(self, command: ClaimSample) -> str | None:
        """Return the sample that is theirs for a while, None where none is to be had."""

    def release(self, session: str) -> None:
        """Free the sample that a claim's session holds."""

    def answer(self, command: AnswerSample) -> Correction:
        """Store an answer given in the page. Raises Conflict where somebody else was faster."""

    def answered(self, annotator: str, limit: int) -> Sequence[Answered]:
        """Return what an annotator did, newest first."""

    def correct(self, sample_id: str, label: str, annotator: str, note: str, wrong_reason: bool) -> Correction:
        """Store a script's answer; `wrong_reason`: right answer, wrong reason."""

    # Of the next three `browser` is the mark of the browser, or SCRIPTS: who may undo it, or undoes it.
    def skip(self, sample_id: str, annotator: str, browser: str) -> None:
        """Put a sample off until nothing else waits."""

    def unsure(self, sample_id: str, annotator: str, browser: str) -> None:
        """Take a sample out of the queue: a person cannot tell either."""

    def undo(self, annotator: str, browser: str) -> str | None:
        """Take back the last answer, and return the id of the sample that is queued again; None if there is none."""

    def take_back(self, sample_ids: Sequence[str], annotator: str, browser: str) -> int:
        """Withdraw what an annotator said of these samples in that browser; return how many answers that were."""

    def lesson(self, task: str, annotator: str) -> Lesson:
        """Return what the served version would make of an annotator's latest answers; nobody is served by that.

        Takes seconds. Raises Conflict where they are too few.
        """

    def pin(self, sample_id: str, is_golden: bool, annotator: str) -> None:
        """Pin a corrected sample as golden, or take that back. Raises BadInput, UnknownName, Conflict."""

    def backlog(self) -> Backlog:
        """Return what people have before them of each task, and how many answers count that were given today."""

    def status(self, task: str) -> Status:
        """Return what the Status tab shows."""

    def models(self, task: str) -> ModelHistory:
        """Return the versions of a task through time."""

    def turned(self, task: str, version: str, most: int) -> tuple[Sequence[TurnedAnswer], int]:
        """Return the answers that turned right, and wrong, with a version, at most so many each way.

        Also how many are left out. Raises UnknownName.
        """

    def roll_back(self, task: str, version: str) -> None:
        """Serve a version that was served before. Raises UnknownName, Conflict, CheckpointError."""

    def train(self, task: str) -> str:
        """Start the night of a task as a process of its own, and return a sentence. Raises Busy."""

    def export(self, task: str, form: str) -> str:
        """Return the corrections as the text of a file, "csv" or "jsonl"."""

    def export_queue(self, task: str, form: str) -> str:
        """Return what waits for a person as the text of a file, "csv" or "jsonl"."""
