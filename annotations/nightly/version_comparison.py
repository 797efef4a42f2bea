"""Champion and challenger on the same samples: each version is loaded once for it, and asked once about each sample."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotations.acquisition.strata import AUDITED, SampleWeights
from annotations.nightly import capabilities, gate
from annotations.nightly.evidence import Stratum
from annotations.nightly.gate import ACCURACY, ComparedFigure, Comparison, PairTally
from annotations.nightly.limits import LimitCheck
from mmdemo import decode
from mmdemo.answers import KINDS
from mmdemo.errors import ManifestError
from mmdemo.evaluation import behaviour, judging
from mmdemo.evaluation.answers import PredictedRow, ask_whole
from mmdemo.evaluation.behaviour import InstanceResult
from mmdemo.model import Loaded
from mmdemo.model.encoded import EncodedSample, TokenSource
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.continual.memory import RehearsalMemory, Role
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Inputs

MAPS = 16  # corrections whose maps are compared


@dataclass(frozen=True)
class ComparisonSamples:
    """What versions are compared by, beside what their task brings along."""

    held_out: Sequence[Row]  # corrections
    golden: Sequence[Row] = ()
    memory: RehearsalMemory | None = None  # of the base


@dataclass(frozen=True)
class RememberedAnswer:
    """Whether a version is right on one sample of a memory."""

    label: str
    modalities: frozenset[str]
    is_right: bool


@dataclass(frozen=True)
class VersionAnswers:
    """What one version says of all that versions are compared by. Samples that cannot be judged are in none of it."""

    version: str
    held_out: tuple[PredictedRow, ...]  # corrections that it was not trained on
    golden: tuple[PredictedRow, ...]  # what people pinned, some of it among the corrections
    examples: tuple[PredictedRow, ...]  # of the task: rehearsed, so who loses even those has broken something
    behaviour: tuple[InstanceResult, ...]
    maps: tuple[int, ...]  # of the first corrections: how far each one's falls short of being faithful
    memory: tuple[RememberedAnswer, ...] = ()  # to what the base holds back; () where it has none

    @property
    def values(self) -> dict[str, tuple[str, float]]:
        """Sample id → the answer and how sure it is, of corrections and golden samples."""
        asked = (*self.held_out, *self.golden)
        return {each.row.id: (each.prediction.label, each.prediction.confidence) for each in asked}


def answers_of(
    task: Task,
    version: str | None,
    settings: Settings,
    asked: ComparisonSamples,
    cache: TokenCache | None = None,
) -> VersionAnswers:
    """Load a version (None: the one that is served), ask it, and let it go.

    Versions that have the same encoders, and the same `cache`, ask them once. Raises CheckpointError, and ManifestError
    where not one of the corrections can be judged.
    """
    drawn, pinned = ({row.id for row in rows} for rows in (asked.held_out, asked.golden))
    tests = capabilities.instances(task)
    tokens = token_source(cache or TokenCache(), task, drawn | pinned, capabilities.brought(task, tests))
    predictor = Predictor(task, version, settings, tokens)
    answered = ask_whole(predictor, [*asked.held_out, *(row for row in asked.golden if row.id not in drawn)])
    judged = tuple(each for each in answered if each.row.id in drawn)
    answers = VersionAnswers(
        predictor.model_version,
        judged,
        tuple(each for each in answered if each.row.id in pinned),
        ask_whole(predictor, manifests.examples(task)),
        tuple(behaviour.ask(predictor, tests)),
        tuple(predictor.map_shortfall(decode.decode(each.row.sample, task)) for each in judged[:MAPS]),
        on_memory(predictor, asked.memory),
    )
    if not answers.held_out:
        raise ManifestError("nothing_to_evaluate", count=len(asked.held_out))
    return answers


def on_memory(predictor: Predictor, memory: RehearsalMemory | None) -> tuple[RememberedAnswer, ...]:
    """Return a version's answers to what a memory holds back to compare versions on.

    () without a memory, or where the version's encoders are not those of the memory.
    """
    if memory is None or not memory.fits(predictor.loaded):
        return ()
    samples = memory.of(Role.GUARD)
    values = predictor.values_of([sample.tokens for sample in samples])
    return tuple(
        RememberedAnswer(one.label, frozenset(one.tokens), predictor.task.is_right(value, one.label))
        for value, one in zip(values, samples, strict=True)
    )


def token_source(cache: TokenCache, task: Task, kept: Collection[str], brought: Sequence[Inputs] = ()) -> TokenSource:
    """Return what finds one version's tokens in a cache; those of samples with these ids are kept in files.

    So are those of what the task brings along.
    """
    waiting = list(brought)

    def tokens_of(loaded: Loaded, inputs: Sequence[Inputs]) -> Sequence[EncodedSample]:
        if waiting:
            cache.bring(loaded, _squashed(loaded, waiting))
            waiting.clear()
        ids = [sample_id if (sample_id := decode.sample_id(item, task.name)) in kept else "" for item in inputs]
        return cache.of(loaded, _squashed(loaded, inputs), loaded.model.config.modalities, ids)

    return tokens_of


def _squashed(loaded: Loaded, inputs: Sequence[Inputs]) -> list[Inputs]:
    """Return samples with pictures as small as the encoder reads them; one that several have, as one array, once."""
    first = {id(item.image): item for item in inputs}
    small = {name: loaded.processor.squashed(item).image for name, item in first.items()}
    return [replace(item, image=small[id(item.image)]) for item in inputs]


def compare(
    task: Task, champion: VersionAnswers, challenger: VersionAnswers, standing: SampleWeights | None = None
) -> Comparison:
    """Compare on corrections, on what the champion surely knew of the examples, on behaviour, and on what is golden.

    `standing` says what the corrections stand for; without it, for nothing that is sent here.
    """
    anchors, anchors_lost = _anchors(task, champion.examples, challenger.examples)
    scores = np.stack([_scores(task, answers.held_out) for answers in (champion, challenger)], axis=1)  # (n, 2)
    confidence = np.array([[a.prediction.confidence for a in v.held_out] for v in (champion, challenger)]).T
    return Comparison(
        held_out=len(champion.held_out),
        figures=_figures(task, champion, challenger),
        strata=tuple(_strata(champion.held_out, scores, standing or SampleWeights())),
        tallies=tuple(_tallies(task, champion, challenger, scores)),
        memory=memory_scores(champion.memory, challenger.memory),
        miscalibration=(confidence - scores) ** 2,
        anchors=anchors,
        anchors_lost=anchors_lost,
        capabilities=capabilities.tally(task, champion.behaviour, challenger.behaviour),
        limits=_limits(task, champion, challenger),
    )


def memory_scores(champion: Sequence[RememberedAnswer], challenger: Sequence[RememberedAnswer]) -> np.ndarray:
    """Return (n, 2) 1 where an answer to what the base holds back is right; none where one version cannot be asked."""
    if not (champion and challenger):
        return np.empty((0, 2))
    return np.array([[each.is_right for each in answers] for answers in (champion, challenger)], np.float64).T


def scores_of_others(
    champion: Sequence[RememberedAnswer],
    challenger: Sequence[RememberedAnswer],
    label: str,
    learned: Collection[frozenset[str]],
) -> np.ndarray:
    """Return of `memory_scores` those of other labels, on samples with modalities that were `learned` from.

    None where no such sample has some of these: what was learned of them may break what nobody sees.
    """
    scores = memory_scores(champion, challenger)
    counts = np.array([each.label != label and each.modalities in learned for each in champion], bool)
    covered = {each.modalities for each, is_one in zip(champion, counts, strict=True) if is_one}
    return scores[counts] if len(scores) and covered >= set(learned) else np.empty((0, 2))


def _anchors(task: Task, champion: Sequence[PredictedRow], challenger: Sequence[PredictedRow]) -> tuple[int, int]:
    """Return of how many samples the champion is right and sure, and how many of them the challenger loses."""
    pairs = zip(champion, challenger, strict=True)
    theirs = [their for our, their in pairs if _is_right(task, our) and not our.prediction.flagged]
    return len(theirs), sum(not _is_right(task, their) for their in theirs)


def _limits(task: Task, champion: VersionAnswers, challenger: VersionAnswers) -> LimitCheck:
    pairs = zip(champion.golden, challenger.golden, strict=True)
    known = [(our.row.id, _is_right(task, their)) for our, their in pairs if _is_right(task, our)]
    return LimitCheck(len(known), tuple(name for name, is_kept in known if not is_kept))


def _scores(task: Task, answers: Sequence[PredictedRow]) -> np.ndarray:
    """Return (n,) 1 where an answer is right: where its loss, as its kind says, lies within the task's tolerance."""
    return np.array([_is_right(task, answered) for answered in answers], dtype=np.float64)


def _strata(rows: Sequence[PredictedRow], scores: np.ndarray, standing: SampleWeights) -> Iterator[Stratum]:
    """Yield the samples that were drawn from what is sent here, of like weight together; empty: checks not yet seen."""
    of_row = [standing.weights.get(answered.row.id) for answered in rows]
    for drawn in sorted({each for each in of_row if each}):
        members = np.array([each == drawn for each in of_row])
        yield Stratum(*drawn, scores[members, 0], scores[members, 1])
    if standing.unseen and not any(each and each[0] == AUDITED for each in of_row):
        yield Stratum(AUDITED, standing.unseen, np.empty(0), np.empty(0))


def _tallies(
    task: Task, champion: VersionAnswers, challenger: VersionAnswers, scores: np.ndarray
) -> Iterator[PairTally]:
    """Yield what is looked at apart: all, classes, sets of modalities, sources, maps; without classes, losses."""
    rows = champion.held_out
    parts = {
        gate.CLASS: [answered.row.label if task.answers else "" for answered in rows],
        gate.MODALITIES: ["+".join(answered.prediction.modalities) for answered in rows],
        gate.SOURCE: [answered.row.group for answered in rows],
    }
    yield gate.tally(gate.ALL, "", *scores.T)
    for sort, names in parts.items():
        for name in sorted(set(names)) if len(set(names)) > 1 else ():
            members = np.array([each == name for each in names])
            yield gate.tally(sort, name, *scores[members].T)
    yield gate.tally(gate.MAPS, "", *(-np.array(version.maps) for version in (champion, challenger)))
    if not task.answers:
        loss = KINDS[task.kind].loss
        near = [
            np.array([-loss(task, answered.prediction.label, answered.row.label) for answered in version.held_out])
            for version in (champion, challenger)
        ]
        yield gate.tally(gate.LOSS, "", *near)


def _is_right(task: Task, answered: PredictedRow) -> bool:
    return task.is_right(answered.prediction.label, answered.row.label)


def _figures(task: Task, champion: VersionAnswers, challenger: VersionAnswers) -> tuple[ComparedFigure, ...]:
    """Return the share of right answers, and the figure that the kind of answer puts first."""
    before, after = (judging.part(task, answers.held_out) for answers in (champion, challenger))
    own = next(iter(judging.KINDS[task.kind].better))
    return tuple(ComparedFigure(name, before.figure(name), after.figure(name)) for name in (ACCURACY, own))
