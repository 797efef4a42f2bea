"""Every string that a person reads stands in both languages, is asked for somewhere, and gets what its braces name."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache

import pytest

from mmdemo import errors, locale
from mmdemo.settings import ROOT
from tests import source_tree

KEY = re.compile(r"[a-z]+\.[a-z][a-z0-9_]*")
ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
OURS = ("app.py", "mmdemo", "annotations", "examples")
ENGLISH = locale.catalogue("en")
SECTIONS = {key.split(".")[0] for key in ENGLISH}


def braces(sentence: str) -> set[str]:
    """Return the names between the braces of a sentence."""
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(sentence) if name}


@cache
def nodes() -> list[ast.AST]:
    """Return all that our code's syntax trees are made of."""
    return [node for text in source_tree.modules(*OURS).values() for node in ast.walk(source_tree.parse(text))]


@cache
def scripts() -> str:
    """Return the page's scripts and templates, one after the other."""
    paths = [path for path in source_tree.tracked() if path.suffix in {".js", ".html"} and path.parts[0] in OURS]
    return "\n".join((ROOT / path).read_text(encoding="utf-8") for path in paths)


@cache
def constants() -> set[str]:
    """Return every string constant of our code and of the page's scripts and templates."""
    words = set(re.findall(r"""["'`]([\w.]+)["'`]""", scripts()))
    parts = {id(value) for node in nodes() if isinstance(node, ast.JoinedStr) for value in node.values}
    texts = (node for node in nodes() if isinstance(node, ast.Constant) and id(node) not in parts)
    return words | {node.value for node in texts if isinstance(node.value, str)}


def patterns() -> list[re.Pattern[str]]:
    """Return what f"section.start_{name}", "section.start_" + name and f"start_{name}" may become."""
    starts = {text for text in constants() if KEY.fullmatch(text) and text.endswith("_")}
    starts |= set(re.findall(r"([a-z]+\.[\w.]+)\$\{", scripts()))
    composed = [re.compile(rf"{re.escape(start)}[a-z0-9_]+") for start in starts]
    for node in (node for node in nodes() if isinstance(node, ast.JoinedStr)):
        parts = [re.escape(v.value) if isinstance(v, ast.Constant) else r"[a-z0-9_]+" for v in node.values]
        fixed = "".join(v.value for v in node.values if isinstance(v, ast.Constant))
        if (
            fixed.split(".")[0] in SECTIONS and len(fixed.partition(".")[2]) > 0
        ):  # a bare f"section.{name}" says too little
            composed.append(re.compile("".join(parts)))
        elif "." not in fixed and len(fixed) > 2:
            composed.append(re.compile(rf"[a-z]+\.{''.join(parts)}"))
    return composed


def raised() -> Iterator[tuple[str, set[str], bool]]:
    """Yield key, names of its values and whether more come by `**`, for each error that our code makes."""
    for node in (node for node in nodes() if isinstance(node, ast.Call)):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        first = node.args[0] if node.args else None
        if name in ERRORS and isinstance(first, ast.Constant):
            values = {keyword.arg for keyword in node.keywords if keyword.arg}
            yield str(first.value), values, any(keyword.arg is None for keyword in node.keywords)


@pytest.mark.parametrize("language", locale.LANGUAGES[1:])
def test_languages_hold_the_same_keys_with_the_same_braces(language: str) -> None:
    other = locale.catalogue(language)
    assert sorted(other) == sorted(ENGLISH)
    assert {key: braces(other[key]) for key in other} == {key: braces(text) for key, text in ENGLISH.items()}


def test_no_text_is_empty_and_none_is_left_in_english() -> None:
    chinese = locale.catalogue("zh")
    assert [key for key, text in {**ENGLISH, **chinese}.items() if not text.strip()] == []
    left = [key for key, text in chinese.items() if len(text) > 20 and not re.search(r"[\u4e00-\u9fff]", text)]
    assert left == []


def test_every_error_has_its_sentence_and_fills_its_braces() -> None:
    wrong = [
        (key, f"error.{key}" in ENGLISH, values)
        for key, values, more in raised()
        if f"error.{key}" not in ENGLISH or not (more or braces(ENGLISH[f"error.{key}"]) <= values)
    ]
    assert wrong == []


def test_every_key_that_the_code_names_exists() -> None:
    named = {text for text in constants() if KEY.fullmatch(text) and text.split(".")[0] in SECTIONS}
    named = {text for text in named if not text.endswith("_")}
    files = re.compile(r"\.(py|js|css|json|jsonl|toml|html|png|csv|sqlite)$")
    assert {key for key in named - set(ENGLISH) if not files.search(key)} == set()


def test_every_key_is_asked_for_somewhere() -> None:
    known, composed = constants(), patterns()
    unused = [
        key
        for key in ENGLISH
        if key not in known and key.split(".", 1)[1] not in known and not any(p.fullmatch(key) for p in composed)
    ]
    assert unused == []


def test_a_reader_of_another_language_gets_english() -> None:
    assert locale.pick("fr-FR,fr;q=0.9") == "en"
    assert locale.pick("zh-CN,zh;q=0.9,en;q=0.8") == "zh"
    assert locale.pick(None) == "en"
