"""Units of all modalities are counted in one order, and an explanation is a layout with a score for each of them."""

from itertools import combinations

import pytest

from mmdemo.values.layout import Layout, Word, scores_of
from mmdemo.values.samples import MODALITIES, AudioMap, Explanation, ImageMap, TextMap, TokenScore

CAPTION = "the  dog 🙂"
WORDS = (Word("the", 0, 3), Word("dog", 5, 8), Word("🙂", 9, 10))
LAYOUT = Layout((2, 3), WORDS, (0.0, 0.08, 0.1))
EXPLANATION = Explanation(
    "planted",
    "good",
    image=ImageMap((2, 3), ((0.0, 0.1, 0.2), (0.3, -0.4, 0.5))),
    text=TextMap((TokenScore("the", 0, 3, 6.0), TokenScore("dog", 5, 8, 7.0), TokenScore("🙂", 9, 10, 8.0))),
    audio=AudioMap((0.0, 0.08, 0.1), (9.0, 10.0)),
    against="bad",
    signed=True,
)
SUBSETS = [some for count in range(len(MODALITIES) + 1) for some in combinations(MODALITIES, count)]


def only(modalities: tuple[str, ...]) -> Explanation:
    """Return the explanation without the maps of other modalities."""
    maps = {name: getattr(EXPLANATION, name) for name in modalities}
    return Explanation("planted", "good", **maps, against="bad", signed=True)


def test_regions_come_first_in_reading_order_then_words_then_moments() -> None:
    assert scores_of(EXPLANATION) == [0.0, 0.1, 0.2, 0.3, -0.4, 0.5, 6.0, 7.0, 8.0, 9.0, 10.0]
    assert list(LAYOUT.sizes.items()) == [("image", 6), ("text", 3), ("audio", 2)] and tuple(LAYOUT.sizes) == MODALITIES
    assert LAYOUT.units == {"image": range(6), "text": range(6, 9), "audio": range(9, 11)} and len(LAYOUT) == 11
    assert LAYOUT.units["text"][1] == 7 and LAYOUT.units["text"].index(7) == 1


def test_an_explanation_says_where_its_units_stand() -> None:
    assert Layout.of(EXPLANATION) == LAYOUT
    assert all(CAPTION[word.start : word.end] == word.text for word in WORDS)


@pytest.mark.parametrize("modalities", SUBSETS, ids=lambda names: "+".join(names) or "nothing")
def test_layout_and_scores_together_are_the_explanation(modalities: tuple[str, ...]) -> None:
    explanation = only(modalities)
    layout, scores = Layout.of(explanation), scores_of(explanation)
    assert tuple(layout.sizes) == modalities and len(layout) == len(scores)
    assert layout.explanation("planted", "good", scores, against="bad", signed=True) == explanation
    assert [score for part in layout.split(scores).values() for score in part] == scores


def test_a_caption_of_which_nothing_is_read_is_there_all_the_same() -> None:
    layout = Layout((1, 1), words=())
    explanation = layout.explanation("planted", "good", [0.5])
    assert explanation.text == TextMap(()) and explanation.audio is None and not explanation.signed
    assert layout.units == {"image": range(1), "text": range(1, 1)} and Layout.of(explanation) == layout


@pytest.mark.parametrize("count", [0, 10, 12])
def test_scores_that_are_not_one_a_unit_are_a_fault(count: int) -> None:
    with pytest.raises(AssertionError, match=f"{count} scores for 11 units"):
        LAYOUT.explanation("planted", "good", [0.0] * count)
