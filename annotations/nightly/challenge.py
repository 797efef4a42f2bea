"""A challenger: trained, judged beside the champion, and served or not."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from annotations.nightly import curation, dataset, gate, limits, looks, serving_check, version_comparison
from annotations.nightly.gate import Comparison, Narrow, Verdict
from annotations.nightly.night import Night, Outcome, repeats, too_early
from annotations.nightly.version_comparison import ComparisonSamples, VersionAnswers
from annotations.review_queue import stored_samples
from annotations.schema import now
from mmdemo.process import logs
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.continual import Corrections, Recipe, asks_once, memory, update
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.manifests import Row, corpus
from mmdemo.values.review import Reason
from mmdemo.versions import sidecar

SEED = 0


def outcome_of(night: Night, note: Callable[..., None]) -> Outcome:
    """Train, judge and serve. `note` writes down what a kill must not leave unknown, before it comes to be."""
    early, cache = _early(night), _token_cache(night)
    if early is None:
        night = _curated(night, cache)
        early = _early(night)
    if early is not None:
        return replace(early, verdict=_with_left_out(night, early.verdict))
    name = night.task.name
    challenger = night.versions.new_name(name)
    of_champion = _answers_of(night, None, cache)  # of another version, where that cannot be loaded
    note(challenger=challenger, champion=of_champion.version)
    _train(night, challenger, cache)
    try:
        judged, figures, answers = _tested(night, of_champion, challenger, cache)
        moved = _moved(night, judged)
        verdict = moved or _with_end_of_promise(night, of_champion.version, judged)
        doubted = tuple(row.id for row in night.parts.suspects)
        outcome = Outcome(_with_left_out(night, verdict), figures, challenger, doubted)
        note(**outcome.columns(), snapshot_rows=dataset.entries(night.parts, of_champion.values, answers))
        if night.taken_back and not moved:
            _replace_tainted(night, challenger if verdict.name == gate.PROMOTED else night.untainted)
        elif verdict.name == gate.PROMOTED:
            night.versions.promote(name, challenger)
    except BaseException:
        if night.versions.champion(name) != challenger:  # nobody judged it
            shutil.rmtree(night.versions.folder(name, challenger), ignore_errors=True)
        raise
    return outcome


def _early(night: Night) -> Outcome | None:
    return _without_challenger(night) if night.taken_back else too_early(night)


def _token_cache(night: Night) -> TokenCache:
    """Return what keeps tokens for the next night too, where encoders stay as they are."""
    return TokenCache(night.settings.tokens / night.task.name if asks_once(night.task) else None)


def _curated(night: Night, cache: TokenCache) -> Night:
    """Leave out of training what is suspected to be wrong, and near copies."""
    base = night.versions.path(night.task.name, night.versions.base(night.task.name))
    return replace(night, parts=curation.curate(night.task, base, night.snapshot, night.parts, cache))


def _tested(
    night: Night, of_champion: VersionAnswers, challenger: str, cache: TokenCache
) -> tuple[Verdict, dict[str, float], dataset.Answers]:
    """Return what the gate says of a challenger, its figures, and what it answered.

    One whose files cannot be served is compared with nobody.
    """
    samples = [*manifests.examples(night.task), *night.parts.held_out]
    if wrong := serving_check.fault(night.task, challenger, night.settings, samples):
        refused = Verdict(gate.REJECTED, (limits.unusable(wrong),))
        return _with_taken_back(night, refused), {"trained_on": float(len(night.parts.train))}, {}
    of_challenger = _answers_of(night, challenger, cache)
    cache.drop_others()
    comparison = version_comparison.compare(night.task, of_champion, of_challenger, night.standing)
    costs = serving_check.costs(night.task, (of_champion.version, challenger), night.settings, samples)
    comparison = replace(
        comparison,
        narrow=_narrow(night, of_champion, of_challenger),
        limits=replace(comparison.limits, costs=costs),
    )
    judged = _judge(night, comparison)
    return judged, _figures(night, comparison, judged), of_challenger.values


def _narrow(night: Night, of_champion: VersionAnswers, of_challenger: VersionAnswers) -> Narrow | None:
    """Return how all that the challenger learned is of one sort: of one class, or said by one annotator."""
    rows, annotators = night.parts.train, night.snapshot.annotators
    labels, on_memory = {row.label for row in rows}, (of_champion.memory, of_challenger.memory)
    if night.task.answers and len(labels) == 1:
        learned = {frozenset(row.sample.modalities) for row in rows}
        return Narrow(gate.ONE_CLASS, version_comparison.scores_of_others(*on_memory, labels.pop(), learned))
    one_hand = len({annotators[row.id] for row in rows}) == 1
    return Narrow(gate.ONE_ANNOTATOR, version_comparison.memory_scores(*on_memory)) if one_hand else None


def _judge(night: Night, comparison: Comparison) -> Verdict:
    """Ask for proof that the challenger is better; or, where it only forgets what was taken back, that it is worse."""
    if not night.taken_back:
        return gate.judge(comparison, looks.allowance(night.looks, now()))
    return _with_taken_back(night, gate.judge_without(comparison))


def _with_taken_back(night: Night, judged: Verdict) -> Verdict:
    """Say of a night that makes a version forget what was taken back what became of that."""
    if not night.taken_back:
        return judged
    key = "status.night_taken_back" if judged.name == gate.PROMOTED else "status.night_taken_back_worse"
    return replace(judged, reasons=(*judged.reasons, _taken_back(night, key)))


def _taken_back(night: Night, key: str) -> Reason:
    if key != "status.night_taken_back" and not night.untainted:
        return Reason("status.night_taken_back_none", {"count": len(night.taken_back)})
    return Reason(key, {"count": len(night.taken_back), "instead": night.untainted})


def _replace_tainted(night: Night, version: str) -> None:
    """Serve a version in place of the champion, to which nobody goes or falls back any more; "" for none that could."""
    if not version:
        return
    night.versions.promote(night.task.name, version)
    night.versions.retire(night.task.name, [night.served or ""])


def _without_challenger(night: Night) -> Outcome | None:
    """Serve another version where the champion learned nothing else than what was taken back, or nothing can be judged.

    So too where what is left makes a version again that was taken out of service, and where the base learned it.
    """
    if night.base_is_tainted:
        _replace_tainted(night, night.untainted)
        return Outcome(Verdict(gate.NOTHING_NEW, (_taken_back(night, "status.night_taken_back_base"),)))
    if not (night.parts.train and night.parts.held_out):
        _replace_tainted(night, night.untainted)
        return Outcome(Verdict(gate.NOTHING_NEW, (_taken_back(night, "status.night_taken_back_all"),)))
    if repeated := repeats(night):
        _replace_tainted(night, night.untainted)
        return Outcome(_with_taken_back(night, repeated))
    return None


def _answers_of(night: Night, version: str | None, cache: TokenCache) -> VersionAnswers:
    """Ask a version about all that versions are compared on, what the base holds back of its memory too."""
    held_out, golden = night.parts.held_out, night.parts.golden
    kept = memory.load(night.versions.path(night.task.name, night.versions.base(night.task.name)))
    asked = ComparisonSamples(held_out, golden, kept)
    return version_comparison.answers_of(night.task, version, night.settings, asked, cache)


def _train(night: Night, challenger: str, cache: TokenCache) -> None:
    """Teach the base all corrections that are not held out, those of earlier nights too."""
    task, train = night.task, night.parts.train
    base = night.versions.base(task.name)
    logs.say(f"{task.name}: {challenger} learns {len(train)} corrections, starting from {base}")
    folder, out = night.versions.path(task.name, base), night.versions.folder(task.name, challenger)
    teach(task, folder, train, night.parts.held_out, out, cache=cache, store=night.versions.shared)


def teach(
    task: Task,
    base: Path,
    train: Sequence[Row],
    held_out: Sequence[Row],
    out: Path,
    seed: int = SEED,
    recipe: Recipe | None = None,
    cache: TokenCache | None = None,
    store: Path | None = None,
) -> None:
    """Write to `out` what the version in the folder `base` becomes that learns these corrections: nothing else decides.

    Layers that other versions may carry too go into `store`, where one is given.

    Raises CheckpointError, ManifestError, StorageError.
    """
    rehearsed = [*manifests.examples(task), *corpus.rehearsal(task)]
    corrections = Corrections(train, rehearsed, held_out)
    update(base, corrections, out, task=task, seed=seed, recipe=recipe, cache=cache, store=store)


def _moved(night: Night, judged: Verdict) -> Verdict | None:
    """Reject where somebody put another version into service meanwhile: this one was compared with the wrong one."""
    serving = night.versions.champion(night.task.name)
    if serving == night.served:
        return None
    why = Reason("status.night_champion_moved", {"now": serving, "champion": night.served or ""})
    return replace(judged, name=gate.REJECTED, reasons=(why,))


def _with_end_of_promise(night: Night, champion: str, verdict: Verdict) -> Verdict:
    """Say where a promotion ends what the version before promised: nothing of the new one was tested for that."""
    record = sidecar.read(night.versions.path(night.task.name, champion)).promise
    kept = record and [name for name in record.subsets if record.keeping(night.task.promise, name)]
    if verdict.name != gate.PROMOTED or not kept:
        return verdict
    return replace(verdict, reasons=(*verdict.reasons, Reason("status.night_promise_ends")))


def _with_left_out(night: Night, verdict: Verdict) -> Verdict:
    """Say what the night went on without: near copies and suspects, and by name the samples that could not be read."""
    unread = stored_samples.reason("status.night_left_out", night.snapshot.left_out)
    return replace(verdict, reasons=(*verdict.reasons, *curation.reasons(night.parts), *unread))


def _figures(night: Night, comparison: Comparison, verdict: Verdict) -> dict[str, float]:
    """Return all that the verdict rests on; with the level of its look, by which later ones know of it."""
    return {
        "held_out": float(comparison.held_out),
        "trained_on": float(len(night.parts.train)),
        "suspects": float(len(night.parts.suspects)),
        "copies": float(len(night.parts.copies)),
        **{
            f"{version}_{figure.name}": value
            for figure in comparison.figures
            for version, value in (("champion", figure.champion), ("challenger", figure.challenger))
        },
        "anchors": float(comparison.anchors),
        "anchors_lost": float(comparison.anchors_lost),
        looks.SIZE: float(len(night.standing.weights)),
        **({"taken_back": float(len(night.taken_back))} if night.taken_back else {}),
        **verdict.numbers,
    }
