"""Manifests: JSON lines of labelled samples, checked before anything is trained. Nothing is decoded here."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmdemo.errors import ManifestError
from mmdemo.samples import Sample
from mmdemo.tasks import Task

FILES = ("image", "audio")  # modalities that are paths, relative to the manifest's folder
SHOWN_FAULTS = 5  # lines that a refusal names


@dataclass(frozen=True)
class Row:
    """One line of a manifest: a sample and what it is."""

    id: str
    sample: Sample
    label: str  # one of the task's, "" where labels are not asked for
    group: str = ""  # where it comes from; figures are reported by it
    extra: Mapping[str, Any] = field(default_factory=dict)  # what else is known, such as speaker
    path: Path | None = None  # the manifest it stands in


@dataclass(frozen=True)
class Line:
    """A line as it was read: a row, or what is wrong with it."""

    number: int  # from 1
    row: Row | None
    fault: str = ""


def read(path: Path | str, task: Task) -> list[Row]:
    """Return the rows of a manifest with the modalities that the task has; others are left out.

    Raises ManifestError naming the lines at fault: broken JSON, no or unknown label, missing file, nothing that the
    task takes, an id that stands there twice; also where the file is missing or empty.
    """
    lines = read_lines(path, task)
    lines = [_checked(line, task) for line in lines]
    faults = [*[line for line in lines if line.row is None], *_twice(lines)]
    if faults:
        shown = "; ".join(f"line {line.number}: {line.fault}" for line in faults[:SHOWN_FAULTS])
        more = f"; {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise ManifestError("manifest_faults", path=path, count=len(faults), faults=shown + more)
    if not lines:
        raise ManifestError("manifest_empty", path=path)
    return [line.row for line in lines if line.row is not None]


def read_lines(path: Path | str, task: Task) -> list[Line]:
    """Return every line that is not blank, those that are no JSON object with their fault; labels may be missing.

    Raises ManifestError where the file cannot be read.
    """
    path = Path(path)
    try:
        texts = path.read_text("utf-8-sig").split("\n")  # captions may hold other line separators
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            "manifest_unreadable", path=path, detail=getattr(error, "strerror", None) or error
        ) from error
    return [_line(number, text, path, task) for number, text in enumerate(texts, 1) if text.strip()]


def digest(rows: Iterable[Row]) -> str:
    """Return SHA-256 over ids, labels and captions, whatever the order: the snapshot's name in a sidecar."""
    entries = sorted(json.dumps([row.id, row.label, row.sample.text], ensure_ascii=False) for row in rows)
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()


def hold_out(rows: Sequence[Row], share: float) -> tuple[list[Row], list[Row]]:
    """Part rows into those to train on and a share set aside, the same ones on every machine.

    Samples of one `extra.speaker`, or of one caption, stay on one side. Speakers are few: from each group whole ones
    are set aside, and none where that would take more than the share. Where that leaves nothing aside, samples are
    parted whoever speaks: known voices tell more about doubt than samples that were learned from.
    """
    speakers = _speakers_aside(rows, share)
    aside = [row for row in rows if _is_aside(row, share, speakers)]
    aside = aside or [row for row in rows if _fraction(row.sample.text or row.id) < share]
    taken = {row.id for row in aside}
    return [row for row in rows if row.id not in taken], aside


def _speakers_aside(rows: Sequence[Row], share: float) -> set[str]:
    by_group: dict[str, set[str]] = {}
    for row in rows:
        if "speaker" in row.extra:
            by_group.setdefault(row.group, set()).add(str(row.extra["speaker"]))
    return {
        speaker for found in by_group.values() for speaker in sorted(found, key=_fraction)[: int(share * len(found))]
    }


def _is_aside(row: Row, share: float, speakers: set[str]) -> bool:
    if "speaker" in row.extra:
        return str(row.extra["speaker"]) in speakers
    return _fraction(row.sample.text or row.id) < share


def _fraction(text: str) -> float:
    return int.from_bytes(hashlib.sha256(f"aside:{text}".encode()).digest()[:8]) / 2**64


def _line(number: int, text: str, path: Path, task: Task) -> Line:
    try:
        raw = json.loads(text)
    except ValueError:
        return Line(number, None, "no JSON")
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str | int):
        return Line(number, None, "no JSON object with an id")
    if not isinstance(raw.get("extra") or {}, dict) or not isinstance(raw.get("text") or "", str):
        return Line(number, None, "text must be a string and extra an object")
    given = {name: raw[name] for name in task.modalities if raw.get(name)}
    files = {name: path.parent / str(given[name]) for name in FILES if name in given}
    row = Row(
        id=str(raw["id"]),
        sample=Sample(text=given.get("text", ""), **files),
        label=str(raw.get("label") or ""),
        group=str(raw.get("group") or ""),
        extra=raw.get("extra") or {},
        path=path,
    )
    return Line(number, row)


def _checked(line: Line, task: Task) -> Line:
    fault = _fault(line.row, task) if line.row else line.fault
    return Line(line.number, None, fault) if fault else line


def _fault(row: Row, task: Task) -> str:
    if row.label not in task.label_names:
        return f'label "{row.label}" is none of {", ".join(task.label_names)}' if row.label else "no label"
    for name, labels in task.head_labels.items():
        if row.extra.get(name) not in (None, *labels):
            return f'{name} "{row.extra[name]}" is none of {", ".join(labels)}'
    files = [path for path in (row.sample.image, row.sample.audio) if isinstance(path, Path)]
    missing = [path for path in files if not path.is_file()]
    if missing:
        return f"there is no file {missing[0]}"
    if not files and not row.sample.text.strip():
        return f"nothing to judge: it has none of {', '.join(task.modalities)}"
    return ""


def _twice(lines: Sequence[Line]) -> list[Line]:
    first: dict[str, int] = {}
    found = []
    for line in lines:
        if line.row is None:
            continue
        if line.row.id in first:
            found.append(Line(line.number, None, f'id "{line.row.id}" stands in line {first[line.row.id]} too'))
        first.setdefault(line.row.id, line.number)
    return found
