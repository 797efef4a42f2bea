"""Where things live: one task in one Label Studio project, with what the store notes about it.

A project is known by a random id that is written into its description: a server may be reached by several names, a new
server counts its projects anew, and two home folders may share one.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from annotations import review_queue
from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.remote import Project, RemoteTask
from annotations.labelstudio.index import Index
from annotations.labelstudio.translation import tasks
from annotations.schema import RemoteLinkRow, RemoteProjectRow, SampleRow
from annotations.store import Session, Store, remote_links
from mmdemo.errors import LabelStudioError
from mmdemo.tasks import Task
from mmdemo.values.review import CorrectionSource, SampleState

SYSTEM = CorrectionSource.LABEL_STUDIO  # in the store: the outside system, and the source of its corrections


@dataclass(frozen=True)
class LinkState:
    """What the store notes about a sample that lives there."""

    files: tuple[tuple[int, str], ...] = ()  # ids and paths of its uploads: another user's key does not list them
    annotations: dict[str, str] = field(default_factory=dict)  # those that were looked at: id → when it was changed
    skipped: bool = False  # whether they put the sample off

    @classmethod
    def read(cls, extra: dict[str, Any]) -> "LinkState":
        """Return what `extra` of a link holds; an earlier release noted one annotation alone."""
        only = {str(extra["annotation"]): extra.get("updated_at", "")} if extra.get("annotation") is not None else {}
        files = tuple((number, path) for number, path in extra.get("files", ()))
        return cls(files, extra.get("annotations", only), bool(extra.get("skipped", False)))

    def written(self) -> dict[str, Any]:
        """Return it as `extra` of a link."""
        return {**vars(self), "files": [list(file) for file in self.files]}


@dataclass(frozen=True)
class RemoteProject:
    """A task's project there, and the store here."""

    client: Client
    store: Store
    task: Task
    project: Project
    id: str  # the random one in the project's description
    index: Index
    links: dict[str, RemoteLinkRow] = field(default_factory=dict)  # sample id → link, of the samples of this round
    elsewhere: frozenset[str] = frozenset()  # samples that people answered in projects whose successor this one is
    closed: bool = False  # it has a successor: what was answered stays and is read, nothing more is asked

    def read(self, numbers: Sequence[int]) -> dict[int, RemoteTask]:
        """Read these tasks; return those that are there, by their number."""
        remotes = self._fetch(numbers)
        self.index.drop(numbers)
        self.index.note(remotes.values())
        return remotes

    def check(self, numbers: Sequence[int]) -> dict[int, RemoteTask]:
        """Read tasks of which this round won't bring over what people say; return those that are there."""
        remotes = self._fetch(numbers)
        unanswered = [each for each in remotes.values() if each.id not in self.index and not each.annotations]
        self.index.drop([number for number in numbers if number not in remotes])
        self.index.note(remotes.values(), settled=False)
        self.index.note(unanswered)  # just sent
        return remotes

    def _fetch(self, numbers: Sequence[int]) -> dict[int, RemoteTask]:
        return {remote.id: remote for remote in self.client.tasks(self.project.id, numbers)} if numbers else {}

    def delete_unanswered(self, numbers: Sequence[int]) -> dict[int, RemoteTask]:
        """Delete tasks that nobody annotated; return those that are still there: an answer wins."""
        if not numbers:
            return {}
        # A project that is emptied at once loses its tabs there, so its last task is left to the second way.
        at_once = numbers[:-1] if len(numbers) == len(self.index) else numbers
        self.client.delete_unanswered(self.project.id, at_once)
        remotes = self.check(numbers)
        for number in [number for number, remote in remotes.items() if not remote.annotations]:
            self.delete(number)
            del remotes[number]
        return remotes

    def delete(self, number: int) -> None:
        """Delete a task, if it is there."""
        self.client.delete_task(number)
        self.index.drop([number])

    def with_links(self, sample_ids: Iterable[str] | None) -> "RemoteProject":
        """Return it with the links of these samples; None: of all."""
        with self.store.reading() as session:
            ids = None if sample_ids is None else list(sample_ids)
            rows = remote_links.links(session, SYSTEM, self.id, self.task.name, ids)
        return replace(self, links={link.sample_id: link for link in rows})

    def unsent(self) -> Sequence[SampleRow]:
        """Return the samples that wait and don't lie there, in Review's order; none for a place that is closed."""
        if self.closed:
            return []
        with self.store.reading() as session:
            share = self.task.gate.held_out_share
            return remote_links.unsent(session, SYSTEM, self.id, self.task.name, share)

    def number_of(self, sample_id: str) -> int:
        """Return the task of a sample of this round that was sent."""
        return int(self.links[sample_id].external_id)

    def out_of_step(self) -> set[str]:
        """Return the samples of which only this side says that something is to be done about them there."""
        with self.store.reading() as session:
            unsent = [] if self.closed else remote_links.unsent_ids(session, SYSTEM, self.id, self.task.name)
            return {*unsent, *remote_links.out_of_step(session, SYSTEM, self.id, self.task.name)}

    def rows(self, sample_ids: Iterable[str], predictions: bool = True) -> dict[str, SampleRow]:
        """Return those of these samples that are this task's, as they are now; or without what models said of them."""
        with self.store.reading() as session:
            return remote_links.samples_of(session, self.task.name, list(sample_ids), predictions)

    def noted(self, sample_id: str, remote: int | None = None) -> LinkState:
        """Return what was noted about a sample, or nothing where that was about another task than `remote`."""
        link = self.links.get(sample_id)
        if link is None or (remote is not None and link.external_id != str(remote)):
            return LinkState()
        return LinkState.read(link.extra)

    def keep_links(self, session: Session, sent: Mapping[str, tuple[SampleRow, int, LinkState]]) -> None:
        """Note where samples lie there: their task, and what is noted; those that are queued here count as sent."""
        links = {name: (row, number, noted.written()) for name, (row, number, noted) in sent.items()}
        remote_links.keep_links(session, SYSTEM, self.id, self.project.id, links)
        for row, _, _ in sent.values():
            if row.state == SampleState.QUEUED and row.has_content:
                review_queue.move(session, row, "send", SYSTEM)

    def drop_links(self, sample_ids: Collection[str]) -> None:
        """Note that samples lie there no longer."""
        if sample_ids:
            with self.store.session() as session:
                remote_links.drop_links(session, SYSTEM, self.id, sample_ids)
                session.commit()

    def note_versions(self, versions: Iterable[str]) -> frozenset[str]:
        """Note whose guesses are sent there, before they are; return all whose guesses ever were."""
        with self.store.reading() as session:
            sent = remote_links.versions_sent(session, SYSTEM, self.id, self.task.name)
        new = frozenset(versions) - sent - {""}
        if new:
            with self.store.session() as session:
                remote_links.note_versions(session, SYSTEM, self.id, self.task.name, sorted(sent | new))
                session.commit()
        return sent | new

    def note_guesses(self, versions: Mapping[str, str]) -> None:
        """Note of samples whose tasks are as they should be of which version their guess is: sample id → version."""
        noted = {sample_id: link.model_version for sample_id, link in self.links.items()}
        new = {sample_id: version for sample_id, version in versions.items() if noted.get(sample_id) != version}
        if new:
            with self.store.session() as session:
                remote_links.note_guesses(session, SYSTEM, self.id, new)
                session.commit()

    def preselect(self) -> None:
        """Have the project's page preselect the guesses of the version that made most of those that wait."""
        with self.store.reading() as session:
            version = tasks.leading_version(remote_links.versions(session, SYSTEM, self.id, self.task.name))
        if version and version != self.project.model_version:
            self.client.set_model_version(self.project.id, version)


@dataclass(frozen=True)
class ProjectFinder:
    """How one project is found and made: that of a task, or that of the media."""

    client: Client
    store: Store
    name: str  # in the store: of the task, or what the media are called
    title: str
    mark: str  # what the description of such a project holds

    def find(self, projects: Iterable[Project]) -> tuple[Project, str] | None:
        """Return this home folder's project and its id. Raises LabelStudioError where a stranger's has the title."""
        listed = list(projects)
        with self.store.reading() as session:
            places = remote_links.standing_places(session, SYSTEM, self.name)
        existing = self._by_id(listed, places) or self._by_number(listed, places) or self._of_old(listed, places)
        if existing is None:
            return None
        project, place = existing
        row = places.get(place)
        if row is None or (row.project, row.extra.get("url")) != (str(project.id), self.client.url):
            self._note(place, str(project.id))
        if tasks.place_of(project.description) != place:
            self.client.set_description(project.id, tasks.with_place(project.description, place))
        return project, place

    def make(self, projects: list[Project], description: str, label_config: str) -> tuple[Project, str]:
        """Create the project and add it to `projects`.

        Its id is noted first, so that one whose making was not heard of is found again.
        """
        with self.store.reading() as session:
            places = remote_links.places(session, SYSTEM, self.name)
        place = next((server for server, row in places.items() if not row.project), None) or secrets.token_hex(8)
        self._note(place, "")
        title = self.title
        if any(project.title == title for project in projects):  # another home folder's: `find` refuses a stranger's
            title = f"{title[: tasks.TITLE_CHARS - 7]} ({place[:4]})"
        project = self.client.create_project(title, tasks.with_place(description, place), label_config)
        self._note(place, str(project.id))
        projects.append(project)
        return project, place

    def succeed(
        self, old: Project, place: str, projects: list[Project], description: str, label_config: str
    ) -> tuple[Project, str]:
        """Create the project that takes the place of `old`, which stays with what people said in it."""
        with self.store.session() as session:
            fresh = secrets.token_hex(8)
            remote_links.keep_project(session, SYSTEM, fresh, self.name, "", self.client.url)
            remote_links.succeed(session, SYSTEM, place, self.name, fresh)
            session.commit()  # before anything is made: a round that breaks off here is finished by the next
        successor, place = self.make(projects, description, label_config)
        self.client.set_description(old.id, tasks.continued(old.description, successor.id))
        return successor, place

    def closed(self, projects: Iterable[Project]) -> list[tuple[Project, str]]:
        """Return this home folder's projects that others took the place of, as far as they are there, oldest first."""
        listed = list(projects)
        with self.store.reading() as session:
            places = remote_links.places(session, SYSTEM, self.name)
        rows = [(place, row) for place, row in places.items() if remote_links.SUCCESSOR in row.extra]
        pairs = [self._by_id(listed, {place: row}) or self._by_number(listed, {place: row}) for place, row in rows]
        return sorted((pair for pair in pairs if pair), key=lambda pair: pair[0].id)

    def _by_id(self, projects: list[Project], places: dict[str, RemoteProjectRow]) -> tuple[Project, str] | None:
        ids = {project.id: tasks.place_of(project.description) for project in projects}
        ours = [(project, ids[project.id] or "") for project in projects if ids[project.id] in places]
        # A project can be copied with its description there: the one that was noted is it.
        return min(ours, key=lambda pair: (places[pair[1]].project != str(pair[0].id), pair[0].id), default=None)

    def _by_number(self, projects: list[Project], places: dict[str, RemoteProjectRow]) -> tuple[Project, str] | None:
        """Return one whose description lost the id: that of the number that was noted at this address."""
        for place, row in places.items():
            for project in projects:
                same = str(project.id) == row.project and row.extra.get("url") == self.client.url
                if same and tasks.place_of(project.description) is None and self._looks_ours(project):
                    return project, place
        return None

    def _of_old(self, projects: list[Project], places: dict[str, RemoteProjectRow]) -> tuple[Project, str] | None:
        """Return one that an earlier release made, which knew it by address and number, and give it an id."""
        of_old = [row for row in places.values() if "://" in row.server]
        nameless = [project for project in projects if tasks.place_of(project.description) is None]
        for row in sorted(of_old, key=lambda row: row.server != self.client.url):
            for project in nameless:
                if str(project.id) == row.project and self._looks_ours(project) and self._is_server_of(row, project):
                    place = secrets.token_hex(8)
                    prefix = urlsplit(row.server).netloc[:60]
                    with self.store.session() as session:
                        remote_links.rename_place(session, SYSTEM, self.name, row.server, place, prefix)
                        session.commit()
                    return project, place
        titled = [project for project in projects if project.title == self.title]
        for project in titled:
            if self.mark in project.description and project in nameless:
                return project, secrets.token_hex(8)
        taken = [project for project in titled if self.mark not in project.description]
        if taken:
            url = self.client.url
            raise LabelStudioError("label_studio_title_taken", title=self.title, url=url, number=taken[0].id)
        return None

    def _looks_ours(self, project: Project) -> bool:
        return self.mark in project.description or project.title == self.title

    def _is_server_of(self, row: RemoteProjectRow, project: Project) -> bool:
        """Whether an address is another name of the server that was known by a URL: a task that was sent lies there."""
        if row.server == self.client.url:
            return True
        with self.store.reading() as session:
            links = remote_links.links(session, SYSTEM, row.server, self.name)
        sent = {(link.external_id, link.sample_id) for link in links}
        there = self.client.tasks(project.id) if sent else []
        return any((str(task.id), task.data.get(tasks.SAMPLE_ID)) in sent for task in there)

    def _note(self, place: str, project: str) -> None:
        with self.store.session() as session:
            remote_links.keep_project(session, SYSTEM, place, self.name, project, self.client.url)
            session.commit()


def find_task(
    client: Client, store: Store, task: Task, projects: list[Project]
) -> tuple[RemoteProject, int, list[RemoteProject]]:
    """Return where a task lives, its project made or brought up to date; how many were made; and where it lived before.

    A project that the server won't bring up to date, since answers are of inputs that the task has no more, gets a
    successor. One that was made joins `projects`. Raises LabelStudioError where somebody else's project has the title.
    """
    site = ProjectFinder(client, store, task.name, tasks.title(task), tasks.mark(task))
    existing = site.find(projects)
    description, config = tasks.description(task), tasks.label_config(task)
    project, place = existing or site.make(projects, description, config)
    updated_config = tasks.brought_up(project.label_config, task)
    created = int(not existing)
    if existing and updated_config != project.label_config and not client.set_label_config(project.id, updated_config):
        project, place = site.succeed(project, place, projects, description, config)
        created = 1
    here = RemoteProject(client, store, task, project, place, Index(task))
    return here, created, [replace(here, project=old, id=number, closed=True) for old, number in site.closed(projects)]
