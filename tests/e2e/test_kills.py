"""The real app, killed under load a few times: nothing that was acknowledged is lost, and nothing is left behind."""

from pathlib import Path

import pytest

from benchmarks import kills

KILLS = 2


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # clients whose server was killed
def test_what_was_acknowledged_outlives_kills_and_nothing_is_left_behind(tmp_path: Path) -> None:
    count = kills.run(KILLS, 1, tmp_path)
    assert count.acknowledged >= KILLS
    clean = kills.KillCount(KILLS, count.acknowledged, *[0] * 6)
    assert count == clean
