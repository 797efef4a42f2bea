"""A small task that anybody might begin with: sixty drawn pictures of the weather with their captions; and pictures of
other things, which a model of it has no business answering surely.
"""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from annotations.tour import drawings

LABELS = ("night", "rain", "sun")
SIDE_PX = 96
_PLACES = ("over the hills", "by the lake", "in our street", "behind the farm", "above the harbour", "at the camp site")
_WORDS = {
    "night": ("the moon is out", "stars everywhere", "a quiet dark sky", "it is long past bedtime", "a clear night"),
    "rain": ("it is pouring again", "grey clouds and drops", "take an umbrella", "wet all day long", "another shower"),
    "sun": ("what a bright day", "the sun is shining", "warm and without a cloud", "a golden morning", "blue sky"),
}
_SKY = {"night": (18, 22, 58), "rain": (128, 138, 148), "sun": (134, 200, 242)}
Colour = tuple[int, int, int]


def write(folder: Path, number: int, seed: int) -> Path:
    """Draw `number` pictures, the labels in turn; write them and `folder/all.jsonl`, which is returned."""
    chance = random.Random(f"weather {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(number):
        label = LABELS[index % len(LABELS)]
        draw(label, chance).save(folder / f"{index}.png")
        text = (
            f"{chance.choice(_WORDS[label])} {chance.choice(_PLACES)}, {chance.choice(('May', 'June', 'July'))} {index}"
        )
        rows.append({"id": str(index), "image": f"{index}.png", "text": text, "label": label})
    manifest = folder / "all.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return manifest


def draw(label: str, chance: random.Random) -> Image.Image:
    """Return one picture, SIDE_PX × SIDE_PX RGB: sky, hills, and what hangs in the sky."""
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), _about(_SKY[label], chance))
    pen = ImageDraw.Draw(picture)
    ground = SIDE_PX * chance.uniform(0.6, 0.8)
    hills = [(x, ground + 8 * math.sin(x / 14 + chance.random())) for x in range(0, SIDE_PX + 8, 8)]
    _SHOWN[label](pen, chance)
    dark = 0.35 if label == "night" else 1.0
    pen.polygon([(0, SIDE_PX), *hills, (SIDE_PX, SIDE_PX)], fill=_about((60 * dark, 140 * dark, 70 * dark), chance))
    return picture


def _night(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    for _ in range(chance.randint(8, 20)):
        x, y = chance.uniform(0, SIDE_PX), chance.uniform(0, SIDE_PX * 0.6)
        pen.ellipse((x, y, x + 1.5, y + 1.5), fill=(250, 250, 220))
    _disc(pen, chance, (235, 235, 215))


def _rain(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    for _ in range(chance.randint(2, 4)):
        x, y, w = chance.uniform(0, SIDE_PX), chance.uniform(0, 18), chance.uniform(20, 40)
        pen.ellipse((x - w / 2, y, x + w / 2, y + w / 3), fill=_about((90, 95, 105), chance))
    for _ in range(chance.randint(25, 60)):
        x, y = chance.uniform(0, SIDE_PX), chance.uniform(20, SIDE_PX * 0.8)
        pen.line((x, y, x - 2, y + 7), fill=(70, 100, 190))


def _sun(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    x, y, r = _disc(pen, chance, (250, 215, 60))
    for ray in range(chance.randint(7, 12)):
        angle = ray * math.tau / 9
        ends = [(x + far * r * math.cos(angle), y + far * r * math.sin(angle)) for far in (1.2, 1.7)]
        pen.line(ends, fill=(250, 215, 60), width=2)


_SHOWN = {"night": _night, "rain": _rain, "sun": _sun}


def _disc(pen: ImageDraw.ImageDraw, chance: random.Random, colour: Colour) -> tuple[float, float, float]:
    x, y, r = chance.uniform(18, SIDE_PX - 18), chance.uniform(16, 34), chance.uniform(7, 13)
    pen.ellipse((x - r, y - r, x + r, y + r), fill=_about(colour, chance))
    return x, y, r


def _about(colour: tuple[float, float, float], chance: random.Random) -> Colour:
    red, green, blue = (max(0, min(255, round(c + chance.uniform(-14, 14)))) for c in colour)
    return red, green, blue


def _noise(chance: random.Random) -> Image.Image:
    return Image.frombytes("RGB", (SIDE_PX, SIDE_PX), chance.randbytes(3 * SIDE_PX**2))


def _flat(chance: random.Random) -> Image.Image:
    return Image.new("RGB", (SIDE_PX, SIDE_PX), _any(chance))


def _stripes(chance: random.Random) -> Image.Image:
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), _any(chance))
    pen, width, colour = ImageDraw.Draw(picture), chance.randint(3, 12), _any(chance)
    for x in range(0, SIDE_PX, 2 * width):
        pen.rectangle((x, 0, x + width, SIDE_PX), fill=colour)
    return picture.rotate(chance.choice((0, 90)))


def _page(chance: random.Random) -> Image.Image:
    picture = Image.new("RGB", (SIDE_PX * 2, SIDE_PX * 2), "white")
    pen = ImageDraw.Draw(picture)
    for y in range(8, SIDE_PX * 2 - 12, 14):
        pen.text((8, y), "".join(chance.choices("abcdefghij klmnop qrstuvw", k=chance.randint(15, 28))), fill="black")
    return picture


def _chart(chance: random.Random) -> Image.Image:
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), "white")
    pen = ImageDraw.Draw(picture)
    for x in range(8, SIDE_PX - 8, 14):
        pen.rectangle((x, chance.uniform(10, 80), x + 9, SIDE_PX - 8), fill=_any(chance))
    return picture


def _shape(look: str) -> Callable[[random.Random], Image.Image]:
    return lambda chance: drawings.draw(chance.choice(drawings.SHAPES), look, chance)


def _any(chance: random.Random) -> Colour:
    return chance.randint(0, 255), chance.randint(0, 255), chance.randint(0, 255)


# Kind of unrelated picture → what draws one.
UNRELATED: dict[str, Callable[[random.Random], Image.Image]] = {
    "noise": _noise,
    "one colour": _flat,
    "stripes": _stripes,
    "page of text": _page,
    "bar chart": _chart,
    "filled shape": _shape(drawings.FILLED),
    "outlined shape": _shape(drawings.OUTLINE),
}
