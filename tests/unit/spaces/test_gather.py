"""The Space's folder holds what it needs and nothing else, and its card agrees with the pins."""

import ast
import runpy
import subprocess
import sys
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
    needed = {"app.py", "mmdemo", "annotations", "requirements.txt", "LICENSE", "README.md", ".gitattributes"}
    assert top == needed
    others = [path for path in folder.rglob("*") if path.name != ".gitattributes"]
    assert not [path for path in others if path.name.startswith((".", "__pycache__")) or path.suffix == ".pyc"]


def test_a_space_without_a_gpu_installs_pytorch_without_cuda(folder: Path) -> None:
    lines = (folder / "requirements.txt").read_text("utf-8").splitlines()
    assert lines[0] == "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert [line.partition("==")[0] for line in lines if line.endswith("+cpu")] == [
        "torch",
        "torchvision",
        "torchaudio",
    ]
    assert [line.removesuffix("+cpu") for line in lines[1:]] == (ROOT / "requirements.txt").read_text().splitlines()


def test_a_space_of_zero_gpu_has_its_python_and_declares_a_function(tmp_path: Path) -> None:
    folder = tmp_path / "space"
    assert gather.main([str(folder), "--hardware", "zero-gpu"]) == 0
    card = yaml.safe_load((folder / "README.md").read_text("utf-8").split("---\n")[1])
    assert (card["python_version"], card["app_file"]) == ("3.12.12", "zero_gpu.py")
    assert (folder / "requirements.txt").read_bytes() == (ROOT / "requirements.txt").read_bytes()
    # The Hub's own package notes what is declared, and the app notes that it was started after that.
    (folder / "spaces.py").write_text("def GPU(f):\n    print('declared', f.__name__)\n    return f\n", "utf-8")
    (folder / "app.py").write_text("def main():\n    print('started')\n    return 3\n", "utf-8")
    ended = subprocess.run([sys.executable, card["app_file"]], cwd=folder, capture_output=True, text=True)
    assert (ended.stdout.split(), ended.returncode) == (["declared", "declared", "started"], 3), ended.stderr


def test_git_hands_binary_and_large_files_to_lfs(folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    paths = [path for path in folder.rglob("*") if path.is_file() and ".git/" not in str(path)]
    command = ["git", "check-attr", "filter", *[str(path.relative_to(folder)) for path in paths]]
    attributes = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    kept = {line.split(": ")[0] for line in attributes if line.endswith(": lfs")}
    binary = {str(path.relative_to(folder)) for path in paths if b"\0" in path.read_bytes()[:8000]}
    large = {str(path.relative_to(folder)) for path in paths if path.stat().st_size > 10_000_000}
    assert kept >= binary | large
    assert not [path for path in kept if path.endswith((".py", ".md", ".toml"))]


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
