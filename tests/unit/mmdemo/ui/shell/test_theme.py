"""Every colour of the page stands in theme.css, but for those of maps; who needs it elsewhere asks for it by name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import ImageColor

from mmdemo import map_scale
from mmdemo.settings import ROOT
from mmdemo.ui.shell import frame
from tests import source_tree

UI = Path("mmdemo/ui")
THEME = UI / "static" / "shell" / "theme.css"
WRITTEN = re.compile(
    r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color)a?\([\s\d]", re.I
)
NAMED = re.compile(rf"(?<![-\w.])(?:{'|'.join(ImageColor.colormap)})(?![-\w(])", re.I)
# Kind of file → where a colour's name would stand in it: behind a property, or in quotation marks.
VALUES = {
    ".css": r":\s([^;{}]*);",
    ".js": r"[\"'`]([^\"'`]*)[\"'`]",
    ".html": r"style=\"([^\"]*)\"",
    ".py": r"[\"']([^\"' ]*)[\"']",
}


def colours(text: str, kind: str) -> Iterator[str]:
    """Yield the colours that a file writes out."""
    yield from WRITTEN.findall(text)
    for value in re.findall(VALUES[kind], text):
        yield from (name for name in NAMED.findall(value) if kind == ".css" or name == value)


def test_every_colour_of_the_page_stands_in_the_theme() -> None:
    files = [
        path for path in source_tree.tracked() if path.is_relative_to(UI) and path.suffix in VALUES and path != THEME
    ]
    assert len(files) > 60
    written = {str(path): [*colours((ROOT / path).read_text(encoding="utf-8"), path.suffix)] for path in files}
    assert {path: literals for path, literals in written.items() if literals} == {}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (".css", "a { color: #fff; }"),
        (".css", "a { border: 1px solid tomato; }"),
        (".css", "a { background: rgb(1 2 3 / 4%); }"),
        (".js", 'pen.fillStyle = "white"'),
        (".html", '<p style="red">'),
        (".py", 'INK = "#1b1a18"'),
    ],
)
def test_a_colour_is_told_in_every_kind_of_file(kind: str, text: str) -> None:
    assert len([*colours(text, kind)]) == 1


def test_names_of_colours_are_told_from_colours() -> None:
    assert [*colours("a { color: var(--mm-red); transition: color 1s; }", ".css")] == []


def test_every_colour_that_is_asked_for_is_there() -> None:
    defined = (ROOT / THEME).read_text(encoding="utf-8") + map_scale.css()
    names = set(re.findall(r"(--mm-[\w-]+):", defined)) | {"--mm-tick"}  # which the card of an answer sets
    styles = "".join((frame.STATIC / name).read_text(encoding="utf-8") for name in frame.STYLES)
    scripts = "".join((frame.STATIC / name).read_text(encoding="utf-8") for name in frame.SCRIPTS)
    asked = set(re.findall(r"var\((--mm-[\w-]+)", styles + map_scale.css()))
    drawn = {
        f"--mm-{name}"
        for call in re.findall(r"mmdemo\.colours\(([^)]*)\)", scripts)
        for name in re.findall(r"[\w-]+", call)
    }
    assert drawn and asked | drawn == names


def test_the_theme_tells_its_colours_by_name() -> None:
    assert frame.colour("ground") == "#f6f5f1" and frame.colour("ground", dark=True) == "#161513"
    with pytest.raises(KeyError):
        frame.colour("night", dark=True)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("side", ["towards", "against"])
def test_bars_for_and_against_are_seen_on_their_track(side: str, dark: bool) -> None:
    stops = map_scale.TOWARDS if side == "towards" else map_scale.AGAINST
    assert map_scale.contrast(stops[2 if dark else 1], frame.colour("well", dark=dark)) >= 3


def test_what_the_tour_shows_has_the_colours_of_the_page() -> None:
    text = (ROOT / "annotations/tour/turned.html").read_text(encoding="utf-8")
    names = {"good": "accent", "bad": "red"}
    for block, dark in zip(re.findall(r":root \{([^}]*--[^}]*)\}", text), (False, True), strict=True):
        named = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", block))
        assert len(named) == 7
        assert named == {name: frame.colour(names.get(name, name), dark=dark) for name in named}
