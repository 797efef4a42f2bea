"""What is counted of the code of a revision."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.house import figures, sources

MODULE = """
from other import _twice

def _once(a, b):
    return _twice(a) + _twice(b)

def open(a, b, c, d, e, f, *rest):
    return _once(a, b)

class Part:
    def _never(self): ...
    def narrow(self, a, b, c, d, e, *, f): ...
"""
OTHER = """
def _twice(a):
    return 2 * a
"""


def test_private_functions_that_are_named_once_and_wide_ones_are_counted() -> None:
    counted = figures({"mmdemo/a.py": MODULE, "mmdemo/other.py": OTHER, "mmdemo/ui/a.js": "one;\ntwo;\n"})
    assert counted == {
        "Python files": 2,
        "scripts": 1,
        "styles": 0,
        "lines of Python": 15,
        "lines of scripts": 2,
        "lines of styles": 0,
        "functions": 5,
        "private functions": 3,
        "private functions that are named once": 1,
        "functions with more than 6 parameters": 1,
    }


def test_of_a_revision_the_shipped_code_alone_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("app.py", "mmdemo/ui/a.css", "annotations/b.py", "annotations/b.md", "tests/c.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"# {path}\n", "utf-8")
    whose = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    for words in (("init", "--quiet"), ("add", "."), (*whose, "commit", "--quiet", "--message", "first")):
        subprocess.run(["git", *words], check=True)
    (tmp_path / "app.py").write_text("# changed since\n", "utf-8")
    kept = ("annotations/b.py", "app.py", "mmdemo/ui/a.css")
    assert sources("HEAD") == {path: f"# {path}\n" for path in kept}
