"""What the page may do: callables that `app.py` hands over. The page sees no SQL, no tensor, no Label Studio.

Each raises errors of `mmdemo.errors` with one sentence; nothing is half-stored. Who may call the reviewers' part is
decided by the page before it calls (`mmdemo.ui.access`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from mmdemo.review import Answered, AnswerSample, ClaimSample, Correction, Kept, QueueItem, ReviewItem, Status
from mmdemo.samples import Prediction, Sample
from mmdemo.study import Alike, Asked, Study, Weighed
from mmdemo.tasks import Task


@dataclass(frozen=True)
class Services:
    """The seam between page and loop."""

    tasks: Mapping[str, Task]
    # Visitors. The last argument of predict, keep and suggest is who calls: of each only so much is kept (NotKept).
    # predict(task, sample, explain, keep, caller): "default" | a method | "none"; keep: may anything be stored
    predict: Callable[[str, Sample, str, bool, str], Prediction]
    # A sure answer (as `predict` gave it) that people shall check all the same, if its visitor agrees
    audited: Callable[[Prediction], bool]
    # keep(sample, prediction, label, prediction_id, caller): store an answer that was given without leave, now that its
    # visitor gave it, and return it with its id. It is that very answer: nothing is predicted again. `label`: what the
    # visitor says is right instead, or None; `prediction_id`: the id of what is kept already of this answer, or None
    keep: Callable[[Sample, Prediction, str | None, str | None, str], Prediction]
    # suggest(task, sample, label, prediction_id, caller): the visitor agreed to keep it; the id they were told with the
    # answer, under which it is then taken back, or None where nothing is kept yet
    suggest: Callable[[str, Sample, str, str | None, str], Kept]
    forget: Callable[[str], None]  # prediction_id
    methods: Callable[[str], Sequence[str]]  # task → explanation methods it offers
    study: Callable[[str, Sample], Study]  # task, sample → its other maps, and what met what
    weigh: Callable[[str, Sample, Asked], Weighed]  # … and how far the map that is asked for can be trusted
    # what_if(task, sample, units, modalities): the probabilities without these units of its map (cells, words and
    # moments, counted in that order) and without these modalities
    what_if: Callable[[str, Sample, Collection[int], Collection[str]], dict[str, float]]
    # alike(task, sample, k, reviewer): the samples nearest to it; a reviewer's among corrected ones too
    alike: Callable[[str, Sample, int, bool], Alike]
    # Reviewers
    queue: Callable[[str, int], Sequence[QueueItem]]  # task ("" for all of `tasks`), limit → most doubtful first
    left_out: Callable[[], Mapping[str, int]]  # task that is not among `tasks` → samples of it that wait
    later: Callable[[str, int], Sequence[QueueItem]]  # … those that were skipped, longest ago first
    item: Callable[[str], ReviewItem]  # sample_id
    claim: Callable[[ClaimSample], str | None]  # → the sample that is theirs for a while, None where none is to be had
    release: Callable[[str], None]  # the session of a claim
    answer: Callable[[AnswerSample], Correction]  # in the page; refused with Conflict where somebody else was faster
    answered: Callable[[str, int], Sequence[Answered]]  # annotator, limit → what they did, newest first
    # correct(sample_id, label, annotator, note, wrong_reason): the last says "right answer, wrong reason"
    correct: Callable[[str, str, str, str, bool], Correction]
    # Of the next three the last argument is the mark of the browser, or SCRIPTS: who may undo it, or undoes it
    skip: Callable[[str, str, str], None]  # sample_id, annotator
    unsure: Callable[[str, str, str], None]  # sample_id, annotator
    undo: Callable[
        [str, str], str | None
    ]  # annotator → sample_id of the row that is queued again, None if there is none
    status: Callable[[str], Status]  # task
    train: Callable[[str], str]  # task → a sentence; starts the night as a process of its own. Raises Busy
    export: Callable[[str, str], str]  # task, "csv" | "jsonl" → the corrections, as the text of a file
    export_queue: Callable[[str, str], str]  # … what waits for a person
    # kept_answer(sample_id, view keys, reviewer): to a reviewer and to whoever sent it; to others NotAllowed
    kept_answer: Callable[[str, Sequence[str], bool], ReviewItem]
    has_model: Callable[[str], bool]  # task → can anything answer for it, or do its samples come from elsewhere?
    model_card: Callable[[str], str]  # task → Markdown, of the version that is served
    ready: Callable[[str], bool] = lambda task: True  # task → is its model loaded, or must a visitor wait for it?
