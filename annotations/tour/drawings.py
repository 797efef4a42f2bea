"""A small task that draws itself: three shapes, on white paper or at night. The drawing knows the truth.

The first model sees dark shapes on white paper alone; what visitors send are bright ones on a dark ground. So it is
unsure where it should be, and a few dozen corrections can teach it.
"""

import json
import math
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle")
PAPER, NIGHT = "paper", "night"  # the two looks
SIDE_PX = 64
_FINER = 4  # drawn so many times larger and then reduced: smooth edges
_CORNERS = {"circle": 40, "square": 4, "triangle": 3}  # forty corners are round at this size

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Drawing:
    """One picture and what it shows."""

    name: str  # such as night-0007
    shape: str  # one of SHAPES
    picture: Image.Image  # SIDE_PX × SIDE_PX, RGB


def drawings(look: str, number: int, seed: int) -> list[Drawing]:
    """Return `number` drawings of a look, the shapes in turn; the same seed draws the same ones."""
    chance = random.Random(f"{look} {seed}")
    shapes = [SHAPES[index % len(SHAPES)] for index in range(number)]
    return [Drawing(f"{look}-{index:04d}", shape, draw(shape, look, chance)) for index, shape in enumerate(shapes)]


def draw(shape: str, look: str, chance: random.Random) -> Image.Image:
    """Return one picture, SIDE_PX × SIDE_PX RGB: place, size, turn and colours by chance."""
    side = SIDE_PX * _FINER
    ground, ink = LOOKS[look](chance)
    radius = side * chance.uniform(0.22, 0.40)
    room = side / 2 - radius
    centre = (side / 2 + chance.uniform(-room, room), side / 2 + chance.uniform(-room, room))
    picture = Image.new("RGB", (side, side), ground)
    ImageDraw.Draw(picture).polygon(_outline(shape, centre, radius, chance.uniform(0, math.tau)), fill=ink)
    return picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)


def write(folder: Path, found: list[Drawing]) -> Path:
    """Write the pictures and a manifest `folder/manifest.jsonl` that names them; return the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    for drawing in found:
        drawing.picture.save(folder / f"{drawing.name}.png")
    rows = [
        {
            "id": drawing.name,
            "image": f"{drawing.name}.png",
            "label": drawing.shape,
            "group": drawing.name.split("-")[0],
        }
        for drawing in found
    ]
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return manifest


def _outline(shape: str, centre: tuple[float, float], radius: float, turn: float) -> list[tuple[float, float]]:
    angles = [turn + math.tau * corner / _CORNERS[shape] for corner in range(_CORNERS[shape])]
    return [(centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)) for angle in angles]


def _paper(chance: random.Random) -> tuple[Colour, Colour]:
    return _grey(chance, 225, 255), _grey(chance, 0, 70)


def _night(chance: random.Random) -> tuple[Colour, Colour]:
    return _colour(chance, 0, 70), _colour(chance, 120, 255)


def _grey(chance: random.Random, low: int, high: int) -> Colour:
    value = chance.randint(low, high)
    return value, value, value


def _colour(chance: random.Random, low: int, high: int) -> Colour:
    return chance.randint(low, high), chance.randint(low, high), chance.randint(low, high)


LOOKS = {PAPER: _paper, NIGHT: _night}
