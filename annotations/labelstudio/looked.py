"""An explanation → the HTML that stands beside the labels in Label Studio: where the model looked.

The scale is the page's: multiples of an even share, from a quarter of it to eight times of it on a logarithmic scale,
the same for every sample. Label Studio runs no script of ours, so each cell, word and moment says its share in a title.
"""

import math
from collections.abc import Iterator
from html import escape
from itertools import pairwise

from mmdemo.samples import AudioMap, Explanation, ImageMap, TextMap

LEAST, MOST = 0.25, 8.0  # multiples of an even share between which the colour grows
STRONGEST = 0.75  # opacity of MOST: what lies under it can still be seen
FOR, AGAINST = "31, 95, 191", "217, 95, 2"  # red, green, blue: told apart by colour-blind people too


def html(explanation: Explanation | None, caption: str, picture: str = "") -> str:
    """Return picture, caption and time with their shares laid over; "" without a map. `picture`: its address there."""
    if explanation is None:
        return ""
    even = _even(explanation)
    parts = [
        _picture(explanation.image, even, picture) if explanation.image and picture else "",
        f"<p>{''.join(_words(explanation.text, caption, even))}</p>" if explanation.text else "",
        _moments(explanation.audio, even) if explanation.audio else "",
    ]
    return f"<div>{''.join(parts)}</div>"


def _even(explanation: Explanation) -> float:
    """Return the score that each region, word and moment would have if all had the same; 1 where all scores are 0."""
    scores: list[float] = []
    if explanation.image:
        scores += [score for row in explanation.image.scores for score in row]
    if explanation.text:
        scores += [token.score for token in explanation.text.tokens]
    if explanation.audio:
        scores += explanation.audio.scores
    return sum(map(abs, scores)) / len(scores) or 1.0 if scores else 1.0


def _shaded(share: float) -> str:
    """Return the attributes of an element that has this share."""
    grown = math.log(max(abs(share), LEAST) / LEAST) / math.log(MOST / LEAST)
    opacity = STRONGEST * min(grown, 1.0)
    colour = FOR if share >= 0 else AGAINST
    return f'style="background:rgba({colour}, {opacity:.2f})" title="{share:.2f}"'


def _picture(image: ImageMap, even: float, url: str) -> str:
    cells = "".join(f"<span {_shaded(score / even)}></span>" for row in image.scores for score in row)
    rows, columns = image.grid
    laid = f"position:absolute;inset:0;display:grid;grid-template:repeat({rows}, 1fr)/repeat({columns}, 1fr)"
    shown = f'<img src="{escape(url)}" alt="" style="display:block;width:100%" />'
    return f'<div style="position:relative;max-width:360px">{shown}<div style="{laid}">{cells}</div></div>'


def _words(words: TextMap, caption: str, even: float) -> Iterator[str]:
    end = 0
    for token in words.tokens:
        yield escape(caption[end : token.start])
        yield f"<span {_shaded(token.score / even)}>{escape(token.text)}</span>"
        end = token.end
    yield escape(caption[end:])


def _moments(audio: AudioMap, even: float) -> str:
    """Return a strip as long as the sound, between its beginning and its end in seconds."""
    columns = " ".join(f"{end - start:.3f}fr" for start, end in pairwise(audio.edges_s))
    cells = "".join(f"<span {_shaded(score / even)}></span>" for score in audio.scores)
    strip = f'<div style="display:grid;height:24px;grid-template-columns:{columns}">{cells}</div>'
    return f"{strip}<div>{audio.edges_s[0]:.1f} – {audio.edges_s[-1]:.1f} s</div>"
