"""How large the code is, and how much of it is in pieces too small or calls too wide, at any revision.

python -m benchmarks.house [REV ...]

Counted are app.py, mmdemo and annotations as git keeps them at a revision; nothing is checked out, imported or run. A
private function is one whose name begins with a single underscore. It is named once where its name stands in one place
of all that code beside its definition. Parameters are counted without self and cls.
"""

import argparse
import ast
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

COUNTED = ("app.py", "mmdemo", "annotations")
MANY = 6  # parameters of a function
RECEIVERS = ("self", "cls")

Figures = dict[str, int]  # name of a row → its figure


def main() -> None:
    """Print a table: a row a figure, a column a revision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revisions", nargs="*", default=["HEAD"], metavar="REV", help="what git knows it by")
    revisions = parser.parse_args().revisions
    columns = [figures(sources(revision)) for revision in revisions]
    print(f"| | {' | '.join(revisions)} |\n|---|{'---|' * len(columns)}")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(f'{column[name]:,}' for column in columns)} |")


def sources(revision: str) -> dict[str, str]:
    """Return path → text of every Python file, script and style of a revision that is counted."""
    listed = _git("ls-tree", "-r", "-z", "--name-only", revision, "--", *COUNTED).split("\0")
    kept = [path for path in listed if PurePosixPath(path).suffix in (".py", ".js", ".css")]
    return {path: _git("show", f"{revision}:{path}") for path in kept}


def figures(texts: Mapping[str, str]) -> Figures:
    """Return what is counted of these files."""
    of_suffix: dict[str, list[str]] = {".py": [], ".js": [], ".css": []}
    for path, text in texts.items():
        of_suffix[PurePosixPath(path).suffix].append(text)
    lines = {suffix: sum(len(text.splitlines()) for text in files) for suffix, files in of_suffix.items()}
    trees = [ast.parse(text) for text in of_suffix[".py"]]
    functions = [function for tree in trees for function in _functions(tree)]
    named = Counter(name for tree in trees for name in _names(tree))
    defined = Counter(function.name for function in functions)
    private = [name for name in defined if name.startswith("_") and not name.startswith("__")]
    return {
        "Python files": len(of_suffix[".py"]),
        "scripts": len(of_suffix[".js"]),
        "styles": len(of_suffix[".css"]),
        "lines of Python": lines[".py"],
        "lines of scripts": lines[".js"],
        "lines of styles": lines[".css"],
        "functions": len(functions),
        "private functions": sum(defined[name] for name in private),
        "private functions that are named once": sum(defined[name] == named[name] == 1 for name in private),
        f"functions with more than {MANY} parameters": sum(_parameters(function) > MANY for function in functions),
    }


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _names(tree: ast.Module) -> Iterator[str]:
    """Yield every name that is used, in `name` and `value.name`; imports only make one known."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return sum(argument is not None and argument.arg not in RECEIVERS for argument in every)


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, check=True, encoding="utf-8").stdout


if __name__ == "__main__":
    main()
