"""The colours of theme.css by name, for what is painted before a browser reads them."""

import re
from functools import cache
from pathlib import Path

STYLE = Path(__file__).parent.parent / "static" / "shell" / "theme.css"


def colour(name: str, *, dark: bool = False) -> str:
    """Return what `--mm-NAME` is, as #rrggbb; KeyError where the theme has none of its own."""
    return _colours(".dark" if dark else ":root")[name]


@cache
def _colours(selector: str) -> dict[str, str]:
    _, block = STYLE.read_text(encoding="utf-8").split(f"\n{selector} {{", 1)
    return dict(re.findall(r"--mm-([\w-]+): (#[0-9a-f]{6});", block.partition("\n}")[0]))
