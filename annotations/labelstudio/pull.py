"""From there to here: annotations become corrections, skips become skips, deleted ones are withdrawn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from annotations import review_queue
from annotations.labelstudio import tasks
from annotations.labelstudio.client import Annotation, RemoteTask
from annotations.labelstudio.place import SYSTEM, Noted, Place
from annotations.labelstudio.report import SyncReport
from annotations.labelstudio.tasks import Verdict
from annotations.schema import CorrectionRow, SampleRow
from annotations.store import labels, samples
from mmdemo.errors import Conflict
from mmdemo.review import QUEUED, SKIPPED

NOBODY = "Label Studio"  # the annotator whose user was deleted there


@dataclass(frozen=True)
class Pull:
    """Takes over what people said about the samples of one place."""

    place: Place

    def all(self, there: Mapping[str, RemoteTask]) -> SyncReport:
        """Compare every sample that lies there with the store. Raises LabelStudioError, StorageError."""
        report = SyncReport()
        for sample_id, row in self.place.rows(there).items():
            if row.has_content:
                report += self._one(there[sample_id], row)
        return report

    def _one(self, remote: RemoteTask, row: SampleRow) -> SyncReport:
        noted = self.place.noted(row.sample_id, remote.id)
        counting = tasks.verdict(remote.annotations, self.place.task)
        fresh = _note(noted, counting)
        report = SyncReport(unreadable=int(bool(remote.annotations) and counting is None))
        if noted.annotation is not None and not _stands(noted, remote.annotations):
            report += self._withdraw(row.sample_id, noted)
        if counting is not None and fresh != noted:
            report += self._take_over(row, counting)
        if row.sample_id not in self.place.links or fresh != noted or row.state == QUEUED or report.withdrawn:
            self.place.keep_link(row.sample_id, remote.id, fresh)
        return report

    def _take_over(self, row: SampleRow, counting: Verdict) -> SyncReport:
        sample_id = row.sample_id
        who = self._people.get(counting.annotation.annotator or 0, NOBODY)[: review_queue.NAME_CHARS]
        if counting.label is None:
            return SyncReport(skipped=self._move(sample_id, samples.WAITING, "skip", who))
        external = self._external(sample_id, counting.annotation.id)
        # Nothing there keeps anybody from marking a label that the model did not say: then the mark is left out.
        marked = counting.wrong_reason and counting.label == row.label
        if not self._is_news(sample_id, replace(counting, wrong_reason=marked), external):
            return SyncReport()
        known = {self.place.task.name: self.place.task}
        given: dict[str, Any] = {"wrong_reason": marked, "source": SYSTEM, "external_id": external}
        try:
            review_queue.correct(self.place.store, known, sample_id, counting.label, who, **given)
        except Conflict:  # forgotten meanwhile: it is taken back next
            return SyncReport()
        return SyncReport(pulled=1)

    def _is_news(self, sample_id: str, counting: Verdict, external: str) -> bool:
        """Whether an annotation changes what counts here: not if it says the same, or somebody answered here later."""
        with self.place.store.reading() as session:
            last = next(reversed(labels.history(session, sample_id)), None)
            known = labels.from_outside(session, SYSTEM, external)
        if last is not None and last.external_id == external:
            return not _says(last, counting)
        if last is not None and last.source != SYSTEM and last.corrected_at > counting.annotation.updated_at:
            return False
        if known is not None and _says(known, counting):
            review_queue.withdraw(self.place.store, SYSTEM, external)  # it was given again since: it counts anew
        return True

    def _withdraw(self, sample_id: str, noted: Noted) -> SyncReport:
        """What was taken over stands there no longer: it counts no longer here."""
        if noted.skipped:
            return SyncReport(withdrawn=self._move(sample_id, (SKIPPED,), "undo", SYSTEM))
        external, withdrawn = self._external(sample_id, noted.annotation), 0
        while review_queue.withdraw(self.place.store, SYSTEM, external):  # each label that it ever said
            withdrawn = 1
        return SyncReport(withdrawn=withdrawn)

    def _move(self, sample_id: str, states: Iterable[str], name: str, who: str) -> int:
        with self.place.store.session() as session:
            row = samples.get(session, sample_id)
            if row.state not in states or not row.has_content:
                return 0
            review_queue.move(session, row, name, who)
            session.commit()
            return 1

    def _external(self, sample_id: str, annotation: int | None) -> str:
        # Numbers start anew on another server, or where this one was set up again: the sample makes them one of a kind.
        return f"{urlsplit(self.place.client.url).netloc[:60]}/{sample_id[:16]}/{annotation}"

    @cached_property
    def _people(self) -> dict[int, str]:
        return self.place.client.people()


def _says(made: CorrectionRow, counting: Verdict) -> bool:
    return (made.label, made.wrong_reason) == (counting.label, counting.wrong_reason)


def _note(noted: Noted, counting: Verdict | None) -> Noted:
    """Return what to note, so that an annotation that does not change is not taken over again."""
    if counting is None:
        return Noted(noted.files)
    annotation = counting.annotation
    at = annotation.updated_at.isoformat()
    return replace(noted, annotation=annotation.id, updated_at=at, skipped=counting.label is None)


def _stands(noted: Noted, annotations: Iterable[Annotation]) -> bool:
    return any(each.id == noted.annotation and each.cancelled == noted.skipped for each in annotations)
