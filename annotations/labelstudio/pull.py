"""From there to here: annotations become corrections, skips become skips, what is gone there is withdrawn.

Of each sample all corrections that came from there are compared with all annotations that live there. Each person has
one say, their latest; which of several people's counts is the store's rule, for both sides the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

from annotations import review_queue
from annotations.labelstudio.connection.remote import Annotation, RemoteTask
from annotations.labelstudio.remote_projects import SYSTEM, LinkState, RemoteProject
from annotations.labelstudio.translation import tasks
from annotations.labelstudio.translation.tasks import StandingAnswer
from annotations.review_queue import predictions
from annotations.schema import CorrectionRow, SampleRow, now
from annotations.store import Session, labels, samples
from mmdemo import characters, locale
from mmdemo.values.review import WAITING, SampleState

AT_ONCE = 500  # samples that are changed in one transaction
NOBODY = "Label Studio"  # the annotator whose user was deleted there


@dataclass(frozen=True)
class SyncReport:
    """Counts of one round, or of several added up; all but the last two are zero where both sides agreed already."""

    created: int = 0  # projects
    pushed: int = 0  # samples sent there
    pulled: int = 0  # corrections
    skipped: int = 0  # samples that were skipped there
    withdrawn: int = 0  # corrections and skips that were deleted there
    removed: int = 0  # samples taken back: forgotten, or answered here
    mended: int = 0  # tasks there that lacked their guess or their files, or showed a guess that they should not
    waiting: int = 0  # samples there that nobody answered yet
    unreadable: int = 0  # samples there whose annotations say no label of the task

    def __add__(self, other: "SyncReport") -> "SyncReport":
        return SyncReport(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __str__(self) -> str:
        return locale.text("cli.sync_round", **vars(self))


@dataclass(frozen=True)
class Changes:
    """What has to change here for one sample."""

    gone: tuple[int, ...]  # ids of corrections of which the annotation lives no longer as it was
    withdrawn: bool  # whether one of these says nothing any more, by nobody
    answers: tuple[StandingAnswer, ...]  # that are not here yet, oldest first
    saved_again: tuple[tuple[int, StandingAnswer], ...]  # correction, the same answer given anew
    noted: LinkState  # what was noted before …
    fresh: LinkState  # … and is to be noted afterwards

    def __bool__(self) -> bool:
        return bool(self.gone or self.answers or self.saved_again)


@dataclass(frozen=True)
class Pull:
    """Takes over what people said about the samples of one place."""

    place: RemoteProject

    def all(self, there: Mapping[str, RemoteTask]) -> SyncReport:
        """Compare these samples with the store. Raises LabelStudioError, StorageError."""
        marked = {sample_id for sample_id, remote in there.items() if tasks.is_marked(remote.annotations)}
        rows = self.place.rows(there.keys() - marked, predictions=False) | self.place.rows(marked)
        with self.place.store.reading() as session:
            taken = labels.taken_over(session, SYSTEM, self.place.id, list(rows))
        pairs = [
            (there[sample_id], self._compare(there[sample_id], row, taken.get(sample_id, [])))
            for sample_id, row in rows.items()
            if row.has_content
        ]
        news = [(remote, changes) for remote, changes in pairs if self._is_news(rows, remote, changes)]
        report = SyncReport()
        for start in range(0, len(news), AT_ONCE):
            report += self._apply(news[start : start + AT_ONCE])
        return report

    def _is_news(self, rows: Mapping[str, SampleRow], remote: RemoteTask, changes: Changes) -> bool:
        sample_id = tasks.sample_of(remote.data)
        linked = sample_id in self.place.links and changes.fresh == changes.noted
        return bool(changes) or not linked or rows[sample_id].state == SampleState.QUEUED

    def _compare(self, remote: RemoteTask, row: SampleRow, taken: list[CorrectionRow]) -> Changes:
        annotations, noted = remote.annotations, self.place.noted(row.sample_id, remote.id)
        living = {
            self._external(row.sample_id, each.id): self._who(each)
            for each in annotations
            if not each.cancelled and tasks.value_of(each.result, self.place.task) is not None
        }
        gone = [each for each in taken if living.get(each.external_id or "") != each.annotator]
        corrections = [each for each in taken if each not in gone]
        kept = {each.annotator: each for each in corrections}  # of each person the latest
        by_annotation = {each.external_id: each for each in corrections}
        news, saved_again = [], []
        answers = tasks.standing_answers(annotations, self.place.task)
        for standing in answers:
            correction = kept.get(self._who(standing.annotation))
            answer = self._as_marked(standing, row, correction)
            earlier = by_annotation.get(self._external(row.sample_id, standing.annotation.id))
            if correction is None or not self._says(correction, answer):
                if earlier is not None and self._says(earlier, answer):  # they said another thing in between
                    saved_again.append((earlier.id, answer))
                else:
                    news.append(answer)
            elif noted.annotations.get(str(answer.annotation.id)) != answer.annotation.updated_at.isoformat():
                saved_again.append((correction.id, answer))
        update_times = {str(each.id): each.updated_at.isoformat() for each in annotations}
        skipped = not answers and tasks.skip_of(annotations) is not None
        fresh = replace(noted, annotations=update_times, skipped=skipped)
        withdrawn = any(each.external_id not in living for each in gone)
        return Changes(tuple(each.id for each in gone), withdrawn, tuple(news), tuple(saved_again), noted, fresh)

    def _apply(self, news: Sequence[tuple[RemoteTask, Changes]]) -> SyncReport:
        """Change what has to, in one transaction; nothing of samples that were forgotten meanwhile."""
        report, sent = SyncReport(), {}
        ids = [tasks.sample_of(remote.data) for remote, _ in news]
        with self.place.store.session() as session:
            rows, histories = samples.locked(session, ids), labels.histories(session, ids)
            for (remote, changes), sample_id in zip(news, ids, strict=True):
                row = rows[sample_id]
                if row.has_content:
                    report += self._change(session, row, histories.get(sample_id, []), remote, changes)
                    sent[sample_id] = row, remote.id, changes.fresh
            self.place.keep_links(session, sent)
            session.commit()
        return report

    def _change(
        self, session: Session, row: SampleRow, history: list[CorrectionRow], remote: RemoteTask, changes: Changes
    ) -> SyncReport:
        for number in changes.gone:
            session.get_one(CorrectionRow, number).withdrawn_at = now()
        for answer in changes.answers:
            history.append(self._record(session, row, history, answer))
        again = sum(self._renew(session, row, history, *each) for each in changes.saved_again)
        if changes.gone:
            review_queue.reopen(session, row, SYSTEM)
        report = SyncReport(pulled=len(changes.answers) + again, withdrawn=int(changes.withdrawn))
        return report + self._skips(session, row, remote, changes.noted, changes.fresh)

    def _record(
        self, session: Session, row: SampleRow, history: list[CorrectionRow], answer: StandingAnswer
    ) -> CorrectionRow:
        who = self._who(answer.annotation)
        standing = [each for each in history if each.annotator == who and each.withdrawn_at is None]
        correction = CorrectionRow(
            value=answer.value,
            annotator=who,
            note="",
            source=SYSTEM,
            external_id=self._external(row.sample_id, answer.annotation.id),
            wrong_reason=answer.wrong_reason,
            # With a clock that runs ahead there it must not outdo what is said here tomorrow, with one that lags not
            # come before what the same person said earlier.
            corrected_at=max([min(answer.annotation.updated_at, now()), *(each.corrected_at for each in standing)]),
        )
        return review_queue.record(session, self.place.task, row, "label", correction)

    def _renew(
        self, session: Session, row: SampleRow, history: list[CorrectionRow], number: int, answer: StandingAnswer
    ) -> bool:
        """Let an answer that was given again count as given now; return whether that may change what counts."""
        correction, counting = session.get_one(CorrectionRow, number), labels.counting(session, row.sample_id)
        theirs = [one for one in history if one.annotator == correction.annotator and one.withdrawn_at is None]
        is_latest = max(theirs, key=lambda one: (one.corrected_at, one.id), default=correction).id == number
        if is_latest and counting is not None and counting.value == answer.value:
            correction.corrected_at = max(correction.corrected_at, min(answer.annotation.updated_at, now()))
            return False
        correction.withdrawn_at = now()  # a night looks for what is new by its number
        session.flush()
        renewed = self._record(session, row, history, answer)
        renewed.predicted_value, renewed.model_version = correction.predicted_value, correction.model_version
        history.append(renewed)
        return True

    def _skips(
        self, session: Session, row: SampleRow, remote: RemoteTask, noted: LinkState, fresh: LinkState
    ) -> SyncReport:
        """Put a sample off that was skipped there, and take that back where the skip is gone."""
        skip = tasks.skip_of(remote.annotations)
        if fresh.skipped and skip is not None:
            same = noted.skipped and noted.annotations.get(str(skip.id)) == skip.updated_at.isoformat()
            if not same and row.state in WAITING:
                review_queue.move(session, row, "skip", self._who(skip))
                return SyncReport(skipped=1)
        elif noted.skipped and not fresh.skipped and row.state == SampleState.SKIPPED:
            review_queue.move(session, row, "undo", SYSTEM)
            return SyncReport(withdrawn=1)
        return SyncReport()

    def _as_marked(self, answer: StandingAnswer, row: SampleRow, correction: CorrectionRow | None) -> StandingAnswer:
        """Return the answer with its mark only where it may have one: on a value that the model gave.

        Nothing there keeps anybody from marking another one: then the mark is left out. One that was taken over
        stands, whatever the model says since.
        """
        if not answer.wrong_reason:
            return answer
        task = self.place.task
        may = predictions.agrees(task, predictions.guess_about(task, row, answer.value).value, answer.value)
        may = may or (correction is not None and correction.wrong_reason and correction.value == answer.value)
        return replace(answer, wrong_reason=may)

    def _says(self, correction: CorrectionRow, answer: StandingAnswer) -> bool:
        external = self._external(correction.sample_id, answer.annotation.id)
        expected = (external, answer.value, answer.wrong_reason)
        return (correction.external_id, correction.value, correction.wrong_reason) == expected

    def _who(self, annotation: Annotation) -> str:
        name = characters.canonical_name(self._people.get(annotation.annotator or 0, NOBODY))
        return name[: review_queue.NAME_CHARS] or NOBODY

    def _external(self, sample_id: str, annotation: int) -> str:
        # Numbers start anew on another server, or where this one was set up again: place and sample tell them apart.
        return f"{self.place.id}/{sample_id[:16]}/{annotation}"

    @cached_property
    def _people(self) -> dict[int, str]:
        return self.place.client.people()
