"""A prediction as it was served, and the guess that people who answer are shown: to the database and back.

That guess is the one served, until another version serves and the sample is scored again: then it is that version's,
with its map. `doubt` and `scored_by` of a row are always of the guess that is shown.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from annotations import doubt
from annotations.schema import SampleRow
from mmdemo.answers import CLASSIFICATION, KINDS
from mmdemo.samples import AudioMap, Explanation, HeadAnswer, ImageMap, Prediction, TextMap, TokenScore, to_json


def stored(prediction: Prediction, content: bool) -> dict[str, Any]:
    """Return what the database keeps. Without `content` the explanation goes: it quotes the caption.

    The prediction's id is left out: it is told to its sender alone.
    """
    explanation = prediction.explanation if content else None
    return to_json(replace(prediction, prediction_id=None, explanation=explanation))


def without_content(raw: dict[str, Any]) -> dict[str, Any]:
    """Return what `stored` wrote, less what it quotes of the input."""
    return {**raw, "explanation": None}


@dataclass(frozen=True)
class Guess:
    """What a version says of a sample."""

    label: str
    confidence: float
    model_version: str
    capped: bool  # only a guess: the confidence was held under the threshold, and measures nothing


def guess_served(row: SampleRow) -> Guess:
    """Return the guess that was served."""
    capped = row.prediction is not None and _capped(row.prediction)
    return Guess(row.label, row.confidence, row.model_version, capped)


def guess_shown(row: SampleRow) -> Guess:
    """Return the guess that people who answer are shown."""
    raw = row.fresh_prediction
    if raw is None:
        return guess_served(row)
    return Guess(raw["label"], raw["confidence"], raw["model_version"], _capped(raw))


def guess_about(row: SampleRow, label: str) -> Guess:
    """Return the guess that says this label, the one that was served last; the one that is shown where neither does."""
    shown, sent = guess_shown(row), guess_served(row)
    return sent if sent.label == label != shown.label else shown


def score_again(row: SampleRow, prediction: Prediction | None) -> None:
    """Show what another version says of a row from now on; None: what was served again."""
    row.fresh_prediction = None if prediction is None else stored(prediction, content=True)
    shown = prediction_shown(row)
    row.doubt, row.scored_by = doubt.of(shown), shown.model_version


def prediction_shown(row: SampleRow) -> Prediction:
    """Return the prediction whose guess and map are shown to whoever answers."""
    if row.fresh_prediction is not None:
        return replace(_read(row.fresh_prediction), sample_id=row.sample_id)
    return prediction_of(row)


def prediction_of(row: SampleRow) -> Prediction:
    """Return the prediction that was served; of a row that nobody predicted (an import) what is known."""
    if row.prediction is not None:
        return replace(_read(row.prediction), sample_id=row.sample_id)  # it may have been hashed otherwise
    return Prediction(
        sample_id=row.sample_id,
        task=row.task,
        kind=CLASSIFICATION,
        answer=KINDS[CLASSIFICATION].bare(row.label),
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
    return bool(raw.get("capped", raw["reason"] == "unfamiliar"))


def _read(raw: dict[str, Any]) -> Prediction:
    known = {item.name: raw[item.name] for item in fields(Prediction) if item.name in raw}
    values = {
        **known,
        "answer": KINDS[raw["kind"]].from_json(raw),
        "capped": _capped(raw),
        "modalities": tuple(raw["modalities"]),
        "notes": tuple(raw["notes"]),
        "heads": {name: HeadAnswer(**answer) for name, answer in raw["heads"].items()},
        "explanation": _explanation(raw["explanation"]) if raw["explanation"] else None,
    }
    return Prediction(**values)


def _explanation(raw: dict[str, Any]) -> Explanation:
    maps = {name: _MAPS[name](raw[name]) for name in _MAPS if name in raw}
    said = {name: raw[name] for name in ("method", "target", "against", "signed") if name in raw}
    return Explanation(**said, **maps)


def _image(raw: dict[str, Any]) -> ImageMap:
    rows, columns = raw["grid"]
    return ImageMap(grid=(rows, columns), scores=tuple(tuple(row) for row in raw["scores"]))


def _text(raw: dict[str, Any]) -> TextMap:
    return TextMap(tokens=tuple(TokenScore(**token) for token in raw["tokens"]))


def _audio(raw: dict[str, Any]) -> AudioMap:
    return AudioMap(edges_s=tuple(raw["edges_s"]), scores=tuple(raw["scores"]))


_MAPS: dict[str, Any] = {"image": _image, "text": _text, "audio": _audio}
