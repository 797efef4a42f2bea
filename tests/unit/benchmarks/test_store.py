"""A store that is filled in bulk is what its moves would have made, and no question goes through all of its rows."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from annotations.store import standing, tallies
from benchmarks import filled_store
from benchmarks.store import TASK, FilledHome, opened, questions
from mmdemo import tasks
from mmdemo.settings import Settings
from tests.statements import Statement, statements
from tests.unit.annotations.store.test_tallies import tallied

ROWS = 1_500
GROWING = "samples|corrections|moves|holdings|panel_answers|snapshots|sample_aliases|outside"
# Of these indexes all may be read: they hold what nobody answered yet, and what was taken back.
FEW = ("ix_samples_agreed_at_sample_id", "ix_corrections_withdrawn_at_sample_id")
WHOLE = re.compile(rf"SCAN ({GROWING})(_\d+)?\b(?!.*({'|'.join(FEW)}))")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilledHome]:
    settings = Settings(home=tmp_path_factory.mktemp("filled") / "home", retention_days=0)
    filled_store.fill(settings, tasks.get(TASK), ROWS)
    one = opened(settings)
    yield one
    one.close()


def plan(database: Path, statement: Statement) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.words}", statement.values)]


def test_what_was_brought_up_is_counted_as_it_would_be_anew(home: FilledHome) -> None:
    with home.store.session() as session:
        before = tallied(session)
        standing.settle_all(session)
        tallies.recount(session)
        assert tallied(session) == before
        assert sum(number for (_, about, _), number in before.items() if about in ("kept", "forgotten")) == ROWS


def test_no_question_goes_through_all_rows_of_a_table_that_grows(home: FilledHome) -> None:
    whole: list[tuple[str, str, str]] = []
    number = 0
    for question, ask in questions(home).items():
        with statements(home.store) as theirs, statements(home.loop._store) as ours:
            ask()
        sent = [one for one in (*theirs, *ours) if one.words.split()[0] in ("SELECT", "UPDATE", "DELETE", "WITH")]
        number += len(sent)
        for statement in sent:
            for step in plan(Path(home.store.place), statement):
                if WHOLE.search(step):
                    whole.append((question, step, statement.words))
    assert number > 80 and whole == []


def test_that_a_plan_is_looked_at_shows_in_one_that_goes_through_all(home: FilledHome) -> None:
    everything = Statement("SELECT * FROM samples WHERE samples.doubt > 0.5 AND samples.updated_at > ?", ("",))
    assert [step for step in plan(Path(home.store.place), everything) if WHOLE.search(step)]
