"""Plain data in, HTML out: every template under `templates/`, filled such that text stays text."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from mmdemo import locale

TEMPLATES = Path(__file__).parent.parent / "templates"


def html(template: str, language: str, /, **values: Any) -> str:
    """Return `templates/NAME.html` in one language; `t("section.key")` in it is the locale's text."""
    return _environment(language).get_template(f"{template}.html").render(values)


@cache
def _environment(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,  # whatever a visitor typed, a task is called or a model answered shows as it is
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def t(key: str, **values: object) -> str:
        return locale.text(key, language, **values)

    environment.globals.update(t=t, language=language)
    return environment
