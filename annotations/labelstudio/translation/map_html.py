"""An explanation → the HTML that stands beside the labels in Label Studio: where the model looked.

It looks as on the page, on its scale and in its colours: a veil over what matters little, a line around what has more
than an even share, solid for the guess, dashed and hatched against it. Label Studio runs no script of ours, so the
strength is chosen in steps, and each cell, word and moment says its share in a title.
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from mmdemo import locale
from mmdemo.map_scale import (
    CASING,
    GROUND,
    HATCHED,
    LINES,
    LITTLE,
    OUTLINED,
    STRENGTH,
    STRENGTHS,
    VEIL,
    VEILED,
    even_share,
    level,
    rgb,
)
from mmdemo.values.samples import AudioMap, Explanation, ImageMap, TextMap

LINE_PX = 3
WORD = 0.75  # opacity behind a word at the end of the scale
TOWARDS, AGAINST, LOOKED, VEILING = (
    ", ".join(map(str, rgb(colour))) for colour in (LINES["towards"], LINES["against"], LINES["looked"], VEIL)
)

# Of a cell: its sides, the way to the neighbour there, and where a shadow falls that runs along the line inside.
_SIDES = (
    ("top", (-1, 0), "0 1.5px"),
    ("right", (0, 1), "-1.5px 0"),
    ("bottom", (1, 0), "0 -1.5px"),
    ("left", (0, -1), "1.5px 0"),
)
_OPEN = ' open="open"'
_STYLE = f"""
.mm-layer {{ opacity: {STRENGTH / 100} }}
.mm-layer > span {{ box-sizing: border-box }}
.mm-strength {{ display: flex; flex-wrap: wrap; gap: 0 12px }}
.mm-strength summary {{ list-style: none; cursor: pointer; text-decoration: underline }}
.mm-strength [open] summary {{ font-weight: 700; text-decoration: none }}
.mm-swatch {{ display: inline-block; width: 22px; height: 14px; margin: 0 5px 0 12px; vertical-align: -2px }}
.mm-picture {{ position: relative; max-width: 360px }}
.mm-picture img {{ display: block; width: 100% }}
.mm-picture .mm-layer {{ position: absolute; inset: 0; display: grid }}
.mm-moments {{ height: 28px; background: #9aa3b5 }}
.mm-moments .mm-layer {{ display: grid; height: 100% }}
@media (forced-colors: active) {{ .mm-looked, .mm-moments {{ forced-color-adjust: none; color: CanvasText }} }}
"""


def html(explanation: Explanation | None, caption: str, picture: str = "") -> str:
    """Return picture, caption and time with their shares laid over; "" without a map. `picture`: its address there."""
    if explanation is None:
        return ""
    even, signed = even_share(explanation), explanation.signed
    picture_map = _picture(explanation.image, even, signed, picture) if explanation.image and picture else ""
    sound_map = _moments(explanation.audio, even, signed) if explanation.audio else ""
    words = f"<p>{''.join(_words(explanation.text, caption, even, signed))}</p>" if explanation.text else ""
    strengths = _strengths() if picture_map or sound_map else ""
    return f'<div class="mm-looked">{picture_map}{sound_map}{strengths}{words}{_legend() if signed else ""}</div>'


def _colour(share: float, signed: bool) -> str:
    if not signed:
        return LOOKED
    return TOWARDS if share >= 0 else AGAINST


def _picture(image: ImageMap, even: float, signed: bool, url: str) -> str:
    rows, columns = image.grid
    cells = _cells([[score / even for score in row] for row in image.scores], signed)
    grid = f"grid-template:repeat({rows}, 1fr)/repeat({columns}, 1fr)"
    layer = f'<div class="mm-layer" style="{grid}">{cells}</div>'
    return f'<div class="mm-picture"><img src="{escape(url)}" alt="" />{layer}</div>'


def _moments(audio: AudioMap, even: float, signed: bool) -> str:
    """Return a strip as long as the sound, between its beginning and its end in seconds."""
    columns = " ".join(f"{end - start:.3f}fr" for start, end in pairwise(audio.edges_s))
    cells = _cells([[score / even for score in audio.scores]], signed)
    layer = f'<div class="mm-layer" style="grid-template-columns:{columns}">{cells}</div>'
    return f'<div class="mm-moments">{layer}</div><div>{audio.edges_s[0]:.1f} – {audio.edges_s[-1]:.1f} s</div>'


def _cells(shares: Sequence[Sequence[float]], signed: bool) -> str:
    """Return the cells of a grid, row by row."""
    spans = []
    for row, across in enumerate(shares):
        for column, share in enumerate(across):
            against = signed and share < 0
            ground = _ground(abs(level(share)), against)
            line = _line(shares, row, column, -1 if against else 1, _colour(share, signed))
            spans.append(f'<span style="{ground}{line}" title="{share:.2f}"></span>')
    return "".join(spans)


def _ground(height: float, against: bool) -> str:
    """Return what lies over a cell: more veil the less it matters, and stripes where it speaks against the guess."""
    veil = f"rgba({VEILING}, {VEILED * (1 - height) ** 1.5:.2f})"
    stripes = f"rgba({AGAINST}, {min(1.0, height / HATCHED):.2f}) 0 2px,transparent 2px 8px"
    hatching = f"repeating-linear-gradient(-45deg,{stripes})," if against and height else ""
    return f"background:{hatching}linear-gradient({veil},{veil});"


def _line(shares: Sequence[Sequence[float]], row: int, column: int, side: int, colour: str) -> str:
    """Return the borders of a cell: a line wherever the region ends that has more than an even share on this side."""

    def inside(row: int, column: int) -> bool:
        on_grid = 0 <= row < len(shares) and 0 <= column < len(shares[row])
        return on_grid and side * shares[row][column] >= OUTLINED

    if not inside(row, column):
        return ""
    ends = [each for each in _SIDES if not inside(row + each[1][0], column + each[1][1])]
    kind = "dashed" if side < 0 else "solid"
    borders = "".join(f"border-{name}:{LINE_PX}px {kind} rgb({colour});" for name, _, _ in ends)
    return borders + (f"box-shadow:{','.join(f'inset {shadow} 0 {CASING}' for _, _, shadow in ends)};" if ends else "")


def _words(words: TextMap, caption: str, even: float, signed: bool) -> Iterator[str]:
    end = 0
    for token in words.tokens:
        share = token.score / even
        against = signed and share < 0
        ground = f"background:rgba({AGAINST if against else TOWARDS}, {WORD * abs(level(share)):.2f})"
        line = f"border:1px dashed {'currentcolor' if against and abs(share) > LITTLE else 'transparent'}"
        yield escape(caption[end : token.start])
        yield f'<span style="{ground};{line}" title="{share:.2f}">{escape(token.text)}</span>'
        end = token.end
    yield escape(caption[end:])


def _strengths() -> str:
    """Return the choice of how strong veil and lines are: the page's slider, in steps.

    Of folds that open one at a time: after a press on a field, Label Studio would take no keys for labels.
    """
    rules = "".join(f".mm-looked:has(.mm-{step}[open]) .mm-layer{{opacity:{step / 100}}}" for step in STRENGTHS)
    steps = "".join(
        f'<details class="mm-{step}" name="mm-strength"{_OPEN if step == STRENGTH else ""}>'
        f"<summary>{escape(locale.text('common.percent', number=step))}</summary></details>"
        for step in STRENGTHS
    )
    about, name = (escape(locale.text(key)) for key in ("explain.strength_what", "explain.strength"))
    group = f'<div class="mm-strength" role="group" aria-label="{about}">{name}{steps}</div>'
    return f"<style>{_STYLE}{rules}</style>{group}"


def _legend() -> str:
    swatches = (
        (f"border:2px solid rgb({TOWARDS});background:{GROUND}", "explain.speaks_for"),
        (f"border:2px dashed rgb({AGAINST});{_ground(1.0, True)}background-color:{GROUND}", "explain.speaks_against"),
    )
    legend = "".join(
        f'<span class="mm-swatch" style="{style}"></span>{escape(locale.text(key))}' for style, key in swatches
    )
    return f"<div>{legend}</div>"
