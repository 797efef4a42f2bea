"""What is taken is gone, what is left is untouched, and the order in which it goes is defined."""

import numpy as np
import pytest

from mmdemo.explain.perturbation import deletion
from mmdemo.values.layout import Layout, Word
from mmdemo.values.samples import Inputs

CAPTION = "the  dog, the cat 🙂 "
SPANS = [(0, 3), (5, 8), (8, 9), (10, 13), (14, 17), (18, 19)]
EDGES_S = (0.0, 0.1, 0.2, 0.25)


def sample(**changes: object) -> Inputs:
    draw = np.random.default_rng(0)
    picture = draw.integers(0, 256, (30, 50, 3), np.uint8)
    sound = draw.uniform(-1, 1, 4_000).astype(np.float32)
    return Inputs(**{"image": picture, "text": CAPTION, "audio": sound, **changes})  # type: ignore[arg-type]


def layout(words: int = len(SPANS)) -> Layout:
    """Six regions, so many words, three moments."""
    return Layout((2, 3), tuple(Word(CAPTION[start:end], start, end) for start, end in SPANS[:words]), EDGES_S)


def test_words_are_struck_and_white_space_is_tidied() -> None:
    assert deletion.without_words(sample(), [SPANS[1], SPANS[2]]).text == "the the cat 🙂"
    assert deletion.without_words(sample(), [SPANS[3], SPANS[5]]).text == "the dog, cat"


def test_a_caption_without_words_is_absent_unless_it_was_all_there_was() -> None:
    assert deletion.without_words(sample(), SPANS).text is None
    assert deletion.without_words(Inputs(text=CAPTION), SPANS).text == ""


@pytest.mark.parametrize("cell", range(6))
def test_only_the_cell_is_blurred(cell: int) -> None:
    before, after = sample().image, deletion.without_cells(sample(), (2, 3), [cell]).image
    assert before is not None and after is not None and after.dtype == np.uint8
    rows, columns = [0, 15, 30], [0, 17, 33, 50]
    row, column = divmod(cell, 3)
    inside = np.zeros((30, 50), bool)
    inside[rows[row] : rows[row + 1], columns[column] : columns[column + 1]] = True
    assert np.array_equal(before[~inside], after[~inside])
    assert after[inside].std() < before[inside].std() / 4  # noise is gone


def test_a_blurred_picture_keeps_its_colours_and_nothing_of_a_cells_size() -> None:
    halves = np.zeros((100, 200, 3), np.uint8)
    halves[:, 100:] = 255
    halves[45:55, 40:60] = 255  # smaller than a cell
    blurred = deletion.without_cells(Inputs(image=halves), (7, 7), range(49)).image
    assert blurred is not None and blurred[50, 195].mean() > 230 and blurred[50, 50].mean() < 60


def test_pictures_smaller_than_the_grid_stay_pictures() -> None:
    one = np.full((1, 1, 3), 90, np.uint8)
    left = deletion.without_cells(Inputs(image=one), (7, 7), range(49)).image
    assert left is not None and np.array_equal(left, one)


def test_a_moment_is_silent_and_its_neighbours_fade_without_a_click() -> None:
    steady = sample(audio=np.ones(4_000, np.float32))
    muted = deletion.without_moments(steady, EDGES_S, [1]).audio
    assert muted is not None and muted.dtype == np.float32
    assert not muted[1_600:3_200].any()
    assert (muted[: 1_600 - deletion.FADE_SAMPLES] == 1).all() and (muted[3_200 + deletion.FADE_SAMPLES :] == 1).all()
    assert np.abs(np.diff(muted)).max() < 1.5 / deletion.FADE_SAMPLES


def test_sound_muted_all_over_is_silence() -> None:
    muted = deletion.without_moments(sample(), EDGES_S, range(3)).audio
    assert muted is not None and len(muted) == 4_000 and not muted.any()


def test_the_highest_goes_first_and_even_scores_by_the_draw() -> None:
    scores = [0.1, 0.9, -0.5, 0.9, 0.1]
    orders = [deletion.ordered(scores, np.random.default_rng(seed)) for seed in range(20)]
    assert set(map(tuple, orders)) == {(1, 3, 0, 4, 2), (1, 3, 4, 0, 2), (3, 1, 0, 4, 2), (3, 1, 4, 0, 2)}
    assert deletion.ordered(scores, np.random.default_rng(3)) == orders[3]


def test_shares_become_counts_of_units() -> None:
    assert deletion.counts(100) == list(deletion.SHARES)
    assert deletion.counts(1) == [0, 0, 0, 1, 1, 1, 1, 1, 1]


def test_units_of_all_modalities_are_taken_together() -> None:
    whole, units = sample(), layout().units
    left = deletion.without(whole, layout(), [units["image"][0], units["text"][1], units["audio"][2]])
    assert left.text == "the , the cat 🙂"
    assert left.image is not None and whole.image is not None and (left.image != whole.image).any()
    assert left.audio is not None and not left.audio[3_200:].any()


def test_what_is_not_touched_stays_the_same_object() -> None:
    whole = sample()
    left = deletion.without(whole, layout(), [layout().units["text"][1]])
    assert left.image is whole.image and left.audio is whole.audio and left.text != whole.text
    assert deletion.without(whole, layout(), []) is whole


def test_words_that_were_not_read_do_not_move_up() -> None:
    read = layout(words=3)
    assert deletion.without(sample(), read, [read.units["text"][0]]).text == "dog,"


def test_what_the_sample_lacks_cannot_be_taken_from_it() -> None:
    alone = Inputs(text=CAPTION)
    assert deletion.without(alone, layout(), [*layout().units["image"], *layout().units["audio"]]) is alone
