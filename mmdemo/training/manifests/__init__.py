"""Manifests: labelled samples as JSON lines or a table, checked before anything is trained. Nothing is decoded here."""

import contextlib
import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmdemo import characters
from mmdemo.errors import ManifestError, MmdemoError
from mmdemo.tasks import Task
from mmdemo.training.manifests import fields, spreadsheets
from mmdemo.values.samples import MODALITIES, Sample

FILES = ("image", "audio")  # modalities that are paths, relative to the manifest's folder
SHOWN_FAULTS = 5  # lines that a refusal names


@dataclass(frozen=True)
class Row:
    """One line of a manifest: a sample and what it is."""

    id: str
    sample: Sample
    label: str  # a value of the task's kind of answer, as stored; "" where it is not asked for
    group: str = ""  # where it comes from; figures are reported by it
    extra: Mapping[str, Any] = field(default_factory=dict)  # what else is known, such as speaker
    path: Path | None = None  # the manifest it stands in
    raw: Mapping[str, Any] = field(default_factory=dict)  # the whole line, such as who corrected it
    line: int = 0  # its number there, from 1


@dataclass(frozen=True)
class Line:
    """A line as it was read: a row, or what is wrong with it."""

    number: int  # from 1
    row: Row | None
    fault: str = ""


@dataclass(frozen=True)
class Manifest:
    """A manifest as it was read."""

    path: Path
    rows: list[Row]  # those that can be used
    faults: Sequence[Line] = ()

    def refusal(self) -> ManifestError:
        """Return the error that names the first of the lines at fault and counts the others."""
        faults = "; ".join(f"line {line.number}: {line.fault}" for line in self.faults[:SHOWN_FAULTS])
        more = f"; {len(self.faults) - SHOWN_FAULTS} more" if len(self.faults) > SHOWN_FAULTS else ""
        return ManifestError("manifest_faults", path=self.path, count=len(self.faults), faults=faults + more)


def read(path: Path | str, task: Task | None) -> list[Row]:
    """Return the rows of a manifest with the modalities that the task has; others are left out.

    Without a task every modality is taken, and any label or none.

    Raises ManifestError naming the lines at fault: broken JSON, no or unknown label, missing file, nothing that the
    task takes, an id that stands there twice; also where the file is missing or empty.
    """
    manifest = check(path, task)
    if manifest.faults:
        raise manifest.refusal()
    return manifest.rows


def check(path: Path | str, task: Task | None) -> Manifest:
    """Return the rows that can be used and the lines at fault, of an id that stands there twice the later one.

    Raises ManifestError where the file is missing or empty.
    """
    lines = _once([_checked(line, task) for line in read_lines(path, task)])
    if not lines:
        raise ManifestError("manifest_empty", path=path)
    rows = [line.row for line in lines if line.row is not None]
    return Manifest(Path(path), rows, [line for line in lines if line.row is None])


def read_lines(path: Path | str, task: Task | None) -> list[Line]:
    """Return every line that is not blank, those that are no JSON object with their fault; labels may be missing.

    Raises ManifestError where the file cannot be read.
    """
    path = Path(path)
    try:
        return _READERS.get(path.suffix.lower(), _json_lines)(path, task)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        detail = getattr(error, "strerror", None) or error
        raise ManifestError("manifest_unreadable", path=path, detail=detail) from error


def _json_lines(path: Path, task: Task | None) -> list[Line]:
    texts = path.read_text("utf-8-sig").split("\n")  # captions may hold other line separators
    return [_json_line(number, text, path, task) for number, text in enumerate(texts, 1) if text.strip()]


def _json_line(number: int, text: str, path: Path, task: Task | None) -> Line:
    try:
        raw = json.loads(text)
    except ValueError:
        return Line(number, None, "no JSON")
    except RecursionError:
        return Line(number, None, "JSON nested too deeply")
    return _line(number, raw, path, task) if isinstance(raw, dict) else Line(number, None, "no JSON object")


def _table_lines(path: Path, task: Task | None) -> list[Line]:
    return [
        Line(number, None, "more cells than the header") if row is None else _line(number, row, path, task)
        for number, row in spreadsheets.read(path)
    ]


def examples(task: Task) -> list[Row]:
    """Return the samples to click in the page that have a sure answer: the only known ones that ship with a task."""
    sure = [example for example in task.examples if example.expected and not example.doubtful]
    return [Row(f"example-{i}", Sample(e.image, e.text, e.audio), e.expected) for i, e in enumerate(sure)]


def digest(rows: Iterable[Row]) -> str:
    """Return SHA-256 over ids, labels and captions, whatever the order: the snapshot's name in a sidecar."""
    entries = sorted(json.dumps([row.id, row.label, row.sample.text], ensure_ascii=False) for row in rows)
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()


def _line(number: int, record: dict[str, Any], path: Path, task: Task | None) -> Line:
    raw = fields.storable(record)
    if not isinstance(raw.get("id"), str | int | float):
        return Line(number, None, "no id")
    extra, caption = raw.get("extra") or {}, raw.get("text")
    if not isinstance(extra, dict) or not isinstance(caption, str | None):
        return Line(number, None, "text must be a string and extra an object")
    try:
        return Line(number, _row(number, raw, extra, path, task))
    except ValueError as error:
        return Line(number, None, str(error))


def _row(number: int, raw: dict[str, Any], extra: dict[str, Any], path: Path, task: Task | None) -> Row:
    modalities = task.modalities if task else MODALITIES
    files: dict[str, Any] = {
        name: fields.file_at(path.parent, str(raw[name])) for name in FILES if name in modalities and raw.get(name)
    }
    head_labels = task.head_labels.items() if task else ()
    heads = {name: _word(extra, name, labels) or None for name, labels in head_labels if name in extra}
    return Row(
        id=raw["id"] if isinstance(raw["id"], str) else _word(raw, "id"),
        sample=Sample(text=raw.get("text") or "" if "text" in modalities else "", **files),
        label=_value(_word(raw, "label", task.answers if task else ()), task),
        group=_word(raw, "group"),
        extra={**extra, **heads},
        path=path,
        raw=raw,
        line=number,
    )


def _value(value: str, task: Task | None) -> str:
    """Return what a line says is right in the form in which it is stored; as it stands, where it can't be answered."""
    if task is None or not value:
        return value
    with contextlib.suppress(MmdemoError):
        return task.check(value)
    return value


def _word(raw: Mapping[str, Any], name: str, names: Sequence[str] = ()) -> str:
    """Return what a field says, spelled as in `names`. Raises ValueError with a sentence where it is no word."""
    try:
        return fields.spelled(fields.word(raw.get(name)), names)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error


def _checked(line: Line, task: Task | None) -> Line:
    fault = _fault(line.row, task) if line.row else line.fault
    return Line(line.number, None, fault) if fault else line


def _fault(row: Row, task: Task | None) -> str:
    if task and (fault := _refused(row.label, task)):
        return fault
    for name, labels in (task.head_labels if task else {}).items():
        if row.extra.get(name) not in (None, *labels):
            return _unknown(name, row.extra[name], labels)
    files = [path for path in (row.sample.image, row.sample.audio) if isinstance(path, Path)]
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        return f"there is no file {characters.visible(str(missing))}{_with_odd(str(missing))}"
    if not files and not row.sample.text.strip():
        return f"nothing to judge: it has none of {', '.join(task.modalities if task else MODALITIES)}"
    return ""


def _refused(value: str, task: Task) -> str:
    """Return what is wrong with a value, "" where the task takes it."""
    if not value:
        return "no label"
    try:
        task.check(value)
    except MmdemoError as error:
        return _unknown("label", value, task.answers) if task.answers else f"label: {error}"
    return ""


def _unknown(field: str, value: str, names: Sequence[str]) -> str:
    return f'{field} "{characters.visible(value)}" is none of {", ".join(names)}{_with_odd(value)}'


def _with_odd(text: str) -> str:
    sign = characters.odd(text)
    return f" (it holds {sign})" if sign else ""


def _once(lines: Sequence[Line]) -> list[Line]:
    """Return the lines; of those with one id all but the first are at fault."""
    first: dict[str, int] = {}
    result = []
    for line in lines:
        if line.row is not None and line.row.id in first:
            line = Line(
                line.number, None, f'id "{characters.visible(line.row.id)}" stands in line {first[line.row.id]} too'
            )
        elif line.row is not None:
            first[line.row.id] = line.number
        result.append(line)
    return result


_READERS: dict[str, Callable[[Path, Task | None], list[Line]]] = {
    spreadsheets.SUFFIX: _table_lines
}  # others: JSON lines
