"""What a version that is made of another takes over."""

from dataclasses import replace

from mmdemo.values.history import Change, CompressionRecord
from mmdemo.values.samples import to_json
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


def test_a_record_of_before_maps_were_compared_is_read() -> None:
    same = Change(1, 1)
    record = CompressionRecord("prune", {}, "dev", 1, same, 1.0, same, same, same, (1.0, 1.0, 1.0), same)
    raw = to_json(record)
    assert CompressionRecord.of(raw) == record
    del raw["maps"]
    assert CompressionRecord.of(raw) == replace(record, maps=None)
