"""From here to there: what waits is sent, what is asked no more is taken back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from annotations.labelstudio import health
from annotations.labelstudio.connection.remote import RemoteTask, UploadedFile
from annotations.labelstudio.files import Files
from annotations.labelstudio.health import Health
from annotations.labelstudio.remote_projects import LinkState, RemoteProject
from annotations.labelstudio.translation import tasks
from annotations.schema import SampleRow
from annotations.store import samples
from mmdemo.values.review import WAITING

BATCH, BATCH_BYTES = 100, 50_000_000  # samples and bytes that are sent at once
AT_ONCE = 100  # samples that are taken back together


@dataclass(frozen=True)
class Push:
    """Sends the samples of one place and takes them back."""

    place: RemoteProject
    files: Files

    def take_back(self, there: dict[str, RemoteTask], copies: Iterable[RemoteTask] = ()) -> int:
        """Delete there what was forgotten, and what was answered here before anybody did there; return how many.

        `copies` are second tasks of samples in `there`, from which what is deleted is dropped.
        """
        owners = set() if self.place.closed else self.files.owners() - self.place.elsewhere
        rows = self.place.rows({*there, *owners, *self.place.links}, predictions=False)
        pairs = [(rows.get(tasks.sample_of(copy.data)), copy) for copy in copies]
        self._delete([(row, copy) for row, copy in pairs if row and not (row.has_content and copy.annotations)])
        leaving = [row for sample_id, row in rows.items() if not self._belongs(row, there.get(sample_id))]
        removed = 0
        for start in range(0, len(leaving), AT_ONCE):
            part = leaving[start : start + AT_ONCE]
            there |= self._delete([(row, there[row.sample_id]) for row in part if row.sample_id in there])
            gone = [row for row in part if not self._belongs(row, there.get(row.sample_id))]
            for row in gone:
                removed += there.pop(row.sample_id, None) is not None
                self._erase(row)
            self.place.drop_links([row.sample_id for row in gone])
        return removed

    def _delete(self, leaving: Sequence[tuple[SampleRow, RemoteTask]]) -> dict[str, RemoteTask]:
        """Delete these tasks; return sample id → those that somebody has answered meanwhile, which stay."""
        for row, remote in leaving:
            if not row.has_content:
                self.place.delete(remote.id)
        remotes = self.place.delete_unanswered([remote.id for row, remote in leaving if row.has_content])
        return {tasks.sample_of(remote.data): remote for remote in remotes.values()}

    def _erase(self, row: SampleRow) -> None:
        if not row.has_content or not (self.place.closed or row.sample_id in self.place.elsewhere):
            self.files.erase(row.sample_id, self.place.noted(row.sample_id).files)

    def _belongs(self, row: SampleRow, remote: RemoteTask | None) -> bool:
        """Whether a sample should lie there: people are asked about it, or have answered there."""
        waits = row.state in WAITING and not self.place.closed
        return row.has_content and (waits or bool(remote and remote.annotations))

    def send(self, there: dict[str, RemoteTask]) -> list[str]:
        """Send what waits and does not lie there, in the order in which Review asks, and add it to `there`.

        Return the ids of what lacks a file.
        """
        self.place.drop_links(self.place.links.keys() - there.keys())  # deleted there by hand
        waiting = self.place.unsent()
        missing: list[str] = []
        for batch in self._batches([row for row in waiting if row.sample_id not in there], missing):
            there.update(self._send_batch(batch))
        return missing

    def _batches(self, rows: Iterable[SampleRow], missing: list[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        size = 0
        for row in rows:
            paths = [self.place.store.media / name for name in (row.image, row.audio) if name]
            if not all(path.is_file() for path in paths):
                missing.append(row.sample_id)
                continue
            more = sum(path.stat().st_size for path in paths)
            if batch and (len(batch) == BATCH or size + more > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(row.sample_id)
            size += more
        if batch:
            yield batch

    def _send_batch(self, sample_ids: list[str]) -> dict[str, RemoteTask]:
        rows = self.place.rows(sample_ids)  # read again: what was forgotten since must not be sent
        share = self.place.task.gate.held_out_share
        belonging = (rows[sample_id] for sample_id in sample_ids if self._belongs(rows[sample_id], None))
        outgoing = [health.outgoing(row, share) for row in belonging]
        if not outgoing:
            return {}
        self.files.send(outgoing)
        uploads = {each.sample_id: self.files.of(each) for each in outgoing}
        urls = {sample_id: {kind: file.url for kind, file in files.items()} for sample_id, files in uploads.items()}
        bodies = [tasks.payload(self.place.task, each, urls[each.sample_id]) for each in outgoing]
        self.place.note_versions(each.model_version for each in outgoing)
        numbers = self.place.client.import_tasks(self.place.project.id, bodies)
        healthy = Health(self.place, self.files).read_back(dict(zip(numbers, outgoing, strict=True)))
        sent = {
            each.sample_id: healthy[number]
            for each, number in zip(outgoing, numbers, strict=True)
            if number in healthy  # what is not counts as sent once a later round has mended it
        }
        self._keep(sent, uploads)
        self.place.note_guesses({sample_id: rows[sample_id].scored_by for sample_id in sent})
        return sent

    def _keep(self, sent: Mapping[str, RemoteTask], uploads: Mapping[str, Mapping[str, UploadedFile]]) -> None:
        with self.place.store.session() as session:
            rows = samples.locked(session, sent)
            noted = {name: LinkState(tuple((file.id, file.path) for file in uploads[name].values())) for name in sent}
            self.place.keep_links(session, {name: (rows[name], sent[name].id, noted[name]) for name in sent})
            session.commit()
