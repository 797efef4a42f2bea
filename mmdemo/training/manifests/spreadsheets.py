"""Tables for spreadsheets, out and in: what stands in a cell is never computed, and comes back as it was.

A text that a spreadsheet would take for a formula gets an apostrophe before it, and loses it when it is read. So does
one that begins with apostrophes and such a text.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import regex

SUFFIX = ".csv"
_MARK = "\ufeff"  # spreadsheets take a file for UTF-8 only with it
_APOSTROPHE = "'"
_DELIMITERS = (",", ";", "\t")  # the first is ours; spreadsheets save with those of their country
# What begins a formula: the signs, in full width and small too, whatever blank or unseen stands before them; and
# tab and line ends, with which some programs begin one.
_FORMULA = regex.compile(r"'*(?:[\t\r\n]|[\s\p{Z}\p{C}]*[=+\-@＝＋－＠﹦﹢﹣﹫−])")


def write(entries: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return a table as the text of a file, a header first; it is written as it is, with no line ends changed."""
    file = io.StringIO()
    file.write(_MARK)
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows({name: _cell(entry[name]) for name in columns} for entry in entries)
    return file.getvalue()


def read(path: Path) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Yield the rows of a table with the number of their line, from 1; None for one with more cells than the header.

    Empty cells are left out. Raises OSError, UnicodeDecodeError, csv.Error.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
        file.seek(0)
        reader = csv.DictReader(file, delimiter=max(_DELIMITERS, key=header.count), strict=True)
        for raw in reader:
            cells = {name: _text(cell) for name, cell in raw.items() if cell and name is not None}
            if cells or None in raw:
                yield reader.line_num, None if None in raw else cells


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return _APOSTROPHE + text if _FORMULA.match(text) else text


def _text(cell: str) -> str:
    return cell.removeprefix(_APOSTROPHE) if _FORMULA.match(cell) else cell
