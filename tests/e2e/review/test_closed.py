"""What strangers get of the queue, and how a key opens it: the real app, reached as through a proxy on its machine."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from annotations.nightly import lock
from annotations.store import open_store, runs, snapshots
from annotations.store.snapshots import SnapshotEntry
from mmdemo import settings, tasks
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from tests.e2e.review.conftest import WAIT_MS, Annotator, Serve, Waiting, seed, seed_again
from tests.serving import Server

KEY = "sesame, open wide"
CAPTION = "Rain again, and the match was called off"
TURNED = "Queue outside the bakery"
NIGHT_MS = 200_000  # the job imports torch, on a machine that may be busy
PROXIED = {"extra_http_headers": {"X-Forwarded-For": "203.0.113.7"}}


@pytest.fixture(scope="module")
def keyed(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("keyed") / "home"
    seed(home, [Waiting(CAPTION, 0.4), Waiting("First day at the new school", 0.45)])
    with serve(home, MMDEMO_REVIEW_KEY=KEY, MMDEMO_TRUSTED_PROXIES="127.0.0.1") as server:
        yield server


@pytest.fixture
def open_here(app: Server) -> Server:
    return seed_again(app, [Waiting(CAPTION, 0.4)])


def test_beyond_this_machine_without_a_key_it_is_closed_with_a_sentence(
    open_here: Server, annotator: Callable[..., Annotator]
) -> None:
    page = annotator(open_here.url, **PROXIED).page
    assert page.inner_text(".mm-rv-why").startswith("This part is closed")
    assert not page.locator(".mm-rv-unlock").is_visible()
    assert CAPTION not in page.content()
    annotator(open_here.url).sees(CAPTION)  # whoever sits there


def test_a_key_is_typed_once_and_stays_out_of_addresses_and_cookies(
    keyed: Server, annotator: Callable[..., Annotator]
) -> None:
    person = annotator(keyed.url, **PROXIED)
    page = person.page
    assert page.inner_text(".mm-rv-why").startswith("This part is for reviewers")
    assert CAPTION not in page.content()
    expect(page.locator('.mm-tab[data-tab="review"] .mm-count')).to_have_text("2", timeout=WAIT_MS)
    page.fill(".mm-rv-unlock input", "a guess")
    person.press("Enter")
    expect(page.locator(".mm-rv-why")).to_contain_text("That is not the review key", timeout=WAIT_MS)
    page.fill(".mm-rv-unlock input", KEY)
    person.press("Enter")
    person.sees(CAPTION)
    person.open().sees(CAPTION)
    person.press("2")
    person.is_told("You said neutral")
    page.click('.mm-tab[data-tab="status"]')
    assert page.inner_text("[data-do=train]") == "Train now"
    assert "Ann" in page.inner_text(".mm-status .mm-board-cards")
    assert [url for url in person.asked if "sesame" in url] == []
    assert [cookie for cookie in page.context.cookies() if "sesame" in cookie["value"]] == []


def test_who_guesses_is_locked_out_and_others_are_not(keyed: Server, annotator: Callable[..., Annotator]) -> None:
    guesser = annotator(keyed.url, extra_http_headers={"X-Forwarded-For": "203.0.113.99"})
    page, why = guesser.page, guesser.page.locator(".mm-rv-why")
    for number in range(5):
        expect(page.locator(".mm-rv-unlock")).to_be_visible(timeout=WAIT_MS)
        page.fill(".mm-rv-unlock input", f"try {number}")
        guesser.press("Enter")
        expect(why).to_contain_text("That is not the review key", timeout=WAIT_MS)
    page.fill(".mm-rv-unlock input", KEY)
    guesser.press("Enter")
    expect(why).to_contain_text("Too many wrong review keys came from your address.", timeout=WAIT_MS)
    expect(page.locator(".mm-rv-unlock")).to_be_visible(timeout=WAIT_MS)
    other = annotator(keyed.url, **PROXIED)
    other.page.fill(".mm-rv-unlock input", KEY)
    other.press("Enter")
    other.page.wait_for_selector(".mm-rv-choice")
    log = keyed.log.read_text("utf-8")
    assert "Wrong review keys from 203.0.113.99: 5" in log and "try 0" not in log


def test_a_stranger_sees_no_answers_in_the_status(keyed: Server, annotator: Callable[..., Annotator]) -> None:
    page = annotator(keyed.url, **PROXIED).page
    page.click('.mm-tab[data-tab="status"]')
    page.wait_for_selector(".mm-st-counts")
    assert page.locator("[data-do=train], [data-do=export]").count() == 0
    assert "for reviewers" in page.inner_text(".mm-status .mm-board-cards")


def test_answers_are_downloaded_as_files(keyed: Server, annotator: Callable[..., Annotator]) -> None:
    person = annotator(keyed.url)
    person.page.fill(".mm-rv-unlock input", KEY)
    person.press("Enter")
    person.page.wait_for_selector(".mm-rv-choice")
    person.press("1")
    person.is_told("You said negative")
    person.page.click('.mm-tab[data-tab="status"]')
    wanted = [
        ("corrections", "csv", "sentiment-corrections.csv", "\ufeffid,"),
        ("corrections", "jsonl", "sentiment-corrections.jsonl", '{"id": '),
        ("queue", "csv", "sentiment-queue.csv", "\ufeffsample_id,"),
    ]
    for what, form, name, start in wanted:
        with person.page.expect_download() as download:
            person.page.click(f"[data-what={what}][data-form={form}]")
        assert download.value.suggested_filename == name
        assert download.value.path().read_text(encoding="utf-8").startswith(start)


def test_a_training_is_seen_at_work_and_says_how_it_ended(keyed: Server, annotator: Callable[..., Annotator]) -> None:
    person = annotator(keyed.url)
    page = person.page
    page.fill(".mm-rv-unlock input", KEY)
    person.press("Enter")
    page.click('.mm-tab[data-tab="status"]')
    page.click("[data-do=train]")
    expect(page.locator("[data-do=train]")).to_have_text("Training…", timeout=WAIT_MS)
    assert page.is_disabled("[data-do=train]")
    expect(page.locator(".mm-status .mm-verdict")).to_have_text("Waiting for more answers", timeout=NIGHT_MS)
    assert "20 are needed" in page.inner_text(".mm-status .mm-board-cards")
    assert page.is_enabled("[data-do=train]")


def night_by(home: Path) -> str:
    """Have a night behind a home that put a new version into service; return that version."""
    config, task = settings.load({"MMDEMO_HOME": str(home)}), tasks.get("sentiment")
    versions, version = Versions(config), "2026-12-24-n001"
    shipped = versions.champion(task.name)
    folder = versions.folder(task.name, version)
    folder.mkdir(parents=True)
    for file in versions.path(task.name, shipped).iterdir():
        (folder / file.name).symlink_to(file)
    (folder / sidecar.FILE).unlink()
    sidecar.write(
        folder,
        replace(
            sidecar.read(versions.path(task.name, shipped)), version=version, parent=shipped, created_at=sidecar.now()
        ),
    )
    [asked] = seed(home, [Waiting(TURNED, 0.41)])
    with closing(open_store(config)) as store, store.session() as session:
        run = runs.start(session, task.name, shipped, "d" * 64, 1, 1)
        snapshots.keep(session, run, [SnapshotEntry(asked, "negative", snapshots.HELD_OUT, "positive", "negative")])
        figures = {"held_out": 1, "trained_on": 4, "champion_accuracy": 0.0, "challenger_accuracy": 1.0}
        runs.finish(session, run, verdict="promoted", challenger=version, figures=figures)
        session.commit()
    versions.promote(task.name, version)
    return version


def test_versions_through_time_are_looked_at_and_gone_back_to_by_keyboard(
    keyed: Server, annotator: Callable[..., Annotator]
) -> None:
    version = night_by(keyed.home)
    person = annotator(keyed.url, **PROXIED)
    page = person.page
    page.click('.mm-tab[data-tab="models"]')
    served = page.locator(".mm-mo-now")
    expect(served).to_contain_text(version, timeout=WAIT_MS)
    assert page.locator(".mm-models .mm-board-cards [data-do]").count() == 0 and TURNED not in page.content()
    expect(page.get_by_role("img", name="Share of right answers in 1 trainings")).to_be_visible()
    page.click('.mm-tab[data-tab="review"]')
    page.fill(".mm-rv-unlock input", KEY)
    person.press("Enter")
    page.wait_for_selector(".mm-rv-choice")
    page.locator('.mm-tab[data-tab="review"]').focus()
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("?tab=models")
    look = page.get_by_role("button", name="Look at what turned (1)")
    look.focus()
    page.keyboard.press("Enter")
    expect(served.locator(".mm-alike")).to_contain_text(TURNED, timeout=WAIT_MS)
    assert "positive → negative" in served.inner_text() and served.locator(".mm-alike img").count() == 1
    with lock.night(settings.load({"MMDEMO_HOME": str(keyed.home)})):  # else a process would score what waits
        back = page.get_by_role("button", name="Roll back to it")
        back.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(back).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".mm-models .mm-board-line")).to_contain_text("serves now", timeout=WAIT_MS)
    assert Versions(settings.load({"MMDEMO_HOME": str(keyed.home)})).champion("sentiment").endswith("base")
    expect(page.locator(".mm-models .mm-board-line")).to_be_focused()
    expect(page.get_by_role("button", name="Serve it again")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
