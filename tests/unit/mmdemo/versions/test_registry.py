"""Versions: the pointer is replaced whole, goes back, and a home that cannot be used still serves what is shipped."""

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest

from mmdemo import tasks
from mmdemo.errors import CheckpointError, Conflict, StorageError, UnknownName
from mmdemo.settings import Settings
from mmdemo.training.options import options
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED, Versions
from mmdemo.versions.sidecar import Sidecar

SIDE = Sidecar(
    version="2026-11-23-base",
    task="sentiment",
    kind="classification",
    labels=("negative", "neutral", "positive"),
    modalities=("image", "text"),
    created_at="2026-11-23T00:00:00+00:00",
    temperatures={"image+text": 1.3},
    figures={"accuracy": 0.5},
)


@pytest.fixture
def home(tmp_path: Path) -> Versions:
    shipped = tmp_path / "shipped"
    sidecar.write(shipped / "sentiment", SIDE)
    return Versions(Settings(home=tmp_path / "home"), shipped=shipped)


def add(home: Versions, name: str) -> None:
    sidecar.write(home.folder("sentiment", name), replace(SIDE, version=name, parent=SIDE.version))


def retrained(home: Versions, name: str, parent: str) -> None:
    command = f"{sidecar.RETRAINED} --task sentiment"
    sidecar.write(home.folder("sentiment", name), replace(SIDE, version=name, parent=parent, command=command))
    home.promote("sentiment", name)


def test_retraining_starts_from_what_no_retraining_made(home: Versions) -> None:
    assert home.base("sentiment") == SIDE.version
    retrained(home, "2026-11-24-n001", SIDE.version)
    retrained(home, "2026-11-25-n001", "2026-11-24-n001")
    assert home.base("sentiment") == SIDE.version
    add(home, "2026-11-26-n001")  # by an engineer
    home.promote("sentiment", "2026-11-26-n001")
    retrained(home, "2026-11-27-n001", "2026-11-26-n001")
    assert home.base("sentiment") == "2026-11-26-n001"
    home.rollback("sentiment")
    home.rollback("sentiment")
    assert home.champion("sentiment") == "2026-11-25-n001"
    assert home.base("sentiment") == SIDE.version


def test_who_goes_back_to_a_version_leaves_none_behind_it_to_go_back_to(home: Versions) -> None:
    for name in ("2026-11-24-n001", "2026-11-25-n001", "2026-11-26-n001"):
        add(home, name)
        home.promote("sentiment", name)
    home.go_back("sentiment", "2026-11-24-n001")
    assert home.candidates("sentiment") == ("2026-11-24-n001", SIDE.version)
    home.go_back("sentiment", "2026-11-26-n001")  # it is in no history any more: served anew
    assert home.rollback("sentiment") == "2026-11-24-n001"


def test_a_retired_version_is_none_to_fall_back_to(home: Versions) -> None:
    for name in ("2026-11-24-n001", "2026-11-25-n001"):
        add(home, name)
        home.promote("sentiment", name)
    home.retire("sentiment", ["2026-11-24-n001"])
    assert home.candidates("sentiment") == ("2026-11-25-n001", SIDE.version)


def test_where_an_ancestor_is_gone_retraining_starts_from_what_is_shipped_or_the_eldest_there(
    home: Versions, tmp_path: Path
) -> None:
    retrained(home, "2026-11-25-n001", "2026-11-24-n001")
    assert home.base("sentiment") == SIDE.version
    unshipped = Versions(Settings(home=tmp_path / "home"), shipped=tmp_path / "nothing")
    assert unshipped.base("sentiment") == "2026-11-25-n001"


def test_two_versions_that_name_each_other_have_a_base(home: Versions) -> None:
    retrained(home, "2026-11-24-n001", SIDE.version)
    retrained(home, "2026-11-25-n001", "2026-11-24-n001")
    retrained(home, "2026-11-24-n001", "2026-11-25-n001")
    assert home.base("sentiment") in ("2026-11-24-n001", "2026-11-25-n001")


def test_sidecar_comes_back_as_it_was_written(tmp_path: Path) -> None:
    sidecar.write(tmp_path, SIDE)
    assert sidecar.read(tmp_path) == SIDE


@pytest.mark.parametrize(
    ("command", "measured_on"),
    [("python -m mmdemo train --task sentiment", "dev"), ("python -m annotations retrain --task x", "held_out")],
)
def test_a_sidecar_of_before_says_on_what_and_that_the_number_is_unknown(
    tmp_path: Path, command: str, measured_on: str
) -> None:
    sidecar.write(tmp_path, replace(SIDE, command=command))
    raw = json.loads((tmp_path / sidecar.FILE).read_text("utf-8"))
    old = {name: value for name, value in raw.items() if not name.startswith("measured")}
    (tmp_path / sidecar.FILE).write_text(json.dumps(old), "utf-8")
    about = sidecar.read(tmp_path)
    assert (about.measured_on, about.measured) == (measured_on, 0)


@pytest.mark.parametrize("task", sorted(path.parent.name for path in SHIPPED.glob("*/version.json")))
def test_what_is_shipped_says_on_how_many_samples_it_was_measured(task: str) -> None:
    about, card = sidecar.read(SHIPPED / task), (SHIPPED / task / "model_card.md").read_text("utf-8")
    assert f"## Figures on {about.measured_on}\n\n{about.measured} samples." in card


@pytest.mark.parametrize("name", sorted(path.parent.name for path in SHIPPED.glob("*/version.json")))
def test_what_is_shipped_was_trained_as_its_task_says(name: str) -> None:
    trained = sidecar.read(SHIPPED / name).options
    assert json.loads(json.dumps(asdict(options(tasks.get(name))))) == trained


def test_shipped_version_is_champion_while_no_pointer_exists(home: Versions) -> None:
    assert home.champion("sentiment") == SIDE.version
    assert home.path("sentiment", SIDE.version).parent.name == "shipped"
    assert [info.served for info in home.list("sentiment")] == [True]


def test_promote_and_rollback_go_forth_and_back(home: Versions) -> None:
    add(home, "2026-11-24-n001")
    add(home, "2026-11-25-n001")
    home.promote("sentiment", "2026-11-24-n001")
    home.promote("sentiment", "2026-11-25-n001")
    assert [(i.version, i.served) for i in home.list("sentiment")] == [
        ("2026-11-25-n001", True),
        ("2026-11-24-n001", False),
        ("2026-11-23-base", False),
    ]
    assert home.rollback("sentiment") == "2026-11-24-n001"
    assert home.rollback("sentiment") == "2026-11-23-base"
    assert home.champion("sentiment") == "2026-11-23-base"
    with pytest.raises(Conflict):
        home.rollback("sentiment")


def test_where_all_earlier_versions_are_refused_it_names_them(home: Versions) -> None:
    add(home, "2026-11-24-n001")
    home.promote("sentiment", "2026-11-24-n001")
    with pytest.raises(Conflict, match=f"{SIDE.version} learned what was taken back"):
        home.rollback("sentiment", {SIDE.version, "2026-11-24-n001"})
    assert home.champion("sentiment") == "2026-11-24-n001"


def test_promoting_the_champion_again_changes_nothing(home: Versions) -> None:
    add(home, "2026-11-24-n001")
    home.promote("sentiment", "2026-11-24-n001")
    home.promote("sentiment", "2026-11-24-n001")
    assert home.rollback("sentiment") == SIDE.version


def test_a_stop_between_history_and_pointer_is_harmless(home: Versions) -> None:
    add(home, "2026-11-24-n001")
    add(home, "2026-11-25-n001")
    home.promote("sentiment", "2026-11-24-n001")
    with (home.folder("sentiment", "history")).open("a") as file:
        file.write("2026-11-24-n001\n")  # written, but the pointer never moved
    assert home.champion("sentiment") == "2026-11-24-n001"
    assert home.rollback("sentiment") == SIDE.version


def test_no_half_written_file_is_left(home: Versions) -> None:
    add(home, "2026-11-24-n001")
    home.promote("sentiment", "2026-11-24-n001")
    names = {path.name for path in home.folder("sentiment", "champion").parent.iterdir()}
    assert names == {"2026-11-24-n001", "champion", "champion.copy", "history"}


def test_a_pointer_to_a_version_that_is_gone_serves_the_shipped_one(home: Versions) -> None:
    add(home, "2026-11-24-n001")
    home.promote("sentiment", "2026-11-24-n001")
    (home.folder("sentiment", "2026-11-24-n001") / "version.json").unlink()
    assert home.champion("sentiment") == SIDE.version


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\xfe\x80", b"", b"../../etc/passwd\n", b"no-such-version\n", b"\x1b[31m"]
)
def test_a_damaged_pointer_serves_what_its_copy_names(home: Versions, garbage: bytes) -> None:
    add(home, "2026-11-24-n001")
    home.promote("sentiment", "2026-11-24-n001")
    assert home.pointed("sentiment") == "2026-11-24-n001"
    home.folder("sentiment", "champion").write_bytes(garbage)
    assert home.champion("sentiment") == "2026-11-24-n001"
    assert home.pointed("sentiment") == ""


def test_without_a_copy_the_newest_of_the_earlier_champions_serves_and_none_that_never_did(home: Versions) -> None:
    for name in ("2026-11-24-n001", "2026-11-25-n001", "2026-11-26-n001"):
        add(home, name)
    home.promote("sentiment", "2026-11-24-n001")
    home.promote("sentiment", "2026-11-25-n001")
    for name in ("champion", "champion.copy"):
        home.folder("sentiment", name).write_bytes(b"\xff\xff")
    assert home.candidates("sentiment") == ("2026-11-24-n001", SIDE.version)
    home.folder("sentiment", "history").write_bytes(b"\xff\xff")
    assert home.champion("sentiment") == SIDE.version


def test_a_home_of_before_without_a_copy_serves_its_champion(home: Versions) -> None:
    add(home, "2026-11-24-n001")
    home.promote("sentiment", "2026-11-24-n001")
    home.folder("sentiment", "champion.copy").unlink()
    assert home.champion("sentiment") == "2026-11-24-n001"


def test_what_is_served_or_was_is_never_removed(home: Versions) -> None:
    for name in ("2026-11-24-n001", "2026-11-25-n001", "2026-11-26-n001"):
        add(home, name)
    home.promote("sentiment", "2026-11-24-n001")
    home.promote("sentiment", "2026-11-25-n001")
    assert [home.remove("sentiment", name) for name in ("2026-11-24-n001", "2026-11-25-n001", SIDE.version)] == [
        False
    ] * 3
    assert home.remove("sentiment", "2026-11-26-n001") and not home.remove("sentiment", "2026-11-26-n001")
    assert not home.folder("sentiment", "2026-11-26-n001").exists()


def test_a_home_that_is_a_file_serves_and_refuses_to_promote(home: Versions, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    assert home.champion("sentiment") == SIDE.version
    assert len(home.list("sentiment")) == 1
    with pytest.raises(StorageError, match="cannot be written"):
        sidecar.write(home.folder("sentiment", "2026-11-24-n001"), SIDE)


@pytest.mark.parametrize("name", ["nope", "..", "../sentiment", "champion", "", "a/b"])
def test_unknown_names_are_refused_with_the_known_ones(home: Versions, name: str) -> None:
    with pytest.raises(UnknownName, match="2026-11-23-base"):
        home.promote("sentiment", name)


def test_no_model_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="python -m mmdemo train"):
        Versions(Settings(home=tmp_path), shipped=tmp_path / "none").champion("sentiment")


def test_new_names_sort_after_every_version(home: Versions) -> None:
    day = date(2026, 11, 23)
    first = home.new_name("sentiment", day)
    add(home, first)
    second = home.new_name("sentiment", day)
    add(home, second)
    assert SIDE.version < first < second < home.new_name("sentiment", date(2026, 11, 24))
    assert home.new_name("sentiment", date(2020, 1, 1)) > second  # a clock that was set back


def test_broken_sidecars_are_refused_and_not_listed(home: Versions) -> None:
    folder = home.folder("sentiment", "2026-11-24-n001")
    folder.mkdir(parents=True)
    (folder / "version.json").write_text('{"version": 1')
    with pytest.raises(CheckpointError, match="cannot be read"):
        home.read_sidecar(folder)
    assert [info.version for info in home.list("sentiment")] == [SIDE.version]


def test_a_model_for_other_labels_does_not_fit(tmp_path: Path) -> None:
    task = tasks.get("sentiment")
    sidecar.check(SIDE, task, tmp_path)
    with pytest.raises(CheckpointError, match="labels"):
        sidecar.check(replace(SIDE, labels=("negative", "positive")), task, tmp_path)


def test_the_card_is_that_of_the_version_that_is_served(home: Versions) -> None:
    assert home.serves("sentiment") and not home.serves("speech_emotion")
    with pytest.raises(CheckpointError, match="no model card"):
        home.model_card("sentiment")
    add(home, "2026-11-24-n001")
    (home.folder("sentiment", "2026-11-24-n001") / "model_card.md").write_text("# the new one", "utf-8")
    home.promote("sentiment", "2026-11-24-n001")
    assert home.model_card("sentiment") == "# the new one"
