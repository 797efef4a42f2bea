"""Drawings of figures as inline SVG: they take their colours from the page, so that they follow its light or dark.

What is stretched to its table cell is made of lines alone, whose widths stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mmdemo.values.results import Bin, Corrupted, Interval, SliceMetrics

SIDE = 300  # of a square chart, in its own units
LEFT, TOP, RIGHT, BOTTOM = 40, 12, 14, 34  # around it
BARS = 36  # height of the histogram under the reliability diagram
STEP_WIDTH, STEP_HEIGHT = 220, 150
STEP_NAMES = ("as is", "light", "medium", "strong")
RISK_STEPS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)  # tops of the risk axis


def whisker(value: float, interval: Interval, low: float = 0.0, high: float = 1.0) -> Markup:
    """Return a dot on its interval on a track from `low` to `high`; a track across zero has a mark there."""

    def x(figure: float) -> str:
        return f"{100 * min(1.0, max(0.0, (figure - low) / (high - low))):.2f}"

    zero = f'<path class="zero" d="M{x(0)} 0V12"/>' if low < 0 < high else ""
    return Markup(
        f'<svg class="whisker" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="track" d="M0 6H100"/>{zero}<path class="range" d="M{x(interval[0])} 6H{x(interval[1])}"/>'
        f'<path class="dot" d="M{x(value)} 6h0.01"/></svg>'
    )


def reliability(bins: Sequence[Bin], title: str) -> Markup:
    """Return accuracy by confidence, each bin with its interval, over the number of answers in it."""
    most = max(bin_.n for bin_ in bins)
    parts: list[str] = [_frame(title, "confidence", "right", 1.0, [0, 0.25, 0.5, 0.75, 1])]
    parts.append(f'<path class="ideal" d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}"/>')
    for bin_ in bins:
        x, height = _x(bin_.confidence), BARS * bin_.n / most
        parts.append(f'<path class="count" d="M{x} {_y(0)}v{-height:.1f}"/>')
        parts.append(f'<path class="range" d="M{x} {_y(bin_.interval[0])}V{_y(bin_.interval[1])}"/>')
        label = f"{bin_.n} answers: {bin_.confidence:.0%} sure, {bin_.accuracy:.0%} right"
        parts.append(f'<circle class="dot" cx="{x}" cy="{_y(bin_.accuracy)}" r="4.5"><title>{label}</title></circle>')
    return _square(parts)


def curves(lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> Markup:
    """Return risk by coverage, a line for each named curve, the first one in the accent's colour."""
    highest = max(risk for _, points in lines for _, risk in points)
    top = next(step for step in RISK_STEPS if step >= min(1.0, highest))
    parts = [_frame("Wrong among the surest", "of the answers", "wrong", top, [top * i / 4 for i in range(5)])]
    for number, (name, points) in reversed(list(enumerate(lines))):
        path = "L".join(f"{_x(coverage)} {_y(risk / top)}" for coverage, risk in points)
        parts.append(Markup('<path class="line line{}" d="M{}"><title>{}</title></path>').format(number, path, name))
    return _square(parts)


def steps(clean: SliceMetrics, worse: Sequence[Corrupted], title: str) -> Markup:
    """Return accuracy without damage and at each grade, with intervals and numbers."""
    gap, top, bottom = (STEP_WIDTH - 40) / (len(STEP_NAMES) - 1), 22, STEP_HEIGHT - 20
    points = [(20.0, clean), *((20 + figures.grade * gap, figures) for figures in worse)]

    def y(figure: float) -> float:
        return round(bottom - (bottom - top) * figure, 1)

    line = "L".join(f"{x:.1f} {y(figures.accuracy)}" for x, figures in points)
    parts = [f'<path class="grid" d="M8 {y(0)}H{STEP_WIDTH - 8}"/>', f'<path class="line line0" d="M{line}"/>']
    for x, figures in points:
        low, high = figures.intervals["accuracy"]
        parts.append(f'<path class="range" d="M{x:.1f} {y(low)}V{y(high)}"/>')
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y(figures.accuracy)}" r="4"/>')
        parts.append(f'<text class="value" x="{x:.1f}" y="{y(high) - 6}">{figures.accuracy:.2f}</text>')
    for grade, name in enumerate(STEP_NAMES):
        parts.append(f'<text class="step" x="{20 + grade * gap:.1f}" y="{STEP_HEIGHT - 5}">{name}</text>')
    head = Markup('<svg class="steps" viewBox="0 0 {} {}" role="img"><title>{}</title>')
    return head.format(STEP_WIDTH, STEP_HEIGHT, title) + Markup("".join(parts) + "</svg>")


def _square(parts: Sequence[str]) -> Markup:
    width, height = SIDE + LEFT + RIGHT, SIDE + TOP + BOTTOM
    return Markup(f'<svg class="chart" viewBox="0 0 {width} {height}" role="img">') + Markup("".join(parts) + "</svg>")


def _frame(title: str, below: str, beside: str, top: float, ticks: Sequence[float]) -> Markup:
    """Return title, axes and grid: 0 to 1 across, 0 to `top` upwards."""
    parts = []
    for tick in ticks:
        y = _y(tick / top)
        parts.append(f'<path class="grid" d="M{_x(0)} {y}H{_x(1)}"/>')
        parts.append(f'<text class="tick-y" x="{LEFT - 6}" y="{y}">{tick * 100:.3g}</text>')
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<text class="tick-x" x="{_x(tick)}" y="{TOP + SIDE + 15}">{tick * 100:g}</text>')
    parts.append(f'<text class="axis-x" x="{_x(1)}" y="{TOP + SIDE + 30}">% {below}</text>')
    parts.append(f'<text class="axis-y" x="{_x(0) + 6}" y="{TOP + 12}">% {beside}</text>')
    return Markup("<title>{}</title>").format(title) + Markup("".join(parts))


def _x(share: float) -> float:
    return round(LEFT + SIDE * share, 1)


def _y(share: float) -> float:
    return round(TOP + SIDE * (1 - share), 1)
