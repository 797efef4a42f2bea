"""A file answers one question and fits on a few screens; a function fits on one."""

import statistics
from pathlib import Path

from mmdemo.settings import ROOT
from tests import source_tree

FILE_LINES, FUNCTION_LINES = 350, 60
SOURCES = [path for path in source_tree.tracked() if path.suffix in {".py", ".js", ".css"}]
PYTHON = [path for path in SOURCES if path.suffix == ".py"]


def test_no_file_is_too_long() -> None:
    lines = {str(path): len(_read(path).splitlines()) for path in SOURCES}
    assert {path: length for path, length in lines.items() if length > FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    lengths = {f"{path}:{f.name}": _lines(f) for path in PYTHON for f in source_tree.functions(_read(path))}
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}


def test_most_functions_are_short() -> None:
    sources = source_tree.modules("app.py", "mmdemo", "annotations").values()
    lengths = sorted(_lines(f) for text in sources for f in source_tree.functions(text))
    assert statistics.median(lengths) <= 10
    assert lengths[int(0.9 * len(lengths))] < 35


def _read(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _lines(function) -> int:
    return function.end_lineno - function.lineno + 1
