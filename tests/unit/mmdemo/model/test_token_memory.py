"""What encoders made of contents: asked about once, bounded, told apart by what they hold, and gone when told."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from mmdemo.model.encoded import EncodedSample
from mmdemo.model.token_memory import TokenMemory
from mmdemo.values.samples import Inputs
from tests import tiny

TOKENS, WIDTH = 4, 8
BYTES = TOKENS * WIDTH * 4  # of the tokens of one content


class Encoder:
    """Makes numbers of contents, and notes what it was asked about."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, parts: Sequence[Inputs]) -> list[EncodedSample]:
        names = [name for part in parts for name in part.modalities]
        self.asked.append(names)
        count = sum(map(len, self.asked))
        return [{name: torch.full((TOKENS, WIDTH), float(count + row))} for row, name in enumerate(names)]


@pytest.fixture
def encoder() -> Encoder:
    return Encoder()


def test_what_a_change_leaves_alone_is_not_encoded_again(encoder: Encoder) -> None:
    memory, whole = TokenMemory(), tiny.inputs()
    [first] = memory.of([whole], encoder)
    assert tuple(first) == whole.modalities
    struck, muted = replace(whole, text="the dog"), replace(whole, audio=np.zeros(16_000, np.float32))
    same, without_word, without_sound = memory.of([replace(whole), struck, muted], encoder)
    assert encoder.asked == [["image", "text", "audio"], ["text", "audio"]]
    assert same == first and without_word["image"] is first["image"] and without_sound["text"] is first["text"]


def test_what_stands_in_several_samples_is_encoded_once(encoder: Encoder) -> None:
    sample = tiny.inputs(0, ("image", "text"))
    some = [sample, replace(sample, text=None), replace(sample, image=None)]
    whole, image, text = TokenMemory().of(some, encoder)
    assert encoder.asked == [["image", "text"]] and whole == image | text


def test_contents_are_told_apart_by_modality_shape_and_order(encoder: Encoder) -> None:
    picture = np.arange(24, dtype=np.uint8)
    samples = [Inputs(image=picture.reshape(shape)) for shape in ((2, 4, 3), (4, 2, 3))]
    samples += [Inputs(image=picture[::-1].reshape(2, 4, 3)), Inputs(text="a dog"), Inputs(text="a  dog")]
    tokens = TokenMemory().of(samples, encoder)
    assert len({float(next(iter(each.values()))[0, 0]) for each in tokens}) == len(samples)


def test_what_was_asked_for_longest_ago_goes_first(encoder: Encoder) -> None:
    memory = TokenMemory(most_bytes=2 * BYTES)
    for caption in ("one", "two", "one", "three"):
        memory.of([Inputs(text=caption)], encoder)
    assert memory.size == 2 * BYTES and len(encoder.asked) == 3
    memory.of([Inputs(text="one")], encoder)
    assert len(encoder.asked) == 3
    memory.of([Inputs(text="two")], encoder)
    assert len(encoder.asked) == 4


def test_more_than_there_is_room_for_is_returned_all_the_same(encoder: Encoder) -> None:
    memory = TokenMemory(most_bytes=BYTES)
    assert len(memory.of([Inputs(text=str(number)) for number in range(5)], encoder)) == 5
    assert memory.size == BYTES


def test_it_lets_go_when_told(encoder: Encoder) -> None:
    hours = iter([0.0, 0.0, 1.0, 1.0, *[1.5] * 4, 2.0, *[2.0] * 9])
    memory = TokenMemory(clock=lambda: next(hours))
    for caption in ("early", "late"):
        memory.of([Inputs(text=caption)], encoder)
    memory.forget(1.0)
    assert memory.size == BYTES
    memory.forget()
    assert memory.size == 0
    memory.of([Inputs(text="late")], encoder)
    assert len(encoder.asked) == 3


def test_what_is_kept_beside_is_taken_from_there_and_stays_there(encoder: Encoder) -> None:
    memory, copies = TokenMemory(), TokenMemory()
    memory.of([Inputs(text="whole")], encoder)
    first, second = copies.of([Inputs(text="whole"), Inputs(text="copy")], encoder, beside=memory)
    assert encoder.asked == [["text"], ["text"]] and memory.size == copies.size == BYTES
    assert memory.of([Inputs(text="copy"), Inputs(text="whole")], encoder, beside=copies) == [second, first]
    assert len(encoder.asked) == 2 and memory.size == copies.size == BYTES
