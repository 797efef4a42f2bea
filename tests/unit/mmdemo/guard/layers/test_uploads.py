"""Uploads are bounded by parts, files and bytes, for one caller and for all; what breaks off is told to the parser."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from starlette.formparsers import MultiPartException

from mmdemo import locale
from mmdemo.guard.callers import Callers
from mmdemo.guard.layers import uploads
from mmdemo.guard.layers.uploads import FILE_BYTES, Folder, Uploads
from mmdemo.guard.limits import KIB, MIB, RequestLimits
from mmdemo.guard.refusals import Refusal, Refusing
from tests.unit.mmdemo.guard.asking import Echo, ask

LIMITS = RequestLimits(upload_bytes=2 * MIB, upload_folder_bytes=40 * MIB, wait_s=0.2)
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


class Gradio(Echo):
    """As Gradio's parser: notes what made it stop, and answers all the same."""

    stopped: Exception | None = None

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        try:
            await super().__call__(scope, receive, send)
        except MultiPartException as error:
            self.stopped = error
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"its own words"})


@pytest.fixture
def gradio() -> Gradio:
    return Gradio()


@pytest.fixture
def app(gradio: Gradio, tmp_path: Path) -> Refusing:
    return Refusing(Uploads(gradio, Echo(), LIMITS, Callers(), Folder(tmp_path, LIMITS)))


def part(content: bytes, disposition: str = 'form-data; name="files"; filename="a.png"') -> bytes:
    return f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


def upload(app: Refusing, *parts: bytes, headers: dict[str, str] | None = None, **options):  # type: ignore[no-untyped-def]
    return ask(app, [*parts, b"--b--\r\n"], path=uploads.ROUTE, headers={**FORM, **(headers or {})}, **options)


def test_a_file_goes_on_as_it_came_and_without_an_id_to_remember(app: Refusing, gradio: Gradio) -> None:
    assert upload(app, part(b"x" * 1000))[0] == 200
    assert gradio.body == part(b"x" * 1000) + b"--b--\r\n" and gradio.stopped is None
    assert gradio.scope["query_string"] == b""


def test_a_file_that_is_too_large_is_refused_while_it_comes(app: Refusing, gradio: Gradio) -> None:
    status, body = upload(app, part(b"x" * (3 * MIB)), part(b""))
    assert (status, body["detail"]) == (413, locale.text("guard.file_too_large", limit=2))
    assert isinstance(gradio.stopped, MultiPartException)


def test_a_length_that_no_files_have_is_refused_unread(app: Refusing, gradio: Gradio) -> None:
    assert upload(app, headers={"Content-Length": "500000000"})[0] == 413
    assert gradio.scope == {}


@pytest.mark.parametrize("name", ['form-data; name="files"', 'form-data; name="filename"', "form-data; name=filename"])
def test_a_field_is_not_held_in_memory_as_if_it_were_a_file(app: Refusing, name: str) -> None:
    status, body = upload(app, part(b"x" * 65 * KIB, name))
    assert (status, body["detail"]) == (413, locale.text("guard.body_too_large", limit=64))


def test_a_name_without_end_is_refused(app: Refusing) -> None:
    assert upload(app, part(b"", f'form-data; name="{"n" * 40_000}"'))[0] == 400


def test_a_thousand_files_are_too_many(app: Refusing, gradio: Gradio) -> None:
    status, body = upload(app, *(part(b"x") for _ in range(1000)))
    assert (status, body["detail"]) == (400, locale.text("guard.too_many_files", limit=4))
    assert isinstance(gradio.stopped, MultiPartException)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/form-data; boundary=", ""])
def test_what_is_no_form_is_refused(app: Refusing, kind: str) -> None:
    assert upload(app, headers={"Content-Type": kind})[0] == 400


def test_what_is_no_part_is_refused(app: Refusing, gradio: Gradio) -> None:
    assert upload(app, b"nonsense")[0] == 400
    assert isinstance(gradio.stopped, MultiPartException)


def test_a_connection_that_breaks_makes_the_parser_remove_what_it_wrote(app: Refusing, gradio: Gradio) -> None:
    gone = {"type": "http.disconnect", "early": True}
    assert ask(app, [part(b"x" * 1000)], path=uploads.ROUTE, headers=FORM, then=gone) == (0, {})
    assert isinstance(gradio.stopped, MultiPartException)


def test_a_connection_that_stops_is_given_up_and_removed_likewise(app: Refusing, gradio: Gradio) -> None:
    assert ask(app, [part(b"x" * 1000)], path=uploads.ROUTE, headers=FORM, then=None)[0] == 408
    assert isinstance(gradio.stopped, MultiPartException)


def test_one_caller_fills_a_quarter_and_no_more_and_others_go_on(tmp_path: Path) -> None:
    folder = Folder(tmp_path, LIMITS)
    for _ in range(10):
        folder.admit("a", MIB)
    with pytest.raises(Refusal, match="uploads_share_used"):
        folder.admit("a", 1)
    folder.admit("b", 10 * MIB)


def test_what_became_a_file_counts_once_and_for_as_long_as_it_lies_there(tmp_path: Path) -> None:
    folder, path = Folder(tmp_path, LIMITS), tmp_path / "hash" / "a.png"
    path.parent.mkdir()
    path.write_bytes(b"x")

    async def looked_after() -> None:
        for _ in range(20):  # the same file again and again, which Gradio calls by its content
            folder.settle([folder.admit("a", 3 * MIB), folder.admit("a", MIB)], [path])
        folder.admit("a", 6 * MIB)  # broken off
        with pytest.raises(Refusal, match="uploads_share_used"):
            folder.admit("a", 1)
        path.unlink()
        task = asyncio.create_task(folder.look_after())
        while folder._files:
            await asyncio.sleep(0.01)
        task.cancel()
        folder.admit("a", 4 * MIB)
        with pytest.raises(Refusal, match="uploads_share_used"):
            folder.admit("a", 1)

    asyncio.run(looked_after())


def test_an_upload_is_settled_by_the_paths_that_it_is_answered_with(tmp_path: Path) -> None:
    folder, packed = Folder(tmp_path, LIMITS), {"Accept-Encoding": "br"}

    async def gradio(scope, receive, send):  # type: ignore[no-untyped-def]
        assert b"accept-encoding" not in dict(scope["headers"])
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'["/uploads/hash/a.png"]'})

    app = Refusing(Uploads(gradio, Echo(), LIMITS, Callers(), folder))
    for _ in range(100):  # ten times what one caller may have lying there
        assert upload(app, part(b"x" * MIB), headers=packed)[0] == 200
    assert folder._files == {"127.0.0.1": {Path("/uploads/hash/a.png"): MIB}} and not folder._sent
    assert folder._size <= LIMITS.upload_folder_bytes


def test_all_together_fill_the_folder_and_no_more(tmp_path: Path) -> None:
    folder = Folder(tmp_path, LIMITS)
    for caller in "abcd":
        folder.admit(caller, 10 * MIB)
    with pytest.raises(Refusal, match="uploads_full"):
        folder.admit("e", 1)


def test_what_was_answered_makes_room(tmp_path: Path) -> None:
    folder = Folder(tmp_path, LIMITS)
    (tmp_path / "hash").mkdir()
    (tmp_path / "hash" / "a.png").write_bytes(b"x" * (FILE_BYTES + 1))
    (tmp_path / "hash" / "b.png").write_bytes(b"x")
    assert folder.sweep() == 2 * FILE_BYTES + 1

    async def looked_after() -> None:
        for caller in "abcd":
            folder.admit(caller, 10 * MIB)
        task = asyncio.create_task(folder.look_after())
        while folder._size == 40 * MIB:
            await asyncio.sleep(0.01)
        task.cancel()
        folder.admit("e", MIB)

    asyncio.run(looked_after())


def test_unfinished_files_are_swept_and_finished_ones_and_fresh_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "hash").mkdir()
    old, fresh, finished = tmp_path / "tmpa", tmp_path / "tmpb", tmp_path / "hash" / "a.png"
    for path in (old, fresh, finished):
        path.write_bytes(b"x")
    for path in (old, finished):
        before = time.time() - uploads.UNFINISHED_S - 1
        os.utime(path, (before, before))
    Folder(tmp_path, LIMITS).sweep()
    assert (old.exists(), fresh.exists(), finished.exists()) == (False, True, True)


def test_what_breaks_off_is_swept_within_a_minute() -> None:
    assert uploads.UNFINISHED_S + uploads.LOOK_S < 60
    assert RequestLimits(upload_bytes=1).wait_s < uploads.UNFINISHED_S  # what is still written to stays
