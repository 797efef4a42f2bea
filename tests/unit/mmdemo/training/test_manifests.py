"""Manifests are checked before anything is trained, and parted the same way on every machine."""

import json
from pathlib import Path

import pytest

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.samples import Sample
from mmdemo.training import manifests
from mmdemo.training.manifests import Row

TASK = tasks.get("sentiment")


def write(folder: Path, *lines: object) -> Path:
    path = folder / "m.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return path


def test_a_row_holds_what_its_line_says(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    line = {"id": "1", "image": "a.png", "text": "a\u2028b 你好", "label": "neutral", "group": "g", "extra": {"k": 1}}
    path = write(tmp_path, line, "")
    assert manifests.read(path, TASK) == [
        Row("1", Sample(tmp_path / "a.png", "a\u2028b 你好"), "neutral", "g", {"k": 1}, path, line)
    ]


def test_modalities_that_the_task_lacks_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": "1", "text": "a", "audio": "gone.ogg", "label": "neutral"})
    assert manifests.read(path, TASK)[0].sample == Sample(text="a")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "2", ', "line 2: no JSON"),
        ("[1]", "line 2: no JSON object with an id"),
        ({"id": "2", "text": "b", "label": "joyful"}, 'line 2: label "joyful" is none of negative'),
        ({"id": "2", "text": "b"}, "line 2: no label"),
        ({"id": "2", "image": "gone.png", "label": "neutral"}, "line 2: there is no file"),
        ({"id": "2", "text": " ", "label": "neutral"}, "line 2: nothing to judge"),
        ({"id": "1", "text": "b", "label": "neutral"}, 'line 2: id "1" stands in line 1 too'),
        ({"id": "2", "text": 7, "label": "neutral"}, "line 2: text must be a string"),
    ],
)
def test_a_line_at_fault_stops_with_its_number(tmp_path: Path, line: object, said: str) -> None:
    path = write(tmp_path, {"id": "1", "text": "a", "label": "neutral"}, line)
    with pytest.raises(ManifestError) as caught:
        manifests.read(path, TASK)
    assert said in str(caught.value)


def test_many_faults_are_counted_and_the_first_ones_named(tmp_path: Path) -> None:
    path = write(tmp_path, *["no"] * 9)
    with pytest.raises(ManifestError, match=r"9 line\(s\).*line 5: no JSON; 4 more"):
        manifests.read(path, TASK)


def test_missing_and_empty_manifests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        manifests.read(tmp_path / "gone.jsonl", TASK)
    with pytest.raises(ManifestError, match="has no samples"):
        manifests.read(write(tmp_path), TASK)


def row(number: int, **changes: object) -> Row:
    return Row(**{"id": str(number), "sample": Sample(text=f"caption {number}"), "label": "neutral", **changes})


def test_speakers_stay_on_one_side() -> None:
    rows = [row(n, group="g", extra={"speaker": f"s{n % 10}"}) for n in range(100)]
    taught, aside = manifests.hold_out(rows, 0.2)
    assert len(aside) == 20
    assert not {r.extra["speaker"] for r in taught} & {r.extra["speaker"] for r in aside}


def test_a_group_of_few_speakers_loses_none() -> None:
    few = [row(n, group="few", extra={"speaker": f"f{n % 2}"}) for n in range(100)]
    many = [row(n + 100, group="many", extra={"speaker": f"s{n % 10}"}) for n in range(100)]
    assert {r.group for r in manifests.hold_out([*few, *many], 0.2)[1]} == {"many"}


def test_samples_are_set_aside_where_no_speaker_can_be() -> None:
    rows = [row(n, group="few", extra={"speaker": f"f{n % 2}"}) for n in range(100)]
    taught, aside = manifests.hold_out(rows, 0.2)
    assert 5 < len(aside) < 40 and len(taught) + len(aside) == 100


def test_the_same_caption_stays_on_one_side_whatever_the_order() -> None:
    rows = [row(n, sample=Sample(text=f"caption {n // 2}")) for n in range(400)]
    taught, aside = manifests.hold_out(rows, 0.2)
    assert 40 < len(aside) < 120
    assert not {r.sample.text for r in taught} & {r.sample.text for r in aside}
    assert {r.id for r in manifests.hold_out(rows[::-1], 0.2)[1]} == {r.id for r in aside}


def test_a_snapshot_is_named_by_its_content() -> None:
    rows = [row(n) for n in range(5)]
    assert manifests.digest(rows) == manifests.digest(rows[::-1])
    assert manifests.digest(rows) != manifests.digest([*rows[:4], row(4, label="positive")])
