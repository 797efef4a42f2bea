"""Manifests are checked before anything is trained, and a refusal names their lines."""

import json
from dataclasses import replace
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
        Row("1", Sample(tmp_path / "a.png", "a\u2028b 你好"), "neutral", "g", {"k": 1}, path, raw=line, line=1)
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


def test_faults_can_be_left_out_and_the_first_of_two_stays(tmp_path: Path) -> None:
    lines = [{"id": name, "text": text, "label": "neutral"} for name, text in (("1", "a"), ("2", " "), ("1", "c"))]
    rows, faults = manifests.check(write(tmp_path, *lines), TASK)
    assert [row.sample.text for row in rows] == ["a"]
    assert [line.number for line in faults] == [2, 3]


def test_a_snapshot_is_named_by_its_content() -> None:
    rows = [Row(str(n), Sample(text=f"caption {n}"), "neutral") for n in range(5)]
    assert manifests.digest(rows) == manifests.digest(rows[::-1])
    assert manifests.digest(rows) != manifests.digest([*rows[:4], replace(rows[4], label="positive")])
