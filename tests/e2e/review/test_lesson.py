"""Teach it, now: what one's last answers would make of the model, before and after; kept, or taken back."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.e2e.review.conftest import Annotator, Waiting, seed_again
from tests.serving import Server

TAUGHT, ASIDE = 8, 3
LESSON_MS = 240_000  # a training of seconds, on a machine that may be busy
PLACES = (
    "bakery",
    "harbour",
    "station",
    "library",
    "market",
    "school",
    "garden",
    "bridge",
    "museum",
    "stadium",
    "pier",
)


@pytest.fixture
def answers_wait(app: Server) -> Server:
    """An app in which samples wait, of which some are set aside once they are answered."""
    server = seed_again(app, [Waiting(f"A grey morning at the {place}", 0.4) for place in PLACES])
    with closing(sqlite3.connect(server.home / "mmdemo.sqlite")) as database, database:
        some = "SELECT sample_id FROM samples ORDER BY sample_id LIMIT ?"
        database.execute(f"UPDATE samples SET split_draw = 0 WHERE sample_id IN ({some})", (ASIDE,))
    return server


def standing(server: Server) -> int:
    """Return how many answers were not taken back."""
    with closing(sqlite3.connect(server.home / "mmdemo.sqlite")) as database:
        return database.execute("SELECT count(*) FROM corrections WHERE withdrawn_at IS NULL").fetchone()[0]


def test_last_answers_are_taught_shown_kept_and_taken_back(
    answers_wait: Server, annotator: Callable[..., Annotator]
) -> None:
    person = annotator(answers_wait.url)
    page = person.page
    line, slot = page.locator(".mm-ls-line"), page.locator(".mm-ls-slot")
    page.keyboard.press("t")
    expect(line).to_contain_text("have not given an answer", timeout=LESSON_MS)
    person.press(*["1"] * len(PLACES))
    page.keyboard.press("t")
    expect(slot).to_contain_text(f"was taught {TAUGHT} of your answers", timeout=LESSON_MS)
    expect(slot).to_contain_text(f"{ASIDE} more are set aside")
    row = slot.locator("tr", has_text="Answers that are set aside").first
    before, after = (cell.split(" of ") for cell in row.locator("td").all_inner_texts()[:2])
    assert before[1][0] == after[1][0] == str(ASIDE) and int(after[0]) >= int(before[0])
    page.click("[data-lesson=keep]")
    expect(line).to_contain_text("They stay")
    assert standing(answers_wait) == len(PLACES) and slot.inner_html() == ""

    page.keyboard.press("t")
    expect(slot).to_contain_text("was taught", timeout=LESSON_MS)
    page.click("[data-lesson=ask]")
    page.click("[data-lesson=undo]")
    expect(line).to_contain_text(f"{TAUGHT}", timeout=LESSON_MS)
    assert standing(answers_wait) == ASIDE
    person.sees("A grey morning")  # they are asked about again
