"""Corrections as manifests (JSON lines) and as CSV, and manifests as corrections. What is written here is read here."""

import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from annotations import media, review_queue
from annotations.acquisition.strata import AUDITED
from annotations.review_queue import content
from annotations.review_queue.content import Holder
from annotations.schema import CorrectionRow, SampleRow, now
from annotations.store import Session, Store, labels, problems, samples
from annotations.store.labels import LabelledContent
from mmdemo import characters, decode, whole_file
from mmdemo.errors import BadInput, ManifestError, MmdemoError, UnknownName
from mmdemo.locale import text
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.manifests import fields, spreadsheets
from mmdemo.values.review import CorrectionSource, QueueItem
from mmdemo.values.samples import Inputs

IMPORT = "import"  # the annotator where a manifest names none
MEDIA = "media"  # folder beside a manifest
FIELDS = (
    *("id", "image", "audio", "text", "label", "group", "extra"),
    *("annotator", "corrected_at", "predicted_label", "model_version", "note", "wrong_reason", "drawn"),
)
QUEUE_FIELDS = (
    "sample_id",
    "task",
    "label",
    "confidence",
    "reason",
    "state",
    "created_at",
    "suggested",
    "capped",
    "text",
)
Entry = Mapping[str, Any]  # field → value: a line of a file
_log = logging.getLogger(__name__)
_MARKS = {"true": True, "false": False}
# JSON may hold these as they are, but readers that split a file into lines break it there
_LINE_ENDS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\x85\u2028\u2029"}


@dataclass(frozen=True)
class Imported:
    """What became of the rows of a manifest."""

    added: int
    known: int  # they were there already


def write_folder(store: Store, tasks: Sequence[str], out: Path) -> dict[str, int]:
    """Write one manifest and one CSV a task into `out`, with copies of the media; return task → rows.

    Only corrections that count and still have their content. A file that is missing or damaged is named in the log, and
    left out of its row; a row that has nothing else is left out. Raises StorageError.
    """
    written = {}
    for task in tasks:
        with store.reading() as session:
            rows = labels.corrections(session, task)
        try:
            rows = _with_media(store.media, rows, out / MEDIA)
        except OSError as error:
            raise problems.from_os(error, out) from error
        for form in FORMS:
            write_file(rows, out, task, form)
        written[task] = len(rows)
    return written


def as_text(rows: Sequence[LabelledContent], form: str) -> str:
    """Return corrections as the text of a file. Raises UnknownName."""
    return _text([_entry(row) for row in rows], FIELDS, form)


def queue_as_text(items: Sequence[QueueItem], form: str) -> str:
    """Return what waits for a person as the text of a file, without its media. Raises UnknownName."""
    return _text([{field: getattr(item, field) for field in QUEUE_FIELDS} for item in items], QUEUE_FIELDS, form)


def _text(entries: Sequence[Entry], fields: Sequence[str], form: str) -> str:
    if form not in FORMS:
        raise UnknownName("unknown_form", form=form, known=", ".join(FORMS))
    return FORMS[form](entries, fields)


def write_file(rows: Sequence[LabelledContent], folder: Path, name: str, form: str) -> None:
    """Write rows as `folder/name.form`, a whole file or nothing. Raises UnknownName, StorageError."""
    content = as_text(rows, form).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file.replacing(folder / f"{name}.{form}") as file:
            file.write(content)
    except OSError as error:
        raise problems.from_os(error, folder) from error


def read_manifest(store: Store, task: Task, path: Path) -> Imported:
    """Store the rows of a manifest as corrections. Doing it again changes nothing; a newer correction is kept.

    The annotator is the row's, or "import". All rows are checked before the first is stored. Raises ManifestError,
    StorageError.
    """
    rows = manifests.read(path, task)
    for row in rows:
        try:
            decode.decode(row.sample, task)
            review_queue.checked_name(_annotator(row))
            review_queue.check_mark(task, bool(_mark(row)), row.label, _guess(row, task))
            _drawn(row)
        except BadInput as error:
            raise ManifestError("manifest_sample", path=path, id=row.id, detail=error) from error
    added = sum(_add(store, task, decode.decode(row.sample, task), row) for row in rows)
    return Imported(added, len(rows) - added)


def _entry(row: LabelledContent) -> Entry:
    correction = row.correction
    return {
        "id": correction.sample_id,
        "image": f"{MEDIA}/{row.image}" if row.image else None,
        "audio": f"{MEDIA}/{row.audio}" if row.audio else None,
        "text": row.text or "",
        "label": correction.label,
        "group": correction.source,
        "extra": {},
        "annotator": correction.annotator,
        "corrected_at": correction.corrected_at,
        "predicted_label": correction.predicted_label,
        "model_version": correction.model_version,
        "note": correction.note,
        "wrong_reason": correction.wrong_reason,
        "drawn": row.propensity if row.stratum == AUDITED else None,
    }


def _as_jsonl(entries: Sequence[Entry], fields: Sequence[str]) -> str:
    return "".join(json.dumps(entry, ensure_ascii=False).translate(_LINE_ENDS) + "\n" for entry in entries)


def _as_csv(entries: Sequence[Entry], fields: Sequence[str]) -> str:
    return spreadsheets.write(entries, [name for name in fields if name != "extra"])


def _with_media(root: Path, rows: Sequence[LabelledContent], out: Path) -> list[LabelledContent]:
    """Copy the files, and return the rows with those of their files that are whole."""
    missing = set()
    for name in sorted({name for row in rows for name in (row.image, row.audio) if name}):
        target = out / name
        if not media.is_whole(root, name):
            missing.add(name)
        elif not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target)
    present = []
    for row in rows:
        lost = [name for name in (row.image, row.audio) if name in missing]
        for name in lost:
            _log.warning("%s", text("cli.export_file_missing", sample_id=row.correction.sample_id, file=name))
        image, audio = (None if name in missing else name for name in (row.image, row.audio))
        if not lost or row.text or image or audio:
            present.append(replace(row, image=image, audio=audio))
    return present


def _annotator(row: manifests.Row) -> str:
    return _word(row, "annotator") or IMPORT


def _guess(row: manifests.Row, task: Task) -> str:
    """Return what a row says that the model said, as it is stored where the task takes it."""
    value = fields.spelled(_word(row, "predicted_label"), task.answers)
    with contextlib.suppress(MmdemoError):
        return task.check(value)
    return value


def _word(row: manifests.Row, name: str) -> str:
    """Return what a row says of itself. Raises BadInput."""
    value = row.raw.get(name)
    try:
        return fields.word(value)
    except ValueError as error:
        raise BadInput("wrong_type", field=name, wanted="text", value=value) from error


def _mark(row: manifests.Row) -> bool | None:
    """Return whether a row says "right answer, wrong reason", None where it does not speak of it. Raises BadInput."""
    mark = row.raw.get("wrong_reason")
    if mark is None or isinstance(mark, bool):
        return mark
    if (
        row.path and row.path.suffix.lower() == spreadsheets.SUFFIX and mark.lower() in _MARKS
    ):  # a table knows texts alone
        return _MARKS[mark.lower()]
    raise BadInput("wrong_type", field="wrong_reason", wanted="true/false", value=mark)


def _drawn(row: manifests.Row) -> float | None:
    """Return the chance with which a row was drawn from what is sent here, None where it was not. Raises BadInput."""
    value = row.raw.get("drawn")
    if value in (None, ""):
        return None
    try:
        chance = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        chance = float("nan")
    if not 0 < chance <= 1:
        raise BadInput("wrong_type", field="drawn", wanted="a number above 0, up to 1", value=value)
    return chance


def _add(store: Store, task: Task, inputs: Inputs, manifest_row: manifests.Row) -> bool:
    sample_id, value, about = decode.sample_id(inputs, task.name), manifest_row.label, manifest_row.raw
    annotator = review_queue.checked_name(_annotator(manifest_row))
    at, mark = _moment(about.get("corrected_at")), _mark(manifest_row)
    copies = media.copies_of(inputs)
    with store.session() as session, media.keeping(store.media, list(copies.values())):
        row = samples.of_inputs(session, inputs, task.name, partial(media.names_of, inputs, copies))
        if row is not None and row.has_content and _is_known(session, row.sample_id, value, mark, annotator, at):
            session.commit()  # an alias may have been written
            return False
        row = row or _new_row(sample_id, task, inputs, manifest_row)
        if not row.has_content:
            content.fill(row, inputs, copies)
        note = characters.storable(str(about.get("note") or ""))
        correction = CorrectionRow(
            value=value, annotator=annotator, note=note, source=CorrectionSource.IMPORT, wrong_reason=False
        )
        review_queue.record(session, task, row, "import", correction)
        correction.corrected_at = min(at, now()) if at else correction.corrected_at  # no answer of the future counts
        correction.predicted_value, correction.wrong_reason = _guess(manifest_row, task), bool(mark)
        correction.model_version = str(about.get("model_version") or "")
        content.hold(session, row, True, Holder.IMPORT)
        session.commit()
    return True


def _new_row(sample_id: str, task: Task, inputs: Inputs, manifest_row: manifests.Row) -> SampleRow:
    chance = _drawn(manifest_row)
    return SampleRow(
        stratum=None if chance is None else AUDITED,
        propensity=chance,
        in_panel=chance is not None,
        sample_id=sample_id,
        task=task.name,
        modalities=list(inputs.modalities),
        predicted_value=_guess(manifest_row, task),
        confidence=0.0,  # nobody predicted it here
        model_version=str(manifest_row.raw.get("model_version") or ""),
        doubt=0.0,
        created_at=now(),
        agreed_at=now(),
    )


def _is_known(
    session: Session, sample_id: str, value: str, mark: bool | None, annotator: str, at: datetime | None
) -> bool:
    """Whether that import was done before (also where it was taken back since), or what stands says so or is newer.

    To an answer of somebody who decides only their own are compared: it counts however old it is.
    """
    every = labels.every(session, sample_id)
    alike = [row for row in every if row.value == value and mark in (None, row.wrong_reason)]
    if any((row.source, row.annotator) == (CorrectionSource.IMPORT, annotator) for row in alike):
        return True
    alone = labels.decides(session, annotator)
    standing = [row for row in every if row.withdrawn_at is None and (row.annotator == annotator or not alone)][-1:]
    return any(row in alike or (at is not None and row.corrected_at >= at) for row in standing)


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


FORMS: dict[str, Callable[[Sequence[Entry], Sequence[str]], str]] = {"jsonl": _as_jsonl, "csv": _as_csv}
