"""Whether a task there is as it should be, and mending it in place: people may be answering it.

Under load the server drops predictions and still answers that all went well, so what was sent is read back. A sample
that was drawn at random for a check is answered blind: its task has no map, and a guess that says nothing, by which it
gets its turn.
"""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from annotations.acquisition import strata
from annotations.labelstudio.connection.remote import RemoteGuess, RemoteTask
from annotations.labelstudio.files import Files, ShownFiles
from annotations.labelstudio.remote_projects import LinkState, RemoteProject
from annotations.labelstudio.translation import tasks
from annotations.labelstudio.translation.tasks import TaskPayload
from annotations.review_queue import predictions
from annotations.review_queue.predictions import Guess
from annotations.schema import SampleRow
from annotations.store import samples
from mmdemo.tasks import Task
from mmdemo.values.samples import FlagReason

BATCH = 200  # guesses that are added at once
AGES_S = 1e12  # longer than any clock shows, in seconds
DOUBTED = 0.01  # the least rank of what does not judge: behind all that does, for some 250 years


@dataclass(frozen=True)
class Health:
    """Compares the tasks of one place with what they should hold, and mends them."""

    place: RemoteProject
    files: Files

    def read_back(self, sent: Mapping[int, TaskPayload]) -> dict[int, RemoteTask]:
        """Read what was just sent (task → sample), mend it once, and return the tasks that are as they should be."""
        remotes = self.place.check(list(sent))
        sick = {
            number: sent[number] for number, remote in remotes.items() if is_sick(self.place.task, remote, sent[number])
        }
        if sick:
            self._mend([(remotes[number], sample) for number, sample in sick.items()])
            remotes |= self.place.check(list(sick))
        return {
            number: remote for number, remote in remotes.items() if not is_sick(self.place.task, remote, sent[number])
        }

    def mend(self, there: Mapping[str, RemoteTask]) -> int:
        """Mend what lies there and is not as it should be; return how many tasks that were."""
        rows = self._with_content(there, predictions=False)
        ours = self.place.note_versions(row.model_version for row in rows.values())  # an earlier release noted none
        suspects = self._with_content([name for name, row in rows.items() if not _keeps_its_guess(there[name], row)])
        sick = [
            row
            for sample_id, row in suspects.items()
            if is_sick(self.place.task, there[sample_id], self.outgoing(row, bare=True), ours)
        ]
        if sick:
            self._mend([(there[row.sample_id], self.outgoing(row)) for row in sick])
        lost = self._with_content(self._lost(rows, there))
        resent = {sample_id for sample_id, row in lost.items() if self._send_files(there[sample_id], row)}
        rows |= suspects | lost
        mended = resent | {row.sample_id for row in sick}
        again = self.place.check([there[sample_id].id for sample_id in mended])
        well = [row for row in rows.values() if row.sample_id not in mended or self._is_well(row, there, again, ours)]
        self.place.note_guesses({row.sample_id: row.scored_by for row in well})
        return len(mended)

    def _is_well(
        self, row: SampleRow, there: Mapping[str, RemoteTask], again: Mapping[int, RemoteTask], ours: Collection[str]
    ) -> bool:
        """Whether a task that was mended is as it should be `again`; what is not is looked at by the next round."""
        remote = again.get(there[row.sample_id].id)
        return remote is not None and not is_sick(self.place.task, remote, self.outgoing(row, bare=True), ours)

    def outgoing(self, row: SampleRow, bare: bool = False) -> TaskPayload:
        """Return what is sent of a sample; `bare`: without its map, which takes time to read."""
        return outgoing(row, self.place.task.gate.held_out_share, bare)

    def _with_content(self, sample_ids: Iterable[str], predictions: bool = True) -> dict[str, SampleRow]:
        rows = self.place.rows(sample_ids, predictions)
        return {sample_id: row for sample_id, row in rows.items() if row.has_content}

    def _lost(self, rows: Mapping[str, SampleRow], there: Mapping[str, RemoteTask]) -> list[str]:
        """Return those of these samples whose files the server's page can't show, where all files were asked for."""
        shown_files, noted = self.files.shown, self.place.noted
        if shown_files is None:
            return []
        shuffled = random.sample(list(rows.values()), len(rows))  # not everything can be asked after each time
        pairs = [(row, there[row.sample_id]) for row in shuffled]
        lacking = (row for row, task in pairs if lacks_files(row, task, shown_files, noted(row.sample_id, task.id)))
        return [row.sample_id for row in lacking]

    def _mend(self, sick: Sequence[tuple[RemoteTask, TaskPayload]]) -> None:
        ours = self.place.note_versions(sample.model_version for _, sample in sick)
        missing = []
        for remote, sample in sick:
            task, expected = self.place.task, tasks.guess(self.place.task, sample)
            for each in outdated(task, remote, sample, ours):
                self.place.client.delete_guess(each.id)
            self._show_map(remote, sample)
            if expected is not None and not _is_said(task, remote, sample):
                missing.append({**expected, "task": remote.id})
        for start in range(0, len(missing), BATCH):
            self.place.client.add_guesses(self.place.project.id, missing[start : start + BATCH])

    def _show_map(self, remote: RemoteTask, sample: TaskPayload) -> None:
        """Show where the model looked that made the guess; beside what was answered the map stays that was there."""
        data = tasks.payload(self.place.task, sample, {"image": remote.data.get("image", "")})["data"]
        is_blind = sample.blind
        if remote.data.get(tasks.LOOKED) != data[tasks.LOOKED] and (is_blind or not remote.annotations):
            self.place.client.set_data(remote.id, {**remote.data, tasks.LOOKED: data[tasks.LOOKED]})

    def _send_files(self, remote: RemoteTask, row: SampleRow) -> bool:
        """Send what is lost of a sample's files, and name them in its task; False where they are missing here too."""
        sample = self.outgoing(row)
        if not all((self.place.store.media / name).is_file() for name in sample.files.values()):
            return False
        self.files.send([sample])
        uploads = self.files.of(sample)
        body = tasks.payload(self.place.task, sample, {kind: file.url for kind, file in uploads.items()})
        self.place.client.set_data(remote.id, {**remote.data, **body["data"]})
        noted = self.place.noted(sample.sample_id, remote.id)
        with self.place.store.session() as session:
            fresh = replace(noted, files=tuple((file.id, file.path) for file in uploads.values()))
            there = (samples.get(session, sample.sample_id), remote.id, fresh)
            self.place.keep_links(session, {sample.sample_id: there})
            session.commit()
        return True


def _keeps_its_guess(remote: RemoteTask, row: SampleRow) -> bool:
    """Whether a task is as it should be whatever is guessed now: what was answered keeps the guess beside it."""
    return not row.is_check and bool(remote.annotations and remote.guesses)


def is_sick(task: Task, remote: RemoteTask, sample: TaskPayload, ours: Collection[str] = ()) -> bool:
    """Whether a task there lacks the guess that it should have, or shows one or a map that it should not.

    `ours`: the versions whose guesses were sent from here. What was answered keeps the guess beside which it was.
    """
    if sample.blind and (remote.data.get(tasks.LOOKED) or outdated(task, remote, sample, ours)):
        return True
    if tasks.guess(task, sample) is None:
        return False
    if remote.annotations:
        return not (remote.guesses or sample.blind)
    return not _is_said(task, remote, sample) or bool(outdated(task, remote, sample, ours))


def outdated(task: Task, remote: RemoteTask, sample: TaskPayload, ours: Collection[str]) -> list[RemoteGuess]:
    """Return the guesses there that another one of ours took the place of; of a blind task all that say anything."""
    if remote.annotations and not sample.blind:
        return []
    current = (sample.model_version, sample.value)
    others = [each for each in remote.guesses if _said(each, task) != current]
    return [each for each in others if sample.blind or each.model_version in ours]


def _is_said(task: Task, remote: RemoteTask, sample: TaskPayload) -> bool:
    return (sample.model_version, sample.value) in {_said(each, task) for each in remote.guesses}


def _said(guess: RemoteGuess, task: Task) -> tuple[str, str | None]:
    return guess.model_version, tasks.value_of(guess.result, task)


def lacks_files(row: SampleRow, remote: RemoteTask, shown_files: ShownFiles, noted: LinkState) -> bool:
    """Whether a task there names a picture or sound of its sample that the server's page can't show."""
    return shown_files.lacks([remote.data.get(modality) for modality in _files(row)], noted.files)


def outgoing(row: SampleRow, share: float, bare: bool = False) -> TaskPayload:
    """Return what is sent of a sample of a task that sets `share` aside; `bare`: without its map, slow to read."""
    reason = FlagReason.AUDIT if row.is_check else row.reason or ""  # whatever was said of its answer
    guess = predictions.guess_shown(row)
    base = TaskPayload(
        row.sample_id,
        row.caption,
        _files(row),
        model_version=row.scored_by if row.is_check else guess.model_version,
        reason=reason,
        blind=row.is_check,
        rank=_rank(row, guess, share),
    )
    if row.is_check:
        return base
    score = None if guess.capped else guess.confidence
    explanation = None if bare else predictions.explanation_shown(row)
    return replace(base, value=guess.value or None, score=score, suggested=row.suggested or "", explanation=explanation)


def _rank(row: SampleRow, guess: Guess, share: float) -> float:
    """Return by what the server orders: what judges versions as it came, then the most doubtful, as Review does."""
    if row.stratum is not None and strata.is_set_aside(row, share):
        return row.created_at.timestamp() / AGES_S
    return DOUBTED if guess.capped else max(DOUBTED, guess.confidence)


def _files(row: SampleRow) -> dict[str, str]:
    files = {"image": row.image, "audio": row.audio}
    return {modality: name for modality, name in files.items() if name}
