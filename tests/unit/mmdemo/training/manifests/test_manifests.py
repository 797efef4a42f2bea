"""Manifests are checked before anything is trained, and a refusal names their lines."""

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.training import manifests
from mmdemo.training.manifests import Row, splits
from mmdemo.values.samples import Sample

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
        ("[1]", "line 2: no JSON object"),
        ({"id": "2", "text": "b", "label": "joyful"}, 'line 2: label "joyful" is none of negative'),
        ({"id": "2", "text": "b"}, "line 2: no label"),
        ({"id": "2", "image": "gone.png", "label": "neutral"}, "line 2: there is no file"),
        ({"id": "2", "text": " ", "label": "neutral"}, "line 2: nothing to judge"),
        ({"id": "1", "text": "b", "label": "neutral"}, 'line 2: id "1" stands in line 1 too'),
        ({"id": "2", "text": 7, "label": "neutral"}, "line 2: text must be a string"),
        ({"id": "2", "text": 0, "label": "neutral"}, "line 2: text must be a string"),
        ({"id": None, "text": "b", "label": "neutral"}, "line 2: no id"),
        ({"id": "2", "text": "b", "label": 0}, 'line 2: label "0" is none of negative'),
        ({"id": "2", "text": "b", "label": False}, 'line 2: label "false" is none of negative'),
        ({"id": "2", "text": "b", "label": ["neutral"]}, "line 2: label must be a word or a number"),
        ({"id": "2", "text": "b", "label": "  "}, "line 2: no label"),
        ({"id": "2", "text": "b", "label": float("nan")}, "line 2: no label"),
        ({"id": "2", "text": "b", "label": "neut\u200dral"}, r'"neut\u200dral" is none of negative'),
        ({"id": "2", "text": "b", "label": "neut\u200dral"}, "(it holds U+200D ZERO WIDTH JOINER)"),
        ({"id": "2", "image": "a\u200bb.png", "label": "neutral"}, r"a\u200bb.png (it holds U+200B ZERO WIDTH SPACE)"),
        ({"id": "2", "image": r"C:\a.png", "label": "neutral"}, r"\a.png (it holds U+005C REVERSE SOLIDUS)"),
        (r'{"id": "2", "image": "a\ud800.png", "label": "neutral"}', "there is no file"),
        ("[" * 100_000, "line 2: "),
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
    manifest = manifests.check(write(tmp_path, *lines), TASK)
    rows, faults = manifest.rows, manifest.faults
    assert [row.sample.text for row in rows] == ["a"]
    assert [line.number for line in faults] == [2, 3]


def test_a_snapshot_is_named_by_its_content() -> None:
    rows = [Row(str(n), Sample(text=f"caption {n}"), "neutral") for n in range(5)]
    assert manifests.digest(rows) == manifests.digest(rows[::-1])
    assert manifests.digest(rows) != manifests.digest([*rows[:4], replace(rows[4], label="positive")])


def digits(*names: str) -> tasks.Task:
    return replace(TASK, labels=tuple(replace(TASK.labels[0], name=name) for name in names))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        *((0, "0"), (0.0, "0"), (3, "3"), (3.0, "3"), (1.5, "1.5"), (True, "true"), (False, "false"), (" 3\t", "3")),
        *(("\ufeff3\u00a0", "3"), ("cafe\u0301", "café"), ("café", "cafe\u0301"), ("hot\u00a0 dog", "hot dog")),
    ],
)
def test_a_label_is_read_however_a_table_wrote_it(tmp_path: Path, label: object, name: str) -> None:
    [row] = manifests.read(write(tmp_path, {"id": 1.0, "text": "a", "label": label}), digits(name, "other"))
    assert (row.id, row.label) == ("1", name)


def test_further_answers_are_read_as_labels_are(tmp_path: Path) -> None:
    head = tasks.AuxiliaryHead(name="mood", title=TASK.title, labels=digits("0", "1").labels)
    lines = [
        {"id": n, "text": "a", "label": "neutral", "extra": {"mood": mood}} for n, mood in enumerate((0, " 1", ""))
    ]
    rows = manifests.read(write(tmp_path, *lines), replace(TASK, heads=(head,)))
    assert [row.extra["mood"] for row in rows] == ["0", "1", None]


@pytest.mark.parametrize("there", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_a_path_is_followed_in_the_normal_form_of_the_disk(tmp_path: Path, there: str, asked: str) -> None:
    file = tmp_path / unicodedata.normalize(there, "Bücher") / unicodedata.normalize("NFD", "é.png")
    file.parent.mkdir()
    file.touch()
    line = {"id": "1", "image": unicodedata.normalize(asked, "Bücher/é.png"), "label": "neutral"}
    assert manifests.read(write(tmp_path, line), TASK)[0].sample.image == file


@pytest.mark.parametrize(
    "path", ["clips\\a.png", " clips/a.png ", "clips/a.png\u00a0", ".\\clips\\a.png", "clips/a.png\n"]
)
def test_a_path_is_followed_with_the_separators_and_blanks_of_others(tmp_path: Path, path: str) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.png").touch()
    [row] = manifests.read(write(tmp_path, {"id": "1", "image": path, "label": "neutral"}), TASK)
    assert row.sample.image == tmp_path / "clips" / "a.png"
    after = tmp_path / "out"
    assert (after / splits.moved(row.raw, tmp_path, after)["image"]).resolve() == row.sample.image


def test_a_file_whose_name_has_a_backslash_or_a_blank_is_meant_as_it_stands(tmp_path: Path) -> None:
    for name in ("a\\b.png", " b.png"):
        (tmp_path / name).touch()
        [row] = manifests.read(write(tmp_path, {"id": "1", "image": name, "label": "neutral"}), TASK)
        assert row.sample.image == tmp_path / name


def test_captions_that_look_alike_stand_on_one_side() -> None:
    alike = [
        unicodedata.normalize(form, f"caf\u00e9 {n}") + end
        for n in range(40)
        for form, end in (("NFC", ""), ("NFD", "\n"))
    ]
    rows = [Row(str(n), Sample(text=text), "neutral") for n, text in enumerate(alike)]
    sides = splits.part(rows, 0.5)
    captions = [{unicodedata.normalize("NFC", row.sample.text.strip()) for row in side} for side in sides]
    assert all(captions) and not captions[0] & captions[1]
