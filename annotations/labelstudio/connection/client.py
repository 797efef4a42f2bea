"""The seam to Label Studio: the few things asked of it, in our own values, with its failures as LabelStudioError.

Nothing else knows its SDK. Both kinds of key work: legacy tokens, and personal access tokens, which the SDK exchanges
for short-lived ones. Nothing is tried again here: an import that went through unheard must not happen twice.
"""

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

from annotations.labelstudio.connection.remote import (
    COUNTS,
    PROJECT_FIELDS,
    TASK_FIELDS,
    Counts,
    Project,
    RemoteTask,
    UploadedFile,
    body_of,
    changed_between,
    compare,
    detail_of,
    selection,
)
from mmdemo.errors import LabelStudioError
from mmdemo.process import environment

TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # seconds
PAGE = 200  # tasks or projects in one answer
PAGE_OF_CHANGES = 1000  # numbers of tasks
SMALLEST_FILE = 128  # bytes; its page takes a smaller picture for a failed download, and zeros at the end change none
_LOGIN = "/user/login/"  # where its page sends strangers, behind the path under which it lies
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class Client:
    """A connection to one server, opened with a key that it takes. Every method raises LabelStudioError."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.strip().rstrip("/") + "/"  # with its slash: the SDK resolves paths against it
        self._date = ""  # of the last answer
        self._http = self._connection()
        try:
            with self._translated():
                self._sdk = LabelStudio(base_url=self.url, api_key=key.strip(), httpx_client=self._http, max_retries=0)
                self._sdk.users.whoami()
        except BaseException:
            self._http.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def people(self) -> dict[int, str]:
        """Return user id → e-mail address, or name where there is none."""
        with self._translated():
            return {user.id: user.email or user.username or f"user {user.id}" for user in self._sdk.users.list()}

    def projects(self) -> list[Project]:
        """Return all projects that the key may see, oldest first."""
        with self._translated():
            listed: Any = self._sdk.projects.list(page_size=PAGE, include=PROJECT_FIELDS)
            raw = list(listed.items or [])
            while listed and listed.response.next:  # the SDK alone asks for one page too many
                listed = listed.next_page()
                raw += (listed and listed.items) or []
            return sorted(map(Project.read, raw), key=lambda project: project.id)

    def counts(self, project: int) -> Counts:
        """Return how much lies in a project now."""
        with self._translated():
            listed: Any = self._sdk.projects.list_counts(ids=str(project), include=COUNTS)
            return next((Counts.read(raw) for raw in listed.results or []), Counts())

    def create_project(self, title: str, description: str, label_config: str) -> Project:
        """Create a project that asks by the score of its predictions, least first, and takes no empty answer."""
        with self._translated():
            raw = self._sdk.projects.create(
                title=title,
                description=description,
                label_config=label_config,
                sampling="Uncertainty sampling",
                enable_empty_annotation=False,
            )
            return Project.read(raw)

    def set_label_config(self, project: int, label_config: str) -> bool:
        """Replace a project's label config; False where the server refuses it, since annotations contradict it."""
        with self._translated(HTTPStatus.BAD_REQUEST):
            self._sdk.projects.update(id=project, label_config=label_config)
            return True
        return False

    def set_description(self, project: int, description: str) -> None:
        """Replace a project's description."""
        with self._translated():
            self._sdk.projects.update(id=project, description=description)

    def set_model_version(self, project: int, version: str) -> None:
        """Say whose predictions the project's page preselects."""
        with self._translated():
            self._sdk.projects.update(id=project, model_version=version)

    def uploads(self, project: int, only: Sequence[int] | None = None) -> list[UploadedFile]:
        """Return the files that were uploaded to a project by the user of this key, all or those of `only`."""
        more = {"all": "true"} if only is None else {"ids": json.dumps(list(only))}
        listed = self.call("GET", f"api/projects/{project}/file-uploads", params=more)
        with self._translated():
            return [self._upload(raw) for raw in listed]

    def uploaded(self, upload: int) -> UploadedFile | None:
        """Return one uploaded file, whoever uploaded it; None where it is gone."""
        with self._translated(HTTPStatus.NOT_FOUND):
            return self._upload(self._sdk.files.get(id=upload).model_dump(exclude_unset=True))
        return None

    def _upload(self, raw: Mapping[str, Any]) -> UploadedFile:
        stored = raw.get("size", 0) is not None  # of what it can't read it says null
        return UploadedFile(
            raw["id"], raw["file"].rsplit("/", 1)[-1], raw["file"], f"{self.prefix}/data/{raw['file']}", stored
        )

    def upload(self, project: int, files: Mapping[str, bytes]) -> list[UploadedFile]:
        """Upload files, name → bytes, to a project whose config has no data key."""
        padded = {name: data.ljust(SMALLEST_FILE, b"\0") for name, data in files.items()}
        parts = {str(number): part for number, part in enumerate(padded.items())}
        once = {"commit_to_project": "false"}
        answer = self.call("POST", f"api/projects/{project}/import", files=parts, params=once)
        with self._translated():
            numbers = answer["file_upload_ids"]
        return self.uploads(project, numbers)

    def delete_upload(self, upload: int, path: str) -> None:
        """Have a file served no longer; the server keeps its bytes on its own disk.

        Nothing is deleted where it is gone, or where that number is another file's: a server that was set up anew
        counts anew.
        """
        with self._translated(HTTPStatus.NOT_FOUND):
            if self._sdk.files.get(id=upload).file == path:
                self._sdk.files.delete(id=upload)

    def tasks(self, project: int, only: Sequence[int] | None = None) -> list[RemoteTask]:
        """Return the tasks of a project, all or those of `only`, with annotations and guesses, oldest first.

        None is left out where others are deleted meanwhile: each page begins behind the last one's highest number.
        """
        if only is None:
            raw = self._pages(project, [], TASK_FIELDS, PAGE)
        else:  # to select none is to select all there
            parts = [list(only[start : start + PAGE]) for start in range(0, len(only), PAGE)]
            raw = [task for part in parts for task in self._page(project, selection(part), TASK_FIELDS, PAGE)]
        with self._translated():
            return sorted((RemoteTask.read(task) for task in raw), key=lambda task: task.id)

    def changed(self, project: int, since: datetime | None, until: datetime | None = None) -> dict[int, datetime]:
        """Return number → last change of the tasks that last changed after a moment of the server's clock.

        None: of all; `until`: only up to that moment.
        """
        raw = self._pages(project, changed_between(since, until), "id,updated_at", PAGE_OF_CHANGES)
        with self._translated():
            return {task["id"]: datetime.fromisoformat(task["updated_at"]) for task in raw}

    def changed_tasks(self, project: int, since: datetime | None) -> list[RemoteTask]:
        """Return these tasks with annotations and guesses: to list before what all has to be read takes longer."""
        raw = self._pages(project, changed_between(since), TASK_FIELDS, PAGE)
        with self._translated():
            return [RemoteTask.read(task) for task in raw]

    def newest_change(self, project: int) -> datetime | None:
        """Return when a task of a project last changed, by the server's clock; None where it has no tasks."""
        raw = self._page(project, {"ordering": ["-tasks:updated_at"]}, "id,updated_at", 1)
        with self._translated():
            return datetime.fromisoformat(raw[0]["updated_at"]) if raw else None

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> list[int]:
        """Create tasks with their predictions and return their ids, in the same order. Twice makes them twice."""
        with self._translated():
            request: Any = list(tasks)
            response: Any = self._sdk.projects.import_tasks(id=project, request=request, return_task_ids=True)
            numbers = list(response.task_ids or [])
            if len(numbers) != len(tasks):
                raise ValueError(f"{len(tasks)} tasks were imported and {len(numbers)} named")
            return numbers

    def set_data(self, task: int, data: Mapping[str, Any]) -> None:
        """Replace a task's data, if it is there; its annotations and guesses stay."""
        with self._translated(HTTPStatus.NOT_FOUND):
            self._sdk.tasks.update(id=str(task), data=dict(data))

    def add_guesses(self, project: int, guesses: Sequence[Mapping[str, Any]]) -> None:
        """Add predictions to tasks of a project: each names its `task`."""
        with self._translated():
            request: Any = list(guesses)
            self._sdk.projects.import_predictions(id=project, request=request)

    def delete_guess(self, guess: int) -> None:
        """Delete a prediction, if it is there."""
        with self._translated(HTTPStatus.NOT_FOUND):
            self._sdk.predictions.delete(id=guess)

    def delete_task(self, task: int) -> None:
        """Delete a task with its predictions and annotations, if it is there."""
        with self._translated(HTTPStatus.NOT_FOUND):
            self._sdk.tasks.delete(id=str(task))

    @cached_property
    def prefix(self) -> str:
        """Return the path under which the server's page looks for all that it shows, such as "/ls"; "" at the root."""
        with self._translated(), self._connection() as stranger:
            sent_to = urlsplit(urljoin(self.url, stranger.get(self.url).headers.get("location", ""))).path
        own = sent_to.removesuffix(_LOGIN) if sent_to.endswith(_LOGIN) else urlsplit(self.url).path
        return own.rstrip("/")

    def delete_unanswered(self, project: int, only: Sequence[int]) -> None:
        """Delete those of these tasks that nobody annotated, or put off, until the server does it."""
        if only:  # to select none is to select all there
            none = [compare(name, "Number", 0, "equal") for name in ("total_annotations", "cancelled_annotations")]
            body = {"filters": {"conjunction": "and", "items": none}, **selection(only)}
            self.call("POST", "api/dm/actions", params={"id": "delete_tasks", "project": project}, json=body)

    def signs_up_strangers(self) -> bool:
        """Whether whoever finds the server can make themselves a user; nobody is made by asking."""
        with self._translated(), self._connection() as stranger:
            stranger.base_url = httpx.URL(self.url)
            stranger.get("user/signup/")
            empty = {"csrfmiddlewaretoken": stranger.cookies.get("csrftoken", ""), "email": "", "password": ""}
            answer = stranger.post("user/signup/", data=empty, headers={"Referer": self.url})
            return answer.status_code == HTTPStatus.OK  # the form again, with what it lacks

    def clock(self) -> datetime | None:
        """Return what time it is there, to the second; None where the server does not say."""
        with self._translated():
            self._http.get(self.url + "health")
        return self.last_answer_at

    @property
    def last_answer_at(self) -> datetime | None:
        """What time it was there, to the second, when it last answered; None where it did not say."""
        with self._translated():
            return parsedate_to_datetime(self._date).replace(tzinfo=UTC) if self._date else None

    def _note_time(self, answer: httpx.Response) -> None:
        self._date = next(iter(answer.headers.get_list("date")), "")  # a proxy may add its own

    def _pages(self, project: int, filters: list[dict[str, Any]], fields: str, size: int) -> list[dict[str, Any]]:
        """Return all tasks that the filters let through, by their number."""
        tasks: list[dict[str, Any]] = []
        while True:
            items = [*filters, compare("id", "Number", tasks[-1]["id"] if tasks else 0)]
            query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
            answer = self._ask(project, query, fields, size)
            with self._translated():
                tasks += answer["tasks"]
                if len(answer["tasks"]) in (0, answer["total"]):  # a page may be shorter than it was asked to be
                    return tasks

    def _page(self, project: int, query: Mapping[str, Any], fields: str, size: int) -> list[dict[str, Any]]:
        answer = self._ask(project, query, fields, size)
        with self._translated():
            return list(answer["tasks"])

    def _ask(self, project: int, query: Mapping[str, Any], fields: str, size: int) -> dict[str, Any]:
        params = {"project": project, "fields": "all", "include": fields, "resolve_uri": "false", "page_size": size}
        return dict(self.call("GET", "api/tasks", params={**params, "query": json.dumps(query)}))

    def _connection(self) -> httpx.Client:
        # A redirected POST would become a GET, and what was meant to be made would be something that is there.
        own_machine = environment.is_loopback(urlsplit(self.url).hostname or "")
        try:
            return httpx.Client(
                timeout=TIMEOUT,
                follow_redirects=False,
                trust_env=not own_machine,
                verify=_certificates(not own_machine),
                event_hooks={"response": [self._note_time]},
            )
        except (httpx.InvalidURL, ImportError, ValueError) as error:
            raise LabelStudioError("label_studio_proxy", url=self.url, detail=detail_of(error)) from error

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return what the server answers to a request of its API, read from JSON."""
        # The SDK has no method for uploads, and its list of tasks cannot leave fields out; its own connection can.
        with self._translated():
            answer = self._sdk._client_wrapper.httpx_client.request(path, method=method, **options)
            if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
                raise ApiError(headers=dict(answer.headers), status_code=answer.status_code, body=body_of(answer))
            return answer.json()

    @contextmanager
    def _translated(self, harmless: int | None = None) -> Iterator[None]:
        try:
            yield
        except ApiError as error:
            if error.status_code != harmless or harmless is None:
                raise self._refusal(error) from error
        except ImportError as error:  # a proxy that needs one more package, for a connection that the SDK makes itself
            raise LabelStudioError("label_studio_proxy", url=self.url, detail=detail_of(error)) from error
        except (httpx.LocalProtocolError, UnicodeError):  # its words quote the key
            detail = "it holds characters that no key has"
            raise LabelStudioError("label_studio_key", url=self.url, detail=detail) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise LabelStudioError("label_studio_away", url=self.url, detail=detail_of(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LabelStudioError("label_studio_strange", url=self.url, detail=detail_of(error)) from error

    def _refusal(self, error: ApiError) -> LabelStudioError:
        status = error.status_code or 0
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return LabelStudioError("label_studio_moved", url=self.url, right=self._moved_to(error.headers or {}))
        detail = f"{status} {detail_of(error.body)}".strip()
        if status in _REFUSED:
            return LabelStudioError("label_studio_key", url=self.url, detail=detail)
        if status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT):
            return LabelStudioError("label_studio_away", url=self.url, detail=detail)
        fault = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return LabelStudioError(f"label_studio_{'fault' if fault else 'strange'}", url=self.url, detail=detail)

    def _moved_to(self, headers: Mapping[str, str]) -> str:
        """Return the address of the server to which an answer points: what stands before the path of its interface."""
        there = urljoin(self.url, {name.lower(): value for name, value in headers.items()}.get("location", ""))
        return there.split("/api/")[0].rstrip("/")


@cache
def _certificates(trust_env: bool) -> ssl.SSLContext:
    """Return whom to trust; each round opens a connection, and to read them anew took as long as its requests."""
    return httpx.create_ssl_context(trust_env=trust_env)
