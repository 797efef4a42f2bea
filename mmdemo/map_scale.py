"""How scores of a map look: multiples of an even share on one scale, which is the same for every sample.

An even share is the score that each region, word and moment would have if all of them had the same. The page, its
scripts and Label Studio take scale and colours from here.
"""

import math
from collections.abc import Sequence
from typing import Any

from mmdemo.values.layout import scores_of
from mmdemo.values.samples import Explanation

LITTLE, MUCH = 0.25, 8.0  # multiples of an even share at the two ends of the scale, which is logarithmic
# Cividis, the scale that people with any colour vision read alike (Nuñez, Anderton and Renslow 2018).
CIVIDIS = ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")
# Of signed scores: sky blue for the answer, orange against it, a pair for any colour vision (Okabe and Ito 2008).
TOWARDS = ("#0b2b45", "#1f5f8f", "#56b4e9")
AGAINST = ("#43200a", "#94500d", "#f0a63c")
# Over a picture the colours say it a second time: what speaks for the answer is clear inside a solid line, what speaks
# against it is hatched inside a dashed one, and what matters little lies under a veil that leaves it recognisable.
OUTLINED = 1.0  # multiples of an even share from which there is a line: more than an even share
LINES = {"looked": "#ffffff", "towards": TOWARDS[-1], "against": AGAINST[-1]}
CASING = "#101828"  # runs along every line, so that it is seen on any picture
GROUND = "#4a4742"  # stands for a picture where a line is explained
BRIGHT = CIVIDIS[-1]  # of what is pointed at, and of a sound's curve; seen on any picture, inside a casing
VEIL = "#14161c"
VEILED = 0.58  # opacity of the veil over what has next to nothing, at full strength
STRENGTHS = (0, 25, 50, 75, 100)  # per cent, of veil and lines, where no script can move a slider
STRENGTH = 75  # of them, as long as nobody chose another
HATCHED = 0.3  # level against the answer from which the hatching is opaque
STEPS = 32  # of the scales as the browser is handed them
DARK_INK, LIGHT_INK = "#000000", "#ffffff"


def even_share(explanation: Explanation) -> float:
    """Return the score that each region, word and moment would have if all had the same; 1 where all scores are 0."""
    scores = scores_of(explanation)
    return sum(map(abs, scores)) / len(scores) or 1.0 if scores else 1.0


def level(share: float) -> float:
    """Return where a share stands on the scale: 0 … 1, or down to -1 where it speaks against the answer."""
    if abs(share) <= LITTLE:
        return 0.0
    return math.copysign(min(1.0, math.log2(abs(share) / LITTLE) / math.log2(MUCH / LITTLE)), share)


def colour(share: float, signed: bool = False) -> str:
    """Return the scale's colour of a share as #rrggbb."""
    stops = (TOWARDS if share >= 0 else AGAINST) if signed else CIVIDIS
    return _between(stops, abs(level(share)))


def css() -> str:
    """Return the colours of maps as custom properties of a stylesheet: `--mm-map-NAME`."""
    colours = {
        "towards": TOWARDS[-1],
        "against": AGAINST[-1],
        "towards-deep": TOWARDS[1],
        "against-deep": AGAINST[1],
        "casing": CASING,
        "ground": GROUND,
        "scale": f"linear-gradient(to right, {', '.join(CIVIDIS)})",
        "scale-signed": f"linear-gradient(to right, {', '.join((*AGAINST[::-1], *TOWARDS))})",
    }
    return ":root {" + "".join(f"--mm-map-{name}: {value};" for name, value in colours.items()) + "}"


def for_scripts() -> dict[str, Any]:
    """Return what the browser needs to colour shares as they are here: [ground, ink] from the low end to the high."""
    return {
        "little": LITTLE,
        "much": MUCH,
        "steps": STEPS,
        "outlined": OUTLINED,
        "lines": LINES,
        "casing": CASING,
        "bright": BRIGHT,
        "ground": GROUND,
        "veil": [*rgb(VEIL), VEILED],
        "hatched": HATCHED,
        "strengths": STRENGTHS,
        "strength": STRENGTH,
        **{
            name: [[ground := _between(stops, step / STEPS), ink_on(ground)] for step in range(STEPS + 1)]
            for name, stops in (("looked", CIVIDIS), ("towards", TOWARDS), ("against", AGAINST))
        },
    }


def _between(stops: Sequence[str], height: float) -> str:
    place = height * (len(stops) - 1)
    left = min(int(place), len(stops) - 2)
    channels = zip(rgb(stops[left]), rgb(stops[left + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - left)):02x}" for a, b in channels)


def ink_on(ground: str) -> str:
    """Return black or white, whichever reads better on a colour."""
    return DARK_INK if contrast(ground, DARK_INK) >= contrast(ground, LIGHT_INK) else LIGHT_INK


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours as WCAG 2 defines it, 1 … 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of #rrggbb, 0 … 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
