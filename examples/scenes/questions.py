"""What is asked about one object of a picture. Three kinds of samples, each of which needs other modalities:

typed   the question names the object                         picture and text
spoken  its name is said, and nothing else: where is it?      picture and sound
both    the question says "it", and the name is only said     all three
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from examples.scenes.drawing import Thing

TYPED, SPOKEN, BOTH = KINDS = ("typed", "spoken", "both")
NEEDS = {TYPED: ("image", "text"), SPOKEN: ("image", "audio"), BOTH: ("image", "text", "audio")}
COLOUR, PLACE = "colour", "place"
WORDINGS = {
    COLOUR: (
        "What colour is {it}?",
        "What color is {it}?",
        "Which colour is {it}?",
        "What is the colour of {it}?",
        "Which color does {it} have?",
        "Tell me the colour of {it}",
    ),
    PLACE: (
        "Where is {it}?",
        "Where can you see {it}?",
        "In which corner is {it}?",
        "Which corner is {it} in?",
        "What is the place of {it}?",
        "Tell me where {it} is",
    ),
}


@dataclass(frozen=True)
class SceneQuestion:
    """A question about one object, and its answer."""

    kind: str  # one of KINDS
    asks: str  # COLOUR or PLACE
    thing: Thing
    text: str  # "" where nothing is typed

    @property
    def word(self) -> str:
        """What is said aloud, "" where nothing is."""
        return "" if self.kind == TYPED else self.thing.shape

    @property
    def answer(self) -> str:
        """The label that is right."""
        return self.thing.colour if self.asks == COLOUR else self.thing.place


def ask(kind: str, things: Sequence[Thing], chance: random.Random) -> SceneQuestion:
    """Return a question of a kind about one of the things; a name that is said alone asks for the place."""
    thing = chance.choice(things)
    if kind == SPOKEN:
        return SceneQuestion(kind, PLACE, thing, "")
    asks = chance.choice((COLOUR, PLACE))
    it = f"the {thing.shape}" if kind == TYPED else "it"
    return SceneQuestion(kind, asks, thing, chance.choice(WORDINGS[asks]).format(it=it))
