"""The Space's folder holds what it needs and nothing else, and its card agrees with the pins."""

import ast
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from mmdemo.settings import ROOT

# Read as a file: a package named `spaces` would hide the Hub's own.
gather = SimpleNamespace(**runpy.run_path(str(ROOT / "spaces" / "gather.py")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    gather.gather(tmp_path / "space")
    return tmp_path / "space"


def test_it_holds_exactly_what_a_space_needs(folder: Path) -> None:
    top = {path.name for path in folder.iterdir()}
    assert top == {"app.py", "mmdemo", "annotations", "requirements.txt", "LICENSE", "README.md"}
    assert not [
        path for path in folder.rglob("*") if path.name.startswith((".", "__pycache__")) or path.suffix == ".pyc"
    ]
    assert (folder / "requirements.txt").read_bytes() == (ROOT / "requirements.txt").read_bytes()


def test_every_import_of_ours_is_in_it(folder: Path) -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    modules = {node.module for node in nodes if node.module.split(".")[0] in ("mmdemo", "annotations", "tests")}
    paths = [folder / module.replace(".", "/") for module in modules]
    assert [path for path in paths if not path.is_dir() and not path.with_suffix(".py").is_file()] == []


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert gather.main([str(tmp_path)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_card_agrees_with_the_pins() -> None:
    _, header, body = (ROOT / "spaces" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    card = yaml.safe_load(header)
    assert f"gradio=={card['sdk_version']}\n" in (ROOT / "requirements.txt").read_text()
    assert (card["sdk"], card["app_file"]) == ("gradio", "app.py")
    assert len(card["short_description"]) <= 60  # the Hub's limit
    assert "MMDEMO_REVIEW_KEY" in body
