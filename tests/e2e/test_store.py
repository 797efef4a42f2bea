"""Several real processes over one home: they race to make it, and write at once."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from annotations.store import open_store, samples
from mmdemo.settings import ROOT, Settings


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    """Settings of an empty home folder of this test's own."""
    return Settings(home=tmp_path / "home")


def environment(config: Settings) -> dict[str, str]:
    return {"MMDEMO_HOME": str(config.home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


def test_processes_that_open_an_empty_home_together_all_succeed(config: Settings) -> None:
    program = "from annotations.store import open_store; from mmdemo import settings; open_store(settings.load())"
    racers = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment(config), stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [(racer.communicate()[1], racer.returncode) for racer in racers] == [(b"", 0)] * 3


def test_two_processes_write_at_once_and_lose_nothing(config: Settings) -> None:
    program = (
        "import sys\n"
        "from annotations import review_queue\nfrom annotations.store import open_store\nfrom mmdemo import settings\n"
        "from tests.unit.annotations import sentiment\n"
        "store = open_store(settings.load())\n"
        "for number in range(20):\n"
        "    for text in (f'{sys.argv[1]} {number}', f'shared {number}'):\n"
        "        sample = sentiment.inputs(text)\n"
        "        review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))\n"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", program, name], cwd=ROOT, env=environment(config)) for name in "ab"
    ]
    assert [racer.wait() for racer in racers] == [0, 0]
    with closing(open_store(config)) as store, store.reading() as session:
        assert len(samples.waiting(session)) == 60
        assert sum(samples.holders(session, row.sample_id)[0] for row in samples.waiting(session)) == 80
