"""A prediction as it was served: what the database keeps of it, and back."""

from dataclasses import replace
from typing import Any

from annotations.schema import SampleRow
from mmdemo.samples import AudioMap, Explanation, HeadAnswer, ImageMap, Prediction, TextMap, TokenScore, to_json
from mmdemo.tasks import KINDS


def stored(prediction: Prediction, content: bool) -> dict[str, Any]:
    """Return what the database keeps. Without `content` the explanation goes: it quotes the caption.

    The prediction's id is left out: it is told to its sender alone.
    """
    explanation = prediction.explanation if content else None
    return to_json(replace(prediction, prediction_id=None, explanation=explanation))


def without_content(raw: dict[str, Any]) -> dict[str, Any]:
    """Return what `stored` wrote, less what it quotes of the input."""
    return {**raw, "explanation": None}


def prediction_of(row: SampleRow) -> Prediction:
    """Return the prediction that belongs to a row; of a row that nobody predicted (an import) what is known."""
    if row.prediction is not None:
        return replace(_read(row.prediction), sample_id=row.sample_id)  # it may have been hashed otherwise
    return Prediction(
        sample_id=row.sample_id,
        task=row.task,
        kind=KINDS[0],
        label=row.label,
        probabilities={},
        confidence=row.confidence,
        threshold=0.0,
        flagged=False,
        reason=row.reason,
        modalities=tuple(row.modalities),
        model_version=row.model_version,
        latency_ms=0.0,
    )


def is_capped(row: SampleRow) -> bool:
    """Return whether a row's confidence was held under the threshold and measures nothing."""
    return row.prediction is not None and _capped(row.prediction)


def _capped(raw: dict[str, Any]) -> bool:
    """Return what a prediction says, or one of a release that did not say so: what was unfamiliar was capped."""
    return bool(raw.get("capped", raw["reason"] == "unfamiliar"))


def _read(raw: dict[str, Any]) -> Prediction:
    fields = {
        **raw,
        "capped": _capped(raw),
        "modalities": tuple(raw["modalities"]),
        "notes": tuple(raw["notes"]),
        "heads": {name: HeadAnswer(**answer) for name, answer in raw["heads"].items()},
        "explanation": _explanation(raw["explanation"]) if raw["explanation"] else None,
    }
    return Prediction(**fields)


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
