"""The loop as the page sees it: it keeps the Protocol `mmdemo.ui.services.Services` over one home folder."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import annotations  # by attribute: a lesson brings torch, and is given where somebody asks for it
from annotations import export, golden, retrieval, review_queue, rollback, status
from annotations.acquisition.audits import AuditSchedule
from annotations.history import models
from annotations.nightly import launcher, leftovers
from annotations.panel import upkeep
from annotations.predictors import Predictors, ServingPredictor, shipped_predictor
from annotations.review_queue import claims, content, predictions, retention, withdrawal
from annotations.review_queue.keeper import Keeper, Quota
from annotations.schema import SampleRow
from annotations.store import Store, labels, open_store, samples, tallies
from mmdemo import decode, tasks
from mmdemo.errors import NotAllowed
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.analysis import Alike, AttributionReport, ExplanationSet, ForwardPass, MapRequest
from mmdemo.values.history import Lesson, MeasuredCurves, ModelHistory, TurnedAnswer
from mmdemo.values.review import (
    SCRIPTS,
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
from mmdemo.versions.registry import Versions

END_S = 5.0  # how long the end waits for what is being erased; the next start goes on with it


class Loop:
    """Predict, keep, ask, correct, and start the night. Threads may share it."""

    def __init__(
        self, settings: Settings, make_predictor: Callable[[Task, Settings], ServingPredictor] = shipped_predictor
    ) -> None:
        """Open the store. Raises StorageError, ManifestError."""
        self.tasks: Mapping[str, Task] = tasks.load_all(settings.task_dir)
        self._settings = settings
        self._store: Store = open_store(settings)
        self._keeper = Keeper(self._store, Quota(self._store, settings), AuditSchedule(self._store, settings))
        self._predictors = Predictors(settings, make_predictor)
        self._finder = retrieval.Finder(self._store, settings)
        self._nights = launcher.Nights(settings)
        self._closing = threading.Event()
        self._tending = [
            threading.Thread(target=target, name=target.__name__, daemon=True) for target in (self._tend, self._watch)
        ]

    def warm(self) -> threading.Thread:
        """Load all models in the background, so that the first visitor doesn't wait for them."""
        thread = threading.Thread(target=self._load_all, name="warm", daemon=True)
        thread.start()
        return thread

    def tend(self) -> None:
        """Erase in the background what nobody answered in time, and watch whether promises still fit, until closed."""
        for thread in self._tending:
            thread.start()

    def ready(self, task: str) -> bool:
        """Whether a visitor of this task is answered without waiting for its model."""
        return self._predictors.ready(self._task(task))

    def has_model(self, task: str) -> bool:
        """Whether anything here can answer for this task, whose file may come before its first version."""
        return Versions(self._settings).serves(self._task(task).name)

    def model_card(self, task: str) -> str:
        """Return the model card of the version that is served, as Markdown. Raises CheckpointError, UnknownName."""
        return Versions(self._settings).model_card(self._task(task).name)

    def close(self) -> None:
        """End what goes on in the background, and close the database."""
        self._closing.set()
        for thread in self._tending:
            if thread.is_alive():
                thread.join(END_S)
        self._predictors.close()
        self._store.close()

    def predict(
        self, task: str, inputs: Inputs, explain: str, keep: bool, caller: str | None = None
    ) -> tuple[Prediction, ForwardPass]:
        """Answer, and return the forward pass too; with `keep` store what the answer calls for. Raises MmdemoError.

        A confident answer is checked all the same where the audit draws it, but only if it may be kept. Where there is
        no room to keep what this caller sent, the answer says so in its notes. After an error nothing is kept.
        """
        loaded_task = self._task(task)
        prediction, forward = self._predictors.answer(loaded_task, inputs, explain)
        return self._keeper.keep_if_room(loaded_task, inputs, prediction, caller) if keep else prediction, forward

    def audit(self, prediction: Prediction) -> float | None:
        """Return with which chance the audit drew a sure answer; None: it did not, and nobody checks it."""
        return self._keeper.audit(self._task(prediction.task), prediction)

    def keep(
        self,
        inputs: Inputs,
        prediction: Prediction,
        label: str | None = None,
        prediction_id: str | None = None,
        caller: str | None = None,
        audit: float | None = None,
    ) -> Prediction:
        """Store an answer that was given without leave to, now that its visitor gave it: that very answer, as served.

        `label` is what the visitor says is right instead; then `prediction_id` is the id of what is kept already of the
        answer, None for nothing; `audit` what that said of it. Return the answer as it is kept. Raises MmdemoError,
        NotKept where there is no room for what this caller sends; then nothing more is kept.
        """
        task = self._task(prediction.task)
        assert decode.sample_id(inputs, task.name) == prediction.sample_id, "an answer to another sample"
        return self._keeper.keep(task, inputs, prediction, caller, label, prediction_id, audit)

    def suggest(
        self, task: str, inputs: Inputs, label: str, prediction_id: str | None = None, caller: str | None = None
    ) -> Kept:
        """Queue a sample whose answer a visitor disputes. A suggestion alone trains nothing.

        `prediction_id` is the id that its sender was told with the answer, under which it is then taken back. Raises
        UnknownName where nothing of this sample is kept under it, NotKept where there is no room for what this caller
        sends, and other MmdemoErrors; then nothing is kept.
        """
        loaded_task = self._task(task)
        loaded_task.check(label)
        prediction, _ = self._predictors.answer(loaded_task, inputs, "default")
        audit = self._keeper.audit(loaded_task, prediction)
        kept = self._keeper.keep(loaded_task, inputs, prediction, caller, label, prediction_id, audit)
        assert kept.prediction_id is not None
        return Kept(kept.sample_id, kept.prediction_id)

    def forget(self, prediction_id: str) -> None:
        """Take back what was sent. Raises UnknownName."""
        retention.forget(self._store, prediction_id)
        self._let_go()

    def forward(self, task: str, inputs: Inputs) -> ForwardPass:
        """Return a sample's forward pass, of which more can be asked. Like all closer looks it keeps nothing."""
        return self._predictors.of(self._task(task)).forward(inputs)

    def study(self, task: str, forward: ForwardPass) -> ExplanationSet:
        """Return a sample's other maps, and what met what."""
        return self._predictors.of(self._task(task)).study(forward)

    def weigh(self, task: str, forward: ForwardPass, request: MapRequest) -> AttributionReport:
        """Return what each modality contributed, and how far one map can be trusted. Raises UnknownName."""
        return self._predictors.of(self._task(task)).weigh(forward, request)

    def what_if(
        self, task: str, forward: ForwardPass, units: Collection[int], modalities: Collection[str]
    ) -> dict[str, float]:
        """Return the probabilities without units of a sample's map and without modalities. Raises BadInput."""
        return self._predictors.of(self._task(task)).what_if(forward, units, modalities)

    def alike(self, task: str, forward: ForwardPass, k: int, reviewer: bool) -> Alike:
        """Return the samples nearest to one, for a reviewer among those corrected too."""
        loaded_task = self._task(task)
        return self._finder.find(loaded_task, self._predictors.of(loaded_task), forward, k, reviewer)

    def queue(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Return the samples that wait for a person, most doubtful first; "" asks for all tasks that are loaded."""
        with self._store.reading() as session:
            return [self._item(row) for row in samples.waiting(session, *self._named(task), limit=limit)]

    def in_turn(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Return the same in the order in which Review asks: what judges versions first."""
        with self._store.reading() as session:
            aside = self._set_aside(task)
            rows = samples.waiting(session, *aside, limit=limit, aside=aside)
            return [self._item(row) for row in rows]

    def later(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Return the samples that were skipped, longest ago first: they come after those that wait."""
        with self._store.reading() as session:
            return [self._item(row) for row in samples.later(session, *self._named(task), limit=limit)]

    def claim(self, command: ClaimSample) -> str | None:
        """Keep a sample for whoever asks, see `claims.claim`. Raises UnknownName."""
        return claims.claim(self._store, self._set_aside(command.task), command)

    def release(self, session: str) -> None:
        """Free the sample that this browser session holds."""
        claims.release(self._store, session)

    def answered(self, annotator: str, limit: int) -> Sequence[Answered]:
        """Return what an annotator last did with samples in the page, newest first. Raises BadInput."""
        name = review_queue.checked_name(annotator)
        with self._store.reading() as session:
            rows = labels.given_by(session, name, review_queue.UNDOABLE, list(self.tasks), limit)
        return [predictions.answered(row, self._store.media) for row in rows]

    def left_out(self) -> Mapping[str, int]:
        """Return task → samples of it that wait, of the tasks that are not loaded here: nobody can be asked of them."""
        with self._store.reading() as session:
            return tallies.waiting_elsewhere(session, list(self.tasks))

    def item(self, sample_id: str) -> ReviewItem:
        """Return one sample with all that its annotator is shown. Raises UnknownName (sample or task), Conflict."""
        with self._store.reading() as session:
            row = review_queue.present(session, sample_id)
            task = self._task(row.task)
            earlier = labels.as_corrections(session, row)
        return ReviewItem(self._item(row), predictions.prediction_shown(task, row), earlier)

    def kept_answer(self, sample_id: str, keys: Sequence[str], reviewer: bool) -> ReviewItem:
        """Return a kept answer: to a reviewer, or to whoever holds the view key of one who sent it.

        Raises NotAllowed for everybody else, and where there is none: the same sentence, for an id tells what was sent.
        """
        with self._store.reading() as session:
            row = samples.find(session, sample_id)
            if row is None or row.forgotten_at or row.prediction is None or row.task not in self.tasks:
                raise NotAllowed("answer_closed")
            if not (reviewer or content.opens(session, row, keys)):
                raise NotAllowed("answer_closed")
            return ReviewItem(self._item(row), predictions.prediction_of(self.tasks[row.task], row))

    def correct(self, sample_id: str, label: str, annotator: str, note: str, wrong_reason: bool = False) -> Correction:
        """Store a correction. Raises BadInput, UnknownName, Conflict."""
        return review_queue.correct(self._store, self.tasks, sample_id, label, annotator, note, wrong_reason)

    def answer(self, command: AnswerSample) -> Correction:
        """Store an answer that was given in the page. Raises BadInput, UnknownName, Conflict."""
        answer = command.sample_id, command.label, command.annotator, command.note, command.wrong_reason
        return review_queue.correct(self._store, self.tasks, *answer, again=command.again, browser=command.browser)

    def skip(self, sample_id: str, annotator: str, browser: str = SCRIPTS) -> None:
        """Put a sample off until nothing else waits. Raises BadInput, UnknownName, Conflict."""
        review_queue.skip(self._store, sample_id, annotator, browser)

    def unsure(self, sample_id: str, annotator: str, browser: str = SCRIPTS) -> None:
        """Take a sample out of the queue: a person cannot tell either. Raises BadInput, UnknownName, Conflict."""
        review_queue.unsure(self._store, sample_id, annotator, browser)

    def pin(self, sample_id: str, is_golden: bool, annotator: str) -> None:
        """Pin a corrected sample as golden, or take that back. Raises BadInput, UnknownName, Conflict."""
        (golden.pin if is_golden else golden.unpin)(self._store, sample_id, annotator)

    def undo(self, annotator: str, browser: str = SCRIPTS) -> str | None:
        """Take back this annotator's last answer in this browser; return its sample's id. Raises BadInput."""
        return review_queue.undo(self._store, annotator, browser)

    def take_back(self, sample_ids: Sequence[str], annotator: str, browser: str) -> int:
        """Withdraw an annotator's answers about these samples; return how many. Raises BadInput."""
        return withdrawal.withdraw(self._store, sample_ids, annotator, browser)

    def lesson(self, task: str, annotator: str) -> Lesson:
        """Return what the served version would make of an annotator's latest answers. Raises BadInput, Conflict."""
        who = review_queue.checked_name(annotator)
        return annotations.give_lesson(self._store, self._settings, self._task(task), who)

    def backlog(self) -> Backlog:
        """Return what people have before them of each task, and how many answers count that were given today."""
        return status.backlog(self._store, list(self.tasks))

    def status(self, task: str) -> Status:
        """Return counts, versions and the last night of a task."""
        loaded_task = self._task(task)
        task_status = status.of(self._store, self._settings, loaded_task)
        run = self._nights.seen(loaded_task.name, task_status.last_retrain)
        stand_in = self._predictors.stand_in(loaded_task)
        if stand_in is not None:
            notices = (*status.stand_in(loaded_task.name, *stand_in), *task_status.notices)
            task_status = replace(task_status, notices=notices)
        return replace(task_status, last_retrain=run, runtime=self._predictors.runtime(loaded_task))

    def models(self, task: str) -> ModelHistory:
        """Return the versions of a task through time, each with the training that judged it."""
        return models.of(self._store, self._settings, self._task(task))

    def curves(self, task: str, version: str) -> MeasuredCurves | None:
        """Return how far a version's confidence can be believed; None where nobody measured it."""
        return models.curves_of(self._store, self._settings, self._task(task), version)

    def turned(self, task: str, version: str, most: int) -> tuple[Sequence[TurnedAnswer], int]:
        """Return the answers that turned with a version, at most so many each way, and how many are left out."""
        return models.turned(self._store, self._task(task), version, most)

    def roll_back(self, task: str, version: str) -> None:
        """Serve a version that was served before, and have a process score what waits by it.

        Raises UnknownName, Conflict, CheckpointError, StorageError.
        """
        loaded_task = self._task(task)
        rollback.to_proven(self._store, self._settings, loaded_task, version)
        self._nights.rescore(loaded_task)

    def train(self, task: str) -> str:
        """Start the night of a task as a process of its own, and return a sentence. Raises Busy."""
        return self._nights.start(self._task(task))

    def export(self, task: str, form: str) -> str:
        """Return a task's corrections as the text of a file, "csv" or "jsonl"; no file is made of it here."""
        name = self._task(task).name
        with self._store.reading() as session:
            return export.as_text(labels.corrections(session, name), form)

    def export_queue(self, task: str, form: str) -> str:
        """Return what waits for a person as the text of a file, like `export`."""
        name = self._task(task).name
        with self._store.reading() as session:
            return export.queue_as_text([self._item(row) for row in samples.waiting(session, name)], form)

    def _named(self, task: str) -> list[str]:
        """Return that task's name, of all tasks that are loaded for ""."""
        return [self._task(task).name] if task else list(self.tasks)

    def _set_aside(self, task: str) -> dict[str, float]:
        """Return the same with the share of its samples that is set aside to judge versions."""
        return {name: self.tasks[name].gate.held_out_share for name in self._named(task)}

    def _task(self, name: str) -> Task:
        return tasks.among(self.tasks, name)

    def _load_all(self) -> None:
        self._predictors.load(self.tasks)
        decode.warm()  # whoever sends a file before has them started
        self._predictors.equip()  # last: it takes the processor from answers

    def _tend(self) -> None:
        leftovers.tidy_all(self._store, self._settings, self.tasks)
        retention.keep_expiring(self._store, self._settings.retention_days, self._closing, each_round=self._let_go)

    def _let_go(self) -> None:
        self._predictors.forget_erased(self._store)
        self._finder.prune()

    def _watch(self) -> None:
        upkeep.keep_looking(self._store, self._settings, self.tasks.values(), self._closing)

    def _item(self, row: SampleRow) -> QueueItem:
        return predictions.queue_item(row, self._store.media)
