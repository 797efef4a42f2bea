"""A file answers one question and fits on a few screens; a function fits on one."""

import statistics

import pytest

from mmdemo.settings import ROOT
from tests import source_tree

FILE_LINES, FUNCTION_LINES = 350, 60
SOURCES = [path for path in source_tree.tracked() if path.suffix in {".py", ".js", ".css"}]
PYTHON = [path for path in SOURCES if path.suffix == ".py"]


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_file_is_not_too_long(path) -> None:
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", PYTHON, ids=str)
def test_no_function_is_too_long(path) -> None:
    functions = source_tree.functions((ROOT / path).read_text(encoding="utf-8"))
    assert [f.name for f in functions if _lines(f) > FUNCTION_LINES] == []


def test_most_functions_are_short() -> None:
    sources = source_tree.modules("app.py", "mmdemo", "annotations").values()
    lengths = sorted(_lines(f) for text in sources for f in source_tree.functions(text))
    assert statistics.median(lengths) <= 10
    assert lengths[int(0.9 * len(lengths))] < 35


def _lines(function) -> int:
    return function.end_lineno - function.lineno + 1
