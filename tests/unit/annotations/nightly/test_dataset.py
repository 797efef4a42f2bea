"""A snapshot is the same whatever the order; its split is fixed by content, and stays."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from annotations import media
from annotations.acquisition.strata import held_out_draw, is_held_out
from annotations.nightly import dataset
from annotations.store.labels import LabelledContent
from mmdemo.decode import encode_image
from mmdemo.values.review import Correction
from tests.unit.annotations.sentiment import TASK, picture

NOWHERE = Path("/nowhere")
IDS = [f"{number:064x}" for number in range(2000)]
HELD_OUT = [1, 5, 6, 8, 9, 11, 14, 15]  # of the first twenty, at a share of 0.3


def labelled(number: int, label: str = "positive", correction_id: int | None = None, **content: str) -> LabelledContent:
    correction = Correction(IDS[number], TASK.name, label, "ann", "", "2026-11-23T10:00:00+00:00", "neutral", "v1")
    fields = {
        "text": f"caption {number}",
        "image": None,
        "audio": None,
        "split_draw": held_out_draw(IDS[number]),
        **content,
    }
    return LabelledContent(number if correction_id is None else correction_id, correction, **fields)


def stored(folder: Path) -> str:
    """Store a picture under `folder` and return its name there."""
    copy = media.copy_of(encode_image(picture(1)))
    with media.keeping(folder, [copy]):
        return copy.name


def test_the_share_that_is_held_out_is_about_right() -> None:
    held_out = sum(is_held_out(held_out_draw(sample_id), 0.3) for sample_id in IDS)
    assert 0.27 * len(IDS) < held_out < 0.33 * len(IDS)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (1.0, len(IDS))])
def test_none_or_all_can_be_held_out(share: float, expected: int) -> None:
    assert sum(is_held_out(held_out_draw(sample_id), share) for sample_id in IDS) == expected


def test_a_larger_share_only_adds() -> None:
    fewer, more = (
        {sample_id for sample_id in IDS if is_held_out(held_out_draw(sample_id), share)} for share in (0.2, 0.4)
    )
    assert fewer < more


def test_what_is_held_out_never_changes() -> None:
    """The very ids: a change would let samples that were trained on judge the next challenger."""
    assert [number for number in range(20) if is_held_out(held_out_draw(IDS[number]), 0.3)] == HELD_OUT


def test_the_order_of_samples_makes_no_difference() -> None:
    items = [labelled(number) for number in range(5)]
    first, second = (dataset.freeze(TASK, order, NOWHERE) for order in (items, items[::-1]))
    assert first == second
    assert [row.id for row in first.rows] == sorted(row.id for row in first.rows)


def test_the_last_correction_of_a_sample_counts() -> None:
    snapshot = dataset.freeze(TASK, [labelled(1, "negative"), labelled(2), labelled(1, "neutral", 7)], NOWHERE)
    assert {row.id: row.label for row in snapshot.rows} == {IDS[1]: "neutral", IDS[2]: "positive"}
    assert snapshot.last_correction == 7


def test_another_label_is_another_snapshot() -> None:
    items = [labelled(number) for number in range(5)]
    changed = [*items[:4], labelled(4, "negative")]
    assert dataset.freeze(TASK, items, NOWHERE).digest != dataset.freeze(TASK, changed, NOWHERE).digest
    assert dataset.freeze(TASK, items, NOWHERE).digest != dataset.freeze(TASK, items[:4], NOWHERE).digest


def test_forgotten_content_is_left_out(tmp_path: Path) -> None:
    items = [labelled(1, text=None), labelled(2, image="gone.webp"), labelled(3, image=stored(tmp_path)), labelled(4)]
    assert [row.id for row in dataset.freeze(TASK, items, tmp_path).rows] == [IDS[3], IDS[4]]


def test_a_label_that_the_task_gave_up_is_left_out_with_its_sample() -> None:
    items = [labelled(1), labelled(1, "ambivalent", 2), labelled(2)]
    assert [row.id for row in dataset.freeze(TASK, items, NOWHERE).rows] == [IDS[2]]


def test_the_parts_share_nothing_and_leave_nothing_out() -> None:
    snapshot = dataset.freeze(TASK, [labelled(number) for number in range(200)], NOWHERE)
    parts = dataset.split(snapshot, 0.3)
    train, held_out = ({row.id for row in part} for part in (parts.train, parts.held_out))
    assert not train & held_out
    assert train | held_out == set(IDS[:200])
    assert all(is_held_out(held_out_draw(sample_id), 0.3) for sample_id in held_out)


def test_a_row_carries_what_was_given(tmp_path: Path) -> None:
    name = stored(tmp_path)
    row = dataset.freeze(TASK, [labelled(1, image=name)], tmp_path).rows[0]
    assert (row.sample.text, row.sample.image, row.sample.audio) == ("caption 1", tmp_path / name, None)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: b"no picture",
        lambda data: data[:200] + bytes(50) + data[250:],
        lambda data: encode_image(picture(2)),
    ],
)
def test_a_damaged_file_is_left_out_by_name_and_the_others_stay(tmp_path: Path, damage: Callable) -> None:
    name = stored(tmp_path)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    snapshot = dataset.freeze(TASK, [labelled(1, image=name), labelled(2)], tmp_path)
    assert [row.id for row in snapshot.rows] == [IDS[2]]
    assert [(one.sample_id, one.file, one.why) for one in snapshot.left_out] == [(IDS[1], name, None)]
    assert snapshot.digest == dataset.freeze(TASK, [labelled(2)], tmp_path).digest


def test_what_the_task_takes_no_longer_is_left_out_with_the_sentence_that_says_why(tmp_path: Path) -> None:
    narrow = dataclasses.replace(TASK, limits=dataclasses.replace(TASK.limits, text_chars=20))
    [left_out] = dataset.freeze(narrow, [labelled(1, text="long " * 5), labelled(2)], tmp_path).left_out
    assert left_out.sample_id == IDS[1] and "25" in str(left_out.why)


def test_a_file_is_mended_when_its_sample_comes_again(tmp_path: Path) -> None:
    name = stored(tmp_path)
    (tmp_path / name).write_bytes(b"half")
    assert stored(tmp_path) == name
    assert media.is_whole(tmp_path, name)


def test_none_of_these_is_learned_from_where_the_task_has_it() -> None:
    items = [labelled(1), labelled(2, "none_of_these")]
    assert [row.id for row in dataset.freeze(TASK, items, NOWHERE).rows] == [IDS[1]]
    refusing = dataclasses.replace(TASK, none_of_these=True)
    assert {row.id: row.label for row in dataset.freeze(refusing, items, NOWHERE).rows} == {
        IDS[1]: "positive",
        IDS[2]: "none_of_these",
    }
