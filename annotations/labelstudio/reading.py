"""What a round reads of one project there: what changed on either side since the round before, or everything."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from annotations.labelstudio.connection.remote import RemoteTask
from annotations.labelstudio.index import Index, last_change
from annotations.labelstudio.remote_projects import RemoteProject
from annotations.labelstudio.translation import tasks

LOOKS = 3  # at changes and counts, which people may move between two requests


@dataclass(frozen=True)
class Reading:
    """The tasks that a round looks at."""

    there: dict[str, RemoteTask]  # sample id → its task, with the annotations of all its copies
    copies: list[RemoteTask]  # second tasks of these samples
    idle: bool = False  # nothing changed on either side


def changes(here: RemoteProject) -> tuple[RemoteProject, Reading] | None:
    """Read what changed since the index was made; None where everything must be read. Raises LabelStudioError."""
    remotes = _changed_there(here)
    if remotes is None:
        return None
    links = here.out_of_step()  # of samples that are queued, forgotten or answered here
    samples = {*links, *(tasks.sample_of(remote.data) for remote in remotes.values())} - {""}
    here = here.with_links(samples)
    numbers = here.index.numbers_of(samples) | {here.number_of(sample_id) for sample_id in here.links}
    unread = sorted(numbers - remotes.keys())
    remotes |= here.read(unread)
    return here, Reading(*by_sample(remotes.values()), idle=not samples)


def everything(here: RemoteProject, clock: Callable[[], float]) -> tuple[RemoteProject, Reading]:
    """Read all tasks, and ask by number for those that were sent and are not among them. Raises LabelStudioError."""
    client, project = here.client, here.project.id
    newest = client.newest_change(project)
    index = Index(here.task, last_change([newest] if newest else [], client.last_answer_at), clock)
    remotes = {remote.id: remote for remote in client.tasks(project)}
    index.note(remotes.values())
    here = replace(here, index=index).with_links(None)
    remotes |= here.read(sorted({here.number_of(sample_id) for sample_id in here.links} - remotes.keys()))
    return here, Reading(*by_sample(remotes.values()))


def _changed_there(here: RemoteProject) -> dict[int, RemoteTask] | None:
    remotes: dict[int, RemoteTask] = {}
    counts = here.project.counts
    for look in range(LOOKS):
        changed = here.index.changed(here.client, here.project.id, sweep=look > 0)
        if changed is None:
            return None
        read, unread = changed
        remotes |= {remote.id: remote for remote in read} | here.read(unread)
        if here.index.counts() == counts:
            return remotes
        counts = here.client.counts(here.project.id)
    return None


def by_sample(remotes: Iterable[RemoteTask]) -> tuple[dict[str, RemoteTask], list[RemoteTask]]:
    """Return sample id → its task, with the annotations of all its copies; and these copies.

    An import that was cut off may have been done twice. Tasks that people made there themselves are left out.
    """
    there: dict[str, RemoteTask] = {}
    copies: list[RemoteTask] = []
    for remote in sorted(remotes, key=lambda remote: (not remote.annotations, remote.id)):
        sample_id = tasks.sample_of(remote.data)
        if not sample_id:
            continue
        if sample_id in there:
            copies.append(remote)
            first = there[sample_id]
            there[sample_id] = replace(first, annotations=first.annotations + remote.annotations)
        else:
            there[sample_id] = remote
    return there, copies
