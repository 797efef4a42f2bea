"""A prediction as it was served, and the guess that people who answer are shown: to the database and back.

That guess is the one served, until another version serves and the sample is scored again: then it is that version's,
with its map. `doubt` of a row is always of the guess that is shown; `scored_by` names the version that was asked last,
whose guess may be the same.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from annotations.acquisition import doubt
from annotations.review_queue import claims
from annotations.schema import SampleRow
from annotations.store import labels
from mmdemo.answers import KINDS, Answer
from mmdemo.tasks import Task
from mmdemo.values.promise import Guarantee
from mmdemo.values.review import Answered, QueueItem
from mmdemo.values.samples import (
    AudioMap,
    Explanation,
    FlagReason,
    HeadAnswer,
    ImageMap,
    Prediction,
    TextMap,
    TokenScore,
    to_json,
)


def stored(prediction: Prediction, content: bool) -> dict[str, Any]:
    """Return what the database keeps. Without `content` the explanation goes: it quotes the caption.

    The prediction's id is left out: it is told to its sender alone.
    """
    explanation = prediction.explanation if content else None
    return to_json(replace(prediction, prediction_id=None, explanation=explanation))


@dataclass(frozen=True)
class Guess:
    """What a version says of a sample."""

    value: str  # "" where nobody predicted
    confidence: float
    model_version: str
    capped: bool  # only a guess: the confidence was held under the threshold, and measures nothing


def guess_served(row: SampleRow) -> Guess:
    """Return the guess that was served."""
    capped = row.prediction is not None and _capped(row.prediction)
    return Guess(row.predicted_value, row.confidence, row.model_version, capped)


def guess_shown(row: SampleRow) -> Guess:
    """Return the guess that people who answer are shown."""
    raw = row.fresh_prediction
    if raw is None:
        return guess_served(row)
    return Guess(_answer(raw).value, raw["confidence"], raw["model_version"], _capped(raw))


def agrees(task: Task, guess: str, value: str) -> bool:
    """Tell whether a guess, which may be "" or of an earlier task, is as good as what a person says."""
    return task.takes(guess) and task.is_right(guess, value)


def guess_about(task: Task, row: SampleRow, value: str) -> Guess:
    """Return the guess that says this value: the one that is shown, or else the one that was served.

    The one that is shown where neither does.
    """
    current, original = guess_shown(row), guess_served(row)
    return original if agrees(task, original.value, value) and not agrees(task, current.value, value) else current


def score_again(task: Task, row: SampleRow, prediction: Prediction | None) -> None:
    """Show what another version says of a row from now on; None: what was served again."""
    row.fresh_prediction = None if prediction is None else stored(prediction, content=True)
    current = prediction_shown(task, row)
    row.doubt, row.scored_by = doubt.of(current), current.model_version


def prediction_shown(task: Task, row: SampleRow) -> Prediction:
    """Return the prediction whose guess and map are shown to whoever answers."""
    if row.fresh_prediction is not None:
        return replace(_read(row.fresh_prediction), sample_id=row.sample_id)
    return prediction_of(task, row)


def explanation_shown(row: SampleRow) -> Explanation | None:
    """Return the map of that prediction alone, where there is one."""
    raw = (row.fresh_prediction or row.prediction or {}).get("explanation")
    return _explanation(raw) if raw else None


def prediction_of(task: Task, row: SampleRow) -> Prediction:
    """Return the prediction that was served; of a row that nobody predicted (an import) what is known."""
    if row.prediction is not None:
        return replace(_read(row.prediction), sample_id=row.sample_id)  # it may have been hashed otherwise
    return Prediction(
        sample_id=row.sample_id,
        task=row.task,
        kind=task.kind,
        answer=KINDS[task.kind].bare(row.predicted_value),
        confidence=row.confidence,
        threshold=0.0,
        flagged=False,
        reason=row.reason,
        modalities=tuple(row.modalities),
        model_version=row.model_version,
        latency_ms=0.0,
    )


def _capped(raw: dict[str, Any]) -> bool:
    """Return what a prediction says, or one of a release that did not say so: what was unfamiliar was capped."""
    return bool(raw.get("capped", raw["reason"] == FlagReason.UNFAMILIAR))


def _answer(raw: dict[str, Any]) -> Answer:
    return KINDS[raw["kind"]].from_json(raw)


def _read(raw: dict[str, Any]) -> Prediction:
    raw_fields = {item.name: raw[item.name] for item in fields(Prediction) if item.name in raw}
    values = {
        **raw_fields,
        "answer": _answer(raw),
        "capped": _capped(raw),
        "promise": Guarantee(**raw["promise"]) if raw.get("promise") else None,
        "modalities": tuple(raw["modalities"]),
        "notes": tuple(raw["notes"]),
        "heads": {name: HeadAnswer(**answer) for name, answer in raw["heads"].items()},
        "explanation": _explanation(raw["explanation"]) if raw["explanation"] else None,
    }
    return Prediction(**values)


def _explanation(raw: dict[str, Any]) -> Explanation:
    maps = {name: _MAPS[name](raw[name]) for name in _MAPS if name in raw}
    metadata = {name: raw[name] for name in ("method", "target", "against", "signed") if name in raw}
    return Explanation(**metadata, **maps)


def _image(raw: dict[str, Any]) -> ImageMap:
    rows, columns = raw["grid"]
    return ImageMap(grid=(rows, columns), scores=tuple(tuple(row) for row in raw["scores"]))


def _text(raw: dict[str, Any]) -> TextMap:
    return TextMap(tokens=tuple(TokenScore(**token) for token in raw["tokens"]))


def _audio(raw: dict[str, Any]) -> AudioMap:
    return AudioMap(edges_s=tuple(raw["edges_s"]), scores=tuple(raw["scores"]))


_MAPS: dict[str, Any] = {"image": _image, "text": _text, "audio": _audio}


def queue_item(row: SampleRow, media: Path) -> QueueItem:
    """Return a sample as it is listed; its files lie under `media`."""
    claimed_by, claimed_until = claims.holder(row)
    guess = guess_shown(row)
    return QueueItem(
        sample_id=row.sample_id,
        task=row.task,
        label=guess.value,
        confidence=guess.confidence,
        reason=row.reason or "",
        state=row.state,
        created_at=labels.iso(row.created_at),
        suggested=row.suggested,
        text=row.caption,
        image=media / row.image if row.image else None,
        audio=media / row.audio if row.audio else None,
        claimed_by=claimed_by,
        claimed_until=labels.iso(claimed_until) if claimed_until else None,
        capped=guess.capped,
        is_golden=row.pinned_at is not None,
        checks=row.is_check,
    )


def answered(row: labels.AnnotatorMove, media: Path) -> Answered:
    """Return what an annotator did with a sample."""
    return Answered(
        item=queue_item(row.sample, media),
        did=row.move.after,
        at=labels.iso(row.move.at),
        label=row.correction.value if row.correction else None,
        standing=labels.as_correction(row.standing, row.sample.task) if row.standing else None,
    )
