"""What killed and rejected trainings leave: completed or undone, and removed unless somebody needs it."""

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from annotations.nightly import gate, leftovers, lock, looks
from annotations.schema import RunRow, now
from annotations.store import Store, open_store, pairing, runs
from mmdemo import whole_file
from mmdemo.settings import Settings
from mmdemo.values.review import Reason
from mmdemo.versions import registry, shared_layers, sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar

TASK = "shapes"  # none that is shipped
FIRST = "2026-01-01-n001"


def add(config: Settings, name: str, command: str = "") -> Path:
    about = Sidecar(name, TASK, "classification", ("a", "b"), ("text",), sidecar.now(), command=command)
    folder = Versions(config).folder(TASK, name)
    sidecar.write(folder, about)
    return folder


@pytest.fixture
def served(config: Settings) -> Versions:
    add(config, FIRST)
    Versions(config).promote(TASK, FIRST)
    return Versions(config)


def run(store: Store, challenger: str | None, state: str, verdict: str | None = None) -> int:
    with store.session() as session:
        run_id = runs.start(session, TASK, FIRST, None, 0)
        runs.note(
            session, run_id, challenger=challenger, verdict=verdict, reasons=(Reason("status.night_nothing_new"),)
        )
        if state != runs.RUNNING:
            runs.finish(session, run_id, state)
        session.commit()
    return run_id


def row(store: Store, run_id: int) -> RunRow:
    with store.reading() as session:
        return runs.get(session, run_id)


def names(config: Settings) -> set[str]:
    return {info.version for info in Versions(config).list(TASK)}


def test_a_run_killed_while_it_compared_leaves_no_version(store: Store, config: Settings, served: Versions) -> None:
    add(config, "2026-01-02-n001")
    killed = run(store, "2026-01-02-n001", runs.RUNNING)
    leftovers.tidy(store, config, TASK)
    ended = row(store, killed)
    assert (ended.state, ended.verdict, ended.finished_at is not None) == ("failed", None, True)
    assert "interrupted" in runs.as_run(ended).reasons[0]
    assert names(config) == {FIRST}


def test_a_run_killed_after_it_promoted_has_its_verdict(store: Store, config: Settings, served: Versions) -> None:
    add(config, "2026-01-02-n001")
    killed = run(store, "2026-01-02-n001", runs.RUNNING, gate.PROMOTED)
    served.promote(TASK, "2026-01-02-n001")
    leftovers.tidy(store, config, TASK)
    assert (row(store, killed).state, row(store, killed).verdict) == ("done", "promoted")
    assert served.champion(TASK) == "2026-01-02-n001"


def test_a_run_killed_before_it_promoted_is_undone(store: Store, config: Settings, served: Versions) -> None:
    add(config, "2026-01-02-n001")
    killed = run(store, "2026-01-02-n001", runs.RUNNING, gate.PROMOTED)
    leftovers.tidy(store, config, TASK)
    assert (row(store, killed).state, row(store, killed).verdict) == ("failed", None)
    assert names(config) == {FIRST} and served.champion(TASK) == FIRST


def test_the_look_of_a_run_that_was_undone_was_none(store: Store, config: Settings, served: Versions) -> None:
    add(config, "2026-01-02-n001")
    for state in (runs.RUNNING, runs.DONE):
        run_id = run(store, "2026-01-02-n001", state, gate.PROMOTED)
        with store.session() as session:
            runs.note(session, run_id, figures={looks.SIZE: 40.0, looks.LEVEL: 0.01})
            session.commit()
    leftovers.tidy(store, config, TASK)
    with store.reading() as session:
        [look] = looks.of_runs(runs.compared(session, TASK))
    assert (look.drawn, look.spent) == (40, 0.01)


def test_a_run_killed_after_it_rejected_is_completed(store: Store, config: Settings, served: Versions) -> None:
    add(config, "2026-01-02-n001")
    killed = run(store, "2026-01-02-n001", runs.RUNNING, gate.REJECTED)
    leftovers.tidy(store, config, TASK)
    assert (row(store, killed).state, row(store, killed).verdict) == ("done", "rejected")


def test_while_a_run_is_at_work_nothing_is_touched(store: Store, config: Settings, served: Versions) -> None:
    add(config, "2026-01-02-n001")
    running = run(store, "2026-01-02-n001", runs.RUNNING)
    with lock.night(config):
        leftovers.tidy(store, config, TASK)
    assert row(store, running).state == "running" and "2026-01-02-n001" in names(config)


@pytest.mark.parametrize("verdict", [gate.REJECTED, gate.WAITING])
def test_of_versions_that_were_not_promoted_the_newest_stay(
    store: Store, config: Settings, served: Versions, verdict: str
) -> None:
    versions = [f"2026-01-02-n{number:03}" for number in range(1, 8)]
    for name in versions:
        add(config, name)
        run(store, name, runs.DONE, verdict)
    leftovers.tidy(store, config, TASK)
    assert names(config) == {FIRST, *versions[-5:]}
    leftovers.tidy(store, replace(config, rejected_versions=0), TASK)
    assert names(config) == {FIRST}


def test_what_is_or_was_served_or_is_being_read_stays(store: Store, config: Settings, served: Versions) -> None:
    put_back, read = "2026-01-02-n001", "2026-01-02-n002"
    for name in (put_back, read):
        add(config, name)
        run(store, name, runs.DONE, gate.REJECTED)
    served.promote(TASK, put_back)  # by a person, all the same
    served.promote(TASK, FIRST)  # now it is what a rollback leads to
    with registry.reading(served.path(TASK, read)):
        leftovers.tidy(store, replace(config, rejected_versions=0), TASK)
        assert names(config) == {FIRST, put_back, read}
    leftovers.tidy(store, replace(config, rejected_versions=0), TASK)
    assert names(config) == {FIRST, put_back}
    assert served.rollback(TASK) == put_back


def test_another_homes_store_removes_nothing(store: Store, config: Settings, served: Versions) -> None:
    add(config, "2026-01-02-n001")
    run(store, "2026-01-02-n001", runs.DONE, gate.REJECTED)
    (config.media / pairing.MARKER).write_text("another")
    leftovers.tidy(store, replace(config, rejected_versions=0), TASK)
    assert "2026-01-02-n001" in names(config)


def test_what_a_release_before_left_unjudged_goes_and_what_people_trained_stays(
    store: Store, config: Settings, served: Versions
) -> None:
    with store.session() as session:
        killed = runs.start(session, TASK, FIRST, None, 0)
        session.get_one(RunRow, killed).started_at = now().replace(microsecond=0)
        session.commit()
    add(config, "2026-01-02-n001", command=f"{sidecar.RETRAINED} --task {TASK}")
    add(config, "2026-01-02-n002", command=f"python -m mmdemo train --task {TASK}")
    leftovers.tidy(store, config, TASK)
    assert names(config) == {FIRST, "2026-01-02-n002"}


def layers(config: Settings) -> set[bytes]:
    return {path.read_bytes() for path in Versions(config).shared.iterdir()}


def test_layers_go_with_the_last_version_that_names_them(store: Store, config: Settings, served: Versions) -> None:
    first, rejected = served.folder(TASK, FIRST), add(config, "2026-01-02-n001")
    shared_layers.write({"a": b"of both", "b": b"of one"}, served.shared, rejected)
    shared_layers.write({"a": b"of both"}, served.shared, first)
    run(store, rejected.name, runs.DONE, gate.REJECTED)
    leftovers.tidy(store, config, TASK)
    assert layers(config) == {b"of both", b"of one"}
    leftovers.tidy(store, replace(config, rejected_versions=0), TASK)
    assert layers(config) == {b"of both"} and shared_layers.read(first) == [b"of both"]


def test_layers_of_a_run_that_was_killed_before_its_version_was_whole_go(
    store: Store, config: Settings, served: Versions
) -> None:
    unfinished = served.folder(TASK, ".training-x") / "version"
    unfinished.mkdir(parents=True)
    shared_layers.write({"a": b"kept"}, served.shared, served.folder(TASK, FIRST))
    shared_layers.write({"a": b"kept", "b": b"cut off"}, served.shared, unfinished)
    with lock.night(config):
        leftovers.tidy(store, config, TASK)
        assert layers(config) == {b"kept", b"cut off"}
    leftovers.tidy(store, config, TASK)
    assert layers(config) == {b"kept"} and served.champion(TASK) == FIRST


@pytest.mark.parametrize("folder", ["versions", "tokens"])
def test_files_whose_writer_was_killed_go_once_nobody_can_be_at_work_on_them(
    store: Store, config: Settings, served: Versions, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = getattr(config, folder) / TASK
    place.mkdir(parents=True, exist_ok=True)
    before = set(place.iterdir())
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", lambda *_, **__: None)  # what a process that is killed does no more
        with pytest.raises(KeyboardInterrupt), whole_file.replacing(place / "history"):
            raise KeyboardInterrupt
    [left] = set(place.iterdir()) - before
    leftovers.tidy(store, config, TASK)
    assert left.exists()
    os.utime(left, (0, 0))
    leftovers.tidy(store, config, TASK)
    assert set(place.iterdir()) == before


def test_the_next_opening_of_the_same_home_changes_nothing_more(config: Settings, served: Versions) -> None:
    for _ in range(2):
        with closing(open_store(config)) as store:
            leftovers.tidy(store, config, TASK)
    assert names(config) == {FIRST}
