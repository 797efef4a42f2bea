"""What the tour ends on: which answers turned, in words and on a page that says it in each language."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from annotations.tour import ending, first
from annotations.tour.drawings import OUTLINE
from annotations.tour.ending import Ending
from annotations.tour.walk import AnsweredDrawing
from mmdemo import tasks

TASK = tasks.load_file(first.TASK_FILE)
DRAWN = first.sheet("fresh", 9, OUTLINE)  # circle, square, triangle, three times


def answers(*labels: str) -> list[AnsweredDrawing]:
    pairs = zip(DRAWN, labels, strict=True)
    return [AnsweredDrawing(drawing, Path("x.png"), {"label": label, "confidence": 0.604}) for drawing, label in pairs]


BEFORE = answers(*["square"] * 9)
AFTER = answers(*["circle", "square", "triangle"] * 2, "circle", "triangle", "triangle")  # the last square turns wrong
ENDING = Ending(
    task=TASK,
    address="http://127.0.0.1:7860/?tab=predict&task=shapes",
    versions=("2026-11-24-n001", "2026-11-24-n002"),
    answered=5,
    waiting=0,
    groups={"sent": ending.compare(BEFORE, AFTER)},
)


def test_what_turned_is_told_from_what_stayed() -> None:
    turned = ENDING.groups["sent"]
    assert (turned.asked, turned.right_before, turned.right_after) == (9, 3, 8)
    assert [turn.after.drawing.name for turn in turned.right] == [DRAWN[n].name for n in (0, 2, 3, 5, 6, 8)]
    assert [turn.after.drawing.name for turn in turned.wrong] == [DRAWN[7].name]


def test_the_terminal_tells_the_first_ones_in_words_and_counts_the_rest() -> None:
    lines = list(ending.sentences(ENDING.groups["sent"], TASK))
    assert (
        lines[0] == "outline-0000, a circle: it said square (60\N{NO-BREAK SPACE}%), now circle (60\N{NO-BREAK SPACE}%)"
    )
    assert len(lines) == ending.TOLD + 1 and lines[-1] == "and 1 more"


def test_the_page_shows_each_as_the_picture_that_was_asked_about(tmp_path: Path) -> None:
    page = ending.write(tmp_path, ENDING).read_text("utf-8")
    shown = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(shown) == 7 and "src=" not in page.replace('src="data:', "")
    picture = Image.open(io.BytesIO(base64.b64decode(shown[0])))
    assert picture.tobytes() == DRAWN[0].picture.tobytes()
    assert 'class="wrong"><dt>' in page and 'class="right"><dt>' in page


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ["6 wrong answers turned right", "These turned wrong:"]), ("zh", ["6 个错误的回答变成了正确的", "圆形"])],
)
def test_the_page_speaks_each_language(language: str, said: list[str]) -> None:
    spoken = " ".join(re.findall(rf'<span lang="{language}">(.*?)</span>', ending.render(ENDING)))
    assert all(sentence in spoken for sentence in said)


def test_the_page_leads_to_the_app_only_while_it_runs() -> None:
    assert 'href="http://127.0.0.1:7860/?tab=predict&amp;task=shapes"' in ending.render(ENDING)
    ended = Ending(**{**vars(ENDING), "address": ""})
    assert "href" not in ending.render(ended)


def test_it_is_one_of_the_commands_and_a_module_of_its_own(command: Callable) -> None:
    listed = command("-m", "annotations", "--help").stdout
    assert re.search(r"^    tour ", listed, re.M)
    one, other = (command("-m", *words, "--help") for words in (["annotations", "tour"], ["annotations.tour"]))
    assert one.returncode == other.returncode == 0
    assert "--home" in one.stdout and one.stdout == other.stdout
