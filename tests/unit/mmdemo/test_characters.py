"""Texts that look alike have one form; what people typed is never changed but for what nobody can store."""

import unicodedata

import pytest

from mmdemo import characters

TEXT = "naïve café\nwith two lines"
ALIKE = {
    "NFD": unicodedata.normalize("NFD", TEXT),
    "trailing newline": TEXT + "\n",
    "blanks around": f"\u3000 {TEXT}\t ",
    "no-break spaces": TEXT.replace(" ", "\u00a0"),
    "narrow ones": TEXT.replace(" ", "\u202f"),
    "zero-width space": TEXT.replace("caf", "ca\u200bf"),
    "soft hyphen": TEXT.replace("caf", "ca\u00adf"),
    "byte order mark": "\ufeff" + TEXT,
    "CR LF": TEXT.replace("\n", "\r\n"),
    "CR": TEXT.replace("\n", "\r"),
    "line separator": TEXT.replace("\n", "\u2028"),
}
OTHERS = ["naive café\nwith two lines", "naïve café with two lines", "Naïve café\nwith two lines", TEXT + "!"]


@pytest.mark.parametrize("kind", ALIKE)
def test_what_looks_alike_has_one_form(kind: str) -> None:
    assert ALIKE[kind] != TEXT
    assert characters.canonical(ALIKE[kind]) == TEXT


def test_what_looks_otherwise_has_another_form() -> None:
    assert len({characters.canonical(text) for text in (TEXT, *OTHERS)}) == 5


@pytest.mark.parametrize("text", ["می\u200cخواهم", "👩\u200d👩\u200d👧", "❤\ufe0f", "क्\u200dष"])
def test_joiners_and_selectors_mean_something_and_stay(text: str) -> None:
    assert characters.canonical(text) == text


def test_the_form_of_a_form_is_the_form() -> None:
    for sign in map(chr, range(0x3000)):
        form = characters.canonical(f"\u200b {sign}{sign}a{sign}\u0301\r")
        assert characters.canonical(form) == form, hex(ord(sign))
        name = characters.canonical_name(f" {sign}a{sign}\u0301b")
        assert characters.canonical_name(name) == name, hex(ord(sign))


def test_what_nobody_stores_is_replaced_one_for_one() -> None:
    assert characters.storable("a\ud800b\0\udfffc") == "a\ufffdb\ufffd\ufffdc"
    assert characters.storable(TEXT) == TEXT


def test_what_nobody_sees_is_named() -> None:
    assert characters.visible("a\u200b\ud800é\n") == "a\\u200b\\ud800é\\n"
    assert characters.odd("Ann’s café.png") == ""
    assert characters.odd("a\\b") == "U+005C REVERSE SOLIDUS"
    assert characters.odd("a\u200bb\u00a0") == "U+200B ZERO WIDTH SPACE"
    assert characters.odd("e\u0301") == "U+0301 COMBINING ACUTE ACCENT"
    assert characters.odd("a\0") == "U+0000 control character"
