"""Which versions learned from a sample, and what a version was trained on."""

import pytest

from annotations.history import lineage
from annotations.review_queue import retention
from annotations.store import samples
from mmdemo.errors import UnknownName
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations.history.conftest import SECOND, Past


def test_a_sample_names_who_learned_from_it_and_who_was_judged_on_it(past: Past) -> None:
    store = past.store()
    past.run(store, "promoted", past.entries())
    learned, judged = (lineage.of_sample(store, past.config, past.ids[number]) for number in (0, 2))
    assert (learned.value, learned.learned, learned.not_kept) == ("left", (SECOND,), ())
    assert [(use.version, use.split, use.verdict) for use in judged.uses] == [(SECOND, "held_out", "promoted")]
    assert judged.learned == ()
    store.close()


def test_a_version_trained_on_from_one_that_learned_it_is_named_too(past: Past) -> None:
    third = "2026-01-03-n001"
    tiny_training.untrained(past.config, past.task, third, 2)
    folder = past.config.versions / past.task.name / third / "version.json"
    folder.write_text(folder.read_text("utf-8").replace('"parent": null', f'"parent": "{SECOND}"'), "utf-8")
    store = past.store()
    past.run(store, "promoted", past.entries())
    assert lineage.of_sample(store, past.config, past.ids[0]).inherited == (third,)
    assert lineage.of_sample(store, past.config, past.ids[2]).inherited == ()
    assert lineage.of_version(store, past.config, past.task.name, third).ancestors == (SECOND, FIRST)
    store.close()


def test_an_earlier_run_that_kept_no_rows_is_named_as_such(past: Past) -> None:
    store = past.store()
    past.run(store, "promoted", [])
    sample = lineage.of_sample(store, past.config, past.ids[0])
    assert (sample.uses, sample.learned, sample.not_kept) == ((), (), (SECOND,))
    version = lineage.of_version(store, past.config, past.task.name, SECOND)
    assert version.snapshot is None and version.data == "d" * 64
    store.close()


def test_a_version_names_its_rows_and_its_parent(past: Past) -> None:
    store = past.store()
    past.run(store, "promoted", past.entries())
    version = lineage.of_version(store, past.config, past.task.name, SECOND)
    assert (version.ancestors, version.verdict) == ((FIRST,), "promoted")
    assert version.snapshot is not None
    assert {entry.sample_id for entry in version.snapshot if entry.split == "train"} == set(past.ids[:2])
    assert lineage.of_version(store, past.config, past.task.name, FIRST).snapshot is None
    store.close()


def test_a_sample_whose_content_is_gone_keeps_its_lineage(past: Past) -> None:
    store = past.store()
    past.run(store, "promoted", past.entries())
    with store.reading() as session:
        [consent] = samples.ids_of_holders(session, past.ids[0], "visitor")
    retention.forget(store, consent)
    sample = lineage.of_sample(store, past.config, past.ids[0])
    assert sample.erased and sample.learned == (SECOND,)
    store.close()


def test_what_is_unknown_is_refused(past: Past) -> None:
    store = past.store()
    with pytest.raises(UnknownName, match="no sample nosuch"):
        lineage.of_sample(store, past.config, "nosuch")
    with pytest.raises(UnknownName, match=SECOND):
        lineage.of_version(store, past.config, past.task.name, "nosuch")
    store.close()
