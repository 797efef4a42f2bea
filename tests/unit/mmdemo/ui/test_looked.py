"""Where it looked, in numbers, colours and words: the same scale for every sample."""

import re

import pytest

from mmdemo.samples import AudioMap, Explanation, ImageMap, TextMap, TokenScore
from mmdemo.ui import looked


def text_map(caption: str, **scores: float) -> TextMap:
    """A map whose words have the scores given, 0 where none is."""
    words = re.finditer(r"\S+", caption)
    return TextMap(tuple(TokenScore(m.group(), m.start(), m.end(), scores.get(m.group(), 0.0)) for m in words))


def image_map(*rows: str) -> ImageMap:
    """A map drawn with digits."""
    return ImageMap((len(rows), len(rows[0])), tuple(tuple(float(digit) for digit in row) for row in rows))


def test_an_even_share_counts_the_tokens_of_all_modalities() -> None:
    words = text_map("a b", a=2.0, b=0.0)
    explanation = Explanation("attention", "positive", image=image_map("11", "11"), text=words)
    assert looked.even_share(explanation) == pytest.approx(6 / 6)
    view = looked.view(explanation, "a b", "en")
    assert [piece.share for piece in view.caption] == [2.0, None, 0.0]
    assert view.picture is not None
    assert view.picture.shares == (1.0, 1.0, 1.0, 1.0)


def test_shares_do_not_depend_on_how_the_method_scales_its_scores() -> None:
    one = Explanation("attention", "positive", image=image_map("19", "11"))
    ten = Explanation("attention", "positive", image=ImageMap((2, 2), ((10.0, 90.0), (10.0, 10.0))))
    assert looked.view(one, "", "en").picture == looked.view(ten, "", "en").picture


@pytest.mark.parametrize(
    ("share", "level"), [(-3, 0), (0, 0), (0.25, 0), (0.5, 0.2), (1, 0.4), (2, 0.6), (4, 0.8), (8, 1), (99, 1)]
)
def test_the_scale_runs_from_a_quarter_of_an_even_share_to_eight(share: float, level: float) -> None:
    assert looked.level(share) == pytest.approx(level)


def test_the_scale_is_cividis_and_grows_brighter_without_a_step_back() -> None:
    assert (looked.colour(0.1), looked.colour(99)) == ("#00224e", "#fee838")
    brightness = [looked._luminance(looked.colour(0.25 * 1.05**step)) for step in range(72)]
    assert brightness == sorted(brightness)


def test_ink_on_every_colour_of_the_scale_has_contrast_aa() -> None:
    grounds = [looked.colour(0.25 * 1.02**step) for step in range(176)]
    assert min(looked.contrast(ground, looked.ink_on(ground)) for ground in grounds) >= 4.5


def test_contrast_is_that_of_wcag() -> None:
    assert looked.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert looked.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (("900", "000", "000"), "upper left"),
        (("000", "000", "009"), "lower right"),
        (("000", "090", "000"), "middle of"),
        (("0009000", *["0000000"] * 6), "upper middle"),
        ((*["0000000"] * 3, "9900000", *["0000000"] * 3), "left of"),
    ],
)
def test_the_sentence_names_the_place_in_the_picture(rows: tuple[str, ...], place: str) -> None:
    sentence = looked.view(Explanation("attention", "positive", image=image_map(*rows)), "", "en").sentence
    assert place in sentence


def test_the_sentence_names_at_most_three_words_the_strongest_first() -> None:
    caption = "a laughing boy with one red kite and much more in it"
    words = text_map(caption, laughing=9, red=3, boy=6, kite=4)
    view = looked.view(Explanation("attention", "positive", text=words), caption, "en")
    assert view.sentence.striptags() == "It looked mostly at laughing, boy and kite."


@pytest.mark.parametrize(
    ("word", "named"), [(":", False), ("，", False), ("…", False), ("🙂", True), ("不", True), ("7", True)]
)
def test_the_sentence_names_words_and_no_punctuation(word: str, named: bool) -> None:
    words = text_map(f"{word} a b c", **{word: 9.0})
    view = looked.view(Explanation("attention", "positive", text=words), f"{word} a b c", "en")
    assert (f">{word}<" in view.sentence) == named


def test_the_sentence_says_so_where_nothing_stands_out() -> None:
    explanation = Explanation("attention", "positive", image=image_map("111", "111", "111"), text=text_map("a", a=1))
    assert looked.view(explanation, "a", "en").sentence == "It looked about evenly at everything."


def test_the_sentence_names_the_stretch_of_the_sound() -> None:
    audio = AudioMap((0.0, 0.5, 1.0, 1.5, 2.0, 2.5), (0.0, 9.0, 8.0, 0.0, 0.0))
    view = looked.view(Explanation("attention", "sad", audio=audio), "", "en")
    assert view.sentence == "It looked mostly at the sound from 0.5 to 1.5 s."


def test_a_word_is_text_in_the_sentence_whatever_it_holds() -> None:
    caption = "<script>alert(1)</script> & co"
    words = text_map(caption, **{"<script>alert(1)</script>": 9.0})
    sentence = looked.view(Explanation("attention", "positive", text=words), caption, "en").sentence
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in sentence
    assert "<script" not in sentence


@pytest.mark.parametrize("caption", ["a  b", " a b ", "你好 b", "a🙂 b", "a", "مرحبا b"])
def test_the_pieces_together_are_the_caption(caption: str) -> None:
    view = looked.view(Explanation("attention", "positive", text=text_map(caption, b=1.0)), caption, "en")
    assert "".join(piece.text for piece in view.caption) == caption


def test_the_parts_sum_to_a_hundred_and_one_modality_has_none() -> None:
    explanation = Explanation("attention", "positive", image=image_map("111"), text=text_map("a b c", a=1, b=1, c=1.06))
    parts = looked.view(explanation, "a b c", "en").parts
    assert [(part.name, part.percent) for part in parts] == [("picture", 50), ("caption", 50)]
    assert looked.view(Explanation("attention", "positive", text=text_map("a", a=1)), "a", "en").parts == ()


def test_scores_of_zero_everywhere_are_shown_as_nothing() -> None:
    view = looked.view(Explanation("attention", "positive", image=image_map("00", "00")), "", "en")
    assert view.picture is not None
    assert view.picture.shares == (0.0,) * 4
    assert view.sentence == "It looked about evenly at everything."
