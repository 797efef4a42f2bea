"""What a version that is made of another takes over."""

from dataclasses import replace

from mmdemo.values.history import Change, CompressionRecord
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED


def test_a_successor_takes_over_nothing_that_was_measured_of_other_weights() -> None:
    same = Change(1, 1)
    record = CompressionRecord("prune", {}, "dev", 1, same, 1.0, same, same, same, (1.0, 1.0, 1.0))
    before = replace(sidecar.read(SHIPPED / "sentiment"), compression=record)
    assert before.promise and before.runtimes
    after = before.successor("v2", "make it")
    assert (after.version, after.parent, after.command) == ("v2", before.version, "make it")
    assert (after.promise, after.runtimes, after.compression) == (None, {}, None)
    assert after.temperatures == before.temperatures
