"""What is written twice is compared: README and tree, settings and their tables, commands and their help, pins."""

import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import fields
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from mmdemo import settings, tasks
from mmdemo.model.encoders import ENCODERS
from mmdemo.model.encoders.families import FAMILIES
from mmdemo.settings import ROOT, Settings
from tests import source_tree

PAGES = [path for path in source_tree.tracked() if path.suffix == ".md"]
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
# Addresses that only name something and are never fetched.
NAMES_ONLY = ("http://www.w3.org/", "http://127.0.0.1", "http://localhost")


def read(path: str | Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package.split("[")[0]).lower()


def code_blocks() -> str:
    """Return all code of README and docs, fenced and inline."""
    pages = "\n".join(read(path) for path in PAGES)
    return "\n".join([*re.findall(r"^```\w*\n(.*?)^```", pages, re.M | re.S), *re.findall(r"`([^`\n]+)`", pages)])


def file_map() -> set[str]:
    """Return the paths of README's file map: a block of lines `path  what it is`, nested by indentation."""
    block = re.search(r"^## Where things stand\n.*?^```\w*\n(.*?)^```", read("README.md"), re.M | re.S)
    assert block, "README.md has no file map"
    paths, folders = set(), [""]
    for line in block.group(1).splitlines():
        names, depth = re.split(r"\s{2,}", line.strip())[0], (len(line) - len(line.lstrip())) // 2
        del folders[depth + 1 :]
        paths |= {folders[depth] + name.rstrip("/") for name in names.split()}
        folders.append(folders[depth] + names.split()[0].rstrip("/") + "/")
    return paths


def test_the_file_map_equals_the_tree() -> None:
    tracked = source_tree.tracked()
    top = {path.parts[0] for path in tracked} - {".gitignore"}
    rooms = {"/".join(path.parts[:2]) for path in tracked if path.parts[0] in ("mmdemo", "annotations")}
    assert file_map() == top | {room for room in rooms if not room.endswith("__init__.py")}


def test_the_settings_table_equals_the_settings() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", read("docs/operations.md"), re.M)
    default = settings.load({})
    shown = {"home": "`data` beside `app.py`"}  # elsewhere for everybody
    documented = [
        (
            field.metadata["variable"],
            shown.get(field.name) or (f"`{getattr(default, field.name)}`" if getattr(default, field.name) else "none"),
            field.metadata["unit"],
            field.metadata["meaning"],
        )
        for field in fields(Settings)
    ]
    assert rows == documented


def test_the_example_of_an_env_file_names_every_setting() -> None:
    names = re.findall(r"^#?\s?(\w+)=", read(".env.example"), re.M)
    assert names == [field.metadata["variable"] for field in fields(Settings)]


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-r "))]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+(\[\w+\])?==[\w.]+", line)] == []
    assert len({line.split("==")[0].lower() for line in lines}) == len(lines)


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_the_lock_of_a_list_holds_its_pins_and_a_hash_of_every_package(path: Path) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", "\n" + path.with_suffix(".lock").read_text())[1:]
    locked = {normal(entry.split("==")[0]): entry for entry in entries}
    pins = [line.split("==") for line in path.read_text().splitlines() if "==" in line]
    for name, version in pins:
        assert locked[normal(name)].split("==")[1].split()[0] == version, f"{name}: run make lock"
    assert [
        entry for entry in entries if not re.match(r"\S+==\S+[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", entry)
    ] == []


def test_what_the_code_imports_is_named_in_the_requirements() -> None:
    named, optional = (
        {normal(line.split("==")[0]) for line in read(path).splitlines() if "==" in line}
        for path in ("requirements.txt", "requirements-dev.txt")
    )
    arrows = source_tree.imports(source_tree.modules("app.py", "mmdemo", "annotations"))
    ours = {"mmdemo", "annotations", *sys.stdlib_module_names}
    installed = packages_distributions()
    missing = {
        arrow.target
        for arrow in arrows
        if "." not in arrow.target and arrow.target not in ours
        # What only some trainings need is imported late, and a sentence says where it is missing.
        if not {normal(home) for home in installed.get(arrow.target, [])}
        & (named | optional if arrow.late or arrow.typing_only else named)
    }
    assert missing == set()


@pytest.mark.parametrize("package", ["mmdemo", "annotations"])
def test_the_commands_of_the_pages_are_those_of_the_help(package: str, command: Callable) -> None:
    help_text = command("-m", package, "--help").stdout
    known = set(re.findall(r"^    ([a-z-]+)(?: |$)", help_text, re.M))
    named = set(re.findall(rf"python -m {package} ([a-z-]+)", code_blocks()))
    assert named - known == set()
    assert known - named == set(), "no page shows these commands"


def test_the_targets_of_the_pages_are_those_of_the_makefile() -> None:
    targets = set(re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.M).group(1).split())
    named = set(re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", code_blocks()))
    assert named == targets


def test_every_link_of_the_pages_leads_somewhere() -> None:
    links = [
        (page, target)
        for page in PAGES
        for pair in re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", read(page))
        for target in pair
        if target and "://" not in target
    ]
    # The Space's card is read where it is gathered to, with the licence beside it.
    assert [(page, target) for page, target in links if not (ROOT / page.parent / target).exists()] == []


def test_the_task_that_the_pages_show_can_be_loaded(tmp_path: Path) -> None:
    shown = re.search(r"^```toml\n(.*?)^```", read("docs/model-builder.md"), re.M | re.S).group(1)
    (tmp_path / "shown.toml").write_text(shown, encoding="utf-8")
    assert len(tasks.load_file(tmp_path / "shown.toml").labels) == 10


@pytest.mark.parametrize("page", ["README.md", "spaces/README.md"])
def test_the_share_of_sure_answers_that_is_kept_is_told_as_the_shipped_tasks_have_it(page: str) -> None:
    shares = {f"{100 * task.audit_share:.0f} %" for task in tasks.load_all().values()}
    documented = set(re.findall(r"(\d+ %)[^.]*drawn at random", " ".join(read(page).split())))
    assert documented == shares


def test_the_tables_of_encoders_equal_the_registries() -> None:
    page = read("docs/model-builder.md").split("## Encoders")[1].split("\n## ")[0]
    types = re.findall(r"^\| `(\w+)` \| ([`\w, ]+) \| [^|]* \| [^|]* \|$", page, re.M)
    shown = {(modality, name) for name, of in types for modality in re.findall(r"`(\w+)`", of)}
    assert shown == set(ENCODERS)
    families = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|$", page, re.M))
    documented = {modality: set(re.findall(r"`([\w-]+)`", families[modality])) for modality in FAMILIES}
    assert documented == {modality: set(rows) for modality, rows in FAMILIES.items()}


def test_the_table_of_the_hub_profiles_equals_the_tasks() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\S+/\S+)` \|", read("docs/model-builder.md"), re.M)
    documented = {
        (task.name, modality, entry["start"])
        for task in tasks.load_all().values()
        for modality, entry in task.profiles.get("hub", {}).get("encoders", {}).items()
    }
    assert set(rows) == documented


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    shown = [p for p in source_tree.tracked() if p.parts[:2] in (("mmdemo", "ui"), ("mmdemo", "locale"))]
    text_files = [path for path in shown if path.suffix in {".py", ".js", ".css", ".html", ".svg", ".toml"}]
    addresses = {
        (path, url) for path in text_files for url in re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", read(path))
    }
    assert {(path, url) for path, url in addresses if not url.startswith(NAMES_ONLY)} == set()


def test_the_version_is_the_newest_of_the_changelog() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", read("CHANGELOG.md"), re.M).group(1)
    assert project["version"] == newest
    minimum, above = re.fullmatch(r">=(3\.\d+),<3\.(\d+)", project["requires-python"]).groups()
    assert f"Python ≥ {minimum}, up to 3.{int(above) - 1}" in read("README.md")
    assert f"Python {minimum} or newer, up to 3.{int(above) - 1}" in read("Makefile")
    assert f"({minimum.replace('.', ', ')}) <= sys.version_info < (3, {above})" in read("Makefile")
