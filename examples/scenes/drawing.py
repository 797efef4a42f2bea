"""Pictures of a few objects, each in a corner of its own. The scene knows the truth about its picture."""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

SIDE_PX = 64
FEWEST, MOST = 2, 4  # objects in a picture
COLOURS = {
    "red": (214, 40, 40),
    "orange": (244, 140, 30),
    "yellow": (240, 215, 50),
    "green": (50, 160, 60),
    "blue": (40, 90, 210),
    "purple": (140, 60, 170),
}
NOTHING = "nothing"  # stands in a corner that is empty
PLACES = {"top-left": (0, 0), "top-right": (1, 0), "bottom-left": (0, 1), "bottom-right": (1, 1)}  # column, row
_FINER = 4  # drawn so many times larger and then reduced: smooth edges
_RADIUS = (0.15, 0.2)  # of the side
_TILT = 0.3  # radians, either way
_SHADE = 18  # of 255, either way, for each of the three colours of light
_PAPER = (215, 255)  # grey of the background

Point = tuple[float, float]  # to the right and down


@dataclass(frozen=True)
class Thing:
    """One object of a scene."""

    shape: str  # one of SHAPES, and no other's in the scene
    colour: str  # one of COLOURS
    place: str  # one of PLACES, and no other's in the scene


def scene(chance: random.Random) -> tuple[Thing, ...]:
    """Return FEWEST to MOST objects of different shapes, each in a corner, of any colours."""
    number = chance.randint(FEWEST, MOST)
    shapes, places = chance.sample(list(SHAPES), number), chance.sample(list(PLACES), number)
    colours = chance.choices(list(COLOURS), k=number)
    return tuple(Thing(*of_one) for of_one in zip(shapes, colours, places, strict=True))


def corners(things: tuple[Thing, ...]) -> dict[str, str]:
    """Return by place the shape that stands there, or NOTHING."""
    return {**dict.fromkeys(PLACES, NOTHING), **{thing.place: thing.shape for thing in things}}


def draw(things: tuple[Thing, ...], chance: random.Random) -> Image.Image:
    """Return a picture of the scene, SIDE_PX × SIDE_PX RGB; size, tilt, shade and place in the corner by chance."""
    side = SIDE_PX * _FINER
    grey = chance.randint(*_PAPER)
    picture = Image.new("RGB", (side, side), (grey, grey, grey))
    pen = ImageDraw.Draw(picture)
    for thing in things:
        shade = tuple(min(255, max(0, value + chance.randint(-_SHADE, _SHADE))) for value in COLOURS[thing.colour])
        pen.polygon(_outline(thing, side, chance), fill=shade)
    return picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)


def _outline(thing: Thing, side: int, chance: random.Random) -> list[Point]:
    radius, tilt = chance.uniform(*_RADIUS), chance.uniform(-_TILT, _TILT)
    room = 0.25 - radius  # to the edges of a quarter of the picture
    across, down = ((place + 0.5) / 2 + chance.uniform(-room, room) for place in PLACES[thing.place])
    cos, sin = math.cos(tilt) * radius, math.sin(tilt) * radius
    return [(side * (across + cos * x - sin * y), side * (down + sin * x + cos * y)) for x, y in SHAPES[thing.shape]]


def _around(*radii: float, first: float = -math.tau / 4) -> list[Point]:
    """Return corners at equal angles around the middle, at these distances from it; the first one points up."""
    angles = [first + math.tau * index / len(radii) for index in range(len(radii))]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for radius, angle in zip(radii, angles, strict=True)]


_ARM = 0.33  # half the width of a cross's arms
_CROSS = ((-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM))  # the other half is its mirror

# Shape → its corners in a circle of radius 1.
SHAPES: dict[str, list[Point]] = {
    "circle": _around(*[1.0] * 40),  # forty corners are round at this size
    "square": _around(*[1.0] * 4, first=math.tau / 8),
    "triangle": _around(*[1.0] * 3),
    "star": _around(*[1.0, 0.42] * 5),
    "cross": [*_CROSS, *[(-x, -y) for x, y in _CROSS]],
}
