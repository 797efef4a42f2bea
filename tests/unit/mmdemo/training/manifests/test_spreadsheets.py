"""Tables that spreadsheets open: nothing in them is computed, and what was written is read back."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.training import manifests
from mmdemo.training.manifests import spreadsheets

TASK = tasks.get("sentiment")
FORMULAS = [
    *("=1+1", "+1", "-1", "@sum", "＝1+1", "＋1", "－1", "＠sum", "﹦1", "−1"),
    *(
        "\t=1+1",
        "\n=1+1",
        "\r\n=1+1",
        "\ra",
        "\ta",
        "\na",
        " =1+1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        "'=1+1",
        "''＝1",
    ),
]
PLAIN = [
    "fine",
    "it's",
    "'quoted'",
    "a=b",
    'say "no", please',
    "two\r\nlines\nhere\r",
    "a\u2028b\x85c",
    " blank ",
    "你好;\t",
]


@pytest.mark.parametrize("text", [*FORMULAS, *PLAIN])
def test_what_is_written_is_read_back(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(
        spreadsheets.write([{"id": "1", "text": text, "label": "neutral"}], ["id", "text", "label"]), newline=""
    )
    [row] = manifests.read(path, TASK)
    assert (row.id, row.sample.text, row.label) == ("1", text, "neutral")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_stands_behind_an_apostrophe(text: str) -> None:
    [row] = list(csv.DictReader(spreadsheets.write([{"text": text}], ["text"]).removeprefix("\ufeff").splitlines(True)))
    assert row["text"].startswith("'")


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stand_as_they_are(text: str) -> None:
    assert text.replace('"', '""') in spreadsheets.write([{"text": text}], ["text"])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_that_a_spreadsheet_saved_is_a_manifest(tmp_path: Path, delimiter: str) -> None:
    lines = [
        ("id", "text", "label", "group"),
        ("1", '"a, b; c"', "0", ""),
        ("", "", "", ""),
        ("2", '"two\nlines"', "1", "g"),
    ]
    path = tmp_path / "m.CSV"
    path.write_text("\ufeff" + "\r\n".join(delimiter.join(line) for line in lines), newline="")
    task = replace(TASK, labels=tuple(replace(TASK.labels[0], name=name) for name in "01"))
    rows = manifests.read(path, task)
    assert [(row.sample.text, row.label, row.group) for row in rows] == [("a, b; c", "0", ""), ("two\nlines", "1", "g")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"id,text,label\n1,a,neutral,more\n", "line 2: more cells than the header"),
        (b"text,label\na,neutral\n", "line 2: no id"),
        (b"id,text,label\n1,a,\n", "line 2: no label"),
        (b"id,text\n", "has no samples"),
        (b"", "has no samples"),
        (b"id,text,label\n1,caf\xe9,neutral\n", "cannot be read"),
        (b'id,text,label\n1,"a"b,neutral\n', "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, body: bytes, said: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(body)
    with pytest.raises(ManifestError, match=said):
        manifests.read(path, TASK)
