"""Where the model looked, as Label Studio shows it."""

from xml.etree import ElementTree as ET

from annotations.labelstudio import looked
from mmdemo.samples import AudioMap, Explanation, ImageMap, TextMap, TokenScore

CAPTION = "a <b>dog</b> & 狗"
WORDS = TextMap((TokenScore("dog", 5, 8, 3.0), TokenScore("狗", 15, 16, -0.5)))


def test_cells_words_and_moments_are_shaded_by_their_share_of_an_even_one() -> None:
    picture = ImageMap((1, 2), ((0.0, 2.5),))
    explanation = Explanation(
        "relevance", "positive", picture, WORDS, AudioMap((0.0, 0.5, 2.0), (0.0, 3.0)), signed=True
    )
    root = ET.fromstring(looked.html(explanation, CAPTION, "/data/upload/1/x.webp?a=1&b=2"))  # well-formed
    shares = [(span.get("title"), span.text) for span in root.iter("span")]
    even = 9 / 6
    expected = [(0.0, None), (2.5, None), (3.0, "dog"), (-0.5, "狗"), (0.0, None), (3.0, None)]
    assert shares == [(f"{score / even:.2f}", text) for score, text in expected]
    grounds = [span.get("style") for span in root.iter("span")]
    assert [looked.AGAINST in ground for ground in grounds] == [False, False, False, True, False, False]
    assert grounds[0].endswith("0.00)") and grounds[2] == grounds[5] > grounds[1]
    assert root.find(".//img").get("src") == "/data/upload/1/x.webp?a=1&b=2"
    assert "grid-template:repeat(1, 1fr)/repeat(2, 1fr)" in root[0][1].get("style")
    assert "0.500fr 1.500fr" in root[2].get("style") and root[3].text == "0.0 – 2.0 s"


def test_a_caption_with_markup_stands_there_as_it_was_written() -> None:
    explanation = Explanation("relevance", "positive", text=WORDS)
    assert "".join(ET.fromstring(looked.html(explanation, CAPTION)).itertext()) == CAPTION


def test_without_a_map_or_with_zeros_there_is_nothing_to_see() -> None:
    assert looked.html(None, CAPTION) == ""
    flat = Explanation("relevance", "positive", text=TextMap((TokenScore("a", 0, 1, 0.0),)))
    assert "0.00)" in looked.html(flat, "a")
