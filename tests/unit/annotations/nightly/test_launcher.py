"""Starting the night: one at a time, seen at work, and its end told even where it wrote no row."""

import sys
import threading
import time
from collections.abc import Callable

import pytest
from filelock import FileLock

from annotations.nightly import lock
from annotations.nightly.launcher import Nights
from mmdemo.errors import Busy, StorageError
from mmdemo.settings import Settings
from mmdemo.values.review import Run
from tests.unit.annotations import sentiment as given
from tests.waiting import wait_until

TICK_S = 0.02


def nights(config: Settings, program: str) -> Nights:
    """Return nights that run `program` instead of a training run; it gets the same words."""
    config.home.mkdir(exist_ok=True)
    return Nights(config, (sys.executable, "-c", program))


def until(look: Callable[[], Run | None], state: str) -> Run:
    return wait_until(lambda: (run := look()) and run.state == state and run)


def test_a_night_gets_its_task_and_the_settings_of_this_process(config: Settings) -> None:
    program = "import os, sys; print(sys.argv[1:], os.environ['MMDEMO_HOME']); sys.exit(1)"
    started = nights(config, program)
    assert "sentiment" in started.start(given.TASK)
    assert until(lambda: started.seen("sentiment", None), "failed").finished_at is None
    said = (config.home / "logs" / "retrain-sentiment.log").read_text()
    assert said.strip() == f"['--task', 'sentiment'] {config.home}"


def test_while_one_is_at_work_no_other_starts(config: Settings) -> None:
    gate = config.home / "gate"
    started = nights(config, f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep({TICK_S})")
    started.start(given.TASK)
    assert started.seen("sentiment", None).state == "running"
    with pytest.raises(Busy, match="already at work"):
        started.start(given.TASK)
    gate.touch()
    for _ in range(2):
        while started.seen("sentiment", None) is not None:
            time.sleep(TICK_S)
        started.start(given.TASK)
    while started.seen("sentiment", None) is not None:
        time.sleep(TICK_S)


def test_the_lock_of_another_process_is_respected_and_seen(config: Settings) -> None:
    started = nights(config, "")
    assert not lock.is_held(config)
    with lock.night(config):
        assert lock.is_held(config)
        with pytest.raises(Busy) as refused:
            started.start(given.TASK)
        assert refused.value.exit_code == 75
    assert not lock.is_held(config)


def test_looking_whether_a_night_is_at_work_keeps_none_from_starting(config: Settings) -> None:
    config.home.mkdir()
    looking = FileLock(lock.path(config), thread_local=False)
    looking.acquire()
    threading.Timer(lock.LOOK_S / 5, looking.release).start()
    with lock.night(config):
        assert lock.is_held(config)


def test_the_lock_falls_when_its_holder_fails(config: Settings) -> None:
    config.home.mkdir()
    with pytest.raises(RuntimeError), lock.night(config):
        raise RuntimeError
    assert not lock.is_held(config)


def test_a_night_that_died_early_is_told_with_its_last_line(config: Settings) -> None:
    started = nights(config, "print('first'); print('the disk is full\\n'); raise SystemExit(1)")
    started.start(given.TASK)
    run = until(lambda: started.seen("sentiment", None), "failed")
    assert run.verdict is None and run.reasons == ("The run failed: the disk is full",)


def test_the_row_that_a_night_wrote_counts_more_than_its_process(config: Settings) -> None:
    started = nights(config, "raise SystemExit(1)")
    started.start(given.TASK)
    written = Run("sentiment", "done", "waiting", (), {}, None, None, "2999-01-01T00:00:00+00:00", None)
    older = Run("sentiment", "done", "waiting", (), {}, None, None, "2000-01-01T00:00:00+00:00", None)
    assert started.seen("sentiment", written) is written
    assert until(lambda: started.seen("sentiment", older), "failed") is not older
    assert started.seen("speech_emotion", older) is older


def test_a_home_that_cannot_be_written_is_refused(config: Settings) -> None:
    started = nights(config, "")
    (config.home / "logs").write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        started.start(given.TASK)


def test_scoring_again_is_a_process_of_its_own_and_no_night(config: Settings) -> None:
    config.home.mkdir(exist_ok=True)
    program = "import sys; print(sys.argv[1:])"
    started = Nights(config, rescoring=(sys.executable, "-c", program))
    started.rescore(given.TASK)
    log = config.home / "logs" / "rescore-sentiment.log"
    assert wait_until(lambda: log.read_text()) == "['--task', 'sentiment']\n"
    assert started.seen("sentiment", None) is None
    started.rescore(given.TASK)
    wait_until(lambda: started.is_scoring() is False)
