"""What the tests about the code itself read: its files, its syntax trees, its imports."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mmdemo.settings import ROOT


@dataclass(frozen=True)
class Import:
    """One arrow: `source` needs `target`, a module of ours or the name of a package of others."""

    source: str
    target: str
    late: bool  # inside a function
    typing_only: bool  # under `if TYPE_CHECKING`
    line: int


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files that git knows or would add, relative to the root; ignored ones are not ours."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(sorted(path for line in listing.stdout.splitlines() if (ROOT / (path := Path(line))).is_file()))


def modules(*folders: str) -> dict[str, str]:
    """Return dotted module name → source of every tracked Python file under `folders`, or of all."""
    wanted = [path for path in tracked() if path.suffix == ".py" and (not folders or path.parts[0] in folders)]
    return {_dotted(path): (ROOT / path).read_text(encoding="utf-8") for path in wanted}


parse = cache(ast.parse)  # the source tree does not change while it is tested


def imports(sources: Mapping[str, str]) -> list[Import]:
    """Return every import statement of `sources` (module → text), resolved to modules among them where it can be."""
    return [arrow for name, text in sources.items() for arrow in _Reader(name, sources).read(parse(text))]


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a source text, nested ones too."""
    return (node for node in ast.walk(parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


class _Reader:
    """Walks one module and remembers whether it stands in a function or under TYPE_CHECKING."""

    def __init__(self, source: str, known: Mapping[str, str]) -> None:
        self.source, self.known = source, known
        self.package = source if any(name.startswith(f"{source}.") for name in known) else source.rpartition(".")[0]

    def read(self, node: ast.AST, late: bool = False, typing_only: bool = False) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                for target in self._targets(child):
                    yield Import(self.source, target, late, typing_only, child.lineno)
                continue
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            under_typing = isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING"
            yield from self.read(child, late or in_function, typing_only or under_typing)

    def _targets(self, node: ast.Import | ast.ImportFrom) -> set[str]:
        if isinstance(node, ast.Import):
            return {self._longest_known(alias.name) for alias in node.names}
        start = self.package.split(".")[: len(self.package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*start, *([node.module] if node.module else [])])
        return {self._longest_known(f"{base}.{alias.name}") for alias in node.names}

    def _longest_known(self, dotted: str) -> str:
        parts = dotted.split(".")
        prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((prefix for prefix in prefixes if prefix in self.known), parts[0])
