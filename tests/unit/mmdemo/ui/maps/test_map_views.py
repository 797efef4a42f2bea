"""Where it looked, in numbers, colours and words: the same scale for every sample."""

import dataclasses
import re

import pytest

from mmdemo import map_scale, tasks
from mmdemo.ui.maps import map_views
from mmdemo.values.samples import AudioMap, Explanation, ImageMap, TextMap, TokenScore

TASK = tasks.get("sentiment")


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
    assert map_scale.even_share(explanation) == pytest.approx(6 / 6)
    view = map_views.of(explanation, "a b", TASK, "en")
    assert [piece.share for piece in view.caption] == [2.0, None, 0.0]
    assert view.picture is not None
    assert view.picture.shares == (1.0, 1.0, 1.0, 1.0)


def test_a_word_that_speaks_against_is_marked_by_more_than_its_colour() -> None:
    words = text_map("a b c", a=2.0, b=-2.0, c=0.1)
    view = map_views.of(Explanation("relevance", "positive", text=words, signed=True), "a b c", TASK, "en")
    assert [(piece.text, piece.against) for piece in view.caption if piece.share is not None] == [
        ("a", False),
        ("b", True),
        ("c", False),
    ]


def test_shares_do_not_depend_on_how_the_method_scales_its_scores() -> None:
    one = Explanation("attention", "positive", image=image_map("19", "11"))
    ten = Explanation("attention", "positive", image=ImageMap((2, 2), ((10.0, 90.0), (10.0, 10.0))))
    assert map_views.of(one, "", TASK, "en").picture == map_views.of(ten, "", TASK, "en").picture


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
    sentence = map_views.of(Explanation("attention", "positive", image=image_map(*rows)), "", TASK, "en").sentence
    assert place in sentence


def test_the_sentence_names_at_most_three_words_the_strongest_first() -> None:
    caption = "a laughing boy with one red kite and much more in it"
    words = text_map(caption, laughing=9, red=3, boy=6, kite=4)
    view = map_views.of(Explanation("attention", "positive", text=words), caption, TASK, "en")
    assert view.sentence.striptags() == "It looked mostly at laughing, boy and kite."


@pytest.mark.parametrize(
    ("word", "named"), [(":", False), ("，", False), ("…", False), ("🙂", True), ("不", True), ("7", True)]
)
def test_the_sentence_names_words_and_no_punctuation(word: str, named: bool) -> None:
    words = text_map(f"{word} a b c", **{word: 9.0})
    view = map_views.of(Explanation("attention", "positive", text=words), f"{word} a b c", TASK, "en")
    assert (f">{word}<" in view.sentence) == named


def test_the_sentence_names_what_carries_meaning_and_no_function_word_however_strong() -> None:
    caption = "What a day , never again ! for us all"
    words = text_map(caption, **{"a": 9.0, "What": 8.0, "never": 7.0, "day": -7.0, ",": -8.0})
    view = map_views.of(Explanation("erasure", "negative", text=words, signed=True), caption, TASK, "en")
    assert view.sentence.striptags() == "For negative spoke mostly never. Against it: day."
    assert [piece.share for piece in view.caption if piece.text == "a"] == [pytest.approx(90 / 39)]  # scores stay true


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "It looked mostly at small words or marks of the caption."), ("zh", "它主要看了文字说明中的虚词或标点。")],
)
def test_where_function_words_alone_stand_out_the_sentence_says_so(language: str, sentence: str) -> None:
    words = text_map("What a day , isn't it", **{"a": 9.0, "What": 8.0, ",": 9.0})
    view = map_views.of(Explanation("attention", "positive", text=words), "What a day , isn't it", TASK, language)
    assert view.sentence.striptags() == sentence


def test_the_sentence_says_so_where_nothing_stands_out() -> None:
    explanation = Explanation("attention", "positive", image=image_map("111", "111", "111"), text=text_map("a", a=1))
    assert map_views.of(explanation, "a", TASK, "en").sentence == "It looked about evenly at everything."


def test_the_sentence_names_the_stretch_of_the_sound() -> None:
    audio = AudioMap((0.0, 0.5, 1.0, 1.5, 2.0, 2.5), (0.0, 9.0, 8.0, 0.0, 0.0))
    view = map_views.of(Explanation("attention", "sad", audio=audio), "", TASK, "en")
    assert view.sentence == "It looked mostly at the sound from 0.5 to 1.5 s."


def test_moments_of_a_short_sound_are_told_apart() -> None:
    audio = AudioMap((0.0, 0.16, 0.24, 0.4), (0.0, 9.0, 0.0))
    view = map_views.of(Explanation("attention", "sad", audio=audio), "", TASK, "en")
    assert view.sentence == "It looked mostly at the sound from 0.16 to 0.24 s."


@pytest.mark.parametrize(
    ("caption", "direction"), [("مرحبا b", "rtl"), ("123 שלום", "rtl"), ("b مرحبا", "ltr"), ("7 🙂", "ltr")]
)
def test_words_run_as_the_caption_begins(caption: str, direction: str) -> None:
    view = map_views.of(Explanation("attention", "positive", text=text_map(caption)), caption, TASK, "en")
    assert view.direction == direction


def test_a_word_is_text_in_the_sentence_whatever_it_holds() -> None:
    caption = "<script>alert(1)</script> & co"
    words = text_map(caption, **{"<script>alert(1)</script>": 9.0})
    sentence = map_views.of(Explanation("attention", "positive", text=words), caption, TASK, "en").sentence
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in sentence
    assert "<script" not in sentence


@pytest.mark.parametrize("caption", ["a  b", " a b ", "你好 b", "a🙂 b", "a", "مرحبا b"])
def test_the_pieces_together_are_the_caption(caption: str) -> None:
    view = map_views.of(Explanation("attention", "positive", text=text_map(caption, b=1.0)), caption, TASK, "en")
    assert "".join(piece.text for piece in view.caption) == caption


def test_scores_of_zero_everywhere_are_shown_as_nothing() -> None:
    view = map_views.of(Explanation("attention", "positive", image=image_map("00", "00")), "", TASK, "en")
    assert view.picture is not None
    assert view.picture.shares == (0.0,) * 4
    assert view.sentence == "It looked about evenly at everything."


def test_a_signed_map_says_what_spoke_for_the_label_and_what_against_it() -> None:
    words = text_map("a laughing boy in the rain", laughing=9.0, rain=-8.0)
    asked = Explanation("relevance", "positive", image=image_map("00", "00"), text=words, signed=True)
    view = map_views.of(asked, "a laughing boy in the rain", TASK, "en")
    assert view.sentence.striptags() == "For positive spoke mostly laughing. Against it: rain."
    chinese = map_views.of(dataclasses.replace(asked, against="neutral"), "a laughing boy in the rain", TASK, "zh")
    assert chinese.sentence.striptags() == "支持“积极而不是中性”的主要是laughing。反对它的是：rain。"


def test_a_signed_map_colours_what_speaks_against_the_label_unlike_what_does_not_matter() -> None:
    words = text_map("a b c d", a=8.0, b=-8.0, c=0.1)
    view = map_views.of(Explanation("relevance", "positive", text=words, signed=True), "a b c d", TASK, "en")
    towards, against, little, nothing = (piece.colour for piece in view.caption if piece.share is not None)
    assert towards and against and towards != against
    assert little == nothing == ""


def test_what_can_be_pointed_at_is_counted_cells_first_then_words_then_moments() -> None:
    maps = {"image": image_map("12"), "text": text_map("a", a=3.0), "audio": AudioMap((0.0, 1.0, 2.0), (4.0, 5.0))}
    view = map_views.of(Explanation("attention", "positive", **maps), "a", TASK, "en")
    assert view.shares == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3], abs=1e-3)
    assert view.modalities == ["image", "text", "audio"]
