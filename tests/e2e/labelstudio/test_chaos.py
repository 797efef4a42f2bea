"""Anything may happen on the real server while the sync is killed and cut off: nothing is lost, doubled or wrong."""

from pathlib import Path

import pytest

from benchmarks import labelstudio_chaos
from benchmarks.labelstudio_verdict import ChaosCount
from tests.label_studio_server import LabelStudioServer

OPERATIONS, KILLS = 40, 1


@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_wrong(label_studio: LabelStudioServer, tmp_path: Path) -> None:
    count = labelstudio_chaos.run(OPERATIONS, KILLS, 1, label_studio, tmp_path)
    assert (count.samples, count.annotations) > (labelstudio_chaos.POOL // 2, 0)
    assert count == ChaosCount(OPERATIONS, KILLS, count.samples, count.annotations, *[0] * 5)
