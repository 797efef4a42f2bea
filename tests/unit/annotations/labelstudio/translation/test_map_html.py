"""Where the model looked, as Label Studio shows it."""

from xml.etree import ElementTree as ET

from annotations.labelstudio.translation import map_html
from mmdemo import map_scale
from mmdemo.values.samples import AudioMap, Explanation, ImageMap, TextMap, TokenScore

CAPTION = "a <b>dog</b> & 狗"
WORDS = TextMap((TokenScore("dog", 5, 8, 3.0), TokenScore("狗", 15, 16, -0.5)))
SIDES = ("top", "right", "bottom", "left")


def cells(explanation: Explanation) -> list[str]:
    """The styles of a picture's cells, row by row."""
    root = ET.fromstring(map_html.html(explanation, "", "/x.webp"))
    return [span.get("style", "") for span in root.iterfind(".//div[@class='mm-layer']/span")]


def borders(style: str) -> list[str]:
    """The sides of a cell at which its region ends."""
    return [side for side in SIDES if f"border-{side}:" in style]


def test_cells_words_and_moments_are_shown_by_their_share_of_an_even_one() -> None:
    picture = ImageMap((1, 2), ((0.0, 2.5),))
    explanation = Explanation(
        "relevance", "positive", picture, WORDS, AudioMap((0.0, 0.5, 2.0), (0.0, 3.0)), signed=True
    )
    root = ET.fromstring(map_html.html(explanation, CAPTION, "/data/upload/1/x.webp?a=1&b=2"))  # well-formed
    shown = [span for span in root.iter("span") if span.get("title")]
    even = 9 / 6
    expected = [(0.0, None), (2.5, None), (0.0, None), (3.0, None), (3.0, "dog"), (-0.5, "狗")]
    assert [(span.get("title"), span.text) for span in shown] == [
        (f"{score / even:.2f}", text) for score, text in expected
    ]
    assert root.find(".//img").get("src") == "/data/upload/1/x.webp?a=1&b=2"
    picture_map, sound_map = root.findall(".//div[@class='mm-layer']")
    assert picture_map.get("style") == "grid-template:repeat(1, 1fr)/repeat(2, 1fr)"
    assert "0.500fr 1.500fr" in sound_map.get("style") and "0.0 – 2.0 s" in "".join(root.itertext())


def test_what_speaks_against_is_hatched_and_dashed_and_what_speaks_for_neither() -> None:
    grid = ImageMap((1, 3), ((4.0, -4.0, 0.1),))
    towards, against, neither = cells(Explanation("relevance", "positive", grid, signed=True))
    assert f"solid rgb({map_html.TOWARDS})" in towards and "repeating" not in towards
    assert f"dashed rgb({map_html.AGAINST})" in against and "repeating" in against
    assert borders(neither) == [] and "repeating" not in neither
    unsigned, _, _ = cells(Explanation("attention", "positive", ImageMap((1, 3), ((4.0, 0.5, 0.1),))))
    assert f"solid rgb({map_html.LOOKED})" in unsigned


def test_a_region_is_outlined_as_one() -> None:
    much = ((5.0, 5.0, 0.1), (5.0, 0.1, 0.1))
    styles = cells(Explanation("relevance", "positive", ImageMap((2, 3), much), signed=True))
    assert [borders(style) for style in styles] == [
        ["top", "left"],
        ["top", "right", "bottom"],
        [],
        ["right", "bottom", "left"],
        [],
        [],
    ]


def test_the_less_something_matters_the_more_veil_lies_over_it_but_it_can_still_be_seen() -> None:
    styles = cells(Explanation("relevance", "positive", ImageMap((1, 4), ((0.0, 2.0, 3.0, 12.0),)), signed=True))
    veils = [float(style.split("rgba(", 1)[1].split(")")[0].rsplit(", ", 1)[1]) for style in styles]
    assert veils == sorted(veils, reverse=True) and len(set(veils)) == 4
    assert veils[0] == map_scale.VEILED < 0.6


def test_its_strength_is_chosen_among_the_pages_own_steps() -> None:
    root = ET.fromstring(
        map_html.html(Explanation("relevance", "positive", ImageMap((1, 1), ((1.0,),))), "", "/x.webp")
    )
    steps = list(root.iter("details"))
    assert ["".join(step.itertext()) for step in steps] == [f"{step} %" for step in map_scale.STRENGTHS]
    assert ["".join(step.itertext()) for step in steps if step.get("open")] == [f"{map_scale.STRENGTH} %"]
    assert {step.get("name") for step in steps} == {"mm-strength"}  # of one name: opening one closes the others
    for step in map_scale.STRENGTHS:
        assert f".mm-{step}[open]) .mm-layer{{opacity:{step / 100}}}" in (root.find(".//style").text or "")


def test_a_caption_with_markup_stands_there_as_it_was_written() -> None:
    explanation = Explanation("relevance", "positive", text=WORDS)
    assert "".join(ET.fromstring(map_html.html(explanation, CAPTION)).itertext()) == CAPTION


def test_a_signed_map_says_what_its_lines_mean() -> None:
    explanation = Explanation("relevance", "positive", text=WORDS, signed=True)
    root = ET.fromstring(map_html.html(explanation, CAPTION))
    assert "".join(root.itertext()) == f"{CAPTION}foragainst"
    towards, against = [span.get("style") for span in root.iterfind(".//p/span")]
    assert map_html.TOWARDS in towards and "transparent" in towards
    assert map_html.AGAINST in against and "dashed currentcolor" in against


def test_without_a_map_or_with_zeros_there_is_nothing_to_see() -> None:
    assert map_html.html(None, CAPTION) == ""
    flat = Explanation("relevance", "positive", text=TextMap((TokenScore("a", 0, 1, 0.0),)))
    assert "0.00)" in map_html.html(flat, "a") and "details" not in map_html.html(flat, "a")
