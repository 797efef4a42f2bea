"""Curves of a version, or of two before and after → where they stand in two drawings. Plain data in, plain data out.

Places are units of the drawing's own square; its words stand beside it, so that they are as large on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mmdemo.locale import percent, text
from mmdemo.values.history import ConfidenceCurves, CurvePoint

SIDE = 100.0
KINDS = ("before", "after")


@dataclass(frozen=True)
class CurveLine:
    """One curve: the points of its polyline, and the interval at each of them."""

    kind: str  # of KINDS
    points: str
    dots: tuple[tuple[float, float, float, float], ...]  # x, y, ends of the interval


@dataclass(frozen=True)
class CurveDrawing:
    """One drawing with its words."""

    name: str
    across: str
    down: str
    top: str  # what its edges stand for
    bottom: str
    diagonal: bool  # where a curve should lie
    lines: tuple[CurveLine, ...]
    aloud: str  # the same in words


def drawings(curves: Sequence[ConfidenceCurves], language: str) -> tuple[CurveDrawing, ...]:
    """Return both drawings, of one version or of the one before and the new one; none where no curves are known."""
    if not curves:
        return ()
    risks = [one.risk for one in curves]
    # Errors are rare: the drawing ends at the next whole tenth above the highest interval.
    highest = max(point.high for points in risks for point in points)
    top = min(1.0, (int(highest * 10) + 1) / 10)
    return (
        _drawing("reliability", [one.reliability for one in curves], 1.0, language),
        _drawing("risk", risks, top, language),
    )


def _drawing(name: str, curves: Sequence[Sequence[CurvePoint]], top: float, language: str) -> CurveDrawing:
    lines = tuple(_line(kind, points, top) for kind, points in zip(KINDS[-len(curves) :], curves, strict=True))
    title, points = text(f"models.curve_{name}", language), _aloud(name, curves[-1], language)
    return CurveDrawing(
        name=title,
        across=text(f"models.curve_{name}_across", language),
        down=text(f"models.curve_{name}_down", language),
        top=percent(top, language),
        bottom=percent(0.0, language),
        diagonal=name == "reliability",
        lines=lines,
        aloud=text(f"models.curve_{name}_aloud", language, points=points) if len(curves) > 1 else f"{title} {points}",
    )


def _line(kind: str, points: Sequence[CurvePoint], top: float) -> CurveLine:
    dots = tuple((_across(p.x), _down(p.y, top), _down(p.low, top), _down(p.high, top)) for p in points)
    return CurveLine(kind, " ".join(f"{x},{y}" for x, y, _, _ in dots), dots)


def _aloud(name: str, points: Sequence[CurvePoint], language: str) -> str:
    """Return the points of one version in words, with their intervals."""
    sentences = [
        text(
            f"models.curve_{name}_point",
            language,
            x=percent(point.x, language),
            y=percent(point.y, language),
            low=percent(point.low, language),
            high=percent(point.high, language),
        )
        for point in points
    ]
    return " ".join(sentences)


def _across(share: float) -> float:
    return round(SIDE * share, 1)


def _down(share: float, top: float) -> float:
    return round(SIDE * (1 - min(share, top) / top), 1)
