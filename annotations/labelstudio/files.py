"""The media on the server: in one project of their own, named by their sample, so that they can be found and erased."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.remote import Project, UploadedFile
from annotations.labelstudio.remote_projects import ProjectFinder
from annotations.labelstudio.translation import tasks
from annotations.labelstudio.translation.tasks import TaskPayload
from annotations.store import Store
from mmdemo.errors import LabelStudioError

_DATA = "/data/"
_UPLOAD = f"{_DATA}upload/"
PROBES = 100  # files that another user's key sent, which one round asks after one by one: they are not listed
AT_ONCE = 100  # files; the server takes no more in one request
NAME = "(media)"  # in the store: what the project of the files is called; no task is called so


class ShownFiles:
    """Which files the server's page can show. It is one list; only what that leaves out is asked after by itself."""

    def __init__(
        self, client: Client, uploads: Iterable[UploadedFile], projects: Iterable[Project], probes: int = PROBES
    ) -> None:
        """`uploads`: those of the media project; `projects`: all there; `probes`: how many files are asked after."""
        self._client, self._probes = client, probes
        self._addresses = {upload.url for upload in uploads if upload.stored}
        self._projects = {str(project.id) for project in projects}

    def lacks(self, addresses: Iterable[object], noted: Iterable[tuple[int, str]]) -> bool:
        """Whether a task's data name an uploaded file that can't be shown.

        It was deleted, alone or with its project; its bytes are gone; or the page lies under another path now. `noted`:
        ids and paths of the sample's files as they were sent.
        """
        numbers = {path: number for number, path in noted}
        named = (address for address in addresses if isinstance(address, str) and _UPLOAD in address)
        return not all(address in self._addresses or self._is_hidden(address, numbers) for address in named)

    def _is_hidden(self, address: str, numbers: Mapping[str, int]) -> bool:
        """Whether a file is there and not listed, since another user's key sent it; taken for true after PROBES."""
        path = address[address.index(_UPLOAD) + len(_DATA) :]
        if path not in numbers or path.split("/")[1] not in self._projects:
            return False
        if not self._probes:
            return True
        self._probes -= 1
        upload = self._client.uploaded(numbers[path])
        return upload is not None and upload.stored and upload.url == address


class Files:
    """The uploaded files, as they were when the round began and as it changes them."""

    def __init__(self, client: Client, store: Store, projects: list[Project], folder: Path | None) -> None:
        """`projects`: those that are there; `folder`: the server's media folder, where this machine can reach it."""
        self._client, self._store, self._folder = client, store, folder
        self._projects = projects
        self._site = ProjectFinder(client, store, NAME, tasks.MEDIA_TITLE, tasks.MEDIA_MARK)
        existing = self._site.find(self._projects)
        self._project = existing and existing[0]
        self._uploads: dict[str, list[UploadedFile]] = {}  # sample id → its files
        self.shown: ShownFiles | None = None  # which files can be shown, where all were asked for
        self.leftover: list[str] = []  # files that are no longer served but still lie on the server's disk

    @property
    def project(self) -> int | None:
        """The project that holds them, None where there is none yet."""
        return self._project.id if self._project else None

    def read_all(self) -> None:
        """Ask for all files that are there. A round that reads only what changed goes by what was noted."""
        uploads = self._client.uploads(self._project.id) if self._project else []
        self._uploads = {}
        self._add(uploads)
        self.shown = ShownFiles(self._client, uploads, self._projects)

    def owners(self) -> set[str]:
        """Return the ids of the samples whose files are there."""
        return set(self._uploads)

    def send(self, outgoing: Iterable[TaskPayload]) -> None:
        """Upload what these samples need and is not there."""
        missing = {  # the name under which a file is sent → its name under the media folder
            name: file
            for each in outgoing
            for file in each.files.values()
            if (name := tasks.upload_name(each.sample_id, file)) not in self._of(each.sample_id)
        }
        names = list(missing)
        for start in range(0, len(names), AT_ONCE):
            if self._project is None:
                self._project, _ = self._site.make(self._projects, tasks.MEDIA_DESCRIPTION, tasks.MEDIA_CONFIG)
            part = names[start : start + AT_ONCE]
            self._add(
                self._client.upload(self._project.id, {n: (self._store.media / missing[n]).read_bytes() for n in part})
            )

    def of(self, sample: TaskPayload) -> dict[str, UploadedFile]:
        """Return modality → uploaded file of a sample that was sent. Raises LabelStudioError."""
        names = self._of(sample.sample_id)
        uploads = {kind: names.get(tasks.upload_name(sample.sample_id, name)) for kind, name in sample.files.items()}
        if None in uploads.values():
            detail = "an uploaded file is not listed"
            raise LabelStudioError("label_studio_strange", url=self._client.url, detail=detail)
        return {modality: upload for modality, upload in uploads.items() if upload}

    def erase(self, sample_id: str, noted: Iterable[tuple[int, str]]) -> None:
        """Delete a sample's files: those that are listed, and those `noted` (id, path) when they were sent."""
        listed = {upload.id: upload.path for upload in self._uploads.get(sample_id, ())}
        for number, path in {**dict(noted), **listed}.items():
            # The server forgets a deleted file but keeps its bytes: they go first, while somebody still knows of them.
            if not self._unlink(path):
                self.leftover.append(path)
            self._client.delete_upload(number, path)
        self._uploads.pop(sample_id, None)

    def _add(self, uploads: Iterable[UploadedFile]) -> None:
        for upload in uploads:
            owner = tasks.sample_of_upload(upload.name)
            if owner:
                self._uploads.setdefault(owner, []).append(upload)

    def _of(self, sample_id: str) -> dict[str, UploadedFile]:
        """Return a sample's files by the name under which they were sent, which stands behind a prefix there."""
        stored = (upload for upload in self._uploads.get(sample_id, ()) if upload.stored)
        return {upload.name.rsplit("-", 1)[-1]: upload for upload in stored}

    def _unlink(self, path: str) -> bool:
        if self._folder is None:
            return False
        file = (self._folder / path).resolve()
        if not file.is_relative_to(self._folder.resolve()):
            return False
        try:
            file.unlink(missing_ok=True)
        except OSError:  # the server's files may belong to another user
            return False
        return True
