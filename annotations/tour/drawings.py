"""A small task that draws itself: three shapes, filled with ink or drawn in outline. The drawing knows the truth.

The first model sees filled shapes alone; visitors send outlines. So it is often wrong and often unsure, and a few
dozen corrections can teach it. What it knew of filled shapes it should keep.
"""

import json
import math
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle")
FILLED, OUTLINE = LOOKS = "filled", "outline"
SIDE_PX = 64
_FINER = 4  # drawn so many times larger and then reduced: smooth edges
_CORNERS = {"circle": 40, "square": 4, "triangle": 3}  # forty corners are round at this size
_UPRIGHT = {"circle": 0.0, "square": math.tau / 8, "triangle": -math.tau / 4}  # angle of the first corner
_TILT = 0.3  # radians, either way
_RADIUS = (0.28, 0.42)  # of the side
_PEN = (0.05, 0.08)  # of the side

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Drawing:
    """One picture and what it shows."""

    name: str  # such as outline-0007
    shape: str  # one of SHAPES
    picture: Image.Image  # SIDE_PX × SIDE_PX, RGB


def drawings(look: str, number: int, seed: int) -> list[Drawing]:
    """Return `number` drawings of a look, the shapes in turn; the same seed draws the same ones."""
    chance = random.Random(f"{look} {seed}")
    shapes = [SHAPES[index % len(SHAPES)] for index in range(number)]
    return [Drawing(f"{look}-{index:04d}", shape, draw(shape, look, chance)) for index, shape in enumerate(shapes)]


def draw(shape: str, look: str, chance: random.Random) -> Image.Image:
    """Return one picture, SIDE_PX × SIDE_PX RGB: place, size, tilt and ink by chance."""
    side = SIDE_PX * _FINER
    grey = chance.randint(225, 255)
    picture = Image.new("RGB", (side, side), (grey, grey, grey))
    corners = _corners(shape, side, chance)
    pen, ink = ImageDraw.Draw(picture), _colour(chance, 0, 90)
    if look == FILLED:
        pen.polygon(corners, fill=ink)
    else:
        width = round(side * chance.uniform(*_PEN))
        pen.line([*corners, *corners[:2]], fill=ink, width=width, joint="curve")
    return picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)


def write(folder: Path, sheet: list[Drawing]) -> Path:
    """Write the pictures and a manifest `folder/manifest.jsonl` that names them; return the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    for drawing in sheet:
        drawing.picture.save(folder / f"{drawing.name}.png")
    rows = [
        {
            "id": drawing.name,
            "image": f"{drawing.name}.png",
            "label": drawing.shape,
            "group": drawing.name.split("-")[0],
        }
        for drawing in sheet
    ]
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return manifest


def _corners(shape: str, side: int, chance: random.Random) -> list[tuple[float, float]]:
    radius = side * chance.uniform(*_RADIUS)
    room = side / 2 - radius
    across, down = (side / 2 + chance.uniform(-room, room) for _ in range(2))
    first = _UPRIGHT[shape] + chance.uniform(-_TILT, _TILT)
    angles = [first + math.tau * corner / _CORNERS[shape] for corner in range(_CORNERS[shape])]
    return [(across + radius * math.cos(angle), down + radius * math.sin(angle)) for angle in angles]


def _colour(chance: random.Random, low: int, high: int) -> Colour:
    return chance.randint(low, high), chance.randint(low, high), chance.randint(low, high)
