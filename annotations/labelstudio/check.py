"""What is missing or dangerous about the Label Studio server, in words, and how to mend it. Nothing is changed."""

import ipaddress
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import urlsplit

from annotations.labelstudio import remote_projects
from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.remote import Project
from annotations.labelstudio.files import NAME as MEDIA
from annotations.labelstudio.files import ShownFiles
from annotations.labelstudio.health import is_sick, lacks_files, outgoing
from annotations.labelstudio.index import Index
from annotations.labelstudio.remote_projects import RemoteProject
from annotations.labelstudio.translation import tasks
from annotations.store import Store, open_store, remote_links
from mmdemo import tasks as known_tasks
from mmdemo.errors import LabelStudioError
from mmdemo.process import environment
from mmdemo.settings import Settings
from mmdemo.values.review import Reason

CLOCK_S = 60  # by which two clocks may differ: what was said later counts
_NOWHERE = ("192.0.2.1", 9)  # an address of no machine: asking for the way there sends nothing


def run(settings: Settings, connect: Callable[[str, str], Client] = Client) -> list[Reason]:
    """Return what is wrong, the worst first; nothing where all is well. Raises StorageError."""
    missing = [] if settings.label_studio_url else ["LABEL_STUDIO_URL"]
    missing += [] if settings.label_studio_api_key else ["LABEL_STUDIO_API_KEY"]
    if missing:
        return [Reason("error.label_studio_not_set", {"missing": ", ".join(missing)})]
    try:
        with connect(settings.label_studio_url, settings.label_studio_api_key) as client:
            return [*_dangers(client), *_prefix(client), *_clock(client), *_projects(client, settings)]
    except LabelStudioError as error:
        return [Reason(f"error.{error.key}", {name: str(value) for name, value in error.values.items()})]


def _dangers(client: Client) -> Iterator[Reason]:
    url = urlsplit(client.url)
    if client.signs_up_strangers():
        yield Reason("cli.check_signup", {"url": client.url})
    if not environment.is_loopback(url.hostname or ""):
        if url.scheme != "https":
            yield Reason("cli.check_plain", {"url": client.url})
    elif _listens_outside(url.port or 80):
        yield Reason("cli.check_open", {"port": url.port or 80})


def _listens_outside(port: int) -> bool:
    """Whether what listens on this machine's loopback is reached by its address in the network too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(_NOWHERE)
            address = way.getsockname()[0]
        except OSError:  # it has no network
            return False
    if ipaddress.ip_address(address).is_loopback:
        return False
    with socket.socket() as tried:
        tried.settimeout(1)
        return tried.connect_ex((address, port)) == 0


def _prefix(client: Client) -> Iterator[Reason]:
    """Yield what is wrong where the server does not know under which path its callers find it."""
    path = urlsplit(client.url).path.rstrip("/")
    if path and path != client.prefix:
        yield Reason("cli.check_prefix", {"url": client.url.rstrip("/"), "own": client.prefix or "/"})


def _clock(client: Client) -> Iterator[Reason]:
    there = client.clock()
    off = 0.0 if there is None else abs((datetime.now(UTC) - there).total_seconds())
    if off > CLOCK_S:
        yield Reason("cli.check_clock", {"seconds": round(off)})


def _projects(client: Client, settings: Settings) -> Iterator[Reason]:
    projects = client.projects()
    with closing(open_store(settings)) as store:
        media = yield from _project(client, store, MEDIA, tasks.MEDIA_TITLE, tasks.MEDIA_MARK, projects)
        shown_files = ShownFiles(client, client.uploads(media.id) if media else (), projects)
        for task in known_tasks.load_all(settings.task_dir).values():
            ours = yield from _project(client, store, task.name, tasks.title(task), tasks.mark(task), projects)
            if ours is not None:
                number = tasks.place_of(ours.description) or ""
                here = RemoteProject(client, store, task, ours, number, Index(task)).with_links(None)
                yield from _sick(here, shown_files)
    if settings.label_studio_media is None:
        yield Reason("cli.check_media")


def _project(
    client: Client, store: Store, name: str, title: str, mark: str, projects: list[Project]
) -> Generator[Reason, None, Project | None]:
    """Yield what is wrong with one project; return it where it is there."""
    with store.reading() as session:
        places = remote_links.standing_places(session, remote_projects.SYSTEM, name)
        closed = remote_links.places(session, remote_projects.SYSTEM, name).keys() - places.keys()
    ours = next((each for each in projects if tasks.place_of(each.description) in places), None)
    at_this_address = [row for row in places.values() if row.project and row.extra.get("url") == client.url]
    if ours is None and at_this_address:
        yield Reason("cli.check_gone", {"title": title, "number": at_this_address[0].project})
    for each in projects:
        if each.title != title or each == ours or tasks.place_of(each.description) in closed:
            continue
        stranger = mark not in each.description
        values: dict[str, str | int] = {"title": title, "number": each.id}
        yield Reason("cli.check_taken" if stranger else "cli.check_other_home", values)
    return ours


def _sick(here: RemoteProject, shown_files: ShownFiles) -> Iterator[Reason]:
    there = {str(remote.data.get(tasks.SAMPLE_ID)): remote for remote in here.client.tasks(here.project.id)}
    pairs = [(row, there[name]) for name, row in here.rows(there).items() if row.has_content]
    share = here.task.gate.held_out_share
    sick = sum(is_sick(here.task, remote, outgoing(row, share, bare=True)) for row, remote in pairs)
    if sick:
        yield Reason("cli.check_sick", {"task": here.task.name, "count": sick})
    unseen = sum(lacks_files(row, remote, shown_files, here.noted(row.sample_id, remote.id)) for row, remote in pairs)
    if unseen:
        yield Reason("cli.check_unseen", {"task": here.task.name, "count": unseen})
