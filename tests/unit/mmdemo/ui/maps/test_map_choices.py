"""What the map can be switched to: nothing is offered that would change nothing."""

from mmdemo import tasks
from mmdemo.ui.maps import map_choices, map_views
from mmdemo.values.samples import Explanation, ImageMap, TextMap, TokenScore

TASK = tasks.get("sentiment")
PICTURE = ImageMap((1, 2), ((3.0, -1.0),))
WORDS = TextMap((TokenScore("dog", 0, 3, 1.0),))


def test_methods_are_offered_by_name_and_each_of_their_maps_once() -> None:
    maps = [
        Explanation(method, target, PICTURE, WORDS, signed=method != "attention")
        for method in ("erasure", "relevance", "attention")
        for target in ("positive", "neutral")
    ]
    offered = list(map_choices.choices(maps, "dog", TASK, "en"))
    assert [(each.method, each.target) for each in offered] == [
        ("erasure", "positive"),
        ("erasure", "neutral"),
        ("relevance", "positive"),
        ("relevance", "neutral"),
        ("attention", "positive"),
    ]
    assert offered[0].name == "words struck, the rest by relevance"


def test_without_a_caption_no_method_speaks_of_words() -> None:
    maps = [Explanation(method, "positive", PICTURE, signed=True) for method in ("erasure", "relevance", "masking")]
    offered = list(map_choices.choices(maps, "", TASK, "en"))
    assert [(each.method, each.name) for each in offered] == [("erasure", "relevance"), ("masking", "masking")]
    assert map_views.of(maps[0], "", TASK, "en").method == "relevance"
