"""The states of a sample and the moves between them, each one short transaction.

A row is never deleted. `MOVES` says what is allowed; everything else raises Conflict. What was skipped is asked about
again once nothing else waits, by the Review tab alone. Unsure samples are out of the queue: they wait until somebody
undoes that, corrects them, or disputes the answer. A correction of a sample that is asked about again counts until it
is withdrawn or a later one is given. Content goes elsewhere: `retention`. Who is at which sample: `claims`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from annotations import media
from annotations.acquisition import doubt, strata
from annotations.acquisition.strata import Draw
from annotations.review_queue import content, predictions
from annotations.review_queue.content import Holder
from annotations.schema import CorrectionRow, MoveRow, SampleRow, now
from annotations.store import Session, Store, WriteConflict, labels, panel, samples
from mmdemo import characters
from mmdemo import tasks as known_tasks
from mmdemo.errors import BadInput, Conflict
from mmdemo.tasks import Task
from mmdemo.values.review import SCRIPTS, WAITING, Correction, CorrectionSource, SampleState
from mmdemo.values.samples import FlagReason, Inputs, Prediction

UNFLAGGED, QUEUED, SENT, LABELLED, SKIPPED, UNSURE = SampleState
MOVES: Mapping[str, Mapping[str | None, str]] = {  # move → state before → state after; None: there was no row
    "note": {None: UNFLAGGED},
    "queue": {None: QUEUED, UNFLAGGED: QUEUED},
    "doubt": {LABELLED: QUEUED},  # a night suspects its answer: somebody looks once more
    "dispute": {SKIPPED: QUEUED, UNSURE: QUEUED, LABELLED: QUEUED},
    "send": {QUEUED: SENT},
    "recall": {SENT: QUEUED},
    "label": {QUEUED: LABELLED, SENT: LABELLED, SKIPPED: LABELLED, UNSURE: LABELLED, LABELLED: LABELLED},
    "import": dict.fromkeys((None, *SampleState), LABELLED),
    "skip": {QUEUED: SKIPPED, SENT: SKIPPED, UNSURE: SKIPPED, SKIPPED: SKIPPED},  # skipped again: last once more
    "unsure": {QUEUED: UNSURE, SENT: UNSURE, SKIPPED: UNSURE},
    "undo": {LABELLED: QUEUED, SKIPPED: QUEUED, UNSURE: QUEUED},
}
UNDOABLE = ("label", "skip", "unsure")
NAME_CHARS, NOTE_CHARS = 100, 2_000


def offer(
    store: Store,
    task: Task,
    inputs: Inputs,
    prediction: Prediction,
    *,
    share: float | None = None,
    suggested: str | None = None,
    holder: Holder = Holder.VISITOR,
    earlier: str | None = None,
    admit: Callable[[int], None] = lambda size: None,
) -> tuple[str, str]:
    """Keep an answer that its sender agreed to keep, and return its sample id and the sender's own prediction id.

    A flagged answer (or one with a `suggested` value, which the task must take) is queued with its inputs; any other
    leaves a row without them. The same input again makes no second entry: the first answer stays, and the consent is
    added, as a new one or to the sender's own under the id `earlier`. Only where its answer is disputed is a sample
    queued again that was answered, skipped or found unsure. `share`: of the sure answers, that was checked then (None:
    the task's). `admit` is told the bytes of its files, and raises NotKept where there is no room. Raises UnknownName,
    BadInput, StorageError; then nothing is kept.
    """
    suggested = None if suggested is None else task.check(suggested)
    whole = prediction.flagged or suggested is not None
    copies = media.copies_of(inputs) if whole else {}
    admit(sum(len(copy.data) for copy in copies.values()))
    draw = strata.of(prediction, task, task.audit_share if share is None else share)
    keep = partial(_offer, store, inputs, prediction, draw, copies, suggested, whole, holder, earlier)
    try:
        return keep()
    except WriteConflict:  # another process made the row meanwhile: now it is there
        return keep()


def _offer(
    store: Store,
    inputs: Inputs,
    prediction: Prediction,
    draw: Draw,
    copies: Mapping[str, media.Copy],
    suggested: str | None,
    whole: bool,
    holder: Holder,
    earlier: str | None,
) -> tuple[str, str]:
    # Files are written inside the transaction: who erases them holds the same lock and sees either both or none.
    with store.session() as session, media.keeping(store.media, list(copies.values())):
        files = partial(media.names_of, inputs, copies)
        row = samples.of_inputs(session, inputs, prediction.task, files)
        if row is None:
            row = _new_row(prediction, draw)
            move(session, row, "queue" if whole else "note")
        if whole:
            _fill(session, row, inputs, prediction, draw, copies)
        elif row.state == UNFLAGGED and row.forgotten_at is not None:
            _put_answer(row, prediction, draw, whole=False)
            row.forgotten_at = None
        if suggested is not None:  # a person is asked, also about what one has answered before
            row.suggested, row.reason = suggested, FlagReason.DISPUTED
            if row.state in MOVES["dispute"]:
                move(session, row, "dispute")
        prediction_id = content.hold(session, row, whole, holder, earlier)
        session.commit()
    return row.sample_id, prediction_id


def _new_row(prediction: Prediction, draw: Draw) -> SampleRow:
    row = SampleRow(
        sample_id=prediction.sample_id,
        task=prediction.task,
        modalities=list(prediction.modalities),
        created_at=now(),
        agreed_at=now(),
    )
    _put_answer(row, prediction, draw, whole=False)
    return row


def _put_answer(row: SampleRow, prediction: Prediction, draw: Draw, whole: bool) -> None:
    row.stratum, row.propensity, row.in_panel = draw.stratum, draw.propensity, draw.in_panel
    row.prediction, row.fresh_prediction = predictions.stored(prediction, whole), None
    row.predicted_value, row.confidence = prediction.label, prediction.confidence
    row.model_version = row.scored_by = prediction.model_version
    row.doubt, row.reason = doubt.of(prediction), prediction.reason


def _fill(
    session: Session,
    row: SampleRow,
    inputs: Inputs,
    prediction: Prediction,
    draw: Draw,
    copies: Mapping[str, media.Copy],
) -> None:
    """Give a row its content where it has none; the answer that goes with it is the one just served."""
    if row.has_content:
        row.original_digest = row.original_digest or inputs.original or None
        return
    came_back = row.forgotten_at is not None
    content.fill(row, inputs, copies)
    _put_answer(row, prediction, draw, whole=True)
    if row.in_panel:
        panel.keep(session, row.sample_id, prediction)
    if row.state == UNFLAGGED:
        move(session, row, "queue")
    elif row.state == SENT and came_back:
        move(session, row, "recall")  # outside it was taken back when it was forgotten
    elif came_back:
        reopen(session, row, "")  # what was said of it went with it


def move(session: Session, row: SampleRow, name: str, who: str = "", browser: str = "") -> None:
    """Take a row to the state that MOVES gives for `name`, and log it. Raises Conflict where there is none."""
    before = row.state
    _shift(session, row, name)
    log(session, row, name, before, who, browser)


def _shift(session: Session, row: SampleRow, name: str) -> None:
    after = MOVES[name].get(row.state)
    if after is None:
        raise Conflict("move_not_allowed", sample_id=row.sample_id, state=row.state, move=name)
    row.state, row.updated_at = after, now()
    if after not in WAITING:
        row.release()
    session.add(row)
    if row in session.new:
        session.flush()  # what follows refers to the row


def log(
    session: Session,
    row: SampleRow,
    name: str,
    before: str | None,
    who: str,
    browser: str = "",
    correction: CorrectionRow | None = None,
) -> None:
    """Write down what happened to a row, and which `browser` may undo it, "" for none."""
    values = {"before": before, "after": row.state, "who": who, "browser": browser, "correction": correction}
    session.add(MoveRow(sample_id=row.sample_id, move=name, at=now(), **values))


def send(store: Store, sample_id: str, who: str) -> None:
    """A queued sample now lies with an outside server too. Raises UnknownName, Conflict."""
    _simple(store, sample_id, "send", who)


def recall(store: Store, sample_id: str, who: str) -> None:
    """It lies there no longer, unanswered. Raises UnknownName, Conflict."""
    _simple(store, sample_id, "recall", who)


def skip(store: Store, sample_id: str, annotator: str, browser: str = SCRIPTS) -> None:
    """Put a sample off: it comes after all that wait, for everybody. Raises BadInput, UnknownName, Conflict."""
    _simple(store, sample_id, "skip", checked_name(annotator), browser)


def unsure(store: Store, sample_id: str, annotator: str, browser: str = SCRIPTS) -> None:
    """Take a sample out of the queue: even a person cannot tell. Raises BadInput, UnknownName, Conflict."""
    _simple(store, sample_id, "unsure", checked_name(annotator), browser)


def _simple(store: Store, sample_id: str, name: str, who: str, browser: str = "") -> None:
    with store.session() as session:
        move(session, present(session, sample_id), name, who, browser)
        session.commit()


def present(session: Session, sample_id: str) -> SampleRow:
    """Return a sample that still has its content. Raises UnknownName, Conflict."""
    row = samples.get(session, sample_id)
    if row.forgotten_at is not None:
        raise Conflict("sample_forgotten", sample_id=sample_id)
    return row


def correct(
    store: Store,
    tasks: Mapping[str, Task],
    sample_id: str,
    value: str,
    annotator: str,
    note: str = "",
    wrong_reason: bool = False,
    *,
    again: bool = True,
    browser: str = SCRIPTS,
) -> Correction:
    """Store what a person says a sample is. Which of several people's counts, `store.labels` says.

    `wrong_reason` marks a right answer for which the model looked at the wrong thing. `again`: also where the sample
    was answered before, or found unsure. `browser`: who may undo it. Raises BadInput (no name, long note, a mark on
    another value than the model's, a value that the task does not take), UnknownName (sample, label), Conflict
    (unflagged, forgotten, answered and not `again`).
    """
    annotator, note = checked_name(annotator), _checked_note(note)
    with store.session() as session:
        row = present(session, sample_id)
        task = known_tasks.among(tasks, row.task)
        value = task.check(value)
        check_mark(task, wrong_reason, value, predictions.guess_about(task, row, value).value)
        if not again and row.state in (LABELLED, UNSURE):
            raise Conflict("answered_meanwhile", sample_id=sample_id, state=row.state)
        answer = CorrectionRow(
            value=value, annotator=annotator, note=note, source=CorrectionSource.PAGE, wrong_reason=wrong_reason
        )
        correction = record(session, task, row, "label", answer, browser)
        stored, counting = labels.as_correction(correction, row.task), labels.counting(session, sample_id)
        session.commit()
        return replace(stored, counts=counting is None or counting.value == value)


def record(
    session: Session,
    task: Task,
    row: SampleRow,
    name: str,
    correction: CorrectionRow,
    browser: str = "",
) -> CorrectionRow:
    """Add what a person said, checked, and move its sample by `name`, "label" or "import". Raises Conflict.

    `correction` comes without its sample and what it corrects: that is what was served; with `wrong_reason` the guess
    that the mark is about. Where it says no time it was given now.
    """
    correction.sample_id, correction.corrected_at = row.sample_id, correction.corrected_at or now()
    correction.predicted_value, correction.model_version = row.predicted_value, row.model_version
    if correction.wrong_reason:
        guess = predictions.guess_about(task, row, correction.value)
        correction.predicted_value, correction.model_version = guess.value, guess.model_version
    before = row.state
    _shift(session, row, name)
    session.add(correction)
    log(session, row, name, before, correction.annotator, browser, correction)
    return correction


def undo(store: Store, annotator: str, browser: str = SCRIPTS) -> str | None:
    """Take back the last correction, skip or unsure that this annotator gave in this browser, or else by a script.

    The sample is queued again, unless somebody else's correction of it still stands or it has moved on since. Return
    its id, None where there is nothing to take back. Raises BadInput.
    """
    annotator = checked_name(annotator)
    with store.session() as session:
        last = samples.last_move(session, annotator, UNDOABLE, browser)
        if last is None:
            return None
        last.undone_at = now()
        row = samples.get(session, last.sample_id)
        if last.correction_id is not None:
            session.get_one(CorrectionRow, last.correction_id).withdrawn_at = now()
            reopen(session, row, annotator)
        elif row.state == last.after:
            move(session, row, "undo", annotator)
        session.commit()
        return row.sample_id


def reopen(session: Session, row: SampleRow, who: str) -> None:
    """Ask again about a sample of which no correction stands any more."""
    session.flush()
    if row.state == LABELLED and not labels.history(session, row.sample_id):
        move(session, row, "undo", who)


def checked_name(annotator: str) -> str:
    """Return the form of an annotator's name that is kept, of all that look like it. Raises BadInput."""
    name = characters.canonical_name(annotator)
    if not name:
        raise BadInput("no_annotator")
    if len(name) > NAME_CHARS:
        raise BadInput("too_long", field="name", length=len(name), most=NAME_CHARS)
    return name


def check_mark(task: Task, wrong_reason: bool, value: str, guess: str) -> None:
    """Raise BadInput where "right answer, wrong reason" is said of an answer that was not right."""
    if wrong_reason and not predictions.agrees(task, guess, value):
        raise BadInput("wrong_reason_of_wrong_answer", label=value, guess=guess)


def _checked_note(note: str) -> str:
    if len(note) > NOTE_CHARS:
        raise BadInput("too_long", field="note", length=len(note), most=NOTE_CHARS)
    return characters.storable(note.strip())
