"""Nothing of ours is patched in a test, and none calls a private function of ours: what a test needs is handed over."""

import ast
from collections.abc import Iterator

import pytest

from tests import source_tree

OURS = ("mmdemo", "annotations", "examples", "benchmarks", "spaces", "docs", "app", "tests")
PATCHING = {"setattr", "delattr", "setitem", "delitem"}  # of pytest's monkeypatch; setenv and chdir change no code
MOCKING = {"unittest.mock", "mock", "pytest_mock"}


def patched(text: str) -> Iterator[str]:
    """Yield what a test's source changes that is ours, or may be."""
    tree = source_tree.parse(text)
    origin = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in PATCHING and not _is_outside(node.args[0], origin):
            yield ast.unparse(node)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
            attributes = [target for target in targets if isinstance(target, ast.Attribute | ast.Subscript)]
            yield from (ast.unparse(node) for target in attributes if _is_ours(origin.get(_root(target), "")))
    yield from (f"import {module}" for module in origin.values() if any(module.startswith(name) for name in MOCKING))


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name.split(".")[0], alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return getattr(node, "id", "")


def _is_outside(target: ast.expr, origin: dict[str, str]) -> bool:
    """Whether it is a module or class of somebody else, or text that names one; what a test made itself may be ours."""
    module = target.value if isinstance(target, ast.Constant) else origin.get(_root(target), OURS[0])
    return not _is_ours(str(module))


def _is_ours(module: str) -> bool:
    return module.split(".")[0] in OURS


def private_functions(*texts: str) -> set[str]:
    """Return the names of the private functions and methods that are defined there, and are no attribute's as well."""
    nodes = [node for text in texts for node in ast.walk(source_tree.parse(text))]
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in functions - attributes if name.startswith("_") and not name.endswith("__")}


def reached(text: str, private: set[str]) -> Iterator[str]:
    """Yield what a test's source reaches into: names of `private` that it imports, or asks another than self for."""
    for node in ast.walk(source_tree.parse(text)):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.name in private)
        elif isinstance(node, ast.Attribute) and node.attr in private and _root(node.value) not in ("self", "cls"):
            yield ast.unparse(node)


PRIVATE = private_functions(*source_tree.modules("mmdemo", "annotations").values())
TESTS = [name for name in source_tree.modules("tests") if name != __name__]


@pytest.mark.parametrize("module", TESTS)
def test_nothing_of_ours_is_patched(module: str) -> None:
    assert list(patched(source_tree.modules("tests")[module])) == []


@pytest.mark.parametrize(
    "line",
    [
        'monkeypatch.setattr(retrieval, "LIMIT", 2)',
        'monkeypatch.setattr("mmdemo.retrieval.LIMIT", 2)',
        'patch.setattr(model.encoders["image"], "forward", None)',
        'monkeypatch.setitem(retrieval.TABLE, "name", None)',
        "retrieval.LIMIT = 2",
        "retrieval.Finder.find = None",
        "del retrieval.LIMIT",
        "setattr(retrieval, 'LIMIT', 2)",
        "from unittest.mock import patch",
    ],
)
def test_a_patch_is_found(line: str) -> None:
    assert len(list(patched(f"from mmdemo import retrieval\n{line}"))) == 1


@pytest.mark.parametrize(
    "line", ['monkeypatch.setattr(torch, "manual_seed", None)', 'monkeypatch.setenv("HOME", "/")', "server.port = 1"]
)
def test_what_is_not_ours_and_what_a_test_sets_up_is_let_through(line: str) -> None:
    assert list(patched(f"import torch\n{line}")) == []


@pytest.mark.parametrize("module", TESTS)
def test_no_private_function_of_ours_is_called(module: str) -> None:
    assert list(reached(source_tree.modules("tests")[module], PRIVATE)) == []


@pytest.mark.parametrize("line", ["retrieval._near(1)", "from mmdemo.retrieval import _near", "page.finder._near()"])
def test_a_reach_into_a_private_function_is_found(line: str) -> None:
    private = private_functions("class Finder:\n    def _near(self): ...\n    def __len__(self): ...")
    assert private == {"_near"} and len(list(reached(line, private))) == 1
    assert list(reached("class Own:\n    def find(self):\n        return self._near() + near._len", private)) == []
