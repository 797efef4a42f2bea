"""A lesson: what the served version would make of an annotator's latest answers; it serves nobody.

It is taught as a night teaches, in fewer steps, and asked before and after about samples that it does not learn. The
version that comes of it is gone with the answer: it is served to nobody, judged by no gate, and spends no look.
"""

import dataclasses
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.acquisition.strata import is_set_aside
from annotations.nightly import capabilities, challenge, dataset, version_comparison
from annotations.nightly.dataset import Split
from annotations.store import Store, labels
from annotations.store.labels import LabelledContent
from mmdemo import decode
from mmdemo.behaviour import Instance
from mmdemo.errors import Conflict
from mmdemo.evaluation import behaviour
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.continual import asks_once, recipe_of
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.manifests import Row
from mmdemo.values.history import BEHAVIOUR, GOLDEN, HELD_OUT, Lesson, LessonPart, TurnedAnswer
from mmdemo.values.samples import Prediction
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions

ANSWERS = 20  # of the annotator's latest that are learned
FEWEST = 5
JUDGED = 100  # newest samples that are set aside, and as many golden ones, that both are asked about
EVERY_TEST = 4  # of a night's, which are in the order of the capabilities: some ten of each
STEPS = 60
MOST = 6  # answers that are shown, each way


@dataclass(frozen=True)
class _Answers:
    """What one version says, in the order in which it was asked."""

    rows: Sequence[Prediction | None]  # None: it cannot be judged
    tests: Sequence[Sequence[Prediction | None]]


def give_lesson(store: Store, settings: Settings, task: Task, annotator: str) -> Lesson:
    """Teach the served version what an annotator said last, and return what turned.

    Raises Conflict where that is too little to learn from, CheckpointError, StorageError.
    """
    started = time.perf_counter()
    versions = Versions(settings)
    parts, set_aside = _parts(store, task, annotator)
    folder = versions.path(task.name, versions.champion(task.name))
    tests = capabilities.instances(task)[::EVERY_TEST]
    judged = list({row.id: row for row in (*parts.held_out, *parts.golden)}.values())
    cache = TokenCache(settings.tokens / task.name if asks_once(task) else None)  # encoders that rest are asked once
    brought = capabilities.brought(task, tests)
    tokens = version_comparison.token_source(cache, task, {row.id for row in judged}, brought)
    before = _ask(Predictor(task, folder, settings, tokens), judged, tests)
    lessons = settings.versions / task.name
    lessons.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=lessons, prefix=".training-lesson-") as place:
        out = Path(place) / "lesson"
        profile = sidecar.read(folder).profile
        recipe = dataclasses.replace(recipe_of(task.in_profile(profile)), steps=STEPS, passes=1)
        challenge.teach(task, folder, parts.train, (), out, recipe=recipe, cache=cache)
        after = _ask(Predictor(task, out, settings, tokens), judged, tests)
    return Lesson(
        task=task.name,
        version=sidecar.read(folder).version,
        sample_ids=tuple(row.id for row in parts.train),
        set_aside=set_aside,
        seconds=time.perf_counter() - started,
        parts=tuple(_compared(task, parts, judged, tests, before, after)),
    )


def _parts(store: Store, task: Task, annotator: str) -> tuple[Split, int]:
    """Return what is learned and what both are asked about; and how many of the answers are not learned, but asked."""
    with store.reading() as session:
        moves = labels.given_by(session, annotator, ("label",), [task.name], ANSWERS)
        own = {each.sample.sample_id for each in moves if each.standing is not None}
        corrections = labels.corrections(session, task.name)[::-1]  # newest first
    share = task.gate.held_out_share
    aside = [each for each in corrections if is_set_aside(each, share)]
    golden = [each for each in corrections if each.is_golden][:JUDGED]
    learned = [each for each in corrections if _id(each) in own and not (each.is_golden or is_set_aside(each, share))]
    aside.sort(key=lambda each: _id(each) not in own)  # stable: the annotator's own come first, then the newest
    chosen = {_id(each): each for each in (*learned, *aside[:JUDGED], *golden)}
    parts = dataset.split(dataset.freeze(task, chosen.values(), store.media), share)
    not_learned = len(own) - len(learned)
    if len(parts.train) < FEWEST:
        raise Conflict("lesson_too_few", task=task.title, count=len(parts.train), needed=FEWEST, aside=not_learned)
    return parts, not_learned


def _id(item: LabelledContent) -> str:
    return item.correction.sample_id


def _ask(predictor: Predictor, rows: Sequence[Row], tests: Sequence[Instance]) -> _Answers:
    samples = [row.sample for row in rows]
    samples += [expectation.sample for test in tests for expectation in test.expectations]
    samples = decode.read_all(samples, predictor.task)
    answers = iter([each if isinstance(each, Prediction) else None for each in predictor.predict_many(samples)])
    of_rows = [next(answers) for _ in rows]
    return _Answers(of_rows, [[next(answers) for _ in test.expectations] for test in tests])


def _compared(
    task: Task, parts: Split, judged: Sequence[Row], tests: Sequence[Instance], before: _Answers, after: _Answers
) -> Iterator[LessonPart]:
    pairs = {
        row.id: (_turn(task, row, old, new), task.is_right(old.label, row.label))
        for row, old, new in zip(judged, before.rows, after.rows, strict=True)
        if old and new
    }
    for name, rows in ((HELD_OUT, parts.held_out), (GOLDEN, parts.golden)):
        yield _part(name, [pairs[row.id] for row in rows if row.id in pairs])
    yield _part(BEHAVIOUR, list(_of_tests(task, tests, before, after)))


def _turn(task: Task, row: Row, old: Prediction, new: Prediction) -> TurnedAnswer:
    is_right = task.is_right(new.label, row.label)
    return TurnedAnswer(row.id, row.sample, False, row.label, old.label, new.label, is_right)


def _of_tests(
    task: Task, tests: Sequence[Instance], before: _Answers, after: _Answers
) -> Iterator[tuple[TurnedAnswer, bool]]:
    for test, old, new in zip(tests, before.tests, after.tests, strict=True):
        olds, news = ([each for each in side if each] for side in (old, new))
        if len(olds) == len(news) == len(test.expectations):
            holds = [behaviour.judge(task, test, side).holds for side in (olds, news)]
            asked = test.expectations[-1]
            yield TurnedAnswer("", asked.sample, False, asked.label, olds[-1].label, news[-1].label, holds[1]), holds[0]


def _part(name: str, pairs: Sequence[tuple[TurnedAnswer, bool]]) -> LessonPart:
    """Return how many were right before and after, with those that turned, each after whether it was right before."""
    turned = [after for after, was_right in pairs if after.is_right != was_right]
    shown = [one for is_right in (True, False) for one in [each for each in turned if each.is_right == is_right][:MOST]]
    return LessonPart(
        name=name,
        count=len(pairs),
        before=sum(was_right for _, was_right in pairs),
        after=sum(after.is_right for after, _ in pairs),
        right=sum(one.is_right for one in turned),
        wrong=sum(not one.is_right for one in turned),
        turned=tuple(shown),
    )
